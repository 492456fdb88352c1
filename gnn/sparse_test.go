package gnn

import (
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestSparseRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rows, cols := rapid.IntRange(0, 6).Draw(t, "rows"), rapid.IntRange(0, 6).Draw(t, "cols")
		x := make([]float32, rows*cols)
		for i := range x {
			if rapid.Bool().Draw(t, "set") {
				x[i] = rapid.Float32Range(-3, 3).Draw(t, "x")
			}
		}
		s, err := SparseFromDense(rows, cols, x)
		if err != nil {
			t.Fatal(err)
		}
		if got := s.Dense(); !slices.Equal(got, x) {
			t.Fatalf("got %v, want %v", got, x)
		}
		tr := weighted{s.t.ptr, s.t.idx, s.tval, s.tcsr}.dense(cols, rows)
		for i := range rows {
			for j := range cols {
				if tr[j][i] != float64(x[i*cols+j]) {
					t.Fatalf("transpose has %v at (%d, %d), want %v", tr[j][i], j, i, x[i*cols+j])
				}
			}
		}
	})
}

func TestSparseNormalizeRows(t *testing.T) {
	s, err := SparseFromDense(3, 3, []float32{1, 0, 3, 0, 0, 0, 0, -2, 0})
	if err != nil {
		t.Fatal(err)
	}
	n := s.NormalizeRows()
	if got, want := n.Dense(), []float32{.25, 0, .75, 0, 0, 0, 0, -1, 0}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if got, want := n.tval, []float32{.25, -1, .75}; !slices.Equal(got, want) {
		t.Errorf("transposed values %v, want %v", got, want)
	}
	if s.Dense()[0] != 1 {
		t.Error("normalising changed the original")
	}
}

func TestSparseErrors(t *testing.T) {
	for _, c := range []struct {
		name       string
		rows, cols int
		ptr, col   []int32
		val        []float32
		want       string
	}{
		{"column", 1, 2, []int32{0, 1}, []int32{2}, []float32{1}, "row 0 has an entry in column 2"},
		{"negative column", 1, 2, []int32{0, 1}, []int32{-1}, []float32{1}, "column -1"},
		{"offsets missing", 2, 2, []int32{0, 1}, []int32{0}, []float32{1}, "want 3 row offsets"},
		{"no offsets", 0, 0, nil, nil, nil, "want 1 row offsets"},
		{"values missing", 1, 2, []int32{0, 1}, []int32{0}, nil, "0 values"},
		{"descending", 2, 2, []int32{0, 2, 1}, []int32{0}, []float32{1}, "row 0 ends at 2"},
		{"negative", -1, 2, nil, nil, nil, "[-1 x 2]"},
	} {
		if _, err := NewSparse(c.rows, c.cols, c.ptr, c.col, c.val); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want one with %q", c.name, err, c.want)
		}
	}
	if _, err := SparseFromDense(2, 2, make([]float32, 3)); err == nil {
		t.Error("a dense matrix of the wrong length was accepted")
	}
}
