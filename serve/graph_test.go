package serve

import (
	"fmt"
	"math"
	"runtime"
	"slices"
	"strings"
	"testing"

	"connectrpc.com/connect"
	"github.com/graphrl/graphrl/checkpoints"
	"github.com/graphrl/graphrl/rl"
	"github.com/graphrl/graphrl/rl/droo"
	"github.com/graphrl/graphrl/rl/hetero"
	"github.com/graphrl/graphrl/serve/servepb"
)

// heap is the memory in use after a collection.
func heap() uint64 {
	runtime.GC()
	runtime.GC()
	var s runtime.MemStats
	runtime.ReadMemStats(&s)
	return s.HeapAlloc
}

// senders is a task of another kind: senders on a shared channel, which disturb their neighbours.
func senders() hetero.Schema {
	return hetero.Schema{
		Nodes:  []hetero.NodeType{{Name: "sender", Features: 1}},
		Edges:  []hetero.EdgeType{{Name: "disturbs", From: "sender", To: "sender"}},
		Choose: hetero.EachNode("sender"),
	}
}

// ring is a request: senders in a circle.
func ring(n int) *servepb.Graph {
	g := &servepb.Graph{Nodes: []*servepb.Nodes{{Type: "sender", Count: uint32(n)}}, Edges: []*servepb.Edges{{Type: "disturbs"}}}
	for i := range n {
		g.Nodes[0].Features = append(g.Nodes[0].Features, 0.5+0.2*float32(i%2))
		g.Edges[0].Source, g.Edges[0].Target = append(g.Edges[0].Source, uint32(i)), append(g.Edges[0].Target, uint32((i+1)%n))
	}
	return g
}

// waiting decides when a channel is closed.
type waiting chan struct{}

func (w waiting) Decide(g hetero.Graph) ([]int32, float64, error) {
	<-w
	return make([]int32, g.Nodes[0].Count), 0, nil
}

func worth(g hetero.Graph, sends []int32) (float64, error) {
	sum := 0.0
	for i, x := range sends {
		sum += float64(x) * float64(g.Node("sender", i)[0])
	}
	for e := range g.Edges[0].Src {
		if i, j := g.Edge("disturbs", e); sends[i] == 1 && sends[j] == 1 {
			sum--
		}
	}
	return sum, nil
}

// trainedSenders is the state of a learner that has learned to send on small rings.
func trainedSenders(t *testing.T) (*checkpoints.State, hetero.DROOConfig) {
	t.Helper()
	s := senders()
	cfg := hetero.DefaultDROOConfig(1)
	cfg.Learner.Candidates = 16
	learner, err := hetero.NewDROO(s, droo.CriticFunc[hetero.Graph](worth), cfg)
	if err != nil {
		t.Fatal(err)
	}
	rand := rl.NewRand(1, 9)
	var g hetero.Graph
	for range 600 {
		n := 4 + rand.IntN(5)
		g.Reset(&s)
		for range n {
			g.AddNode("sender", 0.4+0.4*rand.Float32())
		}
		for i := range n {
			g.AddEdge("disturbs", i, (i+1)%n)
		}
		if _, err := learner.Step(g); err != nil {
			t.Fatal(err)
		}
	}
	state := checkpoints.NewState()
	if err := learner.SaveState(state); err != nil {
		t.Fatal(err)
	}
	return state, cfg
}

// A policy of another task is served as its learner decides: with the critic by candidates, without
// it by the scores of the network alone, on graphs of sizes never trained with. Where it cannot
// decide, its rule does.
func TestServesGraphs(t *testing.T) {
	state, cfg := trainedSenders(t)
	s := senders()
	withCritic := GraphConfig{Version: "1", Method: "DROO", Schema: s, Open: func() (GraphDecider, error) {
		p, err := hetero.LoadDROO(state, s, droo.CriticFunc[hetero.Graph](worth), cfg)
		return PolicyDecider(p), err
	}}
	withoutCritic := GraphConfig{Version: "1", Method: "network", Schema: s, Open: func() (GraphDecider, error) {
		general := cfg.General
		general.Value = false
		m, err := hetero.NewModel(s, general, rl.NewRand(1, 0))
		if err != nil {
			return nil, err
		}
		return NetworkDecider(state, m)
	}}
	fails := GraphConfig{Version: "1", Method: "none", Schema: s, Open: func() (GraphDecider, error) { return failing{}, nil }}
	var policies []Policy
	for _, c := range []GraphConfig{withCritic, withoutCritic, fails} {
		policies = append(policies, Policy{Name: c.Method, Graph: func() (*GraphModel, error) { return NewGraphModel(c) }})
	}
	r := run(t, Config{Policies: policies})
	client := r.grpc(t)
	decide := func(policy string, g *servepb.Graph) (*servepb.DecideResponse, error) {
		out, err := client.Decide(t.Context(), connect.NewRequest(&servepb.DecideRequest{Policy: policy, Observation: &servepb.DecideRequest_Graph{Graph: g}}))
		if err != nil {
			return nil, err
		}
		return out.Msg, nil
	}
	var want []int32
	for i := range 12 {
		want = append(want, int32(i%2))
	}
	for policy, value := range map[string]float64{"DROO": 6 * 0.7, "network": 0} {
		out, err := decide(policy, ring(12))
		if err != nil || !slices.Equal(out.Choices, want) || out.Fallback != 0 || math.Abs(out.Value-value) > 1e-6 {
			t.Errorf("%s: %v, error %v, want %v of value %v", policy, out, err, want, value)
		}
	}
	odd := ring(4)
	odd.Nodes[0].Features[2] = float32(math.NaN())
	for _, c := range []struct {
		policy string
		g      *servepb.Graph
		want   servepb.Fallback
	}{{"DROO", odd, servepb.Fallback_FALLBACK_INVALID_VALUE}, {"none", ring(4), servepb.Fallback_FALLBACK_POLICY_FAILED}} {
		out, err := decide(c.policy, c.g)
		if err != nil || out.Fallback != c.want || !slices.Equal(out.Choices, make([]int32, 4)) {
			t.Errorf("%v, error %v, want %v", out, err, c.want)
		}
	}
	for want, change := range map[string]func(*servepb.Graph){
		"no such type":               func(g *servepb.Graph) { g.Nodes[0].Type = "x" },
		"not all have":               func(g *servepb.Graph) { g.Nodes[0].Count = 4_000_000_000 },
		"leads from sender 2 of 3":   func(g *servepb.Graph) { g.Edges[0].Target[2] = 3 },
		"3 sources and 2 targets":    func(g *servepb.Graph) { g.Edges[0].Target = g.Edges[0].Target[:2] },
		"leads from node 4294967295": func(g *servepb.Graph) { g.Edges[0].Source[0] = math.MaxUint32 },
		"a mask of 1 for 3 options":  func(g *servepb.Graph) { g.Allowed = []bool{true} },
	} {
		g := ring(3)
		change(g)
		if _, err := decide("DROO", g); connect.CodeOf(err) != connect.CodeInvalidArgument || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
}

type failing struct{}

func (failing) Decide(hetero.Graph) ([]int32, float64, error) { return nil, 0, fmt.Errorf("broken") }
