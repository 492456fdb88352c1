package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/graphrl/graphrl/cmd/internal/show"
	"github.com/graphrl/graphrl/internal/strictyaml"
	"github.com/graphrl/graphrl/tasks/mecoffload"
	"github.com/graphrl/graphrl/tasks/mecoffload/agent"
	"github.com/graphrl/graphrl/tasks/mecoffload/experiment"
)

// WorldFlags choose the scenario and profile of tasks/mecoffload.
type WorldFlags struct {
	Scenario string         `placeholder:"NAME" help:"Scenario: ${scenarios}, or a .yaml file. A built-in keeps the numbers of devices and servers and the slot chosen so far."`
	Devices  *int           `placeholder:"M" help:"Number of devices."`
	Servers  *int           `placeholder:"N" help:"Number of edge servers. A profile that lists fewer repeats."`
	Reach    *int           `placeholder:"R" help:"Number of servers near a device that it can send tasks to; 0: all. Default: as in the scenario, but 16 where --devices or --servers make more than 4 million links."`
	Slot     *time.Duration `placeholder:"TIME" help:"Length of a time slot, such as 10ms."`
	Profile  string         `placeholder:"FILE" help:"Profile of the network and the servers: ${profiles}, or a .yaml file."`
	Trace    []string       `type:"paths" placeholder:"FILE" help:"Recorded link rates instead of random ones: CSV files, folders or quoted patterns, separated by commas. Turns the scenario dynamic into trace."`
}

// WorldVars returns the kong variables in the help of WorldFlags.
func WorldVars() map[string]string {
	return map[string]string{
		"methods":   join(agent.Methods()),
		"recipes":   join(agent.RecipeNames()),
		"scenarios": join(mecoffload.ScenarioNames()),
		"profiles":  join(mecoffload.ProfileNames()),
	}
}

func join[S ~string](names []S) string {
	var texts []string
	for _, n := range names {
		texts = append(texts, string(n))
	}
	return strings.Join(texts, ", ")
}

// Apply changes the settings that the flags name.
func (f WorldFlags) Apply(c *experiment.Config) error {
	if f.Scenario != "" {
		sc, err := mecoffload.LoadScenario(f.Scenario)
		if err != nil {
			return err
		}
		if slices.Contains(mecoffload.ScenarioNames(), f.Scenario) {
			sc.Devices, sc.Servers, sc.Reach, sc.Slot = c.Scenario.Devices, c.Scenario.Servers, c.Scenario.Reach, c.Scenario.Slot
			if _, err := sc.TraceFiles(); err != nil && len(f.Trace) == 0 {
				return fmt.Errorf("--scenario %s: %w", f.Scenario, byTrace(err))
			}
		}
		c.Scenario = sc
	}
	if f.Profile != "" {
		p, err := mecoffload.LoadProfile(f.Profile)
		if err != nil {
			return err
		}
		c.Profile = p
	}
	if f.Devices != nil {
		c.Scenario.Devices = *f.Devices
	}
	if f.Servers != nil {
		c.Scenario.Servers = *f.Servers
	}
	switch sc := &c.Scenario; {
	case f.Reach != nil:
		sc.Reach = *f.Reach
	case (f.Devices != nil || f.Servers != nil) && sc.Devices*sc.Degree() > manyLinks:
		sc.Reach = cityReach
	}
	if f.Slot != nil {
		c.Scenario.Slot = mecoffload.Seconds(f.Slot.Seconds())
	}
	if len(f.Trace) > 0 {
		return applyTraces(&c.Scenario, f.Trace)
	}
	return nil
}

// In a world of more links than manyLinks that flags ask for, a device reaches cityReach servers unless
// a flag says otherwise. There, drawing the rates of all links takes longer than to decide and learn.
const (
	manyLinks = 1 << 22
	cityReach = 16
)

// applyTraces gives a scenario recorded rates. It turns dynamic into the built-in trace.
func applyTraces(sc *mecoffload.Scenario, files []string) error {
	if len(sc.Trace.Files) == 0 {
		trace, err := mecoffload.LoadScenario("trace")
		if err != nil {
			return err
		}
		sc.Trace.FloorMbit = trace.Trace.FloorMbit
		if sc.Name == mecoffload.DefaultScenario {
			sc.Name, sc.Description = trace.Name, trace.Description
		} else {
			sc.Name += "+trace"
		}
	}
	sc.Trace.Files = files
	_, err := sc.TraceFiles()
	return TraceError(err)
}

// TraceError rewrites an error about traces that --trace has named.
func TraceError(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("--trace: %w", byTrace(err))
}

// byTrace tells users of flags to name traces by a flag.
func byTrace(err error) error {
	return errors.New(strings.ReplaceAll(err.Error(), "under trace.files", "by --trace"))
}

// FlagError makes an invalid value that came from a flag an error about the command line.
func FlagError(err error) error {
	var field *strictyaml.FieldError
	if !errors.As(err, &field) {
		return err
	}
	flags := map[string]string{
		"slots": "slots", "workers": "workers", "seed": "seed", "scenario.devices": "devices", "scenario.servers": "servers", "scenario.reach": "reach", "scenario.slot": "slot",
		"frames": "frames", "users": "users", "noise": "noise", "schedule": "schedule",
		"v": "v", "energy_weight": "energy-weight", "arrivals": "arrivals",
	}
	flag := flags[field.Path]
	if flag == "" {
		return err
	}
	return Usage("--%s: %s", flag, field.Message)
}

// EvaluateBaselines returns the rows of the policies that do not learn. Local searches, which take
// a few milliseconds per slot, are optional.
func EvaluateBaselines(ctx context.Context, e experiment.Evaluation, searches bool, messages io.Writer) ([]mecoffload.Row, error) {
	all, err := mecoffload.Baselines(e.Scenario, e.Profile, e.Seed)
	if err != nil {
		return nil, err
	}
	policies := slices.DeleteFunc(all, func(p mecoffload.Policy) bool {
		_, search := p.(*mecoffload.Search)
		return search && !searches
	})
	progress := show.NewProgress(messages, "baselines", "slots", 0, e.Slots*int64(len(policies)))
	progress.Grace = time.Second
	defer progress.End()
	var rows []mecoffload.Row
	for i, p := range policies {
		e.Progress = func(slots int64) {
			progress.Set(int64(i)*e.Slots+slots, func() string { return p.Name() })
		}
		row, err := e.Policy(ctx, p)
		if err != nil {
			return nil, err
		}
		rows = append(rows, row)
	}
	return rows, nil
}

// World describes in words the world of a table's rows.
func World(sc mecoffload.Scenario, p mecoffload.Profile) string {
	reach := ""
	if sc.Reach > 0 {
		reach = fmt.Sprintf(" (%d in reach)", sc.Reach)
	}
	return fmt.Sprintf("scenario %s, %d devices, %d servers%s, %d exits, slot %v", sc.Name, sc.Devices, sc.Servers, reach, p.Exits(), sc.Slot)
}
