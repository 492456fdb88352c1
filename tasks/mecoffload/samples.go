package mecoffload

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/graphrl/graphrl/internal/textfile"
)

// Sample is one measured inference.
type Sample struct {
	Server  string  // where it ran
	Exit    int     // counted from 0
	Correct bool    // whether the answer was right
	Latency Seconds // up to the exit
}

// ReadSamples reads measured inferences of any framework from a CSV file with the columns exit
// (counted from 1), correct (0 or 1) and latency_ms, one row per inference, and optionally server.
// It ignores other columns, such as the number of the image. Separators and encodings are those of
// [ReadTrace]. filename is only used in errors, which name the line.
func ReadSamples(r io.Reader, filename string) ([]Sample, error) {
	samples, err := readSamples(r)
	if err != nil {
		return nil, fmt.Errorf("mecoffload: samples %s: %w", filename, err)
	}
	return samples, nil
}

func readSamples(r io.Reader) ([]Sample, error) {
	text, err := textfile.Read(r)
	if err != nil {
		return nil, err
	}
	names := []string{"exit", "correct", "latency_ms", "server"}
	table, err := openTable(text, names...)
	if err != nil { // no servers?
		if table, err = openTable(text, names[:3]...); err != nil {
			return nil, err
		}
	}
	var samples []Sample
	for {
		row, err := table.rows.Read()
		switch {
		case errors.Is(err, io.EOF) && len(samples) == 0:
			return nil, errors.New("not a single row after the header")
		case errors.Is(err, io.EOF):
			return samples, nil
		case errors.Is(err, csv.ErrFieldCount):
			return nil, table.lengthError(err, row)
		case err != nil:
			return nil, err
		}
		s, wrong, want, err := table.sample(row)
		if err != nil {
			return nil, err
		}
		if wrong >= 0 {
			line, _ := table.rows.FieldPos(table.columns[wrong])
			return nil, fmt.Errorf("line %d: %s is %q, want %s", line, names[wrong], row[table.columns[wrong]], want)
		}
		samples = append(samples, s)
	}
}

// maxExits bounds the exits of a network. More is a mistake in the column.
const maxExits = 1000

// shortestSample is a nanosecond, the finest that a profile tells apart, in milliseconds.
const shortestSample = 1e-6

// sample reads a row, or returns the column that is wrong, else -1, and what it wants there.
func (t csvTable) sample(row []string) (s Sample, wrong int, want string, err error) {
	cell := func(i int) string { return strings.TrimSpace(row[t.columns[i]]) }
	exit, ok, err := t.number(cell(0), 0)
	if err != nil {
		return s, 0, "", err
	}
	if !ok || exit < 1 || exit > maxExits || exit != math.Trunc(exit) {
		return s, 0, fmt.Sprintf("a whole number from 1 to %d", maxExits), nil
	}
	switch strings.ToLower(cell(1)) {
	case "1", "true":
		s.Correct = true
	case "0", "false":
	default:
		return s, 1, "0 or 1", nil
	}
	ms, ok, err := t.number(cell(2), 2)
	if err != nil {
		return s, 2, "", err
	}
	if !ok || ms < shortestSample || ms > maxSpan*1e3 {
		return s, 2, "milliseconds, from 0.000001 up to an hour", nil
	}
	s.Exit, s.Latency, s.Server = int(exit)-1, Seconds(ms/1e3), "measured"
	if len(t.columns) > 3 && cell(3) != "" {
		if !utf8.ValidString(cell(3)) {
			return s, 3, "a name in UTF-8: save the file in that encoding", nil
		}
		s.Server = strings.Clone(cell(3))
	}
	return s, -1, "", nil
}

// Measured is a profile made from measurements.
type Measured struct {
	Profile Profile
	// Jitter is the half-width j of the range 1-j to 1+j, relative to the mean, that holds 95 % of
	// the latencies: a value for the key jitter of a [Scenario].
	Jitter float64
	// Notes name exits that were left out, and why.
	Notes []string
}

// MeasuredExit holds the measurements of one exit.
type MeasuredExit struct {
	Accuracy  float64     // share of correct answers
	Latencies [][]Seconds // by server, one for each inference
}

