package serve

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/graphrl/graphrl/checkpoints"
	"github.com/graphrl/graphrl/serve/servepb"
	"github.com/graphrl/graphrl/tasks/mecoffload"
	"github.com/graphrl/graphrl/tasks/mecoffload/agent"
)

// told is a report of a slot that a simulator has done.
func told(o *mecoffload.Observation, list []*servepb.Assignment, out *mecoffload.Outcome, source string, slot uint64) *servepb.ObserveRequest {
	q := &servepb.ObserveRequest{Source: source, Slot: slot, Offloading: asked(o)}
	for i, a := range list {
		t := &servepb.Outcome{Server: a.Server, Exit: a.Exit, Status: servepb.Status(out.Status[i] + 1)}
		if out.Status[i] != mecoffload.Dropped {
			t.FinishSeconds = out.Latency[i]
		}
		q.Outcomes = append(q.Outcomes, t)
	}
	return q
}

// slotsOf are reports of a world in which a model decides.
func slotsOf(t testing.TB, m *Model, source string, seed uint64, slots int) []*servepb.ObserveRequest {
	t.Helper()
	w := simulate(t, m, seed)
	var list []*servepb.ObserveRequest
	for slot := range slots {
		out, err := m.Decide(t.Context(), Query{Observation: asked(&w.obs)})
		if err != nil {
			t.Fatal(err)
		}
		var seen mecoffload.Observation
		w.obs.CopyTo(&seen)
		w.step(t, action(t, &w.obs, out.Assignments))
		list = append(list, told(&seen, out.Assignments, w.sim.Outcome(), source, uint64(slot)))
	}
	return list
}

func online1(t testing.TB, method agent.Method, dir string, interval int) Policy {
	p := served1(t, method)
	p.Online = &OnlineConfig{Dir: dir, From: checkpointOf(t, method), Interval: interval}
	return p
}

// stateOf is everything in the checkpoint of learning.
func stateOf(t testing.TB, dir string) map[string][]byte {
	t.Helper()
	s, _, err := checkpoints.Load(filepath.Join(dir, learnedDir))
	if err != nil {
		t.Fatal(err)
	}
	all := map[string][]byte{}
	for _, name := range s.Names() {
		shape, err := s.Shape(name)
		if err != nil {
			t.Fatal(err)
		}
		all[name] = fmt.Append(nil, shape)
	}
	files, err := filepath.Glob(filepath.Join(dir, learnedDir, "*.safetensors"))
	if err != nil || len(files) != 1 {
		t.Fatal(files, err)
	}
	if all["file"], err = os.ReadFile(files[0]); err != nil {
		t.Fatal(err)
	}
	return all
}

