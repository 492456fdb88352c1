package serve

import (
	"errors"
	"testing"

	"golang.org/x/sys/unix"
)

// The function runs on an idle thread, and no other goroutine does afterwards.
func TestInBackground(t *testing.T) {
	policy := func() (uint32, error) {
		a, err := unix.SchedGetAttr(0, 0)
		if err != nil {
			return 0, err
		}
		return a.Policy, nil
	}
	got, err := inBackground(policy)
	if err != nil {
		t.Skip("this machine tells nobody its policies: ", err)
	}
	if got != unix.SCHED_IDLE {
		t.Errorf("policy of the scheduler %d", got)
	}
	for range 100 {
		got := make(chan uint32)
		go func() { p, _ := policy(); got <- p }()
		if p := <-got; p != unix.SCHED_NORMAL {
			t.Fatalf("another goroutine has policy %d", p)
		}
	}
	broken := errors.New("broken")
	if _, err := inBackground(func() (int, error) { return 0, broken }); !errors.Is(err, broken) {
		t.Errorf("error %v", err)
	}
}
