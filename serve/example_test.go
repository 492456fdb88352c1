package serve_test

import (
	"context"
	"fmt"
	"io"
	"log"
	"math"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/graphrl/graphrl/rl/hetero"
	"github.com/graphrl/graphrl/serve"
	"github.com/graphrl/graphrl/serve/servepb"
	"github.com/graphrl/graphrl/tasks/mecoffload/experiment"
)

// trained trains a method for a moment and returns the folder of the checkpoint, as cmd/train does.
func trained(method string) string {
	cfg, err := experiment.ParseConfig([]byte("{method: "+method+", slots: 200, seed: 11, validation_slots: 0}"), "example")
	if err != nil {
		log.Fatal(err)
	}
	run, err := experiment.NewRun(cfg)
	if err != nil {
		log.Fatal(err)
	}
	defer run.Close()
	for !run.Done() {
		if err := run.Step(); err != nil {
			log.Fatal(err)
		}
	}
	dir, err := os.MkdirTemp("", "example")
	if err != nil {
		log.Fatal(err)
	}
	if err := run.Checkpoint(dir); err != nil {
		log.Fatal(err)
	}
	return filepath.Join(dir, experiment.LatestCheckpoint)
}

// observed is what a controller sees at the start of a slot.
func observed() *servepb.Offloading {
	return &servepb.Offloading{
		Servers: []*servepb.Server{{Id: "rack-1", Capacity: 0.8, BacklogSeconds: 0.004}, {Id: "rack-2", Capacity: 0.5}},
		Tasks: []*servepb.Task{
			{Device: "cam-7", Bits: 400_000, DeadlineSeconds: 0.03, RateBitS: []float64{6e7, 3e7}},
			{Device: "cam-9", Bits: 600_000, DeadlineSeconds: 0.025, RateBitS: []float64{5e7, 9e7}},
		},
	}
}

// Load a policy and decide, without a server. Devices, servers and their numbers are yours: they need
// not be those of the training.
func ExampleOpenModel() {
	dir := trained("GRLE") // or a folder that go run ./cmd/train has written
	defer os.RemoveAll(dir)

	model, err := serve.OpenModel(dir, "", serve.World{})
	if err != nil {
		log.Fatal(err)
	}
	answer, err := model.Decide(context.Background(), serve.Query{Observation: observed()})
	if err != nil {
		log.Fatal(err)
	}
	for _, a := range answer.Assignments {
		inTime := a.GetFinishSeconds() < 0.025
		fmt.Println(a.Device, "to one of the racks:", strings.HasPrefix(a.Server, "rack-"), "at an exit:", a.Exit >= 1, "in time:", inTime)
	}
	// Output:
	// cam-7 to one of the racks: true at an exit: true in time: true
	// cam-9 to one of the racks: true at an exit: true in time: true
}

// Where the policy cannot decide, a rule does, and the answer says why.
func ExampleModel_Decide_fallback() {
	dir := trained("GRLE")
	defer os.RemoveAll(dir)
	model, err := serve.OpenModel(dir, "", serve.World{})
	if err != nil {
		log.Fatal(err)
	}

	lost := observed()
	lost.Tasks[1].RateBitS[0] = math.NaN() // a measurement failed
	bytes := observed()
	bytes.Tasks[0].Bits *= 800 // a wrong unit
	for _, q := range []serve.Query{
		{Observation: observed(), Budget: time.Minute},
		{Observation: lost},
		{Observation: bytes},
		{Observation: observed(), Budget: time.Nanosecond},
	} {
		answer, err := model.Decide(context.Background(), q)
		if err != nil {
			log.Fatal(err)
		}
		why, _, _ := strings.Cut(answer.Detail, ",")
		fmt.Println(strings.TrimSpace(fmt.Sprintln(len(answer.Assignments), "decided,", answer.Fallback, why)))
	}
	// Output:
	// 2 decided, FALLBACK_NONE
	// 2 decided, FALLBACK_INVALID_VALUE rate of task 1 to server 0 is NaN
	// 2 decided, FALLBACK_OUT_OF_RANGE bits 0 is 3.2e+08
	// 2 decided, FALLBACK_BUDGET no time left of 1ns
}

