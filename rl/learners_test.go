package rl_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/bits"
	"slices"
	"strings"
	"testing"

	"github.com/graphrl/graphrl/checkpoints"
	"github.com/graphrl/graphrl/gnn"
	"github.com/graphrl/graphrl/internal/race"
	"github.com/graphrl/graphrl/rl"
	"github.com/graphrl/graphrl/rl/envs"
	"github.com/graphrl/graphrl/rl/hetero"
	"github.com/graphrl/graphrl/rl/rltest"
)

// learner is the common interface of all learners from rewards.
type learner[O any] interface {
	rl.Policy[O]
	checkpoints.Stateful
	Train(ctx context.Context, callbacks ...rl.Callback) error
	Progress() rl.Progress
}

// algorithms returns a constructor of each learner for short training.
func algorithms[O any]() map[string]func(p rl.Problem[O], steps int, seed uint64) (learner[O], error) {
	return map[string]func(rl.Problem[O], int, uint64) (learner[O], error){
		"PPO": func(p rl.Problem[O], steps int, seed uint64) (learner[O], error) {
			cfg := rl.DefaultPPOConfig()
			cfg.Steps, cfg.Seed, cfg.RolloutSteps, cfg.BatchSize, cfg.LearningRate = steps, seed, 32, 64, 1e-3
			cfg.ValueClip, cfg.TargetKL = 0.5, 0.5
			return rl.NewPPO(p, cfg)
		},
		"A2C": func(p rl.Problem[O], steps int, seed uint64) (learner[O], error) {
			cfg := rl.DefaultA2CConfig()
			cfg.Steps, cfg.Seed, cfg.LearningRate, cfg.NormalizeAdvantages = steps, seed, 3e-3, true
			return rl.NewA2C(p, cfg)
		},
		"REINFORCE": func(p rl.Problem[O], steps int, seed uint64) (learner[O], error) {
			cfg := rl.DefaultREINFORCEConfig()
			cfg.Steps, cfg.Seed, cfg.LearningRate, cfg.Anneal = steps, seed, 3e-3, true
			return rl.NewREINFORCE(p, cfg)
		},
		"DQN": func(p rl.Problem[O], steps int, seed uint64) (learner[O], error) {
			cfg := rl.DefaultDQNConfig()
			cfg.Steps, cfg.Seed, cfg.LearningRate = steps, seed, 1e-3
			cfg.LearningStarts, cfg.BufferSize, cfg.BatchSize, cfg.Envs, cfg.TrainInterval, cfg.GradientSteps = 200, 1000, 32, 2, 2, 2
			cfg.Dueling, cfg.NStep, cfg.PriorityAlpha, cfg.Tau, cfg.TargetInterval = true, 3, 0.6, 0.05, 1
			return rl.NewDQN(p, cfg)
		},
	}
}

func vectorProblem(newEnv func() rl.DiscreteEnv) rl.Problem[[]float32] {
	cfg := rl.DefaultMLPConfig(0, 0)
	cfg.Hidden, cfg.Value, cfg.Normalize = []int{32}, rl.SharedValue, true
	return rl.VectorProblem(newEnv, cfg)
}

func cartPole() rl.Problem[[]float32] {
	return vectorProblem(func() rl.DiscreteEnv { return envs.NewCartPole() })
}

// packings are the schemas of packing: an action chooses a node or an edge.
var packings = []hetero.Schema{packingSchema(hetero.OneNode("node")), packingSchema(hetero.OneEdge("edge"))}

func packingSchema(choose hetero.Choice) hetero.Schema {
	return hetero.Schema{
		Nodes:  []hetero.NodeType{{Name: "node", Features: 1}},
		Edges:  []hetero.EdgeType{{Name: "edge", From: "node", To: "node", Features: 1, Directed: true}},
		Choose: choose,
	}
}

func graphProblem(s *hetero.Schema) rl.Problem[hetero.Graph] {
	cfg := hetero.DefaultConfig()
	cfg.Hidden = 16
	return hetero.Problem(*s, newPacking(s), cfg)
}

