package rl

import (
	"fmt"
	"math"
)

// Codec copies values of type T, such as observations, into memory that outlives the environment's
// next step, and encodes them as numbers for a checkpoint.
type Codec[T any] interface {
	// Copy makes dst an independent copy of src, reusing dst's memory.
	Copy(dst *T, src T)
	// Encode appends the content of v to dst, with integers and booleans as numbers too.
	Encode(dst []float64, v T) []float64
	// Decode restores v from the numbers src that Encode appended, reusing v's memory. It must not
	// keep src and must check it: src may come from a damaged or foreign file.
	Decode(v *T, src []float64) error
}

// VectorCodec is the Codec of slices of numbers.
type VectorCodec[F float32 | float64] struct{}

// Copy implements Codec.
func (VectorCodec[F]) Copy(dst *[]F, src []F) { *dst = append((*dst)[:0], src...) }

// Encode implements Codec.
func (VectorCodec[F]) Encode(dst []float64, v []F) []float64 {
	for _, x := range v {
		dst = append(dst, float64(x))
	}
	return dst
}

// Decode implements Codec. A number that F cannot represent is an error.
func (VectorCodec[F]) Decode(v *[]F, src []float64) error {
	*v = (*v)[:0]
	for i, x := range src {
		if float64(F(x)) != x && !math.IsNaN(x) {
			return fmt.Errorf("number %d is %v, not a %T", i, x, F(0))
		}
		*v = append(*v, F(x))
	}
	return nil
}

// IntCodec is the Codec of integers, such as the actions of a discrete environment.
type IntCodec struct{}

// Copy implements Codec.
func (IntCodec) Copy(dst *int, src int) { *dst = src }

// Encode implements Codec. Integers beyond 2^53 lose precision.
func (IntCodec) Encode(dst []float64, v int) []float64 { return append(dst, float64(v)) }

// Decode implements Codec.
func (IntCodec) Decode(v *int, src []float64) error {
	if len(src) != 1 || float64(int(src[0])) != src[0] {
		return fmt.Errorf("%v is not an integer", src)
	}
	*v = int(src[0])
	return nil
}
