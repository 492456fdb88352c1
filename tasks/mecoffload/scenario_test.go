package mecoffload

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestBuiltinScenarios(t *testing.T) {
	want := []string{"capacity", "churn", "csi", "dynamic", "jitter", "static", "trace"}
	if d := cmp.Diff(want, ScenarioNames()); d != "" {
		t.Fatalf("-want +got:\n%s", d)
	}
	for _, name := range want {
		sc, err := LoadScenario(name)
		if err != nil {
			t.Fatal(err)
		}
		if sc.Name != name || sc.Description == "" {
			t.Errorf("%s is called %q and described as %q", name, sc.Name, sc.Description)
		}
		// The echo is complete: it reads back to the same scenario, even where the defaults differ.
		sc.Slot, sc.Deadline.Low, sc.RateMbit.High, sc.Arrival = 0.0305, 0.0123, 99.5, 0.125
		data, err := sc.YAML()
		if err != nil {
			t.Fatal(err)
		}
		back, err := ParseScenario(data, "echo.yaml")
		if err != nil {
			t.Fatalf("%v in\n%s", err, data)
		}
		if d := cmp.Diff(sc, back); d != "" {
			t.Errorf("%s, -written +read:\n%s\n%s", name, d, data)
		}
	}
	dynamic, err := LoadScenario("dynamic")
	if err != nil {
		t.Fatal(err)
	}
	wantDynamic := Scenario{
		Name: "dynamic", Description: dynamic.Description, Devices: 14, Servers: 2, Slot: 0.01,
		SizeKByte: Interval[float64]{25, 100}, Deadline: Interval[Seconds]{0.02, 0.04}, RateMbit: Interval[float64]{20, 100},
		Capacity: Interval[float64]{0.25, 1}, Jitter: 0.25, CSI: 0.2, Arrival: 1, RewardWeight: 0.5,
	}
	if d := cmp.Diff(wantDynamic, dynamic); d != "" {
		t.Errorf("-want +got:\n%s", d)
	}
}

func TestScenarioEcho(t *testing.T) {
	sc, err := LoadScenario("churn")
	if err != nil {
		t.Fatal(err)
	}
	sc.Description = "x"
	sc.Trace = TraceSource{Files: []string{"a", "b"}, FloorMbit: 0.5}
	data, err := sc.YAML()
	if err != nil {
		t.Fatal(err)
	}
	const want = `name: churn
description: x
devices: 14
servers: 2
slot: 10ms
size_kbyte: [25.0, 100.0]
deadline: [20ms, 40ms]
rate_mbit_s: [20.0, 100.0]
capacity: [0.25, 1.0]
jitter: 0.25
csi: 0.2
arrival: 1.0
reward_weight: 0.5
churn:
  min_share: 0.4
  join: 0.2
  leave: 0.2
trace:
  files:
  - a
  - b
  floor_mbit_s: 0.5
`
	if d := cmp.Diff(want, string(data)); d != "" {
		t.Errorf("-want +got:\n%s", d)
	}
}

// A user's file needs only the keys that differ from static.
func TestScenarioDefaults(t *testing.T) {
	got, err := ParseScenario([]byte("name: mine\njitter: 0.1\n"), "mine.yaml")
	if err != nil {
		t.Fatal(err)
	}
	want, err := LoadScenario("static")
	if err != nil {
		t.Fatal(err)
	}
	want.Name, want.Description, want.Jitter = "mine", "", 0.1
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("-want +got:\n%s", d)
	}
}

func TestLoadScenarioFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "mine.yaml")
	if err := os.WriteFile(file, []byte("name: mine\nslot: 30ms\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	sc, err := LoadScenario(file)
	if err != nil || sc.Slot != 0.03 {
		t.Errorf("slot %v, error %v", sc.Slot, err)
	}
	if _, err := LoadScenario(file + ".yaml"); err == nil || !strings.Contains(err.Error(), "no such file") {
		t.Errorf("a file that does not exist: %v", err)
	}
	_, err = LoadScenario("dynamics")
	if err == nil || !strings.Contains(err.Error(), "capacity, churn, csi, dynamic, jitter, static, trace") {
		t.Errorf("an unknown name does not list the known ones: %v", err)
	}
}

// errorCases maps YAML documents to the text that each error must contain, with file and line.
type errorCases map[string]string

func (cases errorCases) check(t *testing.T, parse func(string) error) {
	t.Helper()
	for doc, want := range cases {
		err := parse(doc)
		if err == nil {
			t.Errorf("%q is accepted", doc)
		} else if !strings.Contains(err.Error(), want) || strings.ContainsRune(err.Error(), '\n') {
			t.Errorf("%q: %v\nwant something with %q in one line", doc, err, want)
		}
	}
}

func TestScenarioErrors(t *testing.T) {
	errorCases{
		"":                               "f.yaml: name: is missing",
		"# nothing":                      "f.yaml: name: is missing",
		"name: a\ncolour: red":           "f.yaml:2: colour: unknown key: want one of name, description",
		"name: a\nchurn: {j: 1}":         "f.yaml:2: churn.j: unknown key: want one of min_share, join, leave",
		"name: a\nname: b":               "f.yaml:2: ",
		"name: [":                        "f.yaml:1: ",
		"[]":                             "f.yaml:1: ",
		"name: a\n---\nname: b":          "f.yaml: 2 YAML documents",
		"name: a\n\nslot: 10":            `f.yaml:3: slot: "10" is not a duration`,
		"name: a\nslot: 0s":              "f.yaml:2: slot: ",
		"name: a\nslot: -5ms":            "f.yaml:2: slot: ",
		"name: a\nslot: 2h":              "f.yaml:2: slot: ",
		"name: a\ndevices: many":         "f.yaml:2: ",
		"name: a\ndevices: 0":            "f.yaml:2: devices: 0 is not in 1..100000",
		"name: a\nservers: 20001":        "f.yaml:2: servers: 20001 is not in 1..20000",
		"name: a\ncapacity: [1e-300, 1]": "f.yaml:2: capacity: the interval [1e-300, 1] begins below 1e-09",
		"name: a\nenergy: {transmit_w: 1e-300, budget_mj: 1}": "f.yaml:2: energy.transmit_w: 1e-300 is not above 0, at least 1e-09",
		"name: a\ncapacity: 1":                                "f.yaml:2: capacity: want an interval [low, high]",
		"name: a\ncapacity: [1, 1, 1]":                        "f.yaml:2: capacity: want an interval [low, high], not 3 values",
		"name: a\ncapacity: [0, 1]":                           "f.yaml:2: capacity: the interval [0, 1] must lie in (0, 1]",
		"name: a\ncapacity: [1, 0.5]":                         "f.yaml:2: capacity: the interval [1, 0.5] is not in increasing order",
		"name: a\nrate_mbit_s: [.nan, 1]":                     "f.yaml:2: rate_mbit_s[0]: NaN is not a number",
		"name: a\nsize_kbyte: [1, .inf]":                      "f.yaml:2: size_kbyte[1]: .inf is not a finite number",
		"name: a\ndeadline: [20ms, 40]":                       `f.yaml:2: deadline[1]: "40" is not a duration`,
		"name: a\ndeadline: [40ms, 20ms]":                     "f.yaml:2: deadline: the interval [40ms, 20ms] is not in increasing order",
		"name: a\njitter: 1":                                  "f.yaml:2: jitter: 1 is not in [0, 1)",
		"name: a\ncsi: -0.1":                                  "f.yaml:2: csi: -0.1 is not in [0, 1)",
		"name: a\narrival: 0":                                 "f.yaml:2: arrival: ",
		"name: a\nreward_weight: 1.5":                         "f.yaml:2: reward_weight: 1.5 is not in [0, 1]",
		"name: a\nchurn:\n  join: 0.5":                        "f.yaml:3: churn: ",
		"name: a\nchurn:\n  join: 2":                          "f.yaml:3: churn.join: ",
		"name: a\ntrace:\n  files: [x]":                       "f.yaml:3: trace.floor_mbit_s: ",
	}.check(t, func(doc string) error {
		_, err := ParseScenario([]byte(doc), "f.yaml")
		return err
	})
}

func FuzzScenario(f *testing.F) {
	for _, name := range ScenarioNames() {
		data, err := scenarioFiles.ReadFile("scenarios/" + name + ".yaml")
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Add([]byte("name: a\ncapacity: [1, 2, 3]"))
	f.Add([]byte("name: &a x\ndescription: *a"))
	f.Fuzz(func(t *testing.T, data []byte) {
		sc, err := ParseScenario(data, "fuzz.yaml")
		if err != nil {
			return
		}
		if err := sc.Validate(); err != nil {
			t.Fatalf("accepted what is not valid: %v", err)
		}
		if m := sc.MeanTasks(); !(m >= 0 && m <= float64(sc.Devices)) {
			t.Fatalf("%v tasks of %d devices", m, sc.Devices)
		}
		echo, err := sc.YAML()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := ParseScenario(echo, "echo.yaml"); err != nil {
			t.Fatalf("%v in the echo\n%s", err, echo)
		}
	})
}
