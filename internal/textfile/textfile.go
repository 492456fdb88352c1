// Package textfile reads text as spreadsheets, editors and data loggers save it: UTF-8 with or
// without a byte order mark, UTF-16 with one, and lines that end in LF, CRLF or CR.
package textfile

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// ErrEncoding is wrapped by the errors of text in an encoding that this package does not read.
var ErrEncoding = errors.New("unknown text encoding")

// Byte order marks.
var (
	utf8Mark    = []byte{0xef, 0xbb, 0xbf}
	utf16LEMark = []byte{0xff, 0xfe}
	utf16BEMark = []byte{0xfe, 0xff}
	utf32LEMark = []byte{0xff, 0xfe, 0, 0}
	utf32BEMark = []byte{0, 0, 0xfe, 0xff}
)

// Decode returns data without its byte order mark and with LF line ends. UTF-16 becomes UTF-8. Text
// without a mark is taken as it is: bytes that are not UTF-8 stay, but a zero byte is an error, for
// text has none.
func Decode(data []byte) ([]byte, error) {
	switch {
	case bytes.HasPrefix(data, utf32LEMark) || bytes.HasPrefix(data, utf32BEMark):
		return nil, fmt.Errorf("UTF-32 text: save the file as UTF-8: %w", ErrEncoding)
	case bytes.HasPrefix(data, utf8Mark):
		data = data[len(utf8Mark):]
	case bytes.HasPrefix(data, utf16LEMark):
		return fromUTF16(data[2:], binary.LittleEndian)
	case bytes.HasPrefix(data, utf16BEMark):
		return fromUTF16(data[2:], binary.BigEndian)
	}
	return normalize(data)
}

// normalize refuses zero bytes and makes every line end LF.
func normalize(data []byte) ([]byte, error) {
	if i := bytes.IndexByte(data, 0); i >= 0 {
		return nil, fmt.Errorf("byte %d is zero: a binary file, or UTF-16 without a byte order mark; save it as UTF-8: %w", i, ErrEncoding)
	}
	if bytes.IndexByte(data, '\r') < 0 {
		return data, nil
	}
	data = bytes.ReplaceAll(data, []byte("\r\n"), []byte("\n"))
	return bytes.ReplaceAll(data, []byte("\r"), []byte("\n")), nil
}

func fromUTF16(data []byte, order binary.ByteOrder) ([]byte, error) {
	if len(data)%2 != 0 {
		return nil, fmt.Errorf("UTF-16 text of an odd number of bytes: the file is cut off: %w", ErrEncoding)
	}
	text := make([]byte, 0, len(data)/2)
	for i := 0; i < len(data); i += 2 {
		r := rune(order.Uint16(data[i:]))
		if utf16.IsSurrogate(r) {
			low := rune(utf8.RuneError)
			if i+4 <= len(data) {
				low = rune(order.Uint16(data[i+2:]))
			}
			if r = utf16.DecodeRune(r, low); r == utf8.RuneError {
				return nil, fmt.Errorf("half a character at byte %d of UTF-16 text: %w", i, ErrEncoding)
			}
			i += 2
		}
		text = utf8.AppendRune(text, r)
	}
	return normalize(text)
}

// Read reads all of r and decodes it, see [Decode].
func Read(r io.Reader) ([]byte, error) {
	data, err := io.ReadAll(r)
	if err != nil {
		return nil, err
	}
	return Decode(data)
}

// ReadFile reads a file and decodes it, see [Decode]. Errors name the file.
func ReadFile(name string) ([]byte, error) {
	data, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	if data, err = Decode(data); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return data, nil
}

// Number reads a decimal number such as 12, -0.5 or 1e-3. What other programs do not take for one,
// as 1_000 and 0x1p4 (which Go does), infinities and NaN, is an error.
func Number(text string) (float64, error) {
	v, err := strconv.ParseFloat(text, 64)
	if err != nil || math.IsNaN(v) || math.IsInf(v, 0) || strings.ContainsAny(text, "_xX") {
		return 0, fmt.Errorf("%q is not a finite decimal number", text)
	}
	return v, nil
}
