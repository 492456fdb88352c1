package checkpoints

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"math/bits"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// Stateful is implemented by everything whose state belongs in a checkpoint: networks, optimisers,
// replay memories, environments, learners.
//
// LoadState is called on a value built with the same configuration as the saved one, and must make
// it behave exactly like that one. After an error the receiver may be partially loaded; do not use
// it.
type Stateful interface {
	SaveState(*State) error
	LoadState(*State) error
}

// State holds named tensors, scalars and strings in memory. Names are paths such as
// "learner/replay/obs", of non-empty segments joined by "/".
//
// The Put methods copy their data. They return no error, so that a SaveState reads as a plain list:
// the first mistake (a name used twice, a shape that does not match the data) is kept, reported by
// [State.Err] and by [Save], and nothing reaches the disk. The reading methods return an error for
// a missing name, another type or another length.
//
// The zero State is empty and ready to use. A State is not safe for concurrent use.
type State struct {
	prefix string // "" or ends in "/"
	store  *store // shared by all views
}

// store is shared by a State and all its Sub views.
type store struct {
	tensors map[string]tensor
	err     error
}

// tensor is one entry: its elements in little-endian order, row-major, as in the file.
type tensor struct {
	dtype dtype
	shape []int
	data  []byte
}

// dtype is an element type by its safetensors name.
type dtype string

// Element types that a State stores.
const (
	typeF32 dtype = "F32"
	typeF64 dtype = "F64"
	typeI32 dtype = "I32"
	typeI64 dtype = "I64"
	typeU8  dtype = "U8"
)

// Further types of other programs, which a file may contain.
const (
	typeU64    dtype = "U64"
	typeU32    dtype = "U32"
	typeBF16   dtype = "BF16"
	typeF16    dtype = "F16"
	typeU16    dtype = "U16"
	typeI16    dtype = "I16"
	typeF8E4M3 dtype = "F8_E4M3"
	typeF8E5M2 dtype = "F8_E5M2"
	typeI8     dtype = "I8"
	typeBool   dtype = "BOOL"
)

// size returns the bytes of one element, 0 for a type this package does not know.
func (d dtype) size() int {
	switch d {
	case typeF64, typeI64, typeU64:
		return 8
	case typeF32, typeI32, typeU32:
		return 4
	case typeF16, typeBF16, typeI16, typeU16:
		return 2
	case typeU8, typeI8, typeBool, typeF8E4M3, typeF8E5M2:
		return 1
	}
	return 0
}

// element lists the Go types of the stored element types.
type element interface {
	float32 | float64 | int32 | int64 | uint8
}

func dtypeOf[T element]() dtype {
	var zero T
	switch any(zero).(type) {
	case float32:
		return typeF32
	case float64:
		return typeF64
	case int32:
		return typeI32
	case int64:
		return typeI64
	}
	return typeU8
}

// NewState returns an empty State.
func NewState() *State { return new(State) }

// all returns the store, creating it in a zero State.
func (s *State) all() *store {
	if s.store == nil {
		s.store = &store{tensors: make(map[string]tensor)}
	}
	return s.store
}

// Sub returns a view of the names below prefix: s.Sub("a").PutInt("b", 1) stores "a/b" in s. The
// view shares the memory of s and costs nothing.
func (s *State) Sub(prefix string) *State {
	return &State{prefix: s.prefix + prefix + "/", store: s.all()}
}

// Err returns the first mistake made in a Put method of this State or any of its views, or nil.
func (s *State) Err() error { return s.all().err }

// Names returns the names in this view, relative to it, sorted.
func (s *State) Names() []string {
	var names []string
	for name := range s.all().tensors {
		if rest, ok := strings.CutPrefix(name, s.prefix); ok {
			names = append(names, rest)
		}
	}
	slices.Sort(names)
	return names
}

// PutFloat32 stores a copy of v, row-major, as a tensor of the given shape; an empty shape stands
// for [len(v)].
func (s *State) PutFloat32(name string, shape []int, v []float32) { putSlice(s, name, shape, v) }

// PutFloat64 is like PutFloat32 for float64.
func (s *State) PutFloat64(name string, shape []int, v []float64) { putSlice(s, name, shape, v) }

// PutInt32 is like PutFloat32 for int32.
func (s *State) PutInt32(name string, shape []int, v []int32) { putSlice(s, name, shape, v) }

// PutInt64 is like PutFloat32 for int64.
func (s *State) PutInt64(name string, shape []int, v []int64) { putSlice(s, name, shape, v) }

// PutBytes is like PutFloat32 for bytes.
func (s *State) PutBytes(name string, shape []int, v []byte) { putSlice(s, name, shape, v) }

// PutInt stores one integer.
func (s *State) PutInt(name string, v int64) { put(s, name, nil, []int64{v}) }

// PutFloat stores one float64, bit for bit.
func (s *State) PutFloat(name string, v float64) { put(s, name, nil, []float64{v}) }

// PutDurations stores durations, in nanoseconds.
func (s *State) PutDurations(name string, v []time.Duration) {
	ns := make([]int64, len(v))
	for i, d := range v {
		ns[i] = d.Nanoseconds()
	}
	s.PutInt64(name, nil, ns)
}

// PutString stores a string, which may contain any bytes.
func (s *State) PutString(name, v string) { putSlice(s, name, nil, []byte(v)) }

