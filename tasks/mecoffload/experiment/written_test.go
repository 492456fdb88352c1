package experiment

import "testing"

// A run that is older than a key goes on as it was, whatever the key's default is today.
func TestOldRunsKeepTheirMeaning(t *testing.T) {
	old := []byte("method: GRLE\nslots: 100\nrecipe: {name: paper, candidates: 128}\n")
	c, err := parseWritten(old, "config.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if c.Recipe.RandomCandidates != 0 || c.Recipe.Links != 0 || c.Recipe.Switches != 0 || c.ValidationSlots != 0 {
		t.Errorf("an old run gets %d random candidates and %d slots of validation", c.Recipe.RandomCandidates, c.ValidationSlots)
	}
	today, err := ParseConfig(old, "config.yaml")
	if err != nil || today.Recipe.RandomCandidates == 0 {
		t.Fatalf("%+v, %v", today.Recipe, err)
	}
	text, err := today.YAML()
	if err != nil {
		t.Fatal(err)
	}
	if c, err = parseWritten(text, "config.yaml"); err != nil || c.Recipe.RandomCandidates != today.Recipe.RandomCandidates || c.Recipe.Links != today.Recipe.Links || c.ValidationSlots != today.ValidationSlots {
		t.Errorf("a run of today: %+v (%v)", c.Recipe, err)
	}
}
