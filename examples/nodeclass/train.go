package main

import (
	"errors"
	"math"
	"math/rand/v2"
	"time"

	"github.com/graphrl/graphrl/gnn"
	"github.com/graphrl/graphrl/gnn/datasets"
	"github.com/graphrl/graphrl/nn"
	"gorgonia.org/gorgonia"
)

// learner trains one network on one graph.
type learner struct {
	data    *datasets.NodeClassification
	recipe  *recipe
	x       *gorgonia.Node // features
	logits  *gorgonia.Node // [vertices x classes]
	trainer *nn.Trainer
	infer   *nn.Tape          // the logits alone, without dropout
	sparse  gnn.SparseDropout // of the features
}

func newLearner(d *datasets.NodeClassification, model string, rng *rand.Rand) (*learner, error) {
	r, err := newRecipe(model, d.Features.Cols(), d.Classes, rng)
	if err != nil {
		return nil, err
	}
	l := &learner{data: d, recipe: r, sparse: gnn.SparseDropout{Dropout: r.dropout}}

	// The network. Its features are sparse: nine of ten words are in no one paper.
	eg := gorgonia.NewGraph()
	g, err := gnn.NewGraphInput(eg, "graph")
	if err != nil {
		return nil, err
	}
	if l.x, err = gnn.NewSparseInput(eg, "x", d.Features.Cols()); err != nil {
		return nil, err
	}
	h, err := r.first.Forward(g, l.x)
	if err != nil {
		return nil, err
	}
	if h, err = r.dropout.Forward(h); err != nil {
		return nil, err
	}
	if l.logits, err = r.second.Forward(g, h); err != nil {
		return nil, err
	}

	// Two tapes of one network: one trains, one computes the logits.
	target, err := nn.NewInput(eg, "target", d.Classes)
	if err != nil {
		return nil, err
	}
	loss, err := l.loss(eg, target)
	if err != nil {
		return nil, err
	}
	params := append(r.first.Params(), r.second.Params()...)
	adam, err := nn.NewAdam(params, nn.AdamConfig{LearningRate: r.learningRate})
	if err != nil {
		return nil, err
	}
	if l.trainer, err = nn.NewTrainer(loss, params, adam); err != nil {
		return nil, err
	}
	if l.infer, err = nn.NewTape(l.logits); err != nil {
		return nil, err
	}
	return l, l.bind(g, target)
}

// loss returns the mean cross-entropy of the labelled vertices plus L2 regularisation. Other
// vertices have targets of zeros, which add nothing to the sum that CrossEntropy averages over all
// vertices.
func (l *learner) loss(eg *gorgonia.ExprGraph, target *gorgonia.Node) (*gorgonia.Node, error) {
	entropy, err := nn.CrossEntropy(l.logits, target)
	if err != nil {
		return nil, err
	}
	penalty, err := nn.L2(eg, l.recipe.decayed)
	if err != nil {
		return nil, err
	}
	perLabelled := float64(l.data.Graph.NumDst()) / float64(len(l.data.Train))
	return nn.WeightedSum([]*gorgonia.Node{entropy, penalty}, []float64{perLabelled, l.recipe.decay})
}

// bind binds the inputs that stay the same.
func (l *learner) bind(graph, target *gorgonia.Node) error {
	d := l.data
	var labels nn.Buffer
	y := labels.Resize(d.Graph.NumDst(), d.Classes)
	clear(y)
	for _, i := range d.Train {
		y[int(i)*d.Classes+int(d.Labels[i])] = 1
	}
	return errors.Join(
		l.trainer.Tape.Bind(target, labels.Value()),
		l.trainer.Tape.Bind(graph, d.Graph),
		l.infer.Bind(graph, d.Graph),
		l.infer.Bind(l.x, d.Features),
	)
}

// train returns the accuracy on the test vertices after the epoch in which the loss on the
// validation vertices was lowest, the last epoch if there are none, and how long each epoch took.
func (l *learner) train() (accuracy float64, epochs []time.Duration, err error) {
	best := score{loss: math.Inf(1)} // either of it, on the validation vertices
	progress := 0                    // the last epoch in which either got better
	for epoch := range l.recipe.epochs {
		start := time.Now()
		if err := l.step(); err != nil {
			return 0, nil, err
		}
		epochs = append(epochs, time.Since(start))
		if err := l.infer.Run(); err != nil {
			return 0, nil, err
		}
		val := l.score(l.data.Val)
		if val.loss < best.loss || val.accuracy > best.accuracy {
			progress = epoch
		}
		if val.loss < best.loss || len(l.data.Val) == 0 {
			accuracy = l.score(l.data.Test).accuracy
		}
		best = score{max(best.accuracy, val.accuracy), min(best.loss, val.loss)}
		if l.recipe.patience > 0 && epoch-progress == l.recipe.patience && len(l.data.Val) > 0 {
			break
		}
	}
	return accuracy, epochs, nil
}

// step is one epoch of training: the whole graph at once.
func (l *learner) step() error {
	drop := l.recipe.dropout
	drop.Training = true
	defer func() { drop.Training = false }()
	features, err := l.sparse.Apply(l.data.Features)
	if err != nil {
		return err
	}
	if err := l.trainer.Tape.Bind(l.x, features); err != nil {
		return err
	}
	_, err = l.trainer.Step()
	return err
}

// score says how well some vertices are classified.
type score struct{ accuracy, loss float64 }

// score returns the score of the last computed logits; without vertices it is zero.
func (l *learner) score(vertices []int32) score {
	if len(vertices) == 0 {
		return score{}
	}
	right, loss := 0, 0.0
	logits := l.infer.Matrix(l.logits)
	for _, i := range vertices {
		z, label := logits.Row(int(i)), l.data.Labels[i]
		best, sum := 0, 0.0
		for k, v := range z {
			if v > z[best] {
				best = k
			}
			sum += math.Exp(float64(v - z[label]))
		}
		if int32(best) == label {
			right++
		}
		loss += math.Log(sum)
	}
	n := float64(len(vertices))
	return score{float64(right) / n, loss / n}
}
