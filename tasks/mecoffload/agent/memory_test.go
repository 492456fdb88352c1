package agent

import (
	"runtime"
	"strings"
	"testing"

	"github.com/graphrl/graphrl/checkpoints"
	"github.com/graphrl/graphrl/internal/memory"
	"github.com/graphrl/graphrl/internal/race"
	"github.com/graphrl/graphrl/tasks/mecoffload"
)

// The estimate is close to what a learning run really keeps.
func TestMemoryEstimate(t *testing.T) {
	if race.Enabled {
		t.Skip("the race detector takes memory of its own")
	}
	for _, c := range []struct {
		method                                          Method
		devices, servers, hidden, layers, batch, memory int
	}{
		{GRLE, 300, 2, 32, 2, 32, 32},
		{GRLE, 300, 2, 16, 1, 32, 64},
		{GRLE, 100, 10, 32, 1, 32, 32},
		{DROOE, 500, 2, 0, 0, 16, 16},
	} {
		sim, sc, p := builtin(t, "dynamic", func(s *mecoffload.Scenario) { s.Devices, s.Servers = c.devices, c.servers })
		r := PaperRecipe()
		r.GraphHidden, r.GraphLayers = max(c.hidden, 1), c.layers
		r.BatchSize, r.MemorySize, r.TrainInterval = c.batch, c.memory, c.memory
		cfg := Config{Method: c.method, Scenario: sc, Profile: p, Recipe: r, Seed: 1}
		before := heap()
		a, err := New(cfg)
		if err != nil {
			t.Fatal(err)
		}
		run := &benchRun{agent: a, sim: sim, obs: reset(t, sim, 1), action: make(mecoffload.Action, c.devices)}
		for range c.memory {
			run.slot(t)
		}
		used, estimated := heap()-before, cfg.Memory().Total()-cfg.Memory().Save-baseBytes
		if low, high := used*2/3, used*3/2+3e6; estimated < low || estimated > high {
			t.Errorf("%+v: %s used, %s estimated", c, memory.Format(used), memory.Format(estimated))
		}
		runtime.KeepAlive(run)
		a.Close()
	}
}

// heap returns the bytes of live objects.
func heap() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

func TestCheckMemory(t *testing.T) {
	_, sc, p := builtin(t, "dynamic", func(s *mecoffload.Scenario) { s.Devices = 20_000 })
	large := Config{Method: DROOE, Scenario: sc, Profile: p, Recipe: PaperRecipe()}
	limit := memory.Limit{Bytes: 1e9, Source: "ulimit -v"}
	err := large.checkMemory(true, limit)
	if err == nil {
		t.Fatal("accepted a perceptron for 20,000 devices in 1 GB")
	}
	for _, want := range []string{"DROOE for 20000 devices", "3.2 GB", "checkpoints 1.6 GB", "ulimit -v leaves 1.0 GB", "recipe.batch_size (64)", "recipe.memory_size (1024)"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%v\nlacks %q", err, want)
		}
	}
	if err := large.checkMemory(false, limit); err != nil {
		t.Errorf("deciding alone: %v", err)
	}
	large.Recipe.BatchSize, large.Recipe.MemorySize, limit.Bytes = 8, 64, 2e9
	if err := large.checkMemory(true, limit); err != nil {
		t.Errorf("a small batch: %v", err)
	}
	large.Recipe.Candidates = 1 << 20
	if err := large.checkMemory(true, limit); err == nil || !strings.Contains(err.Error(), "fewer recipe.candidates (1048576)") {
		t.Errorf("candidates of 80 GB: %v", err)
	}
	if err := large.checkMemory(true, memory.Limit{Bytes: memory.Unlimited}); err != nil {
		t.Errorf("without a limit: %v", err)
	}
}

// Cells take less memory, but only where the network is sure to be decided by cells.
func TestMemoryOfCells(t *testing.T) {
	decide := func(cells int, change func(*Config)) int64 {
		_, sc, p := builtin(t, "dynamic", func(s *mecoffload.Scenario) { s.Devices, s.Servers, s.Reach = 10_000, 1400, 16 })
		c := Config{Method: GRLE, Scenario: sc, Profile: p, Recipe: TunedRecipe()}
		c.Recipe.Cells = cells
		change(&c)
		return c.Memory().Decide
	}
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(2))
	for name, c := range map[string]struct {
		cells  int
		change func(*Config)
		less   bool
	}{
		"automatic":              {0, func(*Config) {}, true},
		"ten":                    {10, func(*Config) {}, true},
		"of all links":           {0, func(c *Config) { c.Recipe.Links = 0 }, false},
		"all servers in reach":   {10, func(c *Config) { c.Scenario.Reach = 0 }, false},
		"few links":              {10, func(c *Config) { c.Scenario.Reach = 7 }, false},
		"smaller than the reach": {200, func(*Config) {}, false},
		"a perceptron":           {10, func(c *Config) { c.Method, c.Scenario.Devices = DROOE, 100 }, false},
	} {
		whole, got := decide(1, c.change), decide(c.cells, c.change)
		if (got < whole) != c.less || got > whole {
			t.Errorf("%s: %s, as a whole %s", name, memory.Format(got), memory.Format(whole))
		}
	}
}

func TestNewRefuses(t *testing.T) {
	_, sc, p := builtin(t, "dynamic", nil)
	for want, change := range map[string]func(*Config){
		"unknown method":    func(c *Config) { c.Method = "PPO" },
		"65 workers":        func(c *Config) { c.Workers = 65 },
		"-1 workers":        func(c *Config) { c.Workers = -1 },
		"batch_size: 0":     func(c *Config) { c.Recipe.BatchSize = 0 },
		"scenario: devices": func(c *Config) { c.Scenario.Devices = -1 },
		"profile: accuracy": func(c *Config) { c.Profile.Accuracy = nil },
		"graph_hidden: -3":  func(c *Config) { c.Recipe.GraphHidden = -3 },
	} {
		c := Config{Method: GRLE, Scenario: sc, Profile: p, Recipe: PaperRecipe()}
		change(&c)
		if _, err := New(c); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want something with %q", err, want)
		}
	}
}

// The weights that the estimate counts are those that there are.
func TestMemoryCountsWeights(t *testing.T) {
	for _, r := range []Recipe{PaperRecipe(), TunedRecipe()} {
		r.GraphHidden, r.GraphLayers = 24, 3
		_, sc, p := builtin(t, "dynamic", nil)
		a, err := New(Config{Method: GRLE, Scenario: sc, Profile: p, Recipe: r})
		if err != nil {
			t.Fatal(err)
		}
		saved := checkpoints.NewState()
		if err := a.SaveState(saved); err != nil {
			t.Fatal(err)
		}
		n := 0
		for _, name := range saved.Names() {
			if strings.Contains(name, "actor") && !strings.Contains(name, "optimizer") {
				size, err := saved.Len(name)
				if err != nil {
					t.Fatal(err)
				}
				n += size
			}
		}
		if want := memory.BipartiteScorer(1, 24, 3, 0, 0).Weights; float64(n) < want || float64(n) > want+8 {
			t.Errorf("%d numbers in the actor's state, of which %v weights", n, want)
		}
		a.Close()
	}
}
