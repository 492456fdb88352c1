package hetero_test

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/graphrl/graphrl/gnn"
	"github.com/graphrl/graphrl/nn"
	"github.com/graphrl/graphrl/rl"
	"github.com/graphrl/graphrl/rl/droo"
	"github.com/graphrl/graphrl/rl/hetero"
	"github.com/graphrl/graphrl/rl/rltest"
	"gorgonia.org/gorgonia"
	"pgregory.net/rapid"
)

func schema(choose hetero.Choice) hetero.Schema {
	return hetero.Schema{
		Nodes: []hetero.NodeType{{Name: "job", Features: 2}, {Name: "machine", Features: 1}},
		Edges: []hetero.EdgeType{
			{Name: "runs", From: "job", To: "machine", Features: 1},
			{Name: "before", From: "job", To: "job", Directed: true},
		},
		Choose: choose,
	}
}

var choices = map[string]hetero.Choice{
	"one node":        hetero.OneNode("machine"),
	"one edge":        hetero.OneEdge("runs"),
	"edge per source": hetero.EdgePerSource("runs"),
	"each node":       hetero.EachNode("job"),
}

// random fills g; every job has an edge, and edges come in any order.
func random(s *hetero.Schema, rand *rl.Rand) hetero.Graph {
	var g hetero.Graph
	g.Reset(s)
	machines := 1 + rand.IntN(4)
	for range machines {
		g.AddNode("machine", rand.Float32())
	}
	jobs := 1 + rand.IntN(5)
	for range jobs {
		g.AddNode("job", rand.Float32(), rand.Float32())
	}
	for range 2 {
		for _, job := range rand.Perm(jobs) {
			g.AddEdge("runs", job, rand.IntN(machines), rand.Float32())
		}
		g.AddEdge("before", rand.IntN(jobs), rand.IntN(jobs))
	}
	return g
}

// scoresOf runs a model on a batch.
func scoresOf(t interface{ Fatal(...any) }, m rl.Model[hetero.Graph], batch ...hetero.Graph) (*rl.Compiled[hetero.Graph], []float32) {
	net, err := m.Build()
	if err != nil {
		t.Fatal(err)
	}
	outputs := gorgonia.Nodes{net.Scores}
	if net.Value != nil {
		outputs = append(outputs, net.Value)
	}
	tape, err := nn.NewTape(outputs...)
	if err != nil {
		t.Fatal(err)
	}
	c := rl.Compile(net, tape)
	if err := c.Load(batch); err != nil {
		t.Fatal(err)
	}
	z, err := c.Run()
	if err != nil {
		t.Fatal(err)
	}
	return c, slices.Clone(z)
}

func near(a, b []float32) bool {
	return slices.EqualFunc(a, b, func(x, y float32) bool { return math.Abs(float64(x-y)) < 1e-5 })
}

// A batch computes the same as its observations alone, with any choice, and its rows are those of
// the choice.
func TestBatchEqualsParts(t *testing.T) {
	for name, choose := range choices {
		s := schema(choose)
		model, err := hetero.NewModel(s, hetero.Config{Hidden: 8, Layers: 2, ScoreGain: 1, Value: true}, rl.NewRand(1, 1))
		if err != nil {
			t.Fatal(err)
		}
		rand := rl.NewRand(2, 2)
		a, b := random(&s, rand), random(&s, rand)
		both, z := scoresOf(t, model, a, b)
		_, za := scoresOf(t, model, a)
		_, zb := scoresOf(t, model, b)
		if !near(z, append(za, zb...)) {
			t.Errorf("%s: batch %v, parts %v and %v", name, z, za, zb)
		}
		rows := len(both.Choices.Rows(1))
		want := map[string]int{"one node": 1, "one edge": 1, "edge per source": b.Count("job"), "each node": b.Count("job")}[name]
		if rows != want {
			t.Errorf("%s: %d rows, want %d", name, rows, want)
		}
		values, err := both.Values()
		if err != nil || len(values) != 2 {
			t.Errorf("%s: values %v, %v", name, values, err)
		}
	}
}

// permuted returns g with nodes and edges in another order: node i becomes to[i].
func permuted(s *hetero.Schema, g hetero.Graph, jobs, machines, edges []int) hetero.Graph {
	var p hetero.Graph
	p.Reset(s)
	for i := range jobs {
		x := g.Node("job", slices.Index(jobs, i))
		p.AddNode("job", x...)
	}
	for i := range machines {
		p.AddNode("machine", g.Node("machine", slices.Index(machines, i))...)
	}
	for _, e := range edges {
		src, dst := g.Edge("runs", e)
		p.AddEdge("runs", jobs[src], machines[dst], g.Edges[0].Features[e])
	}
	for e := range g.Edges[1].Src {
		src, dst := g.Edge("before", e)
		p.AddEdge("before", jobs[src], jobs[dst])
	}
	return p
}