// packing asks for as many nodes as possible of which no two are neighbours, or edges of which no
// two meet. Each one chosen earns 1 and forbids its neighbours.
type packing struct {
	schema  *hetero.Schema
	edges   bool // edges are chosen
	graph   *gnn.Graph
	obs     hetero.Graph
	running bool
}

func newPacking(s *hetero.Schema) func() rl.Env[hetero.Graph, int] {
	return func() rl.Env[hetero.Graph, int] { return &packing{schema: s, edges: s == &packings[1]} }
}

func (p *packing) Reset(seed uint64) (hetero.Graph, error) {
	rng := rl.NewRand(seed, 0)
	n := 4 + rng.IntN(5)
	var edges gnn.EdgeIndex
	for i := 1; i < n; i++ { // a tree
		edges.Src, edges.Dst = append(edges.Src, int32(rng.IntN(i))), append(edges.Dst, int32(i))
	}
	var err error
	if p.graph, err = gnn.NewGraph(n, edges.Undirected()); err != nil {
		return p.obs, err
	}
	p.obs.Reset(p.schema)
	p.obs.Nodes[0] = hetero.NodeSet{Count: n, Features: make([]float32, n)}
	p.obs.Edges[0] = hetero.EdgeSet{Structure: p.graph, Features: make([]float32, p.graph.NumEdges())}
	choices := n
	if p.edges {
		choices = p.graph.NumEdges()
	}
	p.obs.Allowed = slices.Repeat([]bool{true}, choices)
	p.running = true
	return p.observe(), nil
}

// observe computes features: of a node the number of neighbours that can still be chosen, or whose
// edges can; of an edge 1 if it can be chosen.
func (p *packing) observe() hetero.Graph {
	x, y, index := p.obs.Nodes[0].Features, p.obs.Edges[0].Features, p.graph.Edges()
	clear(x)
	for e := range index.Src {
		y[e] = 1
		if p.edges && !p.obs.Allowed[e] {
			y[e] = 0
		}
		if p.edges && p.obs.Allowed[e] || !p.edges && p.obs.Allowed[index.Src[e]] {
			x[index.Dst[e]]++
		}
	}
	return p.obs
}

func (p *packing) Step(action int) (rl.Transition[hetero.Graph], error) {
	if !p.running || action < 0 || action >= len(p.obs.Allowed) || !p.obs.Allowed[action] {
		return rl.Transition[hetero.Graph]{}, fmt.Errorf("action %d", action)
	}
	index := p.graph.Edges()
	if !p.edges {
		p.obs.Allowed[action] = false
		for _, j := range p.graph.OutNeighbors(action) {
			p.obs.Allowed[j] = false
		}
	} else {
		for e := range index.Src {
			for _, end := range []int32{index.Src[action], index.Dst[action]} {
				if index.Src[e] == end || index.Dst[e] == end {
					p.obs.Allowed[e] = false
				}
			}
		}
	}
	p.running = slices.Contains(p.obs.Allowed, true)
	return rl.Transition[hetero.Graph]{Observation: p.observe(), Reward: 1, Terminated: !p.running}, nil
}

// best returns the size of the largest independent set or matching of a graph, by exhaustive
// search.
func (p *packing) best(g *gnn.Graph) int {
	index := g.Edges()
	most := 0
	if !p.edges {
		for set := range uint(1) << g.NumDst() {
			ok := true
			for e := range index.Src {
				ok = ok && (set>>index.Src[e])&(set>>index.Dst[e])&1 == 0
			}
			if ok {
				most = max(most, bits.OnesCount(set))
			}
		}
		return most
	}
	var ends []uint // of each undirected edge
	for e := range index.Src {
		if index.Src[e] < index.Dst[e] {
			ends = append(ends, 1<<index.Src[e]|1<<index.Dst[e])
		}
	}
	for set := range uint(1) << len(ends) {
		used, ok := uint(0), true
		for e, both := range ends {
			if set>>e&1 == 1 {
				ok = ok && used&both == 0
				used |= both
			}
		}
		if ok {
			most = max(most, bits.OnesCount(set))
		}
	}
	return most
}

