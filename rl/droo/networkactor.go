package droo

import (
	"errors"
	"fmt"

	"github.com/graphrl/graphrl/checkpoints"
	"github.com/graphrl/graphrl/internal/validate"
	"github.com/graphrl/graphrl/nn"
	"github.com/graphrl/graphrl/rl"
	"gorgonia.org/gorgonia"
)

// Loss is the training loss of a NetworkActor.
type Loss string

// The losses of a NetworkActor.
const (
	// BinaryCrossEntropy treats each logit as a separate decision, as DROO does.
	BinaryCrossEntropy Loss = "binary"
	// SoftmaxCrossEntropy treats the options of a row as alternatives.
	SoftmaxCrossEntropy Loss = "softmax"
)

// NetworkActorConfig holds the hyper-parameters of a NetworkActor.
type NetworkActorConfig struct {
	// Loss defaults to BinaryCrossEntropy.
	Loss Loss
	// LearningRate and Beta1 are parameters of Adam; 0: nn.AdamConfig's defaults.
	LearningRate float64
	Beta1        float64
	// ClipNorm bounds the global norm of the gradient; 0: no bound.
	ClipNorm float64
	// Workers is the number of goroutines that share a minibatch; 0: 1. Results depend on it by
	// rounding.
	Workers int
}

// Check reports invalid fields.
func (c NetworkActorConfig) Check() error {
	check := validate.Fields{Name: "droo: network actor"}
	check.Want(c.Loss == "" || c.Loss == BinaryCrossEntropy || c.Loss == SoftmaxCrossEntropy,
		"Loss is %q, want %s or %s", c.Loss, BinaryCrossEntropy, SoftmaxCrossEntropy)
	check.NotNegative("LearningRate", c.LearningRate)
	check.Want(c.Beta1 >= 0 && c.Beta1 < 1, "Beta1 is %v, want it in [0, 1)", c.Beta1)
	check.NotNegative("ClipNorm", c.ClipNorm)
	check.Want(c.Workers >= 0, "Workers is %d, want at least 0", c.Workers)
	return check.Err()
}

// NetworkActor is an Actor with a network, which it trains with Adam on cross-entropy. It
// implements checkpoints.Stateful.
type NetworkActor[O any] struct {
	*networkScorer[O]
	model     rl.Model[O]
	optimizer *nn.Adam

	replicas []*replica[O]
	parallel *nn.DataParallel
	shares   []float64
}

// NewNetworkActor compiles a model for decisions and for training, ignoring its critic. Close stops
// its goroutines.
func NewNetworkActor[O any](model rl.Model[O], cfg NetworkActorConfig) (*NetworkActor[O], error) {
	if err := cfg.Check(); err != nil {
		return nil, err
	}
	workers := max(cfg.Workers, 1)
	a := &NetworkActor[O]{
		model:  model,
		shares: make([]float64, workers),
	}
	var err error
	if a.optimizer, err = nn.NewAdam(model.Params(), nn.AdamConfig{LearningRate: cfg.LearningRate, Beta1: cfg.Beta1}); err != nil {
		return nil, err
	}
	if a.networkScorer, err = newNetworkScorer(model); err != nil {
		return nil, err
	}
	var trainers []*nn.Trainer
	for range workers {
		r, err := newReplica(model, cfg, a.optimizer)
		if err != nil {
			return nil, err
		}
		a.replicas = append(a.replicas, r)
		trainers = append(trainers, r.trainer)
	}
	a.parallel, err = nn.NewDataParallel(trainers...)
	return a, err
}

// Params returns the weights of the network.
func (a *NetworkActor[O]) Params() nn.Params { return a.model.Params() }

// Close stops the goroutines that train.
func (a *NetworkActor[O]) Close() { a.parallel.Close() }

// Train implements Actor. The workers share the batch as evenly as its samples allow.
func (a *NetworkActor[O]) Train(batch []Sample[O]) (float64, error) {
	w, total := len(a.replicas), 0
	for i, r := range a.replicas {
		part := batch[i*len(batch)/w : (i+1)*len(batch)/w]
		a.shares[i] = 0
		if len(part) == 0 {
			continue
		}
		if err := r.load(part); err != nil {
			return 0, err
		}
		a.shares[i] = float64(r.rows)
		total += r.rows
	}
	for i := range a.shares {
		a.shares[i] /= float64(total)
	}
	return a.parallel.Step(a.shares)
}

