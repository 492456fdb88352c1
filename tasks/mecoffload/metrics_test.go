package mecoffload

import (
	"encoding/json"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/graphrl/graphrl/checkpoints"
)

// twoSlots are outcomes with every kind of fate, on 2 servers with 3 exits.
func twoSlots() []Outcome {
	inf := math.Inf(1)
	return []Outcome{
		{
			Status:   []Status{InTime, Late, Dropped},
			Accuracy: []float64{0.8, 0, 0},
			Latency:  []float64{0.010, 0.050, inf},
			Server:   []int{0, 1, 1},
			Exit:     []int{1, 2, 2},
			Busy:     []float64{0.002, 0.006},
			Reward:   0.2,
		},
		{
			Status:   []Status{InTime},
			Accuracy: []float64{0.9},
			Latency:  []float64{0.030},
			Server:   []int{0},
			Exit:     []int{2},
			Busy:     []float64{0.004, 0},
			Reward:   0.6,
		},
	}
}

func newTestMetrics(t testing.TB) *Metrics {
	return newMetrics(t,
		Scenario{Name: "hand", Devices: 3, Servers: 2, Slot: 0.01},
		Profile{Accuracy: []float64{0.5, 0.8, 0.9}, Servers: []ServerProfile{{}}},
	)
}

func TestRowByHand(t *testing.T) {
	m := newTestMetrics(t)
	for i, out := range twoSlots() {
		m.Add(&out, time.Duration(i+1)*100*time.Microsecond)
	}
	want := Row{
		Method: "GRLE", Scenario: "hand", Devices: 3, Servers: 2, SlotMS: 10, Slots: 2, Seed: 9,
		Accuracy:       1.7 / 4,
		SSP:            0.5,
		Throughput:     2 / 0.02,
		Reward:         (3*0.2 + 0.6) / 4,
		AccuracyServed: 0.85,
		Latency:        Latency{Mean: 30, P95: 50, P99: 50},
		Utilisation:    (0.006/0.02 + 0.006/0.02) / 2,
		Exits:          []float64{0, 0.25, 0.75},
		Decision:       DecisionTime{Mean: 150, P99: 200},
	}
	near := cmp.Comparer(func(a, b float64) bool { return math.Abs(a-b) <= 0.005*max(math.Abs(a), math.Abs(b)) })
	if d := cmp.Diff(want, m.Row("GRLE", 9), near); d != "" {
		t.Errorf("-want +got:\n%s", d)
	}
	if m.Tasks != 4 || m.InTime != 2 || m.Late != 1 || m.Dropped != 1 {
		t.Errorf("%d tasks: %d in time, %d late, %d dropped", m.Tasks, m.InTime, m.Late, m.Dropped)
	}
}

// Benchmark files are read by these keys.
func TestRowKeys(t *testing.T) {
	b, err := json.Marshal(newTestMetrics(t).Row("x", 1)) // without a single task: no NaN either
	if err != nil {
		t.Fatal(err)
	}
	const want = `{"method":"x","scenario":"hand","devices":3,"servers":2,"slot_ms":10,"slots":0,"seed":1,` +
		`"accuracy":0,"ssp":0,"throughput":0,"reward":0,"accuracy_served":0,"latency_ms":{"mean":0,"p95":0,"p99":0},` +
		`"utilisation":0,"exits":[0,0,0],"decision_us":{"mean":0,"p99":0}}`
	if string(b) != want {
		t.Errorf("got  %s\nwant %s", b, want)
	}
}

func TestMetricsMergeResetAndResume(t *testing.T) {
	slots := twoSlots()
	whole, first, second := newTestMetrics(t), newTestMetrics(t), newTestMetrics(t)
	whole.Add(&slots[0], time.Millisecond)
	whole.Add(&slots[1], time.Microsecond)
	first.Add(&slots[0], time.Millisecond)
	second.Add(&slots[1], time.Microsecond)
	same := func(what string, got *Metrics) {
		t.Helper()
		if d := cmp.Diff(whole, got, cmp.AllowUnexported(Metrics{}, histogram{})); d != "" {
			t.Errorf("%s: -want +got:\n%s", what, d)
		}
	}

	st := checkpoints.NewState()
	if err := first.SaveState(st); err != nil {
		t.Fatal(err)
	}
	times := checkpoints.NewState()
	if err := first.SaveTimes(times); err != nil {
		t.Fatal(err)
	}
	resumed := newTestMetrics(t)
	if err := resumed.LoadState(st); err != nil {
		t.Fatal(err)
	}
	if err := resumed.LoadTimes(times); err != nil {
		t.Fatal(err)
	}
	resumed.Add(&slots[1], time.Microsecond)
	same("resumed", resumed)

	if err := first.Merge(second); err != nil {
		t.Fatal(err)
	}
	same("merged", first)
	if err := first.Merge(newTestMetrics(t)); err != nil {
		t.Fatal(err)
	}
	same("merged with nothing", first)

	second.Reset()
	second.Add(&slots[0], time.Millisecond)
	second.Add(&slots[1], time.Microsecond)
	same("reset and counted again", second)

	other := newMetrics(t, Scenario{Servers: 3, Slot: 0.01}, Profile{Accuracy: []float64{1}})
	if err := other.Merge(whole); err == nil {
		t.Error("merged metrics of different numbers of servers")
	}
	if err := other.LoadState(st); err == nil {
		t.Error("loaded metrics of different numbers of servers")
	}
}

func TestHistogramQuantiles(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 9))
	var h histogram
	if h.quantile(0.5) != 0 || h.mean() != 0 {
		t.Error("an empty histogram has a quantile or a mean")
	}
	var times []float64
	for range 5000 {
		v := math.Exp(-5 + 3*rng.NormFloat64()) // 0.1 us to 100 s
		times = append(times, v)
		h.add(v)
	}
	slices.Sort(times)
	for _, p := range []float64{0, 0.001, 0.5, 0.95, 0.99, 1} {
		want := times[max(0, int(math.Ceil(p*5000))-1)]
		if got := h.quantile(p); math.Abs(got/want-1) > 0.004 {
			t.Errorf("quantile %v: %v, want %v", p, got, want)
		}
	}
	// Times outside the range count in the first or last bin.
	for _, v := range []float64{0, 1e-15, 1e9} {
		var h histogram
		h.add(v)
		if got := h.quantile(0.5); got != v {
			t.Errorf("the only time is %v, the median %v", v, got)
		}
	}
}

func TestMetricsDoNotAllocate(t *testing.T) {
	m := newTestMetrics(t)
	out := twoSlots()[0]
	if n := testing.AllocsPerRun(100, func() { m.Add(&out, time.Microsecond) }); n != 0 {
		t.Errorf("%v allocations per slot", n)
	}
}

func TestNewMetricsRefuses(t *testing.T) {
	for what, c := range map[string]struct {
		sc Scenario
		p  Profile
	}{
		"no servers": {Scenario{Slot: 0.01}, Profile{Accuracy: []float64{1}}},
		"no slot":    {Scenario{Servers: 1}, Profile{Accuracy: []float64{1}}},
		"no exits":   {Scenario{Servers: 1, Slot: 0.01}, Profile{}},
	} {
		if _, err := NewMetrics(c.sc, c.p); err == nil {
			t.Errorf("%s: no error", what)
		}
	}
}
