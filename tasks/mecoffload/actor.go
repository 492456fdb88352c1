package mecoffload

import (
	"errors"
	"fmt"

	"github.com/graphrl/graphrl/checkpoints"
	"github.com/graphrl/graphrl/nn"
	"github.com/graphrl/graphrl/rl"
	"gorgonia.org/gorgonia"
)

// policyNet is a network that maps observations to logits, one per device and option. It is what the actors differ in.
type policyNet interface {
	params() nn.Params
	// build adds the network, over its one set of weights, to an expression graph of its own.
	build() (policyGraph, error)
}

// policyGraph is one expression graph of a policyNet with its input buffers.
type policyGraph interface {
	// logits is the node of all logits of a batch: one group of consecutive options per device of each sample, in an order
	// that the method group tells.
	logits() *gorgonia.Node
	// load computes the features of a batch and binds them to the tape.
	load(t *nn.Tape, batch []rl.Sample[Observation]) error
	// groups is how many groups of logits the loaded batch has, group where those of a sample's device are.
	groups() int
	group(sample, device int) int
}

// Loss is what an actor learns the best decisions by.
type Loss string

const (
	// BinaryCrossEntropy treats each (device, option) pair as a decision of its own, as DROO does.
	BinaryCrossEntropy Loss = "binary"
	// SoftmaxCrossEntropy treats each device's options as alternatives.
	SoftmaxCrossEntropy Loss = "softmax"
)

// ActorConfig holds the hyper-parameters common to the actors.
type ActorConfig struct {
	Loss         Loss
	LearningRate float64 // of Adam
	ClipNorm     float64 // bound of the gradient's global norm; 0: none
	Workers      int     // goroutines that share a minibatch; 0: 1
}

// Actor is a policy network with the machinery to decide and to learn. It implements rl.Actor and checkpoints.Stateful.
type Actor struct {
	net       policyNet
	options   int
	optimizer *nn.Adam

	decide policyGraph
	tape   *nn.Tape
	single [1]rl.Sample[Observation]
	scores []float32

	replicas []*replica
	parallel *nn.DataParallel
	shares   []float64
}

var _ rl.Actor[Observation] = (*Actor)(nil)
var _ checkpoints.Stateful = (*Actor)(nil)

