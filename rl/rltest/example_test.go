package rltest_test

import (
	"errors"
	"fmt"
	"slices"

	"github.com/graphrl/graphrl/rl"
	"github.com/graphrl/graphrl/rl/rltest"
)

// dice earns what it shows, and ends at a six. It has a bug: Reset ignores the seed.
type dice struct {
	rand    *rl.Rand
	running bool
	obs     []int
}

func (d *dice) Reset(uint64) ([]int, error) {
	d.running, d.obs = true, []int{0}
	return d.obs, nil
}

func (d *dice) Step(action int) (rl.Transition[[]int], error) {
	if !d.running || action != 0 {
		return rl.Transition[[]int]{}, errors.New("dice: no episode is running, or an action other than 0")
	}
	d.obs = []int{1 + d.rand.IntN(6)}
	d.running = d.obs[0] != 6
	return rl.Transition[[]int]{Observation: d.obs, Reward: float64(d.obs[0]), Terminated: !d.running}, nil
}

// printer replaces *testing.T in this example.
type printer struct{}

func (printer) Helper()                        {}
func (printer) Errorf(format string, _ ...any) { fmt.Println("Errorf:", format) }
func (printer) Fatalf(format string, _ ...any) {
	fmt.Println("Fatalf:", format)
	panic("end of the test")
}

// A test checks its environment with rltest.Env(t, ...). Here the check finds the bug of dice.
func ExampleEnv() {
	defer func() { recover() }()
	rltest.Env(printer{}, rltest.EnvConfig[[]int, int]{
		New:    func() rl.Env[[]int, int] { return &dice{rand: rl.NewRand(1, 0)} },
		Action: func([]int, *rl.Rand) int { return 0 },
		Clone:  slices.Clone[[]int],
	})
	// Output:
	// Errorf: seeds 1 and 2 give the same episode
	// Errorf: Reset does not forget what the environment was used for before: %s
}
