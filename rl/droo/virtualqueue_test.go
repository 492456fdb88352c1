package droo_test

import (
	"fmt"
	"math"
	"testing"

	"github.com/graphrl/graphrl/checkpoints"
	"github.com/graphrl/graphrl/rl"
	"github.com/graphrl/graphrl/rl/droo"
	"pgregory.net/rapid"
)

// The mean use exceeds the limit by at most (backlog - start) / (scale T), for any sequence of uses.
func TestVirtualQueuesBoundTheMean(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(0, 3).Draw(t, "constraints")
		limits, scales := make([]float64, n), make([]float64, n)
		for i := range n {
			limits[i] = rapid.Float64Range(-5, 5).Draw(t, "limit")
			scales[i] = rapid.Float64Range(0.1, 1000).Draw(t, "scale")
		}
		q, err := droo.NewVirtualQueues(limits, scales)
		if err != nil {
			t.Fatal(err)
		}
		start := rapid.Float64Range(0, 100).Draw(t, "start")
		if err := q.StartAt(start); err != nil {
			t.Fatal(err)
		}
		sum := make([]float64, n)
		slots := rapid.IntRange(1, 50).Draw(t, "slots")
		for range slots {
			used := make([]float64, n)
			for i := range used {
				used[i] = rapid.Float64Range(-10, 10).Draw(t, "used")
				sum[i] += used[i]
			}
			if err := q.Observe(used); err != nil {
				t.Fatal(err)
			}
		}
		for i, b := range q.Backlog() {
			if over := sum[i]/float64(slots) - limits[i]; !(b >= 0) || over > (b-start)/(scales[i]*float64(slots))+1e-9 {
				t.Fatalf("constraint %d: %v over the limit, backlog %v", i, over, b)
			}
		}
		q.Reset()
		for i, b := range q.Backlog() {
			if b != start {
				t.Fatalf("constraint %d starts with %v after a reset, want %v", i, b, start)
			}
		}
	})
}

// reward and cost of doing something or not, for one row.
func twoChoices(v float64) (*droo.DriftPlusPenalty[float64], *droo.VirtualQueues) {
	queues, _ := droo.NewVirtualQueues([]float64{0.25}, nil)
	return &droo.DriftPlusPenalty[float64]{
		Value: droo.CriticFunc[float64](func(gain float64, x []int32) (float64, error) { return gain * float64(x[0]), nil }),
		Uses: droo.UsesFunc[float64](func(_ float64, d *droo.Decisions, n int, dst []float64) error {
			for k := range d.K {
				dst[k*n] = float64(d.Choice[k*d.Rows])
			}
			return nil
		}),
		Queues: queues, V: v,
	}, queues
}

// act makes the better of both decisions for some slots, and returns the mean reward and use.
func act(t testing.TB, c *droo.DriftPlusPenalty[float64], q *droo.VirtualQueues, slots int, rng *rl.Rand) (reward, used float64) {
	t.Helper()
	var d droo.Decisions
	scores := make([]float64, 2)
	for range slots {
		gain := rng.Float64()
		d.Reset(1, 2)
		d.Append([]int32{0})
		d.Append([]int32{1})
		if err := c.Score(gain, &d, scores); err != nil {
			t.Fatal(err)
		}
		x := 0.0
		if scores[1] > scores[0] {
			x = 1
		}
		reward += gain * x / float64(slots)
		used += x / float64(slots)
		if err := q.Observe([]float64{x}); err != nil {
			t.Fatal(err)
		}
	}
	return reward, used
}

// With gains uniform in [0, 1] and a use of at most a quarter, the best policy acts on the best
// quarter: mean reward 0.25 * 0.875. A larger V comes nearer to it.
func TestDriftPlusPenaltyApproachesTheOptimum(t *testing.T) {
	const best = 0.25 * 0.875
	last := math.Inf(1)
	for _, v := range []float64{1, 10, 100} {
		c, q := twoChoices(v)
		reward, used := act(t, c, q, 200_000, rl.NewRand(7, 0))
		loss := best - reward
		if used > 0.25+0.002 || loss > last || loss < -0.002 {
			t.Errorf("V = %v: used %v, loss %v after %v", v, used, loss, last)
		}
		last = loss
	}
	if last > 0.003 {
		t.Errorf("loss %v with V = 100", last)
	}
}

func TestDriftPlusPenaltyIsSaved(t *testing.T) {
	c, q := twoChoices(10)
	act(t, c, q, 100, rl.NewRand(1, 0))
	state := checkpoints.NewState()
	if err := c.SaveState(state); err != nil {
		t.Fatal(err)
	}
	again, q2 := twoChoices(10)
	if err := again.LoadState(state); err != nil || q2.Backlog()[0] != q.Backlog()[0] {
		t.Errorf("backlog %v, saved %v (%v)", q2.Backlog(), q.Backlog(), err)
	}
}

