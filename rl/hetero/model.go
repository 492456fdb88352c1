package hetero

import (
	"errors"
	"fmt"

	"github.com/graphrl/graphrl/gnn"
	"github.com/graphrl/graphrl/internal/validate"
	"github.com/graphrl/graphrl/nn"
	"github.com/graphrl/graphrl/rl"
	"gorgonia.org/gorgonia"
)

// Config describes a Model. DefaultConfig returns the defaults that the comments name, and the zero
// value stands for them.
type Config struct {
	// Hidden is the width of all hidden layers. Default 64.
	Hidden int
	// Layers is the number of message passing rounds: a node sees that many edges far. Default 2.
	Layers int
	// Aggregation combines messages: gnn.Sum or gnn.Mean. A mean keeps its scale when degrees
	// change, but cannot count. Default gnn.Mean.
	Aggregation gnn.Aggregation
	// ScoreGain scales the initial weights of the last layer of the scores. Default 0.01: a policy
	// starts close to uniform. Use 1 for action values and DROO.
	ScoreGain float64
	// Value adds a critic on the same embeddings. Unset it for DROO and for DQN without Dueling.
	// Default true.
	Value bool
}

// DefaultConfig returns the defaults.
func DefaultConfig() Config {
	return Config{Hidden: 64, Layers: 2, Aggregation: gnn.Mean, ScoreGain: 0.01, Value: true}
}

// Check reports invalid fields.
func (c Config) Check() error {
	check := validate.Fields{Name: "hetero: model"}
	check.Want(c.Hidden >= 1, "Hidden is %d, want at least 1 (DefaultConfig has 64)", c.Hidden)
	check.Want(c.Layers >= 0, "Layers is %d, want at least 0", c.Layers)
	check.Want(c.Aggregation == gnn.Sum || c.Aggregation == gnn.Mean, "Aggregation is %v, want sum or mean", c.Aggregation)
	check.Positive("ScoreGain", c.ScoreGain)
	return check.Err()
}

// Model is a message passing network for the graphs of a schema, of any size. With T the type of
// node v and E(v) the edge types that reach T, in either direction unless they are directed, it
// computes
//
//	h_v   = relu(x_v A_T + a_T)
//	h_v  += relu([h_v, m_v,E for E in E(v)] B_T + b_T)          once per layer
//	m_v,E = mean over the edges e = (u, v) of relu(h_u U + h_v V + f_e W + c)
//	h_v   = relu([h_v, mean of h over the nodes of each type] C_T + c_T)
//
// It scores nodes by a linear layer and edges by gnn.EdgeScorer. The critic is a perceptron of the
// means of h. It implements rl.Model.
type Model struct {
	schema Schema
	cfg    Config
	nodes  []nodeLayers // [node types]
	edges  []edgeLayers // [edge types]
	node   *nn.Linear   // scores, if nodes are chosen
	edge   *gnn.EdgeScorer
	value  []*nn.Linear
}

type nodeLayers struct {
	embed   *nn.Linear
	update  []*nn.Linear // [layers]; nil where no messages arrive
	context *nn.Linear   // nil if neither scores nor the critic need it
}

type edgeLayers struct {
	forward, reverse []*gnn.EdgeMessage // [layers]; reverse is empty for directed edges
}

