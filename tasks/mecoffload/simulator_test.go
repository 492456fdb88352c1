package mecoffload

import (
	"container/heap"
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/graphrl/graphrl/checkpoints"
	"github.com/graphrl/graphrl/internal/cores"
	"github.com/graphrl/graphrl/rl"
	"github.com/graphrl/graphrl/rl/rltest"
)

// builtin returns a simulator of a built-in scenario with the default profile, after change.
func builtin(t testing.TB, name string, change func(*Scenario)) (*Simulator, Scenario, Profile) {
	t.Helper()
	sc, err := LoadScenario(name)
	if err != nil {
		t.Fatal(err)
	}
	if change != nil {
		change(&sc)
	}
	p, err := LoadProfile(IllustrativeProfile)
	if err != nil {
		t.Fatal(err)
	}
	sim, err := NewSimulator(sc, p)
	if err != nil {
		t.Fatal(err)
	}
	return sim, sc, p
}

func reset(t testing.TB, sim *Simulator, seed uint64) Observation {
	t.Helper()
	obs, err := sim.Reset(seed)
	if err != nil {
		t.Fatal(err)
	}
	return obs
}

// step executes an action and returns the next observation and the reward.
func step(t testing.TB, sim *Simulator, a Action) (Observation, float64) {
	t.Helper()
	tr, err := sim.Step(a)
	if err != nil {
		t.Fatal(err)
	}
	if tr.Terminated || tr.Truncated {
		t.Fatal("the simulator ended an episode")
	}
	return tr.Observation, tr.Reward
}

func randomAction(rng *rand.Rand, obs *Observation) Action {
	a := make(Action, obs.Devices)
	for i := range a {
		a[i] = int32(rng.IntN(obs.Options()))
	}
	return a
}

// randomWorld draws a scenario and a profile, with overload, long tails and ties more often than in
// the built-ins.
func randomWorld(rng *rand.Rand) (Scenario, Profile) {
	exits := 1 + rng.IntN(4)
	p := Profile{Name: "random", Accuracy: make([]float64, exits)}
	for l := range p.Accuracy {
		p.Accuracy[l] = (float64(l) + rng.Float64()) / float64(exits+1)
		p.Accuracy[l] = max(p.Accuracy[l], 1e-3)
	}
	slices.Sort(p.Accuracy)
	for range 1 + rng.IntN(3) {
		s := ServerProfile{Times: make([]Seconds, exits)}
		total := Seconds(0)
		for l := range s.Times {
			total += Seconds(0.0001 + 0.004*rng.Float64())
			s.Times[l] = total
		}
		p.Servers = append(p.Servers, s)
	}
	low, size := 0.01+0.03*rng.Float64(), 20+50*rng.Float64()
	sc := Scenario{
		Name:         "random",
		Devices:      1 + rng.IntN(12),
		Servers:      1 + rng.IntN(4),
		Slot:         Seconds(0.002 + 0.03*rng.Float64()),
		SizeKByte:    Interval[float64]{size, size + 50*rng.Float64()},
		Deadline:     Interval[Seconds]{Seconds(low), Seconds(low + 0.02*rng.Float64())},
		RateMbit:     Interval[float64]{10, 100},
		Capacity:     Interval[float64]{0.25, 1},
		Jitter:       0.5 * float64(rng.IntN(2)),
		CSI:          0.3 * float64(rng.IntN(2)),
		Arrival:      1 - 0.4*float64(rng.IntN(2)),
		RewardWeight: rng.Float64(),
	}
	if rng.IntN(3) == 0 { // every task arrives everywhere at the same time
		sc.SizeKByte.High, sc.RateMbit.Low, sc.CSI = sc.SizeKByte.Low, sc.RateMbit.High, 0
	}
	return sc, p
}

