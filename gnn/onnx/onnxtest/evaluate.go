package onnxtest

import (
	"encoding/binary"
	"fmt"
	"math"
	"slices"

	"github.com/graphrl/graphrl/gnn/onnx/onnxpb"
	"google.golang.org/protobuf/proto"
)

// Tensor is a tensor of any type, its entries as float64.
type Tensor struct {
	Shape []int
	Data  []float64
}

// Vector returns a tensor of one dimension.
func Vector[T int | int32 | float64](data ...T) Tensor {
	v := Tensor{Shape: []int{len(data)}}
	for _, x := range data {
		v.Data = append(v.Data, float64(x))
	}
	return v
}

func tensorOf(t *onnxpb.TensorProto) (v Tensor) {
	for _, d := range t.Dims {
		v.Shape = append(v.Shape, int(d))
	}
	order := binary.LittleEndian
	for raw := t.RawData; len(raw) > 0; {
		switch onnxpb.TensorProto_DataType(t.DataType) {
		case onnxpb.TensorProto_FLOAT:
			v.Data, raw = append(v.Data, float64(math.Float32frombits(order.Uint32(raw)))), raw[4:]
		case onnxpb.TensorProto_DOUBLE:
			v.Data, raw = append(v.Data, math.Float64frombits(order.Uint64(raw))), raw[8:]
		case onnxpb.TensorProto_INT64:
			v.Data, raw = append(v.Data, float64(int64(order.Uint64(raw)))), raw[8:]
		default:
			panic(t.DataType)
		}
	}
	return v
}

// attributes are a node's attributes by name, with what the standard says of absent ones.
type attributes map[string]*onnxpb.AttributeProto

func (a attributes) int(name string, absent int) int {
	if v, ok := a[name]; ok {
		return int(v.I)
	}
	return absent
}

func (a attributes) ints(name string) (all []int) {
	for _, v := range a[name].GetInts() {
		all = append(all, int(v))
	}
	return all
}

// Evaluate interprets a model in float64, by the definitions of the ONNX operators. It panics where the
// model or the inputs are wrong.
func Evaluate(model []byte, inputs map[string]Tensor) map[string]Tensor {
	var m onnxpb.ModelProto
	if err := proto.Unmarshal(model, &m); err != nil {
		panic(err)
	}
	env := map[string]Tensor{}
	for _, t := range m.Graph.Initializer {
		env[t.Name] = tensorOf(t)
	}
	for _, in := range m.Graph.Input {
		v, ok := inputs[in.Name]
		if !ok {
			panic("no value for input " + in.Name)
		}
		if want := len(in.Type.GetTensorType().Shape.Dim); want != len(v.Shape) {
			panic(fmt.Sprint("input ", in.Name, " has rank ", want))
		}
		env[in.Name] = v
	}
	for _, n := range m.Graph.Node {
		var in []Tensor
		for _, name := range n.Input {
			v, ok := env[name]
			if !ok {
				panic("node reads " + name + " before it is computed")
			}
			in = append(in, v)
		}
		attrs := attributes{}
		for _, a := range n.Attribute {
			attrs[a.Name] = a
		}
		for i, v := range operator(n.OpType, in, attrs) {
			env[n.Output[i]] = v
		}
	}
	out := map[string]Tensor{}
	for _, o := range m.Graph.Output {
		out[o.Name] = env[o.Name]
	}
	return out
}

func size(shape []int) int {
	n := 1
	for _, d := range shape {
		n *= d
	}
	return n
}

// broadcast applies f entry by entry to a and b, whose shapes align at the end.
func broadcast(a, b Tensor, f func(x, y float64) float64) Tensor {
	rank := max(len(a.Shape), len(b.Shape))
	pad := func(s []int) []int { return append(slices.Repeat([]int{1}, rank-len(s)), s...) }
	sa, sb, out := pad(a.Shape), pad(b.Shape), make([]int, rank)
	for k := range out {
		switch {
		case sa[k] == sb[k] || sb[k] == 1:
			out[k] = sa[k]
		case sa[k] == 1:
			out[k] = sb[k]
		default:
			panic(fmt.Sprint("cannot broadcast ", a.Shape, b.Shape))
		}
	}
	v := Tensor{out, make([]float64, size(out))}
	for i := range v.Data {
		ia, ib, stepA, stepB, rest := 0, 0, 1, 1, i
		for k := rank - 1; k >= 0; k-- {
			at := rest % out[k]
			rest /= out[k]
			if sa[k] > 1 {
				ia += at * stepA
			}
			if sb[k] > 1 {
				ib += at * stepB
			}
			stepA, stepB = stepA*sa[k], stepB*sb[k]
		}
		v.Data[i] = f(a.Data[ia], b.Data[ib])
	}
	return v
}

