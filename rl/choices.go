package rl

import "fmt"

// NoScores is the group of a row without scores from the network.
const NoScores = -1

// Choices describes the meaning of a batch's scores. They are divided into groups of consecutive
// scores; a group holds the options of one choice. An observation has rows, the things to decide,
// and each row refers to a group. Numbers of rows and options may differ between observations, and
// options can be forbidden (masked).
//
// DROO chooses one option in every row. Learners from rewards take one action per step: one of all
// options of the observation, numbered through its groups. Most of their problems have a single
// row.
type Choices struct {
	groups  []int32 // end of each group's scores
	rows    []int32 // group of each row of all observations
	ends    []observationEnd
	allowed []bool // mask of all scores; empty until one is forbidden
}

// observationEnd marks the end of an observation's rows and scores.
type observationEnd struct{ rows, scores int32 }

// Reset removes all choices and keeps the memory.
func (c *Choices) Reset() {
	c.groups, c.rows, c.ends, c.allowed = c.groups[:0], c.rows[:0], c.ends[:0], c.allowed[:0]
}

// Append adds an observation with a single row of the given number of options. allowed is their
// mask; nil allows all.
func (c *Choices) Append(options int, allowed []bool) error {
	c.Next()
	return c.Row(options, allowed)
}

// Next begins the next observation. Row, Group and RowOf add to it.
func (c *Choices) Next() {
	c.ends = append(c.ends, observationEnd{int32(len(c.rows)), int32(c.Scores())})
}

// Row adds a row with its own group.
func (c *Choices) Row(options int, allowed []bool) error {
	group, err := c.Group(options, allowed)
	if err == nil {
		c.RowOf(group)
	}
	return err
}

// AddRows adds so many rows with the same number of options, all allowed, each with its own group.
func (c *Choices) AddRows(rows, options int) error {
	if len(c.ends) == 0 || options < 0 || len(c.allowed) > 0 { // an error, or there is a mask
		for range rows {
			if err := c.Row(options, nil); err != nil {
				return err
			}
		}
		return nil
	}
	end := c.Scores()
	for range rows {
		c.rows = append(c.rows, int32(len(c.groups)))
		end += options
		c.groups = append(c.groups, int32(end))
	}
	c.ends[len(c.ends)-1] = observationEnd{int32(len(c.rows)), int32(end)}
	return nil
}

// Group adds the next scores and returns their group. A network with scores for a fixed number of
// places has groups that no row refers to; DROO's binary loss trains those towards 0.
func (c *Choices) Group(options int, allowed []bool) (int, error) {
	if len(c.ends) == 0 {
		return 0, fmt.Errorf("rl: choices: a group before the first observation: call Next")
	}
	if options < 0 || allowed != nil && len(allowed) != options {
		return 0, fmt.Errorf("rl: choices: %d options, but a mask of %d", options, len(allowed))
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

// RowOf adds a row that chooses within a group. The group NoScores means that the network has no
// choice to make for the row; its binary choice is 0.
func (c *Choices) RowOf(group int) {
	c.rows = append(c.rows, int32(group))
	c.ends[len(c.ends)-1].rows = int32(len(c.rows))
}

// Len returns the number of observations.
func (c *Choices) Len() int { return len(c.ends) }

// Scores returns the number of scores of all observations, including forbidden ones.
func (c *Choices) Scores() int { return c.GroupEnd(len(c.groups) - 1) }

// Groups returns the number of groups of all observations.
func (c *Choices) Groups() int { return len(c.groups) }

// GroupEnd returns the end of a group's scores, where the next group begins. The end of group -1 is
// 0.
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

// Begin returns the first score of an observation. For observation Len it returns the end of all
// scores.
func (c *Choices) Begin(observation int) int {
	if observation == 0 {
		return 0
	}
	return int(c.ends[observation-1].scores)
}

// Of returns the part of scores [Scores] that belongs to an observation, and its mask, nil if all
// options are allowed.
func (c *Choices) Of(observation int, scores []float32) (own []float32, allowed []bool) {
	begin, end := c.Begin(observation), int(c.ends[observation].scores)
	return scores[begin:end], c.mask(begin, end)
}

// OfGroup does the same as Of for one group.
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
