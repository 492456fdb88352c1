package suite

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"os"

	"github.com/graphrl/graphrl/tasks/mecoffload"
	"github.com/graphrl/graphrl/tasks/mecoffload/agent"
)

// resultFormat is the version of the content of a Result. Raise it when a change of this package, the
// simulator or a method makes earlier results incomparable.
const resultFormat = 1

// Subject names a line of a table: a method with a recipe, or a policy that does not learn and has
// none.
type Subject struct {
	Name   string `json:"name"`
	Recipe string `json:"recipe,omitempty"`
}

// String returns the subject for readers: "GRLE (tuned)".
func (s Subject) String() string {
	if s.Recipe == "" {
		return s.Name
	}
	return s.Name + " (" + s.Recipe + ")"
}

// Learns reports whether the subject is a learning method.
func (s Subject) Learns() bool { return s.Recipe != "" }

// Subjects of cells that are not about one method.
const (
	Baselines = "baselines" // all of mecoffload.Baselines
	Bounds    = "bounds"    // the upper bounds
	Stream    = "stream"    // what can be reached in each tenth of one stream
)

// Cell is one piece of work: a method to train, or [Baselines], [Bounds] or [Stream].
type Cell struct {
	Subject Subject `json:"subject"`

	Scenario mecoffload.Scenario `json:"scenario"`
	Profile  mecoffload.Profile  `json:"profile"`
	// Train is the scenario in which a method learns, if not Scenario. The trained method is then
	// measured in Scenario without further learning.
	Train *mecoffload.Scenario `json:"train,omitempty"`
	// Traces is a digest of the scenario's recorded rates, empty if there are none.
	Traces string `json:"traces,omitempty"`

	// Recipe is the recipe of a learning method, else nil.
	Recipe *agent.Recipe `json:"recipe,omitempty"`
	// Slots is the length of the stream of tasks; its last quarter is measured. Bounds have no
	// stream and no seed.
	Slots int64 `json:"slots,omitempty"`
	// Window is the number of slots measured near the beginning of the stream, 0 for its last quarter.
	// It needs Train: a method that learns here is measured while it learns.
	Window int64  `json:"window,omitempty"`
	Seed   uint64 `json:"seed,omitempty"`

	// Tests are evaluations of the trained method at the end of its slots.
	Tests []Test `json:"tests,omitempty"`
}

// TestKind names a kind of Test.
type TestKind string

// Kinds of tests.
const (
	// Frozen: the agent decides and no longer learns.
	Frozen TestKind = "frozen"
	// Online: the agent continues to learn, with an empty replay memory, from the test's first slot
	// on.
	Online TestKind = "online"
	// ValueSearch: a local search on the agent's learned objective. It shows how much of the
	// critic's knowledge the actor and quantizer find.
	ValueSearch TestKind = "search"
)

// Test evaluates a trained agent on the last Window slots of a stream, which has the cell's length
// and seed.
type Test struct {
	Kind     TestKind            `json:"kind"`
	Scenario mecoffload.Scenario `json:"scenario"`
	Window   int64               `json:"window"`
	// Restarts is the number of restarts of a ValueSearch.
	Restarts int `json:"restarts,omitempty"`
}

// String returns the cell's name, for instance "dynamic, M 14, N 2, 10ms: GRLE (tuned), seed 3".
func (c Cell) String() string {
	text := worldOf(c.Scenario).String() + ": " + c.Subject.String()
	if c.Seed != 0 {
		text += fmt.Sprintf(", seed %d", c.Seed)
	}
	return text
}

// Key returns a digest of everything that determines the cell's result: the name of its file.
func (c Cell) Key() (string, error) {
	// The place of traces does not matter; Traces covers their content.
	c.Scenario.Trace.Files = nil
	c.Scenario.Description = ""
	if c.Train != nil {
		train := *c.Train
		train.Trace.Files, train.Description = nil, ""
		c.Train = &train
	}
	tests := c.Tests
	c.Tests = nil
	for _, t := range tests {
		t.Scenario.Trace.Files, t.Scenario.Description = nil, ""
		c.Tests = append(c.Tests, t)
	}
	text, err := json.Marshal(struct {
		Format int
		Cell   Cell
	}{resultFormat, c})
	if err != nil {
		return "", fmt.Errorf("suite: %v: %w", c, err)
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:16]), nil
}

// digestTraces returns a digest of a scenario's files of recorded rates.
func digestTraces(sc mecoffload.Scenario) (string, error) {
	files, err := sc.TraceFiles()
	if err != nil || len(files) == 0 {
		return "", err
	}
	sum := sha256.New()
	for _, name := range files {
		f, err := os.Open(name)
		if err != nil {
			return "", err
		}
		n, err := io.Copy(sum, f)
		f.Close()
		if err != nil {
			return "", err
		}
		fmt.Fprintf(sum, "\n%d bytes\n", n)
	}
	return hex.EncodeToString(sum.Sum(nil)[:16]), nil
}

// World identifies a scenario in tables.
type World struct {
	Scenario         string
	Devices, Servers int
	Reach            int `json:",omitempty"` // of a device; 0: all servers
	Slot             mecoffload.Seconds
}

// worldOf returns the world of a scenario.
func worldOf(sc mecoffload.Scenario) World {
	return World{sc.Name, sc.Devices, sc.Servers, sc.Reach, sc.Slot}
}

// String returns for instance "dynamic, M 14, N 2, 10ms".
func (w World) String() string {
	if w.Reach > 0 {
		return fmt.Sprintf("%s, M %d, N %d (%d in reach), %v", w.Scenario, w.Devices, w.Servers, w.Reach, w.Slot)
	}
	return fmt.Sprintf("%s, M %d, N %d, %v", w.Scenario, w.Devices, w.Servers, w.Slot)
}
