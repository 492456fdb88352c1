package experiment

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/graphrl/graphrl/tasks/mecoffload"
	"github.com/graphrl/graphrl/tasks/mecoffload/agent"
)

func parseConfig(t testing.TB, doc string) Config {
	t.Helper()
	c, err := ParseConfig([]byte(doc), "test.yaml")
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestDefaultConfig(t *testing.T) {
	c, err := DefaultConfig()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Validate(); err != nil {
		t.Error(err)
	}
	if d := cmp.Diff(c, parseConfig(t, "# nothing")); d != "" {
		t.Errorf("-default +empty file:\n%s", d)
	}
	if sc := c.Scenario; c.Method != agent.GRLE || c.Slots != 10_000 || c.Seed != 1 || sc.Name != "dynamic" || sc.Devices != 14 || sc.Servers != 2 ||
		sc.Slot != 0.01 || c.Profile.Exits() != 5 {
		t.Errorf("not the run that the documentation promises: %+v", c)
	}
}

// A part is named, or written out starting from the built-in with its name.
func TestConfigParts(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "mine.yaml")
	if err := os.WriteFile(file, []byte("name: mine\njitter: 0.1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	fromFile := parseConfig(t, "scenario: "+file).Scenario
	if fromFile.Name != "mine" || fromFile.Jitter != 0.1 || fromFile.CSI != 0 {
		t.Errorf("a scenario of a file: %+v", fromFile)
	}

	c := parseConfig(t, "scenario: churn\nrecipe: paper\nprofile: 'vgg16-cifar10'\nmethod: DROO\nslots: 7\nseed: 18446744073709551615")
	churn, _ := mecoffload.LoadScenario("churn")
	if d := cmp.Diff(churn, c.Scenario); d != "" {
		t.Errorf("-churn +named:\n%s", d)
	}
	if d := cmp.Diff(agent.PaperRecipe(), c.Recipe); d != "" {
		t.Errorf("-paper +named:\n%s", d)
	}
	if c.Method != agent.DROO || c.Slots != 7 || c.Seed != 1<<64-1 {
		t.Errorf("the rest: %+v", c)
	}

	c = parseConfig(t, "profile: {name: vgg16-cifar10, accuracy: [0.5], servers: [{times: [1ms]}]}\nslots: 3")
	if c.Profile.Measured != nil || c.Profile.Exits() != 1 {
		t.Errorf("figures written out: %+v", c.Profile)
	}
	data, err := c.YAML()
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(c, parseConfig(t, string(data))); d != "" {
		t.Errorf("-figures written out +read again:\n%s", d)
	}

	c = parseConfig(t, "scenario: {name: churn, devices: 6, churn: {leave: 0.1}}\nrecipe:\n  name: paper\n  learning_rate: 0.5\n  hidden: [3]\n")
	churn.Devices, churn.Churn.Leave = 6, 0.1
	if d := cmp.Diff(churn, c.Scenario); d != "" {
		t.Errorf("-churn +written out:\n%s", d)
	}
	paper := agent.PaperRecipe()
	paper.LearningRate, paper.Hidden = 0.5, []int{3}
	if d := cmp.Diff(paper, c.Recipe); d != "" {
		t.Errorf("-paper +written out:\n%s", d)
	}

	c = parseConfig(t, "scenario: {name: own, devices: 6}\nrecipe: {name: own, noise: 2}")
	static, _ := mecoffload.LoadScenario("static")
	static.Name, static.Devices = "own", 6
	static.Description = c.Scenario.Description
	if d := cmp.Diff(static, c.Scenario); d != "" {
		t.Errorf("-static +own:\n%s", d)
	}
	recipe, _ := agent.LoadRecipe("paper") // GRLE's
	recipe.Name, recipe.Noise = "own", 2
	if d := cmp.Diff(recipe, c.Recipe); d != "" {
		t.Errorf("-default +own:\n%s", d)
	}
}

// The echo is complete and gives the same run again, as YAML and as JSON.
func TestConfigEcho(t *testing.T) {
	for _, name := range mecoffload.ScenarioNames() {
		c := parseConfig(t, "method: GRLE-LT\nscenario: "+name)
		c.Seed = 1<<64 - 1
		c.Scenario.Slot, c.Scenario.Jitter = 0.012345678, 1.0/3
		c.Recipe.LearningRate, c.Recipe.Hidden = 1e-9/3, []int{}
		c.Scenario.Description = "a: 'b'\n# \"c\" \\ \u00e9"
		yaml, err := c.YAML()
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(c, parseConfig(t, string(yaml))); d != "" {
			t.Errorf("%s, YAML: -written +read:\n%s", name, d)
		}
		data, err := c.JSON()
		if err != nil {
			t.Fatal(err)
		}
		var object struct {
			Scenario struct{ Devices int }
		}
		if err := json.Unmarshal(data, &object); err != nil || object.Scenario.Devices != 14 {
			t.Errorf("%s: %v, %+v in\n%s", name, err, object, data)
		}
		if d := cmp.Diff(c, parseConfig(t, string(data))); d != "" {
			t.Errorf("%s, JSON: -written +read:\n%s", name, d)
		}
	}
}

// A scenario called churn without churn would come back with churn.
func TestConfigEchoRefuses(t *testing.T) {
	c := parseConfig(t, "scenario: churn")
	c.Scenario.Churn = mecoffload.Churn{}
	if _, err := c.YAML(); err == nil || !strings.Contains(err.Error(), "a name of its own") {
		t.Errorf("error %v", err)
	}
	c.Scenario.Name = "calm"
	if _, err := c.YAML(); err != nil {
		t.Error(err)
	}
}

func TestConfigErrors(t *testing.T) {
	const three = "profile:\n  name: three\n  accuracy: [0.5]\n  servers: [{times: [1ms]}, {times: [1ms]}, {times: [1ms]}]\n"
	errorCases{
		"method: PPO":                        `f.yaml:1: method: unknown method "PPO": want one of `,
		"colour: red":                        "f.yaml:1: colour: unknown key: want one of method, slots",
		"slots: 9\n\nslotz: 9":               "f.yaml:3: slotz: unknown key: did you mean slots?",
		"slots: 9\nslots: 9":                 "f.yaml:2: slots: duplicate key, first in line 1",
		"recipe: paper\nrecipe: tuned":       "f.yaml:2: ",
		"slots: 0":                           "f.yaml:1: slots: 0 is not in 1..",
		"slots: many":                        "f.yaml:1: ",
		"seed: -1":                           "f.yaml:1: ",
		"workers: 1000":                      "f.yaml:1: workers: 1000 is not in 1..256",
		"seed: 1\nreport_interval: 0":        "f.yaml:2: report_interval: ",
		"checkpoint_interval: -1":            "f.yaml:1: checkpoint_interval: ",
		"window: 0":                          "f.yaml:1: window: ",
		"- a":                                "f.yaml:1: want a mapping",
		"a":                                  "f.yaml:1: want a mapping",
		"scenario:":                          "f.yaml:1: scenario: the key has no value",
		"seed: 1\nscenario: [1]":             "f.yaml:2: scenario: want a mapping",
		"seed: 1\nscenario: dynamics":        `f.yaml:2: scenario: scenario "dynamics" is not known: choose one of capacity, churn`,
		"scenario: /no/such.yaml":            "f.yaml:1: scenario: scenario open /no/such.yaml: no such file",
		"seed: 1\nrecipe: fast":              `f.yaml:2: recipe: recipe "fast" is not known: choose one of paper, tuned`,
		"profile: resnet":                    `f.yaml:1: profile: profile "resnet" is not known`,
		"scenario:\n  name: a\n  devizes: 3": "f.yaml:3: scenario.devizes: unknown key: did you mean devices?",
		"scenario:\n  name: dynamic\n  devices: 0":                     "f.yaml:3: scenario.devices: 0 is not in 1..100000",
		"scenario: {name: a, slot: 10}":                                `f.yaml:1: scenario.slot: "10" is not a duration`,
		"recipe:\n  name: a\n  rate: 3":                                "f.yaml:3: recipe.rate: unknown key: want one of name",
		"recipe:\n  learning_rate: .nan":                               "f.yaml:2: recipe.learning_rate: NaN is not a number",
		"recipe: {name: ''}":                                           "f.yaml:1: recipe.name: is missing",
		"recipe:\n  name: tuned\n  noise: 0":                           "f.yaml:3: recipe.noise: 0 is not a number above 0",
		"recipe:\n  clip_norm: -1":                                     "f.yaml:2: recipe.clip_norm: -1 is not a number of at least 0",
		"recipe:\n  refine_trials: -1":                                 "f.yaml:2: recipe.refine_trials: -1 is not in 0..",
		"recipe:\n  quantizer: knn":                                    `f.yaml:2: recipe.quantizer: want order, noisy or gumbel`,
		"recipe:\n  loss: mse":                                         `f.yaml:2: recipe.loss: "mse" is neither`,
		"recipe:\n  batch_size: 5000":                                  "f.yaml:2: recipe.memory_size: 1024 is not in 5000..",
		"method: GRLE\nslots: 12.5":                                    "f.yaml:2: slots: 12.5 is not a whole number",
		"recipe:\n  hidden: [3, 0.5]":                                  "f.yaml:2: recipe.hidden[1]: 0.5 is not a whole number",
		"scenario:\n  name: own\n  devices: 1.5":                       "f.yaml:3: scenario.devices: 1.5 is not a whole number",
		"recipe:\n  hidden:\n  - 3\n  - 0":                             "f.yaml:4: recipe.hidden[1]: 0 is not in 1..",
		"recipe:\n  gamma: 1":                                          "f.yaml:2: recipe.gamma: 1 is not in [0, 1)",
		"recipe:\n  graph_layers: 1000":                                "f.yaml:2: recipe.graph_layers: 1000 is not in 0..",
		"profile:\n  name: a\n  accuracy: [0.5, 0.4]":                  "f.yaml:3: profile.accuracy[1]: the accuracy 0.4 of exit 2 does not exceed",
		"profile:\n  name: a\n  accuracy: [1.5]":                       "f.yaml:3: profile.accuracy[0]: the accuracy 1.5 of exit 1 is not in (0, 1]",
		three:                                                          `f.yaml:4: profile.servers: profile "three" lists 3 servers and scenario "dynamic" has 2`,
		"scenario: {name: dynamic, servers: 1}\nprofile: illustrative": `f.yaml:2: profile.servers: profile "illustrative" lists 2 servers and scenario "dynamic" has 1`,
		"slots: 1\n---\nslots: 2":                                      "f.yaml: 2 YAML documents",
	}.check(t, func(doc string) error {
		_, err := ParseConfig([]byte(doc), "f.yaml")
		return err
	})
	if _, err := LoadConfig("/no/such.yaml"); err == nil || !strings.Contains(err.Error(), "/no/such.yaml: no such file") {
		t.Errorf("a file that does not exist: %v", err)
	}
}

func TestParseMethod(t *testing.T) {
	for _, m := range agent.Methods() {
		if got, err := agent.ParseMethod(strings.ToLower(string(m))); got != m || err != nil {
			t.Errorf("%s: %s, error %v", m, got, err)
		}
	}
	if _, err := agent.ParseMethod("PPO"); err == nil || !strings.Contains(err.Error(), "GRLE-LT") {
		t.Errorf("an unknown method does not list the known ones: %v", err)
	}
}

func FuzzConfig(f *testing.F) {
	f.Add([]byte("method: DROO\nslots: 3\nscenario: churn\nrecipe: paper\nprofile: vgg16-cifar10"))
	f.Add([]byte("scenario: {name: dynamic, devices: 6}\nrecipe:\n  name: x\n  hidden: [3, 4]\n"))
	f.Add([]byte("scenario: &a {name: x}\nprofile: *a"))
	f.Add([]byte("recipe: {<<: {name: a}}"))
	f.Add([]byte("? scenario\n: !!str dynamic\n"))
	if c, err := DefaultConfig(); err == nil {
		for _, encode := range []func() ([]byte, error){c.YAML, c.JSON} {
			data, err := encode()
			if err != nil {
				f.Fatal(err)
			}
			f.Add(data)
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := ParseConfig(data, "fuzz.yaml")
		if err != nil {
			return
		}
		if err := c.Validate(); err != nil {
			t.Fatalf("accepted what is not valid: %v", err)
		}
		echo, err := c.YAML()
		if err != nil {
			return // refuses rather than write something else
		}
		again, err := ParseConfig(echo, "echo.yaml")
		if err != nil {
			t.Fatalf("%v in the echo\n%s", err, echo)
		}
		if d := cmp.Diff(c, again); d != "" {
			t.Fatalf("-read +echo:\n%s", d)
		}
	})
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

// Anchors, aliases and merge keys work across sections, and so does text as other programs write
// it.
func TestConfigAnchorsAndEncodings(t *testing.T) {
	c := parseConfig(t, "slots: 40\nrecipe: {name: paper, batch_size: &n 16}\nscenario: {name: dynamic, devices: *n}\n")
	if c.Scenario.Devices != 16 || c.Recipe.BatchSize != 16 {
		t.Errorf("an alias in another section: %d devices, batches of %d", c.Scenario.Devices, c.Recipe.BatchSize)
	}
	c = parseConfig(t, "slots: 40\nprofile:\n  name: p\n  accuracy: [0.6, 0.9]\n  servers:\n    - &s {name: a, times: [1ms, 2ms]}\n    - {<<: *s, name: b}\n")
	want := []mecoffload.ServerProfile{{Name: "a", Times: []mecoffload.Seconds{0.001, 0.002}}, {Name: "b", Times: []mecoffload.Seconds{0.001, 0.002}}}
	if d := cmp.Diff(want, c.Profile.Servers); d != "" {
		t.Errorf("-want +merged:\n%s", d)
	}
	c = parseConfig(t, "scenario: &w {name: own, devices: 6}\nrecipe: {name: paper}\n# an alias of a whole section\n")
	if c.Scenario.Devices != 6 {
		t.Errorf("%+v", c.Scenario)
	}
	for _, text := range []string{"\ufeffslots: 40\n", "slots: 40\r\nseed: 1\r\n", "\xff\xfes\x00l\x00o\x00t\x00s\x00:\x00 \x004\x000\x00"} {
		if c := parseConfig(t, text); c.Slots != 40 {
			t.Errorf("%q: %d slots", text, c.Slots)
		}
	}
}

// A number is read exactly or rejected with file, line and key.
func TestConfigNumbers(t *testing.T) {
	errorCases{
		"slots: 40\nwindow: \"7.9\"":                                     `f.yaml:2: window: want a whole number, not the text "7.9"`,
		"slots: 40\nreport_interval: &w 7.9":                             "f.yaml:2: report_interval: 7.9 is not a whole number",
		"scenario: {name: dynamic, devices: &m 6.9}":                     "f.yaml:1: scenario.devices: 6.9 is not a whole number",
		"recipe: {name: paper, gamma: &g 0.99, graph_layers: *g}":        "f.yaml:1: recipe.graph_layers: 0.99 is not a whole number",
		"seed: 18446744073709551616":                                     "f.yaml:1: seed: 18446744073709551616 is out of range",
		"slots: 0042":                                                    "f.yaml:1: slots: 0042 starts with 0",
		"slots: 0089":                                                    "f.yaml:1: slots: 0089 starts with 0",
		"workers: 9223372036854775808":                                   "f.yaml:1: workers: 9223372036854775808 is not in",
		"scenario:\n  name: x\n  jitter: 1e-400":                         "f.yaml:3: scenario.jitter: 1e-400 is too small",
		"recipe: {name: a, batch_size: &n 16}\nscenario: {devices: *nn}": "f.yaml:2: scenario.devices: no anchor &nn",
	}.check(t, func(doc string) error {
		_, err := ParseConfig([]byte(doc), "f.yaml")
		return err
	})
}
