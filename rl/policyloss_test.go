package rl

import (
	"errors"
	"math"
	"reflect"
	"testing"

	"github.com/graphrl/graphrl/nn"
	"gorgonia.org/gorgonia"
)

// policyCase is a minibatch of observations with different numbers of actions, some of them
// forbidden.
type policyCase struct {
	logits  []float64
	choices Choices
	taken   Taken
}

func randomPolicyCase(t *testing.T, rand *Rand, observations int, masks bool) policyCase {
	var c policyCase
	for range observations {
		n := 1 + rand.IntN(5)
		action := rand.IntN(n)
		var allowed []bool
		if masks {
			allowed = make([]bool, n)
			for i := range allowed {
				allowed[i] = i == action || rand.IntN(2) == 0
			}
		}
		if err := c.choices.Append(n, allowed); err != nil {
			t.Fatal(err)
		}
		for range n {
			c.logits = append(c.logits, float64(float32(rand.NormFloat64())))
		}
		c.taken.Actions = append(c.taken.Actions, action)
		c.taken.Advantages = append(c.taken.Advantages, float32(rand.NormFloat64()))
		c.taken.Values = append(c.taken.Values, float32(rand.NormFloat64()))
		c.taken.Returns = append(c.taken.Returns, float32(rand.NormFloat64()))
	}
	// Another policy acted, so some ratios are clipped. None is near the edge, where there is no
	// derivative.
	for b := range observations {
		logProb, _ := c.reference(c.logits, b)
		shift := []float64{-0.6, -0.3, -0.1, 0, 0.1, 0.3, 0.6}[rand.IntN(7)]
		c.taken.LogProbs = append(c.taken.LogProbs, float32(logProb-shift))
	}
	return c
}

// reference returns the log-probability of the action taken and the entropy, computed from their
// definitions.
func (c *policyCase) reference(logits []float64, b int) (logProb, entropy float64) {
	begin := c.choices.Begin(b)
	_, allowed := c.choices.Of(b, make([]float32, len(logits)))
	sum := 0.0
	own := logits[begin:c.choices.ends[b].scores]
	for i, z := range own {
		if allowed == nil || allowed[i] {
			sum += math.Exp(z)
		}
	}
	for i, z := range own {
		if allowed == nil || allowed[i] {
			p := math.Exp(z) / sum
			entropy -= p * math.Log(p)
		}
	}
	return math.Log(math.Exp(own[c.taken.Actions[b]]) / sum), entropy
}

func (c *policyCase) loss(logits []float64, l PolicyLoss) float64 {
	total := 0.0
	for b := range c.choices.Len() {
		logProb, entropy := c.reference(logits, b)
		advantage := float64(c.taken.Advantages[b])
		surrogate := logProb * advantage
		if l.Clip > 0 {
			ratio := math.Exp(logProb - float64(c.taken.LogProbs[b]))
			surrogate = math.Min(ratio*advantage, math.Max(1-l.Clip, math.Min(1+l.Clip, ratio))*advantage)
		}
		total += -surrogate - l.EntropyCoef*entropy
	}
	return total / float64(c.choices.Len())
}

// run computes op of a parameter and its gradient by the tape.
func runOp(t *testing.T, op nn.FusedOp, x []float64, rows, cols int) (float64, []float32) {
	t.Helper()
	p, err := nn.NewParam("x", nil, nil, rows, cols)
	if err != nil {
		t.Fatal(err)
	}
	for i, v := range x {
		p.Data()[i] = float32(v)
	}
	node, err := p.Node(gorgonia.NewGraph())
	if err != nil {
		t.Fatal(err)
	}
	loss, err := nn.Apply("op", op, nn.Shape{}, node)
	if err != nil {
		t.Fatal(err)
	}
	// Doubled, so that the gradient of the output is not 1.
	if loss, err = nn.WeightedSum([]*gorgonia.Node{loss}, []float64{2}); err != nil {
		t.Fatal(err)
	}
	grads, err := nn.Grad(loss, nn.Params{p})
	if err != nil {
		t.Fatal(err)
	}
	tape, err := nn.NewTape(loss, grads[0])
	if err != nil {
		t.Fatal(err)
	}
	if err := tape.Run(); err != nil {
		t.Fatal(err)
	}
	return tape.Scalar(loss) / 2, tape.Matrix(grads[0]).Data
}

