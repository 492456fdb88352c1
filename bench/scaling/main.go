// Scaling measures how the cost of a GRLE decision and of a training step grows with the size of
// the problem and of the network, and draws it. Run it from the repository's root on an otherwise
// idle machine:
//
//	go run ./bench/scaling -o docs/scaling
//
// It prints the figures and writes docs/scaling.svg and docs/scaling.png. Each diagram varies one
// size and leaves the others at the flagship's: 14 devices, 2 servers, 5 exits, 28 candidates, the
// tuned recipe's network and minibatches.
package main

import (
	"flag"
	"fmt"
	"log"
	"os"
	"runtime"
	"slices"
	"time"

	"github.com/graphrl/graphrl/rl"
	"github.com/graphrl/graphrl/rl/droo"
	"github.com/graphrl/graphrl/tasks/mecoffload"
	"github.com/graphrl/graphrl/tasks/mecoffload/agent"
)

func main() {
	log.SetFlags(0)
	log.SetPrefix("scaling: ")
	out := flag.String("o", "docs/scaling", "base `name` of the figure's files")
	window := flag.Duration("time", 200*time.Millisecond, "length of one measurement, of which the median of five counts")
	flag.Parse()
	runtime.GOMAXPROCS(1)

	var panels []panel
	for _, a := range axes() {
		p := panel{label: a.label}
		for _, x := range a.values {
			s := flagship()
			a.set(&s, x)
			r, err := newRig(s)
			if err != nil {
				log.Fatal(err)
			}
			for _, c := range []struct {
				line *line
				skip bool
				run  func() error
			}{{&p.decide, a.trainOnly, r.decide}, {&p.train, a.decideOnly, r.train}} {
				if c.skip {
					continue
				}
				t, err := clock(*window, c.run)
				if err != nil {
					log.Fatal(err)
				}
				c.line.add(float64(x), t.Seconds())
			}
			r.close()
		}
		p.print(os.Stdout)
		panels = append(panels, p)
	}
	if err := figure(*out, panels); err != nil {
		log.Fatal(err)
	}
}

// size is the varied size.
type size struct {
	devices, servers, exits   int
	candidates, hidden, batch int
}

func flagship() size {
	r := agent.TunedRecipe()
	return size{devices: 14, servers: 2, exits: 5, candidates: 28, hidden: r.GraphHidden, batch: r.BatchSize}
}

// axis is one of the sizes and the values it takes.
type axis struct {
	label                 string
	values                []int
	set                   func(s *size, x int)
	decideOnly, trainOnly bool // the size does not concern the other
}

func axes() []axis {
	return []axis{
		{label: "devices M", values: []int{7, 14, 28, 56, 112, 224, 448, 896}, set: func(s *size, x int) { s.devices = x }},
		{label: "servers N", values: []int{2, 4, 8, 16, 32}, set: func(s *size, x int) { s.servers = x }},
		{label: "exits L", values: []int{1, 2, 5, 10, 20}, set: func(s *size, x int) { s.exits = x }},
		{label: "candidates K", values: []int{1, 7, 28, 112, 448}, decideOnly: true, set: func(s *size, x int) { s.candidates = x }},
		{label: "hidden units", values: []int{8, 16, 32, 64, 128, 256}, set: func(s *size, x int) { s.hidden = x }},
		{label: "minibatch", values: []int{8, 16, 32, 64, 128, 256}, trainOnly: true, set: func(s *size, x int) { s.batch = x }},
	}
}

// rig is an agent with states to decide on and to learn from.
type rig struct {
	agent  *agent.Agent
	actor  *agent.Actor
	states []droo.Sample[mecoffload.Observation]
	action mecoffload.Action
	batch  []droo.Sample[mecoffload.Observation]
	next   int
}

