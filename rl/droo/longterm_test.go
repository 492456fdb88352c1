package droo_test

import (
	"errors"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/graphrl/graphrl/checkpoints"
	"github.com/graphrl/graphrl/rl"
	"github.com/graphrl/graphrl/rl/droo"
)

// queue is admission control: one task of one of two values arrives each slot, and is admitted (1)
// or rejected (0). A task in the queue costs holding, and one leaves after the slot with
// probability service. Admission to a full queue is impossible. The observation is the length of
// the queue and the value of the task.
type queue struct {
	capacity         int
	holding, service float64
	values           [2]float64
	random           *rl.Rand
	obs              queueObs
}

type queueObs struct {
	length int
	value  float64
}

func (q *queue) arrive() { q.obs.value = q.values[q.random.IntN(2)] }

func (q *queue) Step(admit int32) rl.Transition[queueObs] {
	t := rl.Transition[queueObs]{Reward: q.reward(q.obs, admit)}
	q.obs.length += int(admit)
	if q.obs.length > 0 && q.random.Float64() < q.service {
		q.obs.length--
	}
	q.arrive()
	t.Observation = q.obs
	return t
}

func (q *queue) reward(obs queueObs, admit int32) float64 {
	if obs.length+int(admit) > q.capacity {
		return math.Inf(-1)
	}
	return float64(admit)*obs.value - q.holding*float64(obs.length+int(admit))
}

// Score makes the queue a critic of one slot.
func (q *queue) Score(obs queueObs, d *droo.Decisions, dst []float64) error {
	return q.Predict(obs, d, dst, make([]float32, d.K*q.AfterstateSize(obs)))
}

// AfterstateSize and Predict make the queue its own model. The afterstate is its length, one-hot.
func (q *queue) AfterstateSize(queueObs) int { return q.capacity + 1 }

func (q *queue) Predict(obs queueObs, d *droo.Decisions, rewards []float64, dst []float32) error {
	clear(dst)
	for k := range d.K {
		rewards[k] = q.reward(obs, d.Candidate(k)[0])
		length := min(obs.length+int(d.Candidate(k)[0]), q.capacity)
		dst[k*(q.capacity+1)+length] = 1
	}
	return nil
}

// table is V as a linear function, which on one-hot features is a table. Its step sizes decrease
// with the visits of each feature, as the convergence of TD requires.
type table struct {
	v, visits []float64
}

func newTable(n int) *table { return &table{make([]float64, n), make([]float64, n)} }

func (w *table) Values(features []float32, k int, dst []float64) error {
	for i := range k {
		dst[i] = 0
		for j, f := range features[i*len(w.v) : (i+1)*len(w.v)] {
			if f != 0 {
				dst[i] += float64(f) * w.v[j]
			}
		}
	}
	return nil
}

func (w *table) TrainTD(features []float32, k int, targets []float64) (loss float64, err error) {
	var now [1]float64
	for i := range k {
		x := features[i*len(w.v) : (i+1)*len(w.v)]
		w.Values(x, 1, now[:])
		difference := targets[i] - now[0]
		loss += difference * difference / float64(k)
		for j, f := range x {
			if f != 0 {
				w.visits[j]++
				w.v[j] += math.Pow(w.visits[j], -0.7) * float64(f) * difference
			}
		}
	}
	return loss, nil
}

func (w *table) SaveState(s *checkpoints.State) error {
	s.PutFloat64("v", nil, w.v)
	s.PutFloat64("visits", nil, w.visits)
	return nil
}

func (w *table) LoadState(s *checkpoints.State) error {
	return errors.Join(s.Float64("v", w.v), s.Float64("visits", w.visits))
}

