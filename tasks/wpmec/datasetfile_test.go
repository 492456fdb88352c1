package wpmec

import (
	"bytes"
	"errors"
	"math"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/graphrl/graphrl/internal/matfile/mattest"
)

// datasetFile builds the file of a data set of frames x users; change alters a variable before it
// is written.
func datasetFile(change map[string][]byte) []byte {
	w := mattest.NewFile()
	for _, name := range []string{"input_h", "output_mode", "output_obj", "output_a", "output_tau"} {
		b, ok := change[name]
		switch {
		case ok:
		case name == "output_mode":
			b = mattest.Array(name, 2, 3, mattest.UINT8, []byte{0, 1, 1, 0, 0, 0})
		case name == "output_obj" || name == "output_a":
			b = mattest.Array(name, 2, 1, mattest.DOUBLE, mattest.Doubles(0.5, 0.25))
		default:
			b = mattest.Array(name, 2, 3, mattest.DOUBLE, mattest.Doubles(1, 2, 3, 4, 5, 6))
		}
		w.Write(b)
	}
	return w.Bytes()
}

func TestReadDataset(t *testing.T) {
	d, err := ReadDataset(bytes.NewReader(datasetFile(nil)))
	if err != nil {
		t.Fatal(err)
	}
	if d.Frames != 2 || d.Users != 3 || !slices.Equal(d.Channel(1), []float64{2, 4, 6}) ||
		!slices.Equal(d.Best(0), []int32{0, 1, 0}) || !slices.Equal(d.Best(1), []int32{1, 0, 0}) || d.Rate[1] != 0.25 {
		t.Errorf("%+v", d)
	}
	for _, c := range []struct{ variable, content, want string }{
		{"input_h", string(mattest.Array("input_h", 0, 3, mattest.DOUBLE, nil)), "input_h is [0 x 3]"},
		{"input_h", string(mattest.Array("input_h", 1, 3, mattest.DOUBLE, mattest.Doubles(1, 2, 3))), "input_h is [1 x 3]: want at least two frames"},
		{"output_obj", string(mattest.Array("output_obj", 2, 1, mattest.DOUBLE, mattest.Doubles(1, math.NaN()))), "output_obj of frame 1 is NaN"},
		{"output_obj", string(mattest.Array("output_obj", 2, 1, mattest.DOUBLE, mattest.Doubles(-1, 1))), "output_obj of frame 0 is -1"},
		{"output_mode", string(mattest.Array("output_mode", 3, 2, mattest.UINT8, make([]byte, 6))), "output_mode is [3 x 2], input_h says [2 x 3]"},
		{"output_obj", string(mattest.Array("output_obj", 1, 3, mattest.UINT8, make([]byte, 3))), "output_obj is [1 x 3]"},
		{"output_mode", string(mattest.Array("output_mode", 2, 3, mattest.UINT8, []byte{0, 1, 2, 0, 0, 0})), "output_mode of frame 0, user 1 is 2"},
		{"input_h", string(mattest.Array("input_h", 2, 3, mattest.DOUBLE, mattest.Doubles(1, math.NaN(), 3, 4, 5, 6))), "input_h of frame 1, user 0 is NaN"},
		{"input_h", string(mattest.Array("input_h", 2, 3, mattest.DOUBLE, mattest.Doubles(1, 0, 3, 0, 5, 0))), "input_h of frame 1 is 0 for every user"},
		{"output_a", string(mattest.Array("other_a", 2, 1, mattest.UINT8, []byte{1, 1})), "missing"},
	} {
		change := map[string][]byte{c.variable: []byte(c.content)}
		if _, err := ReadDataset(bytes.NewReader(datasetFile(change))); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want one with %q", c.variable, err, c.want)
		}
	}
	if _, err := OpenDataset("testdata/none.mat"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no file: %v", err)
	}
}

func TestDatasetRow(t *testing.T) {
	d := &Dataset{Frames: 10, Users: 1}
	for _, c := range []struct {
		frames int
		want   []int
	}{
		{5, []int{0, 1, 2, 3, 8}},
		{10, []int{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}},
		{15, []int{0, 1, 2, 3, 4, 5, 6, 7, 0, 1, 2, 3, 4, 8, 9}},
	} {
		for i, want := range c.want {
			if got := d.Row(i, c.frames); got != want {
				t.Errorf("frame %d of %d uses row %d, want %d", i, c.frames, got, want)
			}
		}
	}
}