// Virtual queues and a learned value combine: a policy that evaluates loads the value, and its queues
// start empty.
func (v *stockValue) SaveState(s *checkpoints.State) error {
	s.PutFloat64("stocks", nil, v[:])
	return nil
}
func (v *stockValue) LoadState(s *checkpoints.State) error { return s.Float64("stocks", v[:]) }

func TestDriftPlusPenaltyLoadsWhatItsValueLearned(t *testing.T) {
	build := func(value *stockValue) (*droo.DriftPlusPenalty[offer], *droo.VirtualQueues) {
		longTerm, err := droo.NewLongTerm(shop{}, value, droo.DefaultLongTermConfig())
		if err != nil {
			t.Fatal(err)
		}
		queues, _ := droo.NewVirtualQueues([]float64{0.1}, nil)
		uses := func(_ offer, d *droo.Decisions, _ int, dst []float64) error {
			for k := range d.K {
				dst[k] = float64(d.Choice[k])
			}
			return nil
		}
		return &droo.DriftPlusPenalty[offer]{Value: longTerm, Uses: droo.UsesFunc[offer](uses), Queues: queues, V: 1}, queues
	}
	saved, queues := build(&stockValue{1, 2, 3, 4})
	_ = queues.Observe([]float64{5})
	state := checkpoints.NewState()
	if err := saved.SaveState(state); err != nil {
		t.Fatal(err)
	}
	value := new(stockValue)
	loaded, queues := build(value)
	if err := loaded.LoadLearned(state); err != nil || *value != (stockValue{1, 2, 3, 4}) || queues.Backlog()[0] != 0 {
		t.Errorf("value %v, backlog %v (%v)", *value, queues.Backlog(), err)
	}
	var d droo.Decisions
	d.Reset(1, 2)
	d.Append([]int32{0})
	d.Append([]int32{1})
	got := make([]float64, 2)
	_ = queues.Observe([]float64{0.7}) // backlog 0.6
	if err := loaded.Score(offer{2, 0.5}, &d, got); err != nil {
		t.Fatal(err)
	}
	if want := []float64{0.9 * 3, 0.5 + 0.9*2 - 0.6}; math.Abs(got[0]-want[0])+math.Abs(got[1]-want[1]) > 1e-12 {
		t.Errorf("scores %v, want reward, discounted value and price: %v", got, want)
	}
}

func TestVirtualQueuesRefuseNonsense(t *testing.T) {
	nan := math.NaN()
	for name, f := range map[string]func() error{
		"limit":  func() error { _, err := droo.NewVirtualQueues([]float64{nan}, nil); return err },
		"scale":  func() error { _, err := droo.NewVirtualQueues([]float64{1}, []float64{0}); return err },
		"scales": func() error { _, err := droo.NewVirtualQueues([]float64{1}, []float64{1, 1}); return err },
		"uses": func() error {
			q, _ := droo.NewVirtualQueues([]float64{1}, nil)
			return q.Observe([]float64{nan})
		},
		"number of uses": func() error {
			q, _ := droo.NewVirtualQueues([]float64{1}, nil)
			return q.Observe(nil)
		},
		"zero critic": func() error { return new(droo.DriftPlusPenalty[int]).Score(0, new(droo.Decisions), nil) },
	} {
		if f() == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

// A machine may run in a quarter of all slots. What a slot earns is random; the virtual queue learns
// which gains are worth one of the few runs, and V how patient it is.
func ExampleDriftPlusPenalty() {
	for _, v := range []float64{1, 100} {
		queues, _ := droo.NewVirtualQueues([]float64{0.25}, nil)
		critic := droo.DriftPlusPenalty[float64]{
			Value: droo.CriticFunc[float64](func(gain float64, x []int32) (float64, error) { return gain * float64(x[0]), nil }),
			Uses: droo.UsesFunc[float64](func(_ float64, d *droo.Decisions, _ int, dst []float64) error {
				for k := range dst {
					dst[k] = float64(d.Choice[k])
				}
				return nil
			}),
			Queues: queues, V: v,
		}
		rng := rl.NewRand(1, 0)
		var d droo.Decisions
		scores := make([]float64, 2)
		earned, runs := 0.0, 0.0
		for range 10_000 {
			gain := rng.Float64()
			d.Reset(1, 2)
			d.Append([]int32{0})
			d.Append([]int32{1})
			if err := critic.Score(gain, &d, scores); err != nil {
				fmt.Println(err)
				return
			}
			run := 0.0
			if scores[1] > scores[0] {
				run, earned = 1, earned+gain
			}
			runs += run
			_ = queues.Observe([]float64{run})
		}
		fmt.Printf("V = %3.0f: runs in %.2f of the slots, gain of a run %.2f\n", v, runs/10_000, earned/runs)
	}
	// Output:
	// V =   1: runs in 0.25 of the slots, gain of a run 0.73
	// V = 100: runs in 0.26 of the slots, gain of a run 0.87
}