func TestSimulatorKeepsTheContractOfEnv(t *testing.T) {
	for _, name := range []string{"dynamic", "churn", "trace"} {
		t.Run(name, func(t *testing.T) {
			rltest.Env(t, rltest.EnvConfig[Observation, Action]{
				New: func() rl.Env[Observation, Action] {
					sim, _, _ := builtin(t, name, func(s *Scenario) {
						s.Arrival = 0.9
						if name == "trace" {
							s.Trace.Files = []string{"testdata/traces"}
						}
					})
					return sim
				},
				Action: func(obs Observation, r *rl.Rand) Action { return randomAction(r.Rand, &obs) },
				Clone: func(obs Observation) Observation {
					var c Observation
					obs.CopyTo(&c)
					return c
				},
				Invalid: func(obs Observation) []Action {
					return []Action{make(Action, obs.Devices+1), append(make(Action, max(0, obs.Devices-1)), int32(obs.Options()))}
				},
				Steps: 60,
			})
		})
	}
}

// event is an event at a server: a task arrives, or (task < 0) the server becomes free.
type event struct {
	time   float64
	task   int
	server int
}

type events []event

func (e events) Len() int { return len(e) }
func (e events) Less(i, j int) bool {
	if e[i].time != e[j].time {
		return e[i].time < e[j].time
	}
	return e[i].task < e[j].task
}
func (e events) Swap(i, j int) { e[i], e[j] = e[j], e[i] }
func (e *events) Push(x any)   { *e = append(*e, x.(event)) }
func (e *events) Pop() any {
	last := (*e)[len(*e)-1]
	*e = (*e)[:len(*e)-1]
	return last
}

// fate is the result of a task in the event simulation.
type fate struct {
	status Status
	finish float64
}

// happen plays a slot as a discrete-event simulation that shares no code with the simulator: a
// server that becomes free or idle drops the expired tasks in its queue and starts the next. It
// returns each task's fate and each server's next backlog.
func happen(backlog []float64, slot float64, arrive, work, deadline []float64, server []int) ([]fate, []float64) {
	fates := make([]fate, len(arrive))
	next := make([]float64, len(backlog))
	waiting := make([][]int, len(backlog))
	running := make([]bool, len(backlog))
	var queue events
	for n, b := range backlog {
		running[n] = true
		heap.Push(&queue, event{time: b, task: -1, server: n})
	}
	for i, t := range arrive {
		heap.Push(&queue, event{time: t, task: i, server: server[i]})
	}
	for queue.Len() > 0 {
		now := heap.Pop(&queue).(event)
		n := now.server
		if now.task < 0 {
			running[n] = false
			next[n] = max(0, now.time-slot)
		} else {
			waiting[n] = append(waiting[n], now.task)
		}
		for !running[n] && len(waiting[n]) > 0 {
			i := waiting[n][0]
			waiting[n] = waiting[n][1:]
			if now.time > deadline[i] {
				fates[i] = fate{Dropped, math.Inf(1)}
				continue
			}
			finish := now.time + work[i]
			fates[i] = fate{InTime, finish}
			if finish > deadline[i] {
				fates[i].status = Late
			}
			running[n] = true
			heap.Push(&queue, event{time: finish, task: -1, server: n})
		}
	}
	return fates, next
}