// Names of parts of an actor's state.
const (
	weightState = "weights"
	modelState  = "model"
)

// SaveState implements checkpoints.Stateful.
func (a *NetworkActor[O]) SaveState(s *checkpoints.State) error {
	checkpoints.SaveParams(s.Sub(weightState), a.Params())
	checkpoints.SaveOptimizer(s.Sub("optimizer"), a.optimizer)
	return checkpoints.SaveOptional(s, modelState, a.model)
}

// LoadState implements checkpoints.Stateful.
func (a *NetworkActor[O]) LoadState(s *checkpoints.State) error {
	return errors.Join(
		checkpoints.LoadParams(s.Sub(weightState), a.Params()),
		checkpoints.LoadOptimizer(s.Sub("optimizer"), a.optimizer),
		checkpoints.LoadOptional(s, modelState, a.model),
	)
}

// replica is one worker's expression graph, loss and buffers.
type replica[O any] struct {
	net     *rl.Compiled[O]
	trainer *nn.Trainer
	columns int // of the scores
	rows    int // of the loaded batch's scores

	batch     []O
	target    *gorgonia.Node
	targetBuf nn.Buffer
	segments  *gorgonia.Node // nil without softmax
	index     nn.Index
}

func newReplica[O any](model rl.Model[O], cfg NetworkActorConfig, opt nn.Optimizer) (*replica[O], error) {
	net, err := model.Build()
	if err != nil {
		return nil, err
	}
	z := net.Scores
	r := &replica[O]{columns: z.Shape()[1]}
	if r.target, err = nn.NewInput(z.Graph(), "target", r.columns); err != nil {
		return nil, err
	}
	var loss *gorgonia.Node
	if cfg.Loss == SoftmaxCrossEntropy {
		if net.Binary {
			return nil, errors.New("droo: network actor: softmax cross-entropy needs more than one option; use binary")
		}
		if r.segments, err = nn.NewIndexInput(z.Graph(), "segments"); err != nil {
			return nil, err
		}
		loss, err = nn.SegmentCrossEntropy(z, r.target, r.segments)
	} else {
		loss, err = nn.BCEWithLogits(z, r.target)
	}
	if err != nil {
		return nil, err
	}
	if r.trainer, err = nn.NewTrainer(loss, model.Params(), opt); err != nil {
		return nil, err
	}
	r.trainer.ClipNorm = cfg.ClipNorm
	r.net = rl.Compile(net, r.trainer.Tape)
	r.net.Target = r.target
	return r, nil
}

// load binds the inputs and the best decisions of a batch. The binary loss trains scores of groups
// that no row refers to towards 0; softmax ignores them.
func (r *replica[O]) load(batch []Sample[O]) error {
	r.batch = r.batch[:0]
	for i := range batch {
		r.batch = append(r.batch, batch[i].Observation)
	}
	if err := r.net.Load(r.batch); err != nil {
		return err
	}
	choices := &r.net.Choices
	r.rows = choices.Scores() / r.columns
	target := r.targetBuf.Resize(r.rows, r.columns)
	clear(target)
	for b, s := range batch {
		rows := choices.Rows(b)
		if len(rows) != len(s.Decision) {
			return fmt.Errorf("droo: network actor: sample %d: the decision has %d rows, the "+
				"observation %d", b, len(s.Decision), len(rows))
		}
		for i, choice := range s.Decision {
			if rows[i] == rl.NoScores {
				continue
			}
			own, _ := choices.OfGroup(int(rows[i]), target)
			switch {
			case r.net.Net.Binary:
				own[0] = float32(choice)
			case choice < 0 || int(choice) >= len(own):
				return fmt.Errorf("droo: network actor: sample %d, row %d: choice %d is not one of "+
					"%d options", b, i, choice, len(own))
			default:
				own[choice] = 1
			}
		}
	}
	tape := r.trainer.Tape
	if err := tape.Bind(r.target, r.targetBuf.Value()); err != nil {
		return err
	}
	if r.segments == nil {
		return nil
	}
	r.index.Rows = append(r.index.Rows[:0], 0)
	for group := range choices.Groups() {
		r.index.Rows = append(r.index.Rows, int32(choices.GroupEnd(group)))
	}
	return tape.Bind(r.segments, &r.index)
}
