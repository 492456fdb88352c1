package onnx_test

import (
	"encoding/binary"
	"fmt"
	"math"
	"slices"

	"google.golang.org/protobuf/encoding/protowire"
)

// value is a tensor of any type, its entries as float64.
type value struct {
	shape []int
	data  []float64
}

// fields is a parsed Protobuf message: varints and fixed words as uint64, the rest as bytes.
type fields map[protowire.Number][]any

func parse(b []byte) fields {
	f := fields{}
	for len(b) > 0 {
		num, typ, n := protowire.ConsumeTag(b)
		if n < 0 {
			panic("bad tag")
		}
		b = b[n:]
		var v any
		switch typ {
		case protowire.VarintType:
			v, n = protowire.ConsumeVarint(b)
		case protowire.Fixed32Type:
			var w uint32
			w, n = protowire.ConsumeFixed32(b)
			v = uint64(w)
		default:
			v, n = protowire.ConsumeBytes(b)
		}
		if n < 0 {
			panic("bad field")
		}
		f[num] = append(f[num], v)
		b = b[n:]
	}
	return f
}

func (f fields) msgs(n protowire.Number) (all []fields) {
	for _, v := range f[n] {
		all = append(all, parse(v.([]byte)))
	}
	return all
}

func (f fields) strs(n protowire.Number) (all []string) {
	for _, v := range f[n] {
		all = append(all, string(v.([]byte)))
	}
	return all
}

func (f fields) int(n protowire.Number) int { return int(int64(f[n][0].(uint64))) }

func tensorOf(f fields) value {
	v := value{}
	for _, d := range f[1] {
		v.shape = append(v.shape, int(d.(uint64)))
	}
	raw := f[9][0].([]byte)
	if f.int(2) == 1 {
		for ; len(raw) > 0; raw = raw[4:] {
			v.data = append(v.data, float64(math.Float32frombits(binary.LittleEndian.Uint32(raw))))
		}
	}
	for ; len(raw) > 0; raw = raw[8:] {
		v.data = append(v.data, float64(int64(binary.LittleEndian.Uint64(raw))))
	}
	return v
}

// evaluate interprets a model in float64, by the definitions of the ONNX operators.
func evaluate(model []byte, inputs map[string]value) map[string]value {
	graph := parse(model).msgs(7)[0]
	env := map[string]value{}
	for _, t := range graph.msgs(5) {
		env[t.strs(8)[0]] = tensorOf(t)
	}
	for _, in := range graph.msgs(11) {
		name := in.strs(1)[0]
		if _, ok := inputs[name]; !ok {
			panic("no value for input " + name)
		}
		env[name] = inputs[name]
	}
	for _, n := range graph.msgs(1) {
		var in []value
		for _, name := range n.strs(1) {
			v, ok := env[name]
			if !ok {
				panic("node reads " + name + " before it is computed")
			}
			in = append(in, v)
		}
		attrs := map[string]fields{}
		for _, a := range n.msgs(5) {
			attrs[a.strs(1)[0]] = a
		}
		env[n.strs(2)[0]] = operator(n.strs(4)[0], in, attrs)
	}
	out := map[string]value{}
	for _, o := range graph.msgs(12) {
		out[o.strs(1)[0]] = env[o.strs(1)[0]]
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
	"Max": math.Max, "Equal": func(x, y float64) float64 { return truth(x == y) },
	"Greater": func(x, y float64) float64 { return truth(x > y) },
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
	"Reciprocal": func(x, _ float64) float64 { return 1 / x },
	"Identity":   func(x, _ float64) float64 { return x },
}

func operator(op string, in []value, attrs map[string]fields) value {
	if f, ok := binaries[op]; ok {
		return broadcast(in[0], in[1], f)
	}
	if f, ok := unaries[op]; ok {
		alpha := 0.0
		if a, ok := attrs["alpha"]; ok {
			alpha = float64(math.Float32frombits(uint32(a[2][0].(uint64))))
		}
		v := value{in[0].shape, make([]float64, len(in[0].data))}
		for i, x := range in[0].data {
			v.data[i] = f(x, alpha)
		}
		return v
	}
	switch op {
	case "Where": // the condition picks by index, so that infinities stay out
		x := broadcast(in[0], in[1], func(c, x float64) float64 { return x })
		y := broadcast(in[0], in[2], func(c, y float64) float64 { return y })
		c := broadcast(in[0], broadcast(x, y, func(x, _ float64) float64 { return x }), func(c, _ float64) float64 { return c })
		v := broadcast(x, y, func(x, _ float64) float64 { return x })
		other := broadcast(x, y, func(_, y float64) float64 { return y })
		for i := range v.data {
			if c.data[i] == 0 {
				v.data[i] = other.data[i]
			}
		}
		return v
	case "MatMul":
		n, k, m := in[0].shape[0], in[0].shape[1], in[1].shape[1]
		if in[1].shape[0] != k {
			panic("MatMul: sizes")
		}
		v := value{[]int{n, m}, make([]float64, n*m)}
		for i := range v.data {
			for q := range k {
				v.data[i] += in[0].data[i/m*k+q] * in[1].data[q*m+i%m]
			}
		}
		return v
	case "Concat":
		axis, v := attrs["axis"].int(3), value{shape: slices.Clone(in[0].shape)}
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
	case "Gather":
		n := size(in[0].shape[1:])
		v := value{shape: append(slices.Clone(in[1].shape), in[0].shape[1:]...)}
		for _, i := range in[1].data {
			v.data = append(v.data, in[0].data[int(i)*n:int(i+1)*n]...)
		}
		return v
	case "ScatterND":
		v, n := value{in[0].shape, slices.Clone(in[0].data)}, size(in[0].shape[1:])
		if len(in[2].data) != len(in[1].data)*n {
			panic("ScatterND: sizes")
		}
		for e, i := range in[1].data {
			for k, x := range in[2].data[e*n : (e+1)*n] {
				at := int(i)*n + k
				if string(attrs["reduction"][4][0].([]byte)) == "max" {
					v.data[at] = max(v.data[at], x)
				} else {
					v.data[at] += x
				}
			}
		}
		return v
	case "Shape":
		shape := in[0].shape
		if _, ok := attrs["end"]; ok {
			shape = shape[attrs["start"].int(3):attrs["end"].int(3)]
		}
		v := value{shape: []int{len(shape)}}
		for _, d := range shape {
			v.data = append(v.data, float64(d))
		}
		return v
	case "ConstantOfShape":
		v := value{}
		for _, d := range in[0].data {
			v.shape = append(v.shape, int(d))
		}
		v.data = slices.Repeat(tensorOf(attrs["value"].msgs(5)[0]).data, size(v.shape))
		return v
	case "Unsqueeze":
		return value{slices.Insert(slices.Clone(in[0].shape), int(in[1].data[0]), 1), in[0].data}
	case "LayerNormalization":
		n := in[0].shape[1]
		eps := float64(math.Float32frombits(uint32(attrs["epsilon"][2][0].(uint64))))
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
	panic("no operator " + op)
}