// checkGradient compares twice the derivative of f at x by finite differences with gradient.
func checkGradient(t *testing.T, f func(x []float64) float64, x []float64, gradient []float32) {
	t.Helper()
	const h = 1e-5
	for i := range x {
		at := x[i]
		x[i] = at + h
		up := f(x)
		x[i] = at - h
		down := f(x)
		x[i] = at
		if want := 2 * (up - down) / (2 * h); math.Abs(float64(gradient[i])-want) > 1e-5*math.Max(1, math.Abs(want)) {
			t.Fatalf("derivative %d is %v, by finite differences %v", i, gradient[i], want)
		}
	}
}

func TestPolicyLossAgainstDefinition(t *testing.T) {
	rand := NewRand(1, 0)
	for _, l := range []PolicyLoss{{}, {EntropyCoef: 0.3}, {Clip: 0.2}, {Clip: 0.2, EntropyCoef: 0.1}} {
		for _, masks := range []bool{false, true} {
			clipped := 0.0
			for range 50 {
				c := randomPolicyCase(t, rand, 1+rand.IntN(8), masks)
				op := &policyLoss{PolicyLoss: l, choices: &c.choices, batch: &c.taken}
				got, gradient := runOp(t, op, c.logits, len(c.logits), 1)
				if want := c.loss(c.logits, l); math.Abs(got-want) > 1e-6*math.Max(1, math.Abs(want)) {
					t.Fatalf("%+v: loss %v, want %v", l, got, want)
				}
				checkGradient(t, func(z []float64) float64 { return c.loss(z, l) }, c.logits, gradient)
				clipped += op.stats.ClipFraction

				var entropy, kl float64
				for b := range c.choices.Len() {
					logProb, h := c.reference(c.logits, b)
					r := math.Exp(logProb - float64(c.taken.LogProbs[b]))
					entropy += h / float64(c.choices.Len())
					kl += (r - 1 - math.Log(r)) / float64(c.choices.Len())
				}
				if math.Abs(op.stats.Entropy-entropy) > 1e-5 || math.Abs(op.stats.KL-kl) > 1e-5 {
					t.Fatalf("%+v, want entropy %v and KL %v", op.stats, entropy, kl)
				}
			}
			if (clipped > 0) != (l.Clip > 0) {
				t.Errorf("%+v: clipped %v in all", l, clipped)
			}
		}
	}
}

func TestValueLossAgainstDefinition(t *testing.T) {
	rand := NewRand(2, 0)
	for _, clip := range []float64{0, 0.2} {
		for range 50 {
			c := randomPolicyCase(t, rand, 1+rand.IntN(8), false)
			values := make([]float64, c.choices.Len())
			for b := range values {
				values[b] = rand.NormFloat64()
			}
			definition := func(v []float64) float64 {
				sum := 0.0
				for b := range v {
					old, target := float64(c.taken.Values[b]), float64(c.taken.Returns[b])
					e := math.Pow(v[b]-target, 2)
					if clip > 0 {
						e = math.Max(e, math.Pow(old+math.Max(-clip, math.Min(clip, v[b]-old))-target, 2))
					}
					sum += e / 2
				}
				return sum / float64(len(v))
			}
			got, gradient := runOp(t, &valueLoss{clip: clip, batch: &c.taken}, values, len(values), 1)
			if want := definition(values); math.Abs(got-want) > 1e-6*math.Max(1, want) {
				t.Fatalf("loss %v, want %v", got, want)
			}
			checkGradient(t, definition, values, gradient)
		}
	}
}

func TestTDLossAgainstDefinition(t *testing.T) {
	rand := NewRand(3, 0)
	for _, delta := range []float64{0, 0.5} {
		for range 50 {
			c := randomPolicyCase(t, rand, 1+rand.IntN(8), false)
			n := c.choices.Len()
			op := &tdLoss{delta: delta, choices: &c.choices, actions: c.taken.Actions, targets: c.taken.Returns, errors: make([]float64, n)}
			for range n {
				op.weights = append(op.weights, rand.Float32())
			}
			definition := func(q []float64) float64 {
				sum := 0.0
				for b, action := range op.actions {
					e := q[c.choices.Begin(b)+action] - float64(op.targets[b])
					h := e * e / 2
					if delta > 0 && math.Abs(e) > delta {
						h = delta * (math.Abs(e) - delta/2)
					}
					sum += float64(op.weights[b]) * h
				}
				return sum / float64(n)
			}
			got, gradient := runOp(t, op, c.logits, len(c.logits), 1)
			if want := definition(c.logits); math.Abs(got-want) > 1e-6*math.Max(1, want) {
				t.Fatalf("loss %v, want %v", got, want)
			}
			checkGradient(t, definition, c.logits, gradient)
			for b, action := range op.actions {
				if want := c.logits[c.choices.Begin(b)+action] - float64(op.targets[b]); math.Abs(op.errors[b]-want) > 1e-6 {
					t.Fatalf("TD error %v, want %v", op.errors[b], want)
				}
			}
		}
	}
}

