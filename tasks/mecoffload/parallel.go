package mecoffload

import "github.com/graphrl/graphrl/internal/cores"

// linkTime is about how long a core takes to look at a link, in nanoseconds.
const linkTime = 5

// parallel calls do for ranges that together are 0..n-1, side by side if the n items with so many
// links each are enough work for several cores. What do writes for an item must not depend on other
// items.
func parallel(n, links int, do func(first, end int)) {
	parts := cores.Parts(n*links*linkTime, n)
	if parts == 1 {
		do(0, n)
		return
	}
	cores.Run(parts, &ranges{n, parts, do})
}

// ranges is a loop over n items in parts.
type ranges struct {
	n, parts int
	do       func(first, end int)
}

func (r *ranges) Part(i int) { r.do(r.n*i/r.parts, r.n*(i+1)/r.parts) }
