package suite

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/graphrl/graphrl/tasks/mecoffload"
	"github.com/graphrl/graphrl/tasks/mecoffload/agent"
	"github.com/graphrl/graphrl/tasks/mecoffload/experiment"
)

// helperVar makes the test binary compute the tiny suite into the folder it names. The test kills
// it on the way.
const helperVar = "GRAPHRL_SUITE_TEST_STORE"

func TestMain(m *testing.M) {
	if dir := os.Getenv(helperVar); dir != "" {
		s, err := tiny()
		if err == nil {
			err = computeInto(dir, s.Cells)
		}
		if err != nil {
			panic(err)
		}
		return
	}
	os.Exit(m.Run())
}

// tiny returns the suite quick with very few slots: all methods, baselines, tests and bounds.
func tiny() (Suite, error) {
	return New("quick",
		Options{Seeds: 2, Slots: 48, Devices: 6, Slot: shortSlot, Recipes: []agent.Recipe{agent.TunedRecipe()}})
}

func tinySuite(t testing.TB) Suite {
	t.Helper()
	s, err := tiny()
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func computeInto(dir string, cells []Cell) error {
	store, err := OpenStore(dir)
	if err != nil {
		return err
	}
	return Compute(context.Background(), cells, store, ComputeOptions{Jobs: 2})
}

// outcome returns everything about a suite's results that must not depend on how they were
// computed, as text.
func outcome(t testing.TB, dir string, s Suite) []byte {
	t.Helper()
	store, err := OpenStore(dir)
	if err != nil {
		t.Fatal(err)
	}
	results, err := store.LoadAll(s.Cells)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range results {
		r.Timing = Timing{}
	}
	text, err := json.MarshalIndent(results, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func TestSameResultsHoweverComputed(t *testing.T) {
	s := tinySuite(t)
	whole := t.TempDir()
	if err := computeInto(whole, s.Cells); err != nil {
		t.Fatal(err)
	}
	want := outcome(t, whole, s)

	t.Run("again", func(t *testing.T) {
		dir := t.TempDir()
		if err := computeInto(dir, s.Cells); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(want, outcome(t, dir, s)) {
			t.Error("two runs differ")
		}
	})
	t.Run("killed and continued", func(t *testing.T) {
		dir := t.TempDir()
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), helperVar+"="+dir)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		for finished := 0; finished < 5; {
			time.Sleep(time.Millisecond)
			files, err := filepath.Glob(filepath.Join(dir, "*.json"))
			if err != nil {
				t.Fatal(err)
			}
			finished = len(files)
		}
		if err := cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		if err := cmd.Wait(); err == nil {
			t.Skip("was done before it could be killed")
		}
		store, err := OpenStore(dir)
		if err != nil {
			t.Fatal(err)
		}
		first, computed := -1, 0
		err = Compute(t.Context(), s.Cells, store, ComputeOptions{Jobs: 2, Progress: func(done int, last *Cell) {
			if last == nil {
				first = done
			} else {
				computed++
			}
		}})
		if err != nil {
			t.Fatal(err)
		}
		if first < 5 || first+computed != len(s.Cells) {
			t.Errorf("went on with %d cells of %d and computed %d", first, len(s.Cells), computed)
		}
		if !bytes.Equal(want, outcome(t, dir, s)) {
			t.Error("an interrupted run differs from an uninterrupted one")
		}
	})
	t.Run("in shards", func(t *testing.T) {
		dir := t.TempDir()
		for i := range 3 {
			part, err := Shard{i, 3}.Of(s.Cells)
			if err != nil {
				t.Fatal(err)
			}
			if err := computeInto(dir, part); err != nil {
				t.Fatal(err)
			}
			store, err := OpenStore(dir)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := store.LoadAll(s.Cells); (err == nil) != (i == 2) || err != nil && !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("after %d of 3 shards: %v", i+1, err)
			}
		}
		if !bytes.Equal(want, outcome(t, dir, s)) {
			t.Error("shards together differ from the whole")
		}
	})
	t.Run("a second call is free", func(t *testing.T) {
		store, err := OpenStore(whole)
		if err != nil {
			t.Fatal(err)
		}
		err = Compute(t.Context(), s.Cells, store, ComputeOptions{Progress: func(done int, last *Cell) {
			if last != nil || done != len(s.Cells) {
				t.Errorf("computed %v; %d done", last, done)
			}
		}})
		if err != nil {
			t.Error(err)
		}
	})
	t.Run("comparison", func(t *testing.T) { testComparison(t, whole, s) })
}

