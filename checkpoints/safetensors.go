package checkpoints

import (
	"bufio"
	"bytes"
	"cmp"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"unicode/utf8"
)

// The safetensors format, https://huggingface.co/docs/safetensors: 8 bytes with the little-endian
// length of the header; the header, a JSON object {name: {dtype, shape, data_offsets}} that may end
// in spaces; the tensors' bytes, which the offsets (counted from the end of the header) cover
// without gap or overlap.

const (
	metadataKey = "__metadata__" // the one header entry that is not a tensor: free-form strings
	maxHeader   = 100_000_000    // bytes; the limit of the reference implementation
)

// headerEntry describes one tensor in the header.
type headerEntry struct {
	DType   dtype  `json:"dtype"`
	Shape   []int  `json:"shape"`
	Offsets [2]int `json:"data_offsets"`
}

// alignment orders element types in the file, widest first, so that every tensor starts at a
// multiple of its element size and a reader may map the file into memory. The reference
// implementation has the same order.
var alignment = []dtype{
	typeU64, typeI64, typeF64, typeF32, typeU32, typeI32, typeBF16, typeF16, typeU16, typeI16,
	typeF8E4M3, typeF8E5M2, typeI8, typeU8, typeBool,
}

// encodeSafetensors writes tensors by type and then name: equal tensors make equal bytes.
func encodeSafetensors(w io.Writer, tensors map[string]tensor) error {
	names := make([]string, 0, len(tensors))
	for name := range tensors {
		names = append(names, name)
	}
	slices.SortFunc(names, func(a, b string) int {
		ta, tb := slices.Index(alignment, tensors[a].dtype), slices.Index(alignment, tensors[b].dtype)
		return cmp.Or(cmp.Compare(ta, tb), cmp.Compare(a, b))
	})

	header := []byte(`{"` + metadataKey + `":{"producer":"graphrl"}`)
	offset := 0
	for _, name := range names {
		t := tensors[name]
		end := offset + len(t.data)
		key, err := json.Marshal(name)
		if err != nil {
			return err
		}
		shape := append([]int{}, t.shape...) // [] rather than null for a scalar
		value, err := json.Marshal(headerEntry{t.dtype, shape, [2]int{offset, end}})
		if err != nil {
			return err
		}
		header = append(header, ',')
		header = append(header, key...)
		header = append(header, ':')
		header = append(header, value...)
		offset = end
	}
	header = append(header, '}')
	for len(header)%8 != 0 { // so that the data starts aligned
		header = append(header, ' ')
	}
	if len(header) > maxHeader {
		return fmt.Errorf("the names of %d tensors need %d bytes, more than the format's %d", len(names), len(header), maxHeader)
	}

	buf := bufio.NewWriterSize(w, 1<<16) // scalars are many and small
	buf.Write(binary.LittleEndian.AppendUint64(nil, uint64(len(header))))
	buf.Write(header)
	for _, name := range names {
		buf.Write(tensors[name].data)
	}
	return buf.Flush() // returns the first error of any Write above
}

// decodeSafetensors reads a whole file. The tensors share its memory.
func decodeSafetensors(file []byte) (map[string]tensor, error) {
	if len(file) < 8 {
		return nil, fmt.Errorf("%d bytes are too few for a safetensors file", len(file))
	}
	size, rest := binary.LittleEndian.Uint64(file), file[8:]
	if size > maxHeader || size > uint64(len(rest)) {
		return nil, fmt.Errorf("the header claims %d bytes; the file has %d and the format allows %d", size, len(rest), maxHeader)
	}
	entries, err := decodeHeader(rest[:size])
	if err != nil {
		return nil, fmt.Errorf("header: %w", err)
	}

	data := rest[size:]
	order := make([]string, 0, len(entries))
	for name := range entries {
		order = append(order, name)
	}
	slices.SortFunc(order, func(a, b string) int {
		ea, eb := entries[a], entries[b]
		return cmp.Or(slices.Compare(ea.Offsets[:], eb.Offsets[:]), cmp.Compare(a, b))
	})
	tensors := make(map[string]tensor, len(entries))
	end := 0
	for _, name := range order {
		e := entries[name]
		from, to := e.Offsets[0], e.Offsets[1]
		if from != end || to < from || to > len(data) {
			return nil, fmt.Errorf("tensor %q covers bytes [%d, %d); bytes up to %d are covered by others and there are %d in all", name, from, to, end, len(data))
		}
		elemSize := e.DType.size()
		if elemSize == 0 {
			return nil, fmt.Errorf("tensor %q has type %q; known are %q", name, e.DType, alignment)
		}
		if n, ok := elements(e.Shape); !ok || (to-from)%elemSize != 0 || n != (to-from)/elemSize {
			return nil, fmt.Errorf("tensor %q of type %s and shape %v does not fill its %d bytes", name, e.DType, e.Shape, to-from)
		}
		tensors[name] = tensor{dtype: e.DType, shape: e.Shape, data: data[from:to:to]}
		end = to
	}
	if end != len(data) {
		return nil, fmt.Errorf("the tensors cover %d bytes of %d", end, len(data))
	}
	return tensors, nil
}

