package rl

import (
	"errors"
	"fmt"

	"github.com/graphrl/graphrl/checkpoints"
	"github.com/graphrl/graphrl/nn"
	"gorgonia.org/gorgonia"
)

// qNetwork computes the value of each action that an observation offers.
type qNetwork[O any] struct {
	model   Model[O]
	params  nn.Params // of model
	dueling bool
	act     *Compiled[O] // outputs action values

	// For training.
	fit     *Compiled[O]
	trainer *nn.Trainer
	td      tdLoss
}

func newQNetwork[O any](model Model[O], dueling bool) (*qNetwork[O], error) {
	n := &qNetwork[O]{model: model, params: model.Params(), dueling: dueling}
	var err error
	if n.act, err = n.build(); err != nil {
		return nil, err
	}
	n.act.Tape, err = nn.NewTape(n.act.Output)
	return n, err
}

// build creates the network, without a tape, with action values as its output.
func (n *qNetwork[O]) build() (*Compiled[O], error) {
	net, err := n.model.Build()
	if err != nil {
		return nil, err
	}
	c := Compile[O](net, nil)
	if !n.dueling {
		if net.Value != nil {
			return nil, errors.New("rl: DQN: the model has a value (critic), which DQN uses only " +
				"with Dueling: use NoValue or set Dueling")
		}
		return c, nil
	}
	if net.Value == nil {
		return nil, errors.New("rl: DQN: Dueling needs a model with a value")
	}
	c.Output, err = nn.Apply("dueling", &dueling{choices: &c.Choices}, net.Scores.Shape(), net.Scores, net.Value)
	return c, err
}

// train prepares for minibatches of n observations.
func (n *qNetwork[O]) train(optimizer nn.Optimizer, huberDelta, clipNorm float64, batchSize int) error {
	var err error
	if n.fit, err = n.build(); err != nil {
		return err
	}
	n.td = tdLoss{
		delta:   huberDelta,
		choices: &n.fit.Choices,
		actions: make([]int, batchSize),
		targets: make([]float32, batchSize),
		weights: make([]float32, batchSize),
		errors:  make([]float64, batchSize),
	}
	loss, err := nn.Apply("td_loss", &n.td, nn.Shape{}, n.fit.Output)
	if err != nil {
		return err
	}
	if n.trainer, err = nn.NewTrainer(loss, n.params, optimizer); err != nil {
		return err
	}
	n.trainer.ClipNorm = clipNorm
	n.fit.Tape = n.trainer.Tape
	return nil
}

// learn makes one step on a minibatch, whose other data is in n.td, and returns the loss before it.
func (n *qNetwork[O]) learn(obs []O) (float64, error) {
	if err := n.fit.Load(obs); err != nil {
		return 0, err
	}
	return n.trainer.Step()
}

// values returns the values of all actions of each observation, valid until the next call of
// values.
func (n *qNetwork[O]) values(obs []O) ([]float32, error) {
	return n.act.predict(obs)
}

// explore writes the best action for each observation or, with probability epsilon, any allowed
// one.
func (n *qNetwork[O]) explore(obs []O, actions []int, epsilon float64, rand *Rand) error {
	q, err := n.values(obs)
	if err != nil {
		return err
	}
	for b := range obs {
		own, allowed := n.act.Choices.Of(b, q)
		if actions[b], err = argmax(own, allowed); err != nil {
			return fmt.Errorf("observation %d: %w", b, err)
		}
		if rand.Float64() >= epsilon || actions[b] < 0 {
			continue
		}
		if allowed == nil {
			actions[b] = rand.IntN(len(own))
			continue
		}
		choices := 0
		for _, ok := range allowed {
			if ok {
				choices++
			}
		}
		choice := rand.IntN(choices)
		for i, ok := range allowed {
			if !ok {
				continue
			}
			if choice == 0 {
				actions[b] = i
				break
			}
			choice--
		}
	}
	return nil
}

// approach moves the weights a share tau of the way to those of another network.
func (n *qNetwork[O]) approach(to *qNetwork[O], tau float64) {
	for i, p := range n.params {
		own, other := p.Data(), to.params[i].Data()
		if tau == 1 {
			copy(own, other)
			continue
		}
		for j, v := range other {
			own[j] += float32(tau) * (v - own[j])
		}
	}
}

// SaveState implements checkpoints.Stateful. It saves the weights, but not the optimiser.
func (n *qNetwork[O]) SaveState(s *checkpoints.State) error {
	checkpoints.SaveParams(s.Sub("weights"), n.params)
	return checkpoints.SaveOptional(s, "model", n.model)
}

// LoadState implements checkpoints.Stateful.
func (n *qNetwork[O]) LoadState(s *checkpoints.State) error {
	return errors.Join(checkpoints.LoadParams(s.Sub("weights"), n.params), checkpoints.LoadOptional(s, "model", n.model))
}

