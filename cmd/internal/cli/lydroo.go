package cli

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/graphrl/graphrl/checkpoints"
	"github.com/graphrl/graphrl/cmd/internal/show"
	"github.com/graphrl/graphrl/tasks/lydroo"
)

// QueueFlags describe the frames of lydroo.
type QueueFlags struct {
	Data         string   `placeholder:"FILE" help:"Replay the channels and arrivals of a MATLAB file such as result_10.mat."`
	Arrivals     *float64 `placeholder:"MBIT" help:"Mean of random arrivals of a user in a frame. Default: 3."`
	Frames       *int     `placeholder:"COUNT" help:"Number of frames, of one second each. Default: 10000, or those of --data."`
	Seed         *uint64  `placeholder:"SEED" help:"Seed of everything random. Default: 1."`
	V            *float64 `placeholder:"V" help:"Weight of the rate against the queues. Default: 20."`
	EnergyWeight *float64 `placeholder:"WEIGHT" help:"Weight of the energy queues against the data queues. Default: 10."`
}

// Apply sets what the flags say.
func (f QueueFlags) Apply(cfg *lydroo.Config) error {
	if f.Data != "" {
		cfg.Data, cfg.Users, cfg.Arrivals = f.Data, 0, 0
		d, err := lydroo.OpenDataset(f.Data)
		if err != nil {
			return err
		}
		cfg.Frames = d.Frames
	}
	if f.Arrivals != nil {
		cfg.Arrivals = *f.Arrivals
	}
	if f.Frames != nil {
		cfg.Frames = *f.Frames
	}
	if f.Seed != nil {
		cfg.Seed = *f.Seed
	}
	if f.V != nil {
		cfg.V = *f.V
	}
	if f.EnergyWeight != nil {
		cfg.EnergyWeight = *f.EnergyWeight
	}
	return nil
}

// QueueVars are the values of ${...} in the help texts of lydroo.
func QueueVars(vars map[string]string) map[string]string {
	var names []string
	for _, m := range lydroo.Methods() {
		names = append(names, string(m))
	}
	vars["lydroo_methods"] = strings.Join(names, ", ")
	return vars
}

// QueueFrames describes the frames of a configuration.
func QueueFrames(cfg lydroo.Config) string {
	if cfg.Data != "" {
		return cfg.Data
	}
	return fmt.Sprintf("random channels, arrivals of %v Mbit", cfg.Arrivals)
}

// LydrooRun is a run of tasks/lydroo for RunFrames. learned is the trained policy; nil: a new one,
// which learns.
func LydrooRun(c lydroo.Config, learned *checkpoints.State) FrameRun[lydroo.Result] {
	return FrameRun[lydroo.Result]{
		Method: string(c.Method),
		Frames: c.Frames,
		Run: func(ctx context.Context, progress func(done int, value float64)) (*lydroo.Result, error) {
			return lydroo.RunFrom(ctx, c, learned, progress)
		},
		Note: QueueNote,
	}
}

// QueueNote puts the mean length of the data queues in words.
func QueueNote(mbit float64) string { return fmt.Sprintf("queue %.1f Mbit", mbit) }

// LastThird is the header of the column of the queues at the end.
const LastThird = "last third"

// QueueColumns returns the columns of a method's results for readers. A user whose mean power is above
// the limit is marked as over.
func QueueColumns() []show.Column[lydroo.Result] {
	type row = lydroo.Result
	number := func(v float64, digits int) string { return strconv.FormatFloat(v, 'f', digits, 64) }
	return []show.Column[row]{
		{Header: "method", Left: true, Cell: func(r row) string { return string(r.Method) }},
		{Header: "users", Cell: func(r row) string { return strconv.Itoa(r.Users) }},
		{Header: "queue Mbit", Cell: func(r row) string { return number(r.QueueMbit.Mean, 2) }},
		{Header: "middle third", Cell: func(r row) string { return number(r.QueueMbit.MiddleThird, 2) }},
		{Header: LastThird, Cell: func(r row) string { return number(r.QueueMbit.LastThird, 2) }},
		{Header: "energy J", Cell: func(r row) string { return number(r.EnergyJ.Mean, 4) }},
		{Header: "largest user", Cell: func(r row) string {
			cell := number(r.EnergyJ.MaxUser, 4)
			if r.EnergyJ.MaxUser > r.PowerLimit {
				cell += " over"
			}
			return cell
		}},
		{Header: "weighted rate", Cell: func(r row) string { return number(r.WeightedRate, 3) }},
		{Header: "frame µs", Cell: func(r row) string { return number(r.FrameUS, 0) }},
	}
}

// QueuePanels show queues and power over the frames as moving averages; each element of methods
// holds the results of one method for several seeds. Methods whose queues grow without bound are not
// in the panel of the queues, and those that always decide alike are in none.
func QueuePanels(methods [][]*lydroo.Result) []show.Panel {
	queue := show.Panel{Title: "data queue", X: "frame", Y: "Mbit"}
	power := show.Panel{Title: "power of a user", X: "frame", Y: "W"}
	for _, seeds := range methods {
		first := seeds[0]
		if first.Method == lydroo.OffloadOnly || first.Method == lydroo.LocalOnly {
			continue
		}
		line := func(values func(*lydroo.Result) []float64) show.Line {
			var curves [][]float64
			for _, r := range seeds {
				curves = append(curves, movingAverage(values(r), max(first.Frames/50, 1)))
			}
			l := show.Line{Name: string(first.Method)}
			l.X, l.Y = thin(first.Frames, meanOf(curves))
			return l
		}
		if q := first.QueueMbit; q.LastThird < 2*q.MiddleThird+10 && q.Mean < 300 {
			queue.Lines = append(queue.Lines, line(func(r *lydroo.Result) []float64 { return r.Queue }))
		}
		power.Lines = append(power.Lines, line(func(r *lydroo.Result) []float64 { return r.Power }))
	}
	return []show.Panel{queue, power}
}

// movingAverage is over the last window values.
func movingAverage(x []float64, window int) []float64 {
	y := make([]float64, len(x))
	sum := 0.0
	for t, v := range x {
		sum += v
		if t >= window {
			sum -= x[t-window]
		}
		y[t] = sum / float64(min(t+1, window))
	}
	return y
}
