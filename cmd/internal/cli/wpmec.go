package cli

import (
	"context"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/graphrl/graphrl/cmd/internal/show"
	"github.com/graphrl/graphrl/tasks/wpmec"
)

// FrameFlags choose the frames of tasks/wpmec, except for the number of users.
type FrameFlags struct {
	Data     string  `placeholder:"FILE" help:"Published channels instead of generated ones: data_10.mat of github.com/revenol/DROO, or a file like it."`
	Frames   *int    `placeholder:"COUNT" help:"Number of time frames, each with new channels. Default: 10000."`
	Seed     *uint64 `placeholder:"SEED" help:"Seed of everything random. Default: 1."`
	Schedule string  `placeholder:"NAME" help:"What changes over the run: ${schedules}. Default: none."`
}

// FrameVars adds the kong variables in the help of the commands about tasks/wpmec to vars.
func FrameVars(vars map[string]string) map[string]string {
	vars["wpmec_methods"] = join(wpmec.Methods())
	vars["schedules"] = join(wpmec.ScheduleNames())
	return vars
}

// Apply changes the settings that the flags name.
func (f FrameFlags) Apply(c *wpmec.Config) {
	if f.Data != "" {
		c.Data, c.Users = f.Data, 0
	}
	if f.Frames != nil {
		c.Frames = *f.Frames
	}
	if f.Seed != nil {
		c.Seed = *f.Seed
	}
	if f.Schedule != "" {
		c.Schedule = f.Schedule
	}
}

// WpmecFrames describes in words the frames of a configuration.
func WpmecFrames(c wpmec.Config) string {
	source := "generated channels"
	if c.Data != "" {
		source = filepath.Base(c.Data)
	}
	if c.Schedule != wpmec.ScheduleNames()[0] {
		source += ", " + c.Schedule
	}
	return source
}

// WpmecRun is a run of tasks/wpmec for RunFrames.
func WpmecRun(c wpmec.RunConfig) FrameRun[wpmec.Result] {
	return FrameRun[wpmec.Result]{
		Method: string(c.Method),
		Frames: c.Frames,
		Run: func(ctx context.Context, progress func(done int, value float64)) (*wpmec.Result, error) {
			const window = 200
			recent := 0.0
			c.Progress = func(frame int, normalized float64) {
				recent += (normalized - recent) / float64(min(frame, window))
				progress(frame, recent)
			}
			return wpmec.Run(ctx, c)
		},
		Note: RateNote,
	}
}

// RateNote puts the rate of recent frames in words.
func RateNote(normalized float64) string { return fmt.Sprintf("normalized rate %.4f", normalized) }

// RateHeader is the header of the most important column of FrameColumns.
const RateHeader = "normalized rate"

// FrameColumns returns the columns of a method's results for readers.
func FrameColumns() []show.Column[wpmec.Result] {
	type row = wpmec.Result
	return []show.Column[row]{
		{Header: "method", Left: true, Cell: func(r row) string { return string(r.Method) }},
		{Header: RateHeader, Cell: func(r row) string { return strconv.FormatFloat(r.NormalizedRate, 'f', 5, 64) }},
		{Header: "share ≥ 0.95", Cell: func(r row) string { return percent(r.Share095) }},
		{Header: "share ≥ 0.98", Cell: func(r row) string { return percent(r.Share098) }},
		{Header: "K", Cell: func(r row) string { return candidates(r.Candidates) }},
		{Header: "decision µs (p99)", Cell: func(r row) string { return latency(r.Decision) }},
		{Header: "frame µs (p99)", Cell: func(r row) string { return latency(r.Frame) }},
	}
}

func percent(share float64) string { return strconv.FormatFloat(100*share, 'f', 2, 64) + " %" }

func latency(l wpmec.Latency) string { return fmt.Sprintf("%.1f (%.1f)", l.Mean, l.P99) }

func candidates(k float64) string {
	if k == 0 {
		return "-"
	}
	return strconv.FormatFloat(k, 'f', 1, 64)
}

// In the following functions each element of methods holds the results of one method for several
// seeds.

// RatePanel shows the normalized rates over the frames as moving averages: curves for methods that
// learn, levels for the others. Its title begins with prefix, like the other panels'.
func RatePanel(prefix string, methods [][]*wpmec.Result) show.Panel {
	return framePanel(prefix+"normalized rate", methods, func(rate float64) float64 { return rate })
}

// LossPanel shows 1 minus the normalized rates, on a logarithmic scale that ends at a millionth.
func LossPanel(prefix string, methods [][]*wpmec.Result) show.Panel {
	const least = 1e-6 // accuracy of the best known rates
	p := framePanel(prefix+"1 - normalized rate", methods, func(rate float64) float64 { return max(1-rate, least) })
	p.LogY = true
	return p
}

// window returns the number of frames that curves average over.
func window(frames int) int { return max(50, frames/50) }

func framePanel(title string, methods [][]*wpmec.Result, value func(rate float64) float64) show.Panel {
	p := show.Panel{Title: title, X: "frame"}
	for _, seeds := range methods {
		first := seeds[0]
		line := show.Line{Name: string(first.Method), Dashed: first.K == nil}
		if first.K != nil {
			var curves [][]float64
			for _, r := range seeds {
				curves = append(curves, r.Curve(window(r.Frames)))
			}
			line.X, line.Y = thin(first.Frames, meanOf(curves))
		} else {
			level := 0.0
			for _, r := range seeds {
				level += r.NormalizedRate / float64(len(seeds))
			}
			line.X, line.Y = []float64{0, float64(first.Frames - 1)}, []float64{level, level}
		}
		for i := range line.Y {
			line.Y[i] = value(line.Y[i])
		}
		p.Lines = append(p.Lines, line)
	}
	return p
}

// CandidatesPanel shows the numbers of candidates over the frames.
func CandidatesPanel(prefix string, methods [][]*wpmec.Result) show.Panel {
	p := show.Panel{Title: prefix + "candidates K", X: "frame"}
	for _, seeds := range methods {
		if seeds[0].K == nil {
			continue
		}
		var curves [][]float64
		for _, r := range seeds {
			k := make([]float64, r.Frames)
			for t := range k {
				k[t] = float64(r.K[t])
			}
			curves = append(curves, k)
		}
		line := show.Line{Name: string(seeds[0].Method)}
		line.X, line.Y = thin(seeds[0].Frames, meanOf(curves))
		p.Lines = append(p.Lines, line)
	}
	return p
}

func meanOf(curves [][]float64) func(t int) float64 {
	return func(t int) float64 {
		sum := 0.0
		for _, c := range curves {
			sum += c[t]
		}
		return sum / float64(len(curves))
	}
}

// thin returns a curve over frames 0, 1, ..., n-1 with no more points than are visible.
func thin(n int, value func(t int) float64) (x, y []float64) {
	const points = 400
	for t := 0; t < n; t += (n + points - 1) / points {
		x, y = append(x, float64(t)), append(y, value(t))
	}
	return x, y
}

// Shown drops the methods that define the normalized rate: their level is 1.
func Shown(methods [][]*wpmec.Result) [][]*wpmec.Result {
	var shown [][]*wpmec.Result
	for _, m := range methods {
		if m[0].Method != wpmec.Exhaustive && m[0].Method != wpmec.CoordinateDescent {
			shown = append(shown, m)
		}
	}
	return shown
}

// ShellQuote quotes a path for a shell.
func ShellQuote(path string) string {
	path = filepath.ToSlash(path)
	if strings.ContainsAny(path, " '\"$`\\") {
		path = "'" + strings.ReplaceAll(path, "'", `'\''`) + "'"
	}
	return path
}
