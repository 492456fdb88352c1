package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"syscall"
	"testing"

	"github.com/graphrl/graphrl/checkpoints/runfolder"
	"github.com/graphrl/graphrl/cmd/internal/cli"
)

// frameTasks are the commands that train frame by frame.
var frameTasks = []string{"wpmec", "lydroo"}

// A stopped run says so and leaves a folder to resume.
func TestFrameTaskSignalsStopCleanly(t *testing.T) {
	for _, task := range frameTasks {
		inTemp(t)
		args := []string{task, "--frames", "5000000", "--out", "run"}
		for _, c := range []struct {
			signal os.Signal
			code   int
		}{{os.Interrupt, 130}, {syscall.SIGTERM, 143}} {
			cmd, messages := start(t, args...)
			waitFor(t, "run/config.yaml")
			waitFor(t, "run/.lock.json")
			if err := cmd.Process.Signal(c.signal); err != nil {
				t.Fatal(err)
			}
			cmd.Wait()
			if got := cmd.ProcessState.ExitCode(); got != c.code || !strings.Contains(messages.String(), " of 5000000; continue with --resume run") {
				t.Errorf("%s: %v: code %d\n%s", task, c.signal, got, messages)
			}
			if _, err := os.Stat("run/checkpoint/" + runfolder.Latest + "/manifest.json"); err != nil {
				t.Errorf("%s: %v: %v", task, c.signal, err)
			}
			args = []string{task, "--resume", "run"}
		}
	}
}

// A run can be made longer, which says where it goes on and gives what a run of that length gives.
func TestFrameTaskBecomesLonger(t *testing.T) {
	for _, task := range frameTasks {
		inTemp(t)
		must(t, task, "--users", "3", "--frames", "40", "--out", "short")
		_, messages := must(t, task, "--resume", "short", "--frames", "80")
		if !strings.Contains(messages, "continuing short at frame 40\n") {
			t.Errorf("%s: messages\n%s", task, messages)
		}
		must(t, task, "--users", "3", "--frames", "80", "--out", "long")
		for _, file := range []string{"config.yaml", "metrics.jsonl", "checkpoint/latest/manifest.json"} {
			a, errA := os.ReadFile("short/" + file)
			b, errB := os.ReadFile("long/" + file)
			if err := errors.Join(errA, errB); err != nil || string(a) != string(b) || len(a) == 0 {
				t.Errorf("%s: %s differs: %v\n%s\n%s", task, file, err, a, b)
			}
		}
		if code, out, messages := train(task, "--resume", "short", "--seed", "3"); code == 0 || out != "" ||
			!strings.Contains(messages, "give only --from, --frames and --format") {
			t.Errorf("%s: code %d, output %q, messages\n%s", task, code, out, messages)
		}
	}
}

// A command that meets the run of another task names the command that continues it.
func TestRunOfAnotherTask(t *testing.T) {
	inTemp(t)
	must(t, "mecoffload", "--config", "tiny.yaml", "--out", "mecoffload")
	for _, task := range frameTasks {
		must(t, task, "--users", "3", "--frames", "40", "--out", task)
	}
	tasks := append([]string{"mecoffload"}, frameTasks...)
	for _, command := range tasks {
		for _, run := range tasks {
			if run == command {
				continue
			}
			want := fmt.Sprintf("continue it by `train %s --resume %s`", run, run)
			if code, _, messages := train(command, "--resume", run); code != 1 || !strings.Contains(messages, want) {
				t.Errorf("%s on a run of %s: code %d, %s\nwant %s", command, run, code, messages, want)
			}
		}
	}
}

// broken is an output without a reader.
type broken struct{}

func (broken) Write([]byte) (int, error) { return 0, syscall.EPIPE }

// When only the table finds no reader, the message says that the run is complete.
func TestFrameTaskWithoutReader(t *testing.T) {
	for _, task := range frameTasks {
		inTemp(t)
		var messages strings.Builder
		code := command().Execute(t.Context(), []string{task, "--users", "3", "--frames", "20", "--out", "run"}, cli.Streams{Out: broken{}, Err: io.Writer(&messages)})
		if code == 0 || !strings.Contains(messages.String(), "run is complete") {
			t.Errorf("%s: code %d\n%s", task, code, messages.String())
		}
	}
}