// testComparison checks that figures reach the comparison from the cells they belong to.
func testComparison(t *testing.T, dir string, s Suite) {
	store, err := OpenStore(dir)
	if err != nil {
		t.Fatal(err)
	}
	results, err := store.LoadAll(s.Cells)
	if err != nil {
		t.Fatal(err)
	}
	c, err := Compare(s, results)
	if err != nil {
		t.Fatal(err)
	}
	if len(c.Worlds) != 1 || len(c.Subjects) != len(agent.Methods())+6 {
		t.Errorf("worlds %v, subjects %v", c.Worlds, c.Subjects)
	}
	w := c.Worlds[0]
	for i, cell := range s.Cells {
		if cell.Recipe == nil {
			continue
		}
		got := c.Rows(w, cell.Subject)[slices.Index(s.Seeds, cell.Seed)]
		if d := cmp.Diff(results[i].Rows[0], got); d != "" {
			t.Errorf("%v: -result +comparison\n%s", cell, d)
		}
		if got.Method != cell.Subject.Name || got.Seed != cell.Seed || got.Slots != 12 {
			t.Errorf("%v has the row of %s, seed %d, %d slots", cell, got.Method, got.Seed,
				got.Slots)
		}
		if n := len(results[i].Curve); n != 48 || results[i].Curve[n-1].Slot != 48 {
			t.Errorf("%v: a curve of %d points", cell, n)
		}
	}
	lt := Subject{"GRLE-LT", "tuned"}
	for _, kind := range []TestKind{Frozen, ValueSearch} {
		if rows, ok := c.TestRows(w, lt, kind, w); !ok || len(rows) != 2 || rows[0].Slots != 3 || rows[0].Accuracy == 0 {
			t.Errorf("test %s: %v %v", kind, rows, ok)
		}
	}
	if _, ok := c.TestRows(w, Subject{"GRL", "tuned"}, Frozen, w); ok {
		t.Error("a test that is not there")
	}
	if all, last := c.Bound(w, lt), c.Bound(w, Subject{"DROO", "tuned"}); !(last < all) || all > 0.93 {
		t.Errorf("bounds %v of all exits and %v of the last", all, last)
	}
	if c.Bound(w, Subject{Name: "round-robin"}) != c.Bound(w, Subject{"DROO", "tuned"}) || c.Bound(w, Subject{Name: "random"}) != c.Bound(w, lt) {
		t.Error("baselines have the bound of other exits than they use")
	}
	if _, err := c.Claims(); err != nil {
		t.Error(err)
	}
	if _, err := Compare(s, results[1:]); err == nil {
		t.Error("compared a suite with a result missing")
	}
	if builds := Builds(results); len(builds) != 1 || builds[0] == "" {
		t.Errorf("builds %q", builds)
	}
}

// Everything that determines a result must change the key, and nothing else may.
func TestKey(t *testing.T) {
	key := func(c Cell) string {
		k, err := c.Key()
		if err != nil {
			t.Fatal(err)
		}
		return k
	}
	s := tinySuite(t)
	seen := make(map[string]string)
	for _, c := range s.Cells {
		if other, ok := seen[key(c)]; ok {
			t.Errorf("%v and %v have one key", c, other)
		}
		seen[key(c)] = c.String()
	}
	i := slices.IndexFunc(s.Cells, func(c Cell) bool { return c.Subject.Name == "GRLE-LT" })
	base := s.Cells[i]
	for name, change := range map[string]func(c *Cell){
		"recipe": func(c *Cell) { r := *c.Recipe; r.LearningRate *= 2; c.Recipe = &r },
		"world":  func(c *Cell) { c.Scenario.Jitter = 0.1 },
		"profile": func(c *Cell) {
			c.Profile.Accuracy = append([]float64{0.5}, c.Profile.Accuracy[1:]...)
		},
		"traces":       func(c *Cell) { c.Traces = "abc" },
		"training":     func(c *Cell) { sc := c.Scenario; c.Train = &sc },
		"slots":        func(c *Cell) { c.Slots++ },
		"seed":         func(c *Cell) { c.Seed++ },
		"tests":        func(c *Cell) { c.Tests = c.Tests[:1] },
		"test's world": func(c *Cell) { c.Tests = slices.Clone(c.Tests); c.Tests[0].Scenario.Devices++ },
	} {
		c := base
		change(&c)
		if key(c) == key(base) {
			t.Errorf("another %s has the same key", name)
		}
	}
	c := base
	c.Scenario.Description = "other words"
	c.Scenario.Trace.Files = []string{"elsewhere"}
	if key(c) != key(base) {
		t.Error("words and places change the key")
	}
}

