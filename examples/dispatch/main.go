// Command dispatch learns from rewards on a heterogeneous graph: couriers and orders in a city, any
// number of both. Every action gives one order to one free courier, who then drives to it. PPO
// learns which pair to join next; the rule to beat joins the closest pair.
package main

import (
	"context"
	"fmt"
	"log"
	"math"

	"github.com/graphrl/graphrl/rl"
	"github.com/graphrl/graphrl/rl/hetero"
)

var schema = hetero.Schema{
	Nodes:  []hetero.NodeType{{Name: "courier", Features: 1}, {Name: "order", Features: 1}}, // 1 while free
	Edges:  []hetero.EdgeType{{Name: "drive", From: "courier", To: "order", Features: 1}},   // distance
	Choose: hetero.OneEdge("drive"),
}

// city is the environment. An episode ends when couriers or orders run out.
type city struct {
	g    hetero.Graph
	left int // pairs that can still be joined
}

// Reset implements rl.Env: 4 to 8 couriers and as many orders at random places.
func (c *city) Reset(seed uint64) (hetero.Graph, error) {
	rand := rl.NewRand(seed, 0)
	c.left = 4 + rand.IntN(5)
	c.g.Reset(&schema)
	at := make([][2]float64, 2*c.left) // couriers, then orders
	for i := range at {
		at[i] = [2]float64{rand.Float64(), rand.Float64()}
	}
	for range c.left {
		c.g.AddNode("courier", 1)
		c.g.AddNode("order", 1)
	}
	for i, courier := range at[:c.left] {
		for j, order := range at[c.left:] {
			d := math.Hypot(courier[0]-order[0], courier[1]-order[1])
			c.g.AddEdge("drive", i, j, float32(d))
			c.g.Allowed = append(c.g.Allowed, true)
		}
	}
	return c.g, nil
}

// Step implements rl.Env: it joins the ends of an edge, for a reward of minus its length.
func (c *city) Step(edge int) (rl.Transition[hetero.Graph], error) {
	if edge < 0 || edge >= len(c.g.Allowed) || !c.g.Allowed[edge] {
		return rl.Transition[hetero.Graph]{}, fmt.Errorf("dispatch: edge %d cannot be chosen", edge)
	}
	courier, order := c.g.Edge("drive", edge)
	c.g.Node("courier", courier)[0], c.g.Node("order", order)[0] = 0, 0
	for e := range c.g.Allowed {
		i, j := c.g.Edge("drive", e)
		c.g.Allowed[e] = c.g.Allowed[e] && i != courier && j != order
	}
	c.left--
	reward := -float64(c.g.Edges[0].Features[edge])
	return rl.Transition[hetero.Graph]{Observation: c.g, Reward: reward, Terminated: c.left == 0}, nil
}

// closest is the rule: the shortest open edge.
type closest struct{}

func (closest) Decide(obs []hetero.Graph, actions []int) error {
	for b, g := range obs {
		actions[b] = -1
		for e, ok := range g.Allowed {
			if ok && (actions[b] < 0 || g.Edges[0].Features[e] < g.Edges[0].Features[actions[b]]) {
				actions[b] = e
			}
		}
	}
	return nil
}

func newEnv() rl.Env[hetero.Graph, int] { return new(city) }

func run(steps int, seed uint64) (learned, rule float64, err error) {
	network := hetero.DefaultConfig()
	network.Hidden = 32
	cfg := rl.DefaultPPOConfig()
	cfg.Steps, cfg.Seed, cfg.LearningRate, cfg.Gamma, cfg.EntropyCoef = steps, seed, 1e-3, 1, 0.003
	ppo, err := rl.NewPPO(hetero.Problem(schema, newEnv, network), cfg)
	if err != nil {
		return 0, 0, err
	}
	if err := ppo.Train(context.Background()); err != nil {
		return 0, 0, err
	}
	means := [2]float64{}
	for i, p := range []rl.Policy[hetero.Graph]{ppo, closest{}} {
		returns, err := rl.Evaluate(p, newEnv, 500, 1000)
		if err != nil {
			return 0, 0, err
		}
		means[i] = rl.Mean(returns)
	}
	return means[0], means[1], nil
}

func main() {
	learned, rule, err := run(150_000, 1)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("mean distance of 500 days: learned %.3f, closest pair first %.3f\n", -learned, -rule)
}
