package rl

import (
	"fmt"
	"math"
)

// categorical is the distribution softmax(logits) over the allowed actions of one observation.
type categorical struct {
	logits []float32
	p      []float64 // probabilities; 0 where forbidden
	logSum float64   // log sum exp(logits)
}

// set makes c the distribution over the allowed actions, of which there must be at least one.
func (c *categorical) set(logits []float32, allowed []bool) error {
	best := argmax(logits, allowed)
	if best < 0 {
		return fmt.Errorf("none of %d actions is allowed", len(logits))
	}
	highest := float64(logits[best])
	if math.IsNaN(highest) || math.IsInf(highest, 0) {
		return fmt.Errorf("the logit of action %d is %v: the policy has diverged; try a lower learning rate", best, highest)
	}
	c.logits, c.p = logits, c.p[:0]
	sum := 0.0
	for i, z := range logits {
		p := 0.0
		if allowed == nil || allowed[i] {
			p = math.Exp(float64(z) - highest)
		}
		c.p = append(c.p, p)
		sum += p
	}
	if !(sum <= math.MaxFloat64) {
		return fmt.Errorf("the sum of the exponentials of %d logits is %v: the policy has diverged; try a lower learning rate", len(logits), sum)
	}
	for i := range c.p {
		c.p[i] /= sum
	}
	c.logSum = highest + math.Log(sum)
	return nil
}

// logProb returns the logarithm of the probability of an action.
func (c *categorical) logProb(action int) float64 { return float64(c.logits[action]) - c.logSum }

// entropy returns -sum p log p, in nats.
func (c *categorical) entropy() float64 {
	h := c.logSum // -log p = logSum - logit
	for i, p := range c.p {
		if p > 0 {
			h -= p * float64(c.logits[i])
		}
	}
	return h
}

// sample draws an action.
func (c *categorical) sample(rand *Rand) int {
	u := rand.Float64()
	last := 0
	for i, p := range c.p {
		if p == 0 {
			continue
		}
		if u < p {
			return i
		}
		u -= p
		last = i
	}
	return last // u was lost to rounding
}
