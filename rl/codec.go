package rl

// Codec says how observations of type O are kept: copied into memory that outlives the environment's next step, and
// turned into numbers for a checkpoint.
type Codec[O any] interface {
	// Copy makes dst an independent copy of src, reusing the memory dst has.
	Copy(dst *O, src O)
	// Encode appends all that obs holds to dst, integers and booleans as numbers too.
	Encode(dst []float64, obs O) []float64
	// Decode makes obs what Encode was given to yield src. It must not trust src, which may come from a damaged or foreign
	// file, nor keep it.
	Decode(obs *O, src []float64) error
}

// VectorCodec is the Codec of observations that are a slice of numbers.
type VectorCodec[F float32 | float64] struct{}

// Copy implements Codec.
func (VectorCodec[F]) Copy(dst *[]F, src []F) { *dst = append((*dst)[:0], src...) }

// Encode implements Codec.
func (VectorCodec[F]) Encode(dst []float64, obs []F) []float64 {
	for _, v := range obs {
		dst = append(dst, float64(v))
	}
	return dst
}

// Decode implements Codec.
func (VectorCodec[F]) Decode(obs *[]F, src []float64) error {
	*obs = (*obs)[:0]
	for _, v := range src {
		*obs = append(*obs, F(v))
	}
	return nil
}
