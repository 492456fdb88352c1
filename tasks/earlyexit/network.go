package earlyexit

import (
	"fmt"
	"math/rand/v2"
	"slices"

	"github.com/graphrl/graphrl/nn"
	"github.com/graphrl/graphrl/nn/cnn"
	"gorgonia.org/gorgonia"
)

// Exits is the number of exits.
const Exits = 5

// vgg16 has the channels of each convolution of VGG-16, by block, at width 1. Each block ends with
// a pooling layer that halves the image.
var vgg16 = [...][]int{{64, 64}, {128, 128}, {256, 256, 256}, {512, 512, 512}, {512, 512, 512}}

// convolutions is the number of convolutions of VGG-16.
const convolutions = 13

// blockEnds has the last convolution of each block, counted from 1.
var blockEnds = [Exits]int{2, 4, 7, 10, convolutions}

// NetworkConfig describes a network.
type NetworkConfig struct {
	Image   cnn.Map // height and width are multiples of 32
	Classes int
	Width   float64 // channels relative to VGG-16
	// UnpooledBlock5 gives block 5 the map of block 4 without its pooling, of twice the height and
	// width: 4 x 4 pixels for images of 32 x 32, not 2 x 2. Exit 4 does not change.
	UnpooledBlock5 bool
	Dirac          bool // start from filters that pass their input on, see [cnn.Dirac]
	// After has the convolution after which each exit stands, counted from 1, rising. The last exit
	// stands after the last convolution. Zeros are the ends of the blocks.
	After [Exits]int
}

// Network is VGG-16 with exits: the mean over the pooled feature map of a convolution, then a linear
// layer.
type Network struct {
	NetworkConfig
	blocks [len(vgg16)]block
	exits  [Exits]*nn.Linear
}

// block is a number of convolutions of the same map, then a pooling layer.
type block struct {
	first int // convolution of the network, counted from 1
	units []unit
	pool  *cnn.MaxPool2D
	mean  *cnn.AvgPool2D // over the pooled map, for exits
}

// unit is a convolution of 3 x 3 pixels, batch normalisation and a ReLU. In a network for inference
// norm is nil and its effect part of the convolution.
type unit struct {
	conv *cnn.Conv2D
	norm *nn.BatchNorm
}

// NewNetwork makes a network whose weights are drawn from rng.
func NewNetwork(cfg NetworkConfig, rng *rand.Rand) (*Network, error) {
	switch image := cfg.Image; {
	case image.Height < 1 || image.Width < 1 || image.Height%32 != 0 || image.Width%32 != 0:
		return nil, fmt.Errorf("early exits: want images whose height and width are multiples of 32, got %v", image)
	case !(cfg.Width > 0 && cfg.Width <= 8):
		return nil, fmt.Errorf("early exits: want a width in (0, 8], got %v", cfg.Width)
	case cfg.Classes < 2:
		return nil, fmt.Errorf("early exits: want at least 2 classes, got %d", cfg.Classes)
	}
	if cfg.After == [Exits]int{} {
		cfg.After = blockEnds
	}
	if err := checkAfter(cfg.After[:]); err != nil {
		return nil, fmt.Errorf("early exits: %w", err)
	}
	n := &Network{NetworkConfig: cfg}
	m, first := cfg.Image, 1
	for b := range n.blocks {
		l, err := newBlock(b, first, m, cfg, rng)
		if err != nil {
			return nil, fmt.Errorf("early exits: %w", err)
		}
		n.blocks[b] = l
		first += len(l.units)
		for e, after := range cfg.After {
			if !l.has(after) {
				continue
			}
			if n.exits[e], err = nn.NewLinear(fmt.Sprintf("exit%d", e+1), nn.LinearConfig{In: l.pool.Out.Channels, Out: cfg.Classes}, rng); err != nil {
				return nil, fmt.Errorf("early exits: %w", err)
			}
		}
		if m = l.pool.Out; n.passes(b) {
			m = l.pool.In
		}
	}
	return n, nil
}

// checkAfter reports what is wrong with the places of exits.
func checkAfter(after []int) error {
	if len(after) != Exits || after[Exits-1] != convolutions {
		return fmt.Errorf("want %d exits, the last after convolution %d, got %v", Exits, convolutions, after)
	}
	before := 0
	for _, c := range after {
		if c <= before {
			return fmt.Errorf("want exits after different convolutions, counted from 1 and rising, got %v", after)
		}
		before = c
	}
	return nil
}

// has reports whether convolution c of the network is in the block.
func (l block) has(c int) bool { return l.first <= c && c < l.first+len(l.units) }

// passes reports whether block b passes its map on without pooling.
func (n *Network) passes(b int) bool { return n.UnpooledBlock5 && b == len(vgg16)-2 }

