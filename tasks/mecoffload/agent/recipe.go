package agent

import (
	"fmt"
	"strings"

	"github.com/graphrl/graphrl/rl"
	"github.com/graphrl/graphrl/rl/droo"
	"github.com/graphrl/graphrl/tasks/mecoffload"
)

// Recipe holds the hyper-parameters of a learning method, with the YAML keys of a run's
// configuration. All methods share it; each reads the fields it uses.
type Recipe struct {
	// Name is the origin of the values: paper, tuned, or any other name for your own.
	Name string `yaml:"name"`

	// Links is how many servers a graph actor considers for a device; 0: all in its reach. See
	// mecoffload.LinkSelection.
	Links int `yaml:"links"`

	// Cells is the number of cells that a network with a reach is decided by, side by side; 1: as a
	// whole; 0: so that a cell has about 1000 devices. A device keeps its links into one cell. A
	// network whose devices do not reach Links servers of a cell is decided as a whole. See city.
	Cells int `yaml:"cells"`

	// Candidates is the number K of candidate decisions per slot; 0: four per device, but at least
	// 64 and at most 128, and fewer with more than 128 devices.
	Candidates int `yaml:"candidates"`
	// AdaptInterval is the number of slots after which K adapts (DROO, section 4.3); 0: K is
	// constant.
	AdaptInterval int `yaml:"adapt_interval"`
	// Quantizer makes candidates of scores: order (order-preserving), noisy (LyDROO) or gumbel.
	Quantizer string `yaml:"quantizer"`
	// Noise is the standard deviation of the noisy quantizer or the temperature of gumbel.
	Noise float64 `yaml:"noise"`

	// RandomCandidates is the number of the K candidates that are random, independent of the actor.
	// With 0, all devices can end up on one server (docs/decisions/0006). See droo.Explore.
	RandomCandidates int `yaml:"random_candidates"`

	// ProposeGreedy adds a candidate that needs no learning: the best exit in time for every task.
	// See BestExitInTime.
	ProposeGreedy bool `yaml:"propose_greedy"`

	// Switches is how many of a device's most probable options are tried one by one, where a
	// decision is for more than 128 devices; 0: none. See planner.
	Switches int `yaml:"switches"`

	// LatencyWeight is w of the reward phi * (1 - w*T/delta) that the critic maximises. A negative
	// value means the scenario's.
	LatencyWeight float64 `yaml:"latency_weight"`
	// TimePrice is the price of server time for a critic without a long-term value, as a share of
	// its shadow price; 0: free. A good value is about 1 minus the weight on latency
	// (docs/decisions/0014).
	TimePrice float64 `yaml:"time_price"`
	// LearnDeadlines makes the critic weigh every task with its learned probability of being served
	// in time, instead of trusting nominal times. See DeadlineModel.
	LearnDeadlines bool `yaml:"learn_deadlines"`

	// Loss is binary or softmax; see droo.Loss.
	Loss droo.Loss `yaml:"loss"`
	// LearningRate is the learning rate of the actor's Adam.
	LearningRate float64 `yaml:"learning_rate"`
	// ClipNorm bounds the global norm of the actor's gradient; 0: no bound.
	ClipNorm float64 `yaml:"clip_norm"`
	// TrainInterval is the number of slots between trainings, StepsPerTrain the number of
	// minibatches in each.
	TrainInterval int `yaml:"train_interval"`
	StepsPerTrain int `yaml:"steps_per_train"`
	// BatchSize is the minibatch size, MemorySize the number of latest slots to draw it from.
	BatchSize  int `yaml:"batch_size"`
	MemorySize int `yaml:"memory_size"`

	// Hidden are the widths of the MLP actor's hidden layers.
	Hidden []int `yaml:"hidden,flow"`
	// GraphHidden is the width of the graph actor's embeddings, GraphLayers its rounds of message
	// passing.
	GraphHidden int `yaml:"graph_hidden"`
	GraphLayers int `yaml:"graph_layers"`

	// The long-term critic (-LT methods). RefineTrials is the largest number of evaluations of the
	// critic in the local search from the best candidate of a decision; 0: no search. See planner.
	RefineTrials int `yaml:"refine_trials"`
	// Gamma is the discount factor.
	Gamma float64 `yaml:"gamma"`
	// ValueInterval is the number of slots between trainings of the value, ValueMemory the number
	// of latest slots it is fitted to.
	ValueInterval int `yaml:"value_interval"`
	ValueMemory   int `yaml:"value_memory"`
	// ValueAverage is the number of latest trainings whose values decisions average; 1: only the
	// last one.
	ValueAverage int `yaml:"value_average"`
}