func TestSimulatorEqualsEventSimulation(t *testing.T) {
	slots := 10_000
	if testing.Short() {
		slots = 1000
	}
	rng := rand.New(rand.NewPCG(20, 26))
	seen := map[Status]int{}
	for slot := 0; slot < slots; {
		sc, p := randomWorld(rng)
		sim, err := NewSimulator(sc, p)
		if err != nil {
			t.Fatal(err)
		}
		obs := reset(t, sim, rng.Uint64())
		for range 5 {
			slot++
			a := randomAction(rng, &obs)
			m := obs.Devices
			arrive, work, server := make([]float64, m), make([]float64, m), make([]int, m)
			for i, option := range a {
				n, l := int(option)/obs.Exits, int(option)%obs.Exits
				server[i] = n
				rate, _ := sim.Luck(i, n, l)
				arrive[i] = obs.Bits[i] / (obs.Rate[i*obs.Servers+n] * rate)
				work[i] = p.Time(n, l) / obs.Capacity[n] * (1 + sc.Jitter*(2*inTurn(sim, drawTimeLuck, sc.Jitter)[i*obs.Servers+n]-1))
			}
			fates, next := happen(obs.Backlog, float64(sc.Slot), arrive, work, obs.Deadline, server)
			want := 0.0
			for i, f := range fates {
				if f.status == InTime {
					want += p.Accuracy[int(a[i])%obs.Exits] * (1 - sc.RewardWeight*f.finish/obs.Deadline[i])
				}
			}
			if m > 0 {
				want /= float64(m)
			}

			var reward float64
			obs, reward = step(t, sim, a)
			out := sim.Outcome()
			for i, f := range fates {
				seen[f.status]++
				if out.Status[i] != f.status || out.Latency[i] != f.finish {
					t.Fatalf("slot %d, task %d: simulator has %v at %v, events %v at %v", slot, i,
						out.Status[i], out.Latency[i], f.status, f.finish)
				}
				accuracy := 0.0
				if f.status == InTime {
					accuracy = p.Accuracy[out.Exit[i]]
				}
				if out.Accuracy[i] != accuracy || out.Server[i] != server[i] {
					t.Fatalf("slot %d, task %d: accuracy %v on server %d, want %v on %d", slot, i,
						out.Accuracy[i], out.Server[i], accuracy, server[i])
				}
			}
			if len(out.Status) != m {
				t.Fatalf("slot %d: outcome of %d tasks for %d", slot, len(out.Status), m)
			}
			if math.Abs(reward-want) > 1e-12 || reward != out.Reward {
				t.Fatalf("slot %d: reward %v, want %v", slot, reward, want)
			}
			if d := cmp.Diff(next, obs.Backlog); d != "" {
				t.Fatalf("slot %d: next backlog (-events +simulator):\n%s", slot, d)
			}
		}
	}
	for _, s := range []Status{InTime, Late, Dropped} {
		if seen[s] < slots/20 {
			t.Errorf("only %d tasks of status %d among %d slots: the instances are too easy",
				seen[s], s, slots)
		}
	}
}

// With distinct arrival times, device numbers do not matter.
func TestRelabellingDevices(t *testing.T) {
	sim, _, _ := builtin(t, "dynamic", func(s *Scenario) { s.Servers, s.CSI, s.Jitter = 3, 0, 0 }) // luck is by number
	rng := rand.New(rand.NewPCG(3, 4))
	obs := reset(t, sim, 5)
	for range 200 {
		m, n := obs.Devices, obs.Servers
		a := randomAction(rng, &obs)
		sim.execute(a)
		var before Outcome
		before.Status = slices.Clone(sim.outcome.Status)
		before.Latency = slices.Clone(sim.outcome.Latency)
		reward, free := sim.outcome.Reward, slices.Clone(sim.free)

		var old Observation
		obs.CopyTo(&old)
		relabelled := make(Action, m)
		perm := rng.Perm(m)
		for i, j := range perm {
			relabelled[i] = a[j]
			sim.obs.Bits[i], sim.obs.Deadline[i] = old.Bits[j], old.Deadline[j]
			copy(sim.obs.Rate[i*n:][:n], old.Rate[j*n:][:n])
		}
		sim.execute(relabelled)
		for i, j := range perm {
			if sim.outcome.Status[i] != before.Status[j] || sim.outcome.Latency[i] != before.Latency[j] {
				t.Fatalf("device %d, relabelled %d, has another fate", j, i)
			}
		}
		if sim.outcome.Reward != reward || !slices.Equal(sim.free, free) {
			t.Fatal("relabelling changed the reward or the servers' time")
		}
		obs, _ = step(t, sim, relabelled)
	}
}

// Ties in arrival are served in order of device.
func TestTiesInArrival(t *testing.T) {
	sim, _, p := builtin(t, "static", func(s *Scenario) {
		s.SizeKByte, s.RateMbit = Interval[float64]{50, 50}, Interval[float64]{50, 50}
		s.Deadline = Interval[Seconds]{1, 1}
		s.Devices, s.Servers = 30, 1
	})
	obs := reset(t, sim, 1)
	step(t, sim, make(Action, obs.Devices))
	for i, latency := range sim.Outcome().Latency {
		if want := 50*8000/50e6 + float64(i+1)*p.Time(0, 0); math.Abs(latency-want) > 1e-12 {
			t.Errorf("device %d has its result after %v, want %v", i, latency, want)
		}
	}
}

