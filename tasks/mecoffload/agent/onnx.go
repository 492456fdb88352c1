package agent

import (
	"fmt"
	"math"

	"github.com/graphrl/graphrl/gnn/onnx"
	"github.com/graphrl/graphrl/rl"
	"github.com/graphrl/graphrl/tasks/mecoffload"
)

// ONNX returns the policy's actor as an ONNX model, which takes an observation in units and decides
// by the actor alone: each device gets the option with the highest score. The critic, which chooses
// among candidates of the actor in [Policy.Decide], is not part of the model.
//
// Inputs, float64 (M devices, N servers; see [mecoffload.Observation]):
//
//	bits, deadline     [M]      bit, s
//	rate               [M x N]  bit/s; 0: out of reach, for graph actors
//	capacity, backlog  [N]      share, s
//
// Outputs:
//
//	server, exit  [M]          int64; exits count from 1
//	scores        [M x N x L]  float32, of the exits that the method uses; -Inf out of reach
//
// The model of a graph actor takes any M and N, that of a perceptron those of its scenario, device i
// being the one with the ID i: give an absent one no bits, an infinite deadline and rates of 1.
func (p *Policy) ONNX() ([]byte, error) {
	if p.network == nil {
		return nil, fmt.Errorf("mecoffload: %s: only a policy of LoadPolicy can be exported", p.method)
	}
	model, err := p.onnx()
	if err != nil {
		return nil, fmt.Errorf("mecoffload: %s: %w", p.method, err)
	}
	return model, nil
}

func (p *Policy) onnx() ([]byte, error) {
	b := onnx.NewBuilder()
	devices, servers := p.network.places()
	x := &onnxFeatures{
		Builder: b, f: newFeaturizer(p.scenario, p.view.profile),
		bits: b.Input("bits", onnx.Double, devices), deadline: b.Input("deadline", onnx.Double, devices),
		rate:     b.Input("rate", onnx.Double, devices, servers),
		capacity: b.Input("capacity", onnx.Double, servers), backlog: b.Input("backlog", onnx.Double, servers),
	}
	scores, err := p.network.onnx(x)
	if err != nil {
		return nil, err
	}
	exits, first := int64(p.view.profile.Exits()), int64(1)
	if !p.view.all() {
		first = int64(p.view.exits)
	}
	flat := b.Op("Reshape", scores, b.Join(0, b.Rows(x.bits), b.Op("Mul", b.Rows(x.capacity), b.Ints(exits))))
	best := b.OpWith("ArgMax", onnx.Attrs{"axis": 1, "keepdims": 0}, flat)
	exit := b.Op("Mod", best, b.Ints(exits))
	b.Output("server", b.Op("Div", b.Op("Sub", best, exit), b.Ints(exits)), onnx.Int64, devices)
	b.Output("exit", b.Op("Add", exit, b.Ints(first)), onnx.Int64, devices)
	b.Output("scores", scores, onnx.Float, devices, servers, int(exits))
	return b.Model()
}

// exportable is a network that can be part of a model.
type exportable interface {
	rl.Model[mecoffload.Observation]
	// places returns the numbers of devices and servers, or names for numbers that may change.
	places() (devices, servers any)
	// onnx adds the scores [M x N x L] of an observation.
	onnx(x *onnxFeatures) (string, error)
}

// onnxFeatures writes the computations of a featurizer as ONNX nodes, in float64.
type onnxFeatures struct {
	*onnx.Builder
	f                                       *featurizer
	bits, deadline, rate, capacity, backlog string
}

func (x *onnxFeatures) cut(v string) string {
	return x.Cast(x.Op("Min", v, x.Doubles(maxRatio)), onnx.Float)
}

// times returns tau of each server [N x L].
func (x *onnxFeatures) times() string {
	kinds, exits := int64(len(x.f.profile.Servers)), int64(x.f.profile.Exits())
	all := x.Reshape(x.Doubles(x.f.times...), kinds, exits)
	kind := x.Op("Mod", x.UpTo(x.Rows(x.capacity)), x.Ints(kinds))
	return x.OpWith("Gather", onnx.Attrs{"axis": 0}, all, kind)
}

// stack makes a last axis of values of one shape, and matrices of all but that axis.
func (x *onnxFeatures) stack(axis int, values ...string) string {
	for i, v := range values {
		values[i] = x.Unsqueeze(int64(axis), v)
	}
	return x.Reshape(x.Join(axis, values...), -1, int64(len(values)))
}

// places implements exportable.
func (n *graphNet) places() (devices, servers any) { return "devices", "servers" }

// onnx implements exportable. Features of edges are those of all devices and servers; then the
// ones out of reach go.
func (n *graphNet) onnx(x *onnxFeatures) (string, error) {
	net, err := n.Build()
	if err != nil {
		return "", err
	}
	exits := int64(x.f.profile.Exits())
	reach := x.Op("Greater", x.rate, x.Doubles(0)) // [M x N]
	x.Bind("device", x.devices(reach))
	x.Bind("option", x.options())
	link := x.Reshape(x.Op("NonZero", x.Reshape(x.Cast(reach, onnx.Int64), -1)), -1) // numbers of pairs [E]
	edges := x.OpWith("Gather", onnx.Attrs{"axis": 0}, x.edges(), link)
	x.Bind("edge", x.Reshape(edges, -1, edgeFeatures))

	pairs := x.Unsqueeze(1, link)
	servers, each := x.Rows(x.capacity), make([]int64, exits) // 0, 1, ..., L-1
	for l := range each {
		each[l] = int64(l)
	}
	server := x.Op("Mod", pairs, servers)
	device := x.Op("Div", x.Op("Sub", pairs, server), servers)
	option := x.Reshape(x.Op("Add", x.Op("Mul", server, x.Ints(exits)), x.Ints(each...)), -1)
	device = x.Reshape(x.Op("Add", device, x.Ints(make([]int64, exits)...)), -1)
	x.Bind("devices_to_options_edge_src", device)
	x.Bind("devices_to_options_edge_dst", option)
	x.Bind("options_to_devices_edge_src", option)
	x.Bind("options_to_devices_edge_dst", device)

	devices := x.Rows(x.bits)
	none := x.Filled(x.Join(0, x.Op("Mul", devices, servers), x.Ints(exits)), float32(math.Inf(-1)))
	scores := x.Op("ScatterND", none, pairs, x.Reshape(x.Network(net.Scores), -1, exits))
	return x.Op("Reshape", scores, x.Join(0, devices, servers, x.Ints(exits))), nil
}

