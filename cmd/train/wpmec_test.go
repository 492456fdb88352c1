package main

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/graphrl/graphrl/tasks/wpmec"
)

// tinyWpmec learns from the first frames on.
const tinyWpmec = "frames: 120\nbatch_size: 8\nmemory_size: 32\nadapt_interval: 10\nhidden: [8]\ngraph_hidden: 4\n"

// matFile is a MATLAB 5 file of matrices of doubles.
type matFile struct{ bytes.Buffer }

func newMatFile() *matFile {
	f := &matFile{}
	f.WriteString("MATLAB 5.0 MAT-file" + strings.Repeat(" ", 105) + "\x00\x01IM")
	return f
}

func (f *matFile) add(name string, rows, cols int, value func(row, col int) float64) {
	le := binary.LittleEndian
	element := func(kind uint32, data []byte) []byte {
		b := append(le.AppendUint32(le.AppendUint32(nil, kind), uint32(len(data))), data...)
		return append(b, make([]byte, (8-len(data)%8)%8)...)
	}
	words := func(v ...int) (b []byte) {
		for _, w := range v {
			b = le.AppendUint32(b, uint32(w))
		}
		return b
	}
	var data []byte
	for c := range cols {
		for r := range rows {
			data = le.AppendUint64(data, math.Float64bits(value(r, c)))
		}
	}
	const int8s, int32s, uint32s, doubles, matrix, class = 1, 5, 6, 9, 14, 6
	f.Write(element(matrix, slices.Concat(element(uint32s, words(class, 0)), element(int32s, words(rows, cols)),
		element(int8s, []byte(name)), element(doubles, data))))
}

// dataFile writes a data set of frames with 3 users and their best modes.
func dataFile(t *testing.T, name string, frames, modes int) {
	t.Helper()
	solver, err := wpmec.NewSolver(wpmec.PaperParams())
	if err != nil {
		t.Fatal(err)
	}
	gain := func(frame, user int) float64 { return 1e-6 * float64(1+(frame+user)%5) }
	zero := func(int, int) float64 { return 0 }
	f := newMatFile()
	f.add("input_h", frames, 3, gain)
	best := func(frame int) (float64, []int32) {
		obs := wpmec.Observation{H: []float64{gain(frame, 0), gain(frame, 1), gain(frame, 2)}, W: wpmec.AlternatingWeights(3, false)}
		mode := make([]int32, 3)
		rate, err := solver.Exhaustive(obs, mode)
		if err != nil {
			t.Fatal(err)
		}
		return rate, mode
	}
	f.add("output_mode", modes, 3, func(frame, user int) float64 { _, mode := best(frame); return float64(mode[user]) })
	f.add("output_obj", frames, 1, func(frame, _ int) float64 { rate, _ := best(frame); return rate })
	f.add("output_a", frames, 1, zero)
	f.add("output_tau", frames, 3, zero)
	write(t, name, f.String())
}

func TestWpmecRunFolder(t *testing.T) {
	inTemp(t)
	write(t, "wpmec.yaml", tinyWpmec)
	dataFile(t, "sets/data_3.mat", 50, 50)
	for _, c := range []struct {
		args []string
		dir  string
	}{
		{[]string{"--data", "sets/data_3.mat", "--seed", "4"}, "runs/wpmec-droo-data_3-seed4"},
		{[]string{"--users", "13", "--method", "DROO-graph", "--schedule", "switch-users"}, "runs/wpmec-droo-graph-n13-seed1"},
		{[]string{"--users", "1", "--method", "greedy", "--frames", "1"}, "runs/wpmec-greedy-n1-seed1"},
	} {
		out, messages := must(t, append([]string{"wpmec", "--config", "wpmec.yaml"}, c.args...)...)
		for _, want := range []string{"greedy", "coordinate-descent", "all-local", "all-offload", "linear-relaxation"} {
			if strings.Count(out, want) != 1 {
				t.Errorf("%v: not one %q in\n%s", c.args, want, out)
			}
		}
		if !strings.Contains(messages, "100%: ") || !strings.Contains(messages, "normalized rate ") || !strings.Contains(messages, "run folder: "+c.dir) {
			t.Errorf("%v: messages\n%s", c.args, messages)
		}
		for _, file := range []string{"config.yaml", "curve.svg", "curve.png", "summary.md"} {
			if info, err := os.Stat(filepath.Join(c.dir, file)); err != nil || info.Size() == 0 {
				t.Errorf("%s: %v", file, err)
			}
		}
		summary, err := os.ReadFile(filepath.Join(c.dir, "summary.md"))
		if err != nil || !strings.Contains(string(summary), "wpmec --config "+c.dir+"/config.yaml") || !strings.Contains(string(summary), "| greedy ") {
			t.Errorf("error %v, summary\n%s", err, summary)
		}

		// The saved configuration repeats the run, in a new folder.
		must(t, "wpmec", "--config", c.dir+"/config.yaml")
		for _, file := range []string{"config.yaml", "curve.svg"} {
			a, errA := os.ReadFile(filepath.Join(c.dir, file))
			b, errB := os.ReadFile(filepath.Join(c.dir+"-2", file))
			if err := errors.Join(errA, errB); err != nil || !bytes.Equal(a, b) {
				t.Errorf("%s/%s differs when repeated (error %v)", c.dir, file, err)
			}
		}
	}
}

