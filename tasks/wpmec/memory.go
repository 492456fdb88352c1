package wpmec

import (
	"fmt"

	"github.com/graphrl/graphrl/internal/memory"
)

// bytesOfUser is what the replay memory keeps of a user in a frame, and its copy in a checkpoint.
const bytesOfUser = 64

// checkMemory refuses a network, a replay memory or candidates too large for the memory that is
// available, before anything is allocated.
func (c RunConfig) checkMemory(users int) error {
	l := c.Learner
	var n memory.Network
	switch c.Method {
	case DROO:
		n = memory.Perceptron(l.BatchSize, append(append([]int{users}, c.MLP.Hidden...), users)...)
	case DROOGraph:
		n = memory.BipartiteScorer(l.BatchSize, c.Graph.Hidden, c.Graph.Rounds, users+1, users)
	default:
		return nil
	}
	n.Others = float64(users) * (bytesOfUser*float64(l.MemorySize) + 8*float64(max(l.Candidates, users)))
	return n.Check(fmt.Sprintf("wpmec: %s for %d users", c.Method, users),
		"a smaller network, batch_size, memory_size or number of candidates")
}