func TestStoreRefusesWhatIsDamaged(t *testing.T) {
	s := tinySuite(t)
	dir := t.TempDir()
	cell := s.Cells[slices.IndexFunc(s.Cells, func(c Cell) bool { return c.Subject.Name == Bounds })]
	if err := computeInto(dir, []Cell{cell}); err != nil {
		t.Fatal(err)
	}
	store, err := OpenStore(dir)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := store.load(cell); err != nil {
		t.Fatal(err)
	}
	key, _ := cell.Key()
	name := filepath.Join(dir, key+".json")
	whole, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	for what, data := range map[string]string{
		"cut off":       string(whole[:len(whole)/2]),
		"another cell":  strings.Replace(string(whole), `"Jitter": 0.25`, `"Jitter": 0.2`, 1),
		"another field": strings.Replace(string(whole), `"format"`, `"fromat"`, 1),
		"no bounds":     string(whole[:bytes.Index(whole, []byte(`"bounds": {`))]) + `"timing": {}}`,
	} {
		if err := os.WriteFile(name, []byte(data), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := store.load(cell); err == nil || !strings.Contains(err.Error(), "delete it") {
			t.Errorf("%s: %v", what, err)
		}
	}
}

func FuzzParseResult(f *testing.F) {
	f.Add([]byte(`{"format":1,"cell":{"subject":{"name":"bounds"}},"bounds":{},"timing":{}}`), "0")
	f.Add([]byte(`{"format":1,"cell":{"subject":{"name":"GRLE","recipe":"x"},"recipe":{}},"rows":[{}],"timing":{"decision_us":[{}]}}`), "0")
	f.Fuzz(func(t *testing.T, data []byte, key string) {
		r, err := parseResult(data, key, "x.json")
		if err != nil {
			return
		}
		if got, err := r.Cell.Key(); err != nil || got != key {
			t.Errorf("accepted under %q what belongs under %q (%v)", key, got, err)
		}
	})
}

func TestSuites(t *testing.T) {
	for _, name := range Names() {
		s, err := New(name, Options{Traces: []string{"../testdata/traces"}})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if s.Name != name || s.Title == "" || s.About == "" || len(s.Cells) == 0 || len(s.Seeds) == 0 {
			t.Errorf("%s is incomplete", name)
		}
		for _, c := range s.Cells {
			tuning := c.Seed >= firstTuning && c.Seed < firstClaims
			if c.Subject.Name != Bounds && (c.Seed < firstHeldOut || tuning != (name == "tune")) {
				t.Errorf("%s: seed %d of %v", name, c.Seed, c)
			}
		}
	}
	paper, err := New("paper", Options{})
	if err != nil {
		t.Fatal(err)
	}
	worlds, methods, recipes, seeds := 5*3*2, 6, 2, 5
	if want := worlds * (methods*recipes*seeds + seeds + 1); len(paper.Cells) != want {
		t.Errorf("paper has %d cells, want %d", len(paper.Cells), want)
	}
}

func TestOptions(t *testing.T) {
	recipe := agent.TunedRecipe()
	recipe.Name, recipe.LearningRate = "mine", 0.01
	profile, err := mecoffload.LoadProfile(mecoffload.IllustrativeProfile)
	if err != nil {
		t.Fatal(err)
	}
	profile.Name = "measured"
	s, err := New("paper", Options{
		Seeds: 2, Slots: 100, Scenario: "csi", Devices: 10, Slot: longSlot,
		Methods: []agent.Method{agent.GRLE}, Recipes: []agent.Recipe{recipe}, Profile: &profile,
	})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, c := range s.Cells {
		got = append(got, c.String())
		if c.Profile.Name != "measured" || c.Recipe != nil && c.Recipe.LearningRate != 0.01 || c.Subject.Name != Bounds && c.Slots != 100 {
			t.Errorf("%v has profile %s, recipe %v, %d slots", c, c.Profile.Name, c.Recipe, c.Slots)
		}
	}
	const world = "csi, M 10, N 2, 30ms: "
	want := []string{world + "GRLE (mine), seed 11", world + "GRLE (mine), seed 12", world + "baselines, seed 11", world + "baselines, seed 12", world + "bounds"}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("-want +got:\n%s", d)
	}
	recipe.BatchSize = 0
	for what, o := range map[string]Options{
		"nothing left":    {Scenario: "churn"},
		"no method left":  {Methods: []agent.Method{"DQN"}},
		"two of one name": {Recipes: []agent.Recipe{agent.PaperRecipe(), agent.PaperRecipe()}},
		"a bad recipe":    {Recipes: []agent.Recipe{recipe}},
		"negative seeds":  {Seeds: -1},
		"too many seeds":  {Seeds: 1_000_000_000},
		"another profile": {Profile: &mecoffload.Profile{}},
	} {
		if _, err := New("paper", o); err == nil {
			t.Errorf("%s: no error", what)
		}
	}
	if s, err := New("paper", Options{FirstSeed: 8801, Seeds: 2}); err != nil || !slices.Equal(s.Seeds, []uint64{8801, 8802}) {
		t.Errorf("seeds %v, %v", s.Seeds, err)
	}
	if _, err := New("papre", Options{}); err == nil {
		t.Error("an unknown suite: no error")
	}
}

