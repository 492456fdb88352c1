// Package strictyaml reads YAML without conversions: every value arrives exactly as written, or is
// an error.
//
//	err := strictyaml.Unmarshal(data, "run.yaml", &config, config.Validate)
//
// It combines the parser of github.com/goccy/go-yaml with its own decoder, because other YAML
// decoders convert: 30.7 to 30, "7" to 7, 0042 to 34. Here
//
//   - whole numbers come from whole numbers in digits (or 0x.., 0o..) that fit: 30.7, 1e3, "7", 0042
//     and 2^64 are errors;
//   - floats come from numbers, rounded to the nearest; overflow, underflow to zero and values that
//     are not finite are errors;
//   - booleans are true and false; texts are never made of numbers, booleans or null;
//   - unknown and duplicate keys, tags, missing values and further documents are errors;
//   - anchors, aliases and merge keys work throughout a document, with own keys before merged ones.
//     An alias inside its own anchor is an error, as are aliases that expand to more than a million
//     values;
//   - files may be UTF-8 or UTF-16, see package textfile.
//
// Struct fields have the key of their yaml tag. Keys missing from a document leave their fields
// unchanged, so set defaults before decoding. Types that read themselves implement [Unmarshaler]
// or, from a scalar, [encoding.TextUnmarshaler].
package strictyaml

import (
	"encoding"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
)

// Unmarshaler is a type that reads itself from a value of a document.
type Unmarshaler interface{ UnmarshalNode(Node) error }

// Node is a value of a document, for an [Unmarshaler].
type Node struct {
	value *value
	path  string
	d     *decoder
}

// decoder is the state that the nodes of a document share.
type decoder struct {
	file   string
	values int // read so far
}

// Unmarshal decodes the one document of data into the struct that dst points to and then calls
// validate unless it is nil. All errors are of type [*Error] and name the file; a [FieldError] from
// validate also gets a line.
func Unmarshal(data []byte, file string, dst any, validate func() error) error {
	root, err := parse(data, file)
	if err != nil {
		return err
	}
	if err := (Node{root, "", &decoder{file: file}}).Decode(dst); err != nil {
		return err
	}
	if validate == nil {
		return nil
	}
	err = validate()
	var field *FieldError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &field):
		return &Error{file, root.lineOf(field.Path), field.Path, kindErrorf(ErrInvalid, "%s", field.Message)}
	}
	return &Error{File: file, Err: err}
}

// lineOf returns the line of the value at path, or of the closest part of the path that the
// document has, or 0.
func (v *value) lineOf(path string) int {
	line := 0
	for part := range strings.SplitSeq(strings.ReplaceAll(path, "[", ".["), ".") {
		if i := 0; strings.HasPrefix(part, "[") {
			if _, err := fmt.Sscanf(part, "[%d]", &i); err != nil || i < 0 || i >= len(v.items) {
				break
			}
			v = v.items[i]
			line = v.line
			continue
		}
		f := v.field(part)
		if f == nil {
			break
		}
		v, line = f.value, f.line
		if v.line > 0 {
			line = v.line
		}
	}
	return line
}

// Errorf is an error about the node, with its file, line and path.
func (n Node) Errorf(format string, args ...any) error {
	return &Error{n.d.file, n.value.line, n.path, fmt.Errorf(format, args...)}
}

// Text returns a scalar that is a text, and whether it is one.
func (n Node) Text() (string, bool) {
	s, err := n.value.str()
	return s, err == nil
}

// Scalar returns the text of a scalar as it is written, without quotes, and whether the node is
// one.
func (n Node) Scalar() (string, bool) { return n.value.text, n.value.kind == scalar }

// Field returns the value of a key of a mapping, and whether it has one.
func (n Node) Field(key string) (Node, bool) {
	f := n.value.field(key)
	if f == nil {
		return Node{}, false
	}
	return Node{f.value, join(n.path, key), n.d}, true
}

// Without returns a mapping without the given keys.
func (n Node) Without(keys ...string) Node {
	rest := *n.value
	rest.fields = nil
	for _, f := range n.value.fields {
		if !slices.Contains(keys, f.key) {
			rest.fields = append(rest.fields, f)
		}
	}
	return Node{&rest, n.path, n.d}
}

// Items returns the values of a list; anything else is an error.
func (n Node) Items() ([]Node, error) {
	if n.value.kind != sequence {
		return nil, n.fail(n.value.want("a list"))
	}
	items := make([]Node, len(n.value.items))
	for i, v := range n.value.items {
		items[i] = Node{v, index(n.path, i), n.d}
	}
	return items, nil
}

// Decode decodes the node into the value that dst points to.
func (n Node) Decode(dst any) error {
	p := reflect.ValueOf(dst)
	if p.Kind() != reflect.Pointer || p.IsNil() {
		return n.Errorf("decoding into %T: want a pointer", dst)
	}
	return n.decode(p.Elem())
}

