package agent

import (
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
		strictyaml.Count("links", r.Links, 0, mecoffload.MaxServers),
		strictyaml.Count("cells", r.Cells, 0, mecoffload.MaxServers),
		strictyaml.Count("switches", r.Switches, 0, maxSamples),
		strictyaml.Count("candidates", r.Candidates, 0, maxSamples),
		strictyaml.Count("random_candidates", r.RandomCandidates, 0, maxSamples),
		strictyaml.Count("adapt_interval", r.AdaptInterval, 0, math.MaxInt32),
		strictyaml.Number("noise", r.Noise, r.Quantizer != "order"),
		strictyaml.Number("learning_rate", r.LearningRate, true),
		strictyaml.Number("clip_norm", r.ClipNorm, false),
		strictyaml.Number("time_price", r.TimePrice, false),
		strictyaml.Count("train_interval", r.TrainInterval, 1, math.MaxInt32),
		strictyaml.Count("steps_per_train", r.StepsPerTrain, 1, math.MaxInt32),
		strictyaml.Count("batch_size", r.BatchSize, 1, maxSamples),
		strictyaml.Count("memory_size", r.MemorySize, r.BatchSize, maxSamples),
		strictyaml.Widths("hidden", r.Hidden, maxLayers, maxWidth),
		strictyaml.Count("graph_hidden", r.GraphHidden, 1, maxWidth),
		strictyaml.Count("graph_layers", r.GraphLayers, 0, maxLayers),
		strictyaml.Count("refine_trials", r.RefineTrials, 0, math.MaxInt32),
		strictyaml.Count("value_interval", r.ValueInterval, 1, math.MaxInt32),
		strictyaml.Count("value_memory", r.ValueMemory, 1, maxSamples),
		strictyaml.Count("value_average", r.ValueAverage, 1, math.MaxInt32),
	} {
		if err != nil {
			return err
		}
	}
	if r.Cells > 1 && (r.AdaptInterval > 0 || r.Links == 0) {
		return strictyaml.Invalid("cells", "%d cells need links of at least 1 and an adapt_interval of 0, not %d and %d",
			r.Cells, r.Links, r.AdaptInterval)
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
