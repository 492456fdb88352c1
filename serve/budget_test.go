package serve

import (
	"sync"
	"testing"
	"time"
)

// Cells that are decided side by side ask for the time at once; the first of them says when the
// network was done.
func TestBudgetIsShared(t *testing.T) {
	b := budget{start: time.Now().Add(-time.Second), end: time.Now().Add(time.Hour)}
	if b.spent() {
		t.Error("spent an hour early")
	}
	first := b.began.Load()
	if first < int64(time.Second) {
		t.Errorf("the network took %v", time.Duration(first))
	}
	var b2 budget
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			if b.spent() || !b2.spent() {
				t.Error("spent an hour early, or not without any time")
			}
		})
	}
	if all.Wait(); b.began.Load() != first || b2.began.Load() < 1 {
		t.Error("later questions move the beginning")
	}
}
