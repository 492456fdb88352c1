package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// folders writes two classes of images, light and dark ones.
func folders(t *testing.T, n int) string {
	t.Helper()
	dir := t.TempDir()
	for i := range n {
		class := []string{"dark", "light"}[i%2]
		img := image.NewRGBA(image.Rect(0, 0, 32, 32))
		for k := range img.Pix {
			img.Pix[k] = uint8(60 + 130*(i%2) + (7*k+i)%50)
		}
		img.Set(0, 0, color.Black)
		check(t, os.MkdirAll(filepath.Join(dir, class), 0o777))
		var b bytes.Buffer
		check(t, png.Encode(&b, img))
		check(t, os.WriteFile(filepath.Join(dir, class, fmt.Sprintf("%03d.png", i)), b.Bytes(), 0o666))
	}
	return dir
}

func TestTrainStopResumeEvaluate(t *testing.T) {
	data, out := folders(t, 24), filepath.Join(t.TempDir(), "run")
	config := filepath.Join(t.TempDir(), "tiny.yaml")
	check(t, os.WriteFile(config, []byte("data: "+data+"\nwidth: 0.03125\nbatch_size: 8\nepochs: 3\n"), 0o666))
	stopped, cancel := context.WithCancel(context.Background())
	cancel()
	var quiet bytes.Buffer
	err := run(stopped, flags{Config: config, Out: out}, &quiet, &quiet)
	if err == nil || !strings.Contains(err.Error(), "--resume "+out) {
		t.Fatalf("stopped: %v", err)
	}
	check(t, run(context.Background(), flags{Resume: out}, &quiet, &quiet))
	var printed bytes.Buffer
	check(t, run(context.Background(), flags{Eval: folders(t, 8), Checkpoint: out, Runs: 2, Format: "json"}, &printed, &quiet))
	var rows []row
	check(t, json.Unmarshal(printed.Bytes(), &rows))
	if len(rows) != 5 || rows[4].Exit != 5 || !(rows[4].LatencyMS.Mean > 0) || !(rows[0].Accuracy >= 0.5) {
		t.Errorf("%+v", rows)
	}
}

func TestWrongUse(t *testing.T) {
	epochs, none, narrow, images := 1, 0, -1.0, folders(t, 2)
	for want, f := range map[string]flags{
		"--data":             {},
		"--checkpoint":       {Eval: "x"},
		"--resume":           {Checkpoint: "x"},
		"leave out":          {Resume: "x", Epochs: &epochs},
		"no such folder":     {Data: "no such folder"},
		"not a run folder":   {Resume: "no-such-run"},
		"no-such-checkpoint": {Eval: images, Checkpoint: "no-such-checkpoint", Runs: 1},
		"no-such-test":       {Data: images, Test: "no-such-test", Runs: 1},
		"--runs":             {Data: images, Test: images},
		"epochs":             {Data: images, Epochs: &none},
		"width":              {Data: images, Width: &narrow},
		"no-such.yaml":       {Config: "no-such.yaml"},
	} {
		var quiet bytes.Buffer
		if err := run(context.Background(), f, &quiet, &quiet); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: error %v, want one about %q", f, err, want)
		}
	}
}
