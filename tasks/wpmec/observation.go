package wpmec

import (
	"fmt"
	"math"
)

// Observation is the state at the start of a frame: every user's channel.
type Observation struct {
	H []float64 // [N] channel gain between user and access point, >= 0
	W []float64 // [N] weight of the user's rate in the sum, > 0

	// Active [N] marks the users that are switched on. The others add nothing to the rate under any
	// decision. Nil means all are on.
	Active []bool
}

// Users returns N, the number of users, active or not.
func (o Observation) Users() int { return len(o.H) }

func (o Observation) active(i int) bool { return o.Active == nil || o.Active[i] }

// Check reports the first fault of o.
func (o Observation) Check() error {
	n := len(o.H)
	if len(o.W) != n || o.Active != nil && len(o.Active) != n {
		return fmt.Errorf("wpmec: observation of %d channel gains, %d weights and %d activity flags", n, len(o.W), len(o.Active))
	}
	for i, h := range o.H {
		if !(h >= 0) || math.IsInf(h, 0) {
			return fmt.Errorf("wpmec: channel gain of user %d is %v: it must be finite and at least 0", i, h)
		}
		if w := o.W[i]; !(w > 0) || math.IsInf(w, 0) {
			return fmt.Errorf("wpmec: weight of user %d is %v: it must be positive and finite", i, w)
		}
	}
	return nil
}

// CopyTo makes dst an independent copy of o, reusing dst's memory.
func (o Observation) CopyTo(dst *Observation) {
	dst.H = append(dst.H[:0], o.H...)
	dst.W = append(dst.W[:0], o.W...)
	if o.Active == nil {
		dst.Active = nil
		return
	}
	dst.Active = append(dst.Active[:0], o.Active...)
}

// AlternatingWeights returns the weights 1, 1.5, 1, 1.5, ... of the paper for n users, or 1.5, 1,
// 1.5, 1, ... when swapped.
func AlternatingWeights(n int, swapped bool) []float64 {
	w := make([]float64, n)
	for i := range w {
		w[i] = 1
		if (i%2 == 1) != swapped {
			w[i] = 1.5
		}
	}
	return w
}
