package droo

import (
	"errors"
	"fmt"

	"github.com/graphrl/graphrl/checkpoints"
	"github.com/graphrl/graphrl/internal/reuse"
	"github.com/graphrl/graphrl/nn"
	"gorgonia.org/gorgonia"
)

// PolicyNetwork is a network from observations to logits, over one set of weights.
type PolicyNetwork[O any] interface {
	// Params returns the weights.
	Params() nn.Params
	// Build adds the network to an expression graph of its own, so that several can run at once.
	Build() (PolicyGraph[O], error)
}

// PolicyGraph is one expression graph of a PolicyNetwork, with its input buffers.
type PolicyGraph[O any] interface {
	// Logits is the node of all logits of a batch [any rows x columns]. The options of one row of a decision are
	// consecutive, row-major.
	Logits() *gorgonia.Node
	// Load computes the inputs of a batch, of whose samples it reads the observations, and binds them to the tape.
	Load(t *nn.Tape, batch []Sample[O]) error
	// Rows is the number of rows the logits of the loaded batch have.
	Rows() int
	// Place returns which of the loaded batch's logits is the first of a sample's decision row; -1 if the network has none
	// for it, which means a certain 0 of a binary decision.
	Place(sample, row int) int
}

// Loss is what a NetworkActor learns the best decisions by.
type Loss string

// The losses of a NetworkActor.
const (
	// BinaryCrossEntropy treats each logit as a decision of its own, as DROO does.
	BinaryCrossEntropy Loss = "binary"
	// SoftmaxCrossEntropy treats the options of a row as alternatives.
	SoftmaxCrossEntropy Loss = "softmax"
)

// NetworkActorConfig holds the hyper-parameters of a NetworkActor.
type NetworkActorConfig struct {
	// Options is the number of options of each row: 1 for a binary decision.
	Options int
	// Loss defaults to BinaryCrossEntropy.
	Loss Loss
	// LearningRate and Beta1 are Adam's; 0: nn.AdamConfig's defaults.
	LearningRate float64
	Beta1        float64
	// ClipNorm bounds the global norm of the gradient; 0: no bound.
	ClipNorm float64
	// Workers is the number of goroutines that share a minibatch; 0: 1. Another number rounds differently.
	Workers int
}

// NetworkActor is an Actor made of a network, which it trains with Adam on cross-entropy. It implements checkpoints.Stateful.
type NetworkActor[O any] struct {
	net       PolicyNetwork[O]
	rows      func(obs *O) int
	options   int
	optimizer *nn.Adam

	decide PolicyGraph[O]
	tape   *nn.Tape
	single [1]Sample[O]
	logits []float32

	replicas []*replica[O]
	parallel *nn.DataParallel
	shares   []float64
}

// certainlyNot is a logit of probability 0, further from undecided than any a network gives.
const certainlyNot = -1e9

// NewNetworkActor compiles net for decisions and for training; rows tells how many rows the decision for an observation has.
// Close stops its goroutines.
func NewNetworkActor[O any](net PolicyNetwork[O], rows func(obs *O) int, cfg NetworkActorConfig) (*NetworkActor[O], error) {
	if cfg.Options < 1 {
		return nil, fmt.Errorf("droo: network actor: want at least 1 option, got %d", cfg.Options)
	}
	workers := max(cfg.Workers, 1)
	a := &NetworkActor[O]{
		net:     net,
		rows:    rows,
		options: cfg.Options,
		shares:  make([]float64, workers),
	}
	var err error
	if a.optimizer, err = nn.NewAdam(net.Params(), nn.AdamConfig{LearningRate: cfg.LearningRate, Beta1: cfg.Beta1}); err != nil {
		return nil, err
	}
	if a.decide, err = net.Build(); err != nil {
		return nil, err
	}
	if a.tape, err = nn.NewTape(a.decide.Logits()); err != nil {
		return nil, err
	}
	var trainers []*nn.Trainer
	for range workers {
		r, err := newReplica(net, cfg, a.optimizer)
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
func (a *NetworkActor[O]) Params() nn.Params { return a.net.Params() }

// Close stops the goroutines of the training.
func (a *NetworkActor[O]) Close() { a.parallel.Close() }

// Scores implements Actor.
func (a *NetworkActor[O]) Scores(obs O) (Scores, error) {
	a.single[0].Observation = obs
	s := Scores{Rows: a.rows(&a.single[0].Observation), Options: a.options}
	if s.Rows == 0 {
		return s, nil
	}
	if err := a.decide.Load(a.tape, a.single[:]); err != nil {
		return Scores{}, err
	}
	if err := a.tape.Run(); err != nil {
		return Scores{}, err
	}
	z := a.tape.Matrix(a.decide.Logits()).Data
	a.logits = reuse.Slice(a.logits, s.Rows*s.Options)
	for i := range s.Rows {
		row := a.logits[i*s.Options : (i+1)*s.Options]
		if p := a.decide.Place(0, i); p >= 0 {
			copy(row, z[p:])
		} else {
			row[0] = certainlyNot
		}
	}
	s.Logits = a.logits
	return s, nil
}

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
		a.shares[i] = float64(r.graph.Rows())
		total += r.graph.Rows()
	}
	for i := range a.shares {
		a.shares[i] /= float64(total)
	}
	return a.parallel.Step(a.shares)
}

