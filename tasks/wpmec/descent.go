package wpmec

// CoordinateDescent improves decision x [N] until no change of a single user's choice makes it
// better, each time taking the change that gains most, and returns the rate reached in bit/s. It is
// the reference method for more users than exhaustive search can handle (Bi and Zhang, IEEE TWC
// 17(6), 2018, section IV).
//
// The result depends on where the search starts; the zero decision (everyone computes locally) is a
// good start.
func (s *Solver) CoordinateDescent(obs Observation, x []int32) (float64, error) {
	if err := checkDecision(x); err != nil {
		return 0, err
	}
	if err := s.search(obs, x); err != nil {
		return 0, err
	}
	best := s.rate(x)
	for {
		v, flip := s.price(), -1
		for _, i := range s.order {
			x[i] ^= 1
			if s.bound(x, v) > best {
				if rate := s.rate(x); rate > best {
					best, flip = rate, i
				}
			}
			x[i] ^= 1
		}
		if flip < 0 {
			return best, nil
		}
		x[flip] ^= 1
	}
}
