// Package strictyaml reads YAML that a person wrote: an unknown key, a value of another type or one that makes no sense is an
// error that names the file and the line.
package strictyaml

import (
	"errors"
	"fmt"
	"reflect"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
)

// FieldError is a value that was read well and makes no sense, by its path in the YAML document ("servers[1].times[2]").
type FieldError struct{ Path, Message string }

func (e *FieldError) Error() string { return e.Path + ": " + e.Message }

// Invalid is a FieldError with a formatted message.
func Invalid(path, format string, args ...any) error {
	return &FieldError{path, fmt.Sprintf(format, args...)}
}

// Positioned is an error about node that Decode can place in the file.
func Positioned(node ast.Node, format string, args ...any) error {
	return &yaml.SyntaxError{Message: fmt.Sprintf(format, args...), Token: node.GetToken()}
}

// Decode decodes the one document of data into dst and validates the result. An unknown key, a value of another type or
// one that validate refuses is an error that begins with "filename:line: ".
func Decode(data []byte, filename string, dst any, validate func() error) error {
	body, err := unmarshal(data, dst)
	if err != nil {
		return placed(filename, err)
	}
	err = validate()
	var field *FieldError
	if body != nil && errors.As(err, &field) {
		if line := lineOf(body, field.Path); line > 0 {
			return fmt.Errorf("%s:%d: %w", filename, line, err)
		}
	}
	if err != nil {
		return fmt.Errorf("%s: %w", filename, err)
	}
	return nil
}

// unmarshal decodes data strictly and returns the document, nil if it is empty.
func unmarshal(data []byte, dst any) (body ast.Node, err error) {
	// Some malformed documents (such as a tag where a list belongs) make the decoder panic.
	defer func() {
		if r := recover(); r != nil {
			body, err = nil, fmt.Errorf("cannot make sense of the YAML: %v", r)
		}
	}()
	file, err := parser.ParseBytes(data, 0)
	if err != nil {
		return nil, err
	}
	if len(file.Docs) > 1 {
		return nil, fmt.Errorf("%d YAML documents in one file, want one", len(file.Docs))
	}
	if len(file.Docs) == 0 || file.Docs[0].Body == nil || file.Docs[0].Body.Type() == ast.CommentType {
		return nil, nil
	}
	body = file.Docs[0].Body
	if err := wholeNumbers(body, integerKeys(reflect.TypeOf(dst))); err != nil {
		return body, err
	}
	return body, yaml.NodeToValue(body, dst, yaml.Strict())
}

// integerKeys collects the keys, at any depth of t, whose values are integers or lists of integers.
func integerKeys(t reflect.Type) map[string]bool {
	keys := make(map[string]bool)
	seen := make(map[reflect.Type]bool)
	var visit func(t reflect.Type)
	visit = func(t reflect.Type) {
		for t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice {
			t = t.Elem()
		}
		if t.Kind() != reflect.Struct || seen[t] {
			return
		}
		seen[t] = true
		for i := range t.NumField() {
			f := t.Field(i)
			kind := f.Type
			for kind.Kind() == reflect.Slice {
				kind = kind.Elem()
			}
			if kind.Kind() >= reflect.Int && kind.Kind() <= reflect.Uint64 {
				name, _, _ := strings.Cut(f.Tag.Get("yaml"), ",")
				keys[name] = true
			}
			visit(f.Type)
		}
	}
	visit(t)
	return keys
}

// wholeNumbers reports a fraction where an integer belongs: the decoder would cut it off without a word.
func wholeNumbers(body ast.Node, keys map[string]bool) error {
	var err error
	check := func(node ast.Node) {
		if node != nil && node.Type() == ast.FloatType && err == nil {
			err = Positioned(node, "%s is not a whole number", node.GetToken().Value)
		}
	}
	ast.Walk(visitor(func(node ast.Node) {
		kv, ok := node.(*ast.MappingValueNode)
		if !ok || !keys[kv.Key.GetToken().Value] {
			return
		}
		if list, ok := kv.Value.(*ast.SequenceNode); ok {
			for _, v := range list.Values {
				check(v)
			}
			return
		}
		check(kv.Value)
	}), body)
	return err
}

// visitor makes an ast.Visitor of a function.
type visitor func(ast.Node)

// Visit implements ast.Visitor.
func (v visitor) Visit(node ast.Node) ast.Visitor { v(node); return v }

// placed puts a decoder's error in its file and line and drops the excerpt the decoder adds.
func placed(filename string, err error) error {
	var e yaml.Error
	if errors.As(err, &e) {
		if t := e.GetToken(); t != nil && t.Position != nil {
			return fmt.Errorf("%s:%d: %s", filename, t.Position.Line, e.GetMessage())
		}
		return fmt.Errorf("%s: %s", filename, e.GetMessage())
	}
	return fmt.Errorf("%s: %w", filename, err)
}

// lineOf is the line of the value at path, or of the closest part of the path that the document has, or 0.
func lineOf(body ast.Node, path string) int {
	for path != "" {
		if p, err := yaml.PathString("$." + path); err == nil {
			if node, err := p.FilterNode(body); err == nil && node != nil && node.GetToken() != nil {
				return node.GetToken().Position.Line
			}
		}
		path = path[:max(strings.LastIndexAny(path, ".["), 0)]
	}
	return 0
}
