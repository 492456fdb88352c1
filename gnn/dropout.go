package gnn

import (
	"fmt"
	"math"
	"math/rand/v2"

	"github.com/graphrl/graphrl/nn"
	"gorgonia.org/gorgonia"
)

// Dropout sets each entry to zero with probability P and multiplies the others by
// 1/(1-P), while Training; otherwise it changes nothing (N. Srivastava et al.,
// "Dropout: a simple way to prevent neural networks from overfitting", JMLR 2014).
//
// One Dropout may serve several places of a network. All draw from its source, so
// networks on different goroutines need one each; saving the source's state makes
// training resumable.
type Dropout struct {
	P        float64
	Training bool
	rng      *rand.Rand

	sparse map[*Sparse]*Sparse // masked copies, by original
}

// NewDropout returns a Dropout that draws from rng, not yet training.
func NewDropout(p float64, rng *rand.Rand) (*Dropout, error) {
	if !(p >= 0 && p <= 0.999) {
		return nil, fmt.Errorf("gnn: dropout: want a probability in [0, 0.999], got %v", p)
	}
	return &Dropout{P: p, rng: rng}, nil
}

// Forward adds dropout to x's graph, [rows x cols] -> [rows x cols]. A nil Dropout
// adds nothing.
func (d *Dropout) Forward(x *gorgonia.Node) (*gorgonia.Node, error) {
	if d == nil {
		return x, nil
	}
	return nn.Apply("dropout", &dropout{from: d}, x.Shape(), x)
}

// Sparse returns x with dropout applied, to be bound in its place; while not
// training it is x itself. The result is overwritten by the next call for the same
// x.
func (d *Dropout) Sparse(x *Sparse) *Sparse {
	if !d.active() {
		return x
	}
	y := d.sparse[x]
	if y == nil {
		if d.sparse == nil {
			d.sparse = make(map[*Sparse]*Sparse)
		}
		y = x.like()
		d.sparse[x] = y
	}
	d.mask(y.by.val)
	for k, v := range x.by.val {
		y.by.val[k] *= v
	}
	y.transposeValues()
	return y
}

// active reports whether anything is dropped.
func (d *Dropout) active() bool { return d != nil && d.Training && d.P > 0 }

// mask draws the factors of len(m) entries. It takes four draws of 16 bits from
// each number, which rounds P to a multiple of 2^-16, and does without branches,
// which chance would make the processor mispredict.
func (d *Dropout) mask(m []float32) {
	drop := int64(math.Round(d.P * (1 << 16)))
	keep := math.Float32bits(float32(1 / (1 - float64(drop)/(1<<16))))
	var r uint64
	for i := range m {
		if i%4 == 0 {
			r = d.rng.Uint64()
		}
		dropped := uint32((int64(r&math.MaxUint16) - drop) >> 63) // all ones or all zeros
		m[i] = math.Float32frombits(keep &^ dropped)
		r >>= 16
	}
}

type dropout struct {
	from   *Dropout
	factor []float32 // of each entry; empty when nothing was dropped
}

func (o *dropout) OutShape(in []gorgonia.Value) (int, int, error) {
	x, err := nn.AsMatrix(in[0])
	return x.Rows, x.Cols, err
}

func (o *dropout) Forward(in []gorgonia.Value, y nn.Matrix) error {
	x := mat(in[0])
	if !o.from.active() {
		o.factor = o.factor[:0]
		copy(y.Data, x.Data)
		return nil
	}
	o.factor = resize(o.factor, x.Rows*x.Cols)
	o.from.mask(o.factor)
	for i, f := range o.factor {
		y.Data[i] = f * x.Data[i]
	}
	return nil
}

func (o *dropout) Differentiable(int) bool { return true }

func (o *dropout) Backward(_ []gorgonia.Value, _, dy nn.Matrix, din []nn.Matrix) error {
	dx := din[0].Data
	if dx == nil {
		return nil
	}
	copy(dx, dy.Data)
	for i, f := range o.factor {
		dx[i] *= f
	}
	return nil
}

// Params returns nothing.
func (d *Dropout) Params() nn.Params { return nil }
