package earlyexit

import (
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/graphrl/graphrl/checkpoints"
	"github.com/graphrl/graphrl/checkpoints/runfolder"
	"github.com/graphrl/graphrl/nn"
	"github.com/graphrl/graphrl/nn/cnn"
	"github.com/graphrl/graphrl/nn/cnn/imagefolder"
	"golang.org/x/sync/errgroup"
	"gonum.org/v1/gonum/stat"
	"gorgonia.org/gorgonia"
)

// Model is a trained network, ready for use.
type Model struct {
	Network *Network // for inference
	Norm    Normalisation
	Classes []string
}

// Parts of a model that not every one has.
const (
	unpooled   = "unpooled_block5" // networks with UnpooledBlock5
	exitsAfter = "exits_after"     // networks whose exits do not all stand at the ends of blocks
)

func saveModel(s *checkpoints.State, n *Network, norm Normalisation, classes []string) {
	checkpoints.SaveParams(s, append(n.Params(), n.Statistics()...))
	s.PutFloat32("mean", nil, norm.Mean[:])
	s.PutFloat32("std", nil, norm.Std[:])
	s.PutString("classes", strings.Join(classes, "\n"))
	if n.UnpooledBlock5 {
		s.PutInt(unpooled, 1)
	}
	if n.After != blockEnds {
		var after [Exits]int32
		for e, c := range n.After {
			after[e] = int32(c)
		}
		s.PutInt32(exitsAfter, nil, after[:])
	}
	s.PutInt32("image", nil, []int32{int32(n.Image.Height), int32(n.Image.Width), int32(n.Image.Channels)})
}

// loadModel reads a model whose width follows from the shape of its first convolution.
func loadModel(s *checkpoints.State) (*Model, error) {
	classes, err := s.String("classes")
	if err != nil {
		return nil, err
	}
	var m Model
	m.Classes = strings.Split(classes, "\n")
	var image [3]int32
	shape, err := s.Shape("exit5.weight")
	if err := errors.Join(err, s.Int32("image", image[:]), s.Float32("mean", m.Norm.Mean[:]), s.Float32("std", m.Norm.Std[:])); err != nil {
		return nil, err
	}
	if len(shape) != 2 {
		return nil, fmt.Errorf("early exits: exit5.weight has shape %v: %w", shape, checkpoints.ErrMismatch)
	}
	after := blockEnds
	if slices.Contains(s.Names(), exitsAfter) {
		var written [Exits]int32
		if err := s.Int32(exitsAfter, written[:]); err != nil {
			return nil, err
		}
		for e, c := range written {
			after[e] = int(c)
		}
	}
	n, err := NewNetwork(NetworkConfig{
		After:          after,
		Image:          cnn.Map{Height: int(image[0]), Width: int(image[1]), Channels: int(image[2])},
		Classes:        len(m.Classes),
		Width:          float64(shape[0]) / float64(vgg16[len(vgg16)-1][0]),
		UnpooledBlock5: slices.Contains(s.Names(), unpooled),
	}, rand.New(rand.NewPCG(0, 0)))
	if err != nil {
		return nil, err
	}
	if err := checkpoints.LoadParams(s, append(n.Params(), n.Statistics()...)); err != nil {
		return nil, err
	}
	m.Network, err = n.Inference()
	return &m, err
}

// LoadModel reads the model of a checkpoint: dir is the checkpoint's directory, or a run folder,
// whose latest checkpoint it takes.
func LoadModel(dir string) (*Model, error) {
	state, _, err := checkpoints.Load(dir)
	if errors.Is(err, fs.ErrNotExist) {
		inRun := filepath.Join(dir, runfolder.CheckpointDir, runfolder.Latest)
		var errRun error
		if state, _, errRun = checkpoints.Load(inRun); errRun == nil {
			dir, err = inRun, nil
		}
	}
	if err != nil {
		return nil, fmt.Errorf("early exits: %w", err)
	}
	m, err := loadModel(state.Sub("model"))
	if err != nil {
		return nil, fmt.Errorf("early exits: checkpoint %s: %w", dir, err)
	}
	return m, nil
}

// Classifier runs a model up to one of its exits. It is for one goroutine.
type Classifier struct {
	model  *Model
	x      *gorgonia.Node
	logits [Exits]*gorgonia.Node
	tapes  [Exits]*nn.Tape // up to each exit
	input  nn.Buffer
}

// NewClassifier makes a classifier. All of a model's classifiers share its parameters.
func (m *Model) NewClassifier() (*Classifier, error) {
	c := &Classifier{model: m}
	g := gorgonia.NewGraph()
	var err error
	if c.x, err = nn.NewInput(g, "images", m.Network.Image.Channels); err != nil {
		return nil, err
	}
	if c.logits, err = m.Network.Forward(c.x); err != nil {
		return nil, err
	}
	for e, z := range c.logits {
		if c.tapes[e], err = nn.NewTape(z); err != nil {
			return nil, err
		}
	}
	return c, nil
}

