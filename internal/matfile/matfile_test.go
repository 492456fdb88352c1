package matfile

import (
	"bytes"
	"encoding/binary"
	"math"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/graphrl/graphrl/internal/matfile/mattest"
)

var (
	newMAT     = mattest.NewFile
	element    = mattest.Element
	words      = mattest.Words
	doubles    = mattest.Doubles
	array      = mattest.Array
	compressed = mattest.Compressed
)

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
			got, err := Read(w.Bytes(), "x")
			if err != nil {
				t.Fatalf("type %d: %v", c.storage, err)
			}
			if got[0].Rows != 1 || got[0].Cols != 2 || !slices.Equal(got[0].Data, c.want) {
				t.Errorf("type %d: %+v, want %v", c.storage, got[0], c.want)
			}
		}
	}
	// Column-major to row-major.
	w := newMAT()
	w.Write(array("x", 2, 3, miUINT8, []byte{1, 2, 3, 4, 5, 6}))
	got, err := Read(w.Bytes(), "x")
	if err != nil || !slices.Equal(got[0].Data, []float64{1, 3, 5, 2, 4, 6}) {
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
		_, err := Read(c.data, "x")
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
		if _, err := Read(whole[:n], "x"); err == nil {
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
		got, err := Read(data, "x")
		runtime.ReadMemStats(&after)
		// Deflate expands at most 1032 times and a byte of storage becomes 8 of float64; ReadAll's
		// growth adds a factor.
		if limit := uint64(1<<20 + 1032*8*6*len(data)); after.TotalAlloc-before.TotalAlloc > limit {
			t.Errorf("%d bytes of file allocated %d", len(data), after.TotalAlloc-before.TotalAlloc)
		}
		if err == nil && len(got[0].Data) != got[0].Rows*got[0].Cols {
			t.Errorf("[%d x %d] with %d values", got[0].Rows, got[0].Cols, len(got[0].Data))
		}
	})
}
