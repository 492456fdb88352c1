package suite

import (
	"fmt"
	"math"
	"slices"

	"github.com/graphrl/graphrl/rl"
	"github.com/graphrl/graphrl/tasks/mecoffload"
	"github.com/graphrl/graphrl/tasks/mecoffload/agent"
)

// PaperOverGRL and PaperOverDROOE are the largest ratios of GRLE's average accuracy to that of the
// two methods in the paper, under dynamic scenarios (Li, Iosifidis and Zhang, GLOBECOM 2022).
const (
	PaperOverGRL   = 3.41
	PaperOverDROOE = 1.45
)

// Claim is a statement that the comparison supports or refutes.
type Claim struct {
	Text     string
	Measured string
	Holds    bool
}

// crowded is the world in which the largest ratios are expected.
var crowded = World{Scenario: "dynamic", Devices: 14, Servers: 2, Slot: shortSlot}

// Claims returns the claims for which the comparison has the cells.
func (c *Comparison) Claims() ([]Claim, error) {
	var claims []Claim
	for _, part := range []func() ([]Claim, error){c.ratioClaims, c.longTermClaim, c.stuckClaims, c.levelClaim,
		c.steadyClaims, c.unseenClaims, c.neverBelowClaims, c.nearOracleClaims, c.transferClaims} {
		some, err := part()
		if err != nil {
			return nil, err
		}
		claims = append(claims, some...)
	}
	return claims, nil
}

// method returns the subject of a method and recipe, and whether the comparison has it.
func (c *Comparison) method(m agent.Method, recipe string) (Subject, bool) {
	s := Subject{string(m), recipe}
	return s, c.Has(s)
}

func (c *Comparison) ratioClaims() ([]Claim, error) {
	type rival struct {
		world  World
		method agent.Method
		paper  float64
	}
	rivals := []rival{{crowded, agent.GRL, PaperOverGRL}, {crowded, agent.DROOE, PaperOverDROOE}}
	for _, w := range larger {
		rivals = append(rivals, rival{w, agent.DROOE, PaperOverDROOE})
	}
	var claims []Claim
	for _, rival := range rivals {
		for _, recipe := range c.Recipes() {
			grle, ok := c.method(agent.GRLE, recipe)
			ref, ok2 := c.method(rival.method, recipe)
			if !ok || !ok2 || !slices.Contains(c.Worlds, rival.world) {
				continue
			}
			r, err := c.Ratio(rival.world, grle, ref, Accuracy())
			if err != nil {
				return nil, err
			}
			claims = append(claims, Claim{
				fmt.Sprintf("%v has at least %v times the average accuracy of %v in (%v)", grle, rival.paper, ref, rival.world),
				fmt.Sprintf("%.2f times%s", r.Value, formatInterval(r, 2)), atLeast(r, rival.paper),
			})
		}
	}
	return claims, nil
}

// atLeast reports whether an estimate, including its whole interval if it has one, is at least a
// number.
func atLeast(e rl.Estimate, least float64) bool {
	return e.Value >= least && !(e.Low < least)
}

// illustrative reports whether all figures are of the illustrative profile, which the claims about the
// level of an accuracy are about: with other servers other levels can be reached.
func (c *Comparison) illustrative() bool {
	return !slices.ContainsFunc(c.Suite.Cells, func(cell Cell) bool { return cell.Profile.Name != mecoffload.IllustrativeProfile })
}

func (c *Comparison) longTermClaim() ([]Claim, error) {
	s, ok := c.method(agent.GRLELT, agent.TunedRecipe().Name)
	if !ok || !slices.Contains(c.Worlds, crowded) || !c.illustrative() {
		return nil, nil
	}
	accuracy, err := c.Mean(crowded, s, Accuracy())
	if err != nil {
		return nil, err
	}
	ssp, err := c.Mean(crowded, s, SSP())
	if err != nil {
		return nil, err
	}
	return []Claim{{
		fmt.Sprintf("%v has an average accuracy of at least 0.67 and an SSP of at least 0.98 in "+
			"(%v)", s, crowded),
		fmt.Sprintf("%.3f%s, %.3f%s", accuracy.Value, formatInterval(accuracy, 3), ssp.Value,
			formatInterval(ssp, 3)),
		accuracy.Value >= 0.67 && ssp.Value >= 0.98,
	}}, nil
}

// neverBelowClaims are about all worlds: a method is below another where the whole interval of the
// difference is below 0.
func (c *Comparison) neverBelowClaims() ([]Claim, error) {
	tuned := agent.TunedRecipe().Name
	grle, ok := c.method(agent.GRLE, tuned)
	if !ok {
		return nil, nil
	}
	var learners, baselines, searches []Subject
	for _, s := range c.Subjects {
		switch {
		case !s.Learns() && isSearch(s):
			searches = append(searches, s)
		case !s.Learns():
			baselines = append(baselines, s)
		case s.Recipe == tuned && slices.Contains([]string{string(agent.GRL), string(agent.DROO), string(agent.DROOE)}, s.Name):
			learners = append(learners, s)
		}
	}
	var claims []Claim
	add := func(s Subject, rivals []Subject, what string) error {
		if len(rivals) == 0 {
			return nil
		}
		claim, err := c.neverBelow(s, rivals, what)
		if err != nil {
			return err
		}
		claims = append(claims, claim)
		return nil
	}
	lt, hasLT := c.method(agent.GRLELT, tuned)
	err := add(grle, learners, "GRL, DROO or DROOE with the same recipe")
	if err == nil {
		err = add(grle, baselines, "a policy that neither learns nor searches")
	}
	if err == nil && hasLT {
		err = add(lt, []Subject{grle}, grle.String())
	}
	if err == nil && hasLT {
		err = add(lt, append(baselines, searches...), "a policy that does not learn, searches "+
			"included")
	}
	return claims, err
}