// Another order of nodes and edges gives the same scores in that order.
func TestEquivariance(t *testing.T) {
	s := schema(hetero.OneEdge("runs"))
	model, err := hetero.NewModel(s, hetero.Config{Hidden: 8, Layers: 2, ScoreGain: 1}, rl.NewRand(1, 1))
	if err != nil {
		t.Fatal(err)
	}
	rapid.Check(t, func(t *rapid.T) {
		rand := rl.NewRand(rapid.Uint64().Draw(t, "seed"), 0)
		g := random(&s, rand)
		edges := rand.Perm(len(g.Edges[0].Src))
		_, z := scoresOf(t, model, g)
		_, zp := scoresOf(t, model, permuted(&s, g, rand.Perm(g.Count("job")), rand.Perm(g.Count("machine")), edges))
		for i, e := range edges {
			if !near(zp[i:i+1], z[e:e+1]) {
				t.Fatalf("edge %d scores %v, and %v in another order", e, z[e], zp[i])
			}
		}
	})
}

// Edges added in any order end up in the rows of their sources, in order of adding, and so do
// masks.
func TestEdgePerSource(t *testing.T) {
	s := schema(hetero.EdgePerSource("runs"))
	one := schema(hetero.OneEdge("runs"))
	cfg := hetero.Config{Hidden: 8, Layers: 1, ScoreGain: 1}
	model, err := hetero.NewModel(s, cfg, rl.NewRand(1, 1))
	if err != nil {
		t.Fatal(err)
	}
	plain, err := hetero.NewModel(one, cfg, rl.NewRand(1, 1))
	if err != nil {
		t.Fatal(err)
	}
	rand := rl.NewRand(3, 3)
	for range 20 {
		g := random(&s, rand)
		g.Allowed = make([]bool, len(g.Edges[0].Src))
		for e := range g.Allowed {
			g.Allowed[e] = rand.IntN(3) > 0
		}
		c, z := scoresOf(t, model, g)
		_, byEdge := scoresOf(t, plain, g)
		for row, group := range c.Choices.Rows(0) {
			own, allowed := c.Choices.OfGroup(int(group), z)
			for choice := range own {
				e := g.Chosen(row, int32(choice))
				if e < 0 || !near(own[choice:choice+1], byEdge[e:e+1]) || allowed[choice] != g.Allowed[e] {
					t.Fatalf("row %d, choice %d is edge %d: %v, %v; want %v, %v", row, choice, e, own[choice], allowed[choice], byEdge[e], g.Allowed[e])
				}
			}
			if g.Chosen(row, int32(len(own))) >= 0 {
				t.Fatalf("row %d has more edges than its %d options", row, len(own))
			}
		}
	}
}

// structured returns g with its edges in Structures.
func structured(t *testing.T, s *hetero.Schema, g hetero.Graph) (out hetero.Graph) {
	s.Codec().Copy(&out, g)
	for i := range out.Edges {
		e := &out.Edges[i]
		var err error
		if s.Edges[i].From == s.Edges[i].To {
			e.Structure, err = gnn.NewGraph(g.Count(s.Edges[i].From), e.Index())
		} else {
			e.Structure, err = gnn.NewBipartite(g.Count(s.Edges[i].From), g.Count(s.Edges[i].To), e.Index())
		}
		if err != nil {
			t.Fatal(err)
		}
		e.Src, e.Dst = nil, nil
	}
	return out
}

