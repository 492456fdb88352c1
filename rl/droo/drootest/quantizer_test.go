package drootest

import (
	"errors"
	"strings"
	"testing"

	"github.com/graphrl/graphrl/rl/droo"
	"github.com/graphrl/graphrl/rl/rltest"
)

// list is a quantizer that returns fixed candidates for one row.
type list func(s droo.Scores, k int) []int32

func (l list) Candidates(s droo.Scores, k int, dst *droo.Decisions) error {
	if err := s.Check(); err != nil || k < 1 {
		return errors.Join(err, errors.New("bad"))
	}
	dst.Reset(s.Rows, k)
	argmax := make([]int32, s.Rows)
	s.Argmax(argmax)
	if s.Rows != 1 {
		dst.Append(argmax)
		return nil
	}
	for _, c := range l(s, k) {
		dst.Append([]int32{c})
	}
	return nil
}

func TestQuantizerFindsBugs(t *testing.T) {
	best := func(s droo.Scores) int32 {
		var c [1]int32
		s.Argmax(c[:])
		return c[0]
	}
	for want, q := range map[string]list{
		"allocates":          func(s droo.Scores, _ int) []int32 { return []int32{best(s)} },
		"are equal":          func(s droo.Scores, k int) []int32 { return []int32{best(s), best(s)}[:min(2, k)] },
		"not the most":       func(s droo.Scores, _ int) []int32 { return []int32{(best(s) + 1) % 3} },
		"asked for":          func(droo.Scores, int) []int32 { return nil },
		"chooses 3":          func(s droo.Scores, k int) []int32 { return []int32{best(s), 3}[:min(2, k)] },
		"the masked option":  func(s droo.Scores, k int) []int32 { return []int32{best(s), (best(s) + 1) % 3}[:min(2, k)] },
		"changed the scores": func(s droo.Scores, k int) []int32 { c := best(s); s.Logits[0]++; return []int32{c} },
	} {
		if got := rltest.Failures(func(t rltest.T) { Quantizer(t, func() droo.Quantizer { return q }, 3) }); !strings.Contains(got, want) {
			t.Errorf("reported %q, want %q", got, want)
		}
	}
}
