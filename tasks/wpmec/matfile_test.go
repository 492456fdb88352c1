package wpmec

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"errors"
	"math"
	"os"
	"runtime"
	"slices"
	"strings"
	"testing"
)

// matWriter builds MATLAB 5 files, right and wrong ones.
type matWriter struct{ bytes.Buffer }

func newMAT() *matWriter {
	w := &matWriter{}
	header := bytes.Repeat([]byte{' '}, 128)
	copy(header, "MATLAB 5.0 MAT-file, made by a test")
	binary.LittleEndian.PutUint16(header[124:], 0x0100)
	copy(header[126:], "IM")
	w.Write(header)
	return w
}

// element encodes a data element in the short form where it fits, padded to 8 bytes.
func element(kind uint32, data []byte) []byte {
	le := binary.LittleEndian
	if n := len(data); n > 0 && n <= 4 {
		out := le.AppendUint32(nil, kind|uint32(n)<<16)
		return append(append(out, data...), make([]byte, 4-n)...)
	}
	out := le.AppendUint32(le.AppendUint32(nil, kind), uint32(len(data)))
	out = append(out, data...)
	return append(out, make([]byte, (8-len(data)%8)%8)...)
}

func words(v ...uint32) []byte {
	var b []byte
	for _, w := range v {
		b = binary.LittleEndian.AppendUint32(b, w)
	}
	return b
}

func doubles(v ...float64) []byte {
	var b []byte
	for _, x := range v {
		b = binary.LittleEndian.AppendUint64(b, math.Float64bits(x))
	}
	return b
}

// array is a miMATRIX element of class double.
func array(name string, rows, cols int, storage uint32, data []byte) []byte {
	return element(miMATRIX, slices.Concat(
		element(miUINT32, words(mxDOUBLE, 0)),
		element(miINT32, words(uint32(rows), uint32(cols))),
		element(miINT8, []byte(name)),
		element(storage, data)))
}

// compressed wraps an element; compressed elements are not padded.
func compressed(content []byte) []byte {
	var z bytes.Buffer
	w := zlib.NewWriter(&z)
	w.Write(content)
	w.Close()
	return append(words(miCOMPRESSED, uint32(z.Len())), z.Bytes()...)
}

func TestReadMATStorageTypes(t *testing.T) {
	le := binary.LittleEndian
	single := func(v float32) []byte { return le.AppendUint32(nil, math.Float32bits(v)) }
	cases := []struct {
		storage uint32
		data    []byte
		want    []float64
	}{
		{miDOUBLE, doubles(1.5, -2), []float64{1.5, -2}},
		{miSINGLE, append(single(0.25), single(-3)...), []float64{0.25, -3}},
		{miINT8, []byte{0xff, 2}, []float64{-1, 2}},
		{miUINT8, []byte{0xff, 2}, []float64{255, 2}},
		{miINT16, []byte{0xfe, 0xff, 3, 0}, []float64{-2, 3}},
		{miUINT16, []byte{0xfe, 0xff, 3, 0}, []float64{65534, 3}},
		{miINT32, words(0xffffffff, 7), []float64{-1, 7}},
		{miUINT32, words(0xffffffff, 7), []float64{4294967295, 7}},
		{miINT64, le.AppendUint64(le.AppendUint64(nil, math.MaxUint64), 5), []float64{-1, 5}},
		{miUINT64, le.AppendUint64(le.AppendUint64(nil, 1<<63), 5), []float64{1 << 63, 5}},
	}
	for _, c := range cases {
		for _, wrap := range []func([]byte) []byte{func(b []byte) []byte { return b }, compressed} {
			w := newMAT()
			w.Write(wrap(array("other", 1, 1, miUINT8, []byte{9})))
			w.Write(wrap(array("x", 1, 2, c.storage, c.data)))
			got, err := readMAT(w.Bytes(), "x")
			if err != nil {
				t.Fatalf("type %d: %v", c.storage, err)
			}
			if got[0].rows != 1 || got[0].cols != 2 || !slices.Equal(got[0].data, c.want) {
				t.Errorf("type %d: %+v, want %v", c.storage, got[0], c.want)
			}
		}
	}
	// Column-major to row-major.
	w := newMAT()
	w.Write(array("x", 2, 3, miUINT8, []byte{1, 2, 3, 4, 5, 6}))
	got, err := readMAT(w.Bytes(), "x")
	if err != nil || !slices.Equal(got[0].data, []float64{1, 3, 5, 2, 4, 6}) {
		t.Errorf("2 x 3: %v, %v", got, err)
	}
}

