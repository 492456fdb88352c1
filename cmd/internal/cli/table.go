package cli

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/graphrl/graphrl/cmd/internal/show"
	"github.com/graphrl/graphrl/rl"
	"github.com/graphrl/graphrl/tasks/mecoffload"
)

// WriteEntries writes a table of entries. For readers seeds are averaged; CSV and JSON have a row
// for each.
func WriteEntries(w io.Writer, f show.Format, caption string, entries []Entry) error {
	if f == show.CSV || f == show.JSON {
		var records []any
		evaluation := chosen(entries)
		for _, e := range entries {
			if e.bound != nil {
				records = append(records, e.bound)
			}
			for i, r := range e.Rows {
				r.Method = e.Name
				if evaluation {
					records = append(records, chosenRow{r, e.choice(i)})
				} else {
					records = append(records, r)
				}
			}
		}
		return show.WriteTable(w, f, caption, nil, records)
	}
	columns := entryColumns()
	if slices.ContainsFunc(entries, func(e Entry) bool { return len(e.Rows) > 0 && e.Rows[0].Energy != nil }) {
		columns = append(columns, energyColumn())
	}
	return show.WriteTable(w, f, caption, columns, entries)
}

// energyColumn is the energy of a device a slot: the mean, that of the device with the largest, and the
// budget.
func energyColumn() show.Column[Entry] {
	return show.Column[Entry]{Header: "energy mJ (largest, budget)", Cell: func(e Entry) string {
		if len(e.Rows) == 0 || e.Rows[0].Energy == nil {
			return "-"
		}
		largest := slices.Max(e.values(func(r mecoffload.Row) float64 { return r.Energy.MaxDevice }))
		return fmt.Sprintf("%s (%.3f, %g)", e.number(3, false, func(r mecoffload.Row) float64 { return r.Energy.Mean }), largest, e.Rows[0].Energy.Budget)
	}}
}

// boundRecord is an upper bound among rows; unknown fields are null.
type boundRecord struct {
	Method     string    `json:"method"`
	Scenario   string    `json:"scenario"`
	Devices    int       `json:"devices"`
	Servers    int       `json:"servers"`
	SlotMS     float64   `json:"slot_ms"`
	Slots      *struct{} `json:"slots"`
	Seed       *struct{} `json:"seed"`
	Accuracy   float64   `json:"accuracy"`
	SSP        *struct{} `json:"ssp"`
	Throughput *struct{} `json:"throughput"`
	Reward     *struct{} `json:"reward"`
	Served     *struct{} `json:"accuracy_served"`
	Latency    struct {
		Mean *struct{} `json:"mean"`
		P95  *struct{} `json:"p95"`
		P99  *struct{} `json:"p99"`
	} `json:"latency_ms"`
	Utilisation *struct{}   `json:"utilisation"`
	Exits       []*struct{} `json:"exits"`
	Decision    struct {
		Mean *struct{} `json:"mean"`
		P99  *struct{} `json:"p99"`
	} `json:"decision_us"`
}

// boundEntry returns the line of an upper bound in the world of a row.
func boundEntry(bound float64, in mecoffload.Row) Entry {
	return Entry{Name: boundName, bound: &boundRecord{
		Method:   boundName,
		Scenario: in.Scenario,
		Devices:  in.Devices,
		Servers:  in.Servers,
		SlotMS:   in.SlotMS,
		Accuracy: bound,
		Exits:    make([]*struct{}, len(in.Exits)),
	}}
}

const boundName = "upper bound"

// entryColumns returns the columns of a table of entries for readers. The caption holds what all
// rows share.
func entryColumns() []show.Column[Entry] {
	type row = mecoffload.Row
	number := func(header string, decimals int, withInterval bool, value func(row) float64) show.Column[Entry] {
		return show.Column[Entry]{Header: header, Cell: func(e Entry) string { return e.number(decimals, withInterval, value) }}
	}
	pair := func(header string, decimals int, first, second func(row) float64) show.Column[Entry] {
		return show.Column[Entry]{Header: header, Cell: func(e Entry) string {
			if len(e.Rows) == 0 {
				return "-"
			}
			return fmt.Sprintf("%s (%s)", e.number(decimals, false, first), e.number(decimals, false, second))
		}}
	}
	accuracy := number("accuracy", 3, true, func(r row) float64 { return r.Accuracy })
	ofRows := accuracy.Cell
	accuracy.Cell = func(e Entry) string {
		if e.bound != nil {
			return fmt.Sprintf("%.3f", e.bound.Accuracy)
		}
		return ofRows(e)
	}
	return []show.Column[Entry]{
		{Header: "method", Left: true, Cell: func(e Entry) string { return e.Name }},
		accuracy,
		number("SSP", 3, false, func(r row) float64 { return r.SSP }),
		number("reward", 3, true, func(r row) float64 { return r.Reward }),
		number("tasks/s", 0, false, func(r row) float64 { return r.Throughput }),
		number("accuracy served", 3, false, func(r row) float64 { return r.AccuracyServed }),
		pair("latency ms (p99)", 1, func(r row) float64 { return r.Latency.Mean }, func(r row) float64 { return r.Latency.P99 }),
		number("busy", 2, false, func(r row) float64 { return r.Utilisation }),
		{Header: "exits %", Cell: exits},
		pair("decision µs (p99)", 0, func(r row) float64 { return r.Decision.Mean }, func(r row) float64 { return r.Decision.P99 }),
	}
}

// exits formats the shares of the exits, averaged over the seeds.
func exits(e Entry) string {
	if len(e.Rows) == 0 {
		return "-"
	}
	var shares []string
	for l := range e.Rows[0].Exits {
		share := rl.Mean(e.values(func(r mecoffload.Row) float64 { return r.Exits[l] }))
		shares = append(shares, fmt.Sprintf("%.0f", 100*share))
	}
	return strings.Join(shares, " ")
}
