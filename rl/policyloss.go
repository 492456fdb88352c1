package rl

import (
	"errors"
	"fmt"
	"math"

	"github.com/graphrl/graphrl/nn"
	"gorgonia.org/gorgonia"
)

// PolicyLoss is the loss of a policy. Over a minibatch it is
//
//	mean(surrogate) - EntropyCoef mean(entropy) + ValueCoef mean(value error)
//
// The surrogate is the policy gradient's, -log pi(a|s) A (R. Williams, Machine Learning 8, 1992),
// or with Clip the clipped one of PPO (J. Schulman et al., "Proximal Policy Optimization
// Algorithms", 2017, eq. 7), with r = pi(a|s) / pi_old(a|s),
//
//	-min(r A, clip(r, 1-Clip, 1+Clip) A)
//
// The value error is (V(s) - R)^2 / 2 for the return R. With ValueClip it is the larger of this and
// the error of V(s) clipped to within ValueClip of its value when the step was taken, as in
// OpenAI's implementation of PPO.
type PolicyLoss struct {
	Clip        float64 // 0: no ratio, no clipping
	EntropyCoef float64 // 0: no entropy bonus
	ValueCoef   float64 // no effect without a critic
	ValueClip   float64 // 0: no clipping
}

// PolicyStats describes an update of a policy: averages over the minibatch before the step.
type PolicyStats struct {
	Loss    float64 // the whole PolicyLoss
	Entropy float64 // mean, in nats
	// estimated KL divergence of the policy from the one that acted: mean((r-1) - log r)
	KL           float64
	ClipFraction float64 // share of steps whose ratio is outside [1-Clip, 1+Clip]
	ValueError   float64 // mean
}

func (s *PolicyStats) add(t PolicyStats) {
	s.Loss += t.Loss
	s.Entropy += t.Entropy
	s.KL += t.KL
	s.ClipFraction += t.ClipFraction
	s.ValueError += t.ValueError
}

func (s *PolicyStats) scale(by float64) {
	*s = PolicyStats{by * s.Loss, by * s.Entropy, by * s.KL, by * s.ClipFraction, by * s.ValueError}
}

// Minibatch holds steps that a policy learns from. All slices have one entry per step.
type Minibatch[O any] struct {
	Observations []O // what the policy saw
	Taken
}

// Taken holds the actions of the steps of a Minibatch, and the targets to learn from them.
type Taken struct {
	Actions    []int
	LogProbs   []float32 // of the actions when they were taken
	Advantages []float32 // how much better than expected the actions were
	Values     []float32 // critic's values when the actions were taken; needed for ValueClip
	Returns    []float32 // targets of the critic; needed if there is one
}

// Gather sets m to the steps of a rollout with the given indices. Observations share the rollout's
// memory.
func (m *Minibatch[O]) Gather(r *Rollout[O, int], indices []int) {
	m.Reset()
	for _, i := range indices {
		m.Observations = append(m.Observations, r.Observations[i])
		m.Actions = append(m.Actions, r.Actions[i])
		m.LogProbs = append(m.LogProbs, r.LogProbs[i])
		m.Advantages = append(m.Advantages, r.Advantages[i])
		m.Values = append(m.Values, r.Values[i])
		m.Returns = append(m.Returns, r.Returns[i])
	}
}

// Reset empties m and keeps its memory.
func (m *Minibatch[O]) Reset() {
	m.Observations = m.Observations[:0]
	m.Actions, m.LogProbs, m.Advantages = m.Actions[:0], m.LogProbs[:0], m.Advantages[:0]
	m.Values, m.Returns = m.Values[:0], m.Returns[:0]
}

// NormalizeAdvantages subtracts the mean of the advantages and divides by their standard deviation.
func (m *Minibatch[O]) NormalizeAdvantages() {
	n := float64(len(m.Advantages))
	mean, variance := 0.0, 0.0
	for _, a := range m.Advantages {
		mean += float64(a) / n
	}
	for _, a := range m.Advantages {
		variance += (float64(a) - mean) * (float64(a) - mean) / max(n-1, 1)
	}
	std := math.Sqrt(variance) + 1e-8
	for i, a := range m.Advantages {
		m.Advantages[i] = float32((float64(a) - mean) / std)
	}
}

// check reports slices whose length is not the number of observations.
func (m *Minibatch[O]) check(critic, clip bool) error {
	n := len(m.Observations)
	if n == 0 {
		return errors.New("an empty minibatch")
	}
	if len(m.Actions) != n || len(m.LogProbs) != n || len(m.Advantages) != n || critic && len(m.Returns) != n || clip && len(m.Values) != n {
		return fmt.Errorf("a minibatch of %d observations, %d actions, %d log-probabilities, %d advantages, %d values and %d returns",
			n, len(m.Actions), len(m.LogProbs), len(m.Advantages), len(m.Values), len(m.Returns))
	}
	return nil
}

// categorical is the distribution softmax(logits) over the allowed actions of one observation.
type categorical struct {
	logits []float32
	p      []float64 // probabilities; 0 where forbidden
	logSum float64   // log sum exp(logits)
}

