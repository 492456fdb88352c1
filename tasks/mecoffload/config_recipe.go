package mecoffload

import (
	"fmt"
	"math"
	"strings"

	"github.com/graphrl/graphrl/rl"
)

// DefaultRecipe names the recipe that a method has unless another is named: tuned for the methods with the long-term critic,
// paper for those of the paper. Under the one-slot critic tuned is the better optimiser of the slot, which pays where servers have time
// to spare (30 ms slots) and costs where they do not (the default scenario); see docs/results.md.
func (m Method) DefaultRecipe() string {
	if t, err := m.traits(); err == nil && t.longTerm {
		return "tuned"
	}
	return "paper"
}

// recipes are the built-in ones.
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
	return Recipe{}, fmt.Errorf("mecoffload: recipe %q is not known: choose one of %s, or write its keys into a configuration",
		name, strings.Join(RecipeNames(), ", "))
}

// Sizes of networks and memories beyond these are typing errors.
const (
	maxWidth   = 1 << 14
	maxLayers  = 64
	maxSamples = 1 << 20
)

// Validate reports the first value that makes no sense, by its key.
func (r Recipe) Validate() error {
	count := func(key string, v, least, most int) error {
		if v < least || v > most {
			return invalid(key, "%d is not in %d..%d", v, least, most)
		}
		return nil
	}
	number := func(key string, v float64, positive bool) error {
		if !(v >= 0) || math.IsInf(v, 0) || positive && v == 0 {
			return invalid(key, "%v is not a number %s 0", v, map[bool]string{true: "above", false: "of at least"}[positive])
		}
		return nil
	}
	widths := func(key string, v []int) error {
		if len(v) > maxLayers {
			return invalid(key, "%d layers are more than %d", len(v), maxLayers)
		}
		for i, w := range v {
			if err := count(fmt.Sprintf("%s[%d]", key, i), w, 1, maxWidth); err != nil {
				return err
			}
		}
		return nil
	}
	if r.Name == "" {
		return invalid("name", "is missing")
	}
	if r.Quantizer != "order" && r.Quantizer != "noisy" && r.Quantizer != "gumbel" {
		return invalid("quantizer", "%q is none of order, noisy, gumbel", r.Quantizer)
	}
	if r.Loss != rl.BinaryCrossEntropy && r.Loss != rl.SoftmaxCrossEntropy {
		return invalid("loss", "%q is neither %s nor %s", r.Loss, rl.BinaryCrossEntropy, rl.SoftmaxCrossEntropy)
	}
	for _, err := range []error{
		count("candidates", r.Candidates, 0, maxSamples),
		count("adapt_interval", r.AdaptInterval, 0, math.MaxInt32),
		number("noise", r.Noise, r.Quantizer != "order"),
		number("learning_rate", r.LearningRate, true),
		number("clip_norm", r.ClipNorm, false),
		count("train_interval", r.TrainInterval, 1, math.MaxInt32),
		count("steps_per_train", r.StepsPerTrain, 1, math.MaxInt32),
		count("batch_size", r.BatchSize, 1, maxSamples),
		count("memory_size", r.MemorySize, r.BatchSize, maxSamples),
		widths("hidden", r.Hidden),
		count("graph_hidden", r.GraphHidden, 1, maxWidth),
		count("graph_layers", r.GraphLayers, 0, maxLayers),
		count("refine_trials", r.RefineTrials, 0, math.MaxInt32),
		count("value_interval", r.ValueInterval, 1, math.MaxInt32),
		count("value_memory", r.ValueMemory, 1, maxSamples),
	} {
		if err != nil {
			return err
		}
	}
	if !(r.LatencyWeight <= 1) || math.IsInf(r.LatencyWeight, 0) {
		return invalid("latency_weight", "%v is neither in [0, 1] nor below 0, for the weight of the scenario's reward", r.LatencyWeight)
	}
	if !(r.Gamma >= 0 && r.Gamma < 1) {
		return invalid("gamma", "%v is not in [0, 1)", r.Gamma)
	}
	return nil
}