// newActor compiles net for decisions and for training.
func newActor(net policyNet, options int, cfg ActorConfig) (*Actor, error) {
	a := &Actor{
		net:       net,
		options:   options,
		optimizer: nn.NewAdam(net.params(), nn.AdamConfig{LearningRate: cfg.LearningRate}),
		shares:    make([]float64, max(cfg.Workers, 1)),
	}
	var err error
	if a.decide, err = net.build(); err != nil {
		return nil, err
	}
	if a.tape, err = nn.NewTape(a.decide.logits()); err != nil {
		return nil, err
	}
	var trainers []*nn.Trainer
	for range max(cfg.Workers, 1) {
		r, err := newReplica(net, options, cfg, a.optimizer)
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
func (a *Actor) Params() nn.Params { return a.net.params() }

// Close stops the goroutines of the training.
func (a *Actor) Close() { a.parallel.Close() }

// Scores implements rl.Actor.
func (a *Actor) Scores(obs Observation) (rl.Scores, error) {
	a.single[0].Observation = obs
	if obs.Devices == 0 {
		return rl.Scores{Options: a.options}, nil
	}
	if err := a.decide.load(a.tape, a.single[:]); err != nil {
		return rl.Scores{}, err
	}
	if err := a.tape.Run(); err != nil {
		return rl.Scores{}, err
	}
	logits := a.tape.Matrix(a.decide.logits()).Data
	a.scores = resize(a.scores, obs.Devices*a.options)
	for m := range obs.Devices {
		copy(a.scores[m*a.options:(m+1)*a.options], logits[a.decide.group(0, m)*a.options:])
	}
	return rl.Scores{Rows: obs.Devices, Options: a.options, Logits: a.scores}, nil
}

// Train implements rl.Actor. The workers share the batch as evenly as possible.
func (a *Actor) Train(batch []rl.Sample[Observation]) (float64, error) {
	w := len(a.replicas)
	total := 0
	for i, r := range a.replicas {
		part := batch[i*len(batch)/w : (i+1)*len(batch)/w]
		a.shares[i] = 0
		if len(part) == 0 {
			continue
		}
		if err := r.load(part); err != nil {
			return 0, err
		}
		a.shares[i] = float64(r.graph.groups())
		total += r.graph.groups()
	}
	for i := range a.shares {
		a.shares[i] /= float64(total)
	}
	return a.parallel.Step(a.shares)
}

// SaveState implements checkpoints.Stateful.
func (a *Actor) SaveState(s *checkpoints.State) error {
	saveParams(s.Sub("weights"), a.Params())
	saveOptimizer(s.Sub("optimizer"), a.optimizer)
	return nil
}

// LoadState implements checkpoints.Stateful.
func (a *Actor) LoadState(s *checkpoints.State) error {
	return errors.Join(loadParams(s.Sub("weights"), a.Params()), loadOptimizer(s.Sub("optimizer"), a.optimizer))
}

// replica is one worker's expression graph, loss and buffers.
type replica struct {
	graph   policyGraph
	trainer *nn.Trainer
	options int

	targetNode, segmentNode *gorgonia.Node // segmentNode: nil without softmax
	target                  nn.Buffer
	segments                nn.Index
}

func newReplica(net policyNet, options int, cfg ActorConfig, opt nn.Optimizer) (*replica, error) {
	graph, err := net.build()
	if err != nil {
		return nil, err
	}
	r := &replica{graph: graph, options: options}
	z := graph.logits()
	if r.targetNode, err = nn.NewInput(z.Graph(), "target", z.Shape()[1]); err != nil {
		return nil, err
	}
	var loss *gorgonia.Node
	switch cfg.Loss {
	case BinaryCrossEntropy:
		loss, err = nn.BCEWithLogits(z, r.targetNode)
	case SoftmaxCrossEntropy:
		if r.segmentNode, err = nn.NewIndexInput(z.Graph(), "segments"); err != nil {
			return nil, err
		}
		loss, err = nn.SegmentCrossEntropy(z, r.targetNode, r.segmentNode)
	default:
		return nil, fmt.Errorf("mecoffload: unknown loss %q: want %q or %q", cfg.Loss, BinaryCrossEntropy, SoftmaxCrossEntropy)
	}
	if err != nil {
		return nil, err
	}
	if r.trainer, err = nn.NewTrainer(loss, net.params(), opt); err != nil {
		return nil, err
	}
	r.trainer.ClipNorm = cfg.ClipNorm
	return r, nil
}

// load binds the features and the best decisions of a batch.
func (r *replica) load(batch []rl.Sample[Observation]) error {
	tape := r.trainer.Tape
	if err := r.graph.load(tape, batch); err != nil {
		return err
	}
	groups := r.graph.groups()
	cols := r.graph.logits().Shape()[1]
	target := r.target.Resize(groups*r.options/cols, cols)
	clear(target)
	for b, s := range batch {
		for m, option := range s.Decision {
			target[r.graph.group(b, m)*r.options+int(option)] = 1
		}
	}
	if err := tape.Bind(r.targetNode, r.target.Value()); err != nil {
		return err
	}
	if r.segmentNode == nil {
		return nil
	}
	for n := len(r.segments.Rows); n <= groups; n++ {
		r.segments.Rows = append(r.segments.Rows, int32(n*r.options))
	}
	r.segments.Rows = r.segments.Rows[:groups+1]
	return tape.Bind(r.segmentNode, &r.segments)
}

// The functions below keep parameters and optimisers in checkpoints.

func saveParams(s *checkpoints.State, ps nn.Params) {
	for _, p := range ps {
		s.PutFloat32(p.Name, p.Shape(), p.Data())
	}
}

func loadParams(s *checkpoints.State, ps nn.Params) error {
	var errs []error
	for _, p := range ps {
		errs = append(errs, s.Float32(p.Name, p.Data()))
	}
	return errors.Join(errs...)
}

func saveOptimizer(s *checkpoints.State, opt nn.Optimizer) {
	st := opt.State()
	s.PutInt("step", int64(st.Step))
	saveParams(s, st.Slots)
}

func loadOptimizer(s *checkpoints.State, opt nn.Optimizer) error {
	step, err := s.Int("step")
	if err != nil {
		return err
	}
	opt.SetStep(int(step))
	return loadParams(s, opt.State().Slots)
}
