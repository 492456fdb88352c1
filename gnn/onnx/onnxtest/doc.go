// Package onnxtest checks exported ONNX models in tests. It reads them by the official schema and
// interprets them in float64, independently of what wrote them, and writes cases for onnxruntime
// (bench/peers/onnx_check.py).
package onnxtest

import (
	"encoding/json"
	"flag"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"testing"
)

var folder = flag.String("onnx", "", "write models, inputs and outputs here, for bench/peers/onnx_check.py")

// MarshalJSON writes infinities as strings.
func (v Tensor) MarshalJSON() ([]byte, error) {
	data := make([]any, len(v.Data))
	for i, x := range v.Data {
		if data[i] = x; math.IsInf(x, 0) {
			data[i] = strconv.FormatFloat(x, 'g', -1, 64)
		}
	}
	return json.Marshal(map[string]any{"shape": v.Shape, "data": data})
}

// Write stores a model with the outputs that it must have for the inputs, if the test has the flag
// -onnx DIR.
func Write(t testing.TB, name string, model []byte, inputs, outputs map[string]Tensor) {
	t.Helper()
	if *folder == "" {
		return
	}
	text, err := json.Marshal(map[string]any{"inputs": inputs, "outputs": outputs})
	if err != nil {
		t.Fatal(err)
	}
	for file, content := range map[string][]byte{name + ".onnx": model, name + ".json": text} {
		if err := os.WriteFile(filepath.Join(*folder, file), content, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}
