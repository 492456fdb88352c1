package serve

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"connectrpc.com/connect"
	"github.com/graphrl/graphrl/internal/race"
	"github.com/graphrl/graphrl/serve/servepb"
	"github.com/graphrl/graphrl/tasks/mecoffload"
	"github.com/graphrl/graphrl/tasks/mecoffload/agent"
	"google.golang.org/protobuf/proto"
)

// Slots of the world that a policy was trained in are hardly ever refused: the range check promises
// one in a thousand. One threshold is learned from one sample, so a single world may be off: its rate
// has the distribution of the least of 1000 uniform numbers, above 0.5 % once in 150.
func TestFalseAlarms(t *testing.T) {
	for _, method := range []agent.Method{agent.GRLE, agent.GRLELT} {
		m := modelOf(t, method)
		d, err := m.newDecider(m.world())
		if err != nil {
			t.Fatal(err)
		}
		const worlds, slots = 20, 200
		refused := 0
		for seed := uint64(5_400); seed < 5_400+worlds; seed++ {
			w := simulate(t, m, seed)
			for range slots {
				var q request
				if err := q.read(asked(&w.obs), m); err != nil {
					t.Fatal(err)
				}
				if m.ranges.check(&q) != "" {
					refused++
				}
				a := make(mecoffload.Action, w.obs.Devices)
				if err := d.policy.Decide(w.obs, a); err != nil {
					t.Fatal(err)
				}
				w.step(t, a)
			}
		}
		t.Logf("%s: %d of %d slots refused", method, refused, worlds*slots)
		if refused > worlds*slots/200 {
			t.Errorf("%s: %d of %d usual slots are refused", method, refused, worlds*slots)
		}
	}
}

// The drift metrics are low for slots like those of the training, whoever decides them, and the one of
// a quantity rises when that quantity changes, before the change is out of range.
func TestDriftResponds(t *testing.T) {
	m := modelOf(t, agent.GRLE)
	drifts := func(seed uint64, change func(*mecoffload.Scenario)) (indices [quantities]float64) {
		sc := m.scenario
		change(&sc)
		sim, err := mecoffload.NewSimulator(sc, m.profile)
		if err != nil {
			t.Fatal(err)
		}
		obs, err := sim.Reset(seed)
		if err != nil {
			t.Fatal(err)
		}
		s, err := New(Config{Policies: []Policy{{Name: "p", Open: func() (*Model, error) { return m, nil }}}})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		w := &simulated{sim, obs}
		var draws []byte
		for range 600 {
			out, err := s.Decide(t.Context(), &servepb.DecideRequest{Draws: draws, Observation: &servepb.DecideRequest_Offloading{Offloading: asked(&w.obs)}})
			if err != nil {
				t.Fatal(err)
			}
			draws = out.Draws
			w.step(t, action(t, &w.obs, out.Assignments))
		}
		indices, _ = s.byName["p"].drift.indices()
		return indices
	}
	narrow := func(low, high float64) (l, h float64) { return low, low + (high-low)/2 }
	for _, c := range []struct {
		name   string
		change func(*mecoffload.Scenario)
		rises  int
	}{
		{"nothing", func(*mecoffload.Scenario) {}, -1},
		{"size", func(sc *mecoffload.Scenario) {
			sc.SizeKByte.Low, sc.SizeKByte.High = narrow(sc.SizeKByte.Low, sc.SizeKByte.High)
		}, ofBits},
		{"rate", func(sc *mecoffload.Scenario) {
			sc.RateMbit.Low, sc.RateMbit.High = narrow(sc.RateMbit.Low, sc.RateMbit.High)
		}, ofRate},
		{"deadline", func(sc *mecoffload.Scenario) { sc.Deadline.Low = (sc.Deadline.Low + sc.Deadline.High) / 2 }, ofDeadline},
	} {
		for i, x := range drifts(5_420, c.change) {
			if i == c.rises && !(x > 0.25) {
				t.Errorf("%s changes and its index is %.3f", c.name, x)
			}
			if i != c.rises && i != ofBacklog && !(x < 0.1) {
				t.Errorf("%s changes and the index of %s is %.3f", c.name, quantityNames[i], x)
			}
			if c.rises < 0 && !(x < 0.1) {
				t.Errorf("nothing changes and the index of %s is %.3f", quantityNames[i], x)
			}
		}
	}
}