// dueling computes Q = V + A - mean A, with the mean over the observation's allowed actions. Its
// inputs are A, of any shape with one entry per action, and V [observations x 1].
type dueling struct{ choices *Choices }

func (o *dueling) OutShape(in []gorgonia.Value) (int, int, error) {
	a, err := nn.AsMatrix(in[0])
	if err != nil {
		return 0, 0, err
	}
	v, err := nn.AsMatrix(in[1])
	if err == nil && (len(a.Data) != o.choices.Scores() || len(v.Data) != o.choices.Len()) {
		err = fmt.Errorf("%d advantages and %d values for %d actions of %d observations", len(a.Data), len(v.Data), o.choices.Scores(), o.choices.Len())
	}
	return a.Rows, a.Cols, err
}

func (o *dueling) Forward(in []gorgonia.Value, out nn.Matrix) error {
	a, err := nn.AsMatrix(in[0])
	if err != nil {
		return err
	}
	v, err := nn.AsMatrix(in[1])
	if err != nil {
		return err
	}
	for b := range o.choices.Len() {
		advantages, allowed := o.choices.Of(b, a.Data)
		q, _ := o.choices.Of(b, out.Data)
		sum, n := float32(0), countAllowed(len(advantages), allowed)
		for i, x := range advantages {
			if allowed == nil || allowed[i] {
				sum += x
			}
		}
		shift := v.Data[b] - sum/float32(max(n, 1))
		for i, x := range advantages {
			q[i] = x + shift
		}
	}
	return nil
}

func (o *dueling) Differentiable(int) bool { return true }

func (o *dueling) Backward(_ []gorgonia.Value, _, dout nn.Matrix, din []nn.Matrix) error {
	for b := range o.choices.Len() {
		dq, allowed := o.choices.Of(b, dout.Data)
		sum := float32(0)
		for _, d := range dq {
			sum += d
		}
		if !din[1].IsZero() {
			din[1].Data[b] = sum
		}
		if din[0].IsZero() {
			continue
		}
		da, _ := o.choices.Of(b, din[0].Data)
		mean := sum / float32(max(countAllowed(len(dq), allowed), 1))
		for i, d := range dq {
			da[i] = d
			if allowed == nil || allowed[i] {
				da[i] -= mean
			}
		}
	}
	return nil
}

// countAllowed returns how many of n actions the mask allows.
func countAllowed(n int, allowed []bool) int {
	if allowed == nil {
		return n
	}
	count := 0
	for _, ok := range allowed {
		if ok {
			count++
		}
	}
	return count
}

// tdLoss is the mean over a minibatch of weight h(Q(s, a) - target), where h is half the square or
// Huber's function. Action values are its only input in the expression graph; the slices have one
// entry per observation.
type tdLoss struct {
	delta   float64 // of Huber's function; 0: half the square
	choices *Choices
	actions []int
	targets []float32
	weights []float32
	errors  []float64 // result: Q(s, a) - target

	slope []float64 // of the loss with respect to Q(s, a)
}

func (o *tdLoss) OutShape(in []gorgonia.Value) (int, int, error) {
	q, err := nn.AsMatrix(in[0])
	if err == nil && (len(q.Data) != o.choices.Scores() || len(o.actions) != o.choices.Len()) {
		err = fmt.Errorf("%d values for %d actions of %d observations in a minibatch of %d", len(q.Data), o.choices.Scores(), o.choices.Len(), len(o.actions))
	}
	return 1, 1, err
}

func (o *tdLoss) Forward(in []gorgonia.Value, out nn.Matrix) error {
	q, err := nn.AsMatrix(in[0])
	if err != nil {
		return err
	}
	sum, n := 0.0, float64(len(o.actions))
	o.slope = o.slope[:0]
	for b, action := range o.actions {
		own, _ := o.choices.Of(b, q.Data)
		if action < 0 || action >= len(own) {
			return fmt.Errorf("experience %d of the minibatch: action %d of %d", b, action, len(own))
		}
		e := float64(own[action]) - float64(o.targets[b])
		o.errors[b] = e
		loss, slope := e*e/2, e
		if o.delta > 0 && (e > o.delta || e < -o.delta) {
			slope = min(max(e, -o.delta), o.delta)
			loss = slope * (e - slope/2)
		}
		weight := float64(o.weights[b]) / n
		sum += weight * loss
		o.slope = append(o.slope, weight*slope)
	}
	out.Data[0] = float32(sum)
	return nil
}

func (o *tdLoss) Differentiable(int) bool { return true }

func (o *tdLoss) Backward(_ []gorgonia.Value, _, dout nn.Matrix, din []nn.Matrix) error {
	clear(din[0].Data)
	for b, action := range o.actions {
		din[0].Data[o.choices.Begin(b)+action] = float32(o.slope[b]) * dout.Data[0]
	}
	return nil
}
