package rl

import "fmt"

// NoScores is the group of a row that the network has no scores for.
const NoScores = -1

// Choices says what the scores of a batch are for. The scores are cut into groups of consecutive
// ones; a group holds the options of one choice. An observation has rows: the things to be decided,
// each with a group of its own. Numbers of rows and of options differ freely, and options can be
// forbidden (masked).
//
// DROO chooses one option in every row. Learners from rewards take one action per step: one option
// of all that the observation offers, counted through its groups. Most of their problems have a
// single row.
type Choices struct {
	groups  []int32 // end of each group's scores
	rows    []int32 // group of each row of all observations
	ends    []observationEnd
	allowed []bool // of all scores, once one is forbidden
}

// observationEnd is where an observation's rows and scores end.
type observationEnd struct{ rows, scores int32 }

// Reset forgets all choices and keeps the memory.
func (c *Choices) Reset() {
	c.groups, c.rows, c.ends, c.allowed = c.groups[:0], c.rows[:0], c.ends[:0], c.allowed[:0]
}

// Append adds an observation with a single row of the given number of options. The mask says which
// are allowed; nil allows all.
func (c *Choices) Append(options int, allowed []bool) error {
	c.Next()
	return c.Row(options, allowed)
}

// Next begins the next observation, to which Row, Group and RowOf add.
func (c *Choices) Next() {
	c.ends = append(c.ends, observationEnd{int32(len(c.rows)), int32(c.Scores())})
}

// Row adds a row with a group of its own.
func (c *Choices) Row(options int, allowed []bool) error {
	group, err := c.Group(options, allowed)
	if err == nil {
		c.RowOf(group)
	}
	return err
}

// Group adds the next scores and returns their group. A network that scores a fixed number of
// places has groups that no row refers to; DROO's binary loss teaches those 0.
func (c *Choices) Group(options int, allowed []bool) (int, error) {
	if len(c.ends) == 0 {
		return 0, fmt.Errorf("rl: choices: a group before the first observation: call Next")
	}
	if options < 0 || allowed != nil && len(allowed) != options {
		return 0, fmt.Errorf("rl: choices: %d options with a mask of %d", options, len(allowed))
	}
	total := c.Scores()
	c.groups = append(c.groups, int32(total+options))
	c.ends[len(c.ends)-1].scores = int32(total + options)
	if allowed == nil && len(c.allowed) == 0 {
		return len(c.groups) - 1, nil
	}
	for len(c.allowed) < total {
		c.allowed = append(c.allowed, true)
	}
	c.allowed = append(c.allowed, allowed...)
	for len(c.allowed) < total+options {
		c.allowed = append(c.allowed, true)
	}
	return len(c.groups) - 1, nil
}

// RowOf adds a row that chooses within a group, or within NoScores: a row for which the network has
// nothing to decide, whose binary choice is 0.
func (c *Choices) RowOf(group int) {
	c.rows = append(c.rows, int32(group))
	c.ends[len(c.ends)-1].rows = int32(len(c.rows))
}

// Len returns the number of observations.
func (c *Choices) Len() int { return len(c.ends) }

// Scores returns the number of scores of all observations, forbidden ones included.
func (c *Choices) Scores() int { return c.GroupEnd(len(c.groups) - 1) }

// Groups returns the number of groups of all observations.
func (c *Choices) Groups() int { return len(c.groups) }

// GroupEnd returns where the scores of a group end; those of the next begin there. The end of group
// -1 is 0.
func (c *Choices) GroupEnd(group int) int {
	if group < 0 {
		return 0
	}
	return int(c.groups[group])
}

// Rows returns the group of each row of an observation. It shares memory with c.
func (c *Choices) Rows(observation int) []int32 {
	begin := int32(0)
	if observation > 0 {
		begin = c.ends[observation-1].rows
	}
	return c.rows[begin:c.ends[observation].rows]
}

// Begin returns where the scores of an observation begin; that of Len is where the last ones end.
func (c *Choices) Begin(observation int) int {
	if observation == 0 {
		return 0
	}
	return int(c.ends[observation-1].scores)
}

// Of returns those of scores [Scores] that belong to an observation, and its mask, nil if all are
// allowed.
func (c *Choices) Of(observation int, scores []float32) (own []float32, allowed []bool) {
	begin, end := c.Begin(observation), int(c.ends[observation].scores)
	return scores[begin:end], c.mask(begin, end)
}

// OfGroup is Of for one group.
func (c *Choices) OfGroup(group int, scores []float32) (own []float32, allowed []bool) {
	begin, end := c.GroupEnd(group-1), c.GroupEnd(group)
	return scores[begin:end], c.mask(begin, end)
}

func (c *Choices) mask(begin, end int) []bool {
	if len(c.allowed) == 0 {
		return nil
	}
	return c.allowed[begin:end]
}
