package mecoffload

import (
	"math"
	"math/rand/v2"
	"testing"
)

// One server, one exit, constant capacity: the server can run a share slot/(M tau) of the tasks.
func TestUpperBoundInClosedForm(t *testing.T) {
	for _, c := range []struct {
		devices   int
		slot, tau Seconds
	}{{10, 0.01, 0.002}, {10, 0.01, 0.0005}, {3, 0.01, 0.005}} {
		p := Profile{Name: "one", Accuracy: []float64{0.8}, Servers: []ServerProfile{{Times: []Seconds{c.tau}}}}
		_, sc, _ := builtin(t, "static", func(s *Scenario) { s.Devices, s.Slot, s.Servers = c.devices, c.slot, 1 })
		bound, err := UpperBound(sc, p, false)
		if err != nil {
			t.Fatal(err)
		}
		got := bound.Accuracy
		want := 0.8 * min(1, float64(c.slot/c.tau)/float64(c.devices))
		if got < want-1e-12 || got > want+1e-4 {
			t.Errorf("%+v: bound %v, want %v", c, got, want)
		}
	}
}

// Reference values come from an independent prototype, by sampling, in the dynamic scenario with
// slots of 10 ms.
func TestUpperBoundOfDynamic(t *testing.T) {
	for _, c := range []struct {
		devices  int
		lastOnly bool
		want     float64
	}{
		{6, false, 0.887}, {10, false, 0.793}, {14, false, 0.7255},
		{6, true, 0.779}, {10, true, 0.520}, {14, true, 0.387},
	} {
		_, sc, p := builtin(t, "dynamic", func(s *Scenario) { s.Devices = c.devices })
		bound, err := UpperBound(sc, p, c.lastOnly)
		if err != nil {
			t.Fatal(err)
		}
		got, prices := bound.Accuracy, bound.Prices
		if math.Abs(got-c.want) > 1.5e-3 {
			t.Errorf("M=%d, last exit only %v: bound %.4f, want about %.4f", c.devices, c.lastOnly,
				got, c.want)
		}
		// The prices minimise the bound: no nearby prices lower it by more than a rounding.
		r, err := newRelaxation(sc, p, c.lastOnly)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range []float64{0.7, 0.9, 0.97, 1, 1.03, 1.1, 1.3} {
			for _, g := range []float64{0.7, 0.9, 0.97, 1, 1.03, 1.1, 1.3} {
				if v := r.capacityBound([]float64{f * prices[0], g * prices[1]}, 1<<14); v < got-2e-4 {
					t.Errorf("M=%d: prices times %v and %v give %.5f, less than %.5f", c.devices, f,
						g, v, got)
				}
			}
		}
	}
}

// Where capacity is constant the Lagrangian has kinks. Compare with a fine grid of prices.
func TestUpperBoundWithKinks(t *testing.T) {
	_, sc, p := builtin(t, "static", func(s *Scenario) { s.Servers = 3 })
	bound, err := UpperBound(sc, p, false)
	if err != nil {
		t.Fatal(err)
	}
	got, lowest := bound.Accuracy, math.Inf(1)
	for a := 0.0; a < 400; a++ {
		for b := 0.0; b < 400; b++ {
			best := 0.0
			for l, phi := range p.Accuracy {
				best = max(best, phi-a*p.Time(0, l), phi-b*p.Time(1, l))
			}
			lowest = min(lowest, best+float64(sc.Slot)*(2*a+b)/float64(sc.Devices))
		}
	}
	if got > lowest+1e-4 || got < lowest-5e-3 {
		t.Errorf("bound %v, the best on a grid is %v", got, lowest)
	}
}

// The integral agrees with the mean over sampled capacities, at prices that are not optimal.
func TestCapacityBoundAgainstSampling(t *testing.T) {
	_, sc, p := builtin(t, "dynamic", func(s *Scenario) { s.Servers = 5 })
	for _, lastOnly := range []bool{false, true} {
		r, err := newRelaxation(sc, p, lastOnly)
		if err != nil {
			t.Fatal(err)
		}
		lambda := []float64{150, 60}
		rng := rand.New(rand.NewPCG(1, 1))
		sum, squares := 0.0, 0.0
		const n = 200_000
		for range n {
			best := 0.0
			for server := range sc.Servers {
				c := 0.25 + 0.75*rng.Float64()
				for l, phi := range p.Accuracy {
					if l == p.Exits()-1 || !lastOnly {
						best = max(best, phi-lambda[server%2]*p.Time(server, l)/c)
					}
				}
			}
			sum += best
			squares += best * best
		}
		mean := sum / n
		stdErr := math.Sqrt((squares/n - mean*mean) / n)
		want := mean + float64(sc.Slot)*(3*150+2*60)/float64(sc.Devices)
		if got := r.capacityBound(lambda, 1<<16); math.Abs(got-want) > 4*stdErr+2e-5 {
			t.Errorf("bound %v, by sampling %v +- %v", got, want, stdErr)
		}
	}
}