func TestReadMATErrors(t *testing.T) {
	x := array("x", 1, 2, miDOUBLE, doubles(1, 2))
	file := func(parts ...[]byte) []byte { w := newMAT(); w.Write(slices.Concat(parts...)); return w.Bytes() }
	patched := func(at int, v ...byte) []byte { b := file(x); copy(b[at:], v); return b }
	garbledZip := file(compressed(x))
	garbledZip[len(garbledZip)-1] ^= 1 // the checksum
	for _, c := range []struct {
		name string
		data []byte
		want string
	}{
		{"empty", nil, "header"},
		{"text", bytes.Repeat([]byte("hello "), 50), "not a MATLAB file"},
		{"big-endian", patched(126, 'M', 'I'), "big-endian"},
		{"byte order", patched(126, 'X', 'X'), "byte order mark"},
		{"7.3", patched(124, 0, 2), "save -v7"},
		{"version", patched(124, 0, 3), "version 0x0300"},
		{"no variables", file(), `"x" is missing`},
		{"missing", file(array("y", 1, 1, miUINT8, []byte{1})), `"x" is missing; the file has ["y"]`},
		{"twice", file(x, x), "twice"},
		{"tag cut", file(x, []byte{1, 2, 3}), "truncated: 3 bytes left"},
		{"data cut", file(x)[:128+40], "truncated"},
		{"size", file(words(miMATRIX, 0x7fffffff)), "truncated: 2147483647 bytes announced, 0 left"},
		{"compressed size", file(words(miCOMPRESSED, 0xffffffff)), "truncated"},
		{"small element", file([]byte{14, 0, 9, 0, 0, 0, 0, 0}), "small element"},
		{"no variable", file(element(miDOUBLE, doubles(1))), "data type 9 where a variable"},
		{"not zlib", file(words(miCOMPRESSED, 8, 1, 2)), "compressed variable"},
		{"checksum", garbledZip, "checksum"},
		{"zlib content", file(compressed(element(miDOUBLE, doubles(1)))), "data type 9"},
		{"zlib too long", file(compressed(slices.Concat(x, x))), "more than the 64 bytes announced"},
		{"zlib bomb", file(compressed(words(miMATRIX, 1<<30))), "1073741824 bytes announced, at most"},
		{"zlib too short", file(compressed(x[:len(x)-8])), "64 bytes announced, 56 there"},
		{"count", file(array("x", 2, 2, miDOUBLE, doubles(1, 2))), "[2 x 2] with 16 bytes"},
		{"odd bytes", file(array("x", 1, 1, miDOUBLE, make([]byte, 9))), "[1 x 1] with 9 bytes"},
		{"huge", file(array("x", 1<<30, 1<<30, miUINT8, []byte{1})), "[1073741824 x 1073741824]"},
		{"negative", file(array("x", -1, -1, miUINT8, []byte{1})), "[-1 x -1]"},
		{"storage", file(array("x", 1, 1, 8, []byte{1})), "data type 8 is not numeric"},
		{"complex", file(element(miMATRIX, slices.Concat(element(miUINT32, words(mxDOUBLE|flagComplex, 0)),
			element(miINT32, words(1, 1)), element(miINT8, []byte("x")), element(miUINT8, []byte{1}), element(miUINT8, []byte{1})))), "not a real"},
		{"struct", file(element(miMATRIX, slices.Concat(element(miUINT32, words(2, 0)),
			element(miINT32, words(1, 1)), element(miINT8, []byte("x"))))), "not a real"},
		{"three dimensions", file(element(miMATRIX, slices.Concat(element(miUINT32, words(mxDOUBLE, 0)),
			element(miINT32, words(1, 1, 1)), element(miINT8, []byte("x")), element(miUINT8, []byte{1})))), "3 dimensions"},
		{"flags", file(element(miMATRIX, element(miINT32, words(1, 1)))), "array flags"},
		{"short flags", file(element(miMATRIX, element(miUINT32, words(1)))), "array flags: 4 bytes"},
		{"nothing inside", file(element(miMATRIX, nil)), "array flags: truncated"},
		{"no name", file(element(miMATRIX, slices.Concat(element(miUINT32, words(mxDOUBLE, 0)),
			element(miINT32, words(1, 1))))), "name: truncated"},
	} {
		_, err := readMAT(c.data, "x")
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want one with %q", c.name, err, c.want)
		}
	}
}