// PaperRecipe trains as DROO does: independent binary cross-entropy, order-preserving candidates,
// the published memory of 1024 slots, one step every 10 slots. The learning rate, the batch size,
// the network sizes and the price of server time are this project's. See docs/decisions/0006 for
// the number of candidates and 0014 for the price.
func PaperRecipe() Recipe {
	return Recipe{
		Name:       "paper",
		Links:      8, // all of them in the networks that docs/results.md compares
		Candidates: 128,
		Quantizer:  "order",

		RandomCandidates: 8,

		Loss:          droo.BinaryCrossEntropy,
		LearningRate:  1e-3,
		TrainInterval: 10,
		StepsPerTrain: 1,
		BatchSize:     64,
		MemorySize:    1024,
		Hidden:        []int{128, 64},
		GraphHidden:   32,
		GraphLayers:   2,

		LatencyWeight: -1,
		TimePrice:     0.6,

		Gamma:         0.9,
		ValueInterval: 10,
		ValueMemory:   1024,
		ValueAverage:  1,
	}
}

// TunedRecipe is the recipe that our measurements favour, the same for all methods. Each device's
// options are alternatives (softmax cross-entropy). Candidates are drawn from the actor's own
// probabilities; one more is the best exit in time. The critic values accuracy more than the reward
// does: the learned probability of being in time replaces most of the reward's preference for early
// results, which costs accuracy when there is time to spare. The decisions of the long-term critic
// are refined, and its value is an average: a single fit follows the last recording of links.
func TunedRecipe() Recipe {
	r := PaperRecipe()
	r.Name = "tuned"
	r.Quantizer, r.Noise, r.Candidates, r.RandomCandidates = "gumbel", 1, 0, 0
	r.ProposeGreedy = true
	r.Links, r.Switches = 4, 4
	r.LatencyWeight, r.TimePrice, r.LearnDeadlines = 0.1, 0.9, true
	r.Loss = droo.SoftmaxCrossEntropy
	r.GraphLayers = 1 // no worse than two with this loss
	r.LearningRate = 3e-3
	r.RefineTrials = 3000
	r.ValueAverage = 1000
	return r
}

// learner returns the configuration of an agent's learner.
func (r Recipe) learner(devices int, seed uint64) droo.Config {
	return droo.Config{
		Candidates:    r.candidates(devices),
		AdaptInterval: r.AdaptInterval,
		TrainInterval: r.TrainInterval,
		StepsPerTrain: r.StepsPerTrain,
		BatchSize:     r.BatchSize,
		MemorySize:    r.MemorySize,
		Seed:          seed,
	}
}

// longTerm returns the configuration of the value's learner. The value is fitted to all of its
// memory.
func (r Recipe) longTerm() droo.LongTermConfig {
	c := droo.DefaultLongTermConfig()
	c.Gamma, c.TrainInterval, c.BatchSize, c.MemorySize = r.Gamma, r.ValueInterval, 0, r.ValueMemory
	return c
}

// cellSize is the number of devices of a cell, unless the recipe says otherwise.
const cellSize = 1000

// cells returns the number of cells that a scenario's network is cut into.
func (r Recipe) cells(sc mecoffload.Scenario) int {
	if r.Cells > 0 || r.AdaptInterval > 0 || sc.Reach < max(1, 2*r.Links) {
		return max(r.Cells, 1)
	}
	return max(1, min(sc.Devices/cellSize, sc.Servers/(2*sc.Reach)))
}

// manyDevices is the largest number of devices for which candidates alone find a good decision. With
// more, one draw is hardly ever good for all of them and costs more. Then few candidates are drawn,
// and the best is improved by switches of one device at a time, whose cost does not grow.
const manyDevices = 128

// candidates returns the number of candidates for a number of devices. With fewer, order-preserving
// candidates sometimes leave a run stuck with all devices on one server (docs/decisions/0006).
func (r Recipe) candidates(devices int) int {
	if r.Candidates > 0 {
		return r.Candidates
	}
	if devices > manyDevices {
		return max(4, 2048/devices)
	}
	return min(max(4*devices, 64), 128)
}

func (r Recipe) quantizer(rng *rl.Rand) (droo.Quantizer, error) {
	q, err := r.scored(rng)
	if err != nil || r.RandomCandidates == 0 {
		return q, err
	}
	return droo.NewExplore(q, r.RandomCandidates, rng)
}

// scored returns the quantizer of the candidates that depend on the scores.
func (r Recipe) scored(rng *rl.Rand) (droo.Quantizer, error) {
	switch r.Quantizer {
	case "order":
		return &droo.OrderPreserving{}, nil
	case "noisy":
		return droo.NewNoisyOrderPreserving(r.Noise, rng)
	case "gumbel":
		return droo.NewGumbel(r.Noise, rng)
	}
	return nil, fmt.Errorf("unknown quantizer %q: want order, noisy or gumbel", r.Quantizer)
}

// recipes returns the built-in recipes.
func recipes() []Recipe { return []Recipe{PaperRecipe(), TunedRecipe()} }

// RecipeNames lists the built-in recipes.
func RecipeNames() []string {
	var names []string
	for _, r := range recipes() {
		names = append(names, r.Name)
	}
	return names
}

// LoadRecipe returns a built-in recipe by its name.
func LoadRecipe(name string) (Recipe, error) {
	for _, r := range recipes() {
		if r.Name == name {
			return r, nil
		}
	}
	return Recipe{}, fmt.Errorf("mecoffload: recipe %q is not known: choose one of %s, or write "+
		"its keys into a configuration",
		name, strings.Join(RecipeNames(), ", "))
}
