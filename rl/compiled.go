package rl

import (
	"fmt"

	"github.com/graphrl/graphrl/nn"
	"gorgonia.org/gorgonia"
)

// Compiled is a network with the tape that runs it: what a learner acts or trains with.
type Compiled[O any] struct {
	Net     *Network[O]
	Tape    *nn.Tape
	Choices Choices        // of the batch loaded last
	Output  *gorgonia.Node // what Run returns, with one entry per option: the scores, unless changed
}

// Compile joins a network and a tape that computes its scores, or a loss made of them.
func Compile[O any](net *Network[O], tape *nn.Tape) *Compiled[O] {
	return &Compiled[O]{Net: net, Tape: tape, Output: net.Scores}
}

// Load binds a batch to the tape.
func (c *Compiled[O]) Load(batch []O) error {
	c.Choices.Reset()
	if err := c.Net.Load(c.Tape, batch, &c.Choices); err != nil {
		return err
	}
	if c.Choices.Len() != len(batch) {
		return fmt.Errorf("rl: the model has listed the choices of %d observations of %d", c.Choices.Len(), len(batch))
	}
	return nil
}

// Run computes the output of the loaded batch. It is valid until the next Run.
func (c *Compiled[O]) Run() ([]float32, error) {
	if err := c.Tape.Run(); err != nil {
		return nil, err
	}
	scores := c.Tape.Matrix(c.Output).Data
	if len(scores) != c.Choices.Scores() {
		return nil, fmt.Errorf("rl: the model has %d scores for %d options", len(scores), c.Choices.Scores())
	}
	return scores, nil
}

// Values returns the critic's value of each observation of the batch that Run has computed, nil
// without a critic.
func (c *Compiled[O]) Values() ([]float32, error) {
	if c.Net.Value == nil {
		return nil, nil
	}
	values := c.Tape.Matrix(c.Net.Value).Data
	if len(values) != c.Choices.Len() {
		return nil, fmt.Errorf("rl: the model has %d values for %d observations", len(values), c.Choices.Len())
	}
	return values, nil
}

// predict loads and runs a batch.
func (c *Compiled[O]) predict(batch []O) ([]float32, error) {
	if err := c.Load(batch); err != nil {
		return nil, err
	}
	return c.Run()
}