// JSON on standard output is one array of rows with the promised keys and nothing else.
func TestWpmecFormats(t *testing.T) {
	inTemp(t)
	write(t, "wpmec.yaml", tinyWpmec)
	out, _ := must(t, "wpmec", "--config", "wpmec.yaml", "--users", "4", "--format", "json", "--out", "json")
	decoder := json.NewDecoder(strings.NewReader(out))
	decoder.DisallowUnknownFields()
	type latency struct{ Mean, P99 *float64 }
	var rows []struct {
		Method          *string
		Users, Frames   *int
		Seed            *uint64
		Normalized_rate *float64
		Share_095       *float64
		Share_098       *float64
		Decision_us     *latency
		Frame_us        *latency
		K               *float64
	}
	if err := decoder.Decode(&rows); err != nil {
		t.Fatalf("%v in\n%s", err, out)
	}
	if rest := strings.TrimSpace(out[decoder.InputOffset():]); rest != "" {
		t.Errorf("behind the array: %q", rest)
	}
	var methods []string
	for _, r := range rows {
		if r.Method == nil || r.Users == nil || r.Frames == nil || r.Seed == nil || r.Normalized_rate == nil || r.Share_095 == nil || r.Share_098 == nil ||
			r.K == nil || r.Decision_us == nil || r.Decision_us.Mean == nil || r.Decision_us.P99 == nil || r.Frame_us == nil || r.Frame_us.Mean == nil {
			t.Fatalf("a key is missing in\n%s", out)
		}
		methods = append(methods, *r.Method)
		if *r.Users != 4 || *r.Frames != 120 || *r.Seed != 1 || *r.Normalized_rate <= 0 || *r.Normalized_rate > 1+1e-12 || *r.Decision_us.Mean <= 0 ||
			*r.Frame_us.Mean < *r.Decision_us.Mean || (*r.K > 0) != (*r.Method == "droo") {
			t.Errorf("%s: does not make sense in\n%s", *r.Method, out)
		}
	}
	if d := cmp.Diff([]string{"droo", "exhaustive", "coordinate-descent", "greedy", "linear-relaxation", "all-offload", "all-local"}, methods); d != "" {
		t.Error(d)
	}
	for format, want := range map[string]string{
		"csv":      "method,users,frames,seed,normalized_rate,share_095,share_098,decision_us.mean,decision_us.p99,frame_us.mean,frame_us.p99,k\n",
		"markdown": "| all-local ", "ascii": "+----",
	} {
		if out, _ := must(t, "wpmec", "--config", "wpmec.yaml", "--users", "4", "--format", format); !strings.Contains(out, want) {
			t.Errorf("%s:\n%s", format, out)
		}
	}
}