// Deadlines only lower the bound, and hardly change it where everything arrives at once and
// deadlines are generous.
func TestDeadlineBound(t *testing.T) {
	for _, generous := range []bool{false, true} {
		_, sc, p := builtin(t, "dynamic", func(s *Scenario) {
			if generous {
				s.Deadline, s.RateMbit = Interval[Seconds]{10, 10}, Interval[float64]{1e6, 1e6}
			}
		})
		for _, lastOnly := range []bool{false, true} {
			loose, err := UpperBound(sc, p, lastOnly)
			if err != nil {
				t.Fatal(err)
			}
			tight, err := DeadlineBound(sc, p, DeadlineBoundConfig{LastExitOnly: lastOnly, Tasks: 50_000, Seed: 1})
			if err != nil {
				t.Fatal(err)
			}
			above, stdErr := tight.Accuracy-loose.Accuracy, tight.StdErr
			if above > 4*stdErr || (generous && above < -4*stdErr-1e-3) || (!generous && above > -0.001) {
				t.Errorf("generous %v, last exit only %v: %v with deadlines (+- %v), %v without",
					generous, lastOnly, tight.Accuracy, stdErr, loose.Accuracy)
			}
			if len(tight.Prices) != sc.Servers {
				t.Errorf("%d prices", len(tight.Prices))
			}
		}
	}
	_, sc, p := builtin(t, "dynamic", nil)
	if _, err := DeadlineBound(sc, p, DeadlineBoundConfig{Tasks: 1}); err == nil {
		t.Error("a bound from one task")
	}
}

// No policy exceeds the bounds in any scenario. Tiny instances also run the exhaustive optimum of
// several objectives.
func TestNothingExceedsTheBound(t *testing.T) {
	slots := 150
	if testing.Short() {
		slots = 50
	}
	for _, name := range []string{"static", "capacity", "jitter", "csi", "dynamic", "churn", "trace"} {
		for _, devices := range []int{2, 8} {
			sim, sc, p := builtin(t, name, func(s *Scenario) {
				s.Devices = devices
				s.Slot = Seconds(0.0007 * float64(devices))
				if name == "trace" {
					s.Trace.Files = []string{"testdata/traces"}
				}
			})
			policies, err := Baselines(sc, p, 3)
			if err != nil {
				t.Fatal(err)
			}
			tight, err := DeadlineBound(sc, p, DeadlineBoundConfig{Tasks: 10_000, Seed: 2})
			if err != nil {
				t.Fatal(err)
			}
			loose, err := UpperBound(sc, p, false)
			if err != nil {
				t.Fatal(err)
			}
			if devices == 2 {
				for _, o := range []Objective{{}, {Weight: 0.5}, {Weight: 0.1, Prices: tight.Prices}} {
					policies = append(policies, &exhaustivePolicy{newSlotModel(t, sc, p, o)})
				}
			}
			for _, policy := range policies {
				if s, ok := policy.(*Search); ok {
					s.cfg.Restarts = 1
				}
				m := run(t, sim, policy, 5, slots*8/devices)
				// A finite run may end with a backlog, worth at most its price, and may be lucky.
				rest := 0.0
				for n, b := range sim.obs.Backlog {
					rest += b * tight.Prices[n] / float64(m.Tasks)
				}
				luck := 4 * 0.2 / math.Sqrt(float64(m.Tasks))
				got := m.Row("", 0).Accuracy
				if got > loose.Accuracy+rest+luck || got > tight.Accuracy+3*tight.StdErr+rest+luck {
					t.Errorf("%s, M=%d, %s: accuracy %.4f, bounds %.4f and %.4f", name, devices,
						policy.Name(), got, loose.Accuracy, tight.Accuracy)
				}
			}
		}
	}
}

type exhaustivePolicy struct{ evaluator *SlotModel }

func (*exhaustivePolicy) Name() string { return "exhaustive" }

func (p *exhaustivePolicy) Decide(obs Observation, dst Action) error {
	_, err := Exhaustive(p.evaluator, obs, dst)
	return err
}

// The sum of the prices, per task, is the gain of the bound from a slot that is one second longer
// (the envelope theorem).
func TestShadowPricesAreTheSlopeOfTheBound(t *testing.T) {
	bound := func(devices int, slot Seconds) (float64, []float64) {
		_, sc, p := builtin(t, "dynamic", func(s *Scenario) { s.Devices, s.Slot = devices, slot })
		b, err := UpperBound(sc, p, false)
		if err != nil {
			t.Fatal(err)
		}
		prices, err := ShadowPrices(sc, p)
		if err != nil {
			t.Fatal(err)
		}
		return b.Accuracy, prices
	}
	const step = 0.0002
	for _, devices := range []int{6, 10, 14} {
		_, prices := bound(devices, 0.01)
		longer, _ := bound(devices, 0.01+step)
		shorter, _ := bound(devices, 0.01-step)
		slope := (longer - shorter) / (2 * step)
		if got := (prices[0] + prices[1]) / float64(devices); math.Abs(got-slope) > 0.05*slope {
			t.Errorf("%d devices: prices %v of both servers, per task %v; the bound's slope is %v", devices, prices, got, slope)
		}
	}
	// Six devices have time for all in slots of a tenth of a second.
	if _, prices := bound(6, 0.1); prices[0]+prices[1] > 1e-3 {
		t.Errorf("prices of servers with time to spare: %v", prices)
	}
}