// SaveState implements checkpoints.Stateful.
func (a *NetworkActor[O]) SaveState(s *checkpoints.State) error {
	checkpoints.SaveParams(s.Sub("weights"), a.Params())
	checkpoints.SaveOptimizer(s.Sub("optimizer"), a.optimizer)
	return nil
}

// LoadState implements checkpoints.Stateful.
func (a *NetworkActor[O]) LoadState(s *checkpoints.State) error {
	return errors.Join(
		checkpoints.LoadParams(s.Sub("weights"), a.Params()),
		checkpoints.LoadOptimizer(s.Sub("optimizer"), a.optimizer),
	)
}

// replica is one worker's expression graph, loss and buffers.
type replica[O any] struct {
	graph   PolicyGraph[O]
	trainer *nn.Trainer
	options int
	columns int // of the logits

	target    *gorgonia.Node
	targetBuf nn.Buffer
	segments  *gorgonia.Node // nil without softmax
	index     nn.Index
}

func newReplica[O any](net PolicyNetwork[O], cfg NetworkActorConfig, opt nn.Optimizer) (*replica[O], error) {
	graph, err := net.Build()
	if err != nil {
		return nil, err
	}
	z := graph.Logits()
	r := &replica[O]{graph: graph, options: cfg.Options, columns: z.Shape()[1]}
	if r.target, err = nn.NewInput(z.Graph(), "target", r.columns); err != nil {
		return nil, err
	}
	var loss *gorgonia.Node
	switch cfg.Loss {
	case BinaryCrossEntropy, "":
		loss, err = nn.BCEWithLogits(z, r.target)
	case SoftmaxCrossEntropy:
		if cfg.Options == 1 {
			return nil, errors.New("droo: network actor: softmax cross-entropy needs more than one option; use binary")
		}
		if r.segments, err = nn.NewIndexInput(z.Graph(), "segments"); err != nil {
			return nil, err
		}
		loss, err = nn.SegmentCrossEntropy(z, r.target, r.segments)
	default:
		return nil, fmt.Errorf("droo: network actor: unknown loss %q: want %s or %s", cfg.Loss, BinaryCrossEntropy, SoftmaxCrossEntropy)
	}
	if err != nil {
		return nil, err
	}
	if r.trainer, err = nn.NewTrainer(loss, net.Params(), opt); err != nil {
		return nil, err
	}
	r.trainer.ClipNorm = cfg.ClipNorm
	return r, nil
}

// load binds the inputs and the best decisions of a batch. Logits of rows that no decision has are taught 0 by the binary
// loss and nothing by softmax.
func (r *replica[O]) load(batch []Sample[O]) error {
	tape := r.trainer.Tape
	if err := r.graph.Load(tape, batch); err != nil {
		return err
	}
	target := r.targetBuf.Resize(r.graph.Rows(), r.columns)
	clear(target)
	for b, s := range batch {
		for i, choice := range s.Decision {
			p := r.graph.Place(b, i)
			switch {
			case p < 0:
			case r.options == 1:
				target[p] = float32(choice)
			default:
				target[p+int(choice)] = 1
			}
		}
	}
	if err := tape.Bind(r.target, r.targetBuf.Value()); err != nil {
		return err
	}
	if r.segments == nil {
		return nil
	}
	n := len(target) / r.options
	for k := len(r.index.Rows); k <= n; k++ {
		r.index.Rows = append(r.index.Rows, int32(k*r.options))
	}
	r.index.Rows = r.index.Rows[:n+1]
	return tape.Bind(r.segments, &r.index)
}
