package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/graphrl/graphrl/checkpoints/runfolder"
	"github.com/graphrl/graphrl/cmd/internal/cli"
	"github.com/graphrl/graphrl/cmd/internal/show"
	"github.com/graphrl/graphrl/tasks/mecoffload/agent"
	"github.com/graphrl/graphrl/tasks/mecoffload/experiment"
)

// group is a comparison of runs trained side by side: a folder with a run folder for each.
type group struct {
	dir     string
	members []string // run folders
	flags   cli.ResumeFlags
}

// startGroup creates the folder of a group and the run folders in it, each at its first slot.
func startGroup(out string, cfgs []experiment.Config, exports []runfolder.Export) (*group, error) {
	first, err := experiment.NewRun(cfgs[0]) // before there is a folder: most mistakes show here
	if err != nil {
		return nil, err
	}
	first.Close()
	g := &group{}
	if g.dir, err = cli.MakeDir(out, groupName(cfgs)); err != nil {
		return nil, err
	}
	if err := g.fill(cfgs, exports); err != nil {
		return nil, errors.Join(err, os.RemoveAll(g.dir))
	}
	return g, nil
}

func groupName(cfgs []experiment.Config) string {
	var methods []string
	for _, cfg := range cfgs {
		if cfg.Seed == cfgs[0].Seed {
			methods = append(methods, string(cfg.Method))
		}
	}
	name := strings.Join(methods, "+") + "-" + worldName(cfgs[0])
	if last := cfgs[len(cfgs)-1].Seed; last != cfgs[0].Seed {
		name += fmt.Sprintf("-%d", last)
	}
	return name
}

// fill makes the run folders, and last the file by which the folder is known to be complete.
func (g *group) fill(cfgs []experiment.Config, exports []runfolder.Export) error {
	var names []string
	for _, cfg := range cfgs {
		name := strings.ToLower(fmt.Sprintf("%s-seed%d", cfg.Method, cfg.Seed))
		t, err := startRun(filepath.Join(g.dir, name), cfg, exports)
		if err != nil {
			return err
		}
		t.close()
		names, g.members = append(names, name), append(g.members, filepath.Join(g.dir, name))
	}
	return cli.WriteMembers(g.dir, names)
}

// run trains what is not finished, fills the folder and prints the table.
func (g *group) run(ctx context.Context, format show.Format, out cli.Streams) error {
	outcomes, err := g.learn(ctx, out.Err)
	if err != nil {
		return g.resumable(err)
	}
	comparison, err := cli.Compare(ctx, outcomes, out.Err)
	if err != nil {
		return g.resumable(err)
	}
	if err := report(g.dir, g.members[0], comparison); err != nil {
		return err
	}
	if err := writeResults(g.dir, comparison); err != nil {
		return err
	}
	if err := comparison.WriteTable(out.Out, format, ""); err != nil {
		return err
	}
	fmt.Fprintf(out.Err, "folder: %s\n", g.dir)
	return nil
}

func (g *group) resumable(err error) error {
	var signal cli.Interrupted
	if errors.As(err, &signal) {
		return fmt.Errorf("%w; continue with --resume %s", err, cli.ShellQuote(g.dir))
	}
	return err
}

// learn trains the members, as many at a time as there are processors. The first error, or the end
// of ctx, stops all of them, each with a checkpoint.
func (g *group) learn(ctx context.Context, messages io.Writer) ([]cli.Outcome, error) {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	messages = &lockedWriter{w: messages}
	board, workers, err := g.board(messages)
	if err != nil {
		return nil, err
	}
	outcomes := make([]cli.Outcome, len(g.members))
	queue := make(chan int)
	var wait sync.WaitGroup
	for range cli.Jobs(len(g.members), workers) {
		wait.Go(func() {
			for i := range queue {
				var err error
				if outcomes[i], err = g.train(ctx, i, board, messages); err != nil {
					stop(err) // only the first cause counts
				}
			}
		})
	}
	for i := range g.members {
		if ctx.Err() != nil {
			break
		}
		queue <- i
	}
	close(queue)
	wait.Wait()
	if board.progress != nil {
		board.progress.End()
	}
	return outcomes, context.Cause(ctx)
}

// train opens a member, trains it to its end and closes it.
func (g *group) train(ctx context.Context, member int, board *board, messages io.Writer) (cli.Outcome, error) {
	if ctx.Err() != nil {
		return cli.Outcome{}, context.Cause(ctx)
	}
	flags := g.flags
	flags.Resume = g.members[member]
	t, err := resumeRun(flags, messages)
	if err != nil {
		return cli.Outcome{}, err
	}
	defer t.close()
	if err := t.folder.Train(ctx, t.run, func() { board.set(member, t.run) }); err != nil {
		return cli.Outcome{}, err
	}
	return cli.OutcomeOf(t.run, t.folder.Path())
}

// board shows the progress of all members in one line.
type board struct {
	lock     sync.Mutex
	progress *show.Progress
	slots    []int64
	done     int64
	methods  []agent.Method
	accuracy map[agent.Method]float64 // from the latest report of any of its runs
}

// board reads the progress of the members. It also returns the number of goroutines that each uses.
func (g *group) board(messages io.Writer) (b *board, workers int, err error) {
	b = &board{accuracy: map[agent.Method]float64{}}
	total := int64(0)
	for _, dir := range g.members {
		name := g.flags.From
		if name == "" {
			name = experiment.LatestCheckpoint
		}
		saved, err := experiment.OpenRun(dir, name)
		if err != nil {
			return nil, 0, cli.OpenError(err)
		}
		b.slots = append(b.slots, saved.Slot)
		b.methods = append(b.methods, saved.Config.Method)
		b.done += saved.Slot
		total += max(saved.Config.Slots, g.flags.Length)
		workers = saved.Config.Workers
	}
	if b.done > 0 && b.done < total {
		fmt.Fprintf(messages, "continuing %s at slot %d of %d, all runs together\n", g.dir, b.done, total)
	}
	if b.done < total {
		b.progress = show.NewProgress(terminal(messages), fmt.Sprintf("%d runs", len(g.members)), "slots", b.done, total)
	}
	return b, workers, nil
}

func (b *board) set(member int, run *experiment.Run) {
	accuracy, reported := 0.0, run.ReportDue()
	if reported {
		_, accuracy = run.Moving()
	}
	b.lock.Lock()
	defer b.lock.Unlock()
	if reported {
		b.accuracy[b.methods[member]] = accuracy
	}
	b.done += run.Slot() - b.slots[member]
	b.slots[member] = run.Slot()
	b.progress.Set(b.done, b.note)
}

// note shows the moving accuracy of each method, in their order.
func (b *board) note() string {
	var texts []string
	for i, m := range b.methods {
		if v, ok := b.accuracy[m]; ok && (i == 0 || b.methods[i-1] != m) {
			texts = append(texts, fmt.Sprintf("%s %.3f", m, v))
		}
	}
	return "accuracy: " + strings.Join(texts, ", ")
}

// lockedWriter lets several goroutines write messages.
type lockedWriter struct {
	lock sync.Mutex
	w    io.Writer
}

// Write implements io.Writer.
func (l *lockedWriter) Write(p []byte) (int, error) {
	l.lock.Lock()
	defer l.lock.Unlock()
	return l.w.Write(p)
}

// terminal returns the writer below the lock: progress is a bar only on an *os.File.
func terminal(w io.Writer) io.Writer {
	if l, ok := w.(*lockedWriter); ok {
		if f, ok := l.w.(*os.File); ok {
			return f
		}
	}
	return w
}
