package serve

import (
	"errors"
	"runtime"
	"testing"

	"golang.org/x/sys/unix"
)

var usualNice = backgroundNice

// Tests share the machine with other packages', beside which a load would last ten times as long.
func init() { backgroundNice = 0 }

// The function runs on a thread of low priority, and no other goroutine does afterwards.
func TestInBackground(t *testing.T) {
	priority := func() (int, error) { return unix.Getpriority(unix.PRIO_PROCESS, unix.Gettid()) } // 20 less the niceness
	usual, err := priority()
	if err != nil {
		t.Skip(err)
	}
	defer func(nice int) { backgroundNice = nice }(backgroundNice)
	backgroundNice = usualNice
	before := runtime.GOMAXPROCS(0)
	if got, err := inBackground(priority); err != nil || got > 20-backgroundNice {
		t.Errorf("priority %d, error %v, usually %d", got, err, usual)
	}
	if now := runtime.GOMAXPROCS(0); now != before {
		t.Errorf("GOMAXPROCS was %d and is %d", before, now)
	}
	for range 100 {
		got := make(chan int)
		go func() { p, _ := priority(); got <- p }()
		if p := <-got; p != usual {
			t.Fatalf("another goroutine has priority %d, usually %d", p, usual)
		}
	}
	broken := errors.New("broken")
	if _, err := inBackground(func() (int, error) { return 0, broken }); !errors.Is(err, broken) {
		t.Errorf("error %v", err)
	}
}

// Several at a time raise GOMAXPROCS by one. What somebody else sets meanwhile stays.
func TestSpare(t *testing.T) {
	before := runtime.GOMAXPROCS(0)
	defer runtime.GOMAXPROCS(before)
	var p place
	p.add()
	p.add()
	p.done()
	if now := runtime.GOMAXPROCS(0); now != before+1 {
		t.Errorf("GOMAXPROCS %d with one of two left, want %d", now, before+1)
	}
	p.done()
	if now := runtime.GOMAXPROCS(0); now != before {
		t.Errorf("GOMAXPROCS %d with none left, want %d", now, before)
	}
	p.add()
	runtime.GOMAXPROCS(before + 5)
	p.done()
	if now := runtime.GOMAXPROCS(0); now != before+5 {
		t.Errorf("GOMAXPROCS %d, want the %d that was set meanwhile", now, before+5)
	}
}
