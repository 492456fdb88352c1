package cores

import (
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/graphrl/graphrl/internal/race"
)

// counts counts how often each part ran.
type counts []atomic.Int32

func (c counts) Part(i int) { c[i].Add(1) }

// Every part runs once, however many cores, parts and callers there are.
func TestEveryPartOnce(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
	for _, processors := range []int{1, 2, 3} {
		runtime.GOMAXPROCS(processors)
		var callers sync.WaitGroup
		for range 3 {
			callers.Go(func() {
				for n := range 200 {
					c := make(counts, n)
					Run(n, c)
					for i := range c {
						if ran := c[i].Load(); ran != 1 {
							t.Errorf("%d processors, %d parts: part %d ran %d times", processors, n, i, ran)
						}
					}
				}
			})
		}
		callers.Wait()
	}
}

// A run sees what its caller wrote before, and its caller what the parts wrote, without any further
// synchronisation: the race detector checks that.
func TestRunIsABarrier(t *testing.T) {
	s := &squares{in: make([]int, 64), out: make([]int, 64)}
	for round := range 300 {
		for i := range s.in {
			s.in[i] = i + round
		}
		Run(4, s)
		for i, v := range s.out {
			if v != (i+round)*(i+round) {
				t.Fatalf("round %d: entry %d is %d", round, i, v)
			}
		}
		if round%100 == 0 {
			time.Sleep(2 * attention) // until helpers sleep
		}
	}
}

type squares struct{ in, out []int }

func (s *squares) Part(i int) {
	for k := i * 16; k < (i+1)*16; k++ {
		s.out[k] = s.in[k] * s.in[k]
	}
}

// Helpers do come: of many parts that take a while, another goroutine runs some.
func TestHelpersCome(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(2))
	for range 100 {
		m := &meet{}
		m.deadline = time.Now().Add(time.Second)
		Run(2, m)
		if m.met.Load() {
			return
		}
	}
	t.Error("two parts never ran at the same time")
}

// meet notes whether its two parts ran at the same time.
type meet struct {
	arrived  atomic.Int32
	met      atomic.Bool
	deadline time.Time
}

func (m *meet) Part(int) {
	m.arrived.Add(1)
	for m.arrived.Load() < 2 && time.Now().Before(m.deadline) {
		runtime.Gosched()
	}
	if m.arrived.Load() == 2 && time.Now().Before(m.deadline) {
		m.met.Store(true)
	}
}

type bomb struct{}

func (bomb) Part(int) { panic("part") }

// A panic of the caller's part reaches the caller and does not block later runs. With one processor
// the caller comes first; in a helper a panic ends the process.
func TestPanic(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	func() {
		defer func() {
			if recover() == nil {
				t.Error("no panic")
			}
		}()
		Run(2, bomb{})
	}()
	c := make(counts, 8)
	Run(8, c)
	if c[7].Load() != 1 || crew.busy.Load() {
		t.Error("no run after a panic")
	}
}

func TestRunDoesNotAllocate(t *testing.T) {
	if race.Enabled {
		t.Skip("the race detector allocates")
	}
	s := &squares{in: make([]int, 64), out: make([]int, 64)}
	if allocs := testing.AllocsPerRun(100, func() { Run(4, s) }); allocs != 0 {
		t.Errorf("%v allocations", allocs)
	}
}

func TestParts(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(3))
	restore := Force(1000)
	for _, c := range []struct{ ns, limit, want int }{
		{999, 8, 1}, {1000, 8, 3}, {1000, 2, 2}, {1000, 1, 1}, {1000, 0, 1},
	} {
		if got := Parts(c.ns, c.limit); got != c.want {
			t.Errorf("%d ns in at most %d parts: %d, want %d", c.ns, c.limit, got, c.want)
		}
	}
	restore()
	if got := Parts(small-1, 8); got != 1 {
		t.Errorf("small work is cut into %d parts", got)
	}
}

// Settings are taken as they are, nonsense means a measurement, and that gives one of the amounts
// that it tries.
func TestChoose(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(2))
	for setting, want := range map[string]int{"off": Never, " off ": Never, "20us": small, "300us": 300_000, "1ms": 1_000_000, "1ns": small} {
		if got := choose(setting); got != want {
			t.Errorf("%q: %d, want %d", setting, got, want)
		}
	}
	for _, setting := range []string{"", "fast", "-1us"} {
		if got := choose(setting); got != Never && !slices.Contains(measured[:], got/2) {
			t.Errorf("%q: measured %d", setting, got)
		}
	}
	runtime.GOMAXPROCS(1)
	if got := choose(""); got != Never {
		t.Errorf("one processor: %d", got)
	}
}

func BenchmarkRun(b *testing.B) {
	s := &squares{in: make([]int, 64), out: make([]int, 64)}
	for b.Loop() {
		Run(2, s)
	}
}
