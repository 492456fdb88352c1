package wpmec

import (
	"cmp"
	"slices"
)

// AllLocal decides that everyone computes locally. Like every method here it writes its decision to
// x [N] and returns the rate in bit/s.
func (s *Solver) AllLocal(obs Observation, x []int32) (float64, error) {
	clear(x)
	return s.Rate(obs, x)
}

// AllOffload decides that everyone offloads.
func (s *Solver) AllOffload(obs Observation, x []int32) (float64, error) {
	for i := range x {
		x[i] = 1
	}
	return s.Rate(obs, x)
}

// Greedy starts with everyone computing locally, goes once through the users from the best channel
// to the worst, and lets each offload that makes the rate higher: N+1 inner solutions, and no
// choice is ever taken back.
func (s *Solver) Greedy(obs Observation, x []int32) (float64, error) {
	if err := s.search(obs, x); err != nil {
		return 0, err
	}
	slices.SortStableFunc(s.order, func(i, j int) int { return cmp.Compare(obs.H[j], obs.H[i]) })
	clear(x)
	best := s.rate(x)
	for _, i := range s.order {
		x[i] = 1
		if rate := s.rate(x); rate > best {
			best = rate
		} else {
			x[i] = 0
		}
	}
	return best, nil
}
