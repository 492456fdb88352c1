package kernel

import (
	"fmt"
	"math"
)

// Act names an activation function.
type Act uint8

const (
	ActNone      Act = iota // z
	ActReLU                 // max(z, 0)
	ActLeakyReLU            // z, or LeakySlope*z below zero
	ActELU                  // z, or exp(z)-1 below zero
	ActSigmoid              // 1 / (1 + exp(-z))
	ActTanh                 // tanh z
)

// LeakySlope is the slope of ActLeakyReLU below zero, the value of the graph
// attention networks (Veličković et al. 2018).
const LeakySlope = 0.2

// BiasAct computes y = act(y + bias) in place on the [rows x n] matrix y, with
// bias [n] added to every row; a nil bias adds nothing.
func BiasAct(act Act, rows, n int, y, bias []float32) {
	checkAct("BiasAct", act)
	checkDim("BiasAct", "rows", rows)
	checkDim("BiasAct", "n", n)
	checkLen("BiasAct", "y", len(y), rows*n)
	if bias != nil {
		checkLen("BiasAct", "bias", len(bias), n)
	}
	if act != ActNone || bias != nil {
		biasAct(act, rows, n, y, bias)
	}
}

// ActBackward computes dz = dy * act'(z) on [rows x n] matrices, with the
// derivative taken from the output y = act(z), and sets db [n] to the column
// sums of dz (the gradient of the bias) unless db is nil. dz may be dy.
func ActBackward(act Act, rows, n int, y, dy, dz, db []float32) {
	checkAct("ActBackward", act)
	checkDim("ActBackward", "rows", rows)
	checkDim("ActBackward", "n", n)
	if act != ActNone {
		checkLen("ActBackward", "y", len(y), rows*n)
	}
	checkLen("ActBackward", "dy", len(dy), rows*n)
	checkLen("ActBackward", "dz", len(dz), rows*n)
	if db != nil {
		checkLen("ActBackward", "db", len(db), n)
	}
	actBackward(act, rows, n, y, dy, dz, db)
}

// Exp sets dst[i] = exp(src[i]) for every element of src. dst may be src.
func Exp(dst, src []float32) {
	checkLen("Exp", "dst", len(dst), len(src))
	exp(dst, src)
}

// Sigmoid sets dst[i] = 1 / (1 + exp(-src[i])). dst may be src.
func Sigmoid(dst, src []float32) {
	checkLen("Sigmoid", "dst", len(dst), len(src))
	apply(ActSigmoid, dst, src)
}

// Tanh sets dst[i] = tanh(src[i]). dst may be src.
func Tanh(dst, src []float32) {
	checkLen("Tanh", "dst", len(dst), len(src))
	apply(ActTanh, dst, src)
}

func checkAct(op string, act Act) {
	if act > ActTanh {
		panic(fmt.Sprintf("kernel: %s: unknown activation %d", op, act))
	}
}

func expGo(dst, src []float32) {
	for i, v := range src {
		dst[i] = float32(math.Exp(float64(v)))
	}
}

func applyGo(act Act, dst, src []float32) {
	switch act {
	case ActNone:
		copy(dst, src)
	case ActReLU:
		for i, v := range src {
			dst[i] = max(v, 0)
		}
	case ActLeakyReLU:
		for i, v := range src {
			dst[i] = leakyGo(v, LeakySlope)
		}
	case ActELU:
		for i, v := range src {
			if v < 0 {
				v = float32(math.Expm1(float64(v)))
			}
			dst[i] = v
		}
	case ActSigmoid:
		for i, v := range src {
			dst[i] = float32(1 / (1 + math.Exp(-float64(v))))
		}
	case ActTanh:
		for i, v := range src {
			dst[i] = float32(math.Tanh(float64(v)))
		}
	}
}

// leakyGo returns the leaky rectifier of v for slopes in [0, 1].
func leakyGo(v, slope float32) float32 { return max(v, slope*v) }

func biasActGo(act Act, rows, n int, y, bias []float32) {
	for i := range rows {
		r := y[i*n:][:n]
		if bias != nil {
			for j, b := range bias[:n] {
				r[j] += b
			}
		}
		applyGo(act, r, r)
	}
}

func actBackwardGo(act Act, rows, n int, y, dy, dz, db []float32) {
	if db != nil {
		clear(db[:n])
	}
	for i := range rows {
		g := dy[i*n:][:n]
		d := dz[i*n:][:n]
		var r []float32
		if act != ActNone {
			r = y[i*n:][:n]
		}
		switch act {
		case ActNone:
			copy(d, g)
		case ActReLU:
			for j, v := range r {
				if v > 0 {
					d[j] = g[j]
				} else {
					d[j] = 0
				}
			}
		case ActLeakyReLU:
			for j, v := range r {
				if v > 0 {
					d[j] = g[j]
				} else {
					d[j] = LeakySlope * g[j]
				}
			}
		case ActELU:
			for j, v := range r {
				if v > 0 {
					d[j] = g[j]
				} else {
					d[j] = g[j] * (v + 1)
				}
			}
		case ActSigmoid:
			for j, v := range r {
				d[j] = g[j] * (v * (1 - v))
			}
		case ActTanh:
			for j, v := range r {
				d[j] = g[j] * (1 - v*v)
			}
		}
		if db != nil {
			axpyGo(1, d, db)
		}
	}
}
