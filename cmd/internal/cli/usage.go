package cli

import (
	"fmt"
	"time"

	"github.com/graphrl/graphrl/internal/memory"
)

// Efficiency says what this process has made of its time so far, as Slurm's seff does: how long it
// took, how busy that many processors were, and the most memory it had.
func Efficiency(start time.Time, processors int) string {
	wall := time.Since(start)
	cpu, most, ok := processUse()
	if !ok {
		return fmt.Sprintf("%v", wall.Round(time.Second))
	}
	return fmt.Sprintf("%v, processor time %v (%.0f %% of %d), memory at most %s",
		wall.Round(time.Second), cpu.Round(time.Second), 100*cpu.Seconds()/wall.Seconds()/float64(processors), processors, memory.Format(most))
}
