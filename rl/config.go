package rl

import (
	"errors"
	"fmt"
	"math"
)

// configCheck collects what is wrong with a configuration, so that a user sees all of it at once.
type configCheck struct {
	name string
	errs []error
}

func (c *configCheck) want(ok bool, format string, args ...any) {
	if !ok {
		c.errs = append(c.errs, fmt.Errorf("rl: "+c.name+" config: "+format, args...))
	}
}

func (c *configCheck) positive(field string, v float64) {
	c.want(v > 0 && !math.IsInf(v, 1), "%s is %v, want it positive", field, v)
}

func (c *configCheck) notNegative(field string, v float64) {
	c.want(v >= 0 && !math.IsInf(v, 1), "%s is %v, want it at least 0", field, v)
}

func (c *configCheck) fraction(field string, v float64) {
	c.want(v >= 0 && v <= 1, "%s is %v, want it in [0, 1]", field, v)
}

func (c *configCheck) err() error { return errors.Join(c.errs...) }
