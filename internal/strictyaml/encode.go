package strictyaml

import (
	"encoding/json"
	"strings"

	"github.com/goccy/go-yaml"
)

// Marshal encodes v as YAML that [Unmarshal] reads back to the same value. Texts that some reader
// would take for something else, such as 1e3, are quoted. Lists of texts must not be in flow style.
func Marshal(v any, options ...yaml.EncodeOption) ([]byte, error) {
	return yaml.MarshalWithOptions(v, append(options, yaml.CustomMarshaler(func(s string) ([]byte, error) {
		plain, err := yaml.Marshal(s)
		if err != nil || ambiguous(s) || strings.ContainsAny(s, "\n\r[]{}\"'\\#&*!|>%@?`") || !printable(s) {
			return json.Marshal(s)
		}
		return plain[:len(plain)-1], nil
	}))...)
}

// MarshalJSON is [Marshal] to JSON, which is YAML.
func MarshalJSON(v any) ([]byte, error) {
	return yaml.MarshalWithOptions(v, yaml.JSON(), yaml.CustomMarshaler(func(s string) ([]byte, error) { return json.Marshal(s) }))
}

func printable(s string) bool {
	for _, r := range s {
		if r < ' ' || r >= 0x7f && r < 0xa0 || r >= 0x2028 && r <= 0x2029 || r >= 0xfeff {
			return false
		}
	}
	return true
}