func TestPackingKeepsTheContract(t *testing.T) {
	for i := range packings {
		rltest.Env(t, rltest.EnvConfig[hetero.Graph, int]{
			New: newPacking(&packings[i]),
			Action: func(obs hetero.Graph, r *rl.Rand) int {
				i := r.IntN(len(obs.Allowed))
				for range obs.Allowed {
					if obs.Allowed[i] {
						break
					}
					i = (i + 1) % len(obs.Allowed)
				}
				return i
			},
			Clone: func(obs hetero.Graph) (dst hetero.Graph) {
				packings[i].Codec().Copy(&dst, obs)
				return dst
			},
			Steps: 10,
		})
	}
}

// digest returns a fingerprint of everything in a checkpoint of s.
func digest(t *testing.T, s checkpoints.Stateful) string {
	t.Helper()
	state := checkpoints.NewState()
	if err := s.SaveState(state); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := checkpoints.Save(dir, state, checkpoints.Manifest{Method: "test"}); err != nil {
		t.Fatal(err)
	}
	_, m, err := checkpoints.Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	return m.Data.SHA256
}

// checkLearner checks that training is reproducible, depends on the seed, and resumes bit for bit.
func checkLearner[O any](t *testing.T, problem rl.Problem[O], steps int) {
	for name, make := range algorithms[O]() {
		t.Run(name, func(t *testing.T) {
			newLearner := func(seed uint64) learner[O] {
				l, err := make(problem, steps, seed)
				if err != nil {
					t.Fatal(err)
				}
				return l
			}
			dir := t.TempDir()
			saved := false
			first := newLearner(1)
			evaluator := rl.NewEvaluator(first, problem.NewEnv, steps/4)
			evaluator.Episodes = 3
			parts := rl.Parts{"learner": first, "evaluator": evaluator}
			save := rl.Checkpoint(dir, 0, parts, checkpoints.Manifest{Method: name})
			err := first.Train(context.Background(), evaluator.Evaluate, func(p rl.Progress) error {
				if saved || p.Steps < steps/2 {
					return nil
				}
				saved = true
				return save(p)
			})
			if err != nil {
				t.Fatal(err)
			}
			want := digest(t, parts)
			if n := len(evaluator.Points()); n < 3 || n > 4 {
				t.Errorf("%d evaluations, want one in %d of %d steps", n, steps/4, steps)
			}

			again := newLearner(1) // without the evaluations in between, which must not matter
			if err := again.Train(context.Background()); err != nil {
				t.Fatal(err)
			}
			if digest(t, again) != digest(t, first) {
				t.Error("the same seed gives another result")
			}
			other := newLearner(2)
			if err := other.Train(context.Background()); err != nil {
				t.Fatal(err)
			}
			if digest(t, other) == digest(t, first) {
				t.Error("another seed gives the same result")
			}

			resumed := newLearner(1)
			evaluator = rl.NewEvaluator(resumed, problem.NewEnv, steps/4)
			evaluator.Episodes = 3
			parts = rl.Parts{"learner": resumed, "evaluator": evaluator}
			state, manifest, err := checkpoints.Load(dir)
			if err != nil {
				t.Fatal(err)
			}
			if err := parts.LoadState(state); err != nil {
				t.Fatal(err)
			}
			if p := resumed.Progress(); int64(p.Steps) != manifest.Step || p.Steps < steps/2 || p.Steps >= steps {
				t.Fatalf("resumed at step %d, manifest says %d", p.Steps, manifest.Step)
			}
			if err := resumed.Train(context.Background(), evaluator.Evaluate); err != nil {
				t.Fatal(err)
			}
			if digest(t, parts) != want {
				t.Error("a resumed training ends elsewhere")
			}
		})
	}
}

func TestLearnersResumeOnVectors(t *testing.T) { checkLearner(t, cartPole(), 1500) }

func TestLearnersResumeOnGraphs(t *testing.T) {
	checkLearner(t, graphProblem(&packings[0]), 1200)
}

