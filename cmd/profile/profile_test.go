package main

import (
	"bytes"
	"context"
	"fmt"
	"image"
	"image/png"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/graphrl/graphrl/checkpoints/runfolder"
	"github.com/graphrl/graphrl/cmd/internal/cli"
	"github.com/graphrl/graphrl/tasks/earlyexit"
	"github.com/graphrl/graphrl/tasks/mecoffload"
)

func execute(t *testing.T, args ...string) (code int, out, messages string) {
	t.Helper()
	var o, m bytes.Buffer
	code = command().Execute(context.Background(), args, cli.Streams{Out: &o, Err: &m})
	return code, o.String(), m.String()
}

// train reads a profile made from a CSV file, and the profile names its origin.
func TestCSV(t *testing.T) {
	dir := t.TempDir()
	file, out := filepath.Join(dir, "samples.csv"), filepath.Join(dir, "mine.yaml")
	text := "exit,correct,latency_ms\n1,1,1\n1,0,1.1\n2,1,2\n2,1,2.2\n3,0,3\n"
	if err := os.WriteFile(file, []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
	code, _, messages := execute(t, file, "--out", out)
	if code != 0 || !strings.Contains(messages, "exit 3 is left out") {
		t.Fatalf("exit code %d, %s", code, messages)
	}
	p, err := mecoffload.LoadProfile(out)
	if err != nil {
		t.Fatal(err)
	}
	if p.Name != "mine" || p.Exits() != 2 || p.Servers[0].Times[0] != 1.05e-3 {
		t.Errorf("%+v", p)
	}
	code, printed, _ := execute(t, "csv", file)
	if code != 0 || !strings.HasPrefix(printed, "# Measured: 5 inferences of samples.csv.") || !strings.Contains(printed, "within 5 %") {
		t.Errorf("exit code %d:\n%s", code, printed)
	}
}

// Measurements are never written over, and what a profile cannot hold is refused.
func TestCSVRefused(t *testing.T) {
	dir := t.TempDir()
	file, link := filepath.Join(dir, "samples.csv"), filepath.Join(dir, "link.yaml")
	const header = "exit,correct,latency_ms,server\n"
	check(t, os.WriteFile(file, []byte(header+"1,1,1,a\n"), 0o666))
	check(t, os.Symlink("samples.csv", link))
	for _, out := range []string{file, link} {
		if code, _, messages := execute(t, file, "--out", out); code != 2 || !strings.Contains(messages, "is the file of the measurements") {
			t.Errorf("--out %s: exit code %d, %s", out, code, messages)
		}
	}
	if got, err := os.ReadFile(file); string(got) != header+"1,1,1,a\n" || err != nil {
		t.Errorf("the measurements became %q, error %v", got, err)
	}
	for row, want := range map[string]string{
		"1,1,1,caf\xe9":          `server is "caf\xe9", want a name in UTF-8`,
		"1,1,1e-320,a":           "want milliseconds, from 0.000001",
		"1,1,\"0,5\",a":          `latency_ms is "0,5"`,
		"1,1,1,a\n1;1;\"2,5\";a": "line 3",
	} {
		check(t, os.WriteFile(file, []byte(header+row+"\n"), 0o666))
		if code, _, messages := execute(t, file); code != 1 || !strings.Contains(messages, want) {
			t.Errorf("%q: exit code %d, %s, want %s", row, code, messages, want)
		}
	}
}

// network measures a trained network: the profile says of which and where, and has distributions.
func TestNetwork(t *testing.T) {
	images, run := t.TempDir(), filepath.Join(t.TempDir(), "run")
	for i := range 16 {
		class := filepath.Join(images, []string{"dark", "light"}[i%2])
		img := image.NewGray(image.Rect(0, 0, 32, 32))
		for k := range img.Pix {
			img.Pix[k] = uint8(60 + 130*(i%2) + (7*k+i)%50)
		}
		var b bytes.Buffer
		check(t, png.Encode(&b, img))
		check(t, os.MkdirAll(class, 0o777))
		check(t, os.WriteFile(filepath.Join(class, fmt.Sprint(i, ".png")), b.Bytes(), 0o666))
	}
	cfg := earlyexit.DefaultConfig()
	cfg.Data, cfg.Width, cfg.BatchSize, cfg.Epochs = images, 0.03125, 8, 2
	training, err := earlyexit.NewTraining(cfg)
	check(t, err)
	defer training.Close()
	folder, err := runfolder.Create(run, "")
	check(t, err)
	data, err := cfg.YAML()
	check(t, err)
	check(t, folder.Start(training, data))
	check(t, folder.Train(context.Background(), training, func() {}))
	check(t, folder.Close())

	out := filepath.Join(t.TempDir(), "mine.yaml")
	if code, _, messages := execute(t, "network", run, "--images", images, "--runs", "5", "--pause", "1ms", "--out", out); code != 0 {
		t.Fatal(messages)
	}
	p, err := mecoffload.LoadProfile(out)
	check(t, err)
	m := p.Measured
	if m == nil || m.Images != 16 || m.Runs != 5 || m.Pause != 1e-3 || m.Threads != 1 || m.Machine == "" || m.Commit == "" ||
		m.Network != "VGG-16 of width 0.03125 with 5 exits, for 32x32x3 pixels and 2 classes" {
		t.Errorf("measured: %+v", m)
	}
	if len(p.Servers) != 2 || p.Servers[0].Name != "alone" || p.Servers[1].Name != "loaded" || len(p.Servers[1].Samples[0]) != 5 {
		t.Errorf("%+v", p.Servers)
	}
	cpuTime(t, run, images)
}

// cpuTime continues TestNetwork: processor time does not include waiting, so there is no server under load.
func cpuTime(t *testing.T, run, images string) {
	t.Helper()
	code, text, messages := execute(t, "network", run, "--images", images, "--runs", "5", "--cpu-time", "--name", "mine")
	if earlyexit.ThreadClock() == nil {
		t.Skip(messages)
	}
	p, err := mecoffload.ParseProfile([]byte(text), "printed")
	if code != 0 || err != nil || len(p.Servers) != 1 || !strings.Contains(text, "processor time") || p.Measured.Pause != 0 {
		t.Errorf("exit code %d, %s, %v:\n%s", code, messages, err, text)
	}
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestWrongUse(t *testing.T) {
	for _, c := range []struct{ args, want string }{
		{"no-such.csv", "no-such.csv"},
		{"network no-such-run --images x.zip", "no-such-run"},
		{"network no-such-run --images x.zip --runs 0", "--runs"},
		{"network no-such-run --images x.zip --pause -1ms", "--pause"},
		{"network no-such-run", "--images"},
	} {
		code, _, messages := execute(t, strings.Fields(c.args)...)
		if code == 0 || !strings.Contains(messages, c.want) {
			t.Errorf("%s: exit code %d, %q", c.args, code, messages)
		}
	}
}
