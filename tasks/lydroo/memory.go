package lydroo

import (
	"fmt"

	"github.com/graphrl/graphrl/internal/memory"
)

// bytesOfUser is what the replay memory keeps of a user in a frame, and its copy in a checkpoint.
const bytesOfUser = 96

// checkMemory refuses a network, a replay memory or candidates too large for the memory that is
// available, before anything is allocated.
func (c Config) checkMemory(users int) error {
	n := memory.Perceptron(c.BatchSize, append(append([]int{3 * users}, c.Hidden...), users)...)
	if c.Method.graph() {
		n = memory.BipartiteScorer(c.BatchSize, c.GraphHidden, c.GraphRounds, users+1, users)
	}
	n.Others = float64(users) * (bytesOfUser*float64(c.MemorySize+c.ValueMemory) + 8*float64(max(c.Candidates, users)))
	return n.Check(fmt.Sprintf("lydroo: %s for %d users", c.Method, users),
		"a smaller network, batch_size, memory_size, value_memory or number of candidates")
}