// NewModel returns a model whose initial weights are drawn from rand.
func NewModel(s Schema, cfg Config, rand *rl.Rand) (*Model, error) {
	if cfg == (Config{}) {
		cfg = DefaultConfig()
	}
	if err := errors.Join(s.Check(), cfg.Check()); err != nil {
		return nil, err
	}
	if rand == nil {
		return nil, errors.New("hetero: model: want a source of random numbers")
	}
	m := &Model{schema: s, cfg: cfg, nodes: make([]nodeLayers, len(s.Nodes)), edges: make([]edgeLayers, len(s.Edges))}
	mk := maker{cfg: cfg, rand: rand}
	h := cfg.Hidden
	for i, t := range s.Nodes {
		m.nodes[i].embed = mk.linear(t.Name+".embed", t.Features, h, nn.ReLU, hiddenGain)
	}
	for layer := range cfg.Layers {
		m.addRound(&mk, layer)
	}
	for i, t := range s.Nodes {
		if !cfg.Value && !s.scores(i) {
			continue // these nodes have no further use
		}
		m.nodes[i].context = mk.linear(t.Name+".context", (1+len(s.Nodes))*h, h, nn.ReLU, hiddenGain)
	}
	if s.Choose.kind == oneNode || s.Choose.kind == eachNode {
		m.node = mk.linear("score", h, 1, nn.None, cfg.ScoreGain)
	} else {
		m.edge = mk.scorer("score", s.Edges[s.edgeIndex(s.Choose.typeName)].Features)
	}
	if cfg.Value {
		m.value = []*nn.Linear{
			mk.linear("value.hidden", len(s.Nodes)*h, h, nn.ReLU, hiddenGain),
			mk.linear("value.out", h, 1, nn.None, 1),
		}
	}
	if mk.err != nil {
		return nil, fmt.Errorf("hetero: model: %w", mk.err)
	}
	return m, nil
}

// addRound adds the layers of one message passing round.
func (m *Model) addRound(mk *maker, layer int) {
	heard := make([]int, len(m.nodes)) // number of messages that arrive at each type
	for i, t := range m.schema.Edges {
		from, to := m.schema.ends(i)
		e := &m.edges[i]
		e.forward = append(e.forward, mk.message(fmt.Sprintf("%s.%d.forward", t.Name, layer), t.Features))
		heard[to]++
		if !t.Directed {
			e.reverse = append(e.reverse, mk.message(fmt.Sprintf("%s.%d.reverse", t.Name, layer), t.Features))
			heard[from]++
		}
	}
	for i, t := range m.schema.Nodes {
		if heard[i] > 0 {
			name := fmt.Sprintf("%s.%d.update", t.Name, layer)
			m.nodes[i].update = append(m.nodes[i].update, mk.linear(name, (1+heard[i])*m.cfg.Hidden, m.cfg.Hidden, nn.ReLU, hiddenGain))
		}
	}
}

// hiddenGain is the scale of initial weights of hidden layers, sqrt(2).
const hiddenGain = 1.4142135623730951

// maker creates layers and keeps the first error.
type maker struct {
	cfg  Config
	rand *rl.Rand
	err  error
}

func (mk *maker) linear(name string, in, out int, act nn.Activation, gain float64) *nn.Linear {
	l, err := nn.NewLinear(name, nn.LinearConfig{In: in, Out: out, Act: act, Init: nn.Orthogonal(gain)}, mk.rand.Rand)
	mk.err = errors.Join(mk.err, err)
	return l
}

func (mk *maker) message(name string, features int) *gnn.EdgeMessage {
	h := mk.cfg.Hidden
	l, err := gnn.NewEdgeMessage(name, gnn.EdgeMessageConfig{In: h, EdgeDim: features, Hidden: h, Agg: mk.cfg.Aggregation}, mk.rand.Rand)
	mk.err = errors.Join(mk.err, err)
	return l
}

func (mk *maker) scorer(name string, features int) *gnn.EdgeScorer {
	h := mk.cfg.Hidden
	l, err := gnn.NewEdgeScorer(name, gnn.EdgeScorerConfig{In: h, EdgeDim: features, Hidden: h}, mk.rand.Rand)
	if err != nil {
		mk.err = errors.Join(mk.err, err)
		return nil
	}
	nn.Orthogonal(mk.cfg.ScoreGain)(nn.Matrix{Rows: h, Cols: 1, Data: l.Out.Data()}, mk.rand.Rand)
	return l
}

// Params implements rl.Model.
func (m *Model) Params() nn.Params {
	var ps nn.Params
	for _, n := range m.nodes {
		ps = append(ps, n.embed.Params()...)
		for _, l := range n.update {
			ps = append(ps, l.Params()...)
		}
		if n.context != nil {
			ps = append(ps, n.context.Params()...)
		}
	}
	for _, e := range m.edges {
		for _, l := range append(append([]*gnn.EdgeMessage{}, e.forward...), e.reverse...) {
			ps = append(ps, l.Params()...)
		}
	}
	if m.node != nil {
		ps = append(ps, m.node.Params()...)
	}
	if m.edge != nil {
		ps = append(ps, m.edge.Params()...)
	}
	for _, l := range m.value {
		ps = append(ps, l.Params()...)
	}
	return ps
}

