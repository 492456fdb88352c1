package memory

import (
	"strings"
	"testing"
)

func TestNetworkCheck(t *testing.T) {
	n := Perceptron(128, 30, 16384, 16384, 10)
	if want := 30*16384. + 16384*16384 + 16384*10; n.Weights != want {
		t.Errorf("%v weights, want %v", n.Weights, want)
	}
	err := n.check("wpmec: droo", "smaller hidden layers", Limit{12e9, "ulimit -v"})
	if err == nil || !strings.Contains(err.Error(), "wpmec: droo takes about 11.9 GB of memory, give or take a fourth, and ulimit -v leaves 12.0 GB: choose smaller hidden layers") {
		t.Error(err)
	}
	if err := n.check("x", "y", Limit{15e9, "ulimit -v"}); err != nil {
		t.Error(err)
	}
	if err := n.check("x", "y", Limit{Bytes: Unlimited}); err != nil {
		t.Error(err)
	}
	if small, large := BipartiteScorer(16, 16, 1, 11, 10), BipartiteScorer(16, 16384, 1, 11, 10); small.Bytes() > 1e6 || large.Bytes() < 1e11 {
		t.Errorf("a graph network takes %d to %d bytes", small.Bytes(), large.Bytes())
	}
}