// MeasuredSamples summarises samples, which may come in any order.
func MeasuredSamples(name string, samples []Sample) (Measured, error) {
	var servers []string
	exits := 0
	for _, s := range samples {
		exits = max(exits, s.Exit+1)
		if !slices.Contains(servers, s.Server) {
			servers = append(servers, s.Server)
		}
	}
	measured := make([]MeasuredExit, exits)
	right, total := make([]int, exits), make([]int, exits)
	for e := range measured {
		measured[e].Latencies = make([][]Seconds, len(servers))
	}
	for _, s := range samples {
		n := slices.Index(servers, s.Server)
		measured[s.Exit].Latencies[n] = append(measured[s.Exit].Latencies[n], s.Latency)
		total[s.Exit]++
		if s.Correct {
			right[s.Exit]++
		}
	}
	for e := range measured {
		measured[e].Accuracy = float64(right[e]) / float64(max(total[e], 1))
	}
	return MeasuredProfile(name, servers, measured)
}

// MeasuredProfile makes a profile of the accuracy, the mean latency and the distribution of the
// latencies of each exit, condensed to 20 equally likely times. It leaves out
// an exit that is not more accurate and slower than the one before it, for a scheduler has no use
// for it.
func MeasuredProfile(name string, servers []string, exits []MeasuredExit) (Measured, error) {
	m := Measured{Profile: Profile{Name: name}}
	for _, s := range servers {
		m.Profile.Servers = append(m.Profile.Servers, ServerProfile{Name: s})
	}
	var spread []float64 // |latency/mean - 1| of all inferences
	for e, exit := range exits {
		times := make([]Seconds, len(servers))
		for n := range servers {
			if n >= len(exit.Latencies) || len(exit.Latencies[n]) == 0 {
				return Measured{}, fmt.Errorf("mecoffload: profile %s: no sample of exit %d on server %q", name, e+1, servers[n])
			}
			times[n] = meanSeconds(exit.Latencies[n])
			for _, l := range exit.Latencies[n] {
				spread = append(spread, math.Abs(float64(l/times[n])-1))
			}
		}
		if why := m.Profile.useless(exit.Accuracy, times); why != "" {
			m.Notes = append(m.Notes, fmt.Sprintf("exit %d is left out: %s", e+1, why))
			continue
		}
		m.Profile.Accuracy = append(m.Profile.Accuracy, exit.Accuracy)
		for n := range servers {
			s := &m.Profile.Servers[n]
			s.Times = append(s.Times, times[n])
			s.Samples = append(s.Samples, condensed(exit.Latencies[n]))
		}
	}
	if err := m.Profile.Validate(); err != nil {
		return Measured{}, fmt.Errorf("mecoffload: profile %s: %w", name, err)
	}
	slices.Sort(spread)
	m.Jitter = min(spread[(len(spread)*95+99)/100-1], 0.99)
	return m, nil
}

// meanSeconds is the mean, to a nanosecond.
func meanSeconds(x []Seconds) Seconds {
	var sum float64
	for _, v := range x {
		sum += float64(v)
	}
	return nanoseconds(sum / float64(len(x)))
}

// nanoseconds rounds a time above 0 as it is written.
func nanoseconds(t float64) Seconds { return Seconds(max(math.Round(t*1e9), 1) / 1e9) }

// maxSamples is the number of times that many measurements are condensed to.
const maxSamples = 20

// condensed returns the means of up to maxSamples equal parts of the sorted times, which have
// together the mean of all. A time on the border of two parts counts for both, by its share.
func condensed(times []Seconds) []Seconds {
	sorted := slices.Sorted(slices.Values(times))
	parts := make([]Seconds, min(len(times), maxSamples))
	width := float64(len(times)) / float64(len(parts))
	for k := range parts {
		from, to := float64(k)*width, float64(k+1)*width
		sum := 0.0
		for i := int(from); i < min(int(math.Ceil(to)), len(sorted)); i++ {
			sum += float64(sorted[i]) * (min(float64(i+1), to) - max(float64(i), from))
		}
		parts[k] = nanoseconds(sum / width)
	}
	return parts
}

// useless reports why the next exit cannot follow those of p, or nothing.
func (p Profile) useless(accuracy float64, times []Seconds) string {
	last := len(p.Accuracy) - 1
	switch {
	case last < 0 && accuracy > 0:
		return ""
	case last < 0:
		return "no answer is right"
	case accuracy <= p.Accuracy[last]:
		return fmt.Sprintf("its accuracy %.4f does not exceed the %.4f of the exit before it", accuracy, p.Accuracy[last])
	}
	for n, t := range times {
		if t <= p.Servers[n].Times[last] {
			return fmt.Sprintf("on %s it takes %v, the exit before it %v", p.Servers[n].Name, t, p.Servers[n].Times[last])
		}
	}
	return ""
}