// Classify runs the model on images, each [Height x Width x 3] bytes, up to an exit, counted from
// 0, and returns their logits [images x classes], valid until the next call.
func (c *Classifier) Classify(exit int, images ...[]uint8) (nn.Matrix, error) {
	if exit < 0 || exit >= Exits {
		return nn.Matrix{}, fmt.Errorf("early exits: want an exit from 0 to %d, got %d", Exits-1, exit)
	}
	m := c.model.Network.Image
	x := c.input.Resize(len(images)*m.Pixels(), 3)
	for i, image := range images {
		if len(image) != m.Values() {
			return nn.Matrix{}, fmt.Errorf("early exits: image %d has %d bytes, want %v: %w", i, len(image), m, nn.ErrShape)
		}
		c.model.Norm.draw(x[i*m.Values():][:m.Values()], image, m, view{})
	}
	tape := c.tapes[exit]
	if err := tape.Bind(c.x, c.input.Value()); err != nil {
		return nn.Matrix{}, err
	}
	if err := tape.Run(); err != nil {
		return nn.Matrix{}, err
	}
	return tape.Matrix(c.logits[exit]), nil
}

// Evaluate returns the accuracy of each exit on a set of images of the model's classes. It uses the
// given number of goroutines.
func Evaluate(m *Model, set *imagefolder.Set, goroutines int) ([]float64, error) {
	size := cnn.Map{Height: set.Height, Width: set.Width, Channels: 3}
	switch {
	case size != m.Network.Image:
		return nil, fmt.Errorf("early exits: trained on images of %v, these have %v: %w", m.Network.Image, size, nn.ErrShape)
	case !slices.Equal(set.Classes, m.Classes):
		return nil, fmt.Errorf("early exits: trained on the classes %v, these are %v", m.Classes, set.Classes)
	}
	const batch = 100
	right := make([][Exits]int, max(goroutines, 1))
	var group errgroup.Group
	for g := range right {
		group.Go(func() error {
			c, err := m.NewClassifier()
			if err != nil {
				return err
			}
			for at := g * batch; at < set.Len(); at += batch * len(right) {
				var images [][]uint8
				for i := at; i < min(at+batch, set.Len()); i++ {
					images = append(images, set.Image(i))
				}
				for e := range Exits {
					logits, err := c.Classify(e, images...)
					if err != nil {
						return err
					}
					for i := range images {
						if argmax(logits.Row(i)) == int(set.Labels[at+i]) {
							right[g][e]++
						}
					}
				}
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	accuracy := make([]float64, Exits)
	for e := range accuracy {
		all := 0
		for _, r := range right {
			all += r[e]
		}
		accuracy[e] = float64(all) / float64(set.Len())
	}
	return accuracy, nil
}

// Latency holds times of one image up to an exit, in seconds, from bytes to logits.
type Latency struct {
	Exit    int       // counted from 0
	Seconds []float64 // one for each run, sorted
}

// Mean returns the mean time.
func (l Latency) Mean() float64 { return stat.Mean(l.Seconds, nil) }

// Quantile returns the time that a fraction p of the runs did not exceed.
func (l Latency) Quantile(p float64) float64 { return stat.Quantile(p, stat.Empirical, l.Seconds, nil) }

// Timing says how to time a model.
type Timing struct {
	Runs  int // timed inferences of each exit, after a warm-up
	Clock Clock
	// Pause is the time before each inference in which nothing is done. Without one, inferences follow
	// one another as on a server that always has work. After CoolPause one takes up to 1.8 times as
	// long, to the first exits most of all, because the processor has forgotten the one before.
	Pause time.Duration
}

// CoolPause is a pause after which a longer one changes the time of an inference little.
const CoolPause = 20 * time.Millisecond

// Latencies times each exit, one image at a time on the calling goroutine. The exits take turns, so
// that a busy moment of the machine meets all of them, in an order drawn anew for each turn: what
// has run before decides what is still in the processor's caches.
func Latencies(m *Model, set *imagefolder.Set, t Timing) ([]Latency, error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if t.Runs < 1 || set.Len() < 1 {
		return nil, fmt.Errorf("early exits: want at least one run and one image, got %d and %d", t.Runs, set.Len())
	}
	c, err := m.NewClassifier()
	if err != nil {
		return nil, err
	}
	all := make([]Latency, Exits)
	order := rand.New(rand.NewPCG(1, 0))
	warmUp := t.Runs/10 + 1
	for i := range warmUp + t.Runs {
		image := set.Image(i % set.Len())
		for _, e := range order.Perm(Exits) {
			time.Sleep(t.Pause)
			start := t.Clock()
			if _, err := c.Classify(e, image); err != nil {
				return nil, err
			}
			if i >= warmUp {
				all[e].Seconds = append(all[e].Seconds, (t.Clock() - start).Seconds())
			}
		}
	}
	for e := range all {
		all[e].Exit = e
		slices.Sort(all[e].Seconds)
	}
	return all, nil
}
