package datasets

import (
	"encoding/binary"
	"fmt"
	"math"
	"slices"

	"github.com/nlpodyssey/gopickle/types"
)

// pyDtype is a NumPy element type such as i4 or f8.
type pyDtype struct {
	code   string
	little bool // byte order known to be little endian
}

func newPyDtype(args []any) (any, error) {
	if len(args) > 0 {
		if code, ok := args[0].(string); ok {
			switch code {
			case "b1", "i1", "u1":
				return &pyDtype{code: code, little: true}, nil // one byte has no order
			case "i4", "i8", "u2", "i2", "u4", "f4", "f8":
				return &pyDtype{code: code}, nil
			}
			return nil, fmt.Errorf("NumPy element type %q: want b1, i1, u1, i2, u2, i4, u4, i8, f4 or f8", code)
		}
	}
	return nil, fmt.Errorf("NumPy element type without a name")
}

// PySetState takes (version, byte order, ...).
func (d *pyDtype) PySetState(state any) error {
	t, ok := state.(*types.Tuple)
	if !ok || t.Len() < 2 {
		return fmt.Errorf("NumPy element type: unexpected state %T", state)
	}
	if order, _ := t.Get(1).(string); order != "<" && !(d.size() == 1 && order == "|") {
		return fmt.Errorf("NumPy element type: byte order %v: want little endian", t.Get(1))
	}
	d.little = true
	return nil
}

func (d *pyDtype) size() int { return int(d.code[1] - '0') }

func (d *pyDtype) integer() bool { return d.code[0] == 'i' || d.code[0] == 'u' }

// pyArray is a NumPy array of one or two dimensions.
type pyArray struct {
	rows, cols int // a vector has one column
	dims       int
	fortran    bool // stored column by column
	dtype      *pyDtype
	raw        []byte
}

// PySetState takes (version, shape, dtype, column-major?, bytes).
func (a *pyArray) PySetState(state any) error {
	t, ok := state.(*types.Tuple)
	if !ok || t.Len() != 5 {
		return fmt.Errorf("NumPy array: unexpected state %T", state)
	}
	fortran, ok := t.Get(3).(bool)
	if !ok {
		return fmt.Errorf("NumPy array: no memory order")
	}
	return a.set(t.Get(1), t.Get(2), fortran, t.Get(4))
}

// set checks and takes the parts of an array.
func (a *pyArray) set(shapeArg, dtypeArg any, fortran bool, data any) error {
	shape, ok := shapeArg.(*types.Tuple)
	if !ok || shape.Len() < 1 || shape.Len() > 2 {
		return fmt.Errorf("NumPy array: unexpected shape %v: want one or two dimensions", shapeArg)
	}
	size := [2]int{1, 1}
	for i := range shape.Len() {
		n, ok := shape.Get(i).(int)
		if !ok || n < 0 || n > math.MaxInt32 {
			return fmt.Errorf("NumPy array: unexpected size %v", shape.Get(i))
		}
		size[i] = n
	}
	dtype, ok := dtypeArg.(*pyDtype)
	if !ok || !dtype.little {
		return fmt.Errorf("NumPy array: no element type")
	}
	raw, err := rawBytes(data)
	if err != nil {
		return err
	}
	// Sizes are below 2^31 and elements at most 8 bytes: the product fits only after the first two
	// have been found to.
	if size[0] > 0 && size[1] > len(raw)/size[0] || size[0]*size[1]*dtype.size() != len(raw) {
		return fmt.Errorf("NumPy array [%d x %d] of %s holds %d bytes", size[0], size[1], dtype.code, len(raw))
	}
	*a = pyArray{size[0], size[1], shape.Len(), fortran, dtype, raw}
	return nil
}

// at returns element k in the order of storage.
func (a *pyArray) at(k int) float64 {
	switch a.dtype.code {
	case "b1", "u1":
		return float64(a.raw[k])
	case "i1":
		return float64(int8(a.raw[k]))
	case "i2":
		return float64(int16(binary.LittleEndian.Uint16(a.raw[2*k:])))
	case "u2":
		return float64(binary.LittleEndian.Uint16(a.raw[2*k:]))
	case "u4":
		return float64(binary.LittleEndian.Uint32(a.raw[4*k:]))
	case "i4":
		return float64(int32(binary.LittleEndian.Uint32(a.raw[4*k:])))
	case "i8":
		return float64(int64(binary.LittleEndian.Uint64(a.raw[8*k:])))
	case "f4":
		return float64(math.Float32frombits(binary.LittleEndian.Uint32(a.raw[4*k:])))
	default:
		return math.Float64frombits(binary.LittleEndian.Uint64(a.raw[8*k:]))
	}
}

