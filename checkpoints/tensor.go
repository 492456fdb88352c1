package checkpoints

import (
	"encoding/binary"
	"fmt"
	"math"
	"os"
	"slices"
)

// Tensor is a tensor of a safetensors file of any program, see [ReadSafetensors].
//
// Methods that return numbers return exactly those in the file, or an error; they never round or
// wrap.
type Tensor struct{ t tensor }

// ReadSafetensors returns the tensors of a safetensors file by name. It needs no manifest, so it
// reads the files of other programs, such as weights saved by safetensors.torch.save_file; [Load]
// reads checkpoints of this package. It supports the element types BOOL, U8 to U64, I8 to I64, F16,
// BF16, F32, F64 and, as bytes, F8_E4M3 and F8_E5M2.
func ReadSafetensors(file string) (map[string]Tensor, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("checkpoints: %w", err)
	}
	tensors, err := ParseSafetensors(data)
	if err != nil {
		return nil, fmt.Errorf("%w (in %s)", err, file)
	}
	return tensors, nil
}

// ParseSafetensors is like [ReadSafetensors] for the content of a file. The tensors share its
// memory.
func ParseSafetensors(data []byte) (map[string]Tensor, error) {
	stored, err := decodeSafetensors(data)
	if err != nil {
		return nil, fmt.Errorf("checkpoints: safetensors: %w", err)
	}
	tensors := make(map[string]Tensor, len(stored))
	for name, t := range stored {
		tensors[name] = Tensor{t}
	}
	return tensors, nil
}

// Type returns the element type by its safetensors name, such as F32.
func (t Tensor) Type() string { return string(t.t.dtype) }

// Shape returns the size of each dimension; a scalar has none.
func (t Tensor) Shape() []int { return slices.Clone(t.t.shape) }

// Len returns the number of elements.
func (t Tensor) Len() int {
	if t.t.dtype == "" {
		return 0
	}
	return len(t.t.data) / t.t.dtype.size()
}

// Bytes returns the elements as in the file: little endian, row-major. They share the tensor's
// memory.
func (t Tensor) Bytes() []byte { return t.t.data }

// String describes the tensor, for instance "F32 [16 x 8]".
func (t Tensor) String() string {
	s := t.Type() + " ["
	for i, n := range t.t.shape {
		if i > 0 {
			s += " x "
		}
		s += fmt.Sprint(n)
	}
	return s + "]"
}

// Float32 returns the elements of a tensor of F32, F16 or BF16.
func (t Tensor) Float32() ([]float32, error) {
	if t.t.dtype == typeF64 {
		return nil, fmt.Errorf("checkpoints: F64 does not fit into float32: use Float64 and round")
	}
	wide, err := t.Float64()
	if err != nil {
		return nil, err
	}
	v := make([]float32, len(wide))
	for i, x := range wide {
		v[i] = float32(x)
	}
	return v, nil
}

// Float64 returns the elements of a tensor of F64, F32, F16 or BF16.
func (t Tensor) Float64() ([]float64, error) {
	var at func(b []byte) float64
	le := binary.LittleEndian
	switch t.t.dtype {
	case typeF64:
		at = func(b []byte) float64 { return math.Float64frombits(le.Uint64(b)) }
	case typeF32:
		at = func(b []byte) float64 { return float64(math.Float32frombits(le.Uint32(b))) }
	case typeBF16: // the upper half of a float32
		at = func(b []byte) float64 { return float64(math.Float32frombits(uint32(le.Uint16(b)) << 16)) }
	case typeF16:
		at = func(b []byte) float64 { return halfToFloat(le.Uint16(b)) }
	default:
		return nil, fmt.Errorf("checkpoints: a tensor of %s has no floating-point numbers", t.Type())
	}
	v, size := make([]float64, t.Len()), t.t.dtype.size()
	for i := range v {
		v[i] = at(t.t.data[i*size:])
	}
	return v, nil
}

// halfToFloat decodes IEEE 754 binary16: a sign, 5 bits of exponent, 10 of fraction.
func halfToFloat(h uint16) float64 {
	exponent, fraction := int(h>>10&0x1f), float64(h&0x3ff)
	var v float64
	switch exponent {
	case 0:
		v = math.Ldexp(fraction, -24)
	case 31:
		if v = math.Inf(1); fraction != 0 {
			v = math.NaN()
		}
	default:
		v = math.Ldexp(1024+fraction, exponent-25)
	}
	if h>>15 != 0 {
		v = -v
	}
	return v
}

// Int64 returns the elements of a tensor of whole numbers. A U64 that does not fit is an error.
func (t Tensor) Int64() ([]int64, error) {
	var at func(b []byte) int64
	le := binary.LittleEndian
	switch t.t.dtype {
	case typeU8:
		at = func(b []byte) int64 { return int64(b[0]) }
	case typeI8:
		at = func(b []byte) int64 { return int64(int8(b[0])) }
	case typeU16:
		at = func(b []byte) int64 { return int64(le.Uint16(b)) }
	case typeI16:
		at = func(b []byte) int64 { return int64(int16(le.Uint16(b))) }
	case typeU32:
		at = func(b []byte) int64 { return int64(le.Uint32(b)) }
	case typeI32:
		at = func(b []byte) int64 { return int64(int32(le.Uint32(b))) }
	case typeU64, typeI64:
		at = func(b []byte) int64 { return int64(le.Uint64(b)) }
	default:
		return nil, fmt.Errorf("checkpoints: a tensor of %s has no whole numbers", t.Type())
	}
	v, size := make([]int64, t.Len()), t.t.dtype.size()
	for i := range v {
		if v[i] = at(t.t.data[i*size:]); t.t.dtype == typeU64 && v[i] < 0 {
			return nil, fmt.Errorf("checkpoints: element %d is %d, which does not fit into int64", i, uint64(v[i]))
		}
	}
	return v, nil
}

// Bool returns the elements of a tensor of BOOL. A byte other than 0 and 1 is an error.
func (t Tensor) Bool() ([]bool, error) {
	if t.t.dtype != typeBool {
		return nil, fmt.Errorf("checkpoints: a tensor of %s has no booleans", t.Type())
	}
	v := make([]bool, t.Len())
	for i, b := range t.t.data {
		if b > 1 {
			return nil, fmt.Errorf("checkpoints: element %d is %d, neither false (0) nor true (1)", i, b)
		}
		v[i] = b == 1
	}
	return v, nil
}
