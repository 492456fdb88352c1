package datasets

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"strings"

	"github.com/nlpodyssey/gopickle/pickle"
	"github.com/nlpodyssey/gopickle/types"
)

// loadPickle decodes a pickle of NumPy arrays, SciPy CSR matrices and dictionaries. The result is a
// *pyArray, a *pyCSR, a *types.Dict or a plain value. No code runs: it can construct only the types
// below.
func loadPickle(data []byte) (v any, err error) {
	if err := checkOpcodes(data); err != nil {
		return nil, err
	}
	// The library indexes its stack unchecked in places; a garbled file must give an error all the
	// same.
	defer func() {
		if r := recover(); r != nil {
			v, err = nil, fmt.Errorf("malformed pickle: %v", r)
		}
	}()
	u := pickle.NewUnpickler(bytes.NewReader(data))
	u.FindClass = findClass
	return u.Load()
}

// argument is the kind of bytes after an opcode: a number of bytes, or one of the kinds below.
type argument int

const (
	oneLine  argument = -1 - iota // up to a newline
	twoLines                      // two of them
	counted1                      // as many bytes as the first says
	counted4                      // as many bytes as the first four, little endian, say
	counted8                      // as many as the first eight say
	aFrame                        // eight bytes, the length of what follows and is to be walked over too
)

// opcodes are those that data needs. Left out are all that call back into the loader's surroundings
// (extensions, persistent ids, buffers) and those that only a crafted file would use.
var opcodes = map[byte]argument{
	0x80: 1,                                   // PROTO
	'.':  0, '(': 0, 'N': 0, 0x88: 0, 0x89: 0, // STOP MARK NONE NEWTRUE NEWFALSE
	'J': 4, 'K': 1, 'M': 2, 0x8a: counted1, 'G': 8, // BININT BININT1 BININT2 LONG1 BINFLOAT
	'U': counted1, 'T': counted4, 'X': counted4, // SHORT_BINSTRING BINSTRING BINUNICODE
	'C': counted1, 'B': counted4, // SHORT_BINBYTES BINBYTES
	')': 0, 't': 0, 0x85: 0, 0x86: 0, 0x87: 0, // EMPTY_TUPLE TUPLE TUPLE1 TUPLE2 TUPLE3
	']': 0, 'a': 0, 'e': 0, // EMPTY_LIST APPEND APPENDS
	'}': 0, 's': 0, 'u': 0, // EMPTY_DICT SETITEM SETITEMS
	'q': 1, 'r': 4, 'h': 1, 'j': 4, // BINPUT LONG_BINPUT BINGET LONG_BINGET
	'c': twoLines, 'R': 0, 0x81: 0, 'b': 0, // GLOBAL REDUCE NEWOBJ BUILD
	// Of protocols 4 and 5:
	0x95: aFrame, 0x94: 0, 0x93: 0, // FRAME MEMOIZE STACK_GLOBAL
	0x8c: counted1, 0x8d: counted8, 0x8e: counted8, 0x96: counted8, // SHORT_BINUNICODE BINUNICODE8 BINBYTES8 BYTEARRAY8
}

// checkOpcodes walks over the opcodes without executing them. It makes sure that they are among
// those above and that no argument claims more bytes than there are, which the library would
// allocate.
func checkOpcodes(data []byte) error {
	for at := 0; at < len(data); {
		op := data[at]
		arg, ok := opcodes[op]
		if !ok {
			return fmt.Errorf("byte %d: pickle opcode %#x has no place in a data file (want protocols 2 to 5)", at, op)
		}
		if op == '.' {
			return nil
		}
		rest := data[at+1:]
		n := int(arg)
		switch {
		case arg == oneLine || arg == twoLines:
			n = 0
			for range -int(arg) {
				end := bytes.IndexByte(rest[n:], '\n')
				if end < 0 {
					n = len(rest) + 1
					break
				}
				n += end + 1
			}
		case arg == counted1 && len(rest) >= 1:
			n = 1 + int(rest[0])
		case arg == counted4 && len(rest) >= 4:
			n = 4 + int(binary.LittleEndian.Uint32(rest))
		case (arg == counted8 || arg == aFrame) && len(rest) >= 8:
			n = len(rest) + 1
			if size := binary.LittleEndian.Uint64(rest); size <= uint64(len(rest)-8) {
				if n = 8; arg == counted8 {
					n += int(size)
				}
			}
		case arg < 0:
			n = len(rest) + 1
		}
		if n > len(rest) {
			return fmt.Errorf("byte %d: the pickle ends within an opcode's argument (is the file truncated?)", at)
		}
		at += 1 + n
	}
	return fmt.Errorf("the pickle has no end (is the file empty or truncated?)")
}

