package strictyaml

import (
	"fmt"
	"math"
	"os"

	"github.com/goccy/go-yaml"
	"github.com/graphrl/graphrl/internal/validate"
)

// ParseConfig reads the configuration of a task from YAML, or from JSON, which is YAML. c holds the
// defaults. Errors name task, filename, line and key.
func ParseConfig[C any](task string, data []byte, filename string, c C, check func(*C) error) (C, error) {
	if err := Unmarshal(data, filename, &c, func() error { return check(&c) }); err != nil {
		var none C
		return none, fmt.Errorf("%s: configuration %w", task, err)
	}
	return c, nil
}

// LoadConfig is parse on a file.
func LoadConfig[C any](task, filename string, parse func(data []byte, filename string) (C, error)) (C, error) {
	data, err := os.ReadFile(filename)
	if err != nil {
		var none C
		return none, fmt.Errorf("%s: configuration: %w", task, err)
	}
	return parse(data, filename)
}

// MarshalConfig returns a configuration as a file that ParseConfig reads back to the same value.
func MarshalConfig(task string, c any) ([]byte, error) {
	data, err := Marshal(c, yaml.IndentSequence(true))
	if err != nil {
		return nil, fmt.Errorf("%s: configuration: %w", task, err)
	}
	return data, nil
}

// Named returns the value of a key that holds one of the names of all, in any case, or fallback
// without the key.
func Named[S ~string](n Node, key string, fallback S, all []S) (S, error) {
	field, given := n.Field(key)
	if !given {
		return fallback, nil
	}
	var name string
	if err := field.Decode(&name); err != nil {
		return "", err
	}
	s, err := validate.Name("unknown "+key, name, all)
	if err != nil {
		return "", field.Errorf("%s", err)
	}
	return s, nil
}

// OneOf reports a value that is none of all.
func OneOf[S ~string](key string, v S, all []S) error {
	if _, err := validate.Name("unknown "+key, string(v), all); err != nil {
		return Invalid(key, "%s", err)
	}
	return nil
}

// Count reports a value outside least..most.
func Count(key string, v, least, most int) error {
	if v < least || v > most {
		return Invalid(key, "%d is not in %d..%d", v, least, most)
	}
	return nil
}

// Number reports a value that is not finite or is below 0, and 0 where it must be positive. Networks
// compute in 32 bits: a value that they would take for 0 or infinity is reported too.
func Number(key string, v float64, positive bool) error {
	if !(v >= 0) || math.IsInf(v, 0) || positive && v == 0 {
		return Invalid(key, "%v is not a number %s 0", v, map[bool]string{true: "above", false: "of at least"}[positive])
	}
	if r, ok := validate.Keeps32(v); !ok {
		return Invalid(key, "%v is %v in 32-bit floating point: want a number from 1e-45 to 3e38", v, r)
	}
	return nil
}

// Widths reports more than layers values and those outside 1..most.
func Widths(key string, v []int, layers, most int) error {
	if len(v) > layers {
		return Invalid(key, "%d layers are more than %d", len(v), layers)
	}
	for i, w := range v {
		if err := Count(index(key, i), w, 1, most); err != nil {
			return err
		}
	}
	return nil
}