// Build implements rl.Model.
func (m *Model) Build() (*rl.Network[Graph], error) {
	in, err := newInputs(&m.schema)
	if err != nil {
		return nil, err
	}
	h := make([]*gorgonia.Node, len(m.nodes)) // embeddings of each node type
	for i := range h {
		if h[i], err = m.nodes[i].embed.Forward(in.nodes[i].features); err != nil {
			return nil, err
		}
	}
	for layer := range m.cfg.Layers {
		if err := m.exchange(in, h, layer); err != nil {
			return nil, err
		}
	}
	if err := m.addContext(in, h); err != nil {
		return nil, err
	}
	net := &rl.Network[Graph]{Load: in.load, Binary: m.schema.Choose.kind == eachNode}
	if net.Scores, err = m.scores(in, h); err != nil || m.value == nil {
		return net, err
	}
	whole, err := m.means(in, h)
	if err != nil {
		return nil, err
	}
	if net.Value, err = m.value[0].ForwardConcat(whole...); err != nil {
		return nil, err
	}
	net.Value, err = m.value[1].Forward(net.Value)
	return net, err
}

// exchange adds one message passing round to the embeddings.
func (m *Model) exchange(in *inputs, h []*gorgonia.Node, layer int) error {
	heard := make([][]*gorgonia.Node, len(h))
	for i := range m.edges {
		from, to := m.schema.ends(i)
		e, layers := &in.edges[i], &m.edges[i]
		y, err := layers.forward[layer].Forward(e.forward, h[from], h[to], e.features)
		if err != nil {
			return err
		}
		heard[to] = append(heard[to], y)
		if len(layers.reverse) == 0 {
			continue
		}
		if y, err = layers.reverse[layer].Forward(e.reverse, h[to], h[from], e.features); err != nil {
			return err
		}
		heard[from] = append(heard[from], y)
	}
	for i := range h {
		if len(heard[i]) == 0 {
			continue
		}
		change, err := m.nodes[i].update[layer].ForwardConcat(append([]*gorgonia.Node{h[i]}, heard[i]...)...)
		if err != nil {
			return err
		}
		if h[i], err = nn.Add(h[i], change); err != nil {
			return err
		}
	}
	return nil
}

// means returns the mean embeddings of each type's nodes [observations x hidden].
func (m *Model) means(in *inputs, h []*gorgonia.Node) ([]*gorgonia.Node, error) {
	means := make([]*gorgonia.Node, len(h))
	for i := range h {
		var err error
		if means[i], err = gnn.Readout(in.nodes[i].members, h[i], gnn.Mean); err != nil {
			return nil, err
		}
	}
	return means, nil
}

// addContext adds the mean embeddings of the whole graph to every node.
func (m *Model) addContext(in *inputs, h []*gorgonia.Node) error {
	means, err := m.means(in, h)
	if err != nil {
		return err
	}
	for i := range h {
		if m.nodes[i].context == nil {
			continue
		}
		parts := []*gorgonia.Node{h[i]}
		for _, mean := range means {
			whole, err := gnn.Broadcast(in.nodes[i].members, mean)
			if err != nil {
				return err
			}
			parts = append(parts, whole)
		}
		if h[i], err = m.nodes[i].context.ForwardConcat(parts...); err != nil {
			return err
		}
	}
	return nil
}

// scores adds the score of each option.
func (m *Model) scores(in *inputs, h []*gorgonia.Node) (*gorgonia.Node, error) {
	if m.node != nil {
		return m.node.Forward(h[m.schema.nodeIndex(m.schema.Choose.typeName)])
	}
	i := m.schema.edgeIndex(m.schema.Choose.typeName)
	from, to := m.schema.ends(i)
	return m.edge.Forward(in.edges[i].forward, h[from], h[to], in.edges[i].features)
}