// After training, graph policies of nodes and of edges find nearly the best solutions of unseen
// graphs, and better ones than choosing at random.
func TestLearnersSolveGraphProblems(t *testing.T) {
	skipSlow(t)
	const episodes, seed = 100, 7
	for i := range packings {
		problem := graphProblem(&packings[i])
		sum := 0
		optima := func() rl.Env[hetero.Graph, int] { return &recorder{problem.NewEnv(), &sum} }
		plain, err := rl.Evaluate(rl.Policy[hetero.Graph](firstAllowed{}), optima, episodes, seed)
		if err != nil {
			t.Fatal(err)
		}
		bound := float64(sum) / episodes
		for name, make := range algorithms[hetero.Graph]() {
			if i == 1 && name != "PPO" {
				continue
			}
			t.Run(fmt.Sprint(name, i), func(t *testing.T) {
				l, err := make(problem, 8000, 1)
				if err != nil {
					t.Fatal(err)
				}
				if err := l.Train(context.Background()); err != nil {
					t.Fatal(err)
				}
				returns, err := rl.Evaluate(l, problem.NewEnv, episodes, seed)
				if err != nil {
					t.Fatal(err)
				}
				got, without := rl.Mean(returns)/bound, rl.Mean(plain)/bound
				if !(got > 0.98 && without < 0.95) {
					t.Errorf("%.3f of the optimum, without choosing %.3f", got, without)
				}
			})
		}
	}
}

// skipSlow skips a test that trains for long and starts no goroutines that another test does not.
func skipSlow(t *testing.T) {
	if testing.Short() || race.Enabled {
		t.Skip("trains for seconds")
	}
}

// recorder adds up the optima of the episodes it starts.
type recorder struct {
	rl.Env[hetero.Graph, int]
	sum *int
}

func (r *recorder) Reset(seed uint64) (hetero.Graph, error) {
	obs, err := r.Env.Reset(seed)
	*r.sum += r.Env.(*packing).best(obs.Edges[0].Structure)
	return obs, err
}

// firstAllowed chooses the first allowed action.
type firstAllowed struct{}

func (firstAllowed) Decide(obs []hetero.Graph, actions []int) error {
	for i, o := range obs {
		actions[i] = slices.Index(o.Allowed, true)
	}
	return nil
}

// corridor has places 0 to 5; action 1 leads right, 0 left. Arriving at 5 ends the episode and
// earns 1, after 30 steps it is truncated. From place 0 the best return is reached in 5 steps.
type corridor struct {
	at, steps int
	obs       [6]float32
}

func (*corridor) ObservationSize() int { return 6 }
func (*corridor) Actions() int         { return 2 }

func (c *corridor) Reset(uint64) ([]float32, error) {
	c.at, c.steps = 0, 0
	return c.observe(), nil
}

func (c *corridor) observe() []float32 {
	c.obs = [6]float32{}
	c.obs[c.at] = 1
	return c.obs[:]
}

func (c *corridor) Step(action int) (rl.Transition[[]float32], error) {
	c.at = max(0, c.at+2*action-1)
	c.steps++
	t := rl.Transition[[]float32]{Observation: c.observe(), Terminated: c.at == 5, Truncated: c.steps == 30}
	if t.Terminated {
		t.Reward = 1
	}
	return t, nil
}

// Once the policy walks straight to the end, the value of each place is gamma to the power of the
// number of steps before it.
func TestLearnersFindValues(t *testing.T) {
	skipSlow(t)
	cfg := rl.DefaultMLPConfig(0, 0)
	cfg.Hidden, cfg.Value = []int{32}, rl.SharedValue
	problem := rl.VectorProblem(func() rl.DiscreteEnv { return new(corridor) }, cfg)
	for name, make := range algorithms[[]float32]() {
		t.Run(name, func(t *testing.T) {
			l, err := make(problem, 12000, 3)
			if err != nil {
				t.Fatal(err)
			}
			if err := l.Train(context.Background()); err != nil {
				t.Fatal(err)
			}
			returns, err := rl.Evaluate(l, problem.NewEnv, 1, 0)
			if err != nil {
				t.Fatal(err)
			}
			if returns[0] != 1 {
				t.Fatalf("return %v, want 1: the end was not found", returns[0])
			}
			var policy *rl.ActorCritic[[]float32]
			switch l := l.(type) {
			case *rl.PPO[[]float32]:
				policy = l.Policy()
			case *rl.A2C[[]float32]:
				policy = l.Policy()
			default:
				return
			}
			for at := range 5 {
				obs := (&corridor{at: at}).observe()
				var value [1]float32
				if err := policy.Values([][]float32{obs}, value[:]); err != nil {
					t.Fatal(err)
				}
				// The policy still explores, which costs some steps.
				if want := math.Pow(0.99, float64(4-at)); !(math.Abs(float64(value[0])-want) < 0.08) {
					t.Errorf("value of place %d is %v, want about %v", at, value[0], want)
				}
			}
		})
	}
}