// fail places an error that has no place yet.
func (n Node) fail(err error) error {
	var placed *Error
	if err == nil || errors.As(err, &placed) && placed.File == n.d.file {
		return err
	}
	return &Error{n.d.file, n.value.line, n.path, err}
}

func (n Node) decode(dst reflect.Value) error {
	if n.d.values++; n.d.values > maxValues {
		return n.fail(kindErrorf(ErrTooLarge, "aliases expand to more than %d values", maxValues))
	}
	if dst.Kind() != reflect.Pointer && n.value.kind == null {
		return n.fail(kindErrorf(ErrType, "the key has no value: give it one or remove it"))
	}
	switch u := dst.Addr().Interface().(type) {
	case Unmarshaler:
		return n.fail(u.UnmarshalNode(n))
	case encoding.TextUnmarshaler:
		if n.value.kind != scalar {
			return n.fail(n.value.want("a text"))
		}
		return n.fail(u.UnmarshalText([]byte(n.value.text)))
	}
	switch dst.Kind() {
	case reflect.Struct:
		return n.structure(dst)
	case reflect.Slice:
		items, err := n.Items()
		if err != nil {
			return err
		}
		list := reflect.MakeSlice(dst.Type(), len(items), len(items))
		for i, item := range items {
			if err := item.decode(list.Index(i)); err != nil {
				return err
			}
		}
		dst.Set(list)
		return nil
	case reflect.Pointer:
		if n.value.kind == null {
			dst.SetZero()
			return nil
		}
		dst.Set(reflect.New(dst.Type().Elem()))
		return n.decode(dst.Elem())
	}
	return n.fail(n.value.scalar(dst))
}

// scalar sets dst to a number, a boolean or a text.
func (v *value) scalar(dst reflect.Value) error {
	switch kind := dst.Kind(); {
	case dst.CanInt():
		i, err := v.signed(dst.Type().Bits())
		dst.SetInt(i)
		return err
	case dst.CanUint():
		u, err := v.unsigned(dst.Type().Bits())
		dst.SetUint(u)
		return err
	case dst.CanFloat():
		f, err := v.float(dst.Type().Bits())
		dst.SetFloat(f)
		return err
	case kind == reflect.Bool:
		b, err := v.boolean()
		dst.SetBool(b)
		return err
	case kind == reflect.String:
		s, err := v.str()
		dst.SetString(s)
		return err
	}
	return fmt.Errorf("a Go %s cannot be read from YAML", dst.Type())
}

// structure sets the fields that the mapping has, in its order.
func (n Node) structure(dst reflect.Value) error {
	if n.value.kind != mapping {
		return n.fail(n.value.want("a mapping, lines of \"key: value\""))
	}
	keys, fields := structKeys(dst.Type())
	for _, f := range n.value.fields {
		below := Node{f.value, join(n.path, f.key), n.d}
		i, known := fields[f.key]
		if !known {
			return &Error{n.d.file, f.line, below.path, unknownKey(f.key, keys)}
		}
		if err := below.decode(dst.Field(i)); err != nil {
			return err
		}
		// What omitempty leaves out must come back as it was.
		if field := dst.Field(i); field.Kind() == reflect.Slice && field.Len() == 0 && omitsEmpty(dst.Type().Field(i)) {
			field.SetZero()
		}
	}
	return nil
}

func omitsEmpty(f reflect.StructField) bool { return strings.Contains(f.Tag.Get("yaml"), ",omitempty") }

// structKeys returns the keys of a struct in order, and the index of each one's field.
func structKeys(t reflect.Type) (keys []string, fields map[string]int) {
	fields = make(map[string]int)
	for i := range t.NumField() {
		f := t.Field(i)
		key, _, _ := strings.Cut(f.Tag.Get("yaml"), ",")
		if key == "-" || !f.IsExported() {
			continue
		}
		if key == "" {
			key = strings.ToLower(f.Name)
		}
		keys = append(keys, key)
		fields[key] = i
	}
	return keys, fields
}

func unknownKey(key string, keys []string) error {
	for _, k := range keys {
		if strings.EqualFold(k, key) || oneEdit(k, key) {
			return kindErrorf(ErrUnknownKey, "unknown key: did you mean %s?", k)
		}
	}
	return kindErrorf(ErrUnknownKey, "unknown key: want one of %s", strings.Join(keys, ", "))
}

// oneEdit reports whether a and b differ by one letter that was added, left out or changed, or by
// two swapped.
func oneEdit(a, b string) bool {
	for len(a) > 0 && len(b) > 0 && a[0] == b[0] {
		a, b = a[1:], b[1:]
	}
	for len(a) > 0 && len(b) > 0 && a[len(a)-1] == b[len(b)-1] {
		a, b = a[:len(a)-1], b[:len(b)-1]
	}
	return len(a) <= 1 && len(b) <= 1 || len(a) == 2 && len(b) == 2 && a[0] == b[1] && a[1] == b[0]
}