func report1(t testing.TB, s *Service, q *servepb.ObserveRequest) *servepb.ObserveResponse {
	t.Helper()
	out, err := s.Observe(t.Context(), q)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// What is learned from reports follows from their order alone: a service that is stopped, or whose
// process dies with reports in its journal, ends with the same bytes as one that runs through. Two
// sources report in turn, some reports twice, and one decides what the method never would.
func TestLearnsTheSameAfterRestarts(t *testing.T) {
	for _, method := range []agent.Method{agent.GRLELT, agent.GRL} {
		m := modelOf(t, method)
		a, b := slotsOf(t, m, "a", 98, 90), slotsOf(t, m, "b", 99, 90)
		var all []*servepb.ObserveRequest
		for i := range a {
			all = append(all, a[i], b[i])
		}
		for i, o := range all[50].Outcomes {
			o.Exit = uint32(i%2 + 1) // GRL uses the last exit only
		}
		whole, parts := t.TempDir(), t.TempDir()
		s, err := New(Config{Policies: []Policy{online1(t, method, whole, 40)}})
		if err != nil {
			t.Fatal(err)
		}
		for i, q := range all {
			if out := report1(t, s, q); out.Sequence != uint64(i+1) || out.Duplicate {
				t.Fatalf("report %d: %v", i, out)
			}
			if i%7 == 0 {
				if out := report1(t, s, q); !out.Duplicate {
					t.Fatalf("report %d again: %v", i, out)
				}
			}
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		want := stateOf(t, whole)

		for i := 0; i < len(all); {
			s, err := New(Config{Policies: []Policy{online1(t, method, parts, 40)}})
			if err != nil {
				t.Fatal(err)
			}
			v := s.served[0]
			if got, _ := v.online.counts(); got != uint64(i) {
				t.Fatalf("%d reports after a restart, want %d", got, i)
			}
			end := min(i+33, len(all))
			for ; i < end; i++ {
				report1(t, s, all[i])
			}
			// as a killed process: no checkpoint at the end
			for range 2000 {
				if _, n := v.online.counts(); n == uint64(i) {
					break
				}
				time.Sleep(time.Millisecond)
			}
			if i == len(all) {
				if err := s.Close(); err != nil {
					t.Fatal(err)
				}
				break
			}
			copyTo := t.TempDir()
			if err := os.CopyFS(copyTo, os.DirFS(parts)); err != nil {
				t.Fatal(err)
			}
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			parts = copyTo
		}
		got := stateOf(t, parts)
		if d := cmp.Diff(slices.Sorted(keys(want)), slices.Sorted(keys(got))); d != "" {
			t.Fatalf("%s: %s", method, d)
		}
		if !bytes.Equal(want["file"], got["file"]) {
			t.Errorf("%s: restarts change what is learned", method)
		}
	}
}

func keys(m map[string][]byte) func(func(string) bool) {
	return func(yield func(string) bool) {
		for k := range m {
			if !yield(k) {
				return
			}
		}
	}
}

// Learning changes the shadow, not the policy that acts; a promoted one acts after a restart, too.
func TestLearnedIsTheShadow(t *testing.T) {
	dir, m := t.TempDir(), modelOf(t, agent.GRLELT)
	s, err := New(Config{Policies: []Policy{online1(t, agent.GRLELT, dir, 50)}})
	if err != nil {
		t.Fatal(err)
	}
	for _, q := range slotsOf(t, m, "a", 98, 60) {
		report1(t, s, q)
	}
	var shadow string
	for range 5000 {
		if p := s.Policies()[0]; p.Shadow != nil {
			shadow = p.Shadow.Version
			break
		}
		time.Sleep(time.Millisecond)
	}
	if p := s.Policies()[0]; p.Version != m.version || shadow == "" || shadow == m.version || !p.Online {
		t.Fatal(p)
	}
	if err := s.Promote(""); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s, err = New(Config{Policies: []Policy{online1(t, agent.GRLELT, dir, 50)}})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if p := s.Policies()[0]; p.Version != shadow || p.Observed != 60 || p.Learned != 60 {
		t.Errorf("after a restart: %v, want %s to act", p, shadow)
	}
	if _, err := New(Config{Policies: []Policy{online1(t, agent.GRLELT, dir, 50)}}); err == nil || !strings.Contains(err.Error(), "in use by") {
		t.Errorf("a second service in one folder: %v", err)
	}
}

// Reports that cannot be learned from are refused and leave nothing behind.
func TestReportsRefused(t *testing.T) {
	m := modelOf(t, agent.GRLE)
	s, err := New(Config{Policies: []Policy{online1(t, agent.GRLE, t.TempDir(), 50)}})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for _, c := range []struct {
		want   string
		change func(*servepb.ObserveRequest)
	}{
		{"13 outcomes for 14 tasks", func(q *servepb.ObserveRequest) { q.Outcomes = q.Outcomes[1:] }},
		{`server "mars" is not in the observation`, func(q *servepb.ObserveRequest) { q.Outcomes[2].Server = "mars" }},
		{"exit 6 not in 1..5", func(q *servepb.ObserveRequest) { q.Outcomes[2].Exit = 6 }},
		{"status STATUS_UNSPECIFIED is not known", func(q *servepb.ObserveRequest) { q.Outcomes[2].Status = 0 }},
		{"with a deadline of", func(q *servepb.ObserveRequest) {
			q.Outcomes[2].Status, q.Outcomes[2].FinishSeconds = servepb.Status_STATUS_IN_TIME, 7
		}},
		{"size 1 is -1", func(q *servepb.ObserveRequest) { q.Offloading.Tasks[1].Bits = -1 }},
		{"without servers", func(q *servepb.ObserveRequest) { q.Offloading = nil }},
		{"name of the source", func(q *servepb.ObserveRequest) { q.Source = "a\x00b" }},
		{"slot 18446744073709551615 is too large", func(q *servepb.ObserveRequest) { q.Slot-- }},
	} {
		q := slotsOf(t, m, "a", 98, 1)[0]
		c.change(q)
		if _, err := s.Observe(t.Context(), q); !errors.Is(err, ErrRequest) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v, want %s", err, c.want)
		}
	}
	if n, _ := s.served[0].online.counts(); n != 0 {
		t.Errorf("%d reports are kept", n)
	}
}