// devices are the features of devices [M x 4]; see featurizer.graph.
func (x *onnxFeatures) devices(reach string) string {
	arrive := x.Op("Div", x.Unsqueeze(1, x.bits), x.rate)
	over := func(op, v string, axis int64) string {
		return x.OpWith(op, onnx.Attrs{"keepdims": 0}, v, x.Ints(axis))
	}
	nearest := over("ReduceMin", x.Op("Where", reach, arrive, x.Doubles(math.Inf(1))), 1)
	links := over("ReduceSum", x.Cast(reach, onnx.Double), 1)
	mean := x.Op("Div", over("ReduceSum", x.Op("Where", reach, arrive, x.Doubles(0)), 1), links)
	perDeadline := x.Op("Div", x.Doubles(1), x.deadline)
	perSlot := x.Doubles(1 / x.f.slot)
	return x.stack(1, x.cut(x.Op("Mul", perDeadline, x.Doubles(x.f.slot))), x.cut(x.Op("Mul", nearest, perDeadline)),
		x.cut(x.Op("Mul", mean, perDeadline)), x.cut(x.Op("Mul", mean, perSlot)))
}

// options are the features of options [N*L x 4].
func (x *onnxFeatures) options() string {
	tau, slot := x.times(), x.Doubles(x.f.slot)
	shape := x.Op("Shape", tau)
	all := func(v string) string { return x.Op("Expand", v, shape) }
	capacity := x.Unsqueeze(1, x.capacity)
	return x.stack(2,
		x.cut(x.Op("Div", x.Op("Div", tau, capacity), slot)),
		all(x.cut(x.Op("Div", x.Unsqueeze(1, x.backlog), slot))),
		all(x.Cast(x.Doubles(x.f.profile.Accuracy...), onnx.Float)),
		all(x.Cast(capacity, onnx.Float)))
}

// edges are the features of each device, server and exit [M*N x L*4].
func (x *onnxFeatures) edges() string {
	deep := func(v string) string { return x.Unsqueeze(2, v) }
	deadline := x.Unsqueeze(1, x.deadline)
	perDeadline := x.Op("Div", x.Doubles(1), deadline)
	arrive := x.Op("Div", x.Unsqueeze(1, x.bits), x.rate)
	start := x.Op("Max", arrive, x.backlog)
	slower := x.Op("Div", x.Doubles(1), x.Unsqueeze(1, x.capacity))
	finish := x.Op("Add", deep(start), x.Op("Mul", x.times(), slower)) // [M x N x L]
	left := x.Op("Max", x.Op("Sub", finish, x.Doubles(x.f.slot)), x.Doubles(0))
	features := x.stack(3,
		x.Op("Expand", deep(x.cut(x.Op("Mul", arrive, perDeadline))), x.Op("Shape", finish)),
		x.cut(x.Op("Mul", finish, deep(perDeadline))),
		x.Cast(x.Op("LessOrEqual", finish, deep(deadline)), onnx.Float),
		x.cut(x.Op("Mul", left, x.Doubles(1/x.f.slot))))
	return x.Reshape(features, -1, int64(x.f.profile.Exits()*edgeFeatures))
}

// places implements exportable.
func (n *mlpNet) places() (devices, servers any) { return n.devices, n.servers }

// onnx implements exportable; see featurizer.flat.
func (n *mlpNet) onnx(x *onnxFeatures) (string, error) {
	net, err := n.Build()
	if err != nil {
		return "", err
	}
	slot, deadline := x.Doubles(x.f.slot), x.Unsqueeze(1, x.deadline)
	arrive := x.Op("Div", x.Unsqueeze(1, x.bits), x.rate)
	pairs := x.stack(2, x.cut(x.Op("Div", arrive, slot)), x.cut(x.Op("Div", arrive, deadline)))
	own := x.Join(1, x.cut(x.Op("Div", slot, deadline)), x.Reshape(pairs, int64(n.devices), int64(2*n.servers)))
	last := make([]float64, n.servers) // time of the last exit
	for s := range last {
		nominal := x.f.nominal(s)
		last[s] = nominal[len(nominal)-1]
	}
	servers := x.stack(1, x.Cast(x.capacity, onnx.Float), x.cut(x.Op("Div", x.backlog, slot)),
		x.cut(x.Op("Div", x.Op("Div", x.Doubles(last...), x.capacity), slot)))
	x.Bind("state", x.Join(1, x.Reshape(own, 1, -1), x.Reshape(servers, 1, -1)))
	return x.Reshape(x.Network(net.Scores), int64(n.devices), int64(n.servers), int64(x.f.profile.Exits())), nil
}
