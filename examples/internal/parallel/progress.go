package parallel

import (
	"io"
	"sync"

	"github.com/graphrl/graphrl/internal/show"
)

// Progress adds up the progress of pieces of work that run at the same time.
type Progress struct {
	mu   sync.Mutex
	all  *show.Progress
	done []int
}

// NewProgress shows on out how much is done of pieces of work, each of the given number of units, such as steps.
func NewProgress(out io.Writer, title, unit string, pieces, units int) *Progress {
	return &Progress{all: show.NewProgress(out, title, unit, 0, int64(pieces*units)), done: make([]int, pieces)}
}

// Of returns the function that is told how many units are done of one piece.
func (p *Progress) Of(piece int) func(done int) {
	return func(done int) {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.done[piece] = done
		sum := int64(0)
		for _, n := range p.done {
			sum += int64(n)
		}
		p.all.Set(sum, nil)
	}
}

// End leaves the last line standing and begins a new one.
func (p *Progress) End() { p.all.End() }
