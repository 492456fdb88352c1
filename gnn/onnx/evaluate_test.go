package onnx_test

import (
	"encoding/binary"
	"fmt"
	"math"
	"slices"
	"sort"

	"github.com/graphrl/graphrl/gnn/onnx/onnxpb"
	"google.golang.org/protobuf/proto"
)

// value is a tensor of any type, its entries as float64.
type value struct {
	shape []int
	data  []float64
}

func vector(data ...float64) value { return value{[]int{len(data)}, data} }

func tensorOf(t *onnxpb.TensorProto) (v value) {
	for _, d := range t.Dims {
		v.shape = append(v.shape, int(d))
	}
	order := binary.LittleEndian
	for raw := t.RawData; len(raw) > 0; {
		switch onnxpb.TensorProto_DataType(t.DataType) {
		case onnxpb.TensorProto_FLOAT:
			v.data, raw = append(v.data, float64(math.Float32frombits(order.Uint32(raw)))), raw[4:]
		case onnxpb.TensorProto_DOUBLE:
			v.data, raw = append(v.data, math.Float64frombits(order.Uint64(raw))), raw[8:]
		case onnxpb.TensorProto_INT64:
			v.data, raw = append(v.data, float64(int64(order.Uint64(raw)))), raw[8:]
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

// evaluate interprets a model in float64, by the definitions of the ONNX operators.
func evaluate(model []byte, inputs map[string]value) map[string]value {
	var m onnxpb.ModelProto
	if err := proto.Unmarshal(model, &m); err != nil {
		panic(err)
	}
	env := map[string]value{}
	for _, t := range m.Graph.Initializer {
		env[t.Name] = tensorOf(t)
	}
	for _, in := range m.Graph.Input {
		v, ok := inputs[in.Name]
		if !ok {
			panic("no value for input " + in.Name)
		}
		if want := len(in.Type.GetTensorType().Shape.Dim); want != len(v.shape) {
			panic(fmt.Sprint("input ", in.Name, " has rank ", want))
		}
		env[in.Name] = v
	}
	for _, n := range m.Graph.Node {
		var in []value
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
	out := map[string]value{}
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
func broadcast(a, b value, f func(x, y float64) float64) value {
	rank := max(len(a.shape), len(b.shape))
	pad := func(s []int) []int { return append(slices.Repeat([]int{1}, rank-len(s)), s...) }
	sa, sb, out := pad(a.shape), pad(b.shape), make([]int, rank)
	for k := range out {
		switch {
		case sa[k] == sb[k] || sb[k] == 1:
			out[k] = sa[k]
		case sa[k] == 1:
			out[k] = sb[k]
		default:
			panic(fmt.Sprint("cannot broadcast ", a.shape, b.shape))
		}
	}
	v := value{out, make([]float64, size(out))}
	for i := range v.data {
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
		v.data[i] = f(a.data[ia], b.data[ib])
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
	"Equal":   func(x, y float64) float64 { return truth(x == y) },
	"Greater": func(x, y float64) float64 { return truth(x > y) },
	"Less":    func(x, y float64) float64 { return truth(x < y) },
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
func operator(op string, in []value, attrs attributes) []value {
	if f, ok := binaries[op]; ok {
		return []value{broadcast(in[0], in[1], f)}
	}
	if f, ok := unaries[op]; ok {
		alpha := float64(attrs["alpha"].GetF())
		v := value{in[0].shape, make([]float64, len(in[0].data))}
		for i, x := range in[0].data {
			v.data[i] = f(x, alpha)
		}
		return []value{v}
	}
	if f, ok := structural[op]; ok {
		return []value{f(in, attrs)}
	}
	switch op {
	case "TopK":
		return topK(in[0], int(in[1].data[0]), attrs.int("largest", 1) == 1)
	case "MatMul":
		return []value{matMul(in[0], in[1])}
	case "LayerNormalization":
		return []value{layerNormalization(in, float64(attrs["epsilon"].F))}
	case "Conv", "MaxPool", "AveragePool":
		return []value{windows(op, in, attrs)}
	case "GlobalAveragePool":
		return []value{reduction(reduction(in[0], 3, true, true), 2, true, true)}
	case "ReduceSum", "ReduceMean":
		return []value{reduction(in[0], int(in[1].data[0]), op == "ReduceMean", attrs.int("keepdims", 1) == 1)}
	}
	panic("no operator " + op)
}

// structural operators move entries.
var structural = map[string]func(in []value, attrs attributes) value{
	"Where": where,
	"Concat": func(in []value, attrs attributes) value {
		axis, v := attrs.int("axis", 0), value{shape: slices.Clone(in[0].shape)}
		v.shape[axis] = 0
		for _, x := range in {
			v.shape[axis] += x.shape[axis]
		}
		for outer := range size(v.shape[:axis]) {
			for _, x := range in {
				n := size(x.shape[axis:])
				v.data = append(v.data, x.data[outer*n:(outer+1)*n]...)
			}
		}
		return v
	},
	"Gather": func(in []value, _ attributes) value {
		n := size(in[0].shape[1:])
		v := value{shape: append(slices.Clone(in[1].shape), in[0].shape[1:]...)}
		for _, i := range in[1].data {
			v.data = append(v.data, in[0].data[int(i)*n:int(i+1)*n]...)
		}
		return v
	},
	"Compress": func(in []value, _ attributes) value {
		v := value{shape: []int{0}}
		for i, x := range in[0].data {
			if in[1].data[i] != 0 {
				v.data = append(v.data, x)
			}
		}
		return vector(v.data...)
	},
	"ScatterND": scatterND,
	"Shape": func(in []value, attrs attributes) value {
		shape := in[0].shape
		v := value{shape: []int{0}}
		for _, d := range shape[attrs.int("start", 0):attrs.int("end", len(shape))] {
			v.data = append(v.data, float64(d))
		}
		return vector(v.data...)
	},
	"ConstantOfShape": func(in []value, attrs attributes) (v value) {
		for _, d := range in[0].data {
			v.shape = append(v.shape, int(d))
		}
		v.data = slices.Repeat(tensorOf(attrs["value"].T).data, size(v.shape))
		return v
	},
	"Unsqueeze": func(in []value, _ attributes) value {
		return value{slices.Insert(slices.Clone(in[0].shape), int(in[1].data[0]), 1), in[0].data}
	},
	"Squeeze": func(in []value, _ attributes) value {
		at := int(in[1].data[0])
		if in[0].shape[at] != 1 {
			panic("Squeeze: not 1")
		}
		return value{slices.Delete(slices.Clone(in[0].shape), at, at+1), in[0].data}
	},
	"Range": func(in []value, _ attributes) (v value) {
		for x := in[0].data[0]; x < in[1].data[0]; x += in[2].data[0] {
			v.data = append(v.data, x)
		}
		return vector(v.data...)
	},
	"NonZero": func(in []value, _ attributes) (v value) {
		for i, x := range in[0].data {
			if x != 0 {
				v.data = append(v.data, float64(i))
			}
		}
		return value{[]int{1, len(v.data)}, v.data}
	},
	"CumSum": func(in []value, attrs attributes) (v value) {
		sum := 0.0
		for _, x := range in[0].data {
			if attrs.int("exclusive", 0) == 1 {
				v.data = append(v.data, sum)
			}
			sum += x
			if attrs.int("exclusive", 0) == 0 {
				v.data = append(v.data, sum)
			}
		}
		return vector(v.data...)
	},
	"Reshape": func(in []value, _ attributes) (v value) {
		rest := -1
		for i, d := range in[1].data {
			switch d {
			case 0:
				d = float64(in[0].shape[i])
			case -1:
				rest, d = i, 1
			}
			v.shape = append(v.shape, int(d))
		}
		if rest >= 0 {
			v.shape[rest] = len(in[0].data) / size(v.shape)
		}
		if size(v.shape) != len(in[0].data) {
			panic("Reshape: sizes")
		}
		return value{v.shape, in[0].data}
	},
	"Transpose": func(in []value, attrs attributes) value {
		perm, v := attrs.ints("perm"), value{data: make([]float64, len(in[0].data))}
		steps := make([]int, len(perm)) // of the input, by its axes
		for k, step := len(perm)-1, 1; k >= 0; k-- {
			steps[k], step = step, step*in[0].shape[k]
		}
		for _, p := range perm {
			v.shape = append(v.shape, in[0].shape[p])
		}
		for i := range v.data {
			from, rest := 0, i
			for k := len(perm) - 1; k >= 0; k-- {
				from += rest % v.shape[k] * steps[perm[k]]
				rest /= v.shape[k]
			}
			v.data[i] = in[0].data[from]
		}
		return v
	},
}

// where picks by index, so that infinities stay out.
func where(in []value, _ attributes) value {
	first := func(x, _ float64) float64 { return x }
	second := func(_, y float64) float64 { return y }
	shape := broadcast(in[0], broadcast(in[1], in[2], first), second)
	c, x, y := broadcast(in[0], shape, first), broadcast(in[1], shape, first), broadcast(in[2], shape, first)
	for i := range x.data {
		if c.data[i] == 0 {
			x.data[i] = y.data[i]
		}
	}
	return x
}

func scatterND(in []value, attrs attributes) value {
	v, n := value{in[0].shape, slices.Clone(in[0].data)}, size(in[0].shape[1:])
	if len(in[2].data) != len(in[1].data)*n || len(in[1].shape) != 2 || in[1].shape[1] != 1 {
		panic("ScatterND: sizes")
	}
	for e, i := range in[1].data {
		for k, x := range in[2].data[e*n : (e+1)*n] {
			at := int(i)*n + k
			switch string(attrs["reduction"].GetS()) {
			case "":
				v.data[at] = x
			case "add":
				v.data[at] += x
			case "max":
				v.data[at] = max(v.data[at], x)
			case "min":
				v.data[at] = min(v.data[at], x)
			default:
				panic("ScatterND: reduction")
			}
		}
	}
	return v
}

// topK returns the k values first in order, and their indices; equal ones by index.
func topK(x value, k int, largest bool) []value {
	order := make([]int, len(x.data))
	for i := range order {
		order[i] = i
	}
	sort.SliceStable(order, func(i, j int) bool {
		a, b := x.data[order[i]], x.data[order[j]]
		return largest && a > b || !largest && a < b
	})
	values, indices := make([]float64, k), make([]float64, k)
	for i := range k {
		values[i], indices[i] = x.data[order[i]], float64(order[i])
	}
	return []value{vector(values...), vector(indices...)}
}

func matMul(a, b value) value {
	n, k, m := a.shape[0], a.shape[1], b.shape[1]
	if b.shape[0] != k || len(a.shape) != 2 || len(b.shape) != 2 {
		panic("MatMul: sizes")
	}
	v := value{[]int{n, m}, make([]float64, n*m)}
	for i := range v.data {
		for q := range k {
			v.data[i] += a.data[i/m*k+q] * b.data[q*m+i%m]
		}
	}
	return v
}

func layerNormalization(in []value, eps float64) value {
	n := in[0].shape[1]
	v := value{in[0].shape, make([]float64, len(in[0].data))}
	for i := range in[0].shape[0] {
		row, mean, variance := in[0].data[i*n:(i+1)*n], 0.0, 0.0
		for _, x := range row {
			mean += x / float64(n)
		}
		for _, x := range row {
			variance += (x - mean) * (x - mean) / float64(n)
		}
		for k, x := range row {
			v.data[i*n+k] = (x-mean)/math.Sqrt(variance+eps)*in[1].data[k] + in[2].data[k]
		}
	}
	return v
}

// reduction sums or averages over an axis.
func reduction(x value, axis int, mean, keep bool) value {
	outer, n, inner := size(x.shape[:axis]), x.shape[axis], size(x.shape[axis+1:])
	v := value{slices.Clone(x.shape), make([]float64, outer*inner)}
	for i, xi := range x.data {
		if mean {
			xi /= float64(n)
		}
		v.data[i/(n*inner)*inner+i%inner] += xi
	}
	v.shape[axis] = 1
	if !keep {
		v.shape = slices.Delete(v.shape, axis, axis+1)
	}
	return v
}

// windows slides over maps [images x channels x height x width]. Padding takes no part in pooling.
func windows(op string, in []value, attrs attributes) value {
	s, kernel, strides, pads := in[0].shape, attrs.ints("kernel_shape"), attrs.ints("strides"), attrs.ints("pads")
	out := []int{s[0], s[1], (s[2]+pads[0]+pads[2]-kernel[0])/strides[0] + 1, (s[3]+pads[1]+pads[3]-kernel[1])/strides[1] + 1}
	if op == "Conv" {
		out[1] = in[1].shape[0]
	}
	v := value{out, make([]float64, size(out))}
	for i := range v.data {
		image, channel := i/size(out[1:]), i/size(out[2:])%out[1]
		top, left := i/out[3]%out[2]*strides[0]-pads[0], i%out[3]*strides[1]-pads[1]
		var seen []float64
		for c := range s[1] {
			if op != "Conv" && c != channel {
				continue
			}
			for k := range size(kernel) {
				row, col := top+k/kernel[1], left+k%kernel[1]
				if row < 0 || row >= s[2] || col < 0 || col >= s[3] {
					continue
				}
				x := in[0].data[((image*s[1]+c)*s[2]+row)*s[3]+col]
				if op == "Conv" {
					x *= in[1].data[(channel*s[1]+c)*size(kernel)+k]
				}
				seen = append(seen, x)
			}
		}
		for _, x := range seen {
			v.data[i] += x
		}
		switch {
		case op == "MaxPool":
			v.data[i] = slices.Max(seen)
		case op == "AveragePool":
			v.data[i] /= float64(len(seen))
		case len(in) == 3:
			v.data[i] += in[2].data[channel]
		}
	}
	return v
}