// clock has episodes of 31 steps, so that minibatches always have the same few sizes: buffers keep
// a header for each number of rows they have seen.
type clock struct {
	corridor
	now int
}

func (c *clock) Reset(seed uint64) ([]float32, error) {
	c.now = 0
	return c.corridor.Reset(seed)
}

func (c *clock) Step(action int) (rl.Transition[[]float32], error) {
	t, err := c.corridor.Step(action)
	c.now++
	t.Terminated, t.Truncated = c.now == 31, false
	c.at = min(c.at, 4)
	return t, err
}

func TestUpdatesAllocateNothing(t *testing.T) {
	if race.Enabled {
		t.Skip("allocations are not counted under the race detector")
	}
	stop := []rl.Callback{func(rl.Progress) error { return rl.ErrStop }}
	problem := vectorProblem(func() rl.DiscreteEnv { return new(clock) })
	for name, make := range algorithms[[]float32]() {
		t.Run(name, func(t *testing.T) {
			l, err := make(problem, 1_000_000, 1)
			if err != nil {
				t.Fatal(err)
			}
			update := func() {
				if err := l.Train(context.Background(), stop...); err != nil {
					t.Fatal(err)
				}
			}
			for l.Progress().Steps < 5000 {
				update()
			}
			if n := testing.AllocsPerRun(50, update); n > 0 {
				t.Errorf("an update allocates %v times", n)
			}
		})
	}
}

func TestTrainStops(t *testing.T) {
	for name, make := range algorithms[[]float32]() {
		newLearner := func() learner[[]float32] {
			l, err := make(cartPole(), 100_000, 1)
			if err != nil {
				t.Fatal(err)
			}
			return l
		}
		ctx, cancel := context.WithCancelCause(context.Background())
		reason := errors.New("reason")
		l := newLearner()
		calls := 0
		err := l.Train(ctx, func(rl.Progress) error {
			calls++
			cancel(reason)
			return nil
		})
		if !errors.Is(err, reason) || calls != 1 {
			t.Errorf("%s: cancelled, Train returns %v after %d updates", name, err, calls)
		}
		if err := l.Train(context.Background(), func(rl.Progress) error { return reason }); !errors.Is(err, reason) {
			t.Errorf("%s: after a callback's error Train returns %v", name, err)
		}
		called := false
		stop := func(rl.Progress) error { return rl.ErrStop }
		if err := l.Train(context.Background(), stop, func(rl.Progress) error { called = true; return nil }); err != nil || !called {
			t.Errorf("%s: stopped, Train returns %v; callback after it called: %v", name, err, called)
		}
		l = newLearner()
		evaluator := rl.NewEvaluator(l, cartPole().NewEnv, 500)
		evaluator.Episodes = 5
		var best []float64
		evaluator.Best = func(p rl.EvaluationPoint) error { best = append(best, p.Mean); return nil }
		evaluator.Until = func(p []rl.EvaluationPoint) bool { return len(p) == 4 }
		if err := l.Train(context.Background(), evaluator.Evaluate); err != nil {
			t.Fatal(err)
		}
		points := evaluator.Points()
		if len(points) != 4 || !slices.IsSorted(best) || len(best) < 1 || best[0] != points[0].Mean {
			t.Errorf("%s: evaluations %v, best ones %v", name, points, best)
		}
	}
}

