package suite

import (
	"fmt"
	"math"
	"slices"

	"github.com/graphrl/graphrl/rl"
	"github.com/graphrl/graphrl/tasks/mecoffload/agent"
)

// manySeeds is the number of seeds from which a share of stuck runs is meaningful.
const manySeeds = 10

// stuckClaims cover every run of the recommended pairs of method and recipe.
func (c *Comparison) stuckClaims() ([]Claim, error) {
	if len(c.Suite.Seeds) < manySeeds {
		return nil, nil
	}
	var claims []Claim
	for _, s := range c.recommended() {
		var small []World
		for _, w := range c.Worlds {
			if !slices.Contains(larger, w) {
				small = append(small, w)
			}
		}
		text := fmt.Sprintf("no run of %v has less than %v of the median accuracy", s, StuckBelow)
		claims = append(claims, c.stuckClaim(text, s, small)...)
		for _, w := range larger {
			if slices.Contains(c.Worlds, w) {
				claims = append(claims, c.stuckClaim(fmt.Sprintf("%s in (%v)", text, w), s, []World{w})...)
			}
		}
	}
	return claims, nil
}

// stuckClaim is about all runs of a subject in some worlds; none where there are no runs.
func (c *Comparison) stuckClaim(text string, s Subject, worlds []World) []Claim {
	stuck, runs, where, least := 0, 0, World{}, math.Inf(1)
	for _, w := range worlds {
		sp := c.Spread(w, s)
		stuck, runs = stuck+sp.Stuck, runs+sp.Runs
		if share := sp.Least / sp.Median; share < least {
			where, least = w, share
		}
	}
	if runs == 0 {
		return nil
	}
	measured := fmt.Sprintf("%d of %d runs have; least %.2f of the median (%v)", stuck, runs, least, where)
	return []Claim{{text, measured, stuck == 0}}
}

// recommended returns GRLE and GRLE-LT with their default recipes.
func (c *Comparison) recommended() []Subject {
	var all []Subject
	for _, m := range []agent.Method{agent.GRLE, agent.GRLELT} {
		if s, ok := c.method(m, m.DefaultRecipe()); ok {
			all = append(all, s)
		}
	}
	return all
}

// levelClaim is about the level that GRLE reaches and keeps in the crowded world.
func (c *Comparison) levelClaim() ([]Claim, error) {
	s, ok := c.method(agent.GRLE, agent.GRLE.DefaultRecipe())
	if !ok || !slices.Contains(c.Worlds, crowded) || !c.illustrative() || len(c.Suite.Seeds) < manySeeds && c.Suite.Slots < longSlots {
		return nil, nil
	}
	least := 0.64
	if c.Suite.Slots >= longSlots {
		least = 0.65
	}
	e, err := c.Mean(crowded, s, Accuracy())
	if err != nil {
		return nil, err
	}
	return []Claim{{
		fmt.Sprintf("%v has an average accuracy of at least %v after %d slots in (%v)", s, least, c.Suite.Slots, crowded),
		fmt.Sprintf("%.3f%s", e.Value, formatInterval(e, 3)), atLeast(e, least),
	}}, nil
}

// steadyShare is the share of the best tenth that the last tenth of a long run should keep.
const steadyShare = 0.98

// steadyClaims are about long runs: learned skill lasts. Where recordings make some tenths better
// than others, accuracy is taken relative to that of a search that does not learn.
func (c *Comparison) steadyClaims() ([]Claim, error) {
	if c.Suite.Slots < longSlots {
		return nil, nil
	}
	var steady, recorded []World
	for _, w := range c.Worlds {
		if c.recorded[w] {
			recorded = append(recorded, w)
		} else {
			steady = append(steady, w)
		}
	}
	var claims []Claim
	for _, s := range c.recommended() {
		for _, figure := range CurveFigures() {
			text := fmt.Sprintf("%v: in every world the last tenth of %d slots has at least %.0f %% "+
				"of the %s of the best tenth", s, c.Suite.Slots, 100*steadyShare, figure.Name)
			some, err := c.steadyClaim(text, steady, func(w World) ([]rl.Estimate, error) {
				return c.Tenths(w, s, figure.Of)
			})
			if err != nil {
				return nil, err
			}
			claims = append(claims, some...)
			search, ok := c.StreamSearch()
			if !ok {
				continue
			}
			some, err = c.steadyClaim(text+", both divided by those of "+search.Name+" in the same slots", recorded,
				func(w World) ([]rl.Estimate, error) {
					own, err := c.Tenths(w, s, figure.Of)
					if err != nil {
						return nil, err
					}
					reference, err := c.Tenths(w, search, figure.Of)
					return relative(own, reference), err
				})
			if err != nil {
				return nil, err
			}
			claims = append(claims, some...)
		}
	}
	return claims, nil
}

// steadyClaim is about the world in which the last tenth has least of the best; none without worlds.
func (c *Comparison) steadyClaim(text string, worlds []World, tenths func(World) ([]rl.Estimate, error)) ([]Claim, error) {
	least, where := math.Inf(1), World{}
	for _, w := range worlds {
		parts, err := tenths(w)
		if err != nil {
			return nil, err
		}
		if r := LastOfBest(parts); r < least {
			least, where = r, w
		}
	}
	if len(worlds) == 0 {
		return nil, nil
	}
	return []Claim{{text, fmt.Sprintf("least %.1f %% (%v)", 100*least, where), least >= steadyShare}}, nil
}

// unseenClaims are about recordings that were not trained on: do methods that learned from others
// beat every rule?
func (c *Comparison) unseenClaims() ([]Claim, error) {
	if !c.LeavesOneOut() {
		return nil, nil
	}
	var claims []Claim
	for _, s := range c.recommended() {
		above, total, least, where := 0, 0, math.Inf(1), ""
		for _, rule := range c.Subjects {
			if rule.Learns() || isSearch(rule) {
				continue
			}
			for _, w := range c.Worlds {
				d, err := c.Difference(w, s, rule, Accuracy())
				if err != nil {
					return nil, err
				}
				total++
				if d.Value > 0 && !(d.Low <= 0) {
					above++
				}
				if d.Value < least {
					least, where = d.Value, fmt.Sprintf("%v against %v", w, rule)
				}
			}
		}
		if total > 0 {
			claims = append(claims, Claim{
				fmt.Sprintf("%v is above every rule with a recording that it was not trained on, "+
					"by more than the interval, in average accuracy", s),
				fmt.Sprintf("above in %d of %d pairs; least difference %+.3f (%s)", above, total, least, where), above == total,
			})
		}
	}
	return claims, nil
}

// LeavesOneOut reports whether methods are measured on other recordings than they were trained on.
func (c *Comparison) LeavesOneOut() bool {
	return slices.ContainsFunc(c.Suite.Cells, func(c Cell) bool { return c.Train != nil && c.Train.Trace.Files != nil })
}
