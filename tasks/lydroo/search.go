package lydroo

import "fmt"

// MaxExhaustive is the number of users up to which [Solver.Exhaustive] tries all decisions.
const MaxExhaustive = 16

// Exhaustive writes the best of all 2^N decisions to x and returns its objective.
func (s *Solver) Exhaustive(obs Observation, x []int32) (float64, error) {
	n := len(x)
	if n > MaxExhaustive {
		return 0, fmt.Errorf("lydroo: exhaustive search over %d users: at most %d", n, MaxExhaustive)
	}
	clear(x)
	a, err := s.Allocate(obs, x)
	if err != nil {
		return 0, err
	}
	best, bestMode := a.Objective, 0
	for mode := 1; mode < 1<<n; mode++ {
		setMode(x, mode)
		if s.solve(obs, x); s.result.Objective > best {
			best, bestMode = s.result.Objective, mode
		}
	}
	setMode(x, bestMode)
	return best, nil
}

func setMode(x []int32, mode int) {
	for i := range x {
		x[i] = int32(mode >> i & 1)
	}
}

// CoordinateDescent improves the decision x: it changes the mode of one user after the other
// whenever that is better, until no single change is. It returns the objective.
func (s *Solver) CoordinateDescent(obs Observation, x []int32) (float64, error) {
	a, err := s.Allocate(obs, x)
	if err != nil {
		return 0, err
	}
	best := a.Objective
	for unchanged, i := 0, 0; unchanged < len(x); i = (i + 1) % len(x) {
		x[i] ^= 1
		if s.solve(obs, x); s.result.Objective > best {
			best, unchanged = s.result.Objective, 0
			continue
		}
		x[i] ^= 1
		unchanged++
	}
	return best, nil
}

// Greedy writes to x the decision that starts with everyone local and repeatedly lets the user with
// the largest gain offload, until none gains. It returns the objective.
func (s *Solver) Greedy(obs Observation, x []int32) (float64, error) {
	clear(x)
	a, err := s.Allocate(obs, x)
	if err != nil {
		return 0, err
	}
	best := a.Objective
	for {
		next := -1
		for i := range x {
			if x[i] == 1 {
				continue
			}
			x[i] = 1
			if s.solve(obs, x); s.result.Objective > best {
				best, next = s.result.Objective, i
			}
			x[i] = 0
		}
		if next < 0 {
			return best, nil
		}
		x[next] = 1
	}
}