// The budget is kept while a request waits: on a clock of its own, the answer comes at the budget to
// the nanosecond, by the rule. Where the network usually takes longer, it is not begun.
func TestBudgetWaiting(t *testing.T) {
	m := modelOf(t, agent.GRLE)
	q := asked(&simulate(t, m, 5_121).obs)
	synctest.Test(t, func(t *testing.T) {
		p := newPool() // all of whose deciders are busy
		p.made.Store(int32(cap(p.free)))
		m := &Model{version: m.version, method: m.method, scenario: m.scenario, profile: m.profile, seed: m.seed, graph: m.graph, ranges: m.ranges,
			sizes: map[size]*pool{m.world(): p}}
		for _, budget := range []time.Duration{time.Nanosecond, 2 * time.Millisecond, time.Second} {
			start := time.Now()
			out, err := m.Decide(t.Context(), Query{Observation: q, Budget: budget})
			if err != nil {
				t.Fatal(err)
			}
			if took := time.Since(start); took != budget || out.Fallback != servepb.Fallback_FALLBACK_BUDGET || len(out.Assignments) != len(q.Tasks) {
				t.Errorf("budget %v: after %v %v, %d assignments", budget, took, out.Fallback, len(out.Assignments))
			}
		}
		p.first.Store(int64(3 * time.Millisecond))
		start, tries := time.Now(), 0
		for ; time.Since(start) == 0 && tries < 100; tries++ {
			out, err := m.Decide(t.Context(), Query{Observation: q, Budget: 2 * time.Millisecond})
			if err != nil || out.Fallback != servepb.Fallback_FALLBACK_BUDGET {
				t.Fatal(out, err)
			}
		}
		if tries != 8 { // 3 ms times (15/16)^7 is below 2 ms
			t.Errorf("a network that takes 3 ms is tried again at request %d", tries)
		}
	})
}

// The search ends when a look at the clock finds the budget spent; only the stage after it looks once
// more.
func TestBudgetEndsSearch(t *testing.T) {
	c, err := openCheckpoint(checkpointOf(t, agent.GRLELT), "")
	if err != nil {
		t.Fatal(err)
	}
	p, err := c.Policy(c.Config.Scenario, c.Config.Profile)
	if err != nil {
		t.Fatal(err)
	}
	w := simulate(t, modelOf(t, agent.GRLELT), 5_122)
	looks := 0
	p.SetLimit(func() bool { looks++; return false })
	a := make(mecoffload.Action, w.obs.Devices)
	if err := p.Decide(w.obs, a); err != nil {
		t.Fatal(err)
	}
	if looks < 4 {
		t.Errorf("a whole search looks at the clock %d times", looks)
	}
	for last := 1; last <= looks; last++ { // searches draw: one may end before its last look
		n := 0
		p.SetLimit(func() bool { n++; return n >= last })
		if err := p.Decide(w.obs, a); err != nil {
			t.Fatal(err)
		}
		if n > last+1 || p.Cut() != (n >= last) || n < min(last, 4) {
			t.Errorf("spent at look %d: %d looks, cut %v", last, n, p.Cut())
		}
	}
}

// A decision costs a few small pieces of memory, however many come before it.
func TestAllocations(t *testing.T) {
	if race.Enabled {
		t.Skip("the race detector drops pooled memory")
	}
	s, err := New(Config{Policies: []Policy{served1(t, agent.GRLE)}})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	q := question(t)
	pieces := testing.AllocsPerRun(500, func() {
		if _, err := s.Decide(t.Context(), q); err != nil {
			t.Fatal(err)
		}
	})
	if pieces > 8 {
		t.Errorf("a decision allocates %v times", pieces)
	}
}