// values returns the elements row by row.
func (a *pyArray) values() []float64 {
	v := make([]float64, a.rows*a.cols)
	for i := range a.rows {
		for j := range a.cols {
			k := i*a.cols + j
			if a.fortran {
				k = j*a.rows + i
			}
			v[i*a.cols+j] = a.at(k)
		}
	}
	return v
}

// indices returns the elements of a vector of integers.
func (a *pyArray) indices() ([]int32, error) {
	if a.dims != 1 || !a.dtype.integer() {
		return nil, fmt.Errorf("want a vector of integers, got [%d x %d] of %s", a.rows, a.cols, a.dtype.code)
	}
	v := make([]int32, a.rows)
	for k := range v {
		x := a.at(k)
		if x < 0 || x > math.MaxInt32 {
			return nil, fmt.Errorf("index %v is out of range", x)
		}
		v[k] = int32(x)
	}
	return v, nil
}

// maxSize bounds the sizes of a sparse matrix, which a file could otherwise claim to be larger than
// memory without holding any data.
const maxSize = 1 << 26

// newPyCSR constructs a *pyCSR.
type newPyCSR struct{}

// PyNew returns a matrix still without content.
func (newPyCSR) PyNew(...any) (any, error) { return new(pyCSR), nil }

// pyCSR is a SciPy sparse matrix in compressed rows.
type pyCSR struct {
	rows, cols int
	ptr, col   []int32
	val        []float32
}

// PySetState takes the dictionary of the matrix's attributes.
func (m *pyCSR) PySetState(state any) error {
	d, ok := state.(*types.Dict)
	if !ok {
		return fmt.Errorf("CSR matrix: unexpected state %T", state)
	}
	for _, name := range []string{"_shape", "indptr", "indices", "data"} {
		i := slices.IndexFunc(*d, func(e types.DictEntry) bool { return e.Key == any(name) })
		if i < 0 {
			return fmt.Errorf("CSR matrix: attribute %s is missing", name)
		}
		if err := m.set(name, (*d)[i].Value); err != nil {
			return fmt.Errorf("CSR matrix: %s: %w", name, err)
		}
	}
	if len(m.ptr) != m.rows+1 || m.ptr[0] != 0 || int(m.ptr[m.rows]) != len(m.col) || len(m.val) != len(m.col) {
		return fmt.Errorf("CSR matrix [%d x %d]: %d row offsets, %d columns and %d values do not fit together",
			m.rows, m.cols, len(m.ptr), len(m.col), len(m.val))
	}
	for i := range m.rows {
		if m.ptr[i] > m.ptr[i+1] {
			return fmt.Errorf("CSR matrix: row %d ends before it starts", i)
		}
	}
	for k, j := range m.col {
		if int(j) >= m.cols {
			return fmt.Errorf("CSR matrix: entry %d is in column %d of %d", k, j, m.cols)
		}
	}
	return nil
}

func (m *pyCSR) set(name string, value any) (err error) {
	if name == "_shape" {
		t, ok := value.(*types.Tuple)
		if !ok || t.Len() != 2 {
			return fmt.Errorf("want two sizes, got %T", value)
		}
		rows, ok1 := t.Get(0).(int)
		cols, ok2 := t.Get(1).(int)
		if !ok1 || !ok2 || min(rows, cols) < 0 || max(rows, cols) > maxSize {
			return fmt.Errorf("unexpected sizes %v and %v", t.Get(0), t.Get(1))
		}
		m.rows, m.cols = rows, cols
		return nil
	}
	a, ok := value.(*pyArray)
	if !ok || a.dtype == nil {
		return fmt.Errorf("want an array, got %T", value)
	}
	switch name {
	case "indptr":
		m.ptr, err = a.indices()
	case "indices":
		m.col, err = a.indices()
	default:
		if a.dims != 1 {
			return fmt.Errorf("want a vector, got [%d x %d]", a.rows, a.cols)
		}
		m.val = m.val[:0]
		for _, v := range a.values() {
			m.val = append(m.val, float32(v))
		}
	}
	return err
}
