// Command reliability kills training runs and suites at random moments, thousands of times on
// request, resumes them, and compares their files with those of runs that were never killed. It
// does the same with runs that a full disk stops.
//
//	go run ./bench/reliability -kills 1000 -disks 40
//
// It prints a table per kind of run: the kills, how often a process was refused because another
// worked in the folder, the folders that could not be resumed ("lost") and the files that differ in
// the end. The last two must be 0. In the rows about disks the first number is that of runs that
// met a full disk, and "refused" are those that met a read-only one and said so. docs/reliability.md
// has the latest figures.
package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"log"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sort"
	"strconv"
	"strings"
	"sync"
	"time"
)

// tiny are settings of runs that take a moment and write often.
const (
	tinyMecoffload = `
report_interval: 30
checkpoint_interval: 40
window: 50
scenario: {name: churn, devices: 3}
recipe: {name: tiny, hidden: [8], graph_hidden: 4, batch_size: 4, memory_size: 16, adapt_interval: 5, value_memory: 64}
`
	tinyWpmec = "users: 5\nbatch_size: 8\nmemory_size: 32\nadapt_interval: 10\nhidden: [8]\ngraph_hidden: 4\nreport_interval: 30\ncheckpoint_interval: 40\n"
)

// kind is a kind of run to be killed.
type kind struct {
	name   string
	start  func(dir string) []string // command line of a new run in dir
	resume func(dir string) []string // and to continue it
	two    bool                      // start two processes at a time
	same   []string                  // patterns of the files that equal runs have equal
	eval   func(dir string) []string // to evaluate it, if it can be
}

var runFiles = []string{"config.yaml", "metrics.jsonl", "curve.svg", "checkpoint/*/*"}

func kinds(slots string) []kind {
	train := func(args ...string) func(string) []string {
		return func(dir string) []string { return append([]string{"train"}, append(args, dir)...) }
	}
	eval := func(args ...string) func(string) []string {
		return func(dir string) []string { return append([]string{"eval"}, append(args, "--run", dir)...) }
	}
	suite := func(dir string) []string {
		return []string{"eval", "--suite", "quick", "--slots", "60", "--seeds", "2", "--jobs", "1", "--results", dir}
	}
	grle := train("--config", "tiny.yaml", "--method", "GRLE-LT", "--slots", slots, "--out")
	return []kind{
		{"train GRLE-LT", grle, train("--resume"), false, runFiles, eval()},
		{"train DROO", train("--config", "tiny.yaml", "--method", "DROO", "--slots", slots, "--out"), train("--resume"), false, runFiles, eval()},
		{"train wpmec", train("wpmec", "--config", "wpmec.yaml", "--frames", slots, "--out"), train("wpmec", "--resume"), false, runFiles, eval("wpmec")},
		{"two processes", grle, train("--resume"), true, runFiles, nil},
		{"suite quick", suite, suite, false, []string{"quick/results.json", "quick/runs.csv", "quick/tables.md", "cells/.unfinished-*"}, nil},
	}
}

// count holds the results of one kind.
type count struct{ kills, folders, refused, told, lost, differ int }

// insideFlag names the folder to work in, for the process that has its own file systems.
const insideFlag = "inside"

func main() {
	log.SetFlags(0)
	kills := flag.Int("kills", 100, "number of processes to kill")
	disks := flag.Int("disks", 20, "number of disks to fill")
	slots := flag.String("slots", "1500", "length of each run")
	longest := flag.Duration("longest", 1500*time.Millisecond, "longest time a process lives")
	seed := flag.Uint64("seed", uint64(time.Now().UnixNano()), "seed of the moments and of the sizes of disks")
	only := flag.String("only", "", "kind of run, by the beginning of its name; all without")
	inside := flag.String(insideFlag, "", "used by the command itself")
	flag.Parse()
	var all []kind
	for _, k := range kinds(*slots) {
		if strings.HasPrefix(k.name, *only) {
			all = append(all, k)
		}
	}
	h := hammer{dir: *inside, longest: *longest, rng: rand.New(rand.NewPCG(*seed, 0))}
	if *inside != "" {
		all = slices.DeleteFunc(all, func(k kind) bool { return k.two })
		if h.table(all, *disks, "full disk, ", h.fill) > 0 {
			os.Exit(1)
		}
		return
	}
	var err error
	if h.dir, err = os.MkdirTemp("", "reliability-"); err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(h.dir)
	if err := build(h.dir); err != nil {
		log.Fatal(err)
	}
	fmt.Printf("seed %d, at most %v per process\n", *seed, *longest)
	fmt.Printf("| %-24s | kills | folders | refused | told what to do | lost | differ |\n|---|---|---|---|---|---|---|\n", "")
	bad := 0
	if *kills > 0 {
		bad = h.table(all, *kills, "", h.run)
	}
	if *disks > 0 {
		err = tryDisks(h.dir, "-disks", strconv.Itoa(*disks), "-slots", *slots, "-seed", strconv.FormatUint(*seed, 10), "-only", *only)
	}
	if bad > 0 || err != nil {
		os.RemoveAll(h.dir)
		log.Fatalf("%d folders lost or different without disks, with them: %v", bad, err)
	}
}

// table tries all kinds, prints their counts and returns how many folders were lost or differ.
func (h *hammer) table(all []kind, tries int, prefix string, try func(kind, int) (count, error)) (bad int) {
	for i, k := range all {
		c, err := try(k, (tries+i)/len(all))
		if err != nil {
			log.Fatalf("%s: %v", k.name, err)
		}
		fmt.Printf("| %-24s | %d | %d | %d | %d | %d | %d |\n", prefix+k.name, c.kills, c.folders, c.refused, c.told, c.lost, c.differ)
		bad += c.lost + c.differ
	}
	return bad
}