// isSearch reports whether a policy is a search, which takes milliseconds and knows the model.
func isSearch(s Subject) bool { return s.Name == "search" || s.Name == "shadow-price" }

// neverBelow compares average accuracy, the figure that the paper's claims and the recipe tuned are
// about. Where servers have time to spare the reward points elsewhere: it prefers an early result
// to a slightly better one.
func (c *Comparison) neverBelow(s Subject, rivals []Subject, what string) (Claim, error) {
	below, total := 0, 0
	worst := rl.Estimate{Value: math.Inf(1)}
	where := ""
	for _, w := range c.Worlds {
		for _, r := range rivals {
			d, err := c.Difference(w, s, r, Accuracy())
			if err != nil {
				return Claim{}, err
			}
			total++
			if d.High < 0 || math.IsNaN(d.High) && d.Value < 0 {
				below++
			}
			if d.Value < worst.Value {
				worst, where = d, fmt.Sprintf("%v against %v", w, r)
			}
		}
	}
	measured := fmt.Sprintf("below in %d of %d pairs; least difference %+.3f%s (%s)", below, total, worst.Value, formatInterval(worst, 3), where)
	return Claim{fmt.Sprintf("%v is in no world below %s by more than the interval, in average "+
		"accuracy", s, what), measured, below == 0}, nil
}

// nearOracleClaims compare methods with local searches on their own critic's objective.
func (c *Comparison) nearOracleClaims() ([]Claim, error) {
	const share = 0.97
	var claims []Claim
	for _, m := range []agent.Method{agent.GRLE, agent.GRLELT} {
		for _, recipe := range c.Recipes() {
			s, ok := c.method(m, recipe)
			if !ok {
				continue
			}
			claim, err := c.leastRatio(s, "a search on its critic's value", share, func(w World) (rl.Estimate, bool, error) {
				return c.NearOracle(w, s)
			})
			if err != nil {
				return nil, err
			}
			if claim.Measured != "" {
				claims = append(claims, claim)
			}
		}
	}
	return claims, nil
}

// leastRatio claims that a ratio is in no world below least.
func (c *Comparison) leastRatio(s Subject, of string, least float64, ratio func(World) (rl.Estimate, bool, error)) (Claim, error) {
	worst := rl.Estimate{Value: math.Inf(1)}
	var where World
	for _, w := range c.Worlds {
		r, ok, err := ratio(w)
		if err != nil {
			return Claim{}, err
		}
		if ok && r.Value < worst.Value {
			worst, where = r, w
		}
	}
	claim := Claim{Text: fmt.Sprintf("%v reaches in every world at least %.0f %% of the average "+
		"accuracy of %s", s, 100*least, of)}
	if !math.IsInf(worst.Value, 1) {
		claim.Measured = fmt.Sprintf("least %.1f %%%s (%v)", 100*worst.Value, formatInterval(scaled(worst, 100), 1), where)
		claim.Holds = worst.Value >= least
	}
	return claim, nil
}

func (c *Comparison) transferClaims() ([]Claim, error) {
	s, ok := c.method(agent.GRLELT, agent.TunedRecipe().Name)
	from, to := World{Scenario: "dynamic", Devices: 6, Servers: 2, Slot: shortSlot}, crowded
	frozen, ok2 := c.TestRows(from, s, Frozen, to)
	if !ok || !ok2 || !slices.Contains(c.Worlds, to) {
		return nil, nil
	}
	r, err := TestRatio(frozen, c.Rows(to, s), Accuracy())
	return []Claim{{
		fmt.Sprintf("%v, trained in (%v) and frozen, keeps at least 95 %% of the natively "+
			"trained average accuracy in (%v)", s, from, to),
		fmt.Sprintf("%.1f %%%s", 100*r.Value, formatInterval(scaled(r, 100), 1)), r.Value >= 0.95,
	}}, err
}

func scaled(e rl.Estimate, by float64) rl.Estimate {
	return rl.Estimate{Value: by * e.Value, Low: by * e.Low, High: by * e.High}
}

// formatInterval returns " [low, high]", or "" without an interval.
func formatInterval(e rl.Estimate, decimals int) string {
	if math.IsNaN(e.Low) || math.IsNaN(e.High) {
		return ""
	}
	return fmt.Sprintf(" [%.*f, %.*f]", decimals, e.Low, decimals, e.High)
}