// Dueling, followed by a random weighted sum for a scalar result.
func TestDuelingAgainstDefinition(t *testing.T) {
	rand := NewRand(4, 0)
	for _, masks := range []bool{false, true} {
		for range 50 {
			c := randomPolicyCase(t, rand, 1+rand.IntN(6), masks)
			n := len(c.logits)
			weights := make([]float64, n)
			for i := range weights {
				weights[i] = rand.NormFloat64()
			}
			x := append([]float64{}, c.logits...) // advantages, then values
			for range c.choices.Len() {
				x = append(x, rand.NormFloat64())
			}
			definition := func(x []float64) float64 {
				sum := 0.0
				for b := range c.choices.Len() {
					begin, end := c.choices.Begin(b), c.choices.Begin(b+1)
					_, allowed := c.choices.Of(b, make([]float32, n))
					mean, count := 0.0, 0.0
					for i := begin; i < end; i++ {
						if allowed == nil || allowed[i-begin] {
							mean, count = mean+x[i], count+1
						}
					}
					for i := begin; i < end; i++ {
						sum += weights[i] * (x[n+b] + x[i] - mean/count)
					}
				}
				return sum
			}
			a, err := nn.NewParam("a", nil, nil, n, 1)
			if err != nil {
				t.Fatal(err)
			}
			v, err := nn.NewParam("v", nil, nil, c.choices.Len(), 1)
			if err != nil {
				t.Fatal(err)
			}
			for i, f := range x {
				if i < n {
					a.Data()[i] = float32(f)
				} else {
					v.Data()[i-n] = float32(f)
				}
			}
			g := gorgonia.NewGraph()
			nodes, err := nn.Params{a, v}.Nodes(g)
			if err != nil {
				t.Fatal(err)
			}
			q, err := nn.Apply("dueling", &dueling{choices: &c.choices}, nn.Shape{n, 1}, nodes...)
			if err != nil {
				t.Fatal(err)
			}
			loss, err := nn.Apply("weighted", &dotOp{weights}, nn.Shape{}, q)
			if err != nil {
				t.Fatal(err)
			}
			grads, err := nn.Grad(loss, nn.Params{a, v})
			if err != nil {
				t.Fatal(err)
			}
			tape, err := nn.NewTape(loss, grads[0], grads[1])
			if err != nil {
				t.Fatal(err)
			}
			if err := tape.Run(); err != nil {
				t.Fatal(err)
			}
			if want := definition(x); math.Abs(tape.Scalar(loss)-want) > 1e-5*math.Max(1, math.Abs(want)) {
				t.Fatalf("%v, want %v", tape.Scalar(loss), want)
			}
			gradient := append(append([]float32{}, tape.Matrix(grads[0]).Data...), tape.Matrix(grads[1]).Data...)
			for i := range gradient {
				gradient[i] *= 2 // as checkGradient expects
			}
			checkGradient(t, definition, x, gradient)
		}
	}
}

// dotOp is the sum of its input's entries with fixed weights.
type dotOp struct{ weights []float64 }

func (o *dotOp) OutShape([]gorgonia.Value) (int, int, error) { return 1, 1, nil }
func (o *dotOp) Differentiable(int) bool                     { return true }

func (o *dotOp) Forward(in []gorgonia.Value, out nn.Matrix) error {
	x, err := nn.AsMatrix(in[0])
	sum := 0.0
	for i, w := range o.weights {
		sum += w * float64(x.Data[i])
	}
	out.Data[0] = float32(sum)
	return err
}

func (o *dotOp) Backward(_ []gorgonia.Value, _, dout nn.Matrix, din []nn.Matrix) error {
	for i, w := range o.weights {
		din[0].Data[i] = float32(w) * dout.Data[0]
	}
	return nil
}