// findClass knows the classes and functions that data files name. NumPy 2 and SciPy 1.8 moved
// theirs.
func findClass(module, name string) (any, error) {
	switch strings.Replace(module, "numpy._core.", "numpy.core.", 1) + "." + name {
	case "scipy.sparse.csr.csr_matrix", "scipy.sparse._csr.csr_matrix", "scipy.sparse._csr.csr_array":
		return newPyCSR{}, nil
	case "numpy.core.multiarray._reconstruct":
		return callable(func([]any) (any, error) { return new(pyArray), nil }), nil
	case "numpy.core.numeric._frombuffer":
		return callable(frombuffer), nil
	case "numpy.core.multiarray.scalar":
		return callable(newScalar), nil
	case "numpy.dtype":
		return callable(newPyDtype), nil
	case "_codecs.encode":
		return callable(latin1), nil
	case "collections.defaultdict":
		return callable(func([]any) (any, error) { return types.NewDict(), nil }), nil
	case "numpy.ndarray", "__builtin__.list", "builtins.list":
		return className(name), nil // only ever an argument of the above
	case "__builtin__.bytearray", "builtins.bytearray", "__builtin__.bytes", "builtins.bytes":
		return callable(func(args []any) (any, error) {
			if len(args) == 0 {
				return []byte{}, nil
			}
			return rawBytes(args[0])
		}), nil
	}
	return nil, fmt.Errorf("the pickle names %s.%s, which no graph data set needs: refused", module, name)
}

// latin1 is how Python 3 writes bytes in protocol 2: as the text whose characters they are.
func latin1(args []any) (any, error) {
	if len(args) != 2 || args[1] != any("latin1") {
		return nil, fmt.Errorf("an encoding other than latin1")
	}
	text, ok := args[0].(string)
	if !ok {
		return nil, fmt.Errorf("want a text to encode, got %T", args[0])
	}
	b := make([]byte, 0, len(text))
	for _, r := range text {
		if r > 0xff {
			return nil, fmt.Errorf("character %q is not in latin1", r)
		}
		b = append(b, byte(r))
	}
	return b, nil
}

// rawBytes returns the bytes of a value that holds any.
func rawBytes(v any) ([]byte, error) {
	switch b := v.(type) {
	case string: // what Python 2 calls a string are bytes
		return []byte(b), nil
	case []byte:
		return b, nil
	case *types.ByteArray:
		return []byte(*b), nil
	}
	return nil, fmt.Errorf("NumPy array: want its bytes, got %T", v)
}

// frombuffer takes (bytes, dtype, shape, order), as NumPy writes arrays in protocol 5.
func frombuffer(args []any) (any, error) {
	if len(args) != 4 {
		return nil, fmt.Errorf("NumPy array of %d arguments, want 4", len(args))
	}
	order, _ := args[3].(string)
	if order != "C" && order != "F" {
		return nil, fmt.Errorf("NumPy array: unexpected memory order %v", args[3])
	}
	a := new(pyArray)
	return a, a.set(args[2], args[1], order == "F", args[0])
}

// newScalar takes (dtype, bytes) and returns a number.
func newScalar(args []any) (any, error) {
	if len(args) != 2 {
		return nil, fmt.Errorf("NumPy number of %d arguments, want 2", len(args))
	}
	dtype, ok := args[0].(*pyDtype)
	if !ok || !dtype.little {
		return nil, fmt.Errorf("NumPy number: no element type")
	}
	raw, err := rawBytes(args[1])
	if err != nil {
		return nil, err
	}
	if len(raw) != dtype.size() {
		return nil, fmt.Errorf("NumPy number of %s holds %d bytes", dtype.code, len(raw))
	}
	v := (&pyArray{dtype: dtype, raw: raw}).at(0)
	if dtype.integer() && math.Abs(v) <= 1<<53 {
		return int(v), nil
	}
	return v, nil
}

type className string

type callable func(args []any) (any, error)

func (f callable) Call(args ...any) (any, error) { return f(args) }
