package experiment

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/graphrl/graphrl/tasks/mecoffload/agent"
)

// A run that is older than a key goes on as it was, whatever the key's default is today.
func TestOldRunsKeepTheirMeaning(t *testing.T) {
	for recipe, younger := range map[string]func(agent.Recipe) bool{
		"paper": func(r agent.Recipe) bool { return r.RandomCandidates > 0 && r.TimePrice > 0 },
		"tuned": func(r agent.Recipe) bool { return r.TimePrice > 0 && r.ValueAverage > 1 },
	} {
		checkOldRun(t, []byte("method: GRLE-LT\nslots: 100\nrecipe: {name: "+recipe+", candidates: 128}\n"), younger)
	}
}

// checkOldRun compares what a run of old means with what it would mean today, with younger keys.
func checkOldRun(t *testing.T, old []byte, younger func(agent.Recipe) bool) {
	t.Helper()
	c, err := parseWritten(old, "config.yaml")
	if err != nil {
		t.Fatal(err)
	}
	r := c.Recipe
	if r.RandomCandidates != 0 || r.Links != 0 || r.Switches != 0 || r.Cells != 1 || r.TimePrice != 0 ||
		r.ValueAverage != 1 || c.ValidationSlots != 0 {
		t.Errorf("an old run gets %d slots of validation and %+v", c.ValidationSlots, r)
	}
	today, err := ParseConfig(old, "config.yaml")
	if err != nil || !younger(today.Recipe) {
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