// putSlice is like put, with an empty shape meaning one dimension.
func putSlice[T element](s *State, name string, shape []int, v []T) {
	if len(shape) == 0 {
		shape = []int{len(v)}
	}
	put(s, name, shape, v)
}

func put[T element](s *State, name string, shape []int, v []T) {
	name = s.prefix + name
	if err := s.all().check(name, shape, len(v)); err != nil {
		s.all().fail(name, err)
		return
	}
	data := make([]byte, len(v)*dtypeOf[T]().size())
	if _, err := binary.Encode(data, binary.LittleEndian, v); err != nil { // the sizes match: never
		s.all().fail(name, err)
		return
	}
	s.all().tensors[name] = tensor{dtype: dtypeOf[T](), shape: slices.Clone(shape), data: data}
}

// fail keeps the first error.
func (st *store) fail(name string, err error) {
	if st.err == nil {
		st.err = fmt.Errorf("checkpoints: put %q: %w", name, err)
	}
}

// check reports why a tensor of n elements cannot be stored.
func (st *store) check(name string, shape []int, n int) error {
	if _, ok := st.tensors[name]; ok {
		return errors.New("the name is taken: two parts of the program store under one name")
	}
	if strings.Contains("/"+name+"/", "//") {
		return errors.New("a name is non-empty segments joined by \"/\"")
	}
	if !utf8.ValidString(name) || name == metadataKey {
		return errors.New("the name is reserved or not UTF-8")
	}
	if count, ok := elements(shape); !ok || count != n {
		return fmt.Errorf("%d elements do not fill shape %v", n, shape)
	}
	return nil
}

// elements returns the number of elements of a shape, and false if a dimension is negative or the
// number overflows.
func elements(shape []int) (int, bool) {
	if slices.ContainsFunc(shape, func(d int) bool { return d < 0 }) {
		return 0, false
	}
	if slices.Contains(shape, 0) {
		return 0, true
	}
	n := uint64(1)
	for _, d := range shape {
		var over uint64
		if over, n = bits.Mul64(n, uint64(d)); over != 0 || n > math.MaxInt {
			return 0, false
		}
	}
	return int(n), true
}

// Float32 copies a tensor into dst, which must have its length. See [State.Len].
func (s *State) Float32(name string, dst []float32) error { return get(s, name, dst) }

// Float64 is like Float32 for float64.
func (s *State) Float64(name string, dst []float64) error { return get(s, name, dst) }

// Int32 is like Float32 for int32.
func (s *State) Int32(name string, dst []int32) error { return get(s, name, dst) }

// Int64 is like Float32 for int64.
func (s *State) Int64(name string, dst []int64) error { return get(s, name, dst) }

// Bytes returns a copy of a tensor of bytes.
func (s *State) Bytes(name string) ([]byte, error) {
	t, err := s.lookup(name, typeU8)
	if err != nil {
		return nil, err
	}
	return slices.Clone(t.data), nil
}

// Int returns an integer stored with PutInt.
func (s *State) Int(name string) (int64, error) {
	var v [1]int64
	err := get(s, name, v[:])
	return v[0], err
}

// Float returns a float64 stored with PutFloat.
func (s *State) Float(name string) (float64, error) {
	var v [1]float64
	err := get(s, name, v[:])
	return v[0], err
}

// Durations returns the first durations stored with PutDurations, at most the given number.
func (s *State) Durations(name string, most int) ([]time.Duration, error) {
	n, err := s.Len(name)
	if err != nil {
		return nil, err
	}
	ns := make([]int64, n)
	if err := s.Int64(name, ns); err != nil {
		return nil, err
	}
	v := make([]time.Duration, min(n, most))
	for i := range v {
		v[i] = time.Duration(ns[i])
	}
	return v, nil
}

// String returns a string stored with PutString.
func (s *State) String(name string) (string, error) {
	t, err := s.lookup(name, typeU8)
	return string(t.data), err
}

// Len returns the number of elements of a tensor of any type.
func (s *State) Len(name string) (int, error) {
	t, err := s.lookup(name, "")
	if err != nil {
		return 0, err
	}
	return len(t.data) / t.dtype.size(), nil
}

// Shape returns the shape of a tensor of any type; a scalar has an empty one.
func (s *State) Shape(name string) ([]int, error) {
	t, err := s.lookup(name, "")
	return slices.Clone(t.shape), err
}

// lookup finds a tensor; want "" accepts any type.
func (s *State) lookup(name string, want dtype) (tensor, error) {
	t, ok := s.all().tensors[s.prefix+name]
	if !ok {
		return tensor{}, fmt.Errorf("checkpoints: no tensor %q: %w", s.prefix+name, ErrMismatch)
	}
	if want != "" && t.dtype != want {
		return tensor{}, s.mismatch(name, "holds %s, not %s", t.dtype, want)
	}
	return t, nil
}

func get[T element](s *State, name string, dst []T) error {
	t, err := s.lookup(name, dtypeOf[T]())
	if err != nil {
		return err
	}
	if n := len(t.data) / t.dtype.size(); n != len(dst) {
		return s.mismatch(name, "has %d elements (shape %v), not %d", n, t.shape, len(dst))
	}
	_, err = binary.Decode(t.data, binary.LittleEndian, dst)
	return err
}
