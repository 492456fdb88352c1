package mecoffload

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"

	"github.com/graphrl/graphrl/checkpoints"
	"github.com/graphrl/graphrl/nn"
	"github.com/graphrl/graphrl/rl"
	"gorgonia.org/gorgonia"
)

// backlogModel is the model-based critic with the servers' next backlogs as afterstate: of all that the next observation
// says, only these depend on the decision.
type backlogModel struct{ *Critic }

// AfterstateSize implements rl.AfterstateModel.
func (backlogModel) AfterstateSize(obs Observation) int { return obs.Servers }

// BacklogValue is V of the long-term critic: a network from the servers' backlogs, in slots [N], to the discounted reward to
// come,
//
//	V(b) = v0 - sum_j u_j relu(sum_n w_jn b_n - k_j),   u, w >= 0
//
// With these signs V is concave and never rises with a backlog, as the true value is: more work left over is never better,
// and costs the more the fuller the servers are. That matters beyond saving data. Candidates are chosen to maximise V, so they seek out
// whatever it overrates, and an unconstrained network overrates the empty servers that a busy system never visits (see
// docs/decisions). It is the input-convex network of B. Amos, L. Xu and J. Z. Kolter (ICML 2017) with one hidden layer.
//
// It implements rl.AfterstateValue and, for local search, Terminal.
type BacklogValue struct {
	servers   int
	slot      float64 // s
	scale     float64 // of the output; see newBacklogValue
	net       *nn.MLP
	optimizer *nn.Adam

	tape     *nn.Tape
	in, out  *gorgonia.Node
	inBuf    nn.Buffer
	trainer  *nn.Trainer
	trainIn  *gorgonia.Node
	target   *gorgonia.Node
	batchBuf nn.Buffer
	goalBuf  nn.Buffer
}

var _ rl.AfterstateValue = (*BacklogValue)(nil)
var _ checkpoints.Stateful = (*BacklogValue)(nil)
var _ Terminal = (*BacklogValue)(nil)

const (
	maxHinge     = 3   // largest initial k_j, slots
	initialSlope = 0.1 // of the whole sum at the start, in units of the output
)

// newBacklogValue makes a network with the given number of hinges u_j. Rewards lie in [0, 1], so V lies in [0, 1/(1-gamma)]: the
// network's output is multiplied by that bound to be of size 1 itself.
func newBacklogValue(servers int, slot Seconds, hinges int, rate, gamma float64, rng *rand.Rand) (*BacklogValue, error) {
	net, err := nn.NewMLP("value", []int{servers, hinges, 1}, nn.ReLU, nil, rng)
	if err != nil {
		return nil, fmt.Errorf("mecoffload: value: %w", err)
	}
	hidden := net.Layers[0]
	for i := range hidden.Weight.Data() {
		hidden.Weight.Data()[i] = rng.Float32()
	}
	for j := range hidden.Bias.Data() {
		hidden.Bias.Data()[j] = -maxHinge * rng.Float32()
	}
	nn.Constant(-initialSlope/float64(hinges))(nn.Matrix{Rows: hinges, Cols: 1, Data: net.Layers[1].Weight.Data()}, nil)
	v := &BacklogValue{
		servers:   servers,
		slot:      float64(slot),
		scale:     1 / (1 - gamma),
		net:       net,
		optimizer: nn.NewAdam(net.Params(), nn.AdamConfig{LearningRate: rate}),
	}
	if v.in, v.out, err = v.build(); err != nil {
		return nil, err
	}
	if v.tape, err = nn.NewTape(v.out); err != nil {
		return nil, err
	}
	var out *gorgonia.Node
	if v.trainIn, out, err = v.build(); err != nil {
		return nil, err
	}
	if v.target, err = nn.NewInput(out.Graph(), "target", 1); err != nil {
		return nil, err
	}
	loss, err := nn.MSE(out, v.target, nil)
	if err != nil {
		return nil, err
	}
	v.trainer, err = nn.NewTrainer(loss, net.Params(), v.optimizer)
	return v, err
}

func (v *BacklogValue) build() (in, out *gorgonia.Node, err error) {
	if in, err = nn.NewInput(gorgonia.NewGraph(), "backlog", v.servers); err != nil {
		return nil, nil, err
	}
	out, err = v.net.Forward(in)
	return in, out, err
}

// Values implements rl.AfterstateValue.
func (v *BacklogValue) Values(features []float32, k int, dst []float64) error {
	copy(v.inBuf.Resize(k, v.servers), features)
	if err := v.tape.Bind(v.in, v.inBuf.Value()); err != nil {
		return err
	}
	if err := v.tape.Run(); err != nil {
		return err
	}
	for i, y := range v.tape.Matrix(v.out).Data {
		dst[i] = float64(y) * v.scale
	}
	return nil
}

// TrainTD implements rl.AfterstateValue.
func (v *BacklogValue) TrainTD(features []float32, k int, targets []float64) (float64, error) {
	copy(v.batchBuf.Resize(k, v.servers), features)
	goal := v.goalBuf.Resize(k, 1)
	for i, t := range targets {
		goal[i] = float32(t / v.scale)
	}
	if err := v.trainer.Tape.Bind(v.trainIn, v.batchBuf.Value()); err != nil {
		return 0, err
	}
	if err := v.trainer.Tape.Bind(v.target, v.goalBuf.Value()); err != nil {
		return 0, err
	}
	loss, err := v.trainer.Step()
	for i, w := range v.net.Layers[0].Weight.Data() {
		v.net.Layers[0].Weight.Data()[i] = max(w, 0)
	}
	for j, u := range v.net.Layers[1].Weight.Data() {
		v.net.Layers[1].Weight.Data()[j] = min(u, 0)
	}
	return loss, err
}

// Value implements Terminal: V of backlogs in seconds [N], NaN if there are not as many as servers. It is computed here
// rather than on the tape because local search asks for one value at a time, some hundred times a slot.
func (v *BacklogValue) Value(backlog []float64) float64 {
	if len(backlog) != v.servers {
		return math.NaN()
	}
	hidden, out := v.net.Layers[0], v.net.Layers[1]
	w, k, u := hidden.Weight.Data(), hidden.Bias.Data(), out.Weight.Data()
	sum := out.Bias.Data()[0]
	for j, z := range k {
		for n, b := range backlog {
			z += w[n*len(k)+j] * float32(b/v.slot)
		}
		sum += u[j] * max(z, 0)
	}
	return float64(sum) * v.scale
}

// discounted is gamma times a value.
type discounted struct {
	value Terminal
	gamma float64
}

func (d discounted) Value(backlog []float64) float64 { return d.gamma * d.value.Value(backlog) }

// SaveState implements checkpoints.Stateful.
func (v *BacklogValue) SaveState(s *checkpoints.State) error {
	checkpoints.SaveParams(s.Sub("weights"), v.net.Params())
	checkpoints.SaveOptimizer(s.Sub("optimizer"), v.optimizer)
	return nil
}

// LoadState implements checkpoints.Stateful.
func (v *BacklogValue) LoadState(s *checkpoints.State) error {
	return errors.Join(checkpoints.LoadParams(s.Sub("weights"), v.net.Params()), checkpoints.LoadOptimizer(s.Sub("optimizer"), v.optimizer))
}