func TestWpmecFlagsOverrideConfig(t *testing.T) {
	inTemp(t)
	write(t, "wpmec.yaml", tinyWpmec+"method: droo-graph\nusers: 5\n")
	dataFile(t, "data.mat", 20, 20)
	for _, c := range []struct {
		args  []string
		check func(wpmec.Config) bool
	}{
		{nil, func(c wpmec.Config) bool {
			return c.Method == wpmec.DROOGraph && c.Users == 5 && c.Noise == 0 && c.Frames == 120
		}},
		{[]string{"--method", "droo", "--noise", "1.5", "--users", "2", "--frames", "40", "--seed", "18446744073709551615"}, func(c wpmec.Config) bool {
			return c.Method == wpmec.DROO && c.Users == 2 && c.Noise == 1.5 && c.Frames == 40 && c.Seed == math.MaxUint64 && c.BatchSize == 8
		}},
		{[]string{"--data", "data.mat"}, func(c wpmec.Config) bool { return c.Data == "data.mat" && c.Users == 0 }},
		{[]string{"--schedule", "swap-weights"}, func(c wpmec.Config) bool { return c.Schedule == "swap-weights" }},
	} {
		if err := os.RemoveAll("run"); err != nil {
			t.Fatal(err)
		}
		must(t, append([]string{"wpmec", "--config", "wpmec.yaml", "--out", "run"}, c.args...)...)
		cfg, err := wpmec.LoadConfig("run/config.yaml")
		if err != nil || !c.check(cfg) {
			t.Errorf("%v: error %v, %+v", c.args, err, cfg)
		}
	}
}

// Errors name the mistake, and nothing is created or changed.
func TestWpmecBadInput(t *testing.T) {
	inTemp(t)
	dataFile(t, "good.mat", 20, 20)
	dataFile(t, "shape.mat", 20, 19)
	dataFile(t, "short.mat", 1, 1)
	good, err := os.ReadFile("good.mat")
	if err != nil {
		t.Fatal(err)
	}
	write(t, "truncated.mat", string(good[:len(good)/2]))
	write(t, "garbled.mat", strings.Repeat("\x07garble", 100))
	write(t, "inside.mat", string(good[:128])+strings.Repeat("\xff", 200))
	write(t, "empty.mat", "")
	write(t, "unknown.yaml", "frames: 5\nlearning_rte: 1\n")
	write(t, "run/kept", "mine")
	before := tree(t)
	for _, c := range []struct{ args, want string }{
		{"--data garbled.mat", "garbled.mat: wpmec: data set: not a MATLAB file"},
		{"--data inside.mat", "inside.mat: wpmec: data set: "},
		{"--data truncated.mat", "truncated"},
		{"--data empty.mat", "empty.mat: wpmec: data set: "},
		{"--data shape.mat", "shape.mat: wpmec: data set: output_mode is [19 x 3], input_h says [20 x 3]"},
		{"--data short.mat", "short.mat: wpmec: data set: input_h is [1 x 3]: want at least two frames"},
		{"--data none.mat", "none.mat: no such file"},
		{"--data .", ": is a directory"},
		{"--data good.mat --users 3", "--data and --users exclude each other"},
		{"--method ppo", `unknown method "ppo": want one of droo, droo-graph, exhaustive`},
		{"--method exhaustive --users 17", "exhaustive search over 17"},
		{"--users 0", "users: 0 is not in 1..1000"},
		{"--users 9999999", "users: 9999999 is not in 1..1000"},
		{"--users ten", "--users"},
		{"--frames 0", "frames: 0 is not in 1.."},
		{"--frames 99999999999", "frames: 99999999999 is not in 1.."},
		{"--noise=-1", "noise: -1"},
		{"--noise NaN", `--noise: want a number, not "NaN"`},
		{"--seed -1", "--seed"},
		{"--schedule sometimes", `schedule: "sometimes" is not one of none, swap-weights, switch-users`},
		{"--config unknown.yaml", `unknown.yaml:2: learning_rte: unknown key`},
		{"--config none.yaml", "none.yaml: no such file"},
		{"--format html", "--format must be one of"},
		{"--out run", "run exists, and a run never writes over another: name a new folder by --out"},
		{"--out good.mat", "good.mat exists"},
		{"--out good.mat/run", "run folder: "},
		{"--resume run", "run is not a run folder, or its run stopped before the first checkpoint"},
		{"--resume run --seed 3", "give only --from, --frames and --format"},
		{"--slots 3", "unknown flag --slots"},
	} {
		code, out, messages := train(append([]string{"wpmec"}, strings.Fields(c.args)...)...)
		if code == 0 || !strings.Contains(messages, c.want) || out != "" {
			t.Errorf("%s: code %d, output %q, messages\n%s\nwant %q", c.args, code, out, messages, c.want)
		}
		if strings.Count(messages, "\n") != 1 {
			t.Errorf("%s: not one line:\n%s", c.args, messages)
		}
	}
	after := tree(t)
	delete(after, "runs") // where a folder was, until the run failed
	if d := cmp.Diff(before, after); d != "" {
		t.Errorf("-before +after:\n%s", d)
	}
}