// Edges in a Structure compute the same, bit for bit, even in a batch with others without.
func TestStructure(t *testing.T) {
	rand := rl.NewRand(4, 4)
	for name, choose := range choices {
		s := schema(choose)
		model, err := hetero.NewModel(s, hetero.Config{Hidden: 8, Layers: 2, ScoreGain: 1, Value: true}, rl.NewRand(1, 1))
		if err != nil {
			t.Fatal(err)
		}
		for range 20 {
			a, b := random(&s, rand), random(&s, rand)
			a.Allowed = make([]bool, len(a.Edges[0].Src))
			if name != "one edge" && name != "edge per source" {
				a.Allowed = nil
			}
			sa, sb := structured(t, &s, a), structured(t, &s, b)
			plain, want := scoresOf(t, model, a, b)
			for _, batch := range [][]hetero.Graph{{sa, sb}, {sa, b}, {a, sb}} {
				c, z := scoresOf(t, model, batch...)
				same := slices.Equal(z, want)
				for row, group := range plain.Choices.Rows(0) {
					_, allowed := plain.Choices.OfGroup(int(group), want)
					_, got := c.Choices.OfGroup(int(c.Choices.Rows(0)[row]), z)
					same = same && slices.Equal(got, allowed)
				}
				if !same {
					t.Fatalf("%s: scores %v, without Structures %v", name, z, want)
				}
			}
		}
	}
	s := schema(choices["one edge"])
	g := random(&s, rand)
	for want, change := range map[string]func(g *hetero.Graph){
		"want either a Structure": func(g *hetero.Graph) { g.Edges[0].Src = []int32{0} },
		"0 graphs":                func(g *hetero.Graph) { g.Edges[0].Structure = new(gnn.Graph) },
		"Bipartite is false":      func(g *hetero.Graph) { g.Edges[0].Structure = g.Edges[1].Structure },
		"sources and":             func(g *hetero.Graph) { g.AddNode("job", 1, 1) },
		"which have a Structure":  func(g *hetero.Graph) { g.AddEdge("runs", 0, 0, 1) },
	} {
		bad := structured(t, &s, g)
		change(&bad)
		if err := bad.Check(&s); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", want, err)
		}
	}
}

func TestCodec(t *testing.T) {
	s := schema(hetero.OneEdge("runs"))
	rltest.Codec(t, s.Codec(), func(r *rl.Rand) hetero.Graph {
		g := random(&s, r)
		if r.IntN(2) == 0 {
			g.Allowed = make([]bool, len(g.Edges[0].Src))
		}
		if r.IntN(2) == 0 {
			g = structured(t, &s, g)
		}
		return g
	})
}

func FuzzCodec(f *testing.F) {
	s := schema(hetero.OneEdge("runs"))
	rltest.FuzzCodec(f, s.Codec())
}

func TestErrors(t *testing.T) {
	good := schema(hetero.OneEdge("runs"))
	if err := good.Check(); err != nil {
		t.Fatal(err)
	}
	for want, change := range map[string]func(*hetero.Schema){
		"used twice":               func(s *hetero.Schema) { s.Nodes[1].Name = "job" },
		"0 features":               func(s *hetero.Schema) { s.Nodes[0].Features = 0 },
		"-1 features":              func(s *hetero.Schema) { s.Edges[0].Features = -1 },
		`unknown node type "tool"`: func(s *hetero.Schema) { s.Edges[0].To = "tool" },
		`unknown edge type "x"`:    func(s *hetero.Schema) { s.Choose = hetero.OneEdge("x") },
		"Choose is not set":        func(s *hetero.Schema) { s.Choose = hetero.Choice{} },
	} {
		s := schema(hetero.OneEdge("runs"))
		change(&s)
		if _, err := hetero.NewModel(s, hetero.DefaultConfig(), rl.NewRand(1, 1)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", want, err)
		}
	}
	for want, build := range map[string]func(g *hetero.Graph){
		"with 1 features, want 2": func(g *hetero.Graph) { g.AddNode("job", 1) },
		`"tool"`:                  func(g *hetero.Graph) { g.AddNode("tool", 1) },
		"from job 7 of 0":         func(g *hetero.Graph) { g.AddEdge("runs", 7, 0, 1) },
		"is NaN":                  func(g *hetero.Graph) { g.AddNode("job", 1, float32(math.NaN())) },
		"mask of 1 for 0 options": func(g *hetero.Graph) { g.Allowed = []bool{true} },
	} {
		var g hetero.Graph
		g.Reset(&good)
		build(&g)
		if err := g.Check(&good); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", want, err)
		}
	}
	var zero hetero.Graph
	zero.AddNode("job", 1, 2)
	if err := zero.Check(&good); err == nil || !strings.Contains(err.Error(), "before Reset") {
		t.Errorf("AddNode before Reset: %v", err)
	}
	if _, err := hetero.NewBipartiteModel(good, hetero.BipartiteConfig{Hidden: 4}, rl.NewRand(1, 1)); err == nil {
		t.Error("a bipartite model of two edge types: no error")
	}
	if _, err := hetero.NewModel(good, hetero.Config{Hidden: -1, ScoreGain: 1}, rl.NewRand(1, 1)); err == nil {
		t.Error("Hidden -1: no error")
	}
}