// Every method meets the same tasks, links, servers and luck, independent of its actions.
func TestStreamIndependentOfActions(t *testing.T) {
	for _, name := range []string{"dynamic", "churn"} {
		one, _, _ := builtin(t, name, func(s *Scenario) { s.Arrival = 0.8 })
		two, _, _ := builtin(t, name, func(s *Scenario) { s.Arrival = 0.8 })
		rng := rand.New(rand.NewPCG(1, 1))
		a, b := reset(t, one, 9), reset(t, two, 9)
		for slot := range 300 {
			a.Backlog, b.Backlog = nil, nil
			if d := cmp.Diff(a, b); d != "" {
				t.Fatalf("%s, slot %d: %s", name, slot, d)
			}
			for i := range a.Devices {
				r, x := one.Luck(i, 1, 0)
				if q, y := two.Luck(i, 1, 0); q != r || x != y {
					t.Fatalf("%s, slot %d: luck differs", name, slot)
				}
			}
			idle := make(Action, a.Devices)
			a, _ = step(t, one, idle)
			b, _ = step(t, two, randomAction(rng, &two.obs))
		}
		other := reset(t, two, 10)
		again := reset(t, one, 9)
		if cmp.Equal(again.Bits, other.Bits) {
			t.Errorf("%s: seeds 9 and 10 draw the same tasks", name)
		}
	}
}

// Scenarios that differ in one uncertainty meet the same tasks under the same seed.
func TestScenariosShareTheirTasks(t *testing.T) {
	one, _, _ := builtin(t, "static", nil)
	two, _, _ := builtin(t, "dynamic", nil)
	a, b := reset(t, one, 4), reset(t, two, 4)
	for range 10 {
		if !cmp.Equal(a.Bits, b.Bits) || !cmp.Equal(a.Deadline, b.Deadline) || !cmp.Equal(a.Rate, b.Rate) {
			t.Fatal("static and dynamic draw different tasks or links")
		}
		a, _ = step(t, one, make(Action, a.Devices))
		b, _ = step(t, two, make(Action, b.Devices))
	}
}

func TestDrawsFollowTheScenario(t *testing.T) {
	sim, sc, _ := builtin(t, "dynamic", func(s *Scenario) { s.Devices, s.Servers, s.Arrival = 40, 4, 0.7 })
	var tasks, sizes, deadlines, rates, capacities, rateLuck, timeLuck []float64
	obs := reset(t, sim, 2)
	for range 2000 {
		tasks = append(tasks, float64(obs.Devices))
		sizes, deadlines = append(sizes, obs.Bits...), append(deadlines, obs.Deadline...)
		rates, capacities = append(rates, obs.Rate...), append(capacities, obs.Capacity...)
		for i := range obs.Devices {
			for link := range obs.Degree() {
				rate, luck := sim.Luck(i, link, 0)
				rateLuck, timeLuck = append(rateLuck, rate), append(timeLuck, luck)
			}
		}
		for i := 1; i < obs.Devices; i++ {
			if obs.ID[i] <= obs.ID[i-1] {
				t.Fatalf("identities %v do not increase", obs.ID)
			}
		}
		obs, _ = step(t, sim, make(Action, obs.Devices))
	}
	for _, c := range []struct {
		what      string
		values    []float64
		low, high float64
	}{
		{"size", sizes, 25 * 8000, 100 * 8000},
		{"deadline", deadlines, 0.02, 0.04},
		{"rate", rates, 20e6, 100e6},
		{"capacity", capacities, 0.25, 1},
		{"rate luck", rateLuck, 0.8, 1.2},
		{"time luck", timeLuck, 0.75, 1.25},
	} {
		// The mean and the variance of a uniform distribution, within 4 and 6 standard errors.
		n, sum, squares := float64(len(c.values)), 0.0, 0.0
		for _, v := range c.values {
			sum += v
		}
		for _, v := range c.values {
			squares += (v - sum/n) * (v - sum/n)
		}
		width := c.high - c.low
		if mean := sum / n; math.Abs(mean-(c.low+c.high)/2) > 4*width/math.Sqrt(12*n) {
			t.Errorf("%s: mean %v of U(%v, %v)", c.what, mean, c.low, c.high)
		}
		if v := squares / n; math.Abs(v/(width*width/12)-1) > 6/math.Sqrt(n) {
			t.Errorf("%s: variance %v of U(%v, %v)", c.what, v, c.low, c.high)
		}
		if slices.Min(c.values) < c.low || slices.Max(c.values) > c.high {
			t.Errorf("%s outside [%v, %v]", c.what, c.low, c.high)
		}
	}
	mean := 0.0
	for _, m := range tasks {
		mean += m / float64(len(tasks))
	}
	if want := sc.MeanTasks(); want != 28 || math.Abs(mean-want) > 4*math.Sqrt(40*0.7*0.3/2000) {
		t.Errorf("mean number of tasks %v, MeanTasks %v, want 28", mean, want)
	}
}

