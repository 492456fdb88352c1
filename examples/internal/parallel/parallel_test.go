package parallel_test

import (
	"errors"
	"runtime"
	"sync/atomic"
	"testing"

	"github.com/graphrl/graphrl/examples/internal/parallel"
)

func TestFor(t *testing.T) {
	var done [100]atomic.Int32
	var running, most atomic.Int32
	bad := errors.New("bad")
	err := parallel.For(len(done), func(i int) error {
		now := running.Add(1)
		defer running.Add(-1)
		for m := most.Load(); now > m && !most.CompareAndSwap(m, now); m = most.Load() {
		}
		runtime.Gosched()
		done[i].Add(1)
		if i == 7 {
			return bad
		}
		return nil
	})
	if !errors.Is(err, bad) {
		t.Errorf("error %v, want that of call 7", err)
	}
	for i := range done {
		if n := done[i].Load(); n != 1 {
			t.Errorf("call %d ran %d times", i, n)
		}
	}
	if limit := int32(runtime.GOMAXPROCS(0)); most.Load() > limit {
		t.Errorf("%d calls ran at a time, want at most %d", most.Load(), limit)
	}
	if err := parallel.For(0, nil); err != nil {
		t.Error(err)
	}
}
