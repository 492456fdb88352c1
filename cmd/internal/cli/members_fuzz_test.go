package cli

import (
	"path/filepath"
	"testing"
)

// FuzzMembers: a list of runs is rejected or names folders next to it, and a written list reads
// back.
func FuzzMembers(f *testing.F) {
	for _, text := range []string{"runs: [a, b]", "runs:\n- ../x\n", "runs: [.]", "runs: 5", "", "runs: ['a/b', \"\"]", "{\"runs\": [\"\\u0000\"]}"} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		names, err := parseMembers(data, ComparisonFile)
		if err != nil {
			return
		}
		for _, name := range names {
			if filepath.Dir(filepath.Join("dir", name)) != "dir" {
				t.Fatalf("%q leads elsewhere", name)
			}
		}
	})
}
