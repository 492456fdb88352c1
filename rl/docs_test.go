package rl_test

import (
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/graphrl/graphrl/rl"
	"github.com/graphrl/graphrl/rl/droo"
)

// The tables of docs/algorithms list every hyper-parameter once, with the code's default.
func TestDocumentedDefaults(t *testing.T) {
	configs := map[string]any{
		"droo.DefaultConfig":         droo.DefaultConfig(),
		"droo.DefaultLongTermConfig": droo.DefaultLongTermConfig(),
		"rl.DefaultPPOConfig":        rl.DefaultPPOConfig(),
		"rl.DefaultA2CConfig":        rl.DefaultA2CConfig(),
		"rl.DefaultDQNConfig":        rl.DefaultDQNConfig(),
		"rl.DefaultREINFORCEConfig":  rl.DefaultREINFORCEConfig(),
	}
	pages, err := filepath.Glob("../docs/algorithms/*.md")
	if err != nil || len(pages) == 0 {
		t.Fatalf("no pages: %v", err)
	}
	// The table after the name of a default function lists its fields: | `Field` | default | ...
	name := regexp.MustCompile("`((?:rl|droo)\\.Default\\w*Config)`")
	row := regexp.MustCompile("^\\| `(\\w+)` \\| ([^|]+) \\|")
	documented := map[string]map[string]string{}
	for _, page := range pages {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		config := ""
		for line := range strings.Lines(string(text)) {
			if m := name.FindStringSubmatch(line); m != nil {
				config = m[1]
				documented[config] = map[string]string{}
			}
			if strings.HasPrefix(line, "#") {
				config = ""
			}
			m := row.FindStringSubmatch(line)
			if m == nil || config == "" {
				continue
			}
			if _, twice := documented[config][m[1]]; twice {
				t.Errorf("%s: %s is listed twice", page, m[1])
			}
			documented[config][m[1]] = strings.ReplaceAll(m[2], ",", "")
		}
	}
	for config, defaults := range configs {
		v := reflect.ValueOf(defaults)
		if len(documented[config]) != v.NumField() {
			t.Errorf("%s: %d fields are documented of %d", config, len(documented[config]), v.NumField())
		}
		for i := range v.NumField() {
			field, want := v.Type().Field(i).Name, fmt.Sprint(v.Field(i))
			if v.Field(i).CanFloat() {
				want = strings.TrimSuffix(strings.TrimRight(fmt.Sprintf("%.6f", v.Field(i).Float()), "0"), ".")
			}
			if got := documented[config][field]; got != want {
				t.Errorf("%s: the default of %s is documented as %q, and is %s", config, field, got, want)
			}
		}
	}
}
