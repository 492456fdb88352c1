package wpmec

import (
	"fmt"
	"math/bits"
)

// MaxExhaustive is the largest number of active users Exhaustive accepts.
const MaxExhaustive = 16

// Exhaustive finds the best of all 2^N decisions, writes it to x [N] and returns its rate in bit/s.
// Inactive users are left out and decided 0. Only decisions that a bound does not rule out are
// solved, about 3 in 100 for 10 users.
func (s *Solver) Exhaustive(obs Observation, x []int32) (float64, error) {
	if err := s.search(obs, x); err != nil {
		return 0, err
	}
	users := len(s.order)
	if users > MaxExhaustive {
		return 0, fmt.Errorf("wpmec: exhaustive search over %d active users: at most %d", users, MaxExhaustive)
	}
	clear(s.x)
	clear(x)
	best := s.rate(s.x)
	v := s.price()
	for i := uint(1); i < 1<<users; i++ { // the reflected Gray code: one user changes at a time
		s.x[s.order[bits.TrailingZeros(i)]] ^= 1
		if s.bound(s.x, v) <= best {
			continue
		}
		if rate := s.rate(s.x); rate > best {
			best = rate
			copy(x, s.x)
			v = s.price()
		}
	}
	return best, nil
}