func newRig(s size) (*rig, error) {
	scenario, err := mecoffload.LoadScenario(mecoffload.DefaultScenario)
	if err != nil {
		return nil, err
	}
	scenario.Devices, scenario.Servers = s.devices, s.servers
	profile := profile(s.exits)
	recipe := agent.TunedRecipe()
	recipe.Candidates, recipe.GraphHidden = s.candidates, s.hidden
	r := &rig{action: make(mecoffload.Action, s.devices)}
	if r.agent, err = agent.New(agent.Config{
		Method: agent.GRLE, Scenario: scenario, Profile: profile, Recipe: recipe, Seed: 1,
	}); err != nil {
		return nil, err
	}
	r.actor, err = agent.NewGraphActor(scenario, profile, agent.GraphActorConfig{
		ActorConfig: agent.ActorConfig{Loss: recipe.Loss, LearningRate: recipe.LearningRate},
		Hidden:      s.hidden, Layers: recipe.GraphLayers,
	}, rl.NewRand(1, 1).Rand)
	if err != nil {
		return nil, err
	}
	world, err := mecoffload.NewSimulator(scenario, profile)
	if err != nil {
		return nil, err
	}
	obs, err := world.Reset(1)
	if err != nil {
		return nil, err
	}
	r.states = make([]droo.Sample[mecoffload.Observation], 16)
	for i := range r.states {
		if err := r.agent.Decide(obs, r.action); err != nil {
			return nil, err
		}
		obs.CopyTo(&r.states[i].Observation)
		r.states[i].Decision = slices.Clone(r.action)
		t, err := world.Step(r.action)
		if err != nil {
			return nil, err
		}
		obs = t.Observation
	}
	for i := range s.batch {
		r.batch = append(r.batch, r.states[i%len(r.states)])
	}
	return r, nil
}

// profile is a network with the given number of exits, evenly spread in time and accuracy.
func profile(exits int) mecoffload.Profile {
	p := mecoffload.Profile{Name: "even", Servers: []mecoffload.ServerProfile{{Name: "fast"}, {Name: "slow"}}}
	for l := 1; l <= exits; l++ {
		share := float64(l) / float64(exits)
		p.Accuracy = append(p.Accuracy, 0.5+0.43*share)
		for i, whole := range []float64{0.0026, 0.0039} {
			p.Servers[i].Times = append(p.Servers[i].Times, mecoffload.Seconds(whole*share))
		}
	}
	return p
}

func (r *rig) decide() error {
	r.next = (r.next + 1) % len(r.states)
	return r.agent.Decide(r.states[r.next].Observation, r.action)
}

func (r *rig) train() error {
	_, err := r.actor.Train(r.batch)
	return err
}

func (r *rig) close() {
	r.agent.Close()
	r.actor.Close()
}

// clock returns the time that one call of f takes, the median of five windows.
func clock(window time.Duration, f func() error) (time.Duration, error) {
	measure := func(least time.Duration) (time.Duration, error) {
		calls := 0
		start := time.Now()
		for calls == 0 || time.Since(start) < least {
			if err := f(); err != nil {
				return 0, err
			}
			calls++
		}
		return time.Since(start) / time.Duration(calls), nil
	}
	if _, err := measure(window / 4); err != nil { // warm up
		return 0, err
	}
	var times [5]time.Duration
	for i := range times {
		var err error
		if times[i], err = measure(window); err != nil {
			return 0, err
		}
	}
	slices.Sort(times[:])
	return times[len(times)/2], nil
}

// panel is one diagram.
type panel struct {
	label         string
	decide, train line
}

// line is a time in seconds for each size.
type line struct{ x, seconds []float64 }

func (l *line) add(x, seconds float64) {
	l.x, l.seconds = append(l.x, x), append(l.seconds, seconds)
}

func (p *panel) print(w *os.File) {
	for _, l := range []struct {
		name string
		line
	}{{"decision", p.decide}, {"training step", p.train}} {
		for i := range l.x {
			fmt.Fprintf(w, "%s\t%s\t%g\t%.1f us\n", p.label, l.name, l.x[i], 1e6*l.seconds[i])
		}
	}
}