func TestChurn(t *testing.T) {
	for _, churn := range []Churn{{0.4, 0.2, 0.2}, {0.5, 0.3, 0.6}, {0, 0.6, 0.5}} {
		sim, sc, _ := builtin(t, "churn", func(s *Scenario) { s.Devices, s.Churn = 10, churn })
		obs := reset(t, sim, 3)
		sum, last, ids := 0.0, obs.Devices, map[int]int{}
		const slots = 40_000
		for range slots {
			if obs.Devices < sc.fewestDevices() || obs.Devices > sc.Devices || obs.Devices < last-1 || obs.Devices > last+1 {
				t.Fatalf("%+v: %d devices after %d", churn, obs.Devices, last)
			}
			last = obs.Devices
			sum += float64(obs.Devices)
			for _, id := range obs.ID {
				ids[id]++
			}
			obs, _ = step(t, sim, make(Action, obs.Devices))
		}
		// The chain mixes in about 10^2/0.2 slots, so there are some 100 independent numbers with a
		// standard deviation of about 3.
		if mean := sum / slots; math.Abs(mean-sc.MeanTasks()) > 1 {
			t.Errorf("%+v: %.2f devices on average, MeanTasks %.2f", churn, mean, sc.MeanTasks())
		}
		for id := range sc.Devices {
			if share := float64(ids[id]) / sum; math.Abs(share-0.1) > 0.03 {
				t.Errorf("%+v: device %d is %.3f of those present, want about a tenth", churn, id,
					share)
			}
		}
	}
}

// MeanTasks agrees with the stationary distribution found by power iteration.
func TestMeanTasks(t *testing.T) {
	for _, c := range []struct {
		devices int
		churn   Churn
	}{{10, Churn{0.4, 0.2, 0.2}}, {7, Churn{0, 0.9, 0.3}}, {3, Churn{0.9, 0.5, 0.5}}, {14, Churn{0.5, 0.1, 0.4}}} {
		_, sc, _ := builtin(t, "churn", func(s *Scenario) { s.Devices, s.Churn = c.devices, c.churn })
		low := sc.fewestDevices()
		p := make([]float64, c.devices+1)
		p[low] = 1
		for range 20_000 {
			next := make([]float64, len(p))
			for m, mass := range p {
				for _, leaves := range []bool{false, true} {
					for _, joins := range []bool{false, true} {
						chance, to := mass, m
						if leaves {
							chance *= c.churn.Leave
							if to > low {
								to--
							}
						} else {
							chance *= 1 - c.churn.Leave
						}
						if joins {
							chance *= c.churn.Join
							if to < c.devices {
								to++
							}
						} else {
							chance *= 1 - c.churn.Join
						}
						next[to] += chance
					}
				}
			}
			p = next
		}
		want := 0.0
		for m, mass := range p {
			want += float64(m) * mass
		}
		if got := sc.MeanTasks(); math.Abs(got-want) > 1e-6 {
			t.Errorf("%d devices, %+v: MeanTasks %v, power iteration %v", c.devices, c.churn, got,
				want)
		}
	}
}

