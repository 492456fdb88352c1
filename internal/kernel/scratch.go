package kernel

import "sync"

// scratch pools float32 buffers for kernels, so that callers need not provide them.
var scratch = sync.Pool{New: func() any { return new([]float32) }}

// borrow returns n floats of unspecified content; hand the pointer back with
// scratch.Put.
func borrow(n int) *[]float32 {
	p := scratch.Get().(*[]float32)
	if cap(*p) < n {
		*p = make([]float32, n+n/4)
	}
	*p = (*p)[:n]
	return p
}
