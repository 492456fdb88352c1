package jsonleaves

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestOf(t *testing.T) {
	got, err := Of(struct {
		A int64
		B struct {
			C []float64
			D *int
		}
		E string `json:"e"`
		F bool
		G struct{}
	}{A: 1<<62 + 1, B: struct {
		C []float64
		D *int
	}{C: []float64{0.1, 1e-300}}, E: "a.b"})
	want := []Leaf{
		{"A", "4611686018427387905"}, {"B.C.1", "0.1"}, {"B.C.2", "1e-300"}, {"B.D", ""}, {"e", "a.b"}, {"F", "false"},
	}
	if d := cmp.Diff(want, got); err != nil || d != "" {
		t.Errorf("error %v, -want +got:\n%s", err, d)
	}
	if got, err := Of(3); err != nil || got[0] != (Leaf{"", "3"}) {
		t.Errorf("a bare number: %v, %v", got, err)
	}
	if _, err := Of(func() {}); err == nil {
		t.Error("a function has no JSON")
	}
}
