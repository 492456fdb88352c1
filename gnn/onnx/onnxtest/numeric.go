package onnxtest

import (
	"math"
	"slices"
	"sort"
)

// where picks by index, so that infinities stay out.
func where(in []Tensor, _ attributes) Tensor {
	first := func(x, _ float64) float64 { return x }
	second := func(_, y float64) float64 { return y }
	shape := broadcast(in[0], broadcast(in[1], in[2], first), second)
	c, x, y := broadcast(in[0], shape, first), broadcast(in[1], shape, first), broadcast(in[2], shape, first)
	for i := range x.Data {
		if c.Data[i] == 0 {
			x.Data[i] = y.Data[i]
		}
	}
	return x
}

func scatterND(in []Tensor, attrs attributes) Tensor {
	v, n := Tensor{in[0].Shape, slices.Clone(in[0].Data)}, size(in[0].Shape[1:])
	if len(in[2].Data) != len(in[1].Data)*n || len(in[1].Shape) != 2 || in[1].Shape[1] != 1 {
		panic("ScatterND: sizes")
	}
	for e, i := range in[1].Data {
		for k, x := range in[2].Data[e*n : (e+1)*n] {
			at := int(i)*n + k
			switch string(attrs["reduction"].GetS()) {
			case "":
				v.Data[at] = x
			case "add":
				v.Data[at] += x
			case "max":
				v.Data[at] = max(v.Data[at], x)
			case "min":
				v.Data[at] = min(v.Data[at], x)
			default:
				panic("ScatterND: reduction")
			}
		}
	}
	return v
}

// topK returns the k values first in order, and their indices; equal ones by index.
func topK(x Tensor, k int, largest bool) []Tensor {
	order := make([]int, len(x.Data))
	for i := range order {
		order[i] = i
	}
	sort.SliceStable(order, func(i, j int) bool {
		a, b := x.Data[order[i]], x.Data[order[j]]
		return largest && a > b || !largest && a < b
	})
	values, indices := make([]float64, k), make([]float64, k)
	for i := range k {
		values[i], indices[i] = x.Data[order[i]], float64(order[i])
	}
	return []Tensor{Vector(values...), Vector(indices...)}
}

func matMul(a, b Tensor) Tensor {
	n, k, m := a.Shape[0], a.Shape[1], b.Shape[1]
	if b.Shape[0] != k || len(a.Shape) != 2 || len(b.Shape) != 2 {
		panic("MatMul: sizes")
	}
	v := Tensor{[]int{n, m}, make([]float64, n*m)}
	for i := range v.Data {
		for q := range k {
			v.Data[i] += a.Data[i/m*k+q] * b.Data[q*m+i%m]
		}
	}
	return v
}

func layerNormalization(in []Tensor, eps float64) Tensor {
	n := in[0].Shape[1]
	v := Tensor{in[0].Shape, make([]float64, len(in[0].Data))}
	for i := range in[0].Shape[0] {
		row, mean, variance := in[0].Data[i*n:(i+1)*n], 0.0, 0.0
		for _, x := range row {
			mean += x / float64(n)
		}
		for _, x := range row {
			variance += (x - mean) * (x - mean) / float64(n)
		}
		for k, x := range row {
			v.Data[i*n+k] = (x-mean)/math.Sqrt(variance+eps)*in[1].Data[k] + in[2].Data[k]
		}
	}
	return v
}

// reduction folds the entries along an axis, from those of the first.
func reduction(x Tensor, axis int, keep bool, fold func(y, x float64) float64) Tensor {
	outer, n, inner := size(x.Shape[:axis]), x.Shape[axis], size(x.Shape[axis+1:])
	v := Tensor{slices.Clone(x.Shape), make([]float64, outer*inner)}
	for i, xi := range x.Data {
		at := i/(n*inner)*inner + i%inner
		if i/inner%n == 0 {
			v.Data[at] = xi
		} else {
			v.Data[at] = fold(v.Data[at], xi)
		}
	}
	v.Shape[axis] = 1
	if !keep {
		v.Shape = slices.Delete(v.Shape, axis, axis+1)
	}
	return v
}

func sum(y, x float64) float64 { return y + x }

// mean is the sum along an axis divided by its length.
func mean(x Tensor, axis int, keep bool) Tensor {
	v := reduction(x, axis, keep, sum)
	for i := range v.Data {
		v.Data[i] /= float64(x.Shape[axis])
	}
	return v
}

// argMax returns the first index of the largest entry along an axis, which goes.
func argMax(x Tensor, attrs attributes) Tensor {
	axis := attrs.int("axis", 0)
	v := Tensor{Shape: slices.Delete(slices.Clone(x.Shape), axis, axis+1)}
	inner := size(x.Shape[axis+1:])
	for o := range size(x.Shape[:axis]) {
		for i := range inner {
			best := 0
			at := func(k int) float64 { return x.Data[(o*x.Shape[axis]+k)*inner+i] }
			for k := range x.Shape[axis] {
				if at(k) > at(best) {
					best = k
				}
			}
			v.Data = append(v.Data, float64(best))
		}
	}
	return v
}

// windows slides over maps [images x channels x height x width]. Padding takes no part in pooling.
func windows(op string, in []Tensor, attrs attributes) Tensor {
	s, kernel, strides, pads := in[0].Shape, attrs.ints("kernel_shape"), attrs.ints("strides"), attrs.ints("pads")
	out := []int{s[0], s[1], (s[2]+pads[0]+pads[2]-kernel[0])/strides[0] + 1, (s[3]+pads[1]+pads[3]-kernel[1])/strides[1] + 1}
	if op == "Conv" {
		out[1] = in[1].Shape[0]
	}
	v := Tensor{out, make([]float64, size(out))}
	for i := range v.Data {
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
				x := in[0].Data[((image*s[1]+c)*s[2]+row)*s[3]+col]
				if op == "Conv" {
					x *= in[1].Data[(channel*s[1]+c)*size(kernel)+k]
				}
				seen = append(seen, x)
			}
		}
		for _, x := range seen {
			v.Data[i] += x
		}
		switch {
		case op == "MaxPool":
			v.Data[i] = slices.Max(seen)
		case op == "AveragePool":
			v.Data[i] /= float64(len(seen))
		case len(in) == 3:
			v.Data[i] += in[2].Data[channel]
		}
	}
	return v
}
