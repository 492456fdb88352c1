package nn

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"

	"github.com/graphrl/graphrl/internal/reuse"
	"gorgonia.org/gorgonia"
)

// Dropout sets each entry to zero with probability P and multiplies the others by 1/(1-P), while
// Training; otherwise it changes nothing (N. Srivastava et al., "Dropout: a simple way to prevent
// neural networks from overfitting", JMLR 2014).
//
// One Dropout may serve several places of a network. All draw from its source, so networks on
// different goroutines need one each. To resume training, save the source's state.
type Dropout struct {
	P        float64
	Training bool
	rng      *rand.Rand
}

// NewDropout returns a Dropout that draws from rng, not yet training.
func NewDropout(p float64, rng *rand.Rand) (*Dropout, error) {
	if !(p >= 0 && p <= 0.999) {
		return nil, fmt.Errorf("nn: dropout: want a probability in [0, 0.999], got %v", p)
	}
	if rng == nil {
		return nil, errors.New("nn: dropout: want a random source, got nil")
	}
	return &Dropout{P: p, rng: rng}, nil
}

// Forward adds dropout to x's graph, [rows x cols] -> [rows x cols]. A nil Dropout adds nothing.
func (d *Dropout) Forward(x *gorgonia.Node) (*gorgonia.Node, error) {
	if d == nil {
		return x, nil
	}
	if err := checkMatrixNode("dropout", "features", x); err != nil {
		return nil, err
	}
	return Apply("dropout", &dropout{from: d}, x.Shape(), x)
}

// Active reports whether anything is dropped: the Dropout is there, Training and P above 0.
func (d *Dropout) Active() bool { return d != nil && d.Training && d.P > 0 }

// Mask draws the factor of each entry, 0 or 1/(1-P). Four entries share a draw of 64 bits, which
// rounds P to a multiple of 2^-16.
func (d *Dropout) Mask(factor []float32) error {
	if d == nil || d.rng == nil {
		return errors.New("nn: dropout without a random source: make it with NewDropout")
	}
	drop := int64(math.Round(d.P * (1 << 16)))
	keep := math.Float32bits(float32(1 / (1 - float64(drop)/(1<<16))))
	var r uint64
	for i := range factor { // branch-free: which entries drop is unpredictable
		if i%4 == 0 {
			r = d.rng.Uint64()
		}
		dropped := uint32((int64(r&math.MaxUint16) - drop) >> 63) // all ones or all zeros
		factor[i] = math.Float32frombits(keep &^ dropped)
		r >>= 16
	}
	return nil
}

type dropout struct {
	from   *Dropout
	factor []float32 // of each entry; empty when nothing was dropped
}

func (o *dropout) OutShape(in []gorgonia.Value) (int, int, error) {
	x, err := AsMatrix(in[0])
	return x.Rows, x.Cols, err
}

func (o *dropout) Forward(in []gorgonia.Value, y Matrix) error {
	x := mat(in[0])
	if !o.from.Active() {
		o.factor = o.factor[:0]
		copy(y.Data, x.Data)
		return nil
	}
	o.factor = reuse.Slice(o.factor, x.Rows*x.Cols)
	if err := o.from.Mask(o.factor); err != nil {
		return err
	}
	for i, f := range o.factor {
		y.Data[i] = f * x.Data[i]
	}
	return nil
}

func (o *dropout) Differentiable(int) bool { return true }

func (o *dropout) Backward(_ []gorgonia.Value, _, dy Matrix, din []Matrix) error {
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
func (d *Dropout) Params() Params { return nil }
