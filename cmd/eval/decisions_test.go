package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/graphrl/graphrl/tasks/mecoffload/agent"
)

// The file of decisions has a line for each slot, whose numbers are those of the simulator to the bit:
// a repeated evaluation writes the same bytes, and each option is one of the world.
func TestDecisions(t *testing.T) {
	t.Chdir(t.TempDir())
	runFolder(t, agent.GRLE)
	var texts [2][]byte
	for i, name := range []string{"a.jsonl", "b.jsonl"} {
		if code, _, messages := eval("--run", "GRLE", "--slots", "30", "--decisions", name); code != 0 {
			t.Fatal(messages)
		}
		var err error
		if texts[i], err = os.ReadFile(name); err != nil {
			t.Fatal(err)
		}
	}
	if !bytes.Equal(texts[0], texts[1]) {
		t.Error("two evaluations wrote different decisions")
	}
	lines := bytes.Split(bytes.TrimSpace(texts[0]), []byte("\n"))
	if len(lines) != 30 {
		t.Fatalf("%d lines for 30 slots", len(lines))
	}
	for slot, text := range lines {
		var line slotLine
		if err := json.Unmarshal(text, &line); err != nil {
			t.Fatal(err)
		}
		if line.Slot != int64(slot) || len(line.Assignments) != 6 || len(line.Offloading.Tasks) != 6 || len(line.Offloading.Servers) != 2 {
			t.Fatalf("slot %d: %s", slot, text)
		}
		for _, a := range line.Assignments {
			if a.Exit < 1 || a.Exit > 5 || a.Server != "0" && a.Server != "1" {
				t.Fatalf("slot %d: %v", slot, a)
			}
		}
	}
	if code, _, messages := eval("--run", "GRLE", "--slots", "30", "--decisions", "a.jsonl"); code != 1 || !strings.Contains(messages, "file exists") {
		t.Errorf("code %d: %s", code, messages)
	}
	if code, _, messages := eval("--run", "GRLE", "--run", "GRLE", "--decisions", filepath.Join("c.jsonl")); code != 2 || !strings.Contains(messages, "evaluate one run, not 2") {
		t.Errorf("code %d: %s", code, messages)
	}
}
