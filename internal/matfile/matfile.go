// Package matfile reads the part of the MATLAB 5 format ("MAT-File Format", The MathWorks, chapter
// 1) that the published data sets use: little-endian files of real, full, two-dimensional numeric
// arrays, compressed or not, in any of the compact storage types. Everything else is an error or,
// in variables not requested, skipped.
//
// It never trusts a size from the file: it allocates only for bytes that exist.
package matfile

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
)

// Matrix is a numeric array [rows x cols], row-major.
type Matrix struct {
	Rows, Cols int
	Data       []float64
}

const (
	matHeaderSize = 128
	matTagSize    = 8

	// maxInflated bounds one decompressed variable. The largest of the published files (30,000 x
	// 30) takes 7 MB.
	maxInflated = 1 << 26
)

// Data types of elements.
const (
	miINT8       = 1
	miUINT8      = 2
	miINT16      = 3
	miUINT16     = 4
	miINT32      = 5
	miUINT32     = 6
	miSINGLE     = 7
	miDOUBLE     = 9
	miINT64      = 12
	miUINT64     = 13
	miMATRIX     = 14
	miCOMPRESSED = 15
)

// Array classes and flags, in the first word of the array flags.
const (
	mxDOUBLE    = 6
	mxUINT64    = 15
	mxOPAQUE    = 17
	flagComplex = 0x0800
)

// Read returns the named variables of the MATLAB file in data, in the order of names.
func Read(data []byte, names ...string) ([]Matrix, error) {
	found, present, err := ReadSome(data, names...)
	if err != nil {
		return nil, err
	}
	all := make([]Matrix, len(names))
	for i, m := range found {
		if m == nil {
			return nil, fmt.Errorf("variable %q is missing; the file has %q", names[i], present)
		}
		all[i] = *m
	}
	return all, nil
}

// ReadSome is Read with nil for variables that are missing. It also returns the names of all
// there are.
func ReadSome(data []byte, names ...string) (found []*Matrix, present []string, err error) {
	if err := checkMATHeader(data); err != nil {
		return nil, nil, err
	}
	found = make([]*Matrix, len(names))
	for offset := matHeaderSize; offset < len(data); {
		kind, payload, size, err := matElement(data[offset:])
		if err != nil {
			return nil, nil, fmt.Errorf("element at byte %d: %w", offset, err)
		}
		switch kind {
		case miCOMPRESSED:
			payload, err = inflate(payload)
		case miMATRIX:
		default:
			err = fmt.Errorf("data type %d where a variable should start", kind)
		}
		if err != nil {
			return nil, nil, fmt.Errorf("element at byte %d: %w", offset, err)
		}
		name, array, err := parseArray(payload)
		if err != nil {
			return nil, nil, fmt.Errorf("element at byte %d: %w", offset, err)
		}
		present = append(present, name)
		if i := slices.Index(names, name); i >= 0 {
			if found[i] != nil {
				return nil, nil, fmt.Errorf("variable %q occurs twice", name)
			}
			m, err := array.decode()
			if err != nil {
				return nil, nil, fmt.Errorf("variable %q: %w", name, err)
			}
			found[i] = &m
		}
		offset += size
	}
	return found, present, nil
}

func checkMATHeader(data []byte) error {
	const mark = "MATLAB "
	if len(data) < matHeaderSize {
		return fmt.Errorf("%d bytes: a MATLAB file has a header of %d", len(data), matHeaderSize)
	}
	if !bytes.HasPrefix(data, []byte(mark)) {
		return fmt.Errorf("not a MATLAB file of version 5 to 7, as MATLAB writes with -v7 and SciPy by default: it starts with %q", data[:len(mark)])
	}
	switch version, order := binary.LittleEndian.Uint16(data[124:]), string(data[126:128]); {
	case order == "MI":
		return errors.New("big-endian MATLAB file: save it again on a little-endian machine")
	case order != "IM":
		return fmt.Errorf("garbled MATLAB header: byte order mark %q", order)
	case version == 0x0200:
		return errors.New("MATLAB 7.3 (HDF5) file: save it again with save -v7")
	case version != 0x0100:
		return fmt.Errorf("MATLAB file version %#04x: only 0x0100 (MATLAB 5 to 7) is supported", version)
	}
	return nil
}

// matElement splits the first data element off b. size is the number of bytes it occupies: tag,
// data, and padding to a multiple of 8 bytes, which every element has except compressed ones and,
// from some writers, the last.
func matElement(b []byte) (kind uint32, payload []byte, size int, err error) {
	if len(b) < matTagSize {
		return 0, nil, 0, fmt.Errorf("truncated: %d bytes left, a tag has %d", len(b), matTagSize)
	}
	kind = binary.LittleEndian.Uint32(b)
	if small := int(kind >> 16); small != 0 { // up to 4 bytes packed into the tag itself
		if small > 4 {
			return 0, nil, 0, fmt.Errorf("garbled tag: %d bytes in a small element, at most 4 fit", small)
		}
		return kind & 0xffff, b[4 : 4+small], matTagSize, nil
	}
	length := int64(binary.LittleEndian.Uint32(b[4:]))
	if left := int64(len(b) - matTagSize); length > left {
		return 0, nil, 0, fmt.Errorf("truncated: %d bytes announced, %d left", length, left)
	}
	end := matTagSize + int(length)
	payload = b[matTagSize:end]
	if kind != miCOMPRESSED {
		end = min((end+7)&^7, len(b))
	}
	return kind, payload, end, nil
}