func newLongTerm(t *testing.T, q *queue, v *table, gamma float64, memory int) *droo.LongTerm[queueObs] {
	t.Helper()
	cfg := droo.LongTermConfig{Gamma: gamma, TrainInterval: 4, StepsPerTrain: 1, BatchSize: 16, MemorySize: memory}
	l, err := droo.NewLongTerm[queueObs](q, v, cfg)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// greedy returns the better of rejecting and admitting, by critic.
func greedy(t *testing.T, critic droo.Critic[queueObs], obs queueObs) int32 {
	t.Helper()
	values := make([]float64, 2)
	if err := critic.Score(obs, &droo.Decisions{K: 2, Rows: 1, Choice: []int32{0, 1}}, values); err != nil {
		t.Fatal(err)
	}
	if values[1] > values[0] {
		return 1
	}
	return 0
}

// slot runs one slot of the queue under the decision, observed by l, which may be nil.
func (q *queue) slot(t *testing.T, l *droo.LongTerm[queueObs], admit int32) (reward float64) {
	t.Helper()
	if l == nil {
		return q.Step(admit).Reward
	}
	if err := l.Executed(q.obs, []int32{admit}); err != nil {
		t.Fatal(err)
	}
	tr := q.Step(admit)
	if _, _, err := l.Observe(tr); err != nil {
		t.Fatal(err)
	}
	return tr.Reward
}

// A queue for one task that admits only tasks of value 5, half of all, has V in closed form. With h
// the holding cost and m the service probability, the equations are
//
//	V(0) = 1/2 (5 - h + gamma V(1)) + 1/2 gamma V(0)
//	V(1) = m V(0) + (1-m) (-h + gamma V(1))
func TestLongTermLearnsClosedForm(t *testing.T) {
	const gamma, h, m = 0.8, 0.3, 0.4
	v1 := func(v0 float64) float64 { return (m*v0 - (1-m)*h) / (1 - (1-m)*gamma) }
	slope := v1(1) - v1(0)
	want0 := ((5-h)/2 + gamma/2*v1(0)) / (1 - gamma/2 - gamma/2*slope)
	want := []float64{want0, v1(want0)}

	q := &queue{capacity: 1, holding: h, service: m, values: [2]float64{1, 5}, random: rl.NewRand(1, 0)}
	v := newTable(2)
	l := newLongTerm(t, q, v, gamma, 100000)
	q.arrive()
	for range 60000 {
		admit := int32(0)
		if q.obs.length == 0 && q.obs.value == 5 {
			admit = 1
		}
		q.slot(t, l, admit)
	}
	for y := range want {
		if !near(v.v[y], want[y], 0.15) {
			t.Errorf("V(%d) = %.3f, want %.3f", y, v.v[y], want[y])
		}
	}

	// Score adds gamma V to the reward and leaves impossible decisions at -Inf.
	values := make([]float64, 2)
	d := &droo.Decisions{K: 2, Rows: 1, Choice: []int32{0, 1}}
	if err := l.Score(queueObs{0, 5}, d, values); err != nil {
		t.Fatal(err)
	}
	if !near(values[0], gamma*v.v[0], 1e-12) || !near(values[1], 5-h+gamma*v.v[1], 1e-12) {
		t.Errorf("Q(empty, 5) = %v with V = %v", values, v.v)
	}
	if err := l.Score(queueObs{1, 5}, d, values); err != nil {
		t.Fatal(err)
	}
	if !math.IsInf(values[1], -1) {
		t.Errorf("admitting to a full queue is worth %v, want -Inf", values[1])
	}
}

// optimalPolicy returns by value iteration whether to admit, by length and value.
func (q *queue) optimalPolicy(gamma float64) map[queueObs]int32 {
	policy := map[queueObs]int32{}
	v := make([]float64, q.capacity+1) // of afterstates
	for range 1000 {
		best := func(length int) float64 { // mean over the value of the task
			sum := 0.0
			for _, value := range q.values {
				obs := queueObs{length, value}
				policy[obs] = 0
				turn := q.reward(obs, 0) + gamma*v[length]
				if length < q.capacity {
					if admit := q.reward(obs, 1) + gamma*v[length+1]; admit > turn {
						policy[obs] = 1
						turn = admit
					}
				}
				sum += turn / 2
			}
			return sum
		}
		next := make([]float64, len(v))
		for y := range next {
			next[y] = q.service*best(max(0, y-1)) + (1-q.service)*best(y)
		}
		v = next
	}
	return policy
}

// Deciding with its current V, the critic finds the policy that value iteration computes from the
// probabilities, which the critic does not know: admit tasks of value 2 only to an empty queue. The
// one-slot critic fills the queue with them. (The closest decision is worth 0.63 more than its
// alternative.)
func TestLongTermFindsOptimalPolicy(t *testing.T) {
	const gamma = 0.9
	q := &queue{capacity: 3, holding: 0.2, service: 0.45, values: [2]float64{2, 5}, random: rl.NewRand(2, 0)}
	v := newTable(4)
	l := newLongTerm(t, q, v, gamma, 20000)
	explore := rl.NewRand(3, 0)
	q.arrive()
	for range 60000 {
		admit := greedy(t, l, q.obs)
		if q.obs.length < q.capacity && explore.IntN(20) == 0 {
			admit = 1 - admit
		}
		q.slot(t, l, admit)
	}
	myopicIsOptimal := true
	for obs, want := range q.optimalPolicy(gamma) {
		if got := greedy(t, l, obs); got != want {
			t.Errorf("%+v: admit = %d, want %d (V = %.2f)", obs, got, want, v.v)
		}
		myopicIsOptimal = myopicIsOptimal && greedy(t, q, obs) == want
	}
	if myopicIsOptimal {
		t.Error("the one-slot critic is optimal here: the test shows nothing")
	}
}

// Every slot except the first of an episode earns 1. If the process terminates after each with
// probability p, then V = (1-p)(1 + gamma V); if it is only truncated, V = 1 + gamma V. With
// BatchSize 0 a training uses all stored temporal differences, in order of age.
func TestLongTermTrainsOnAllOfItsMemory(t *testing.T) {
	q := &queue{capacity: 3, holding: 0.3, service: 0.4, values: [2]float64{1, 5}, random: rl.NewRand(1, 0)}
	v := &batches{table: newTable(4)}
	l, err := droo.NewLongTerm[queueObs](q, v, droo.LongTermConfig{Gamma: 0.9, TrainInterval: 2, StepsPerTrain: 1, MemorySize: 5})
	if err != nil {
		t.Fatal(err)
	}
	q.arrive()
	for range 12 {
		q.slot(t, l, 0)
	}
	// A difference takes two slots, so the first training is on one.
	if want := []int{1, 3, 5, 5, 5, 5}; !slices.Equal(v.sizes, want) {
		t.Errorf("trained on %v differences, want %v", v.sizes, want)
	}
}

// batches counts the differences in its trainings.
type batches struct {
	*table
	sizes []int
}

func (b *batches) TrainTD(features []float32, k int, targets []float64) (float64, error) {
	b.sizes = append(b.sizes, k)
	return b.table.TrainTD(features, k, targets)
}

func TestLongTermEpisodeEnds(t *testing.T) {
	const gamma, p = 0.7, 0.25
	for _, c := range []struct {
		name string
		end  func(*rl.Transition[queueObs])
		want float64
	}{
		{"terminated", func(tr *rl.Transition[queueObs]) { tr.Terminated = true }, (1 - p) / (1 - (1-p)*gamma)},
		{"truncated", func(tr *rl.Transition[queueObs]) { tr.Truncated = true }, 1 / (1 - gamma)},
	} {
		q := &queue{capacity: 0}
		v := newTable(1)
		l := newLongTerm(t, q, v, gamma, 20000)
		rng := rl.NewRand(4, 0)
		first := true
		for range 40000 {
			if err := l.Executed(queueObs{}, []int32{0}); err != nil {
				t.Fatal(err)
			}
			tr := rl.Transition[queueObs]{Reward: 1}
			if first {
				tr.Reward = 100 // no afterstate has led here
			}
			if rng.Float64() < p {
				c.end(&tr)
			}
			first = tr.Done()
			if _, _, err := l.Observe(tr); err != nil {
				t.Fatal(err)
			}
		}
		if !near(v.v[0], c.want, 0.05) {
			t.Errorf("%s: V = %.3f, want %.3f", c.name, v.v[0], c.want)
		}
	}
}

func TestLongTermResumesExactly(t *testing.T) {
	make := func() (*queue, *table, *droo.LongTerm[queueObs]) {
		q := &queue{capacity: 3, holding: 0.2, service: 0.45, values: [2]float64{1, 5}, random: rl.NewRand(5, 0)}
		v := newTable(4)
		return q, v, newLongTerm(t, q, v, 0.9, 64)
	}
	q, v, l := make()
	q.arrive()
	for range 501 {
		q.slot(t, l, greedy(t, l, q.obs))
	}
	state := checkpoints.NewState()
	if err := errors.Join(l.SaveState(state), q.random.SaveState(state.Sub("queue")), state.Err()); err != nil {
		t.Fatal(err)
	}
	q2, v2, l2 := make()
	if err := errors.Join(l2.LoadState(state), q2.random.LoadState(state.Sub("queue"))); err != nil {
		t.Fatal(err)
	}
	q2.obs = q.obs
	for i := range 100 {
		a, b := q.slot(t, l, greedy(t, l, q.obs)), q2.slot(t, l2, greedy(t, l2, q2.obs))
		if a != b || !slices.Equal(v.v, v2.v) {
			t.Fatalf("slot %d after resuming: reward %v, V %v; want %v, %v", i, b, v2.v, a, v.v)
		}
	}
}

func TestLongTermRefusesMisuse(t *testing.T) {
	q := &queue{capacity: 1, values: [2]float64{1, 5}, random: rl.NewRand(1, 0)}
	v := newTable(2)
	l := newLongTerm(t, q, v, 0.9, 64)
	wantError := func(err error, say string) {
		t.Helper()
		if err == nil || !strings.Contains(err.Error(), say) {
			t.Errorf("error %v, want one saying %q", err, say)
		}
	}
	_, _, err := l.Observe(rl.Transition[queueObs]{})
	wantError(err, "Observe without Executed")
	if err := l.Executed(q.obs, []int32{0}); err != nil {
		t.Fatal(err)
	}
	wantError(l.Executed(q.obs, []int32{0}), "Executed twice")
	wantError(l.SaveState(checkpoints.NewState()), "between Executed and Observe")
	_, _, err = l.Observe(rl.Transition[queueObs]{Reward: math.NaN()})
	wantError(err, "reward NaN")
	if _, _, err := l.Observe(rl.Transition[queueObs]{}); err != nil {
		t.Fatal(err)
	}
	q.capacity = 2
	wantError(l.Executed(q.obs, []int32{0}), "one size only")
	q.capacity = 1

	v.v[1] = math.NaN()
	err = l.Score(queueObs{0, 5}, &droo.Decisions{K: 2, Rows: 1, Choice: []int32{0, 1}}, make([]float64, 2))
	wantError(err, "afterstate 1 of 2 is NaN, of features [0 1]")

	for _, gamma := range []float64{-0.1, 1, math.NaN()} {
		cfg := droo.DefaultLongTermConfig()
		cfg.Gamma = gamma
		wantError(cfg.Check(), "Gamma")
	}
	if err := droo.DefaultLongTermConfig().Check(); err != nil {
		t.Error(err)
	}
}

// The resumption test covers tdCodec; this tests that a foreign file cannot harm it.
func TestLongTermRefusesForeignState(t *testing.T) {
	for _, values := range [][]float64{{0}, {1, 2}, {0, 1, 2, 3, 4}, {1, math.NaN(), 0}} {
		q := &queue{capacity: 1, values: [2]float64{1, 5}, random: rl.NewRand(1, 0)}
		l := newLongTerm(t, q, newTable(2), 0.9, 64)
		s := checkpoints.NewState()
		if err := l.SaveState(s); err != nil {
			t.Fatal(err)
		}
		foreign := checkpoints.NewState()
		foreign.PutInt("slots", 0)
		foreign.PutFloat32("previous", nil, nil)
		foreign.PutInt("memory/capacity", 64)
		foreign.PutInt("memory/next", 1)
		foreign.PutFloat64("memory/values", nil, values)
		foreign.PutInt64("memory/ends", nil, []int64{int64(len(values))})
		if err := l.LoadState(foreign); err == nil || !strings.Contains(err.Error(), "item 0") {
			t.Errorf("%v: error %v", values, err)
		}
	}
}

func TestLongTermAllocatesNothing(t *testing.T) {
	q := &queue{capacity: 3, holding: 0.2, service: 0.45, values: [2]float64{1, 5}, random: rl.NewRand(5, 0)}
	l := newLongTerm(t, q, newTable(4), 0.9, 64)
	d, values := &droo.Decisions{K: 2, Rows: 1, Choice: []int32{0, 1}}, make([]float64, 2)
	admit := []int32{1}
	slot := func() {
		if err := l.Score(queueObs{1, 5}, d, values); err != nil {
			t.Fatal(err)
		}
		if err := l.Executed(queueObs{1, 5}, admit); err != nil {
			t.Fatal(err)
		}
		if _, _, err := l.Observe(rl.Transition[queueObs]{Reward: 1}); err != nil {
			t.Fatal(err)
		}
	}
	for range 200 { // until the memory is full
		slot()
	}
	if n := testing.AllocsPerRun(400, slot); n != 0 {
		t.Errorf("a slot allocates %v times", n)
	}
}

func near(a, b, tolerance float64) bool { return math.Abs(a-b) <= tolerance }
