package droo_test

import (
	"fmt"
	"log"
	"math"

	"github.com/graphrl/graphrl/rl"
	"github.com/graphrl/graphrl/rl/droo"
)

// Six radios share a channel. Each slot every radio either transmits (1) or is silent (0);
// transmitting earns the radio its channel gain, but every pair of radios that transmit together
// costs interference. The observation is the gains.
const (
	radios       = 6
	interference = 0.15
)

// channelValue is the critic: a model of the problem.
type channelValue struct{}

func (channelValue) Score(gains []float64, d *droo.Decisions, dst []float64) error {
	for k := range dst {
		earned, active := 0.0, 0.0
		for i, x := range d.Candidate(k) {
			earned += float64(x) * gains[i]
			active += float64(x)
		}
		dst[k] = earned - interference*active*(active-1)/2
	}
	return nil
}

// logistic is the actor: a logistic regression for each radio on all the gains and a constant.
type logistic struct {
	weights [radios][radios + 1]float64
	rate    float64
	logits  [radios]float32
}

func (a *logistic) Scores(gains []float64) (droo.Scores, error) {
	for i, w := range a.weights {
		z := w[radios]
		for j, g := range gains {
			z += w[j] * g
		}
		a.logits[i] = float32(z)
	}
	return droo.Scores{Rows: radios, Options: 1, Logits: a.logits[:]}, nil
}

func (a *logistic) Train(batch []droo.Sample[[]float64]) (float64, error) {
	loss := 0.0
	var gradient [radios][radios + 1]float64
	for _, sample := range batch {
		a.Scores(sample.Observation)
		for i, z := range a.logits {
			p := 1 / (1 + math.Exp(-float64(z)))
			x := float64(sample.Decision[i])
			loss -= (x*math.Log(p) + (1-x)*math.Log(1-p)) / float64(len(batch))
			for j, g := range sample.Observation {
				gradient[i][j] += (p - x) * g / float64(len(batch))
			}
			gradient[i][radios] += (p - x) / float64(len(batch))
		}
	}
	for i := range gradient {
		for j, g := range gradient[i] {
			a.weights[i][j] -= a.rate * g
		}
	}
	return loss, nil
}

// The learner starts without knowledge. Its noisy candidates find better decisions than its own; it
// learns to propose these, and at last the best of all 64 is among its first few candidates.
// (OrderPreserving would fail here: the untrained actor scores all radios alike, and keeping that
// order lets all or none of them transmit.)
func ExampleLearner() {
	quantizer, err := droo.NewNoisyOrderPreserving(1, rl.NewRand(1, 1))
	if err != nil {
		log.Fatal(err)
	}
	cfg := droo.DefaultConfig()
	cfg.Candidates = radios
	learner, err := droo.New(&logistic{rate: 1}, quantizer, channelValue{}, rl.VectorCodec[float64]{}, cfg)
	if err != nil {
		log.Fatal(err)
	}
	rng := rl.NewRand(1, 0)
	gains := make([]float64, radios)
	ratio := 0.0
	for slot := 1; slot <= 5000; slot++ {
		for i := range gains {
			gains[i] = rng.Float64()
		}
		decision, err := learner.Decide(gains)
		if err != nil {
			log.Fatal(err)
		}
		ratio += learner.BestValue() / bestValue(gains)
		if _, _, err := learner.Learn(gains, decision); err != nil {
			log.Fatal(err)
		}
		switch slot {
		case 200:
			fmt.Printf("the first 200 slots: %.1f of the optimum\n", ratio/200)
		case 4000:
			ratio = 0
		case 5000:
			fmt.Printf("the last 1000 slots: %.2f of the optimum\n", ratio/1000)
		}
	}
	// Output:
	// the first 200 slots: 0.8 of the optimum
	// the last 1000 slots: 1.00 of the optimum
}

// bestValue tries all decisions.
func bestValue(gains []float64) float64 {
	d := droo.Decisions{K: 1 << radios, Rows: radios}
	for k := range d.K {
		for i := range radios {
			d.Choice = append(d.Choice, int32(k>>i&1))
		}
	}
	values := make([]float64, d.K)
	channelValue{}.Score(gains, &d, values)
	best := math.Inf(-1)
	for _, v := range values {
		best = max(best, v)
	}
	return best
}
