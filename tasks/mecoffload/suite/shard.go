package suite

import (
	"fmt"
	"strconv"
	"strings"
)

// Shard is one of Count parts of a suite; Index counts from 0. The zero value is the whole suite.
type Shard struct{ Index, Count int }

// IsPart reports whether the shard is less than the whole.
func (s Shard) IsPart() bool { return s.Count > 1 }

// String returns for instance "2/8", counting from 1.
func (s Shard) String() string {
	if s.Count == 0 {
		return "1/1"
	}
	return fmt.Sprintf("%d/%d", s.Index+1, s.Count)
}

// ParseShard reads what String writes: "2/8" is the second of eight.
func ParseShard(text string) (Shard, error) {
	bad := fmt.Errorf("shard %q: want i/n with 1 <= i <= n, such as 2/8", text)
	first, second, ok := strings.Cut(text, "/")
	if !ok {
		return Shard{}, bad
	}
	i, err := strconv.ParseUint(first, 10, 31)
	if err != nil {
		return Shard{}, bad
	}
	n, err := strconv.ParseUint(second, 10, 31)
	if err != nil || i < 1 || i > n {
		return Shard{}, bad
	}
	return Shard{int(i) - 1, int(n)}, nil
}

// ShardCountVar is the environment variable with the number of shards of a Kubernetes indexed job.
// Its pods know their index but not their number, so set it to the job's completions.
const ShardCountVar = "GRAPHRL_SHARDS"

// ShardFromEnv returns the shard that a job scheduler has given this process, from its environment
// variables: SLURM_ARRAY_TASK_ID, _MIN, _STEP and _COUNT of a Slurm job array, or
// JOB_COMPLETION_INDEX of a Kubernetes indexed job with GRAPHRL_SHARDS. Without any of them it
// returns the whole.
func ShardFromEnv(lookup func(key string) (string, bool)) (Shard, error) {
	number := func(key string, fallback int) (int, error) {
		text, ok := lookup(key)
		if !ok && fallback >= 0 {
			return fallback, nil
		}
		if !ok {
			return 0, fmt.Errorf("environment: %s is not set", key)
		}
		n, err := strconv.ParseUint(text, 10, 31)
		if err != nil {
			return 0, fmt.Errorf("environment: %s is %q, want a whole number", key, text)
		}
		return int(n), nil
	}
	const required = -1
	var s Shard
	if _, ok := lookup("SLURM_ARRAY_TASK_ID"); ok {
		var v [4]int
		for i, f := range []struct {
			key      string
			fallback int
		}{{"SLURM_ARRAY_TASK_ID", required}, {"SLURM_ARRAY_TASK_MIN", 0}, {"SLURM_ARRAY_TASK_STEP", 1}, {"SLURM_ARRAY_TASK_COUNT", required}} {
			var err error
			if v[i], err = number(f.key, f.fallback); err != nil {
				return Shard{}, err
			}
		}
		id, first, step, count := v[0], v[1], v[2], v[3]
		if step == 0 || (id-first)%step != 0 {
			return Shard{}, fmt.Errorf("environment: the Slurm array has no task %d: it starts "+
				"at %d in steps of %d", id, first, step)
		}
		s = Shard{(id - first) / step, count}
	} else if _, ok := lookup("JOB_COMPLETION_INDEX"); ok {
		index, err := number("JOB_COMPLETION_INDEX", required)
		if err != nil {
			return Shard{}, err
		}
		count, err := number(ShardCountVar, required)
		if err != nil {
			return Shard{}, fmt.Errorf("%w: set it to the completions of the Kubernetes job", err)
		}
		s = Shard{index, count}
	} else {
		return Shard{}, nil
	}
	if s.Index < 0 || s.Index >= s.Count {
		return Shard{}, fmt.Errorf("environment: task %d of %d does not exist (counting from 0; "+
			"the tasks of an array must be evenly spaced)", s.Index, s.Count)
	}
	return s, nil
}

// Of returns the shard's cells. Shards are disjoint and together cover all cells. Cells are dealt
// out in the order of their keys, so shards take about equally long.
func (s Shard) Of(cells []Cell) ([]Cell, error) {
	if !s.IsPart() {
		return cells, nil
	}
	sorted, err := sortByKey(cells)
	if err != nil {
		return nil, err
	}
	var part []Cell
	for i := s.Index; i < len(sorted); i += s.Count {
		part = append(part, sorted[i].Cell)
	}
	return part, nil
}
