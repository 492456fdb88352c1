package kernel

import "sync"

// scratch lends float32 work space to kernels, so that callers need not.
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
