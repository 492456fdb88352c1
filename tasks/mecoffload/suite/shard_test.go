package suite

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
)

func TestParseShard(t *testing.T) {
	for text, want := range map[string]Shard{"1/1": {0, 1}, "2/8": {1, 8}, "8/8": {7, 8}} {
		if got, err := ParseShard(text); err != nil || got != want || got.String() != text {
			t.Errorf("%s: %v %v", text, got, err)
		}
	}
	for _, text := range []string{"", "1", "0/2", "3/2", "a/2", "1/b", "1/2/3", "-1/2", "1/0"} {
		if got, err := ParseShard(text); err == nil {
			t.Errorf("%q is %v", text, got)
		}
	}
}

func FuzzParseShard(f *testing.F) {
	f.Add("2/8")
	f.Fuzz(func(t *testing.T, text string) {
		s, err := ParseShard(text)
		if err == nil && (s.Index < 0 || s.Index >= s.Count) {
			t.Errorf("%q is %+v", text, s)
		}
	})
}

func TestShardFromEnv(t *testing.T) {
	type env map[string]string
	for _, c := range []struct {
		env  env
		want Shard
		bad  bool
	}{
		{env{}, Shard{}, false},
		{env{"SLURM_ARRAY_TASK_ID": "3", "SLURM_ARRAY_TASK_COUNT": "8"}, Shard{3, 8}, false},
		{env{"SLURM_ARRAY_TASK_ID": "8", "SLURM_ARRAY_TASK_MIN": "1", "SLURM_ARRAY_TASK_COUNT": "8"}, Shard{7, 8}, false},
		{env{"SLURM_ARRAY_TASK_ID": "5", "SLURM_ARRAY_TASK_MIN": "1", "SLURM_ARRAY_TASK_STEP": "2", "SLURM_ARRAY_TASK_COUNT": "4"}, Shard{2, 4}, false},
		{env{"SLURM_ARRAY_TASK_ID": "4", "SLURM_ARRAY_TASK_MIN": "1", "SLURM_ARRAY_TASK_STEP": "2", "SLURM_ARRAY_TASK_COUNT": "4"}, Shard{}, true},
		{env{"SLURM_ARRAY_TASK_ID": "8", "SLURM_ARRAY_TASK_COUNT": "8"}, Shard{}, true},
		{env{"SLURM_ARRAY_TASK_ID": "0", "SLURM_ARRAY_TASK_MIN": "1", "SLURM_ARRAY_TASK_COUNT": "8"}, Shard{}, true},
		{env{"SLURM_ARRAY_TASK_ID": "3"}, Shard{}, true},
		{env{"SLURM_ARRAY_TASK_ID": "three", "SLURM_ARRAY_TASK_COUNT": "8"}, Shard{}, true},
		{env{"SLURM_ARRAY_TASK_ID": "3", "SLURM_ARRAY_TASK_STEP": "0", "SLURM_ARRAY_TASK_COUNT": "8"}, Shard{}, true},
		{env{"JOB_COMPLETION_INDEX": "0", ShardCountVar: "2"}, Shard{0, 2}, false},
		{env{"JOB_COMPLETION_INDEX": "2", ShardCountVar: "2"}, Shard{}, true},
		{env{"JOB_COMPLETION_INDEX": "0"}, Shard{}, true},
		{env{ShardCountVar: "2"}, Shard{}, false},
	} {
		got, err := ShardFromEnv(func(key string) (string, bool) { v, ok := c.env[key]; return v, ok })
		if (err != nil) != c.bad || got != c.want {
			t.Errorf("%v: %v %v", c.env, got, err)
		}
	}
}

// Shards are a partition of the cells.
func TestShardsArePartition(t *testing.T) {
	s := tinySuite(t)
	for _, n := range []int{1, 2, 3, 7, len(s.Cells), len(s.Cells) + 1} {
		seen := make(map[string]int)
		for i := range n {
			part, err := Shard{i, n}.Of(s.Cells)
			if err != nil {
				t.Fatal(err)
			}
			if most := (len(s.Cells) + n - 1) / n; len(part) > most {
				t.Errorf("shard %d of %d has %d cells, more than %d", i+1, n, len(part), most)
			}
			for _, c := range part {
				seen[c.String()]++
			}
		}
		for cell, times := range seen {
			if times != 1 {
				t.Errorf("%s is in %d of %d shards", cell, times, n)
			}
		}
		if len(seen) != len(s.Cells) {
			t.Errorf("%d cells in %d shards, of %d", len(seen), n, len(s.Cells))
		}
	}
}

// What killed processes have left is removed by the next that has the folder for itself; files that
// others may be writing stay.
func TestStoreSweeps(t *testing.T) {
	dir := t.TempDir()
	open := func() *Store {
		s, err := OpenStore(dir)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	left := filepath.Join(dir, unfinished+"123")
	exists := func() bool {
		_, err := os.Stat(left)
		return err == nil
	}
	first := open()
	if err := os.WriteFile(left, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	second := open()
	if !exists() {
		t.Error("removed beside another process")
	}
	if err := errors.Join(first.Close(), second.Close()); err != nil {
		t.Fatal(err)
	}
	defer open().Close()
	if exists() {
		t.Error("left behind")
	}
}