func TestResume(t *testing.T) {
	for _, name := range []string{"dynamic", "churn", "trace"} {
		change := func(s *Scenario) {
			s.Arrival = 0.9
			if name == "trace" {
				s.Trace.Files = []string{"testdata/traces"}
			}
		}
		whole, _, _ := builtin(t, name, change)
		rng := rand.New(rand.NewPCG(8, 8))
		obs := reset(t, whole, 12)
		for range 40 {
			obs, _ = step(t, whole, randomAction(rng, &obs))
		}
		st := checkpoints.NewState()
		if err := whole.SaveState(st); err != nil {
			t.Fatal(err)
		}
		resumed, _, _ := builtin(t, name, change)
		if err := resumed.LoadState(st); err != nil {
			t.Fatal(err)
		}
		back, err := resumed.Observation()
		if err != nil {
			t.Fatal(err)
		}
		for slot := range 40 {
			if d := cmp.Diff(obs, back); d != "" {
				t.Fatalf("%s, %d slots after resuming: %s", name, slot, d)
			}
			a := randomAction(rng, &obs)
			var r1, r2 float64
			obs, r1 = step(t, whole, a)
			back, r2 = step(t, resumed, a)
			if r1 != r2 {
				t.Fatalf("%s, %d slots after resuming: reward %v, not %v", name, slot, r2, r1)
			}
		}
	}
}

func TestLoadStateRefuses(t *testing.T) {
	good, _, _ := builtin(t, "dynamic", nil)
	reset(t, good, 1)
	other, _, _ := builtin(t, "dynamic", func(s *Scenario) { s.Devices = 3 })
	servers, _, _ := builtin(t, "dynamic", func(s *Scenario) { s.Servers = 3 })
	st := checkpoints.NewState()
	if err := good.SaveState(st); err != nil {
		t.Fatal(err)
	}
	for what, sim := range map[string]*Simulator{"devices": other, "servers": servers} {
		if err := sim.LoadState(st); err == nil {
			t.Errorf("loaded a state with another number of %s", what)
		}
	}
	if err := good.LoadState(checkpoints.NewState()); err == nil {
		t.Error("loaded an empty state")
	}
	fresh, _, _ := builtin(t, "dynamic", nil)
	if err := fresh.SaveState(checkpoints.NewState()); err == nil {
		t.Error("saved a simulator that was never reset")
	}
}

// An action that cannot be executed is an error and changes nothing.
func TestStepRefuses(t *testing.T) {
	sim, _, _ := builtin(t, "dynamic", nil)
	if _, err := sim.Step(Action{}); err == nil {
		t.Error("Step before Reset is no error")
	}
	if _, err := sim.Observation(); err == nil {
		t.Error("Observation before Reset is no error")
	}
	obs := reset(t, sim, 1)
	var before, after Observation
	obs.CopyTo(&before)
	bad := func(i int, option int32) Action {
		a := make(Action, obs.Devices)
		a[i] = option
		return a
	}
	for _, a := range []Action{nil, make(Action, obs.Devices+1), bad(3, -1), bad(3, int32(obs.Options()))} {
		if _, err := sim.Step(a); err == nil {
			t.Errorf("Step(%v) is no error", a)
		}
		sim.obs.CopyTo(&after)
		if d := cmp.Diff(before, after); d != "" {
			t.Errorf("a refused action changed the observation: %s", d)
		}
	}
}

