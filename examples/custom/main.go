// Command custom sends jobs to machines so that the last one finishes early: the smallest task of
// your own.
package main

import (
	"fmt"
	"log"
	"slices"

	"github.com/graphrl/graphrl/rl"
	"github.com/graphrl/graphrl/rl/droo"
	"github.com/graphrl/graphrl/rl/hetero"
)

var schema = hetero.Schema{
	Nodes:  []hetero.NodeType{{Name: "job", Features: 1}, {Name: "machine", Features: 1}}, // work, speed
	Edges:  []hetero.EdgeType{{Name: "runs", From: "job", To: "machine", Features: 1}},    // time it takes
	Choose: hetero.EdgePerSource("runs"),
}

// draw fills g with 12 jobs and 2 to 6 machines.
func draw(g *hetero.Graph, rand *rl.Rand) {
	g.Reset(&schema)
	for range 2 + rand.IntN(5) {
		g.AddNode("machine", 0.5+rand.Float32())
	}
	for range 12 {
		job := g.AddNode("job", 0.1+rand.Float32())
		for m := range g.Count("machine") {
			g.AddEdge("runs", job, m, g.Node("job", job)[0]/g.Node("machine", m)[0])
		}
	}
}

// score is the model: minus the time at which the last machine finishes, divided by that of a
// perfect division of the work.
func score(g hetero.Graph, machine []int32) (float64, error) {
	busy, work, speed := make([]float32, g.Count("machine")), float32(0), float32(0)
	for job, m := range machine {
		busy[m] += g.Node("job", job)[0] / g.Node("machine", int(m))[0]
		work += g.Node("job", job)[0]
	}
	for _, v := range g.Nodes[1].Features {
		speed += v
	}
	return -float64(slices.Max(busy) * speed / work), nil
}

func run(slots int, seed uint64) (mean float64, err error) {
	learner, err := hetero.NewDROO(schema, droo.CriticFunc[hetero.Graph](score), hetero.DefaultDROOConfig(seed))
	if err != nil {
		return 0, err
	}
	g, rand := hetero.Graph{}, rl.NewRand(seed, 1)
	for slot := range slots {
		draw(&g, rand)
		if _, err := learner.Step(g); err != nil {
			return 0, err
		}
		n := slot%(slots/4) + 1 // of this quarter of the slots
		if mean += (-learner.BestValue() - mean) / float64(n); n == slots/4 {
			fmt.Printf("slot %5d: makespan %.3f of a perfect division\n", slot+1, mean)
		}
	}
	return mean, nil
}

func main() {
	if _, err := run(4000, 1); err != nil {
		log.Fatal(err)
	}
}