// TestReadMATTruncated cuts a file at every byte: an error each time, unless the cut is in padding.
func TestReadMATTruncated(t *testing.T) {
	w := newMAT()
	w.Write(array("y", 1, 3, miUINT8, []byte{1, 2, 3}))
	w.Write(compressed(array("x", 1, 2, miDOUBLE, doubles(1, 2))))
	whole := w.Bytes()
	for n := range whole {
		if _, err := readMAT(whole[:n], "x"); err == nil {
			t.Errorf("the first %d of %d bytes: no error", n, len(whole))
		}
	}
}

func FuzzReadMAT(f *testing.F) {
	w := newMAT()
	w.Write(array("y", 2, 2, miUINT8, []byte{1, 2, 3, 4}))
	w.Write(array("x", 1, 2, miDOUBLE, doubles(1, 2)))
	f.Add(w.Bytes())
	w = newMAT()
	w.Write(compressed(array("x", 1, 2, miINT16, []byte{1, 0, 2, 0})))
	f.Add(w.Bytes())
	f.Fuzz(func(t *testing.T, data []byte) {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		got, err := readMAT(data, "x")
		runtime.ReadMemStats(&after)
		// Deflate expands at most 1032 times and a byte of storage becomes 8 of float64; ReadAll's
		// growth adds a factor.
		if limit := uint64(1<<20 + 1032*8*6*len(data)); after.TotalAlloc-before.TotalAlloc > limit {
			t.Errorf("%d bytes of file allocated %d", len(data), after.TotalAlloc-before.TotalAlloc)
		}
		if err == nil && len(got[0].data) != got[0].rows*got[0].cols {
			t.Errorf("[%d x %d] with %d values", got[0].rows, got[0].cols, len(got[0].data))
		}
	})
}

// datasetFile builds the file of a data set of frames x users; change alters a variable before it
// is written.
func datasetFile(change map[string][]byte) []byte {
	w := newMAT()
	for _, name := range []string{"input_h", "output_mode", "output_obj", "output_a", "output_tau"} {
		b, ok := change[name]
		switch {
		case ok:
		case name == "output_mode":
			b = array(name, 2, 3, miUINT8, []byte{0, 1, 1, 0, 0, 0})
		case name == "output_obj" || name == "output_a":
			b = array(name, 2, 1, miDOUBLE, doubles(0.5, 0.25))
		default:
			b = array(name, 2, 3, miDOUBLE, doubles(1, 2, 3, 4, 5, 6))
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
		{"input_h", string(array("input_h", 0, 3, miDOUBLE, nil)), "input_h is [0 x 3]"},
		{"input_h", string(array("input_h", 1, 3, miDOUBLE, doubles(1, 2, 3))), "input_h is [1 x 3]: want at least two frames"},
		{"output_obj", string(array("output_obj", 2, 1, miDOUBLE, doubles(1, math.NaN()))), "output_obj of frame 1 is NaN"},
		{"output_obj", string(array("output_obj", 2, 1, miDOUBLE, doubles(-1, 1))), "output_obj of frame 0 is -1"},
		{"output_mode", string(array("output_mode", 3, 2, miUINT8, make([]byte, 6))), "output_mode is [3 x 2], input_h says [2 x 3]"},
		{"output_obj", string(array("output_obj", 1, 3, miUINT8, make([]byte, 3))), "output_obj is [1 x 3]"},
		{"output_mode", string(array("output_mode", 2, 3, miUINT8, []byte{0, 1, 2, 0, 0, 0})), "output_mode of frame 0, user 1 is 2"},
		{"input_h", string(array("input_h", 2, 3, miDOUBLE, doubles(1, math.NaN(), 3, 4, 5, 6))), "input_h of frame 1, user 0 is NaN"},
		{"output_a", string(array("other_a", 2, 1, miUINT8, []byte{1, 1})), "missing"},
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
