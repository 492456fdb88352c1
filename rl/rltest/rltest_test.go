package rltest

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/graphrl/graphrl/checkpoints"
	"github.com/graphrl/graphrl/rl"
)

// counters is an environment of two counters. Every step adds the action and a random number to
// them, and the episode ends when their sum exceeds 40. Its bugs can be switched on.
type counters struct {
	bug     string
	random  *rl.Rand
	count   []int
	started bool
	steps   int
	last    []int32
}

func (c *counters) observation() []int {
	if c.bug == "shared observation" {
		return append(leak[:0], c.count...)
	}
	return c.count
}

var leak = make([]int, 0, 2)

var stepsOfAll int

func (c *counters) Reset(seed uint64) ([]int, error) {
	if c.bug == "seed ignored" {
		seed = 0
	}
	if c.bug != "random kept" || c.random == nil {
		c.random = rl.NewRand(seed, 0)
	}
	c.started = true
	c.last = nil
	c.count = []int{c.random.IntN(3), c.random.IntN(3)}
	if c.bug != "steps kept" {
		c.steps = 0
	}
	return c.observation(), nil
}

func (c *counters) Step(action []int32) (rl.Transition[[]int], error) {
	var none rl.Transition[[]int]
	if !c.started && c.bug != "step before reset" {
		return none, errors.New("no episode")
	}
	if c.random == nil {
		c.random, c.count = rl.NewRand(0, 0), make([]int, 2)
	}
	if c.bug == "invalid changes" {
		c.count[0]++
	}
	if len(action) != 2 {
		if c.bug == "invalid accepted" {
			return none, nil
		}
		return none, fmt.Errorf("action of %d", len(action))
	}
	c.steps++
	stepsOfAll++
	if c.bug == "action kept" && c.last != nil {
		c.count[0] += int(c.last[0])
	}
	c.last = action
	for i, a := range action {
		c.count[i] += int(a) + c.random.IntN(3)
	}
	if c.bug == "action changed" {
		action[0]++
	}
	if c.bug == "package state" {
		c.count[0] += stepsOfAll % 2
	}
	done := c.count[0]+c.count[1] > 40
	if done && c.bug != "step after end" {
		c.started = false
	}
	reward := float64(c.steps)
	if c.bug == "reward" {
		reward = math.Inf(1)
	}
	return rl.Transition[[]int]{Observation: c.observation(), Reward: reward, Terminated: done}, nil
}

// SaveState implements checkpoints.Stateful.
func (c *counters) SaveState(s *checkpoints.State) error {
	if c.random == nil {
		return errors.New("nothing to save before Reset")
	}
	started := int64(0)
	if c.started {
		started = 1
	}
	s.PutInt64("numbers", nil, []int64{started, int64(c.steps), int64(c.count[0]), int64(c.count[1])})
	return c.random.SaveState(s)
}

// LoadState implements checkpoints.Stateful.
func (c *counters) LoadState(s *checkpoints.State) error {
	var v [4]int64
	c.random = rl.NewRand(0, 0)
	if err := errors.Join(s.Int64("numbers", v[:]), c.random.LoadState(s)); err != nil {
		return err
	}
	if c.bug == "state forgets" {
		c.random.Reseed(0, 0)
	}
	c.started, c.steps, c.count = v[0] == 1, int(v[1]), []int{int(v[2]), int(v[3])}
	return nil
}

func TestEnvFindsBugs(t *testing.T) {
	for bug, want := range map[string]string{
		"":                   "",
		"shared observation": "in an environment that runs alone",
		"package state":      "an environment",
		"seed ignored":       "seeds 1 and 2 give the same episode",
		"random kept":        "Reset does not forget",
		"steps kept":         "Reset does not forget",
		"step before reset":  "Step before Reset: no error",
		"step after end":     "Step after the end of the episode: no error",
		"invalid accepted":   "no error for the invalid action",
		"invalid changes":    "after invalid actions",
		"action changed":     "Step changed the action",
		"action kept":        "its action overwritten after the step",
		"reward":             "reward +Inf",
		"state forgets":      "and loaded, an environment continues with",
	} {
		got := Failures(func(t T) {
			Env(t, EnvConfig[[]int, []int32]{
				New:     func() rl.Env[[]int, []int32] { return &counters{bug: bug} },
				Action:  func(_ []int, r *rl.Rand) []int32 { return []int32{r.Int32N(3), r.Int32N(3)} },
				Clone:   slices.Clone[[]int],
				Invalid: func([]int) [][]int32 { return [][]int32{nil, {1}} },
			})
		})
		if !strings.Contains(got, want) || want == "" && got != "" {
			t.Errorf("%q: reported %q, want %q", bug, got, want)
		}
	}
}

// sloppy is a codec with bugs.
type sloppy struct {
	rl.VectorCodec[float64]
	bug string
}

func (c sloppy) Copy(dst *[]float64, src []float64) {
	switch c.bug {
	case "shares":
		*dst = src
	case "allocates":
		*dst = slices.Clone(src)
	default:
		c.VectorCodec.Copy(dst, src)
	}
}

func (c sloppy) Decode(v *[]float64, src []float64) error {
	switch {
	case c.bug == "keeps":
		*v = src
		return nil
	case c.bug == "loses" && len(src) > 1:
		src = src[1:]
	}
	return c.VectorCodec.Decode(v, src)
}

func TestCodecFindsBugs(t *testing.T) {
	for bug, want := range map[string]string{
		"":          "",
		"shares":    "after its original was overwritten",
		"allocates": "Copy allocates",
		"keeps":     "a decoded observation",
		"loses":     "a decoded observation",
	} {
		got := Failures(func(t T) {
			Codec(t, sloppy{bug: bug}, func(r *rl.Rand) []float64 { return []float64{r.Float64(), r.Float64()} })
		})
		if !strings.Contains(got, want) || want == "" && got != "" {
			t.Errorf("%q: reported %q, want %q", bug, got, want)
		}
	}
}
