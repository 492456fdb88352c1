package mecoffload

import (
	"cmp"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// randomLinks is an observation of devices that reach some of the servers.
func randomLinks(rng *rand.Rand, devices, servers, links, exits int) Observation {
	o := Observation{Devices: devices, Servers: servers, Exits: exits, Links: links}
	for i := range devices {
		o.Bits, o.Deadline = append(o.Bits, 1e5+1e6*rng.Float64()), append(o.Deadline, 0.02+0.02*rng.Float64())
		o.ID = append(o.ID, 3*i)
		row := rng.Perm(servers)[:links]
		slices.Sort(row)
		for _, s := range row {
			o.Reach, o.Rate = append(o.Reach, int32(s)), append(o.Rate, 1e7*(1+9*rng.Float64()))
		}
	}
	for range servers {
		o.Capacity, o.Backlog = append(o.Capacity, 0.2+0.8*rng.Float64()), append(o.Backlog, 0.02*rng.Float64())
	}
	return o
}

// reachingAll returns the same with all servers in reach, the new ones at a rate of almost zero,
// and the same decision.
func reachingAll(o Observation, choice []int32) (Observation, []int32) {
	all := o
	all.Links, all.Reach, all.Rate = 0, nil, nil
	mapped := make([]int32, o.Devices)
	for i := range o.Devices {
		for s := range o.Servers {
			rate := 1e-3
			if link := o.LinkTo(i, s); link >= 0 {
				rate = o.Rate[i*o.Links+link]
			}
			all.Rate = append(all.Rate, rate)
		}
		mapped[i] = int32(o.ServerOf(i, int(choice[i])/o.Exits)*o.Exits + int(choice[i])%o.Exits)
	}
	return all, mapped
}

func TestBestLinks(t *testing.T) {
	rng := rand.New(rand.NewPCG(71, 1))
	var s LinkSelection
	for range 300 {
		n := 2 + rng.IntN(30)
		o := randomLinks(rng, 1+rng.IntN(5), n, n, 2)
		k := 1 + rng.IntN(n)
		if rng.IntN(2) == 0 {
			o, _ = reachingAll(o, make([]int32, o.Devices))
		}
		got, err := s.Best(o, k)
		if err != nil {
			t.Fatal(err)
		}
		if err := got.Validate(); err != nil {
			t.Fatal(err)
		}
		if k == n {
			if got.Links != o.Links || &got.Rate[0] != &o.Rate[0] {
				t.Fatal("changed where all links are among the best")
			}
			continue
		}
		for i := range o.Devices {
			left := make([]int, n)
			for j := range left {
				left[j] = j
			}
			rate := func(j int) float64 { return o.Rate[i*n+j] }
			start := func(j int) float64 { return max(o.Bits[i]/rate(j), o.Backlog[o.ServerOf(i, j)]) }
			slices.SortStableFunc(left, func(a, b int) int { return cmp.Compare(rate(b), rate(a)) })
			want := slices.Clone(left[:(k+1)/2])
			left = slices.Clone(left[(k+1)/2:])
			slices.Sort(left)
			slices.SortStableFunc(left, func(a, b int) int { return cmp.Compare(start(a), start(b)) })
			want = append(want, left[:k/2]...)
			slices.Sort(want)
			for j, link := range want {
				if got.ServerOf(i, j) != o.ServerOf(i, link) || got.Rate[i*k+j] != rate(link) {
					t.Fatalf("device %d, the best %d of %d: %v, want links %v", i, k, n, got.Reach[i*k:][:k], want)
				}
			}
		}
	}
	bad := randomLinks(rng, 3, 9, 9, 2)
	bad.Rate = bad.Rate[1:]
	if _, err := s.Best(bad, 4); err == nil {
		t.Error("rates are missing, and nobody complains")
	}
}

// Many devices are shared between processors: the same links.
func TestBestLinksInParallel(t *testing.T) {
	rng := rand.New(rand.NewPCG(72, 1))
	o := randomLinks(rng, 2000, 40, 40, 2)
	var whole, parts LinkSelection
	got, err := whole.Best(o, 4)
	if err != nil {
		t.Fatal(err)
	}
	want := parts.reduce(o, 4, nil)
	best := make([]ranked, 4)
	links := make([]int32, 4)
	for i := range o.Devices {
		o.best(i, stretch{links: int32(o.Degree())}, best, links)
		for j, link := range links {
			if s := o.ServerOf(i, int(link)); got.ServerOf(i, j) != s || want.ServerOf(i, j) != s {
				t.Fatalf("device %d, link %d", i, j)
			}
		}
	}
}

// A decision is worth the same whether servers out of reach are left out or next to useless.
func TestSlotModelWithLinks(t *testing.T) {
	rng := rand.New(rand.NewPCG(73, 1))
	_, sc, p := builtin(t, "dynamic", nil)
	sc.Servers = 9
	model := func() *SlotModel {
		m, err := NewSlotModel(sc, p, Objective{Weight: 0.3, Prices: []float64{1, 2, 3, 4, 5, 6, 7, 8, 9}})
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
	some, every := model(), model()
	for range 200 {
		o := randomLinks(rng, 1+rng.IntN(90), 9, 1+rng.IntN(9), p.Exits())
		all, _ := reachingAll(o, make([]int32, o.Devices))
		if err := some.Begin(&o); err != nil {
			t.Fatal(err)
		}
		if err := every.Begin(&all); err != nil {
			t.Fatal(err)
		}
		for range 3 {
			local := randomAction(rng, &o)
			if err := some.Choose(local); err != nil {
				t.Fatal(err)
			}
			_, choice := reachingAll(o, local)
			if err := every.Choose(choice); err != nil {
				t.Fatal(err)
			}
			if got, want := some.Value(), every.Value(); got != want {
				t.Fatalf("%d devices with %d links: value %v, want %v", o.Devices, o.Links, got, want)
			}
			i, option := rng.IntN(o.Devices), int32(rng.IntN(o.Options()))
			_, choice = reachingAll(o, append(append(slices.Clone(local[:i]), option), local[i+1:]...))
			if got, want := some.TryMove(i, option), every.TryMove(i, choice[i]); got != want {
				t.Fatalf("with another option for one device: %v, want %v", got, want)
			}
		}
	}
}

// hinge is a separable value.
type hinge struct{}

func (hinge) OfServer(n, servers int, b float64) float64 {
	return -float64(1+n%2) * max(0, b-0.005) / float64(servers)
}
func (hinge) OfMean(b float64) float64 { return 3 - 40*b*b }
func (h hinge) Value(backlog []float64) float64 {
	sum, total := 0.0, 0.0
	for n, b := range backlog {
		sum += h.OfServer(n, len(backlog), b)
		total += b
	}
	return sum + h.OfMean(total/float64(len(backlog)))
}

// separable returns a model with six servers whose objective is a sum over them and of their mean.
func separable(t *testing.T) (*SlotModel, Profile) {
	t.Helper()
	_, sc, p := builtin(t, "dynamic", nil)
	sc.Servers = 6
	m, err := NewSlotModel(sc, p, Objective{Weight: 0.3, Prices: []float64{9, 8, 7, 6, 5, 4}, Future: hinge{}, Discount: 0.9})
	if err != nil {
		t.Fatal(err)
	}
	return m, p
}

// A switch takes the best of the given options, and its gain equals the change of the value.
func TestSwitch(t *testing.T) {
	rng := rand.New(rand.NewPCG(74, 1))
	m, p := separable(t)
	for range 200 {
		o := randomLinks(rng, 1+rng.IntN(40), 6, 1+rng.IntN(6), p.Exits())
		if err := m.Begin(&o); err != nil {
			t.Fatal(err)
		}
		if err := m.Choose(randomAction(rng, &o)); err != nil {
			t.Fatal(err)
		}
		for range 20 {
			device := rng.IntN(o.Devices)
			options := make([]int32, rng.IntN(5))
			before := m.Value()
			best := before
			for i := range options {
				options[i] = int32(rng.IntN(o.Options()))
				best = max(best, m.TryMove(device, options[i]))
			}
			if !m.BeginSwitches() {
				t.Fatal("not separable")
			}
			gain := m.Switch(device, options)
			if after := m.Value(); math.Abs(after-best) > 1e-9 || math.Abs(after-before-gain) > 1e-9 {
				t.Fatalf("value %v after a gain of %v, before it %v, the best option's %v", after, gain, before, best)
			}
		}
		kept := m.Value()
		choice := slices.Clone(m.Choice())
		if err := m.Begin(&o); err != nil {
			t.Fatal(err)
		}
		if err := m.Choose(choice); err != nil {
			t.Fatal(err)
		}
		if v := m.Value(); v != kept {
			t.Fatalf("after switches %v, chosen at once %v", kept, v)
		}
	}
	m.objective.Future = valueFunc(func([]float64) float64 { return 0 })
	if m.BeginSwitches() {
		t.Error("any value is taken for separable")
	}
}

// Devices that are put back in their queues leave the value that choosing the result has, each of them
// with an option that is the best for the last one, and for a single one no worse than it was.
func TestReinsert(t *testing.T) {
	rng := rand.New(rand.NewPCG(75, 1))
	m, p := separable(t)
	for range 200 {
		o := randomLinks(rng, 1+rng.IntN(150), 6, 1+rng.IntN(6), p.Exits()) // more than 64 have several words
		if err := m.Begin(&o); err != nil {
			t.Fatal(err)
		}
		if err := m.Choose(randomAction(rng, &o)); err != nil {
			t.Fatal(err)
		}
		for size := 1; size <= min(4, o.Devices); size++ {
			if !m.BeginSwitches() {
				t.Fatal("not separable")
			}
			before := m.Value()
			devices := rng.Perm(o.Devices)[:size]
			m.Reinsert(devices)
			got, choice := m.Value(), slices.Clone(m.Choice())
			if size == 1 && got < before-1e-12 {
				t.Fatalf("one device alone: %v, before %v", got, before)
			}
			last := devices[size-1]
			for option := range int32(o.Options()) {
				if v := m.TryMove(last, option); v > got+1e-12 {
					t.Fatalf("device %d has value %v, with option %d it had %v", last, got, option, v)
				}
			}
			if err := m.Begin(&o); err != nil {
				t.Fatal(err)
			}
			if err := m.Choose(choice); err != nil {
				t.Fatal(err)
			}
			if v := m.Value(); v != got {
				t.Fatalf("put back %v, chosen at once %v", got, v)
			}
		}
	}
}

type valueFunc func([]float64) float64

func (f valueFunc) Value(b []float64) float64 { return f(b) }

// Devices reach the servers next to them, and without uncertainty the outcome is the model's.
func TestReach(t *testing.T) {
	for _, c := range []struct{ devices, servers, reach int }{{70, 10, 4}, {14, 5, 3}, {9, 20, 7}, {100, 10, 1}, {12, 6, 6}} {
		sim, sc, p := builtin(t, "static", func(s *Scenario) {
			s.Devices, s.Servers, s.Reach = c.devices, c.servers, c.reach
		})
		obs := reset(t, sim, 5)
		model, err := NewSlotModel(sc, p, sc.RewardObjective())
		if err != nil {
			t.Fatal(err)
		}
		rng := rand.New(rand.NewPCG(75, 1))
		for range 5 {
			if err := obs.Validate(); err != nil {
				t.Fatal(err)
			}
			if c.reach == c.servers {
				if obs.Links != 0 {
					t.Fatal("all servers in reach are listed")
				}
				break
			}
			for i := range obs.Devices {
				checkNearest(t, c.devices, c.servers, obs.ID[i], obs.Reach[i*c.reach:][:c.reach])
			}
			action := randomAction(rng, &obs)
			if err := model.Begin(&obs); err != nil {
				t.Fatal(err)
			}
			if err := model.Choose(action); err != nil {
				t.Fatal(err)
			}
			want := model.Value()
			var reward float64
			if obs, reward = step(t, sim, action); math.Abs(reward-want) > 1e-12 {
				t.Fatalf("%+v: reward %v, the model says %v", c, reward, want)
			}
		}
	}
}

// checkNearest reports a server out of a device's reach that is nearer than one in it.
func checkNearest(t *testing.T, devices, servers, id int, reach []int32) {
	t.Helper()
	distance := func(s int) float64 {
		d := math.Abs((float64(s)+0.5)/float64(servers) - (float64(id)+0.5)/float64(devices))
		return min(d, 1-d)
	}
	farthest := 0.0
	for _, s := range reach {
		farthest = max(farthest, distance(int(s)))
	}
	for s := range servers {
		if !slices.Contains(reach, int32(s)) && distance(s) < farthest-1e-9 {
			t.Fatalf("device %d of %d reaches %v of %d servers, though %d is nearer", id, devices, reach, servers, s)
		}
	}
}

func TestReachRefuses(t *testing.T) {
	_, sc, _ := builtin(t, "dynamic", nil)
	for _, c := range []struct{ devices, servers, reach int }{{14, 2, 3}, {14, 2, -1}, {100_000, 14_000, 0}} {
		sc.Devices, sc.Servers, sc.Reach = c.devices, c.servers, c.reach
		if err := sc.Validate(); err == nil {
			t.Errorf("accepted %+v", c)
		}
	}
}

func TestObservationWithLinks(t *testing.T) {
	rng := rand.New(rand.NewPCG(76, 1))
	o := randomLinks(rng, 4, 7, 3, 2)
	var codec ObservationCodec
	var back, copied Observation
	numbers := codec.Encode(nil, o)
	if err := codec.Decode(&back, numbers); err != nil {
		t.Fatal(err)
	}
	o.CopyTo(&copied)
	for _, got := range []Observation{back, copied} {
		if got.Links != 3 || !slices.Equal(got.Reach, o.Reach) || !slices.Equal(got.Rate, o.Rate) || !slices.Equal(got.ID, o.ID) {
			t.Errorf("%+v\nwant %+v", got, o)
		}
	}
	for i := range numbers {
		bad := slices.Clone(numbers)
		bad[i] = -1e9
		if err := codec.Decode(&back, bad); err == nil {
			t.Errorf("number %d of %d may be anything", i, len(numbers))
		}
	}
	for what, spoil := range map[string]func(o *Observation){
		"a server twice":     func(o *Observation) { o.Reach[1] = o.Reach[0] },
		"no such server":     func(o *Observation) { o.Reach[2] = 7 },
		"more than all":      func(o *Observation) { o.Links = 8 },
		"a reach of nothing": func(o *Observation) { o.Reach = nil },
	} {
		bad := Observation{}
		o.CopyTo(&bad)
		spoil(&bad)
		if err := bad.Validate(); err == nil {
			t.Errorf("%s is accepted", what)
		}
	}
}