func TestTraces(t *testing.T) {
	dir := t.TempDir()
	log := func(name, rates string) string {
		name = filepath.Join(dir, name)
		if err := os.WriteFile(name, []byte("DL_bitrate\n"+rates), 0o600); err != nil {
			t.Fatal(err)
		}
		return name
	}
	keyOf := func(file string) string {
		s, err := New("trace", Options{Traces: []string{file}})
		if err != nil {
			t.Fatal(err)
		}
		k, err := s.Cells[0].Key()
		if err != nil {
			t.Fatal(err)
		}
		return k
	}
	a, b, c := log("a.csv", "30000\n"), log("b.csv", "30000\n"), log("c.csv", "40000\n")
	if keyOf(a) != keyOf(b) {
		t.Error("the name of a recording changes the key")
	}
	if keyOf(a) == keyOf(c) {
		t.Error("another recording has the same key")
	}
	if _, err := New("trace", Options{Traces: []string{filepath.Join(dir, "none.csv")}}); err == nil {
		t.Error("no recording: no error")
	}
}

// User-defined recipes and profiles come from YAML; a cell takes them unchanged.
func TestRecipeFromYAML(t *testing.T) {
	cfg, err := experiment.ParseConfig([]byte("recipe:\n  name: mine\n  loss: binary\n  "+
		"train_interval: 3\n  hidden: [8]\n"), "mine.yaml")
	if err != nil {
		t.Fatal(err)
	}
	s, err := New("quick", Options{Seeds: 1, Slots: 40, Devices: 6, Methods: []agent.Method{agent.DROOE}, Recipes: []agent.Recipe{cfg.Recipe}})
	if err != nil {
		t.Fatal(err)
	}
	r, err := s.Cells[0].run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if r.Cell.Subject.String() != "DROOE (mine)" || r.Cell.Recipe.TrainInterval != 3 || r.Rows[0].Accuracy == 0 {
		t.Errorf("%+v", r)
	}
}

func TestCancel(t *testing.T) {
	s := tinySuite(t)
	store, err := OpenStore(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	cause := errors.New("enough")
	ctx, cancel := context.WithCancelCause(t.Context())
	computed := 0
	err = Compute(ctx, s.Cells, store, ComputeOptions{Jobs: 1, Progress: func(_ int, last *Cell) {
		if last != nil {
			computed++
			cancel(cause)
		}
	}})
	if !errors.Is(err, cause) || computed == 0 || computed > 2 {
		t.Errorf("%v after %d cells", err, computed)
	}
}

// A failing cell stops the suite with an error that names it.
func TestFailingCell(t *testing.T) {
	s := tinySuite(t)
	cells := slices.Clone(s.Cells)
	bad := cells[3]
	bad.Scenario.Devices = 0
	cells[3] = bad
	err := computeInto(t.TempDir(), cells)
	if err == nil || !strings.Contains(err.Error(), bad.String()) {
		t.Errorf("%v does not name %v", err, bad)
	}
}
