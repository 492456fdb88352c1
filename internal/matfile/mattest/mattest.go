// Package mattest builds MATLAB 5 files, right and wrong ones, for tests.
package mattest

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"math"
	"slices"
)

// Data types of elements.
const (
	INT8       = 1
	UINT8      = 2
	INT32      = 5
	UINT32     = 6
	DOUBLE     = 9
	MATRIX     = 14
	COMPRESSED = 15

	classDouble = 6
)

// File builds MATLAB 5 files, right and wrong ones.
type File struct{ bytes.Buffer }

// NewFile starts a file with its header.
func NewFile() *File {
	w := &File{}
	header := bytes.Repeat([]byte{' '}, 128)
	copy(header, "MATLAB 5.0 MAT-file, made by a test")
	binary.LittleEndian.PutUint16(header[124:], 0x0100)
	copy(header[126:], "IM")
	w.Write(header)
	return w
}

// Element encodes a data element in the short form where it fits, padded to 8 bytes.
func Element(kind uint32, data []byte) []byte {
	le := binary.LittleEndian
	if n := len(data); n > 0 && n <= 4 {
		out := le.AppendUint32(nil, kind|uint32(n)<<16)
		return append(append(out, data...), make([]byte, 4-n)...)
	}
	out := le.AppendUint32(le.AppendUint32(nil, kind), uint32(len(data)))
	out = append(out, data...)
	return append(out, make([]byte, (8-len(data)%8)%8)...)
}

// Words are 32-bit integers.
func Words(v ...uint32) []byte {
	var b []byte
	for _, w := range v {
		b = binary.LittleEndian.AppendUint32(b, w)
	}
	return b
}

// Doubles are 64-bit floats.
func Doubles(v ...float64) []byte {
	var b []byte
	for _, x := range v {
		b = binary.LittleEndian.AppendUint64(b, math.Float64bits(x))
	}
	return b
}

// Array is a MATRIX element of class double.
func Array(name string, rows, cols int, storage uint32, data []byte) []byte {
	return Element(MATRIX, slices.Concat(
		Element(UINT32, Words(classDouble, 0)),
		Element(INT32, Words(uint32(rows), uint32(cols))),
		Element(INT8, []byte(name)),
		Element(storage, data)))
}

// Compressed wraps an element; compressed elements are not padded.
func Compressed(content []byte) []byte {
	var z bytes.Buffer
	w := zlib.NewWriter(&z)
	w.Write(content)
	w.Close()
	return append(Words(COMPRESSED, uint32(z.Len())), z.Bytes()...)
}
