package serve

import (
	"testing"
	"time"
)

var usualRest = restPerWork

// Tests wait for loads.
func init() { restPerWork = 0 }

// A task rests in the background and nowhere else, and no longer than is allowed.
func TestRest(t *testing.T) {
	defer func(factor int, most time.Duration) { restPerWork, mostRest = factor, most }(restPerWork, mostRest)
	restPerWork, mostRest = usualRest, 10*time.Millisecond
	play := func() time.Duration {
		var p pace
		for range 10 {
			for start := time.Now(); time.Since(start) < 2*leastWork; {
			}
			p.rest()
		}
		return p.rested
	}
	if rested := play(); rested != 0 {
		t.Errorf("rested for %v while nobody was to be spared", rested)
	}
	inBackgroundNow.Add(1)
	if rested := play(); rested != mostRest {
		t.Errorf("rested for %v, want %v", rested, mostRest)
	}
	inBackgroundNow.Add(-1)
	if rested := play(); rested != 0 {
		t.Errorf("rested for %v after the load", rested)
	}
}