// newBlock makes block b, whose first convolution is that of the network, for maps of size m.
func newBlock(b, first int, m cnn.Map, cfg NetworkConfig, rng *rand.Rand) (block, error) {
	l := block{first: first}
	filters := nn.Init(nn.HeNormal)
	if cfg.Dirac {
		filters = cnn.Dirac(3)
	}
	for k, channels := range vgg16[b] {
		name := fmt.Sprintf("block%d/conv%d", b+1, k+1)
		conv, err := cnn.NewConv2D(name, cnn.Conv2DConfig{
			In: m, Channels: max(1, int(float64(channels)*cfg.Width)), Kernel: 3, Padding: 1, NoBias: true, Init: filters,
		}, rng)
		if err != nil {
			return l, err
		}
		norm, err := nn.NewBatchNorm(fmt.Sprintf("block%d/norm%d", b+1, k+1), conv.Out.Channels, nn.ReLU)
		if err != nil {
			return l, err
		}
		l.units, m = append(l.units, unit{conv, norm}), conv.Out
	}
	var err error
	if l.pool, err = cnn.NewMaxPool2D(cnn.PoolConfig{In: m, Kernel: 2}); err != nil {
		return l, err
	}
	l.mean, err = cnn.NewGlobalAvgPool(l.pool.Out)
	return l, err
}

// Params returns all trained parameters.
func (n *Network) Params() nn.Params {
	var ps nn.Params
	for _, b := range n.blocks {
		for _, u := range b.units {
			ps = append(ps, u.conv.Params()...)
			if u.norm != nil {
				ps = append(ps, u.norm.Params()...)
			}
		}
		for e, after := range n.After {
			if b.has(after) {
				ps = append(ps, n.exits[e].Params()...)
			}
		}
	}
	return ps
}

// Statistics returns the running means and variances of the batch normalisations, which belong to
// the network but are not trained.
func (n *Network) Statistics() nn.Params {
	var ps nn.Params
	for _, l := range n.norms() {
		ps = append(ps, l.RunningMean, l.RunningVar)
	}
	return ps
}

func (n *Network) norms() (all []*nn.BatchNorm) {
	for _, b := range n.blocks {
		for _, u := range b.units {
			if u.norm != nil {
				all = append(all, u.norm)
			}
		}
	}
	return all
}

func (n *Network) convs() (all []*cnn.Conv2D) {
	for _, b := range n.blocks {
		for _, u := range b.units {
			all = append(all, u.conv)
		}
	}
	return all
}

// Forward adds the network to the graph of x [images*pixels x 3] and returns the logits of each
// exit, [images x Classes].
func (n *Network) Forward(x *gorgonia.Node) (logits [Exits]*gorgonia.Node, err error) {
	for i, b := range n.blocks {
		for k, u := range b.units {
			if x, err = u.forward(x); err != nil {
				return logits, err
			}
			exit, last := slices.Index(n.After[:], b.first+k), k == len(b.units)-1
			if exit < 0 && !last {
				continue
			}
			pooled, err := b.pool.Forward(x)
			if err != nil {
				return logits, err
			}
			if exit >= 0 {
				mean, err := b.mean.Forward(pooled)
				if err != nil {
					return logits, err
				}
				if logits[exit], err = n.exits[exit].Forward(mean); err != nil {
					return logits, err
				}
			}
			if last && !n.passes(i) {
				x = pooled
			}
		}
	}
	return logits, nil
}

func (u unit) forward(x *gorgonia.Node) (*gorgonia.Node, error) {
	y, err := u.conv.Forward(x)
	if err != nil {
		return nil, err
	}
	if u.norm == nil {
		return nn.Activate(y, nn.ReLU)
	}
	return u.norm.Forward(y)
}

// replica returns a network with the same parameters and separate running values, for another
// goroutine to train.
func (n *Network) replica() (*Network, error) {
	c := *n
	for b := range c.blocks {
		c.blocks[b].units = append([]unit(nil), n.blocks[b].units...)
		for k, u := range c.blocks[b].units {
			norm, err := nn.NewBatchNorm(u.norm.Gamma.Name, len(u.norm.Gamma.Data()), u.norm.Act)
			if err != nil {
				return nil, err
			}
			norm.Gamma, norm.Beta = u.norm.Gamma, u.norm.Beta
			c.blocks[b].units[k].norm = norm
		}
	}
	return &c, nil
}

// Inference returns a network for decisions, which computes the same up to rounding but has batch
// normalisation folded into its convolutions. It copies the parameters.
func (n *Network) Inference() (*Network, error) {
	c := *n
	for b := range c.blocks {
		c.blocks[b].units = append([]unit(nil), n.blocks[b].units...)
		for k, u := range c.blocks[b].units {
			if u.norm == nil {
				continue
			}
			conv, err := cnn.FoldBatchNorm(u.conv, u.norm)
			if err != nil {
				return nil, err
			}
			c.blocks[b].units[k] = unit{conv: conv}
		}
	}
	return &c, nil
}
