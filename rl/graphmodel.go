package rl

import (
	"errors"
	"fmt"

	"github.com/graphrl/graphrl/gnn"
	"github.com/graphrl/graphrl/internal/validate"
	"github.com/graphrl/graphrl/nn"
	"gorgonia.org/gorgonia"
)

// Choice is what an action of a graph problem is.
type Choice uint8

// What an action chooses.
const (
	ChooseNode Choice = iota // action i is node i
	ChooseEdge               // action e is edge e of the graph's edge list
)

// GraphConfig describes a GraphModel. DefaultGraphConfig returns the defaults that the comments
// name.
type GraphConfig struct {
	// NodeFeatures and EdgeFeatures are the numbers of features of each node and edge. No default;
	// edges may have none.
	NodeFeatures, EdgeFeatures int
	// Choose says what an action is. Default ChooseNode.
	Choose Choice
	// Hidden is the width of all hidden layers. Default 64.
	Hidden int
	// Layers is the number of rounds of messages: how many edges away a node sees. Default 3.
	Layers int
	// Aggregation is how messages become one: gnn.Sum or gnn.Mean. A mean keeps its scale on graphs
	// of other degrees than those of training, but cannot count. Default gnn.Mean.
	Aggregation gnn.Aggregation
	// ScoreGain scales the initial weights of the last layer of the scores. Default 0.01: a policy
	// begins close to uniform. Action values want 1.
	ScoreGain float64
	// Value is the critic. Default SharedValue.
	Value ValueHead
}

// DefaultGraphConfig returns the defaults for a number of features of nodes and edges.
func DefaultGraphConfig(nodeFeatures, edgeFeatures int) GraphConfig {
	return GraphConfig{
		NodeFeatures: nodeFeatures,
		EdgeFeatures: edgeFeatures,
		Hidden:       64,
		Layers:       3,
		Aggregation:  gnn.Mean,
		ScoreGain:    0.01,
		Value:        SharedValue,
	}
}

// Check reports the fields that make no sense.
func (c GraphConfig) Check() error {
	check := validate.Fields{Name: "rl: graph model"}
	check.Want(c.NodeFeatures >= 1, "NodeFeatures is %d, want at least 1", c.NodeFeatures)
	check.Want(c.EdgeFeatures >= 0, "EdgeFeatures is %d, want at least 0", c.EdgeFeatures)
	check.Want(c.Choose <= ChooseEdge, "Choose is %d, which is no choice", c.Choose)
	check.Want(c.Hidden >= 1, "Hidden is %d, want at least 1", c.Hidden)
	check.Want(c.Layers >= 0, "Layers is %d, want at least 0", c.Layers)
	check.Want(c.Aggregation == gnn.Sum || c.Aggregation == gnn.Mean, "Aggregation is %v, want sum or mean", c.Aggregation)
	check.Positive("ScoreGain", c.ScoreGain)
	check.Want(c.Value <= SharedValue, "Value is %d, which is no critic", c.Value)
	return check.Err()
}

// GraphModel is a graph network that chooses one node or one edge of graphs of any size. Since it
// treats all nodes alike, it can be trained on small graphs and used on larger ones.
//
//	h = relu(x W)                                          embed each node
//	h = h + relu([h, agg of messages from neighbours] W)   Layers times (gnn.EdgeMessage)
//	h = relu([h, mean of h over the graph] W)              what the graph as a whole is like
//	score of a node = h w, or of an edge = gnn.EdgeScorer
//	value = perceptron of the mean of h over the graph
type GraphModel struct {
	cfg    GraphConfig
	body   graphBody
	critic *graphBody // of a separate critic
	node   *nn.Linear
	edge   *gnn.EdgeScorer
	value  []*nn.Linear
}

// graphBody embeds nodes.
type graphBody struct {
	embed   *nn.Linear
	message []*gnn.EdgeMessage
	update  []*nn.Linear
	context *nn.Linear
}

