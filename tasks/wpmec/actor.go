package wpmec

import (
	"errors"
	"fmt"

	"github.com/graphrl/graphrl/checkpoints"
	"github.com/graphrl/graphrl/nn"
	"github.com/graphrl/graphrl/rl"
	"gorgonia.org/gorgonia"
)

// network is what the actors differ in: a map from observations to one logit per user, over one set of weights.
type network interface {
	params() nn.Params
	// build adds the network to an expression graph of its own.
	build() (networkGraph, error)
}

// networkGraph is one expression graph of a network with its inputs.
type networkGraph interface {
	// logits is the node of the logits of a batch.
	logits() *gorgonia.Node
	// load computes the inputs of a batch and binds them to the tape.
	load(t *nn.Tape, batch []rl.Sample[Observation]) error
	// rows is the number of rows the logits of the loaded batch have.
	rows() int
	// place returns which of the logits, row-major, belongs to user i of sample b; -1 for a user that is off.
	place(b, i int) int
}

// ActorConfig holds the hyper-parameters common to the actors.
type ActorConfig struct {
	LearningRate float64 // of Adam; 0: 0.001
	Beta1        float64 // of Adam; 0: 0.9
}

// Actor is a network that decides and learns by binary cross-entropy, each user's decision by itself, as DROO's does. It
// implements rl.Actor and checkpoints.Stateful. The logit of a user that is off says local, with certainty.
type Actor struct {
	net       network
	optimizer *nn.Adam

	decide networkGraph
	tape   *nn.Tape
	single [1]rl.Sample[Observation]
	scores []float32

	train      networkGraph
	trainer    *nn.Trainer
	targetNode *gorgonia.Node
	targetCols int
	target     nn.Buffer
}

var (
	_ rl.Actor[Observation] = (*Actor)(nil)
	_ checkpoints.Stateful  = (*Actor)(nil)
)

// certainlyLocal is a logit of probability 0, further from undecided than any a network gives.
const certainlyLocal = -1e9

// newActor compiles net for decisions and for training.
func newActor(net network, cfg ActorConfig) (*Actor, error) {
	a := &Actor{
		net:       net,
		optimizer: nn.NewAdam(net.params(), nn.AdamConfig{LearningRate: cfg.LearningRate, Beta1: cfg.Beta1}),
	}
	var err error
	if a.decide, err = net.build(); err != nil {
		return nil, err
	}
	if a.tape, err = nn.NewTape(a.decide.logits()); err != nil {
		return nil, err
	}
	if a.train, err = net.build(); err != nil {
		return nil, err
	}
	z := a.train.logits()
	a.targetCols = z.Shape()[1]
	if a.targetNode, err = nn.NewInput(z.Graph(), "target", a.targetCols); err != nil {
		return nil, err
	}
	loss, err := nn.BCEWithLogits(z, a.targetNode)
	if err != nil {
		return nil, err
	}
	a.trainer, err = nn.NewTrainer(loss, net.params(), a.optimizer)
	return a, err
}

// Params returns the weights of the network.
func (a *Actor) Params() nn.Params { return a.net.params() }

// Scores implements rl.Actor.
func (a *Actor) Scores(obs Observation) (rl.Scores, error) {
	if err := obs.Check(); err != nil {
		return rl.Scores{}, err
	}
	a.single[0].Observation = obs
	if err := a.decide.load(a.tape, a.single[:]); err != nil {
		return rl.Scores{}, err
	}
	if err := a.tape.Run(); err != nil {
		return rl.Scores{}, err
	}
	z := a.tape.Matrix(a.decide.logits()).Data
	a.scores = resize(a.scores, obs.Users())
	for i := range a.scores {
		a.scores[i] = certainlyLocal
		if p := a.decide.place(0, i); p >= 0 {
			a.scores[i] = z[p]
		}
	}
	return rl.Scores{Rows: obs.Users(), Options: 1, Logits: a.scores}, nil
}

// Train implements rl.Actor. The loss is the mean over the logits.
func (a *Actor) Train(batch []rl.Sample[Observation]) (float64, error) {
	if err := a.train.load(a.trainer.Tape, batch); err != nil {
		return 0, err
	}
	target := a.target.Resize(a.train.rows(), a.targetCols)
	clear(target)
	for b, s := range batch {
		for i, choice := range s.Decision {
			if p := a.train.place(b, i); p >= 0 {
				target[p] = float32(choice)
			}
		}
	}
	if err := a.trainer.Tape.Bind(a.targetNode, a.target.Value()); err != nil {
		return 0, err
	}
	return a.trainer.Step()
}

// SaveState implements checkpoints.Stateful.
func (a *Actor) SaveState(s *checkpoints.State) error {
	state := a.optimizer.State()
	saveParams(s.Sub("weights"), a.Params())
	saveParams(s.Sub("optimizer"), state.Slots)
	s.PutInt("optimizer/step", int64(state.Step))
	return nil
}

// LoadState implements checkpoints.Stateful.
func (a *Actor) LoadState(s *checkpoints.State) error {
	step, err := s.Int("optimizer/step")
	if err != nil {
		return err
	}
	if step < 0 {
		return fmt.Errorf("wpmec: saved optimizer has taken %d steps", step)
	}
	a.optimizer.SetStep(int(step))
	return errors.Join(loadParams(s.Sub("weights"), a.Params()), loadParams(s.Sub("optimizer"), a.optimizer.State().Slots))
}

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
