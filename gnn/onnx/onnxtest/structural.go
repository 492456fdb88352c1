package onnxtest

import "slices"

// structural operators move entries.
var structural = map[string]func(in []Tensor, attrs attributes) Tensor{
	"Where": where,
	"Concat": func(in []Tensor, attrs attributes) Tensor {
		axis, v := attrs.int("axis", 0), Tensor{Shape: slices.Clone(in[0].Shape)}
		v.Shape[axis] = 0
		for _, x := range in {
			v.Shape[axis] += x.Shape[axis]
		}
		for outer := range size(v.Shape[:axis]) {
			for _, x := range in {
				n := size(x.Shape[axis:])
				v.Data = append(v.Data, x.Data[outer*n:(outer+1)*n]...)
			}
		}
		return v
	},
	"Gather": func(in []Tensor, _ attributes) Tensor {
		n := size(in[0].Shape[1:])
		v := Tensor{Shape: append(slices.Clone(in[1].Shape), in[0].Shape[1:]...)}
		for _, i := range in[1].Data {
			v.Data = append(v.Data, in[0].Data[int(i)*n:int(i+1)*n]...)
		}
		return v
	},
	"Compress": func(in []Tensor, _ attributes) Tensor {
		n, v := size(in[0].Shape[1:]), Tensor{Shape: slices.Clone(in[0].Shape)}
		v.Shape[0] = 0
		for i, keep := range in[1].Data {
			if keep != 0 {
				v.Data = append(v.Data, in[0].Data[i*n:(i+1)*n]...)
				v.Shape[0]++
			}
		}
		return v
	},
	"Expand": func(in []Tensor, _ attributes) Tensor {
		shape := make([]int, len(in[1].Data))
		for k, d := range in[1].Data {
			shape[k] = int(d)
		}
		return broadcast(in[0], Tensor{shape, make([]float64, size(shape))}, func(x, _ float64) float64 { return x })
	},
	"ScatterND": scatterND,
	"Shape": func(in []Tensor, attrs attributes) Tensor {
		shape := in[0].Shape
		v := Tensor{Shape: []int{0}}
		for _, d := range shape[attrs.int("start", 0):attrs.int("end", len(shape))] {
			v.Data = append(v.Data, float64(d))
		}
		return Vector(v.Data...)
	},
	"ConstantOfShape": func(in []Tensor, attrs attributes) (v Tensor) {
		for _, d := range in[0].Data {
			v.Shape = append(v.Shape, int(d))
		}
		v.Data = slices.Repeat(tensorOf(attrs["value"].T).Data, size(v.Shape))
		return v
	},
	"Unsqueeze": func(in []Tensor, _ attributes) Tensor {
		return Tensor{slices.Insert(slices.Clone(in[0].Shape), int(in[1].Data[0]), 1), in[0].Data}
	},
	"Squeeze": func(in []Tensor, _ attributes) Tensor {
		at := int(in[1].Data[0])
		if in[0].Shape[at] != 1 {
			panic("Squeeze: not 1")
		}
		return Tensor{slices.Delete(slices.Clone(in[0].Shape), at, at+1), in[0].Data}
	},
	"Range": func(in []Tensor, _ attributes) (v Tensor) {
		for x := in[0].Data[0]; x < in[1].Data[0]; x += in[2].Data[0] {
			v.Data = append(v.Data, x)
		}
		return Vector(v.Data...)
	},
	"NonZero": func(in []Tensor, _ attributes) Tensor {
		var at []int
		for i, x := range in[0].Data {
			if x != 0 {
				at = append(at, i)
			}
		}
		v := Tensor{Shape: []int{len(in[0].Shape), len(at)}}
		for k := range in[0].Shape {
			for _, i := range at {
				v.Data = append(v.Data, float64(i/size(in[0].Shape[k+1:])%in[0].Shape[k]))
			}
		}
		return v
	},
	"CumSum": func(in []Tensor, attrs attributes) (v Tensor) {
		sum := 0.0
		for _, x := range in[0].Data {
			if attrs.int("exclusive", 0) == 1 {
				v.Data = append(v.Data, sum)
			}
			sum += x
			if attrs.int("exclusive", 0) == 0 {
				v.Data = append(v.Data, sum)
			}
		}
		return Vector(v.Data...)
	},
	"Reshape": func(in []Tensor, _ attributes) (v Tensor) {
		rest := -1
		for i, d := range in[1].Data {
			switch d {
			case 0:
				d = float64(in[0].Shape[i])
			case -1:
				rest, d = i, 1
			}
			v.Shape = append(v.Shape, int(d))
		}
		if rest >= 0 {
			v.Shape[rest] = len(in[0].Data) / size(v.Shape)
		}
		if size(v.Shape) != len(in[0].Data) {
			panic("Reshape: sizes")
		}
		return Tensor{v.Shape, in[0].Data}
	},
	"Transpose": func(in []Tensor, attrs attributes) Tensor {
		perm, v := attrs.ints("perm"), Tensor{Data: make([]float64, len(in[0].Data))}
		steps := make([]int, len(perm)) // of the input, by its axes
		for k, step := len(perm)-1, 1; k >= 0; k-- {
			steps[k], step = step, step*in[0].Shape[k]
		}
		for _, p := range perm {
			v.Shape = append(v.Shape, in[0].Shape[p])
		}
		for i := range v.Data {
			from, rest := 0, i
			for k := len(perm) - 1; k >= 0; k-- {
				from += rest % v.Shape[k] * steps[perm[k]]
				rest /= v.Shape[k]
			}
			v.Data[i] = in[0].Data[from]
		}
		return v
	},
}
