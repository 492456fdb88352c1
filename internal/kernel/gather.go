package kernel

// GatherRows copies rows of f elements: y[i] = x[idx[i]].
func GatherRows(f int, idx []int32, x, y []float32) {
	checkDim("GatherRows", "f", f)
	checkLen("GatherRows", "y", len(y), len(idx)*f)
	if f == 0 {
		return
	}
	checkIndex("GatherRows", "idx", idx, len(x)/f)
	for i, r := range idx {
		copy(y[i*f:][:f], x[int(r)*f:])
	}
}

// ScatterAddRows adds rows of f elements: y[idx[i]] += x[i], in the order of i.
func ScatterAddRows(f int, idx []int32, x, y []float32) {
	checkDim("ScatterAddRows", "f", f)
	checkLen("ScatterAddRows", "x", len(x), len(idx)*f)
	if f == 0 {
		return
	}
	checkIndex("ScatterAddRows", "idx", idx, len(y)/f)
	scatterAdd(f, idx, x, y)
}

func scatterAddGo(f int, idx []int32, x, y []float32) {
	for i, r := range idx {
		axpyGo(1, x[i*f:][:f], y[int(r)*f:])
	}
}