func truth(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

var binaries = map[string]func(x, y float64) float64{
	"Add": func(x, y float64) float64 { return x + y }, "Sub": func(x, y float64) float64 { return x - y },
	"Mul": func(x, y float64) float64 { return x * y }, "Div": func(x, y float64) float64 { return x / y },
	"Max": math.Max, "Min": math.Min, "Mod": math.Mod,
	"Equal":       func(x, y float64) float64 { return truth(x == y) },
	"Greater":     func(x, y float64) float64 { return truth(x > y) },
	"Less":        func(x, y float64) float64 { return truth(x < y) },
	"LessOrEqual": func(x, y float64) float64 { return truth(x <= y) },
}

var unaries = map[string]func(x, alpha float64) float64{
	"Relu": func(x, _ float64) float64 { return max(0, x) },
	"LeakyRelu": func(x, alpha float64) float64 {
		if x < 0 {
			return alpha * x
		}
		return x
	},
	"Elu": func(x, _ float64) float64 {
		if x < 0 {
			return math.Expm1(x)
		}
		return x
	},
	"Sigmoid":    func(x, _ float64) float64 { return 1 / (1 + math.Exp(-x)) },
	"Tanh":       func(x, _ float64) float64 { return math.Tanh(x) },
	"Exp":        func(x, _ float64) float64 { return math.Exp(x) },
	"Sqrt":       func(x, _ float64) float64 { return math.Sqrt(x) },
	"Ceil":       func(x, _ float64) float64 { return math.Ceil(x) },
	"Reciprocal": func(x, _ float64) float64 { return 1 / x },
	"Identity":   func(x, _ float64) float64 { return x },
	"Cast":       func(x, _ float64) float64 { return x }, // only between whole numbers, here
	"Not":        func(x, _ float64) float64 { return 1 - x },
}

// operator returns the results of one node.
func operator(op string, in []Tensor, attrs attributes) []Tensor {
	if f, ok := binaries[op]; ok {
		return []Tensor{broadcast(in[0], in[1], f)}
	}
	if f, ok := unaries[op]; ok {
		alpha := float64(attrs["alpha"].GetF())
		v := Tensor{in[0].Shape, make([]float64, len(in[0].Data))}
		for i, x := range in[0].Data {
			v.Data[i] = f(x, alpha)
		}
		return []Tensor{v}
	}
	if f, ok := structural[op]; ok {
		return []Tensor{f(in, attrs)}
	}
	switch op {
	case "TopK":
		return topK(in[0], int(in[1].Data[0]), attrs.int("largest", 1) == 1)
	case "MatMul":
		return []Tensor{matMul(in[0], in[1])}
	case "LayerNormalization":
		return []Tensor{layerNormalization(in, float64(attrs["epsilon"].F))}
	case "Conv", "MaxPool", "AveragePool":
		return []Tensor{windows(op, in, attrs)}
	case "GlobalAveragePool":
		return []Tensor{mean(mean(in[0], 3, true), 2, true)}
	case "ArgMax":
		return []Tensor{argMax(in[0], attrs)}
	case "ReduceSum", "ReduceMin", "ReduceMean":
		axis, keep := int(in[1].Data[0]), attrs.int("keepdims", 1) == 1
		switch op {
		case "ReduceSum":
			return []Tensor{reduction(in[0], axis, keep, sum)}
		case "ReduceMin":
			return []Tensor{reduction(in[0], axis, keep, math.Min)}
		}
		return []Tensor{mean(in[0], axis, keep)}
	}
	panic("no operator " + op)
}
