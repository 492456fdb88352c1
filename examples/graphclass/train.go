package main

import (
	"fmt"
	"math/rand/v2"

	"github.com/graphrl/graphrl/gnn"
	"github.com/graphrl/graphrl/gnn/datasets"
	"github.com/graphrl/graphrl/nn"
	"gorgonia.org/gorgonia"
)

// What the authors set alike for all sets of graphs.
const (
	learningRate = 0.01 // Adam's, halved
	halvedEvery  = 50   // so many epochs
	iterations   = 50   // minibatches in an epoch
)

// setting holds what they chose for each.
type setting struct {
	hidden, batch int
	dropout       float64
	epochs        int
}

func (s setting) check() error {
	if s.hidden < 1 || s.batch < 2 || s.epochs < 1 {
		return fmt.Errorf("want at least 1 hidden unit, minibatches of at least 2 graphs and 1 epoch, got %d, %d and %d", s.hidden, s.batch, s.epochs)
	}
	return nil
}

// learner trains one network.
type learner struct {
	data    *datasets.GraphClassification
	setting setting
	rng     *rand.Rand
	net     *gin
	trainer *nn.Trainer
	infer   *nn.Tape

	g, x, target *gorgonia.Node
	graph        gnn.Graph // the minibatch
	tags, labels nn.Buffer
}

func newLearner(d *datasets.GraphClassification, s setting, rng *rand.Rand) (*learner, error) {
	l := &learner{data: d, setting: s, rng: rng}
	eg := gorgonia.NewGraph()
	var err error
	if l.g, err = gnn.NewGraphInput(eg, "graph"); err != nil {
		return nil, err
	}
	if l.x, err = nn.NewInput(eg, "x", d.NumFeatures()); err != nil {
		return nil, err
	}
	if l.target, err = nn.NewInput(eg, "target", d.Classes); err != nil {
		return nil, err
	}
	if l.net, err = newGIN(l.g, l.x, s.hidden, d.Classes, s.dropout, rng); err != nil {
		return nil, err
	}
	loss, err := nn.CrossEntropy(l.net.logits, l.target)
	if err != nil {
		return nil, err
	}
	adam, err := nn.NewAdam(l.net.params, nn.AdamConfig{LearningRate: learningRate})
	if err != nil {
		return nil, err
	}
	if l.trainer, err = nn.NewTrainer(loss, l.net.params, adam); err != nil {
		return nil, err
	}
	l.trainer.Schedule = nn.StepDecay(halvedEvery*iterations, 0.5)
	l.infer, err = nn.NewTape(l.net.logits)
	return l, err
}

// train returns the accuracy on the test graphs after each epoch.
func (l *learner) train(train, test []int32) ([]float64, error) {
	var curve []float64
	for range l.setting.epochs {
		l.net.setTraining(true)
		for range iterations {
			l.rng.Shuffle(len(train), func(i, j int) { train[i], train[j] = train[j], train[i] })
			if err := l.step(train[:min(l.setting.batch, len(train))]); err != nil {
				return nil, err
			}
		}
		l.net.setTraining(false)
		a, err := l.accuracy(test)
		if err != nil {
			return nil, err
		}
		curve = append(curve, a)
	}
	return curve, nil
}

// step trains on one minibatch.
func (l *learner) step(batch []int32) error {
	y := l.labels.Resize(len(batch), l.data.Classes)
	clear(y)
	for i, k := range batch {
		y[i*l.data.Classes+int(l.data.Labels[k])] = 1
	}
	if err := l.trainer.Tape.Bind(l.target, l.labels.Value()); err != nil {
		return err
	}
	if err := l.bind(l.trainer.Tape, batch); err != nil {
		return err
	}
	_, err := l.trainer.Step()
	return err
}

// accuracy returns the fraction of correctly classified graphs.
func (l *learner) accuracy(graphs []int32) (float64, error) {
	if err := l.bind(l.infer, graphs); err != nil {
		return 0, err
	}
	if err := l.infer.Run(); err != nil {
		return 0, err
	}
	right := 0
	logits := l.infer.Matrix(l.net.logits)
	for i, k := range graphs {
		z, label := logits.Row(i), l.data.Labels[k]
		best := 0
		for c, v := range z {
			if v > z[best] {
				best = c
			}
		}
		if int32(best) == label {
			right++
		}
	}
	return float64(right) / float64(len(graphs)), nil
}

// bind makes the minibatch of these graphs the input of a tape.
func (l *learner) bind(tape *nn.Tape, graphs []int32) error {
	if err := l.data.Batch(graphs, &l.graph, &l.tags); err != nil {
		return err
	}
	if err := tape.Bind(l.g, &l.graph); err != nil {
		return err
	}
	return tape.Bind(l.x, l.tags.Value())
}