func TestNewSimulatorRefuses(t *testing.T) {
	_, sc, p := builtin(t, "dynamic", nil)
	bad := sc
	bad.Jitter = 1
	if _, err := NewSimulator(bad, p); err == nil {
		t.Error("accepted a jitter of 1")
	}
	if _, err := NewSimulator(sc, Profile{}); err == nil {
		t.Error("accepted an empty profile")
	}
	bad = sc
	bad.Trace = TraceSource{Files: []string{"testdata/nothing-here"}, FloorMbit: 1}
	if _, err := NewSimulator(bad, p); err == nil {
		t.Error("accepted a trace that does not exist")
	}
}

func TestSlotsWithoutTasks(t *testing.T) {
	sim, sc, p := builtin(t, "dynamic", func(s *Scenario) { s.Devices, s.Arrival = 2, 0.2 })
	metrics := newMetrics(t, sc, p)
	obs := reset(t, sim, 1)
	empty := 0
	for range 200 {
		m := obs.Devices
		var reward float64
		obs, reward = step(t, sim, make(Action, m))
		metrics.Add(sim.Outcome(), 0)
		if m == 0 {
			empty++
			if reward != 0 {
				t.Errorf("reward %v without tasks", reward)
			}
		}
	}
	if empty == 0 {
		t.Error("no slot without tasks")
	}
	if metrics.Slots != 200 || metrics.Tasks == 0 {
		t.Errorf("%d slots, %d tasks", metrics.Slots, metrics.Tasks)
	}
}

func TestStepDoesNotAllocate(t *testing.T) {
	for _, name := range []string{"dynamic", "churn"} {
		sim, _, _ := builtin(t, name, func(s *Scenario) { s.Devices = 100 })
		obs := reset(t, sim, 1)
		a := make(Action, 100)
		allocs := testing.AllocsPerRun(200, func() { obs, _ = step(t, sim, a[:obs.Devices]) })
		if allocs != 0 {
			t.Errorf("%s: %v allocations per step", name, allocs)
		}
	}
}

func BenchmarkStep(b *testing.B) {
	for _, c := range []struct{ m, n int }{{14, 2}, {1000, 20}} {
		b.Run(fmt.Sprintf("M=%d/N=%d", c.m, c.n), func(b *testing.B) {
			sim, _, _ := builtin(b, "dynamic", func(s *Scenario) { s.Devices, s.Servers = c.m, c.n })
			obs := reset(b, sim, 1)
			a := randomAction(rand.New(rand.NewPCG(1, 2)), &obs)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := sim.Step(a); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// inTurn makes all draws of one kind of luck for the links of a slot, one after the other.
func inTurn(s *Simulator, kind uint64, spread float64) []float64 {
	u := make([]float64, len(s.obs.Rate))
	if spread > 0 {
		random := s.stream(kind, s.slot)
		for i := range u {
			u[i] = random.Float64()
		}
	}
	return u
}

// Rates and luck are those of one stream of draws for each slot, whatever the number of cores that
// draw rates and whichever link's luck is asked for.
func TestDrawsAreOneStream(t *testing.T) {
	defer cores.Force(1)()
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
	for processors := 1; processors <= 3; processors++ {
		runtime.GOMAXPROCS(processors)
		sim, sc, p := builtin(t, "dynamic", func(s *Scenario) { s.Devices, s.Servers, s.Reach = 200, 30, processors*5 })
		obs := reset(t, sim, 9322)
		for range 3 {
			rates, csi, jitter := inTurn(sim, drawRates, 1), inTurn(sim, drawRateLuck, sc.CSI), inTurn(sim, drawTimeLuck, sc.Jitter)
			for i := range obs.Devices {
				for link := range obs.Degree() {
					at, exit := i*obs.Degree()+link, i%obs.Exits
					rate, time := sim.Luck(i, link, exit)
					want := p.Luck(obs.ServerOf(i, link), exit, sc.Jitter)
					if obs.Rate[at] != sc.RateMbit.at(rates[at])*1e6 || time != want.At(jitter[at]) ||
						rate != (Interval[float64]{1 - sc.CSI, 1 + sc.CSI}).at(csi[at]) {
						t.Fatalf("%d cores, device %d, link %d", processors, i, link)
					}
				}
			}
			obs, _ = step(t, sim, make(Action, obs.Devices))
		}
	}
}
