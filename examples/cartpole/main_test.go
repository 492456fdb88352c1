package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"strings"
	"testing"
)

func TestRun(t *testing.T) {
	for _, env := range []string{"cartpole", "acrobot"} {
		f := flags{Algo: []string{"ppo", "a2c", "dqn", "reinforce"}, Env: env, Seeds: 2, FirstSeed: 1, Steps: 600, Episodes: 2}
		f.Format = "json"
		var out bytes.Buffer
		if err := run(context.Background(), f, &out); err != nil {
			t.Fatal(err)
		}
		var rows []row
		if err := json.Unmarshal(out.Bytes(), &rows); err != nil {
			t.Fatalf("%v: %s", err, out.Bytes())
		}
		if len(rows) != 8 || rows[3].Algo != "a2c" || rows[3].Seed != 2 || rows[3].Steps < 600 || rows[3].StepsPerSecond <= 0 || rows[3].Return == 0 {
			t.Errorf("%s: %+v", env, rows)
		}
	}
}

// PPO balances the pole for 200 steps after a few thousand, and stops then.
func TestLearns(t *testing.T) {
	if testing.Short() {
		t.Skip("trains for seconds")
	}
	f := flags{Algo: []string{"ppo"}, Env: "cartpole", Seeds: 1, FirstSeed: 1, Steps: 20_000, Episodes: 10, Until: 200}
	f.Format = "json"
	var out bytes.Buffer
	if err := run(context.Background(), f, &out); err != nil {
		t.Fatal(err)
	}
	var rows []row
	if err := json.Unmarshal(out.Bytes(), &rows); err != nil {
		t.Fatal(err)
	}
	if rows[0].Return < 150 || rows[0].Steps >= 20_000 {
		t.Errorf("%+v, want a return of about 200 before the end", rows[0])
	}
}

func TestRunRefuses(t *testing.T) {
	for _, f := range []flags{
		{Algo: []string{"ppo"}, Env: "cartpole", Episodes: 1},
		{Algo: []string{"ppo"}, Env: "cartpole", Seeds: 1},
		{Algo: []string{"dqn"}, Env: "acrobot", Seeds: 1, Episodes: 1},
	} {
		if err := run(context.Background(), f, io.Discard); err == nil || !strings.Contains(err.Error(), "steps") {
			t.Errorf("%+v: %v", f, err)
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := run(ctx, flags{Algo: []string{"ppo"}, Env: "cartpole", Seeds: 1, Episodes: 1}, io.Discard); err == nil {
		t.Error("cancelled: no error")
	}
}
