package rl

import (
	"errors"
	"fmt"
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

func (c *configCheck) err() error { return errors.Join(c.errs...) }
