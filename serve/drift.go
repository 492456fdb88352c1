package serve

import (
	"math"
	"slices"
	"sync"

	"github.com/graphrl/graphrl/tasks/mecoffload"
)

// reference holds how often values and choices of each kind are met in training: deciles of the
// quantities, and shares of servers and exits.
type reference struct {
	deciles [quantities][]float64   // 9 bounds of 10 bins
	counts  [quantities][10]float64 // of values in the bins
	values  [quantities][]float64   // while learning
	exits   []float64               // count of each exit
}

const (
	driftSample = 64      // values of a quantity that one decision adds at most
	driftMemory = 0.999   // share of the counts kept per decision
	mostValues  = 100_000 // to find deciles from
)

func newReference() *reference { return new(reference) }

// learn adds a slot of the training.
func (r *reference) learn(obs *mecoffload.Observation, action mecoffload.Action, slot float64) {
	sample(obs, slot, func(quantity int, v float64) {
		if len(r.values[quantity]) < mostValues {
			r.values[quantity] = append(r.values[quantity], v)
		}
	})
	r.exits = addExits(r.exits, obs, action)
}

// done ends learning.
func (r *reference) done() {
	for i, v := range r.values {
		slices.Sort(v)
		for d := 1; d < 10 && len(v) > 0; d++ {
			r.deciles[i] = append(r.deciles[i], v[len(v)*d/10])
		}
		for _, x := range v {
			r.counts[i][r.bin(i, x)]++
		}
	}
	r.values = [quantities][]float64{}
}

// bin is the number of a value's bin.
func (r *reference) bin(quantity int, v float64) int {
	bin, _ := slices.BinarySearch(r.deciles[quantity], v)
	return bin
}

// sample calls add with values of each quantity, evenly spread over an observation.
func sample(obs *mecoffload.Observation, slot float64, add func(quantity int, v float64)) {
	for i, values := range [quantities][]float64{obs.Bits, obs.Deadline, obs.Rate, obs.Capacity, obs.Backlog} {
		step, unit := len(values)/driftSample+1, 1.0
		if i == ofBacklog {
			unit = 1 / slot
		}
		for at := 0; at < len(values); at += step {
			add(i, values[at]*unit)
		}
	}
}

// addExits counts the exits of an action.
func addExits(counts []float64, obs *mecoffload.Observation, action mecoffload.Action) []float64 {
	if len(counts) < obs.Exits {
		counts = append(counts, make([]float64, obs.Exits-len(counts))...)
	}
	for _, option := range action {
		counts[int(option)%obs.Exits]++
	}
	return counts
}

// drift compares what is met with a reference.
type drift struct {
	mu     sync.Mutex
	of     *reference
	counts [quantities][10]float64
	exits  []float64
}

// add counts a decision; a model that has changed starts a new comparison.
func (d *drift) add(of *reference, obs *mecoffload.Observation, action mecoffload.Action, slot float64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.of != of {
		d.of, d.counts, d.exits = of, [quantities][10]float64{}, nil
	}
	for i := range d.counts {
		for b := range d.counts[i] {
			d.counts[i][b] *= driftMemory
		}
	}
	for i := range d.exits {
		d.exits[i] *= driftMemory
	}
	sample(obs, slot, func(quantity int, v float64) {
		d.counts[quantity][of.bin(quantity, v)]++
	})
	d.exits = addExits(d.exits, obs, action)
}

// indices returns the population stability index of each quantity, and that of the exits: below 0.1
// hardly anything has changed, above 0.25 much has. NaN without values.
func (d *drift) indices() (inputs [quantities]float64, actions float64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.of == nil {
		for i := range inputs {
			inputs[i] = math.NaN()
		}
		return inputs, math.NaN()
	}
	for i := range d.counts {
		inputs[i] = stability(d.of.counts[i][:], d.counts[i][:])
	}
	return inputs, stability(d.of.exits, d.exits)
}

// stability is sum (p-q) ln(p/q) of two distributions, with half a count more for each bin.
func stability(expected, met []float64) float64 {
	n, m := 0.0, 0.0
	for i := range expected {
		n += expected[i]
		if i < len(met) {
			m += met[i]
		}
	}
	if n == 0 || m == 0 {
		return math.NaN()
	}
	bins, sum := float64(len(expected)), 0.0
	for i := range expected {
		got := 0.0
		if i < len(met) {
			got = met[i]
		}
		p := (expected[i]/n*m + 0.5) / (m + bins/2)
		q := (got + 0.5) / (m + bins/2)
		sum += (p - q) * math.Log(p/q)
	}
	return sum
}