func build(dir string) error {
	for _, name := range []string{"train", "eval"} {
		cmd := exec.Command("go", "build", "-o", filepath.Join(dir, name), "./cmd/"+name)
		cmd.Stderr = os.Stderr
		if err := cmd.Run(); err != nil {
			return fmt.Errorf("%w (run it in the root of the repository)", err)
		}
	}
	return errors.Join(
		os.Mkdir(filepath.Join(dir, "disk"), 0o777),
		os.WriteFile(filepath.Join(dir, "tiny.yaml"), []byte(tinyMecoffload), 0o666),
		os.WriteFile(filepath.Join(dir, "wpmec.yaml"), []byte(tinyWpmec), 0o666),
	)
}

type hammer struct {
	dir     string
	longest time.Duration
	rng     *rand.Rand
}

// run kills processes of a kind, folder after folder, until there have been enough.
func (h *hammer) run(k kind, kills int) (c count, err error) {
	whole := strings.ReplaceAll(k.name, " ", "-") + "-whole"
	if code, messages := h.finish(k.start(whole)); code != 0 {
		return c, fmt.Errorf("the run without kills: code %d: %s", code, messages)
	}
	want, err := h.files(whole, k.same)
	if err != nil {
		return c, err
	}
	for c.kills < kills {
		c.folders++
		dir := fmt.Sprintf("%s-%d", strings.ReplaceAll(k.name, " ", "-"), c.folders)
		if err := h.torture(k, dir, want, min(kills-c.kills, 12), &c); err != nil {
			return c, err
		}
		if err := os.RemoveAll(filepath.Join(h.dir, dir)); err != nil {
			return c, err
		}
	}
	return c, nil
}

// torture kills the processes in one folder, lets the last come to its end and compares.
func (h *hammer) torture(k kind, dir string, want map[string]string, kills int, c *count) error {
	args := k.start(dir)
	for range kills {
		for _, p := range h.killed(args, k.two) {
			switch {
			case p.killed:
				c.kills++
			case p.code == 3, k.two && strings.Contains(p.messages, "exists, and a run never writes over another"):
				c.refused++
			case p.code != 0 && h.empty(k, dir):
				c.told++ // killed before it began: there is nothing to resume, and it says so
			case p.code != 0:
				c.lost++
				log.Printf("%s: code %d: %s", dir, p.code, p.messages)
				return nil
			}
		}
		args = k.resume(dir)
		if h.empty(k, dir) {
			if err := os.RemoveAll(filepath.Join(h.dir, dir)); err != nil {
				return err
			}
			args = k.start(dir)
		}
	}
	if code, messages := h.finish(args); code != 0 {
		c.lost++
		log.Printf("%s: code %d: %s", dir, code, messages)
		return nil
	}
	return h.compare(k, dir, want, c)
}

// compare counts the files of dir that are not as wanted.
func (h *hammer) compare(k kind, dir string, want map[string]string, c *count) error {
	got, err := h.files(dir, k.same)
	if err != nil {
		return err
	}
	for name, text := range want {
		if got[name] != text {
			c.differ++
			log.Printf("%s: %s differs", dir, name)
		}
	}
	for name := range got {
		if _, ok := want[name]; !ok {
			c.differ++
			log.Printf("%s: %s should not be there", dir, name)
		}
	}
	return nil
}

// empty reports whether a run in dir was killed before its first checkpoint was complete.
func (h *hammer) empty(k kind, dir string) bool {
	if strings.HasPrefix(k.name, "suite") {
		return false
	}
	for _, name := range []string{"config.yaml", "checkpoint/latest/manifest.json"} {
		if _, err := os.Stat(filepath.Join(h.dir, dir, name)); err == nil {
			return false
		}
	}
	return true
}

// process is how one ended.
type process struct {
	killed   bool
	code     int
	messages string
}

// killed starts a command line, once or twice, and kills each process at a random moment, if it
// lives that long.
func (h *hammer) killed(args []string, two bool) []process {
	ended := make([]process, 1)
	if two {
		ended = make([]process, 2)
	}
	var wait sync.WaitGroup
	for i := range ended {
		life := time.Duration(h.rng.Int64N(int64(h.longest)))
		wait.Go(func() {
			ctx, stop := context.WithTimeout(context.Background(), life)
			defer stop()
			ended[i].code, ended[i].messages = h.execute(ctx, args)
			ended[i].killed = ended[i].code == -1
		})
	}
	wait.Wait()
	return ended
}

// finish lets a command line come to its end.
func (h *hammer) finish(args []string) (int, string) { return h.execute(context.Background(), args) }

// execute returns the exit code, -1 if the context's end killed the process, and the last of the
// messages.
func (h *hammer) execute(ctx context.Context, args []string) (int, string) {
	cmd := exec.CommandContext(ctx, filepath.Join(h.dir, args[0]), args[1:]...) // Kill is SIGKILL
	cmd.Dir = h.dir
	var messages bytes.Buffer
	cmd.Stderr = &messages
	cmd.Run()
	lines := strings.Split(strings.TrimSpace(messages.String()), "\n")
	return cmd.ProcessState.ExitCode(), lines[len(lines)-1]
}

// files returns the contents of the files in dir that match patterns.
func (h *hammer) files(dir string, patterns []string) (map[string]string, error) {
	root := filepath.Join(h.dir, dir)
	all := map[string]string{}
	for _, pattern := range patterns {
		names, err := fs.Glob(os.DirFS(root), pattern)
		if err != nil {
			return nil, err
		}
		sort.Strings(names)
		for _, name := range names {
			data, err := os.ReadFile(filepath.Join(root, name))
			if err != nil {
				return nil, err
			}
			all[name] = string(data)
		}
	}
	return all, nil
}
