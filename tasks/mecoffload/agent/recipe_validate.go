package agent

import (
	"fmt"
	"math"

	"github.com/graphrl/graphrl/internal/strictyaml"
	"github.com/graphrl/graphrl/rl/droo"
	"github.com/graphrl/graphrl/tasks/mecoffload"
)

// Limits on sizes of networks and memories: larger values are typing errors.
const (
	maxWidth   = 1 << 14
	maxLayers  = 64
	maxSamples = 1 << 20
)

// Validate reports the first invalid value and its key.
func (r Recipe) Validate() error {
	if r.Name == "" {
		return strictyaml.Invalid("name", "is missing")
	}
	if r.Quantizer != "order" && r.Quantizer != "noisy" && r.Quantizer != "gumbel" {
		return strictyaml.Invalid("quantizer", "want order, noisy or gumbel, not %q", r.Quantizer)
	}
	if r.Loss != droo.BinaryCrossEntropy && r.Loss != droo.SoftmaxCrossEntropy {
		return strictyaml.Invalid("loss", "%q is neither %s nor %s", r.Loss,
			droo.BinaryCrossEntropy, droo.SoftmaxCrossEntropy)
	}
	for _, err := range []error{
		count("links", r.Links, 0, mecoffload.MaxServers),
		count("switches", r.Switches, 0, maxSamples),
		count("candidates", r.Candidates, 0, maxSamples),
		count("random_candidates", r.RandomCandidates, 0, maxSamples),
		count("adapt_interval", r.AdaptInterval, 0, math.MaxInt32),
		number("noise", r.Noise, r.Quantizer != "order"),
		number("learning_rate", r.LearningRate, true),
		number("clip_norm", r.ClipNorm, false),
		number("time_price", r.TimePrice, false),
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
		return strictyaml.Invalid("latency_weight",
			"%v is neither in [0, 1] nor below 0, for the weight of the scenario's reward", r.LatencyWeight)
	}
	if !(r.Gamma >= 0 && r.Gamma < 1) {
		return strictyaml.Invalid("gamma", "%v is not in [0, 1)", r.Gamma)
	}
	return nil
}

func count(key string, v, least, most int) error {
	if v < least || v > most {
		return strictyaml.Invalid(key, "%d is not in %d..%d", v, least, most)
	}
	return nil
}

func number(key string, v float64, positive bool) error {
	if !(v >= 0) || math.IsInf(v, 0) || positive && v == 0 {
		return strictyaml.Invalid(key, "%v is not a number %s 0", v,
			map[bool]string{true: "above", false: "of at least"}[positive])
	}
	return nil
}

func widths(key string, v []int) error {
	if len(v) > maxLayers {
		return strictyaml.Invalid(key, "%d layers are more than %d", len(v), maxLayers)
	}
	for i, w := range v {
		if err := count(fmt.Sprintf("%s[%d]", key, i), w, 1, maxWidth); err != nil {
			return err
		}
	}
	return nil
}