// A body that ends early is an error or a smaller observation, a number that is too large an error.
// Neither is a failure of the service, nor believed: no memory is taken for what is only announced.
func TestTruncatedAndHuge(t *testing.T) {
	r := run(t, Config{Policies: []Policy{served1(t, agent.GRLE)}})
	send := func(kind string, body []byte) (int, string) {
		answer, err := http.Post(r.url+servepb.DecisionServiceDecideProcedure, "application/"+kind, bytes.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		defer answer.Body.Close()
		text, err := io.ReadAll(answer.Body)
		if err != nil {
			t.Fatal(err)
		}
		return answer.StatusCode, string(text)
	}
	whole, err := proto.Marshal(question(t))
	if err != nil {
		t.Fatal(err)
	}
	for n := range len(whole) {
		if code, text := send("proto", whole[:n]); code >= 500 || n > 0 && code == 200 && !strings.Contains(text, "GRLE") {
			t.Errorf("%d of %d bytes: %d, %s", n, len(whole), code, text)
		}
	}
	text := `{"offloading": {"servers": [{"id": "a", "capacity": 1}, {"id": "b", "capacity": 1}], "tasks": [{"device": "x", "bits": 4e5, "deadlineSeconds": 0.03, "rateBitS": [6e7, 6e7]}]}}`
	for n := range len(text) {
		if code, got := send("json", []byte(text[:n])); n > 0 && code != 400 || code >= 500 {
			t.Errorf("%s: %d, %s", text[:n], code, got)
		}
	}
	for _, c := range []struct{ old, huge, want string }{
		{"4e5", "1e400", "invalid"}, {`"x"`, `"x", "reach": [0, 4294967295]`, "reach"}, {`"x"`, `"x", "reach": [4294967296]`, "invalid"},
		{`[6e7, 6e7]`, "[" + strings.Repeat("1,", 1<<20) + "1]", "has 1048577 rates"},
	} {
		code, got := send("json", []byte(strings.Replace(text, c.old, c.huge, 1)))
		if code != 400 || !strings.Contains(got, c.want) {
			t.Errorf("%.30s: %d, %.200s", c.huge, code, got)
		}
	}
	announced := append([]byte{0x12, 0xff, 0xff, 0xff, 0xff, 0x07}, whole[:20]...) // an observation of 2 GB
	before := heap()
	if code, got := send("proto", announced); code != 400 {
		t.Errorf("2 GB announced: %d, %.200s", code, got)
	}
	if after := heap(); after > before+16<<20 {
		t.Errorf("2 GB announced: the heap grew from %d to %d", before, after)
	}
	c, err := net.Dial("tcp", strings.TrimPrefix(r.url, "http://")) // ends in the middle of a body
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	fmt.Fprintf(c, "POST %s HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 5000\r\n\r\n%s", servepb.DecisionServiceDecideProcedure, text)
	if err := c.(*net.TCPConn).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	answer, err := io.ReadAll(c)
	if err != nil || strings.HasPrefix(string(answer), "HTTP/1.1 200") || strings.HasPrefix(string(answer), "HTTP/1.1 5") {
		t.Errorf("half a body: %.200s, error %v", answer, err)
	}
	many := &servepb.Offloading{Servers: []*servepb.Server{{Capacity: 1}}}
	for range mecoffload.MaxDevices + 1 {
		many.Tasks = append(many.Tasks, nil)
	}
	if _, err := modelOf(t, agent.GRLE).Decide(t.Context(), Query{Observation: many}); err == nil {
		t.Error("more tasks than there may be are decided")
	}
}

// A hot swap loses no request: each of a known number gets one answer, by the old policy or the new
// one, and the metrics count the same.
func TestSwapLosesNothing(t *testing.T) {
	a, b := modelOf(t, agent.GRLE), modelOf(t, agent.GRLELT)
	turn := 0
	r := run(t, Config{Policies: []Policy{{Name: "p", Open: func() (*Model, error) { turn++; return []*Model{a, b}[turn%2], nil }}}})
	q := question(t)
	const clients, each = 4, 250
	answers := make(chan string, clients*each)
	for range clients {
		client := r.grpc(t)
		go func() {
			for range each {
				out, err := client.Decide(context.Background(), connect.NewRequest(q))
				if err != nil {
					answers <- err.Error()
					continue
				}
				answers <- out.Msg.Version
			}
		}()
	}
	count := map[string]int{}
	for n := range clients * each {
		if n%20 == 10 {
			if err := r.Reload("p"); err != nil {
				t.Error(err)
			}
		}
		count[<-answers]++
	}
	if count[a.version]+count[b.version] != clients*each || count[a.version] == 0 || count[b.version] == 0 {
		t.Errorf("answers: %v", count)
	}
	if _, text := r.get(t, "/metrics"); !strings.Contains(text, fmt.Sprintf(`graphrl_decisions_total{fallback="NONE",policy="p"} %d`, clients*each)) ||
		!strings.Contains(text, fmt.Sprintf(`graphrl_policy_swaps_total{policy="p"} %d`, clients*each/20)) {
		t.Error("the metrics count other numbers")
	}
}
