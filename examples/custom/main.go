// Command custom is the smallest complete task of one's own: send each of a batch of jobs to one of several machines so that the
// last one finishes early. task.go has the task and its learner, this file runs them; docs/your-own-problem.md walks through them.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"

	"github.com/graphrl/graphrl/rl"
)

func main() {
	slots := flag.Int("slots", 4000, "number of batches of jobs")
	seed := flag.Uint64("seed", 1, "seed of everything random")
	format := flag.String("format", "text", "text or json")
	flag.Parse()
	if err := run(os.Stdout, *slots, *seed, *format); err != nil {
		fmt.Fprintln(os.Stderr, "custom:", err)
		os.Exit(1)
	}
}

// run learns for the given number of slots and prints the mean makespan over the last quarter, beside two rules.
func run(out io.Writer, slots int, seed uint64, format string) error {
	if slots < 4 || format != "text" && format != "json" {
		return fmt.Errorf("want at least 4 slots and the format text or json, got %d and %q", slots, format)
	}
	const jobs, machines = 12, 4
	random := rl.NewRand(seed, 1)
	learner, err := newLearner(machines, seed)
	if err != nil {
		return err
	}

	names := []string{"DROO, graph actor", "greedy", "random"}
	mean := make([]float64, len(names))
	for slot := range slots {
		b := batch{make([]float64, jobs), make([]float64, machines)}
		for i := range b.Work {
			b.Work[i] = 0.1 + random.Float64()
		}
		for m := range b.Speed {
			b.Speed[m] = 0.5 + random.Float64()
		}
		decision, err := learner.Decide(b)
		if err != nil {
			return err
		}
		if _, _, err := learner.Learn(b, decision); err != nil {
			return err
		}
		if slot >= slots*3/4 {
			for i, d := range [][]int32{decision, greedy(b), guess(b, random)} {
				mean[i] += b.makespan(d) / float64(slots-slots*3/4)
			}
		}
	}
	if format == "json" {
		type row struct {
			Method   string  `json:"method"`
			Makespan float64 `json:"makespan"`
		}
		rows := make([]row, len(names))
		for i, n := range names {
			rows[i] = row{n, mean[i]}
		}
		return json.NewEncoder(out).Encode(rows)
	}
	for i, n := range names {
		fmt.Fprintf(out, "%-18s %.3f\n", n, mean[i])
	}
	return nil
}

// greedy gives every job, in order, to the machine that would finish it first.
func greedy(b batch) []int32 {
	busy, d := make([]float64, len(b.Speed)), make([]int32, len(b.Work))
	for i, w := range b.Work {
		for m, v := range b.Speed {
			if busy[m]+w/v < busy[d[i]]+w/b.Speed[d[i]] {
				d[i] = int32(m)
			}
		}
		busy[d[i]] += w / b.Speed[d[i]]
	}
	return d
}

// guess gives every job to any machine.
func guess(b batch, random *rl.Rand) []int32 {
	d := make([]int32, len(b.Work))
	for i := range d {
		d[i] = int32(random.IntN(len(b.Speed)))
	}
	return d
}
