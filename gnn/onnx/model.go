package onnx

import (
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"

	"github.com/graphrl/graphrl/gnn/onnx/onnxpb"
	"google.golang.org/protobuf/proto"
)

const irVersion, opset = 8, 18

// Type is the type of a tensor's entries.
type Type int32

// The types.
const (
	Float  = Type(onnxpb.TensorProto_FLOAT)
	Double = Type(onnxpb.TensorProto_DOUBLE)
	Int64  = Type(onnxpb.TensorProto_INT64)
	Bool   = Type(onnxpb.TensorProto_BOOL)
)

// Attrs are the attributes of an operator: values of type int, []int, float32, string or [Type].
type Attrs map[string]any

// Builder writes a model node by node. Values are known by their names. It is what [Export] writes
// with, and exported so that a model may also hold what goes on before and after a network: see
// [Builder.Bind] and [Builder.Network]. The first error is reported by [Builder.Model].
type Builder struct {
	graph *onnxpb.GraphProto
	count int
	err   error

	taken  map[string]bool   // names of inputs, parameters and outputs
	bound  map[string]string // by Bind
	memo   map[string]string // constants, and what is derived from a graph's structure
	values networkValues
}

// NewBuilder returns a builder of an empty model.
func NewBuilder() *Builder {
	return &Builder{
		graph: &onnxpb.GraphProto{Name: "graphrl"},
		taken: map[string]bool{}, bound: map[string]string{}, memo: map[string]string{},
		values: networkValues{},
	}
}

// Fail makes err the model's error unless there is one already.
func (b *Builder) Fail(err error) {
	if b.err == nil {
		b.err = err
	}
}

// Model returns the encoded model, or the first error.
func (b *Builder) Model() ([]byte, error) {
	if b.err != nil {
		return nil, b.err
	}
	if len(b.graph.Output) == 0 {
		return nil, errors.New("onnx: want at least one output")
	}
	return proto.MarshalOptions{Deterministic: true}.Marshal(&onnxpb.ModelProto{
		IrVersion: irVersion, ProducerName: "graphrl", Graph: b.graph,
		OpsetImport: []*onnxpb.OperatorSetIdProto{{Version: opset}},
	})
}

func (b *Builder) reserve(name string) {
	switch {
	case name == "":
		b.Fail(errors.New("onnx: an input or output needs a name"))
	case b.taken[name]:
		b.Fail(fmt.Errorf("onnx: two inputs, parameters or outputs are named %q: rename one", name))
	}
	b.taken[name] = true
}

// Input adds an input of the model. A dimension is an int, or a string that names a size which may
// change from run to run.
func (b *Builder) Input(name string, t Type, dims ...any) string {
	b.reserve(name)
	b.graph.Input = append(b.graph.Input, b.valueInfo(name, t, dims))
	return name
}

// Output makes a value an output of the model under a name of its own.
func (b *Builder) Output(name, value string, t Type, dims ...any) {
	b.reserve(name)
	b.node("Identity", nil, []string{value}, name)
	b.graph.Output = append(b.graph.Output, b.valueInfo(name, t, dims))
}

// Op adds a node and returns its result. The operators are those of opset 18
// (https://onnx.ai/onnx/operators).
func (b *Builder) Op(op string, in ...string) string { return b.OpWith(op, nil, in...) }

// OpWith is [Builder.Op] with attributes.
func (b *Builder) OpWith(op string, attrs Attrs, in ...string) string {
	out := b.fresh()
	b.node(op, attrs, in, out)
	return out
}

func (b *Builder) node(op string, attrs Attrs, in []string, out ...string) {
	n := &onnxpb.NodeProto{OpType: op, Input: in, Output: out}
	for _, name := range slices.Sorted(maps.Keys(attrs)) {
		n.Attribute = append(n.Attribute, b.attribute(name, attrs[name]))
	}
	b.graph.Node = append(b.graph.Node, n)
}

func (b *Builder) attribute(name string, v any) *onnxpb.AttributeProto {
	a := &onnxpb.AttributeProto{Name: name}
	switch v := v.(type) {
	case int:
		a.Type, a.I = onnxpb.AttributeProto_INT, int64(v)
	case Type:
		a.Type, a.I = onnxpb.AttributeProto_INT, int64(v)
	case []int:
		a.Type = onnxpb.AttributeProto_INTS
		for _, i := range v {
			a.Ints = append(a.Ints, int64(i))
		}
	case float32:
		a.Type, a.F = onnxpb.AttributeProto_FLOAT, v
	case string:
		a.Type, a.S = onnxpb.AttributeProto_STRING, []byte(v)
	case *onnxpb.TensorProto:
		a.Type, a.T = onnxpb.AttributeProto_TENSOR, v
	default:
		b.Fail(fmt.Errorf("onnx: attribute %q has type %T: want an int, []int, float32, string or Type", name, v))
	}
	return a
}

