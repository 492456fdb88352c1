package gnn_test

import (
	"fmt"
	"log"
	"math/rand/v2"

	"github.com/graphrl/graphrl/gnn"
	"github.com/graphrl/graphrl/gnn/datasets"
	"github.com/graphrl/graphrl/nn"
	"gorgonia.org/gorgonia"
)

// From the labels of the two leaders a GCN learns which side the other 32 members of Zachary's
// karate club took.
func Example() {
	club, err := datasets.KarateClub()
	if err != nil {
		log.Fatal(err)
	}
	rng := rand.New(rand.NewPCG(1, 2))

	// The network, once: features -> 8 -> logits of the two sides.
	eg := gorgonia.NewGraph()
	g, err := gnn.NewGraphInput(eg, "graph")
	if err != nil {
		log.Fatal(err)
	}
	x, err := gnn.NewSparseInput(eg, "x", club.Features.Cols())
	if err != nil {
		log.Fatal(err)
	}
	target, err := nn.NewInput(eg, "target", club.Classes)
	if err != nil {
		log.Fatal(err)
	}
	var params nn.Params
	h := x
	for i, width := range []int{8, club.Classes} {
		cfg := gnn.GCNConvConfig{In: h.Shape()[1], Out: width, Act: nn.Tanh}
		conv, err := gnn.NewGCNConv(fmt.Sprint("gcn", i), cfg, rng)
		if err != nil {
			log.Fatal(err)
		}
		params = append(params, conv.Params()...)
		if h, err = conv.Forward(g, h); err != nil {
			log.Fatal(err)
		}
	}
	loss, err := nn.CrossEntropy(h, target)
	if err != nil {
		log.Fatal(err)
	}
	adam, err := nn.NewAdam(params, nn.AdamConfig{LearningRate: 0.05})
	if err != nil {
		log.Fatal(err)
	}
	trainer, err := nn.NewTrainer(loss, params, adam, h)
	if err != nil {
		log.Fatal(err)
	}

	// The inputs. Rows of zeros, for unknown sides, add nothing to the loss.
	var side nn.Buffer
	y := side.Resize(club.Graph.NumDst(), club.Classes)
	clear(y)
	for _, i := range club.Train {
		y[int(i)*club.Classes+int(club.Labels[i])] = 1
	}
	for _, in := range []struct {
		node  *gorgonia.Node
		value gorgonia.Value
	}{{g, club.Graph}, {x, club.Features}, {target, side.Value()}} {
		if err := trainer.Tape.Bind(in.node, in.value); err != nil {
			log.Fatal(err)
		}
	}
	for range 100 {
		if _, err := trainer.Step(); err != nil {
			log.Fatal(err)
		}
	}

	right := 0
	logits := trainer.Tape.Matrix(h)
	for _, i := range club.Test {
		if row := logits.Row(int(i)); (row[1] > row[0]) == (club.Labels[i] == 1) {
			right++
		}
	}
	fmt.Println("at least 30 of 32 members right:", right >= 30)
	// Output:
	// at least 30 of 32 members right: true
}

// Jobs and machines as a bipartite graph: messages both ways, then a score for each
// pair. The same expression graph serves any number of either.
func ExampleEdgeScorer() {
	rng := rand.New(rand.NewPCG(3, 4))
	eg := gorgonia.NewGraph()
	forth, err := gnn.NewGraphInput(eg, "jobs_to_machines")
	if err != nil {
		log.Fatal(err)
	}
	back, err := gnn.NewGraphInput(eg, "machines_to_jobs")
	if err != nil {
		log.Fatal(err)
	}
	inputs := make([]*gorgonia.Node, 3)
	widths := []int{2, 4, 1} // features of a job, a machine and a pair
	for i, name := range []string{"jobs", "machines", "pairs"} {
		if inputs[i], err = nn.NewInput(eg, name, widths[i]); err != nil {
			log.Fatal(err)
		}
	}
	jobs, machines, pairs := inputs[0], inputs[1], inputs[2]

	hear := gnn.EdgeMessageConfig{In: 2, InDst: 4, EdgeDim: 1, Hidden: 16, Agg: gnn.Mean}
	forthLayer, err := gnn.NewEdgeMessage("to_machines", hear, rng)
	if err != nil {
		log.Fatal(err)
	}
	hear.In, hear.InDst = 16, 2
	backLayer, err := gnn.NewEdgeMessage("to_jobs", hear, rng)
	if err != nil {
		log.Fatal(err)
	}
	scorer, err := gnn.NewEdgeScorer("score", gnn.EdgeScorerConfig{In: 16, EdgeDim: 1, Hidden: 16}, rng)
	if err != nil {
		log.Fatal(err)
	}
	toMachines, err := forthLayer.Forward(forth, jobs, machines, pairs)
	if err != nil {
		log.Fatal(err)
	}
	toJobs, err := backLayer.Forward(back, toMachines, jobs, pairs)
	if err != nil {
		log.Fatal(err)
	}
	scores, err := scorer.Forward(forth, toJobs, toMachines, pairs)
	if err != nil {
		log.Fatal(err)
	}
	tape, err := nn.NewTape(scores)
	if err != nil {
		log.Fatal(err)
	}

	var graph gnn.Graph
	var rows [3]nn.Buffer
	for _, size := range [][2]int{{3, 2}, {50, 4}} {
		m, o := size[0], size[1]
		if err := graph.SetCompleteBipartite(m, o); err != nil {
			log.Fatal(err)
		}
		if err := tape.Bind(forth, &graph); err != nil {
			log.Fatal(err)
		}
		if err := tape.Bind(back, graph.Reverse()); err != nil {
			log.Fatal(err)
		}
		for i, n := range []int{m, o, m * o} {
			v := rows[i].Resize(n, widths[i])
			for k := range v {
				v[k] = rng.Float32()
			}
			if err := tape.Bind(inputs[i], rows[i].Value()); err != nil {
				log.Fatal(err)
			}
		}
		if err := tape.Run(); err != nil {
			log.Fatal(err)
		}
		fmt.Printf("%d jobs, %d machines: %d scores\n", m, o, tape.Matrix(scores).Rows)
	}
	// Output:
	// 3 jobs, 2 machines: 6 scores
	// 50 jobs, 4 machines: 200 scores
}
