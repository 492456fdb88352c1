package kernel

import "testing"

func TestChoose(t *testing.T) {
	for _, c := range []struct {
		name string
		best isa
		want string
	}{
		{"", isaAVX512, "avx512"},
		{"avx512", isaAVX512, "avx512"},
		{"avx2", isaAVX512, "avx2"},
		{"go", isaAVX512, "go"},
		{"avx512", isaAVX2, "avx2"}, // not supported here
		{"sse", isaAVX2, "avx2"},    // unknown
		{"avx2", isaGo, "go"},
	} {
		if got := choose(c.name, c.best).String(); got != c.want {
			t.Errorf("choose(%q, %v) = %s, want %s", c.name, c.best, got, c.want)
		}
	}
	if Path() != active.String() {
		t.Errorf("Path() = %q, want %q", Path(), active)
	}
}
