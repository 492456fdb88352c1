package agent

import (
	"math"

	"github.com/graphrl/graphrl/internal/cores"
	"github.com/graphrl/graphrl/tasks/mecoffload"
)

// The actors' features. All are dimensionless: times are in units of the task's deadline or of the
// slot, so inputs have the same magnitude in every scenario. No feature is the number of devices: a
// network trained with one number could not interpret another. Times are cut off at maxRatio.
const (
	deviceFeatures = 4 // of a device
	optionFeatures = 4 // of a (server, exit) pair
	edgeFeatures   = 4 // of a device and a pair
	maxRatio       = 4
)

// featurizer computes features of observations with the network and servers of one profile.
type featurizer struct {
	profile mecoffload.Profile
	slot    float64   // s
	times   []float64 // tau [kinds x L], s
}

func newFeaturizer(sc mecoffload.Scenario, p mecoffload.Profile) *featurizer {
	return &featurizer{p, float64(sc.Slot), p.Times(len(p.Servers), nil)}
}

// nominal is tau of a server [L], in seconds.
func (f *featurizer) nominal(server int) []float64 {
	l := f.profile.Exits()
	return f.times[server%len(f.profile.Servers)*l:][:l]
}

// options writes the features of the (server, exit) pairs.
func (f *featurizer) options(obs *mecoffload.Observation, option []float32) {
	l := obs.Exits
	for s := range obs.Servers {
		backlog := obs.Backlog[s] / f.slot
		for x, tau := range f.nominal(s) {
			at := option[(s*l+x)*optionFeatures:][:optionFeatures]
			at[0] = cut(tau / obs.Capacity[s] / f.slot)
			at[1] = cut(backlog)
			at[2] = float32(f.profile.Accuracy[x])
			at[3] = float32(obs.Capacity[s])
		}
	}
}

// appendWork appends how long each option serves a task [N*L], in seconds.
func (f *featurizer) appendWork(work []float64, obs *mecoffload.Observation) []float64 {
	for s := range obs.Servers {
		slower := 1 / obs.Capacity[s]
		for _, tau := range f.nominal(s) {
			work = append(work, tau*slower)
		}
	}
	return work
}

// devices writes the features of the devices from one to another and of their edges. work is
// appendWork's.
func (f *featurizer) devices(obs *mecoffload.Observation, work []float64, first, end int, device, edge []float32) {
	n, l := obs.Degree(), obs.Exits
	for m := first; m < end; m++ {
		// Multiplying by inverses: at 1000 devices and 100 options the divisions would cost a
		// quarter of a decision.
		deadline := obs.Deadline[m]
		perDeadline, perSlot := 1/deadline, 1/f.slot
		nearest, mean := math.Inf(1), 0.0
		for j, r := range obs.Rate[m*n : (m+1)*n] {
			s := obs.ServerOf(m, j)
			arrive := obs.Bits[m] / r
			start := max(arrive, obs.Backlog[s])
			nearest = min(nearest, arrive)
			mean += arrive
			arrival := cut(arrive * perDeadline)
			row := edge[(m*n+j)*l*edgeFeatures:][:l*edgeFeatures]
			for _, w := range work[s*l:][:l] {
				finish := start + w
				inTime := 0 // an integer, for which the compiler emits no branch
				if finish <= deadline {
					inTime = 1
				}
				row[0] = arrival
				row[1] = cut(finish * perDeadline) // if the task were served at once
				row[2] = float32(inTime)
				row[3] = cut(max(0, finish-f.slot) * perSlot) // backlog left behind
				row = row[edgeFeatures:]
			}
		}
		mean /= float64(n)
		at := device[m*deviceFeatures:][:deviceFeatures]
		at[0] = cut(f.slot * perDeadline)
		at[1] = cut(nearest * perDeadline)
		at[2] = cut(mean * perDeadline)
		at[3] = cut(mean * perSlot)
	}
}

// featureTask computes the features of an observation's devices, shared by cores. The zero value is
// ready to use; it keeps its buffer.
type featureTask struct {
	*featurizer
	obs          *mecoffload.Observation
	work         []float64 // see appendWork
	device, edge []float32
	parts        int
}

// edgeTime is about how long a core takes for the features of an edge, in nanoseconds.
const edgeTime = 4

// run writes the features of obs as a bipartite graph: device [M x 4], option [N*L x 4], edge
// [M*R*L x 4], an edge from each device to each option in reach in row-major order. It uses several
// cores where there is enough to do.
func (t *featureTask) run(f *featurizer, obs *mecoffload.Observation, device, option, edge []float32) {
	f.options(obs, option)
	t.work = f.appendWork(t.work[:0], obs)
	parts := cores.Parts(obs.Devices*obs.Options()*edgeTime, obs.Devices)
	if parts == 1 {
		f.devices(obs, t.work, 0, obs.Devices, device, edge)
		return
	}
	*t = featureTask{f, obs, t.work, device, edge, parts}
	cores.Run(parts, t)
	*t = featureTask{work: t.work}
}

// Part implements cores.Task.
func (t *featureTask) Part(i int) {
	t.devices(t.obs, t.work, t.obs.Devices*i/t.parts, t.obs.Devices*(i+1)/t.parts, t.device, t.edge)
}

// flatWidth is the width of the flat state of the MLP actors. Per device: the deadline and, per
// server, the arrival in slots and relative to the deadline. Per server: capacity, backlog and the
// time of the last exit.
func flatWidth(devices, servers int) int { return devices*(1+2*servers) + 3*servers }

// flat writes the state of obs for a network with a fixed place for each of the given number of
// devices. A device's place is its ID; absent devices are zero.
func (f *featurizer) flat(obs *mecoffload.Observation, devices int, row []float32) {
	n, l := obs.Servers, obs.Exits
	clear(row)
	per := 1 + 2*n
	for m := range obs.Devices {
		at := row[obs.ID[m]*per:][:per]
		at[0] = cut(f.slot / obs.Deadline[m])
		for s, r := range obs.Rate[m*n : (m+1)*n] {
			arrive := obs.Bits[m] / r
			at[1+2*s] = cut(arrive / f.slot)
			at[2+2*s] = cut(arrive / obs.Deadline[m])
		}
	}
	at := row[devices*per:]
	for s := range n {
		at[3*s] = float32(obs.Capacity[s])
		at[3*s+1] = cut(obs.Backlog[s] / f.slot)
		at[3*s+2] = cut(f.nominal(s)[l-1] / obs.Capacity[s] / f.slot)
	}
}

// cut returns x, but at most maxRatio. Larger values are rare, so a predictable branch is faster
// than min.
func cut(x float64) float32 {
	if x > maxRatio {
		x = maxRatio
	}
	return float32(x)
}
