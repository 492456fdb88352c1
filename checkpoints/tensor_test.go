package checkpoints

import (
	"bytes"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// The file is written by safetensors 0.8 from NumPy arrays of every type that NumPy has.
func TestReadSafetensorsOfNumPy(t *testing.T) {
	tensors, err := ReadSafetensors("testdata/numpy.safetensors")
	if err != nil {
		t.Fatal(err)
	}
	floats := map[string][]float64{
		"f16":   {0, 1, -2, 65504, math.Ldexp(1, -24), math.Inf(1)},
		"f32":   {1.5},
		"f64":   {0.1},
		"empty": {},
	}
	ints := map[string][]int64{
		"u8": {1, 255}, "i8": {-128, 127}, "u16": {65535}, "i16": {-32768}, "u32": {1<<32 - 1}, "i32": {-1, 2}, "i64": {math.MinInt64},
	}
	for name, want := range floats {
		if got, err := tensors[name].Float64(); err != nil || !slices.Equal(got, want) {
			t.Errorf("%s: %v, error %v, want %v", name, got, err, want)
		}
		if _, err := tensors[name].Int64(); err == nil {
			t.Errorf("%s gives whole numbers", name)
		}
	}
	for name, want := range ints {
		if got, err := tensors[name].Int64(); err != nil || !slices.Equal(got, want) {
			t.Errorf("%s: %v, error %v, want %v", name, got, err, want)
		}
		if _, err := tensors[name].Float32(); err == nil {
			t.Errorf("%s gives floating-point numbers", name)
		}
	}
	if got, err := tensors["b"].Bool(); err != nil || !slices.Equal(got, []bool{true, false}) {
		t.Errorf("b: %v, error %v", got, err)
	}
	if _, err := tensors["u64"].Int64(); err == nil || !strings.Contains(err.Error(), "18446744073709551615") {
		t.Errorf("u64: %v", err)
	}
	if _, err := tensors["f64"].Float32(); err == nil {
		t.Error("f64 gives float32")
	}
	if s := tensors["f16"].String(); s != "F16 [2 x 3]" || tensors["f16"].Len() != 6 || len(tensors["f32"].Shape()) != 0 {
		t.Errorf("%s", s)
	}
	if d := cmp.Diff([]int{0, 3}, tensors["empty"].Shape()); d != "" {
		t.Error(d)
	}
	var none Tensor
	if _, err := none.Float32(); err == nil || none.Len() != 0 {
		t.Error("a tensor that is not there has elements")
	}
}

// Every half and every bfloat16 has the value that its bits encode.
func TestHalves(t *testing.T) {
	for bits := range 1 << 16 {
		sign, e, f := 1.0, bits>>10&0x1f, float64(bits&0x3ff)/1024
		if bits>>15 == 1 {
			sign = -1
		}
		want := sign * math.Pow(2, float64(e-15)) * (1 + f)
		switch {
		case e == 0:
			want = sign * math.Pow(2, -14) * f
		case e == 31 && f == 0:
			want = math.Inf(int(sign))
		case e == 31:
			want = math.NaN()
		}
		got := halfToFloat(uint16(bits))
		if math.Float64bits(got) != math.Float64bits(want) && !(got != got && want != want) {
			t.Fatalf("%#04x is %v, want %v", bits, got, want)
		}
	}
	file := safetensorsFile(`{"x":{"dtype":"BF16","shape":[3],"data_offsets":[0,6]},"y":{"dtype":"BOOL","shape":[1],"data_offsets":[6,7]}}`, "\x80\x3f\x00\xc0\x80\x7f\x02")
	tensors, err := ParseSafetensors(file)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := tensors["x"].Float32(); err != nil || !slices.Equal(got, []float32{1, -2, float32(math.Inf(1))}) {
		t.Errorf("%v, error %v", got, err)
	}
	if _, err := tensors["y"].Bool(); err == nil {
		t.Error("a boolean of 2")
	}
}

// Tensors of other types may be in the same file as those of a checkpoint.
func TestForeignTensorsBesideOurs(t *testing.T) {
	s := NewState()
	s.PutFloat32("w", nil, []float32{1, 2})
	s.store.tensors["half"] = tensor{typeF16, []int{1}, []byte{0, 0x3c}}
	s.store.tensors["mask"] = tensor{typeBool, []int{2}, []byte{1, 0}}
	dir := filepath.Join(t.TempDir(), "c")
	if err := Save(dir, s, Manifest{Method: "m"}); err != nil {
		t.Fatal(err)
	}
	back, _, err := Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	w := make([]float32, 2)
	if err := back.Float32("w", w); err != nil || w[1] != 2 {
		t.Errorf("%v, error %v", w, err)
	}
	if err := back.Float32("half", w[:1]); err == nil || !strings.Contains(err.Error(), "holds F16, not F32") {
		t.Errorf("a half as a float: %v", err)
	}
}

func TestReadSafetensorsErrors(t *testing.T) {
	file := filepath.Join(t.TempDir(), "x.safetensors")
	if err := os.WriteFile(file, bytes.Repeat([]byte{0xff}, 16), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := ReadSafetensors(file); err == nil || !strings.Contains(err.Error(), file) {
		t.Errorf("%v", err)
	}
	if _, err := ParseSafetensors(safetensorsFile(`{"x":{"dtype":"F4","shape":[2],"data_offsets":[0,1]}}`, "\x00")); err == nil || !strings.Contains(err.Error(), `type "F4"`) {
		t.Errorf("%v", err)
	}
}
