package report

import (
	"fmt"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/graphrl/graphrl/tasks/mecoffload/experiment"
	"github.com/graphrl/graphrl/tasks/mecoffload/suite"
)

// Report is a comparison in a form for readers.
type Report struct {
	Title string
	About string
	// The results alone determine Sections; Times differ from run to run.
	Sections []Section
	Times    Section
	// Settings are the exact configuration, as YAML texts.
	Settings []Setting

	comparison *suite.Comparison
}

// Section is a part of a report.
type Section struct {
	Title   string
	Text    string
	Tables  []*Table
	Figures []*Figure
}

// Setting is a named text.
type Setting struct{ Title, Text string }

// New makes the report of a comparison.
func New(c *suite.Comparison) (*Report, error) {
	r := &Report{Title: c.Suite.Title, About: about(c), comparison: c}
	parts := []func(*suite.Comparison) (Section, error){claims, summary, ratios, spreads, tenths, leaveOneOut, transfer, nearOracle}
	for _, name := range scenarioNames(c) {
		parts = append(parts, func(c *suite.Comparison) (Section, error) { return scenarioSection(c, name) })
	}
	if c.Suite.Name == "tune" {
		parts = []func(*suite.Comparison) (Section, error){tuning}
	}
	for _, part := range parts {
		s, err := part(c)
		if err != nil {
			return nil, fmt.Errorf("report: %w", err)
		}
		if len(s.Tables)+len(s.Figures) > 0 {
			r.Sections = append(r.Sections, s)
		}
	}
	var err error
	if r.Times, err = times(c); err != nil {
		return nil, fmt.Errorf("report: %w", err)
	}
	r.Settings, err = settings(c)
	return r, err
}

// about describes in words what was done.
func about(c *suite.Comparison) string {
	s := c.Suite
	from := experiment.TailStart(s.Slots)
	seeds := fmt.Sprintf("seeds %d to %d", s.Seeds[0], s.Seeds[len(s.Seeds)-1])
	if len(s.Seeds) == 1 {
		seeds = fmt.Sprintf("seed %d alone, so there are no intervals", s.Seeds[0])
	}
	learn := "Methods learn from the first slot to the last"
	if c.LeavesOneOut() {
		learn = "Methods learn for as many slots elsewhere, and no more here"
	}
	if small := trainedIn(c); small > 0 {
		learn = fmt.Sprintf("With %d devices methods learn from the first slot to the last, and with "+
			"others they decide as they have learned there", small)
	}
	return fmt.Sprintf("%s Each stream of tasks has %d slots, and all policies meet the same "+
		"streams: %s. %s; "+
		"all figures are averages over slots %d to %d, the last quarter. ± is the larger half of "+
		"a 95 %% bootstrap interval over the seeds.",
		s.About, s.Slots, seeds, learn, from+1, s.Slots)
}

// trainedIn returns the number of devices that all methods learned with, 0 if there is no such number.
func trainedIn(c *suite.Comparison) int {
	for _, cell := range c.Suite.Cells {
		if cell.Train != nil && cell.Train.Devices != cell.Scenario.Devices {
			return cell.Train.Devices
		}
	}
	return 0
}

// scenarioNames returns the names of the worlds' scenarios, in order.
func scenarioNames(c *suite.Comparison) []string {
	var names []string
	for _, w := range c.Worlds {
		if !slices.Contains(names, w.Scenario) {
			names = append(names, w.Scenario)
		}
	}
	return names
}

// worldsOf returns the worlds of a scenario.
func worldsOf(c *suite.Comparison, scenario string) []suite.World {
	return slices.DeleteFunc(slices.Clone(c.Worlds), func(w suite.World) bool { return w.Scenario != scenario })
}

// sizeOf returns a world's sizes as a header. It names the number of servers only if that differs
// between worlds.
func sizeOf(c *suite.Comparison, w suite.World) string {
	size := fmt.Sprintf("M %d", w.Devices)
	if slices.ContainsFunc(c.Worlds, func(v suite.World) bool { return v.Servers != c.Worlds[0].Servers }) {
		size += fmt.Sprintf(", N %d", w.Servers)
	}
	return size
}

// settings returns the texts that determine the results.
func settings(c *suite.Comparison) ([]Setting, error) {
	var all []Setting
	add := func(title string, v any, text []byte, err error) error {
		if err == nil && v != nil {
			text, err = yaml.MarshalWithOptions(v, yaml.IndentSequence(true))
		}
		if err != nil {
			return fmt.Errorf("report: %s: %w", strings.ToLower(title), err)
		}
		all = append(all, Setting{title, string(text)})
		return nil
	}
	var recipes, scenarios []string
	for _, cell := range c.Suite.Cells {
		if r := cell.Recipe; r != nil && !slices.Contains(recipes, r.Name) && c.Suite.Name != "tune" {
			recipes = append(recipes, r.Name)
			if err := add("Recipe "+r.Name, *r, nil, nil); err != nil {
				return nil, err
			}
		}
		if sc := cell.Scenario; !slices.Contains(scenarios, sc.Name) {
			scenarios = append(scenarios, sc.Name)
			var sizes []string
			for _, w := range worldsOf(c, sc.Name) {
				sizes = append(sizes, fmt.Sprintf("(M %d, N %d, %v)", w.Devices, w.Servers, w.Slot))
			}
			text, err := sc.YAML()
			if err := add(fmt.Sprintf("Scenario %s, with devices, servers and slot %s", sc.Name, strings.Join(sizes, " ")), nil, text, err); err != nil {
				return nil, err
			}
			if cell.Traces != "" {
				all[len(all)-1].Text += "# digest of the recordings: " + cell.Traces + "\n"
			}
		}
	}
	profile := c.Suite.Cells[0].Profile
	err := add("Profile "+profile.Name, profile, nil, nil)
	return all, err
}