func TestUntil(t *testing.T) {
	points := func(means ...float64) (p []rl.EvaluationPoint) {
		for _, m := range means {
			p = append(p, rl.EvaluationPoint{Mean: m})
		}
		return p
	}
	if f := rl.ReturnReaches(10); f(points(11, 9)) || !f(points(3, 10)) {
		t.Error("ReturnReaches heeds another than the last evaluation")
	}
	if f := rl.NoBetterFor(2); f(points(1)) || f(points(1, 0)) || !f(points(1, 0, 1)) || f(points(1, 0, 2)) || !f(points(-5, -7, -6)) {
		t.Error("NoBetterFor counts otherwise")
	}
}

// The k-th episode does not depend on how many there are, and returns come in order.
func TestEvaluate(t *testing.T) {
	newEnv := cartPole().NewEnv
	long, err := rl.Evaluate(rl.Policy[[]float32](lean{}), newEnv, 250, 5)
	if err != nil {
		t.Fatal(err)
	}
	short, err := rl.Evaluate(rl.Policy[[]float32](lean{}), newEnv, 7, 5)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(long[:7], short) {
		t.Errorf("%v, of more episodes %v", short, long[:7])
	}
	slices.Sort(long)
	if long[0] < 15 || long[249] == long[0] || long[249] > 100 {
		t.Errorf("returns from %v to %v", long[0], long[249])
	}
	if _, err := rl.Evaluate(rl.Policy[[]float32](lean{}), newEnv, 0, 5); err == nil {
		t.Error("no episodes: no error")
	}
}

// lean pushes to the side where the pole leans.
type lean struct{}

func (lean) Decide(obs [][]float32, actions []int) error {
	for i, o := range obs {
		actions[i] = 0
		if o[2] > 0 {
			actions[i] = 1
		}
	}
	return nil
}

func TestConfigsNameEveryMistake(t *testing.T) {
	for _, c := range []struct {
		name   string
		err    error
		fields []string
	}{
		{"PPO", rl.PPOConfig{Gamma: 2, ValueClip: -1}.Check(), []string{"Steps", "Envs", "Goroutines", "RolloutSteps", "BatchSize", "Epochs", "Gamma", "LearningRate", "AdamEpsilon", "Clip", "ValueClip"}},
		{"A2C", rl.A2CConfig{Lambda: math.NaN()}.Check(), []string{"Steps", "Envs", "Goroutines", "RolloutSteps", "Lambda", "LearningRate", "RMSPropAlpha", "RMSPropEpsilon"}},
		{"DQN", rl.DQNConfig{EpsilonEnd: -1}.Check(), []string{"Steps", "Envs", "TrainInterval", "GradientSteps", "BatchSize", "LearningRate", "TargetInterval", "Tau", "EpsilonEnd", "NStep"}},
		{"DQN", rl.DQNConfig{Steps: 10, LearningStarts: 11}.Check(), []string{"LearningStarts"}},
		{"REINFORCE", rl.REINFORCEConfig{ClipNorm: math.Inf(1)}.Check(), []string{"Steps", "Episodes", "LearningRate", "ClipNorm"}},
		{"MLP", rl.MLPConfig{Hidden: []int{0}, Value: 9}.Check(), []string{"Features", "Actions", "ScoreGain", "Hidden", "Value"}},
	} {
		for _, field := range c.fields {
			if c.err == nil || !strings.Contains(c.err.Error(), c.name+" config: "+field+" is") {
				t.Errorf("%s: the error does not name %s: %v", c.name, field, c.err)
			}
		}
	}
	for name, err := range map[string]error{
		"PPO": rl.DefaultPPOConfig().Check(), "A2C": rl.DefaultA2CConfig().Check(), "DQN": rl.DefaultDQNConfig().Check(),
		"REINFORCE": rl.DefaultREINFORCEConfig().Check(), "MLP": rl.DefaultMLPConfig(1, 1).Check(),
	} {
		if err != nil {
			t.Errorf("%s: the defaults: %v", name, err)
		}
	}
}