// Cast converts x.
func (b *Builder) Cast(x string, to Type) string { return b.OpWith("Cast", Attrs{"to": to}, x) }

// Join concatenates along an axis.
func (b *Builder) Join(axis int, in ...string) string {
	return b.OpWith("Concat", Attrs{"axis": axis}, in...)
}

// Reshape changes the shape of x; a 0 keeps the size that x has there, and -1 stands for the rest.
func (b *Builder) Reshape(x string, dims ...int64) string {
	return b.Op("Reshape", x, b.Ints(dims...))
}

// Unsqueeze adds an axis of size 1.
func (b *Builder) Unsqueeze(axis int64, x string) string {
	return b.Op("Unsqueeze", x, b.Ints(axis))
}

// Rows returns the size of x's first axis, [1].
func (b *Builder) Rows(x string) string {
	return b.OpWith("Shape", Attrs{"start": 0, "end": 1}, x)
}

// UpTo returns 0, 1, ... below n [1].
func (b *Builder) UpTo(n string) string {
	first := func(x string) string { return b.Op("Squeeze", x, b.Ints(0)) }
	return b.Op("Range", first(b.Ints(0)), first(n), first(b.Ints(1)))
}

// Filled returns a float tensor of the given shape with v everywhere.
func (b *Builder) Filled(shape string, v float32) string {
	return b.OpWith("ConstantOfShape", Attrs{"value": floats([]int{1}, v)}, shape)
}

// fresh returns a name that no input has: users' names would have to start with "%".
func (b *Builder) fresh() string { b.count++; return fmt.Sprintf("%%%d", b.count) }

// once returns what compute returned the first time for the key.
func (b *Builder) once(key string, compute func() string) string {
	if _, ok := b.memo[key]; !ok {
		b.memo[key] = compute()
	}
	return b.memo[key]
}

// constant adds t under the given name, or one of its own.
func (b *Builder) constant(name string, t *onnxpb.TensorProto) string {
	if t.Name = name; name == "" {
		t.Name = b.fresh()
	}
	b.graph.Initializer = append(b.graph.Initializer, t)
	return t.Name
}

// Ints returns the constant vector v.
func (b *Builder) Ints(v ...int64) string {
	return b.once(fmt.Sprintf("%%ints %v", v), func() string {
		t := &onnxpb.TensorProto{DataType: int32(Int64), Dims: []int64{int64(len(v))}}
		for _, i := range v {
			t.RawData = binary.LittleEndian.AppendUint64(t.RawData, uint64(i))
		}
		return b.constant("", t)
	})
}

// Float returns the constant v, [1].
func (b *Builder) Float(v float32) string {
	return b.once(fmt.Sprintf("%%float %v", v), func() string { return b.constant("", floats([]int{1}, v)) })
}

// Doubles returns the constant vector v.
func (b *Builder) Doubles(v ...float64) string {
	return b.once(fmt.Sprintf("%%doubles %v", v), func() string {
		t := &onnxpb.TensorProto{DataType: int32(Double), Dims: []int64{int64(len(v))}}
		for _, x := range v {
			t.RawData = binary.LittleEndian.AppendUint64(t.RawData, math.Float64bits(x))
		}
		return b.constant("", t)
	})
}

func floats(dims []int, v ...float32) *onnxpb.TensorProto {
	t := &onnxpb.TensorProto{DataType: int32(Float)}
	for _, d := range dims {
		t.Dims = append(t.Dims, int64(d))
	}
	for _, x := range v {
		t.RawData = binary.LittleEndian.AppendUint32(t.RawData, math.Float32bits(x))
	}
	return t
}

func (b *Builder) valueInfo(name string, t Type, dims []any) *onnxpb.ValueInfoProto {
	shape := &onnxpb.TensorShapeProto{}
	for _, d := range dims {
		dim := &onnxpb.TensorShapeProto_Dimension{}
		switch d := d.(type) {
		case int:
			dim.Value = &onnxpb.TensorShapeProto_Dimension_DimValue{DimValue: int64(d)}
		case string:
			dim.Value = &onnxpb.TensorShapeProto_Dimension_DimParam{DimParam: d}
		default:
			b.Fail(fmt.Errorf("onnx: %q: a dimension of type %T: want an int or a string", name, d))
		}
		shape.Dim = append(shape.Dim, dim)
	}
	return &onnxpb.ValueInfoProto{Name: name, Type: &onnxpb.TypeProto{Value: &onnxpb.TypeProto_TensorType{
		TensorType: &onnxpb.TypeProto_Tensor{ElemType: int32(t), Shape: shape},
	}}}
}
