package mecoffload

import (
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
)

// Seconds is a span of time in seconds. In YAML it is written as a Go duration with its unit ("0.55ms", "30ms", "2s"),
// with a resolution of one nanosecond.
type Seconds float64

// Milliseconds is the same span in milliseconds.
func (s Seconds) Milliseconds() float64 { return float64(s) * 1e3 }

// String prints the span in milliseconds, for instance "0.55ms".
func (s Seconds) String() string {
	ns := math.Round(float64(s) * 1e9)
	return strconv.FormatFloat(ns/1e6, 'f', -1, 64) + "ms"
}

// MarshalYAML writes the span as String does.
func (s Seconds) MarshalYAML() (any, error) { return s.String(), nil }

// UnmarshalYAML reads a Go duration.
func (s *Seconds) UnmarshalYAML(node ast.Node) error {
	var text string
	if err := yaml.NodeToValue(node, &text); err != nil {
		return err
	}
	d, err := time.ParseDuration(text)
	if err != nil {
		return positioned(node, "%q is not a duration: write a number with its unit, such as 10ms or 0.55ms", text)
	}
	*s = Seconds(d.Seconds())
	return nil
}

// Interval is a closed range of values, written [low, high] in YAML. Where a scenario has an interval the simulator draws
// uniformly from it; low = high is a constant.
type Interval[T ~float64] struct{ Low, High T }

// MarshalYAML writes the interval as the pair [low, high].
func (r Interval[T]) MarshalYAML() (any, error) { return []T{r.Low, r.High}, nil }

// UnmarshalYAML reads the pair [low, high].
func (r *Interval[T]) UnmarshalYAML(node ast.Node) error {
	if node.Type() != ast.SequenceType {
		return positioned(node, "want an interval [low, high], not a %s", strings.ToLower(node.Type().YAMLName()))
	}
	var v []T
	if err := yaml.NodeToValue(node, &v); err != nil {
		return err
	}
	if len(v) != 2 {
		return positioned(node, "want an interval [low, high], not %d values", len(v))
	}
	r.Low, r.High = v[0], v[1]
	return nil
}

// at is the value a fraction u of the way from Low to High.
func (r Interval[T]) at(u float64) float64 {
	return float64(r.Low) + u*(float64(r.High)-float64(r.Low))
}

// check reports what keeps r from being an interval with bounds in [least, most]; openLow excludes least itself.
func (r Interval[T]) check(key string, least, most float64, openLow bool) error {
	low, high := float64(r.Low), float64(r.High)
	bracket := "["
	if openLow {
		bracket = "("
	}
	switch {
	case !(low <= high):
		return invalid(key, "the interval [%v, %v] is not in increasing order", r.Low, r.High)
	case low < least || (openLow && low == least) || high > most:
		return invalid(key, "the interval [%v, %v] must lie in %s%v, %v]", r.Low, r.High, bracket, T(least), T(most))
	}
	return nil
}

// fieldError is a value that was read well and makes no sense, by its path in the YAML document ("servers[1].times[2]").
type fieldError struct{ path, message string }

func (e *fieldError) Error() string { return e.path + ": " + e.message }

func invalid(path, format string, args ...any) error {
	return &fieldError{path, fmt.Sprintf(format, args...)}
}

// positioned is an error about node that decodeYAML can place in the file.
func positioned(node ast.Node, format string, args ...any) error {
	return &yaml.SyntaxError{Message: fmt.Sprintf(format, args...), Token: node.GetToken()}
}

// decodeYAML decodes the one document of data into dst and validates the result. An unknown key, a value of another type or
// one that validate refuses is an error that begins with "filename:line: ".
func decodeYAML(data []byte, filename string, dst any, validate func() error) error {
	body, err := unmarshal(data, dst)
	if err != nil {
		return placed(filename, err)
	}
	err = validate()
	var field *fieldError
	if body != nil && errors.As(err, &field) {
		if line := lineOf(body, field.path); line > 0 {
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
			err = positioned(node, "%s is not a whole number", node.GetToken().Value)
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

// isFile reports whether a user's name for a profile or a scenario means a file rather than a built-in.
func isFile(name string) bool {
	ext := filepath.Ext(name)
	return ext == ".yaml" || ext == ".yml" || strings.ContainsRune(name, os.PathSeparator) || strings.ContainsRune(name, '/')
}