// NewGraphModel returns a model whose initial weights are drawn from rand.
func NewGraphModel(cfg GraphConfig, rand *Rand) (*GraphModel, error) {
	if err := cfg.Check(); err != nil {
		return nil, err
	}
	m := &GraphModel{cfg: cfg}
	body, err := newGraphBody("policy", cfg, rand)
	if err != nil {
		return nil, err
	}
	m.body = *body
	switch h := cfg.Hidden; cfg.Choose {
	case ChooseNode:
		m.node, err = newLinear("policy.score", h, 1, nn.None, cfg.ScoreGain, rand)
	case ChooseEdge:
		scorer := gnn.EdgeScorerConfig{In: h, EdgeDim: cfg.EdgeFeatures, Hidden: h}
		if m.edge, err = gnn.NewEdgeScorer("policy.score", scorer, rand.Rand); err == nil {
			nn.Orthogonal(cfg.ScoreGain)(nn.Matrix{Rows: h, Cols: 1, Data: m.edge.Out.Data()}, rand.Rand)
		}
	}
	if err != nil {
		return nil, err
	}
	if cfg.Value == SeparateValue {
		if m.critic, err = newGraphBody("value", cfg, rand); err != nil {
			return nil, err
		}
	}
	if cfg.Value != NoValue {
		hidden, err := newLinear("value.hidden", cfg.Hidden, cfg.Hidden, nn.ReLU, hiddenGain, rand)
		if err != nil {
			return nil, err
		}
		out, err := newLinear("value.out", cfg.Hidden, 1, nn.None, 1, rand)
		if err != nil {
			return nil, err
		}
		m.value = []*nn.Linear{hidden, out}
	}
	return m, nil
}

func newGraphBody(name string, cfg GraphConfig, rand *Rand) (*graphBody, error) {
	h, b := cfg.Hidden, new(graphBody)
	var err error
	if b.embed, err = newLinear(name+".embed", cfg.NodeFeatures, h, nn.ReLU, hiddenGain, rand); err != nil {
		return nil, err
	}
	for i := range cfg.Layers {
		layer := fmt.Sprintf("%s.%d", name, i)
		message, err := gnn.NewEdgeMessage(layer+".message",
			gnn.EdgeMessageConfig{In: h, EdgeDim: cfg.EdgeFeatures, Hidden: h, Agg: cfg.Aggregation}, rand.Rand)
		if err != nil {
			return nil, err
		}
		update, err := newLinear(layer+".update", 2*h, h, nn.ReLU, hiddenGain, rand)
		if err != nil {
			return nil, err
		}
		b.message, b.update = append(b.message, message), append(b.update, update)
	}
	b.context, err = newLinear(name+".context", 2*h, h, nn.ReLU, hiddenGain, rand)
	return b, err
}

func (b *graphBody) params() nn.Params {
	ps := b.embed.Params()
	for i := range b.message {
		ps = append(ps, b.message[i].Params()...)
		ps = append(ps, b.update[i].Params()...)
	}
	return append(ps, b.context.Params()...)
}

// forward adds the layers: features to embeddings of the nodes. The edge features may be nil.
func (b *graphBody) forward(graph, nodes, edges *gorgonia.Node) (*gorgonia.Node, error) {
	h, err := b.embed.Forward(nodes)
	if err != nil {
		return nil, err
	}
	for i := range b.message {
		heard, err := b.message[i].Forward(graph, h, h, edges)
		if err != nil {
			return nil, err
		}
		change, err := b.update[i].ForwardConcat(h, heard)
		if err != nil {
			return nil, err
		}
		if h, err = nn.Add(h, change); err != nil {
			return nil, err
		}
	}
	mean, err := gnn.Readout(graph, h, gnn.Mean)
	if err != nil {
		return nil, err
	}
	whole, err := gnn.Broadcast(graph, mean)
	if err != nil {
		return nil, err
	}
	return b.context.ForwardConcat(h, whole)
}

// Params implements Model.
func (m *GraphModel) Params() nn.Params {
	ps := m.body.params()
	if m.node != nil {
		ps = append(ps, m.node.Params()...)
	}
	if m.edge != nil {
		ps = append(ps, m.edge.Params()...)
	}
	if m.critic != nil {
		ps = append(ps, m.critic.params()...)
	}
	for _, l := range m.value {
		ps = append(ps, l.Params()...)
	}
	return ps
}