// decodeHeader reads the header token by token: encoding/json alone would let a second entry with
// the same name replace the first, and accept "DType" for "dtype".
func decodeHeader(header []byte) (map[string]headerEntry, error) {
	if !utf8.Valid(header) {
		return nil, errors.New("not UTF-8")
	}
	if !bytes.HasPrefix(header, []byte("{")) {
		return nil, errors.New("does not start with {")
	}
	d := tokens{json.NewDecoder(bytes.NewReader(header))}
	d.UseNumber()
	entries := make(map[string]headerEntry)
	err := d.object(func(name string) (err error) {
		if name == metadataKey {
			return d.object(func(string) error { _, err := d.string(); return err })
		}
		entries[name], err = d.entry()
		return err
	})
	if err != nil {
		return nil, err
	}
	if padding := header[d.InputOffset():]; len(bytes.Trim(padding, " ")) > 0 {
		return nil, errors.New("followed by something other than spaces")
	}
	return entries, nil
}

// tokens reads JSON values of known types from a decoder.
type tokens struct{ *json.Decoder }

// object reads an object, calling field for each key to read the value. A repeated key is an error.
func (d tokens) object(field func(key string) error) error {
	if err := d.delim('{'); err != nil {
		return err
	}
	seen := make(map[string]bool)
	for d.More() {
		key, err := d.string()
		if err != nil {
			return err
		}
		if seen[key] {
			return fmt.Errorf("%q comes twice", key)
		}
		seen[key] = true
		if err := field(key); err != nil {
			return fmt.Errorf("%q: %w", key, err)
		}
	}
	return d.delim('}')
}

// entry reads the description of one tensor.
func (d tokens) entry() (headerEntry, error) {
	var e headerEntry
	fields := 0
	err := d.object(func(key string) error {
		fields++
		switch key {
		case "dtype":
			s, err := d.string()
			e.DType = dtype(s)
			return err
		case "shape":
			var err error
			e.Shape, err = d.ints()
			return err
		case "data_offsets":
			v, err := d.ints()
			if err == nil && len(v) != 2 {
				err = fmt.Errorf("%d offsets, want 2", len(v))
			}
			copy(e.Offsets[:], v)
			return err
		}
		return errors.New("unknown field")
	})
	if err == nil && fields != 3 {
		err = errors.New("dtype, shape or data_offsets is missing")
	}
	return e, err
}

// ints reads an array of non-negative integers.
func (d tokens) ints() ([]int, error) {
	if err := d.delim('['); err != nil {
		return nil, err
	}
	var v []int
	for d.More() {
		t, err := d.Token()
		if err != nil {
			return nil, err
		}
		n, ok := t.(json.Number)
		if !ok {
			return nil, fmt.Errorf("%v is not a number", t)
		}
		i, err := strconv.ParseUint(n.String(), 10, strconv.IntSize-1)
		if err != nil {
			return nil, err
		}
		v = append(v, int(i))
	}
	return v, d.delim(']')
}

func (d tokens) string() (string, error) {
	t, err := d.Token()
	if err != nil {
		return "", err
	}
	s, ok := t.(string)
	if !ok {
		return "", fmt.Errorf("got %v, want a string", t)
	}
	return s, nil
}

func (d tokens) delim(want json.Delim) error {
	t, err := d.Token()
	if err != nil {
		return err
	}
	if t != want {
		return fmt.Errorf("got %v, want %v", t, want)
	}
	return nil
}
