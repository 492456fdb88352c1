package report

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/graphrl/graphrl/tasks/mecoffload/agent"
	"github.com/graphrl/graphrl/tasks/mecoffload/suite"
)

// grades hold how good the recipes of a grid are.
type grades struct {
	recipes []string
	methods []string
	share   map[suite.Subject]float64 // average accuracy in % of the upper bound
}

// tuning ranks the recipes of a grid.
func tuning(c *suite.Comparison) (Section, error) {
	g := grades{recipes: c.Recipes(), share: make(map[suite.Subject]float64)}
	for _, s := range learners(c) {
		share, err := c.Share(s)
		if err != nil {
			return Section{}, err
		}
		g.share[s] = 100 * share.Value
		if !slices.Contains(g.methods, s.Name) {
			g.methods = append(g.methods, s.Name)
		}
	}
	recipes := make(map[string]agent.Recipe)
	for _, cell := range c.Suite.Cells {
		if cell.Recipe != nil {
			recipes[cell.Recipe.Name] = *cell.Recipe
		}
	}
	tables := []*Table{g.overall(), g.perMethod(), g.effects(recipes)}
	for _, t := range tables {
		t.Note, t.Brief = "Average accuracy in % of the upper bound, averaged over the worlds and seeds.", true
	}
	return Section{Title: "Recipes", Tables: tables}, nil
}

// of returns the share of a method with a recipe.
func (g grades) of(method, recipe string) float64 {
	return g.share[suite.Subject{Name: method, Recipe: recipe}]
}

// best returns the n best recipes by a share, best first.
func (g grades) best(n int, share func(recipe string) float64) []string {
	all := slices.Clone(g.recipes)
	slices.SortStableFunc(all, func(a, b string) int { return cmp.Compare(share(b), share(a)) })
	return all[:min(n, len(all))]
}

// overall ranks recipes by their mean over the methods.
func (g grades) overall() *Table {
	t := &Table{Title: "Recipes by their mean over all methods", Header: append([]string{"recipe", "all methods"}, g.methods...), Text: 1}
	mean := func(recipe string) float64 {
		sum := 0.0
		for _, m := range g.methods {
			sum += g.of(m, recipe)
		}
		return sum / float64(len(g.methods))
	}
	for _, r := range g.best(10, mean) {
		row := Row{Cells: []string{r, fmt.Sprintf("%.1f", mean(r))}}
		for _, m := range g.methods {
			row.Cells = append(row.Cells, fmt.Sprintf("%.1f", g.of(m, r)))
		}
		t.Rows = append(t.Rows, row)
	}
	return t
}

// perMethod shows the best recipes of each method.
func (g grades) perMethod() *Table {
	t := &Table{Title: "The best recipes of each method", Header: []string{"method", "recipe", "share"}, Text: 2}
	for _, m := range g.methods {
		share := func(recipe string) float64 { return g.of(m, recipe) }
		for i, r := range g.best(3, share) {
			t.Rows = append(t.Rows, Row{Cells: []string{m, r, fmt.Sprintf("%.1f", share(r))}, Rule: i == 0 && len(t.Rows) > 0})
		}
	}
	return t
}

// effects shows each value of the grid, averaged over the recipes that have it.
func (g grades) effects(recipes map[string]agent.Recipe) *Table {
	t := &Table{Title: "Each value of the grid, averaged over all others", Header: append([]string{"value"}, g.methods...), Text: 1}
	for _, factor := range []func(agent.Recipe) string{
		func(r agent.Recipe) string { return "loss " + string(r.Loss) },
		func(r agent.Recipe) string { return fmt.Sprintf("quantizer %s %v", r.Quantizer, r.Noise) },
		func(r agent.Recipe) string { return fmt.Sprintf("training every %d slots", r.TrainInterval) },
		func(r agent.Recipe) string { return fmt.Sprintf("learning rate %v", r.LearningRate) },
	} {
		var levels []string
		having := make(map[string][]string) // recipes by level
		for _, r := range g.recipes {
			level := factor(recipes[r])
			if !slices.Contains(levels, level) {
				levels = append(levels, level)
			}
			having[level] = append(having[level], r)
		}
		for i, level := range levels {
			row := Row{Cells: []string{level}, Rule: i == 0 && len(t.Rows) > 0}
			for _, m := range g.methods {
				sum := 0.0
				for _, r := range having[level] {
					sum += g.of(m, r)
				}
				row.Cells = append(row.Cells, fmt.Sprintf("%.1f", sum/float64(len(having[level]))))
			}
			t.Rows = append(t.Rows, row)
		}
	}
	return t
}
