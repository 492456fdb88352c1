package kernel_test

import (
	"fmt"

	"github.com/graphrl/graphrl/internal/kernel"
)

// A dense layer, y = relu(x w + b), on a batch of two rows.
func Example() {
	x := []float32{
		1, 2, 3,
		4, 5, 6,
	}
	w := []float32{
		1, -1,
		1, -1,
		1, -1,
	}
	b := []float32{0.5, 10}
	y := make([]float32, 4)
	kernel.Gemm(false, false, 2, 2, 3, x, 3, w, 2, y, 2, false)
	kernel.BiasAct(kernel.ActReLU, 2, 2, y, b)
	fmt.Println(y)
	// Output: [6.5 4 15.5 0]
}