// inflate returns the content of the one array element in a compressed element.
func inflate(compressed []byte) ([]byte, error) {
	payload, err := inflateArray(compressed)
	if err != nil {
		return nil, fmt.Errorf("compressed variable: %w", err)
	}
	return payload, nil
}

func inflateArray(compressed []byte) ([]byte, error) {
	z, err := zlib.NewReader(bytes.NewReader(compressed))
	if err != nil {
		return nil, err
	}
	var tag [matTagSize]byte
	if _, err := io.ReadFull(z, tag[:]); err != nil {
		return nil, err
	}
	kind, length := binary.LittleEndian.Uint32(tag[:]), binary.LittleEndian.Uint32(tag[4:])
	switch {
	case kind != miMATRIX:
		return nil, fmt.Errorf("data type %d where a variable should start", kind)
	case length > maxInflated:
		return nil, fmt.Errorf("%d bytes announced, at most %d are read", length, maxInflated)
	}
	// One byte more than announced, because only the end of the stream verifies its checksum.
	payload, err := io.ReadAll(io.LimitReader(z, int64(length)+1))
	if err != nil {
		return nil, err
	}
	switch {
	case len(payload) < int(length):
		return nil, fmt.Errorf("truncated: %d bytes announced, %d there", length, len(payload))
	case len(payload) > int(length):
		return nil, fmt.Errorf("more than the %d bytes announced", length)
	}
	return payload, nil
}

// rawArray is an array element taken apart but not yet converted.
type rawArray struct {
	flags   uint32
	dims    []byte
	storage uint32
	data    []byte
}

// parseArray takes the content of a miMATRIX element apart: array flags, dimensions, name, and the
// real part.
func parseArray(b []byte) (name string, a rawArray, err error) {
	next := func(part string, want ...uint32) (uint32, []byte) {
		if err != nil {
			return 0, nil
		}
		kind, payload, size, e := matElement(b)
		if e == nil && len(want) > 0 && !slices.Contains(want, kind) {
			e = fmt.Errorf("data type %d", kind)
		}
		if e != nil {
			err = fmt.Errorf("%s: %w", part, e)
			return 0, nil
		}
		b = b[size:]
		return kind, payload
	}
	_, flags := next("array flags", miUINT32)
	if err == nil && len(flags) != 8 {
		err = fmt.Errorf("array flags: %d bytes instead of 8", len(flags))
	}
	if err != nil {
		return "", a, err
	}
	a.flags = binary.LittleEndian.Uint32(flags)
	if a.class() == mxOPAQUE { // objects of newer MATLABs, which have no dimensions
		return "", a, nil
	}
	_, a.dims = next("dimensions", miINT32)
	_, text := next("name", miINT8)
	if a.numeric() {
		a.storage, a.data = next("real part")
	}
	return string(text), a, err
}

func (a rawArray) class() uint32 { return a.flags & 0xff }
func (a rawArray) numeric() bool { return a.class() >= mxDOUBLE && a.class() <= mxUINT64 }

// kind names what is not a numeric array.
func (a rawArray) kind() string {
	if a.numeric() {
		return "complex numbers"
	}
	names := []string{1: "a cell array", 2: "a struct", 3: "an object", 4: "a text", 5: "a sparse matrix"}
	if c := int(a.class()); c > 0 && c < len(names) {
		return names[c]
	}
	return fmt.Sprintf("array flags %#x", a.flags)
}

// decode converts the array to float64, row-major.
func (a rawArray) decode() (Matrix, error) {
	if !a.numeric() || a.flags&flagComplex != 0 {
		return Matrix{}, fmt.Errorf("%s: not a real, full, numeric array", a.kind())
	}
	if len(a.dims) != 8 {
		return Matrix{}, fmt.Errorf("%d dimensions instead of 2", len(a.dims)/4)
	}
	width, ok := map[uint32]int{
		miINT8: 1, miUINT8: 1, miINT16: 2, miUINT16: 2, miINT32: 4, miUINT32: 4, miINT64: 8, miUINT64: 8,
		miSINGLE: 4, miDOUBLE: 8,
	}[a.storage]
	if !ok {
		return Matrix{}, fmt.Errorf("data type %d is not numeric", a.storage)
	}
	rows, cols := int32(binary.LittleEndian.Uint32(a.dims)), int32(binary.LittleEndian.Uint32(a.dims[4:]))
	count := len(a.data) / width
	if rows < 0 || cols < 0 || int64(rows)*int64(cols) != int64(count) || count*width != len(a.data) {
		return Matrix{}, fmt.Errorf("[%d x %d] with %d bytes of %d-byte numbers", rows, cols, len(a.data), width)
	}
	m := Matrix{Rows: int(rows), Cols: int(cols), Data: make([]float64, count)}
	for j := range m.Cols { // the file is column-major
		for i := range m.Rows {
			m.Data[i*m.Cols+j] = number(a.storage, a.data[(j*m.Rows+i)*width:])
		}
	}
	return m, nil
}

// number decodes the first number of b.
func number(storage uint32, b []byte) float64 {
	le := binary.LittleEndian
	switch storage {
	case miINT8:
		return float64(int8(b[0]))
	case miUINT8:
		return float64(b[0])
	case miINT16:
		return float64(int16(le.Uint16(b)))
	case miUINT16:
		return float64(le.Uint16(b))
	case miINT32:
		return float64(int32(le.Uint32(b)))
	case miUINT32:
		return float64(le.Uint32(b))
	case miINT64:
		return float64(int64(le.Uint64(b)))
	case miUINT64:
		return float64(le.Uint64(b))
	case miSINGLE:
		return float64(math.Float32frombits(le.Uint32(b)))
	default:
		return math.Float64frombits(le.Uint64(b))
	}
}