// Build implements Model.
func (m *GraphModel) Build() (*Network[GraphObservation], error) {
	in := &graphInput{cfg: m.cfg}
	if err := in.build(); err != nil {
		return nil, err
	}
	h, err := m.body.forward(in.graph, in.nodes, in.edges)
	if err != nil {
		return nil, err
	}
	net := &Network[GraphObservation]{Load: in.load}
	if m.node != nil {
		net.Scores, err = m.node.Forward(h)
	} else {
		net.Scores, err = m.edge.Forward(in.graph, h, h, in.edges)
	}
	if err != nil || m.cfg.Value == NoValue {
		return net, err
	}
	if m.critic != nil {
		if h, err = m.critic.forward(in.graph, in.nodes, in.edges); err != nil {
			return nil, err
		}
	}
	whole, err := gnn.Readout(in.graph, h, gnn.Mean)
	if err != nil {
		return nil, err
	}
	net.Value, err = forward(whole, m.value)
	return net, err
}

// graphInput are the inputs of one expression graph.
type graphInput struct {
	cfg                 GraphConfig
	graph, nodes, edges *gorgonia.Node // edges is nil without features

	batch              gnn.Graph
	graphs             []*gnn.Graph
	nodeRows, edgeRows nn.Buffer
}

func (in *graphInput) build() error {
	eg := gorgonia.NewGraph()
	var err error
	if in.graph, err = gnn.NewGraphInput(eg, "graph"); err != nil {
		return err
	}
	if in.nodes, err = nn.NewInput(eg, "nodes", in.cfg.NodeFeatures); err != nil {
		return err
	}
	if in.cfg.EdgeFeatures > 0 {
		in.edges, err = nn.NewInput(eg, "edges", in.cfg.EdgeFeatures)
	}
	return err
}

// load binds the batch of the observations' graphs.
func (in *graphInput) load(tape *nn.Tape, batch []GraphObservation, choices *Choices) error {
	in.graphs = in.graphs[:0]
	for i, obs := range batch {
		if err := in.check(obs); err != nil {
			return fmt.Errorf("rl: graph model: observation %d: %w", i, err)
		}
		in.graphs = append(in.graphs, obs.Graph)
		options := obs.Graph.NumDst()
		if in.cfg.Choose == ChooseEdge {
			options = obs.Graph.NumEdges()
		}
		allowed := obs.Allowed
		if len(allowed) == 0 {
			allowed = nil
		}
		if err := choices.Append(options, allowed); err != nil {
			return err
		}
	}
	if err := in.batch.SetBatch(in.graphs...); err != nil {
		return err
	}
	nodes := in.nodeRows.Resize(in.batch.NumDst(), in.cfg.NodeFeatures)
	edges := in.edgeRows.Resize(in.batch.NumEdges(), in.cfg.EdgeFeatures)
	for _, obs := range batch {
		nodes = nodes[copy(nodes, obs.Nodes):]
		edges = edges[copy(edges, obs.Edges):]
	}
	err := errors.Join(tape.Bind(in.graph, &in.batch), tape.Bind(in.nodes, in.nodeRows.Value()))
	if in.edges != nil && in.cfg.bindsEdges() {
		err = errors.Join(err, tape.Bind(in.edges, in.edgeRows.Value()))
	}
	return err
}

// bindsEdges reports whether anything looks at the edge features.
func (c GraphConfig) bindsEdges() bool { return c.Layers > 0 || c.Choose == ChooseEdge }

func (in *graphInput) check(obs GraphObservation) error {
	g := obs.Graph
	switch {
	case g == nil || g.Bipartite():
		return errors.New("want a graph that is not bipartite")
	case len(obs.Nodes) != g.NumDst()*in.cfg.NodeFeatures:
		return fmt.Errorf("%d features of %d nodes, want %d of each", len(obs.Nodes), g.NumDst(), in.cfg.NodeFeatures)
	case len(obs.Edges) != g.NumEdges()*in.cfg.EdgeFeatures:
		return fmt.Errorf("%d features of %d edges, want %d of each", len(obs.Edges), g.NumEdges(), in.cfg.EdgeFeatures)
	}
	return nil
}