// The frequencies of drawn actions are softmax's, and no forbidden action is ever drawn.
func TestCategoricalFrequencies(t *testing.T) {
	logits, allowed := []float32{1, 50, 0, -1, 0.5}, []bool{true, false, true, true, true}
	var c categorical
	if err := c.set(logits, allowed); err != nil {
		t.Fatal(err)
	}
	sum := 0.0
	for i, z := range logits {
		if allowed[i] {
			sum += math.Exp(float64(z))
		}
	}
	rand := NewRand(5, 0)
	const draws = 200_000
	counts := make([]float64, len(logits))
	for range draws {
		counts[c.sample(rand)]++
	}
	for i, n := range counts {
		p := 0.0
		if allowed[i] {
			p = math.Exp(float64(logits[i])) / sum
			if got := c.logProb(i); math.Abs(got-math.Log(p)) > 1e-6 {
				t.Errorf("log-probability of action %d is %v, want %v", i, got, math.Log(p))
			}
		}
		// Five standard deviations.
		if math.Abs(n/draws-p) > 5*math.Sqrt(p*(1-p)/draws) {
			t.Errorf("action %d was drawn with frequency %v, want %v", i, n/draws, p)
		}
	}
	for want, mask := range map[int][]bool{0: allowed, 1: nil, -1: make([]bool, 5)} {
		if best, err := argmax(logits, mask); best != want || err != nil {
			t.Errorf("argmax with mask %v is %d, %v; want %d", mask, best, err, want)
		}
	}
}

// A NaN is never lost, at any index, unless its action is forbidden.
func TestArgmaxRefusesWhatIsNotFinite(t *testing.T) {
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	for _, scores := range [][]float32{{nan, 1, 2}, {1, nan, 2}, {1, 2, nan}, {1, inf, 2}, {-inf, -inf}} {
		if best, err := argmax(scores, nil); !errors.Is(err, nn.ErrNotFinite) {
			t.Errorf("argmax of %v is %d, %v", scores, best, err)
		}
	}
	if best, err := argmax([]float32{nan, 1, -inf, inf}, []bool{false, true, true, false}); best != 1 || err != nil {
		t.Errorf("argmax of allowed scores is %d, %v", best, err)
	}
}

// Logits far apart neither overflow nor lose the certain action. A diverged network is an error.
func TestCategoricalExtremes(t *testing.T) {
	var c categorical
	if err := c.set([]float32{1e30, -1e30, 0}, nil); err != nil {
		t.Fatal(err)
	}
	if c.p[0] != 1 || c.logProb(0) != 0 || c.entropy() != 0 || c.sample(NewRand(1, 0)) != 0 {
		t.Errorf("%+v, entropy %v", c, c.entropy())
	}
	nan := float32(math.NaN())
	for _, logits := range [][]float32{{}, {nan}, {0, nan}, {float32(math.Inf(1)), 0}} {
		if err := c.set(logits, nil); err == nil || len(logits) > 0 && !errors.Is(err, nn.ErrNotFinite) {
			t.Errorf("logits %v: error %v", logits, err)
		}
	}
	if err := c.set([]float32{1, 2}, []bool{false, false}); !errors.Is(err, ErrNoAction) {
		t.Errorf("nothing allowed: error %v", err)
	}
}

// TestAddRows compares with as many calls of Row, with a mask before it or without.
func TestAddRows(t *testing.T) {
	for _, mask := range [][]bool{nil, {true, false}} {
		var together, single Choices
		for b, rows := range []int{3, 0, 2} {
			for _, c := range []*Choices{&together, &single} {
				if err := c.Append(2, mask); err != nil {
					t.Fatal(err)
				}
			}
			if err := together.AddRows(rows, b+1); err != nil {
				t.Fatal(err)
			}
			for range rows {
				if err := single.Row(b+1, nil); err != nil {
					t.Fatal(err)
				}
			}
		}
		if !reflect.DeepEqual(together, single) {
			t.Errorf("mask %v: %+v, want %+v", mask, together, single)
		}
	}
	var c Choices
	if err := c.AddRows(1, 2); err == nil {
		t.Error("rows before the first observation: no error")
	}
	c.Next()
	if err := c.AddRows(1, -1); err == nil {
		t.Error("-1 options: no error")
	}
}

func TestChoices(t *testing.T) {
	var a Choices
	scores := []float32{0, 1, 2, 3, 4, 5}
	for range 2 { // the second time in reused memory
		a.Reset()
		for _, err := range []error{a.Append(2, nil), a.Append(0, nil), a.Append(3, []bool{true, false, true}), a.Append(1, nil)} {
			if err != nil {
				t.Fatal(err)
			}
		}
		own, allowed := a.Of(2, scores)
		if a.Len() != 4 || a.Scores() != 6 || a.Begin(2) != 2 || len(own) != 3 || own[0] != 2 || allowed[1] || !allowed[2] {
			t.Fatalf("%+v: %v, %v", a, own, allowed)
		}
		if own, allowed := a.Of(3, scores); len(own) != 1 || !allowed[0] {
			t.Fatalf("%v, %v", own, allowed)
		}
	}
	if err := a.Append(2, []bool{true}); err == nil {
		t.Error("a mask of 1 for 2 actions: no error")
	}
}