// set makes c the distribution over the allowed actions. At least one must be allowed.
func (c *categorical) set(logits []float32, allowed []bool) error {
	best, err := argmax(logits, allowed)
	if err != nil {
		return err
	}
	if best < 0 {
		return fmt.Errorf("%w of %d", ErrNoAction, len(logits))
	}
	highest := float64(logits[best])
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

// policyLoss is the part of PolicyLoss that depends on the logits, its only input in the expression
// graph. It reads constants from the batch and its action sets.
type policyLoss struct {
	PolicyLoss
	choices *Choices
	batch   *Taken
	stats   PolicyStats

	distribution categorical
	dz           nn.Buffer // gradient of the loss
}

func (o *policyLoss) OutShape(in []gorgonia.Value) (int, int, error) {
	z, err := nn.AsMatrix(in[0])
	if err == nil && len(z.Data) != o.choices.Scores() {
		err = fmt.Errorf("%d logits for %d actions", len(z.Data), o.choices.Scores())
	}
	return 1, 1, err
}

func (o *policyLoss) Forward(in []gorgonia.Value, out nn.Matrix) error {
	z, err := nn.AsMatrix(in[0])
	if err != nil {
		return err
	}
	gradient := o.dz.Resize(z.Rows, z.Cols)
	n := float64(o.choices.Len())
	var surrogate, entropy, kl, clipped float64
	d := &o.distribution
	for b, action := range o.batch.Actions {
		logits, allowed := o.choices.Of(b, z.Data)
		if err := d.set(logits, allowed); err != nil {
			return fmt.Errorf("step %d of the minibatch: %w", b, err)
		}
		if action < 0 || action >= len(logits) || allowed != nil && !allowed[action] {
			return fmt.Errorf("step %d of the minibatch: action %d is forbidden or not among the "+
				"observation's %d", b, action, len(logits))
		}
		logProb, advantage := d.logProb(action), float64(o.batch.Advantages[b])
		logRatio := logProb - float64(o.batch.LogProbs[b])
		ratio := math.Exp(logRatio)
		kl += ratio - 1 - logRatio

		// The loss of the step, and its derivative by the log-probability of the action.
		loss, slope := -logProb*advantage, -advantage
		if o.Clip > 0 {
			loss, slope = -ratio*advantage, -ratio*advantage
			if ratio < 1-o.Clip || ratio > 1+o.Clip {
				clipped++
			}
			if bound := -min(max(ratio, 1-o.Clip), 1+o.Clip) * advantage; bound > loss {
				loss, slope = bound, 0
			}
		}
		surrogate += loss
		h := d.entropy()
		entropy += h

		// d log p_a / dz_j = [j = a] - p_j and dH / dz_j = -p_j (log p_j + H).
		dz, _ := o.choices.Of(b, gradient)
		for j, p := range d.p {
			g := 0.0
			if p > 0 {
				g = -slope*p + o.EntropyCoef*p*(d.logProb(j)+h)
			}
			dz[j] = float32(g / n)
		}
		dz[action] += float32(slope / n)
	}
	o.stats = PolicyStats{Entropy: entropy / n, KL: kl / n, ClipFraction: clipped / n}
	out.Data[0] = float32((surrogate - o.EntropyCoef*entropy) / n)
	return nil
}

func (o *policyLoss) Differentiable(int) bool { return true }

func (o *policyLoss) Backward(_ []gorgonia.Value, _, dout nn.Matrix, din []nn.Matrix) error {
	scaled(din[0], o.dz.Matrix(), dout.Data[0])
	return nil
}

// scaled writes by * x to dst.
func scaled(dst, x nn.Matrix, by float32) {
	for i, v := range x.Data {
		dst.Data[i] = by * v
	}
}

// valueLoss is the part of PolicyLoss that depends on the values, without its coefficient.
type valueLoss struct {
	clip  float64
	batch *Taken
	dv    nn.Buffer
}

func (o *valueLoss) OutShape(in []gorgonia.Value) (int, int, error) {
	v, err := nn.AsMatrix(in[0])
	if err == nil && len(v.Data) != len(o.batch.Returns) {
		err = fmt.Errorf("%d values for %d returns", len(v.Data), len(o.batch.Returns))
	}
	return 1, 1, err
}

func (o *valueLoss) Forward(in []gorgonia.Value, out nn.Matrix) error {
	values, err := nn.AsMatrix(in[0])
	if err != nil {
		return err
	}
	gradient := o.dv.Resize(values.Rows, values.Cols)
	n, sum := float64(len(values.Data)), 0.0
	for b, v := range values.Data {
		target := float64(o.batch.Returns[b])
		e := float64(v) - target
		loss, slope := e*e/2, e
		if o.clip > 0 {
			old := float64(o.batch.Values[b])
			moved := float64(v) - old
			clipped := old + min(max(moved, -o.clip), o.clip) - target
			if clipped*clipped/2 > loss { // v has moved too far: no gradient
				loss, slope = clipped*clipped/2, 0
			}
		}
		sum += loss
		gradient[b] = float32(slope / n)
	}
	out.Data[0] = float32(sum / n)
	return nil
}

func (o *valueLoss) Differentiable(int) bool { return true }

func (o *valueLoss) Backward(_ []gorgonia.Value, _, dout nn.Matrix, din []nn.Matrix) error {
	scaled(din[0], o.dv.Matrix(), dout.Data[0])
	return nil
}