// A service answers gRPC and JSON on one port. Here a shadow decides too, and a command lets it act
// and returns to the policy before.
func ExampleService() {
	dir, other := trained("GRLE"), trained("GRLE-LT")
	defer os.RemoveAll(dir)
	defer os.RemoveAll(other)

	open := func(dir string) func() (*serve.Model, error) {
		return func() (*serve.Model, error) { return serve.OpenModel(dir, "", serve.World{}) }
	}
	service, err := serve.New(serve.Config{Policies: []serve.Policy{
		{Name: "edge", Open: open(dir), Shadow: open(other), Budget: time.Second},
	}})
	if err != nil {
		log.Fatal(err)
	}
	defer service.Close()
	server := httptest.NewServer(service.Handler()) // or service.Serve, which also limits and shuts down
	defer server.Close()

	ask := func() string {
		body := `{"offloading": {"servers": [{"id": "a", "capacity": 1}, {"id": "b", "capacity": 0.5}], "tasks": [
			{"device": "cam-7", "bits": 400000, "deadlineSeconds": 0.03, "rateBitS": [6e7, 6e7]}]}}`
		answer, err := http.Post(server.URL+"/graphrl.v1.DecisionService/Decide", "application/json", strings.NewReader(body))
		if err != nil {
			log.Fatal(err)
		}
		defer answer.Body.Close()
		text, err := io.ReadAll(answer.Body)
		if err != nil {
			log.Fatal(err)
		}
		for _, method := range []string{"GRLE-LT", "GRLE"} {
			if strings.Contains(string(text), `"version":"`+method+"@200") {
				return method
			}
		}
		return string(text)
	}
	fmt.Println("decided by", ask())
	fmt.Println(service.Promote("edge"), "decided by", ask())
	fmt.Println(service.Rollback("edge"), "decided by", ask())
	// Output:
	// decided by GRLE
	// <nil> decided by GRLE-LT
	// <nil> decided by GRLE
}

// first takes the first option of every row.
type first struct{}

func (first) Decide(g hetero.Graph) ([]int32, float64, error) {
	return make([]int32, g.Nodes[0].Count), 0, nil
}

// Policies of other tasks are served as graphs. Theirs are deciders of your own or, by NetworkDecider
// and PolicyDecider, what the learners of rl/droo and rl/hetero have saved.
func ExampleNewGraphModel() {
	model, err := serve.NewGraphModel(serve.GraphConfig{
		Version: "1", Method: "first option",
		Schema: hetero.Schema{
			Nodes:  []hetero.NodeType{{Name: "sender", Features: 1}},
			Edges:  []hetero.EdgeType{{Name: "disturbs", From: "sender", To: "sender"}},
			Choose: hetero.EachNode("sender"),
		},
		Open: func() (serve.GraphDecider, error) { return first{}, nil },
	})
	if err != nil {
		log.Fatal(err)
	}
	asked := &servepb.Graph{
		Nodes: []*servepb.Nodes{{Type: "sender", Count: 3, Features: []float32{0.5, 0.7, 0.5}}},
		Edges: []*servepb.Edges{{Type: "disturbs", Source: []uint32{0, 1}, Target: []uint32{1, 2}}},
	}
	answer, err := model.Decide(context.Background(), asked, 0, time.Now())
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(answer.Choices, answer.Fallback)
	asked.Edges[0].Target[1] = 9
	_, err = model.Decide(context.Background(), asked, 0, time.Now())
	fmt.Println(err)
	// Output:
	// [0 0 0] FALLBACK_NONE
	// the request cannot be understood: hetero: graph: edge 1 of type "disturbs" leads from sender 1 of 3 to sender 9 of 3
}
