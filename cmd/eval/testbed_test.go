package main

import (
	"encoding/json"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/graphrl/graphrl/checkpoints/runfolder"
	"github.com/graphrl/graphrl/serve"
	"github.com/graphrl/graphrl/tasks/earlyexit"
	"github.com/graphrl/graphrl/tasks/mecoffload/agent"
	"github.com/graphrl/graphrl/tasks/mecoffload/experiment"
	"github.com/graphrl/graphrl/tasks/mecoffload/testbed"
)

// The test binary is also the program of the testbed's servers.
func TestMain(m *testing.M) {
	testbed.RunServer()
	os.Exit(m.Run())
}

// earlyExits makes class folders of six images and trains a narrow network on them.
func earlyExits(t *testing.T) (network, images string) {
	t.Helper()
	check := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	images = t.TempDir()
	for i := range 6 {
		img := image.NewGray(image.Rect(0, 0, 32, 32))
		for p := range img.Pix {
			img.SetGray(p%32, p/32, color.Gray{uint8(p * (i + 1))})
		}
		class := filepath.Join(images, []string{"cat", "dog"}[i%2])
		check(os.MkdirAll(class, 0o777))
		f, err := os.Create(filepath.Join(class, fmt.Sprint(i, ".png")))
		check(err)
		check(png.Encode(f, img))
		check(f.Close())
	}
	cfg := earlyexit.DefaultConfig()
	cfg.Data, cfg.Width, cfg.Epochs, cfg.BatchSize, cfg.Replicas = images, 0.02, 1, 2, 1
	training, err := earlyexit.NewTraining(cfg)
	check(err)
	defer training.Close()
	folder, err := runfolder.Create(filepath.Join(t.TempDir(), "network"), "")
	check(err)
	data, err := cfg.YAML()
	check(err)
	check(folder.Start(training, data))
	check(folder.Train(t.Context(), training, func() {}))
	check(folder.Close())
	return folder.Path(), images
}

// The testbed's table has a row for the run's method and the two baselines, with the simulator's
// prediction of the same tasks beside the measurement.
func TestTestbed(t *testing.T) {
	network, images := earlyExits(t)
	t.Chdir(t.TempDir())
	runFolder(t, agent.GRLE)
	args := []string{"testbed", "--network", network, "--images", images, "--run", "GRLE", "--seconds", "0.5", "--scale", "5",
		"--calibration", "2", "--inference", "padded", "--figure", "latency"}
	code, out, messages := eval(append(args, "--format", "json")...)
	var rows []testbed.Comparison
	if err := json.Unmarshal([]byte(out), &rows); code != 0 || err != nil || len(rows) != 3 {
		t.Fatalf("code %d, error %v, %q\n%s", code, err, out, messages)
	}
	for i, name := range []string{"GRLE", "best-exit-in-time", "least-loaded"} {
		r := rows[i]
		if r.Policy != name || r.Lost != 0 || r.Predicted.Slots != 10 || r.Measured.Slots != 10 || r.Predicted.Seed != 2 || r.Predicted.Accuracy == 0 {
			t.Errorf("%+v", r)
		}
	}
	if svg, err := os.ReadFile("latency.svg"); err != nil || !strings.Contains(string(svg), "as predicted") {
		t.Error(err)
	}
	if code, out, _ = eval(append(args, "--runs", "2")...); code != 0 || !strings.Contains(out, "least-loaded") {
		t.Errorf("code %d: %s", code, out)
	}
}

// A decision service of a policy decides as the policy itself.
func TestRemotePolicy(t *testing.T) {
	t.Chdir(t.TempDir())
	runFolder(t, agent.GRLE)
	service, err := serve.New(serve.Config{Policies: []serve.Policy{{Name: "edge", Budget: time.Minute, Open: func() (*serve.Model, error) {
		return serve.OpenModel(filepath.Join("GRLE", "checkpoint", "latest"), "", serve.World{})
	}}}})
	if err != nil {
		t.Fatal(err)
	}
	defer service.Close()
	server := httptest.NewServer(service.Handler())
	defer server.Close()
	checkpoint, err := experiment.OpenRun("GRLE", experiment.LatestCheckpoint)
	if err != nil {
		t.Fatal(err)
	}
	cfg := checkpoint.Config
	own, err := checkpoint.Policy(cfg.Scenario, cfg.Profile)
	if err != nil {
		t.Fatal(err)
	}
	e := experiment.Evaluation{Scenario: cfg.Scenario, Profile: cfg.Profile, Seed: 8101, Slots: 20}
	want, err := e.Policy(t.Context(), own)
	if err != nil {
		t.Fatal(err)
	}
	got, err := e.Policy(t.Context(), newRemote(server.URL))
	if err != nil {
		t.Fatal(err)
	}
	if got.Accuracy != want.Accuracy || got.Reward != want.Reward {
		t.Errorf("%+v, want %+v", got, want)
	}
	server.Close()
	if _, err := e.Policy(t.Context(), newRemote(server.URL)); err == nil || !strings.Contains(err.Error(), "decision service") {
		t.Error(err)
	}
}

func TestTestbedWrongUse(t *testing.T) {
	for _, c := range []struct{ args, want string }{
		{"--images x.zip", "--network"},
		{"--network none --images x.zip", "none"},
		{"--network none --images x.zip --run none", "none"},
		{"--network none --images x.zip --scale 0", "--scale"},
		{"--network none --images x.zip --runs 0", "--runs"},
		{"--network none --images x.zip --seconds -1", "--seconds"},
		{"--network none --images x.zip --order none", "--order"},
	} {
		code, _, messages := eval(append([]string{"testbed"}, strings.Fields(c.args)...)...)
		if code == 0 || !strings.Contains(messages, c.want) {
			t.Errorf("%s: code %d, %q", c.args, code, messages)
		}
	}
}
