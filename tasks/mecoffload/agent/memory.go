package agent

import (
	"fmt"

	"github.com/graphrl/graphrl/internal/memory"
)

// MemoryEstimate estimates the peak memory of an agent in bytes. Measurements lie within a third of
// it.
type MemoryEstimate struct {
	Decide int64 // deciding: networks, features and candidates of one observation
	// training the actor: a minibatch with its activations and gradients, and the optimiser
	Train  int64
	Replay int64 // the replay memory when it is full
}

// Total returns the memory of an agent that learns.
func (m MemoryEstimate) Total() int64 { return m.Decide + m.Train + m.Replay }

const (
	bytesFloat32 = 4
	bytesFloat64 = 8

	baseBytes = 10 << 20 // program, expression graphs, histograms

	// Numbers kept by the graph network per vertex and unit of width: for the embeddings and
	// scores, and per round, including gradients. Edges keep their features, scores and places in
	// both directions. Fitted to measurements from 14 to 20,000 devices, widths of 8 to 64 and 1 or
	// 2 rounds.
	graphNumbers      = 6
	graphRoundNumbers = 14
	graphEdgeBytes    = 80

	// decideShare is the share of these that deciding needs: no gradients.
	decideShare = 0.5

	// copiesTrained counts a weight, its gradient and the two moments of Adam.
	copiesTrained = 4
	// copiesActive counts an activation and its gradient, before and after its nonlinearity.
	copiesActive = 4
)

// Memory estimates the memory of an agent, from the numbers of devices, servers, exits and
// candidates, the batch and the replay memory.
func (c Config) Memory() MemoryEstimate {
	devices, servers := float64(c.Scenario.Devices), float64(c.Scenario.Servers)
	exits, r := float64(c.Profile.Exits()), c.Recipe
	t, err := c.Method.traits()
	if err != nil || !t.earlyExits {
		exits = 1
	}
	options := servers * exits

	var fixed, sample float64
	if t.graph {
		vertex := float64(bytesFloat32 * r.GraphHidden * (graphNumbers + graphRoundNumbers*r.GraphLayers))
		sample = (devices+options)*vertex + devices*options*graphEdgeBytes
	} else {
		in := float64(flatWidth(c.Scenario.Devices, c.Scenario.Servers))
		units := in
		for _, width := range append(append([]int{}, r.Hidden...), c.Scenario.Devices*int(options)) {
			fixed += in * float64(width) * bytesFloat32 * copiesTrained
			in = float64(width)
			units += in * copiesActive
		}
		sample = units * bytesFloat32
	}
	observation := devices*(3+servers)*bytesFloat64 + 2*servers*bytesFloat64 + devices*bytesFloat32
	candidates := devices * (bytesFloat32*float64(r.candidates(c.Scenario.Devices)+1) + bytesFloat64*options)
	model := devices * servers * 3 * bytesFloat64
	return MemoryEstimate{
		Decide: baseBytes + int64(decideShare*sample+candidates+model+4*observation),
		Train:  int64(fixed + sample*float64(r.BatchSize)),
		Replay: int64(observation * float64(r.MemorySize)),
	}
}

// CheckMemory reports an agent too large for the available memory before anything is allocated. An
// agent that does not learn only needs the memory to decide.
func (c Config) CheckMemory(learns bool) error { return c.checkMemory(learns, memory.Available()) }

func (c Config) checkMemory(learns bool, limit memory.Limit) error {
	m := c.Memory()
	needed := m.Decide
	parts := ""
	if learns {
		needed = m.Total()
		parts = fmt.Sprintf(" (training %s, replay memory %s, deciding %s)",
			memory.Format(m.Train), memory.Format(m.Replay), memory.Format(m.Decide))
	}
	if needed <= limit.Bytes {
		return nil
	}
	advice := "fewer devices or a smaller network"
	if learns {
		advice = fmt.Sprintf("a smaller recipe.batch_size (%d) or recipe.memory_size (%d), %s", c.Recipe.BatchSize, c.Recipe.MemorySize, advice)
	}
	return fmt.Errorf("mecoffload: %s for %d devices and %d servers takes about %s of memory%s, "+
		"and %s leaves %s: choose %s",
		c.Method, c.Scenario.Devices, c.Scenario.Servers, memory.Format(needed), parts, limit.Source, memory.Format(limit.Bytes), advice)
}