// One schema serves DROO, with rows of different lengths and masks, and a yes or no per node.
func TestDROO(t *testing.T) {
	for _, name := range []string{"edge per source", "each node", "one node"} {
		s := schema(choices[name])
		// The best decision is each row's first choice (job kept) or machine 0.
		critic := droo.CriticFunc[hetero.Graph](func(_ hetero.Graph, d []int32) (float64, error) {
			sum := 0.0
			for _, c := range d {
				sum -= float64(c)
			}
			return sum, nil
		})
		cfg := hetero.DefaultDROOConfig(1)
		cfg.General.Hidden, cfg.Learner.BatchSize, cfg.Learner.Candidates = 8, 16, 8
		learner, err := hetero.NewDROO(s, critic, cfg)
		if err != nil {
			t.Fatal(err)
		}
		rand := rl.NewRand(5, 5)
		for range 60 {
			g := random(&s, rand)
			d, err := learner.Step(g)
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			want := 1
			if name != "one node" {
				want = g.Count("job")
			}
			if len(d) != want {
				t.Fatalf("%s: a decision of %d rows, want %d", name, len(d), want)
			}
		}
	}
}

// A row without an option that is allowed is an error that says where and what to do, and leaves
// the learner as it was.
func TestRowWithoutOptions(t *testing.T) {
	s := hetero.Schema{
		Nodes:  []hetero.NodeType{{Name: "job", Features: 1}, {Name: "machine", Features: 1}},
		Edges:  []hetero.EdgeType{{Name: "runs", From: "job", To: "machine"}},
		Choose: hetero.EdgePerSource("runs"),
	}
	critic := droo.CriticFunc[hetero.Graph](func(hetero.Graph, []int32) (float64, error) { return 0, nil })
	learner, err := hetero.NewDROO(s, critic, hetero.DefaultDROOConfig(1))
	if err != nil {
		t.Fatal(err)
	}
	var g hetero.Graph
	for number, allowed := range [][]bool{{true, true}, {false, true}, {true, false}, {true}} {
		g.Reset(&s)
		g.AddNode("machine", 1)
		for range 2 {
			g.AddNode("job", 1)
		}
		for job := range allowed {
			g.AddEdge("runs", job, 0)
		}
		g.Allowed = allowed
		_, err := learner.Step(g)
		if number == 0 {
			if err != nil {
				t.Fatal(err)
			}
			continue
		}
		options := 1
		if len(allowed) == 1 {
			options = 0
		}
		row := slices.Index(append(allowed, false), false)
		want := fmt.Sprintf("observation %d since the start, row %d: no action is allowed of its %d options: add one", number, row, options)
		if !errors.Is(err, rl.ErrNoAction) || !strings.Contains(err.Error(), want) {
			t.Errorf("mask %v: %v, want %q", allowed, err, want)
		}
	}
}

// The zero values of the networks' configurations are the defaults.
func TestZeroConfigs(t *testing.T) {
	s := hetero.Schema{
		Nodes:  []hetero.NodeType{{Name: "job", Features: 1}, {Name: "machine", Features: 1}},
		Edges:  []hetero.EdgeType{{Name: "runs", From: "job", To: "machine", Features: 1}},
		Choose: hetero.OneEdge("runs"),
	}
	weights := func(model rl.Model[hetero.Graph], err error) (all []float32) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range model.Params() {
			all = append(all, p.Data()...)
		}
		return all
	}
	bipartite := func(cfg hetero.BipartiteConfig) []float32 {
		return weights(hetero.NewBipartiteModel(s, cfg, rl.NewRand(1, 1)))
	}
	general := func(cfg hetero.Config) []float32 { return weights(hetero.NewModel(s, cfg, rl.NewRand(1, 1))) }
	if !slices.Equal(bipartite(hetero.BipartiteConfig{}), bipartite(hetero.DefaultBipartiteConfig())) {
		t.Error("the zero BipartiteConfig is not the default")
	}
	if !slices.Equal(bipartite(hetero.BipartiteConfig{Rounds: 2}), bipartite(hetero.BipartiteConfig{Hidden: 16, Rounds: 2})) {
		t.Error("a BipartiteConfig without Hidden does not have the default width")
	}
	if !slices.Equal(general(hetero.Config{}), general(hetero.DefaultConfig())) {
		t.Error("the zero Config is not the default")
	}
}