func TestVectorProblemOfNoEnvironment(t *testing.T) {
	problem := rl.VectorProblem(func() rl.DiscreteEnv { return nil }, rl.DefaultMLPConfig(0, 0))
	if _, err := rl.NewPPO(problem, rl.DefaultPPOConfig()); err == nil || !strings.Contains(err.Error(), "NewEnv returns nil") {
		t.Errorf("an environment that is nil: %v", err)
	}
	if _, err := rl.NewPPO(rl.VectorProblem(nil, rl.DefaultMLPConfig(0, 0)), rl.DefaultPPOConfig()); err == nil {
		t.Error("no NewEnv: no error")
	}
}

func TestLearnersNeedACritic(t *testing.T) {
	cfg := rl.DefaultMLPConfig(0, 0)
	cfg.Value = rl.NoValue
	problem := rl.VectorProblem(func() rl.DiscreteEnv { return new(corridor) }, cfg)
	for name, make := range algorithms[[]float32]() {
		_, err := make(problem, 1000, 1)
		if needs := name != "REINFORCE"; (err != nil) != needs {
			t.Errorf("%s without a critic: %v", name, err)
		}
		if _, err := make(rl.Problem[[]float32]{}, 1000, 1); err == nil {
			t.Errorf("%s with an empty problem: no error", name)
		}
	}
	if _, err := rl.NewDQN(cartPole(), rl.DefaultDQNConfig()); err == nil || !strings.Contains(err.Error(), "Dueling") {
		t.Errorf("DQN with a critic it has no use for: %v", err)
	}
}

// A policy loaded from the state of any learner decides as the learner does, for any number of
// observations, on a vector and on graphs of other sizes.
func TestLoadPolicy(t *testing.T) {
	t.Run("vectors", func(t *testing.T) { checkLoadPolicy(t, cartPole()) })
	t.Run("graphs", func(t *testing.T) { checkLoadPolicy(t, graphProblem(&packings[0])) })
}

func checkLoadPolicy[O any](t *testing.T, problem rl.Problem[O]) {
	for name, newLearner := range algorithms[O]() {
		l, err := newLearner(problem, 600, 3)
		if err != nil {
			t.Fatal(err)
		}
		if err := l.Train(t.Context()); err != nil {
			t.Fatal(err)
		}
		state := checkpoints.NewState()
		if err := (rl.Parts{"learner": l}).SaveState(state); err != nil {
			t.Fatal(err)
		}
		if _, err := rl.LoadPolicy(state, problem); !errors.Is(err, checkpoints.ErrMismatch) {
			t.Errorf("%s: the state of the whole: %v", name, err)
		}
		policy, err := rl.LoadPolicy(state.Sub("learner"), rl.Problem[O]{NewModel: problem.NewModel})
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		for _, episodes := range []int{1, 7, 30} {
			want, errWant := rl.Evaluate(l, problem.NewEnv, episodes, 9)
			got, errGot := rl.Evaluate(policy, problem.NewEnv, episodes, 9)
			if errWant != nil || errGot != nil || !slices.Equal(want, got) {
				t.Errorf("%s: returns %v, error %v, of the learner %v, error %v", name, got, errGot, want, errWant)
			}
		}
	}
}

func TestLoadPolicyRefuses(t *testing.T) {
	problem := cartPole()
	l, err := algorithms[[]float32]()["PPO"](problem, 10, 3)
	if err != nil {
		t.Fatal(err)
	}
	state := checkpoints.NewState()
	if err := l.SaveState(state); err != nil {
		t.Fatal(err)
	}
	cfg := rl.DefaultMLPConfig(0, 0)
	cfg.Hidden, cfg.Value = []int{31}, rl.SharedValue
	wider := rl.VectorProblem(func() rl.DiscreteEnv { return envs.NewCartPole() }, cfg)
	if _, err := rl.LoadPolicy(state, wider); !errors.Is(err, checkpoints.ErrMismatch) || !strings.Contains(err.Error(), "shape") {
		t.Errorf("a network of another width: %v", err)
	}
	if _, err := rl.LoadPolicy(checkpoints.NewState(), problem); !errors.Is(err, checkpoints.ErrMismatch) {
		t.Errorf("an empty state: %v", err)
	}
	if _, err := rl.LoadPolicy(state, rl.Problem[[]float32]{}); err == nil {
		t.Error("no network: no error")
	}
}
