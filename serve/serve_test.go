package serve

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/graphrl/graphrl/serve/servepb"
	"github.com/graphrl/graphrl/tasks/mecoffload"
	"github.com/graphrl/graphrl/tasks/mecoffload/agent"
	"github.com/graphrl/graphrl/tasks/mecoffload/experiment"
)

var trained struct {
	sync.Mutex
	dir  string
	runs map[agent.Method]string
}

func TestMain(m *testing.M) {
	if os.Getenv(childDir) != "" {
		os.Exit(serveAsChild())
	}
	dir, err := os.MkdirTemp("", "serve")
	if err != nil {
		panic(err)
	}
	trained.dir, trained.runs = dir, map[agent.Method]string{}
	code := m.Run()
	os.RemoveAll(dir)
	os.Exit(code)
}

// checkpointOf is the folder of a checkpoint of a method that learned a few slots of dynamic.
func checkpointOf(t testing.TB, method agent.Method) string {
	t.Helper()
	trained.Lock()
	defer trained.Unlock()
	if dir, ok := trained.runs[method]; ok {
		return dir
	}
	cfg, err := experiment.ParseConfig([]byte("{method: "+string(method)+", slots: 200, seed: 11, validation_slots: 0}"), "test")
	if err != nil {
		t.Fatal(err)
	}
	run, err := experiment.NewRun(cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer run.Close()
	for !run.Done() {
		if err := run.Step(); err != nil {
			t.Fatal(err)
		}
	}
	dir := filepath.Join(trained.dir, string(method))
	if err := run.Checkpoint(dir); err != nil {
		t.Fatal(err)
	}
	trained.runs[method] = filepath.Join(dir, experiment.LatestCheckpoint)
	return trained.runs[method]
}

var models sync.Map // of *Model by method

func modelOf(t testing.TB, method agent.Method) *Model {
	t.Helper()
	if m, ok := models.Load(method); ok {
		return m.(*Model)
	}
	m, err := OpenModel(checkpointOf(t, method), "", World{})
	if err != nil {
		t.Fatal(err)
	}
	models.Store(method, m)
	return m
}

// asked is an observation as a client sends it.
func asked(o *mecoffload.Observation) *servepb.Offloading {
	q := &servepb.Offloading{}
	for n := range o.Servers {
		q.Servers = append(q.Servers, &servepb.Server{Id: "edge-" + strconv.Itoa(n), Capacity: o.Capacity[n], BacklogSeconds: o.Backlog[n]})
	}
	for i := range o.Devices {
		task := &servepb.Task{Device: strconv.Itoa(o.ID[i]), Bits: o.Bits[i], DeadlineSeconds: o.Deadline[i],
			RateBitS: slices.Clone(o.Rate[i*o.Degree():][:o.Degree()])}
		for j := range o.Links {
			task.Reach = append(task.Reach, uint32(o.ServerOf(i, j)))
		}
		q.Tasks = append(q.Tasks, task)
	}
	return q
}

// action is an answer as the simulator takes it.
func action(t testing.TB, o *mecoffload.Observation, list []*servepb.Assignment) mecoffload.Action {
	t.Helper()
	if len(list) != o.Devices {
		t.Fatalf("%d assignments for %d devices", len(list), o.Devices)
	}
	a := make(mecoffload.Action, o.Devices)
	for i, c := range list {
		server, err := strconv.Atoi(c.Server[len("edge-"):])
		if err != nil || c.Device != strconv.Itoa(o.ID[i]) {
			t.Fatalf("assignment %d: %v, error %v", i, c, err)
		}
		a[i] = int32(o.LinkTo(i, server)*o.Exits + int(c.Exit) - 1)
	}
	return a
}

// decisions are those of a policy in an evaluation, as cmd/eval does it, with the observations.
func decisions(t testing.TB, dir string, change func(*experiment.Config), seed uint64, slots int64) (seen []mecoffload.Observation, done []mecoffload.Action) {
	t.Helper()
	c, err := experiment.OpenCheckpoint(dir)
	if err != nil {
		t.Fatal(err)
	}
	cfg := c.Config
	cfg.Seed = seed
	if change != nil {
		change(&cfg)
	}
	a, err := c.Agent(cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	e := experiment.Evaluation{Scenario: cfg.Scenario, Profile: cfg.Profile, Seed: seed, Slots: slots,
		Decision: func(_ int64, o *mecoffload.Observation, chosen mecoffload.Action) {
			var kept mecoffload.Observation
			o.CopyTo(&kept)
			seen, done = append(seen, kept), append(done, slices.Clone(chosen))
		}}
	if _, err := e.Policy(t.Context(), a); err != nil {
		t.Fatal(err)
	}
	return seen, done
}

// Asked slot by slot, a model decides as an evaluation of its checkpoint does, to the bit; also for
// another number of devices and servers, and where devices come and go.
func TestDecidesAsEvaluation(t *testing.T) {
	for _, c := range []struct {
		method agent.Method
		world  World
		change func(*experiment.Config)
		slots  int64
	}{
		{agent.GRLE, World{}, nil, 200},
		{agent.GRLELT, World{}, nil, 200},
		{agent.GRL, World{}, nil, 100},
		{agent.DROOE, World{}, nil, 100},
		{agent.GRLELT, World{Devices: 150, Servers: 20}, func(c *experiment.Config) { c.Scenario.Devices, c.Scenario.Servers = 150, 20 }, 10},
		{agent.DROO, churn(t, 14), func(c *experiment.Config) { c.Scenario = *churn(t, 14).Scenario }, 60},
		{agent.GRLE, churn(t, 14), func(c *experiment.Config) { c.Scenario = *churn(t, 14).Scenario }, 60},
	} {
		const seed = 91
		dir := checkpointOf(t, c.method)
		seen, want := decisions(t, dir, c.change, seed, c.slots)
		m, err := OpenModel(dir, "", c.world)
		if err != nil {
			t.Fatal(err)
		}
		q := Query{Seed: new(uint64), AnyInput: true} // one in a thousand slots is out of range
		*q.Seed = seed
		for slot := range seen {
			q.Observation = asked(&seen[slot])
			got, err := m.Decide(context.Background(), q)
			if err != nil {
				t.Fatal(err)
			}
			if got.Fallback != 0 || got.Cut {
				t.Fatalf("%s: slot %d: %v", c.method, slot, got)
			}
			if a := action(t, &seen[slot], got.Assignments); !slices.Equal(a, want[slot]) {
				t.Fatalf("%s: slot %d: %v, want %v", c.method, slot, a, want[slot])
			}
			q.Draws = got.Draws
		}
	}
}

func churn(t testing.TB, devices int) World {
	t.Helper()
	sc, err := mecoffload.LoadScenario("churn")
	if err != nil {
		t.Fatal(err)
	}
	sc.Devices = devices
	return World{Scenario: &sc}
}

// Requests carry no prices of energy, so a world with an energy budget is refused.
func TestEnergyBudgetsAreRefused(t *testing.T) {
	sc, err := mecoffload.ParseScenario([]byte("name: battery\nenergy: {transmit_w: 0.2, budget_mj: 1}"), "test")
	if err != nil {
		t.Fatal(err)
	}
	_, err = OpenModel(checkpointOf(t, agent.GRLE), "", World{Scenario: &sc})
	if err == nil || !strings.Contains(err.Error(), "energy budget") {
		t.Errorf("%v, want an error about the energy budget", err)
	}
}
