package experiment

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// A run that is older than a key goes on as it was, whatever the key's default is today.
func TestOldRunsKeepTheirMeaning(t *testing.T) {
	old := []byte("method: GRLE\nslots: 100\nrecipe: {name: paper, candidates: 128}\n")
	c, err := parseWritten(old, "config.yaml")
	if err != nil {
		t.Fatal(err)
	}
	r := c.Recipe
	if r.RandomCandidates != 0 || r.Links != 0 || r.Switches != 0 || r.Cells != 1 || r.TimePrice != 0 || c.ValidationSlots != 0 {
		t.Errorf("an old run gets %d slots of validation and %+v", c.ValidationSlots, r)
	}
	today, err := ParseConfig(old, "config.yaml")
	if err != nil || today.Recipe.RandomCandidates == 0 || today.Recipe.TimePrice == 0 {
		t.Fatalf("%+v, %v", today.Recipe, err)
	}
	text, err := today.YAML()
	if err != nil {
		t.Fatal(err)
	}
	c, err = parseWritten(text, "config.yaml")
	if d := cmp.Diff(today, c); err != nil || d != "" {
		t.Errorf("a run of today: %v\n%s", err, d)
	}
}
