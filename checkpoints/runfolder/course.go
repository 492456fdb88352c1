package runfolder

import (
	"fmt"
	"math"

	"github.com/graphrl/graphrl/checkpoints"
)

// Course is the progress of a run and the schedule of its reports and checkpoints. Runs embed it.
type Course struct {
	length, report, checkpoint int64
	done                       int64
	best                       float64 // highest score at a multiple of the checkpoint interval
}

// NewCourse returns the start of a run of length steps that reports every report steps and is saved
// every checkpoint steps. All must be at least 1.
func NewCourse(length, report, checkpoint int64) Course {
	return Course{length: length, report: report, checkpoint: checkpoint, best: math.Inf(-1)}
}

// Length returns the number of steps of the whole run.
func (c *Course) Length() int64 { return c.length }

// Steps returns the number of steps done.
func (c *Course) Steps() int64 { return c.done }

// Done reports whether all steps are done.
func (c *Course) Done() bool { return c.done >= c.length }

// Advance counts a step.
func (c *Course) Advance() { c.done++ }

// ReportDue reports whether a report interval has just ended. The last one may be shorter.
func (c *Course) ReportDue() bool { return c.done > 0 && c.reports(c.done) }

// reports reports whether a report is due at a step.
func (c *Course) reports(step int64) bool { return step%c.report == 0 || step == c.length }

// Reports returns the number of reports due so far.
func (c *Course) Reports() int64 {
	n := c.done / c.report
	if c.Done() && c.done%c.report != 0 {
		n++
	}
	return n
}

// ReportFrom returns the first step of the report that is due.
func (c *Course) ReportFrom() int64 { return max(c.done-1, 0) / c.report * c.report }

// ReportStart reports whether the next step is the first of a report interval.
func (c *Course) ReportStart() bool { return c.done%c.report == 0 }

// CheckpointDue reports whether a checkpoint interval has just ended. The last one may be shorter.
func (c *Course) CheckpointDue() bool { return c.done > 0 && (c.done%c.checkpoint == 0 || c.Done()) }

// AtInterval reports whether a whole number of checkpoint intervals is done. Only such checkpoints
// compete to be the best.
func (c *Course) AtInterval() bool { return c.done > 0 && c.done%c.checkpoint == 0 }

// better reports whether a score at this step makes this the best checkpoint, and stores it. The
// end of a run counts only if it is a multiple of the interval, or no checkpoint before was: a
// longer run does not stop there.
func (c *Course) better(score float64) bool {
	switch {
	case c.done == 0:
		return false
	case c.AtInterval() && score > c.best:
		c.best = score
		return true
	}
	return c.Done() && c.done < c.checkpoint
}

// SaveState implements checkpoints.Stateful.
func (c *Course) SaveState(s *checkpoints.State) error {
	s.PutInt("slot", c.done)
	s.PutFloat("best", c.best)
	return nil
}

// LoadState implements checkpoints.Stateful.
func (c *Course) LoadState(s *checkpoints.State) error {
	done, err := s.Int("slot")
	if err != nil {
		return err
	}
	if done < 0 || done > c.length {
		return fmt.Errorf("saved after %d steps of a run of only %d", done, c.length)
	}
	best, err := s.Float("best")
	if err != nil {
		return err
	}
	c.done, c.best = done, best
	return nil
}
