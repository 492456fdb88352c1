// Command maxcut learns to divide the nodes of a graph into two sides so that as many edges as
// possible cross from one to the other. A policy trained on small random graphs flips one node
// after the other. On larger graphs it is compared with greedy algorithms, local search and tabu
// search.
//
//	go run ./examples/maxcut
//	go run ./examples/maxcut --steps 100000 --seeds 1 --test 100 --format markdown
//
// partition.go has the problem, env.go the environment, train.go the training, search.go the
// methods to compare with, and compare.go the comparison.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime"

	"github.com/alecthomas/kong"
	"github.com/graphrl/graphrl/rl"
	"github.com/graphrl/graphrl/rl/hetero"
	"golang.org/x/sync/errgroup"
)

type flags struct {
	Steps  int    `help:"Flips to train for, with each seed." default:"300000"`
	Seeds  int    `help:"How often to train, with seeds from 1 on. They run at the same time, as many as there are processors." default:"5"`
	Small  int    `help:"Nodes of the smallest graphs of the training." default:"20"`
	Large  int    `help:"Nodes of the largest." default:"50"`
	Test   []int  `help:"Nodes of the graphs of a test; may be repeated." default:"50,100,200"`
	Graphs int    `help:"Graphs per test, the same whatever the seed." default:"50"`
	Format string `help:"How to print: ascii, markdown or json, which has every digit." enum:"ascii,markdown,json" default:"ascii"`
}

var columns = []column[row]{
	{"nodes", right, func(r row) string { return fmt.Sprint(r.Nodes) }},
	{"method", left, func(r row) string { return r.Method }},
	{"flips per node", right, func(r row) string {
		if r.Flips == 0 {
			return "-"
		}
		return fmt.Sprint(r.Flips)
	}},
	{"mean cut", right, func(r row) string {
		if r.Low == nil || *r.Low == *r.High {
			return fmt.Sprintf("%.1f", r.Cut)
		}
		return fmt.Sprintf("%.1f [%.1f, %.1f]", r.Cut, *r.Low, *r.High)
	}},
	{"of best", right, func(r row) string { return fmt.Sprintf("%.2f %%", 100*r.Ratio) }},
	{"beats greedy", right, func(r row) string { return fmt.Sprintf("%.0f %%", 100*r.Wins) }},
	{"ms", right, func(r row) string { return fmt.Sprintf("%.2f", r.Millis) }},
}

func main() {
	var f flags
	line := kong.Parse(&f, kong.Name("maxcut"), kong.Description("Learn to cut as many edges of a graph as possible."))
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	line.FatalIfErrorf(run(ctx, f, os.Stdout))
}

func (f flags) check() error {
	const maxSteps, maxSeeds, maxGraphs, maxNodes = 1_000_000_000, 10_000, 100_000, 100_000 // more is a typing error
	if f.Steps < 1 || f.Steps > maxSteps || f.Seeds < 1 || f.Seeds > maxSeeds || f.Graphs < 1 || f.Graphs > maxGraphs {
		return fmt.Errorf("want from 1 to %d steps, from 1 to %d seeds and from 1 to %d graphs", maxSteps, maxSeeds, maxGraphs)
	}
	if f.Large < f.Small {
		return fmt.Errorf("the largest graphs of the training have %d nodes, the smallest %d", f.Large, f.Small)
	}
	for _, nodes := range append([]int{f.Small, f.Large}, f.Test...) {
		if nodes > maxNodes {
			return fmt.Errorf("graphs of %d nodes: want at most %d", nodes, maxNodes)
		}
		if nodes <= attached {
			return fmt.Errorf("graphs of %d nodes: each new node is joined to %d, so want more than that", nodes, attached)
		}
	}
	return nil
}

// trainSeeds trains a policy with every seed, as many at a time as there are processors.
func trainSeeds(ctx context.Context, f flags) ([]rl.Policy[hetero.Graph], error) {
	newEnv := func() rl.Env[hetero.Graph, int] { return &maxCut{draw: randomGraphs(f.Small, f.Large)} }
	policies := make([]rl.Policy[hetero.Graph], f.Seeds)
	bar := newBar("training", f.Seeds*f.Steps)
	var group errgroup.Group
	group.SetLimit(runtime.GOMAXPROCS(0))
	for i := range f.Seeds {
		group.Go(func() error {
			shown := 0
			var err error
			policies[i], err = train(ctx, newEnv, f.Steps, uint64(i+1), func(done int) {
				bar.Add(done - shown)
				shown = done
			})
			return err
		})
	}
	return policies, group.Wait()
}

func run(ctx context.Context, f flags, out io.Writer) error {
	if err := f.check(); err != nil {
		return err
	}
	policies, err := trainSeeds(ctx, f)
	if err != nil {
		return err
	}
	var rows []row
	for _, nodes := range f.Test { // one after the other, and so are the seeds: times are to be those of one thread
		of, err := compare(methods(policies), nodes, f.Graphs, f.Seeds)
		if err != nil {
			return fmt.Errorf("graphs of %d nodes: %w", nodes, err)
		}
		rows = append(rows, of...)
	}
	caption := fmt.Sprintf("Barabasi-Albert graphs (m = %d), %d of each size. Trained on %d to %d nodes, %d times; 95 %% intervals over these.",
		attached, f.Graphs, f.Small, f.Large, f.Seeds)
	return printRows(out, f.Format, caption, columns, rows)
}
