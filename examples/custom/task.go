package main

import (
	"errors"
	"fmt"
	"slices"

	"github.com/graphrl/graphrl/gnn"
	"github.com/graphrl/graphrl/nn"
	"github.com/graphrl/graphrl/rl"
	"github.com/graphrl/graphrl/rl/droo"
	"gorgonia.org/gorgonia"
)

// batch is the observation: the jobs of one slot and the machines, which differ from slot to slot, in number too.
type batch struct{ Work, Speed []float64 }

// codec says how the learner's memory keeps observations.
type codec struct{}

func (codec) Copy(dst *batch, src batch) {
	dst.Work, dst.Speed = append(dst.Work[:0], src.Work...), append(dst.Speed[:0], src.Speed...)
}

func (codec) Encode(dst []float64, b batch) []float64 {
	return append(append(append(dst, float64(len(b.Work))), b.Work...), b.Speed...)
}

func (codec) Decode(b *batch, src []float64) error {
	if len(src) == 0 || !(src[0] >= 0) || src[0] > float64(len(src)-1) {
		return fmt.Errorf("%d numbers are no batch of jobs", len(src))
	}
	jobs := int(src[0])
	b.Work, b.Speed = slices.Clone(src[1:1+jobs]), slices.Clone(src[1+jobs:])
	return nil
}

// makespan is when the last machine finishes, relative to a perfect division of the work.
func (b batch) makespan(machine []int32) float64 {
	load := make([]float64, len(b.Speed))
	work, speed := 0.0, 0.0
	for i, m := range machine {
		load[m] += b.Work[i] / b.Speed[m]
		work += b.Work[i]
	}
	for _, s := range b.Speed {
		speed += s
	}
	return slices.Max(load) / (work / speed)
}

// critic is the model: it knows exactly what a decision leads to.
type critic struct{}

func (critic) Score(b batch, d *droo.Decisions, dst []float64) error {
	for k := range dst {
		dst[k] = -b.makespan(d.Candidate(k))
	}
	return nil
}

// network is the actor: a graph of jobs and machines with an edge between each two.
type network struct{ *gnn.BipartiteScorer }

// graph is one expression graph of the network with its inputs.
type graph struct {
	jobs, machines, edges, forward, reverse *gorgonia.Node
	structure                               gnn.Graph
	jobBuf, machineBuf, edgeBuf             nn.Buffer
	numJobs, numMachines                    []int // of each sample
}

func (n network) Build() (*rl.Network[batch], error) {
	eg, g := gorgonia.NewGraph(), &graph{}
	g.jobs, _ = nn.NewInput(eg, "jobs", 1)
	g.machines, _ = nn.NewInput(eg, "machines", 1)
	g.edges, _ = nn.NewInput(eg, "edges", 1)
	g.forward, _ = gnn.NewGraphInput(eg, "forward")
	g.reverse, _ = gnn.NewGraphInput(eg, "reverse")
	scores, err := n.Forward(g.forward, g.reverse, g.jobs, g.machines, g.edges)
	return &rl.Network[batch]{Scores: scores, Load: g.load}, err
}

func (g *graph) load(t *nn.Tape, batches []batch, choices *rl.Choices) error {
	g.numJobs, g.numMachines = g.numJobs[:0], g.numMachines[:0]
	var work, speed, time []float32 // the features
	for _, b := range batches {
		g.numJobs, g.numMachines = append(g.numJobs, len(b.Work)), append(g.numMachines, len(b.Speed))
		choices.Next()
		for _, w := range b.Work {
			if err := choices.Row(len(b.Speed), nil); err != nil {
				return err
			}
			work = append(work, float32(w))
			for _, v := range b.Speed {
				time = append(time, float32(w/v))
			}
		}
		for _, v := range b.Speed {
			speed = append(speed, float32(v))
		}
	}
	copy(g.jobBuf.Resize(len(work), 1), work)
	copy(g.machineBuf.Resize(len(speed), 1), speed)
	copy(g.edgeBuf.Resize(len(time), 1), time)
	if err := g.structure.SetCompleteBipartites(g.numJobs, g.numMachines); err != nil {
		return err
	}
	return errors.Join(
		t.Bind(g.jobs, g.jobBuf.Value()),
		t.Bind(g.machines, g.machineBuf.Value()),
		t.Bind(g.edges, g.edgeBuf.Value()),
		t.Bind(g.forward, &g.structure),
		t.Bind(g.reverse, g.structure.Reverse()),
	)
}

// newLearner puts the parts together.
func newLearner(machines int, seed uint64) (*droo.Learner[batch], error) {
	net, err := gnn.NewBipartiteScorer("actor", gnn.BipartiteScorerConfig{
		In: 1, InDst: 1, EdgeDim: 1, Hidden: 16, Rounds: 1,
	}, rl.NewRand(seed, 2).Rand)
	if err != nil {
		return nil, err
	}
	actor, err := droo.NewNetworkActor(network{net},
		droo.NetworkActorConfig{Loss: droo.SoftmaxCrossEntropy, LearningRate: 3e-3})
	if err != nil {
		return nil, err
	}
	quantizer, err := droo.NewGumbel(1, rl.NewRand(seed, 3))
	if err != nil {
		return nil, err
	}
	cfg := droo.DefaultConfig()
	cfg.Candidates, cfg.AdaptInterval, cfg.BatchSize, cfg.TrainInterval, cfg.Seed = 64, 0, 64, 2, seed
	return droo.New(actor, quantizer, critic{}, codec{}, cfg)
}
