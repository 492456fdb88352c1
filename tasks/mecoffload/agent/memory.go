package agent

import (
	"fmt"
	"runtime"

	"github.com/graphrl/graphrl/internal/memory"
)

// MemoryEstimate estimates the peak memory of an agent in bytes. Measurements lie within a third of
// it.
type MemoryEstimate struct {
	Decide int64 // deciding: networks, features and candidates of one observation
	// training the actor: a minibatch with its activations and gradients, and the optimiser
	Train  int64
	Replay int64 // the replay memory when it is full
	// Save is what checkpoints of a run take besides: copies of the weights, the optimiser and the
	// replay memory, and the policy that decides in validation
	Save int64
}

// Total returns the memory of an agent that learns.
func (m MemoryEstimate) Total() int64 { return m.Decide + m.Train + m.Replay + m.Save }

const (
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

	// manyCandidates are more than any recipe needs.
	manyCandidates = 1024
)

// Memory estimates the memory of an agent, from the numbers of devices, servers, links, exits and
// candidates, the batch and the replay memory.
func (c Config) Memory() MemoryEstimate {
	r := c.Recipe
	t, err := c.Method.traits()
	exits := c.Profile.Exits()
	if err != nil || !t.earlyExits {
		exits = 1
	}
	whole := graphSize{c.Scenario.Devices, c.Scenario.Servers, c.Scenario.Degree(), exits}
	links := whole.links // of the simulator's observation
	if t.graph && r.Links > 0 {
		whole.links = min(links, r.Links)
	}
	sample := whole // for the replay memory
	if t.graph && sample.devices > excerptDevices {
		sample.devices = excerptDevices
		// An excerpt leaves out up to as many servers as it reaches.
		sample.servers = min(sample.servers, 2*excerptDevices*sample.links)
	}

	var weights, decide, train float64
	if t.graph {
		weights = memory.BipartiteScorer(1, r.GraphHidden, r.GraphLayers, 0, 0).Weights
		width := r.GraphHidden * (graphNumbers + graphRoundNumbers*r.GraphLayers)
		decide, train = whole.network(width), sample.network(width)
	} else {
		in := float64(flatWidth(c.Scenario.Devices, c.Scenario.Servers))
		units := in
		for _, width := range append(append([]int{}, r.Hidden...), whole.devices*whole.options()) {
			weights += in * float64(width)
			in = float64(width)
			units += in * memory.CopiesActive
		}
		decide, train = units*memory.BytesFloat32, units*memory.BytesFloat32
	}
	candidates := r.candidates(whole.devices) + 1
	if r.RandomCandidates > 0 { // those that are not random have a list of their own
		candidates += max(candidates-r.RandomCandidates, 1)
	}
	choices := float64(whole.devices) * (memory.BytesFloat32*float64(candidates) + bytesFloat64*float64(whole.options()))
	model := float64(whole.devices*whole.links) * 3 * bytesFloat64
	observed := whole
	observed.links = links
	weights *= memory.BytesFloat32
	if t.graph {
		share := c.atOnce()
		decide, choices = share*decide, share*choices
	}
	deciding := decideShare*decide + choices + model + 4*observed.observation()
	replay := sample.observation() * float64(r.MemorySize)
	return MemoryEstimate{
		Decide: baseBytes + int64(weights+deciding),
		Train:  int64((memory.CopiesTrained-1)*weights + train*float64(r.BatchSize)),
		Replay: int64(replay),
		Save:   int64(memory.CopiesSaved*weights + replay + deciding),
	}
}

// atOnce returns the share of a network that is decided at a time: the cores that decide cells hold
// one each. It is 1 where a reach may lie in three cells, which may leave too few links in each for
// cells.
func (c Config) atOnce() float64 {
	r, sc, kinds := c.Recipe, c.Scenario, max(len(c.Profile.Servers), 1)
	cells := r.cells(sc)
	smallest := (sc.Servers/kinds/cells-1)*kinds + 1 // servers of a cell, at least
	if r.Links == 0 || sc.Reach < 2*r.Links || smallest < sc.Reach {
		return 1
	}
	return float64(min(cells, runtime.GOMAXPROCS(0))) / float64(cells)
}

// graphSize is the size of an observation and its graph.
type graphSize struct{ devices, servers, links, exits int }

// options returns the number of options of a device.
func (g graphSize) options() int { return g.links * g.exits }

// network returns the numbers that the graph network keeps, given those per vertex.
func (g graphSize) network(width int) float64 {
	vertices, edges := g.devices+g.servers*g.exits, g.devices*g.options()
	return float64(vertices)*float64(width)*memory.BytesFloat32 + float64(edges)*graphEdgeBytes
}

// observation returns the memory of an observation with a decision.
func (g graphSize) observation() float64 {
	perLink := float64(bytesFloat64)
	if g.links < g.servers {
		perLink += memory.BytesFloat32
	}
	return float64(g.devices)*(3*bytesFloat64+memory.BytesFloat32+float64(g.links)*perLink) + 2*float64(g.servers)*bytesFloat64
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
		parts = fmt.Sprintf(" (training %s, replay memory %s, deciding %s, checkpoints %s)",
			memory.Format(m.Train), memory.Format(m.Replay), memory.Format(m.Decide), memory.Format(m.Save))
	}
	if limit.Fits(needed) {
		return nil
	}
	advice := "fewer devices or a smaller network"
	if candidates := c.Recipe.candidates(c.Scenario.Devices); candidates > manyCandidates {
		advice = fmt.Sprintf("fewer recipe.candidates (%d), %s", candidates, advice)
	}
	if learns {
		advice = fmt.Sprintf("a smaller recipe.batch_size (%d) or recipe.memory_size (%d), %s", c.Recipe.BatchSize, c.Recipe.MemorySize, advice)
	}
	return fmt.Errorf("mecoffload: %s for %d devices and %d servers takes about %s of memory%s, "+
		"give or take a fourth, and %s leaves %s: choose %s",
		c.Method, c.Scenario.Devices, c.Scenario.Servers, memory.Format(needed), parts, limit.Source, memory.Format(limit.Bytes), advice)
}
