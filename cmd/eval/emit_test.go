package main

import (
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write testdata")

// The manifest is the one in testdata, which bench/cluster/k8s decodes into the official types.
func TestEmitKubernetes(t *testing.T) {
	code, out, messages := eval("--suite", "paper", "--emit", "k8s", "--parts", "12", "--at-once", "4", "--seeds", "3", "--method", "GRLE,GRL")
	if code != 0 {
		t.Fatal(messages)
	}
	name := filepath.Join("testdata", "job.yaml")
	if *update {
		if err := os.WriteFile(name, []byte(out), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(string(want), out); d != "" {
		t.Error(d)
	}
}

// The script is one that bash reads, and runs this program with all that was asked for.
func TestEmitSlurm(t *testing.T) {
	code, out, messages := eval("--suite", "quick", "--emit", "slurm", "--parts", "4", "--at-once", "2",
		"--seeds", "2", "--first-seed", "9101", "--devices", "14", "--slot", "10ms", "--slots", "300", "--results", "my results")
	if code != 0 {
		t.Fatal(messages)
	}
	for _, want := range []string{
		"#SBATCH --array=1-4%2\n", "#SBATCH --requeue\n", "#SBATCH --signal=B:TERM@60\n",
		"--suite=quick '--results=/", "my results' --seeds=2 --first-seed=9101 --jobs=1 --devices=14 --slot=10ms --slots=300 &",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
	if bash, err := exec.LookPath("bash"); err == nil {
		check := exec.Command(bash, "-n")
		check.Stdin = strings.NewReader(out)
		if text, err := check.CombinedOutput(); err != nil {
			t.Errorf("%v: %s", err, text)
		}
	}
}

func TestEmitRefuses(t *testing.T) {
	for _, c := range []struct{ args, want string }{
		{"--suite quick --emit helm", "--emit must be one of"},
		{"--suite quick --emit slurm --parts 0", "--parts: 0 is not in 1..100000"},
		{"--suite quick --emit slurm --merge", "leave out --shard and --merge"},
		{"--suite quick --emit slurm --devices 13", "nothing is left"},
		{"--run x --emit slurm", "--emit requires --suite"},
	} {
		code, out, messages := eval(strings.Fields(c.args)...)
		if code == 0 || !strings.Contains(messages, c.want) || out != "" {
			t.Errorf("%s: code %d, output %q, messages %q", c.args, code, out, messages)
		}
	}
}
