package serve

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"connectrpc.com/connect"
	"github.com/graphrl/graphrl/serve/servepb"
	"github.com/graphrl/graphrl/tasks/mecoffload"
	"github.com/graphrl/graphrl/tasks/mecoffload/agent"
)

// served1 is a policy of a method, named after it.
func served1(t testing.TB, method agent.Method) Policy {
	m := modelOf(t, method)
	return Policy{Name: string(method), Open: func() (*Model, error) { return m, nil }}
}

// running is a service that listens.
type running struct {
	*Service
	url  string
	stop context.CancelFunc
	done chan error
}

func run(t testing.TB, c Config) *running { return runTLS(t, c, nil) }

func runTLS(t testing.TB, c Config, conf *tls.Config) *running {
	t.Helper()
	s, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	scheme := "http://"
	if conf != nil {
		scheme = "https://"
	}
	r := &running{s, scheme + l.Addr().String(), stop, make(chan error, 1)}
	go func() { r.done <- s.Serve(ctx, l, conf) }()
	t.Cleanup(func() {
		stop()
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return r
}

// h2c is a client of HTTP/2 without TLS, which gRPC needs.
func h2c() *http.Client {
	t := &http.Transport{Protocols: new(http.Protocols)}
	t.Protocols.SetUnencryptedHTTP2(true)
	return &http.Client{Transport: t}
}

func (r *running) grpc(t testing.TB) servepb.DecisionServiceClient {
	c := h2c()
	t.Cleanup(c.CloseIdleConnections)
	return servepb.NewDecisionServiceClient(c, r.url, connect.WithGRPC())
}

// post sends JSON and returns the status and the decoded answer.
func (r *running) post(t testing.TB, method, body string, header ...string) (int, map[string]any) {
	t.Helper()
	q, err := http.NewRequest("POST", r.url+"/graphrl.v1."+method, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	q.Header.Set("Content-Type", "application/json")
	for i := 0; i+1 < len(header); i += 2 {
		q.Header.Set(header[i], header[i+1])
	}
	answer, err := http.DefaultClient.Do(q)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	data, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	var v map[string]any
	if err := json.Unmarshal(data, &v); err != nil {
		t.Fatalf("%s: %q: %v", method, data, err)
	}
	return answer.StatusCode, v
}

func (r *running) get(t testing.TB, path string) (int, string) {
	t.Helper()
	answer, err := http.Get(r.url + path)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	data, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer.StatusCode, string(data)
}

// world plays a scenario through a client, as a program would that runs one.
type simulated struct {
	sim *mecoffload.Simulator
	obs mecoffload.Observation
}

func simulate(t testing.TB, m *Model, seed uint64) *simulated {
	t.Helper()
	sim, err := mecoffload.NewSimulator(m.scenario, m.profile)
	if err != nil {
		t.Fatal(err)
	}
	obs, err := sim.Reset(seed)
	if err != nil {
		t.Fatal(err)
	}
	return &simulated{sim, obs}
}

func (w *simulated) step(t testing.TB, a mecoffload.Action) {
	t.Helper()
	step, err := w.sim.Step(a)
	if err != nil {
		t.Fatal(err)
	}
	w.obs = step.Observation
}

// A client that plays dynamic through JSON, gRPC or a stream of gRPC gets the decisions of an
// evaluation, bit for bit, with finish times that are numbers.
func TestClosedLoop(t *testing.T) {
	const slots, seed = 150, 92
	r := run(t, Config{Policies: []Policy{served1(t, agent.GRLELT), served1(t, agent.GRLE)}})
	for _, method := range []agent.Method{agent.GRLELT, agent.GRLE} {
		m := modelOf(t, method)
		_, want := decisions(t, checkpointOf(t, method), nil, seed, slots)
		stream := r.grpc(t).DecideStream(t.Context())
		plain := servepb.NewDecisionServiceClient(http.DefaultClient, r.url, connect.WithProtoJSON())
		for name, ask := range map[string]func(*servepb.DecideRequest) (*servepb.DecideResponse, error){
			"gRPC": func(q *servepb.DecideRequest) (*servepb.DecideResponse, error) {
				out, err := r.grpc(t).Decide(t.Context(), connect.NewRequest(q))
				if err != nil {
					return nil, err
				}
				return out.Msg, nil
			},
			"JSON": func(q *servepb.DecideRequest) (*servepb.DecideResponse, error) {
				out, err := plain.Decide(t.Context(), connect.NewRequest(q))
				if err != nil {
					return nil, err
				}
				return out.Msg, nil
			},
			"stream": func(q *servepb.DecideRequest) (*servepb.DecideResponse, error) {
				q.Draws = nil // the stream has them
				if err := stream.Send(q); err != nil {
					return nil, err
				}
				return stream.Receive()
			},
		} {
			w := simulate(t, m, seed)
			var draws []byte
			for slot := range slots {
				q := &servepb.DecideRequest{Policy: string(method), Draws: draws, Source: "sim", Slot: uint64(slot),
					Observation: &servepb.DecideRequest_Offloading{Offloading: asked(&w.obs)}}
				if slot == 0 {
					s := uint64(seed)
					q.Seed = &s
				}
				out, err := ask(q)
				if err != nil {
					t.Fatalf("%s: %s: slot %d: %v", method, name, slot, err)
				}
				if out.Fallback == servepb.Fallback_FALLBACK_OUT_OF_RANGE {
					t.Logf("%s: %s: slot %d: %s", method, name, slot, out.Detail)
				}
				a := action(t, &w.obs, out.Assignments)
				if !slices.Equal(a, want[slot]) {
					t.Fatalf("%s: %s: slot %d: %v, want %v (%v)", method, name, slot, a, want[slot], out.Fallback)
				}
				draws = out.Draws
				w.step(t, a)
			}
		}
	}
}

// Every kind of fallback decides for every task, says why, and is counted.
func TestFallbacks(t *testing.T) {
	none := modelOf(t, agent.DROO)
	r := run(t, Config{Policies: []Policy{served1(t, agent.GRLE), {Name: "DROO", Open: func() (*Model, error) { return none, nil }}}})
	m := modelOf(t, agent.GRLE)
	for _, c := range []struct {
		name, policy string
		change       func(q *servepb.Offloading)
		budget       float64
		want         servepb.Fallback
		detail       string
	}{
		{"a usual one", "GRLE", func(q *servepb.Offloading) {}, 0, servepb.Fallback_FALLBACK_NONE, ""},
		{"NaN", "GRLE", func(q *servepb.Offloading) { q.Tasks[3].Bits = math.NaN() }, 0, servepb.Fallback_FALLBACK_INVALID_VALUE, "size 3 is NaN"},
		{"infinite", "GRLE", func(q *servepb.Offloading) { q.Servers[1].BacklogSeconds = math.Inf(1) }, 0, servepb.Fallback_FALLBACK_INVALID_VALUE, "backlog 1 is +Inf"},
		{"no rate", "GRLE", func(q *servepb.Offloading) { q.Tasks[0].RateBitS[1] = 0 }, 0, servepb.Fallback_FALLBACK_INVALID_VALUE, "rate of task 0 to server 1 is 0"},
		{"no rate at all", "GRLE", func(q *servepb.Offloading) { q.Tasks[0].RateBitS = []float64{-1, math.NaN()} }, 0, servepb.Fallback_FALLBACK_INVALID_VALUE, "rate of task 0"},
		{"bits for bytes", "GRLE", func(q *servepb.Offloading) {
			for _, task := range q.Tasks {
				task.Bits *= 8
			}
		}, 0, servepb.Fallback_FALLBACK_OUT_OF_RANGE, "bits 0 is"},
		{"milliseconds", "GRLE", func(q *servepb.Offloading) { q.Tasks[5].DeadlineSeconds *= 1000 }, 0, servepb.Fallback_FALLBACK_OUT_OF_RANGE, "deadline 5 is"},
		{"no time", "GRLE", func(q *servepb.Offloading) {}, 1e-9, servepb.Fallback_FALLBACK_BUDGET, "no time left of 1ns"},
		{"more servers", "DROO", func(q *servepb.Offloading) {
			q.Servers = append(q.Servers, q.Servers[0])
			for _, task := range q.Tasks {
				task.RateBitS = append(task.RateBitS, task.RateBitS[0])
			}
		}, 0, servepb.Fallback_FALLBACK_UNKNOWN_SIZE, "was trained for 2 servers"},
		{"unknown device", "DROO", func(q *servepb.Offloading) { q.Tasks[0].Device = "camera" }, 0, servepb.Fallback_FALLBACK_UNKNOWN_SIZE, `device "camera" has no place`},
		{"a device twice", "DROO", func(q *servepb.Offloading) { q.Tasks[0].Device = "1" }, 0, servepb.Fallback_FALLBACK_UNKNOWN_SIZE, `device "1" has no place`},
		{"fewer servers", "GRLE", func(q *servepb.Offloading) {
			q.Servers = q.Servers[:1]
			for _, task := range q.Tasks {
				task.RateBitS = task.RateBitS[:1]
			}
		}, 0, servepb.Fallback_FALLBACK_NONE, ""},
		{"some reach one server only", "GRLE", func(q *servepb.Offloading) {
			q.Tasks[2].Reach, q.Tasks[2].RateBitS = []uint32{1}, q.Tasks[2].RateBitS[:1]
		}, 0, servepb.Fallback_FALLBACK_NONE, ""},
		{"no tasks", "GRLE", func(q *servepb.Offloading) { q.Tasks = nil }, 0, servepb.Fallback_FALLBACK_NONE, ""},
	} {
		w := simulate(t, m, 93)
		q := asked(&w.obs)
		c.change(q)
		out, err := r.grpc(t).Decide(t.Context(), connect.NewRequest(&servepb.DecideRequest{Policy: c.policy, BudgetSeconds: c.budget,
			Observation: &servepb.DecideRequest_Offloading{Offloading: q}}))
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if out.Msg.Fallback != c.want || !strings.Contains(out.Msg.Detail, c.detail) || len(out.Msg.Assignments) != len(q.Tasks) {
			t.Errorf("%s: %v, %q, %d assignments, want %v, %q", c.name, out.Msg.Fallback, out.Msg.Detail, len(out.Msg.Assignments), c.want, c.detail)
		}
		for i, a := range out.Msg.Assignments {
			nowhere := c.name == "no rate at all" && i == 0
			if a.Device != q.Tasks[i].Device || (a.Exit < 1 || a.Exit > 5 || a.Server == "") != nowhere {
				t.Errorf("%s: assignment %d: %v", c.name, i, a)
			}
			if f := a.FinishSeconds; f != nil && !(*f > 0) {
				t.Errorf("%s: assignment %d is done at %v", c.name, i, *f)
			}
			if i == 2 && strings.HasPrefix(c.name, "some reach") && a.Server != "edge-1" {
				t.Errorf("%s: sent to %s", c.name, a.Server)
			}
		}
	}
	_, text := r.get(t, "/metrics")
	for _, line := range []string{
		`graphrl_decisions_total{fallback="INVALID_VALUE",policy="GRLE"} 4`,
		`graphrl_decisions_total{fallback="BUDGET",policy="GRLE"} 1`,
		`graphrl_decisions_total{fallback="UNKNOWN_SIZE",policy="DROO"} 3`,
		`graphrl_policy_info{method="GRLE",policy="GRLE",role="acting",version="` + m.version + `"} 1`,
		`graphrl_decision_seconds_count{policy="DROO"} 3`,
		`graphrl_drift{policy="GRLE",quantity="rate"}`,
	} {
		if !strings.Contains(text, line) {
			t.Errorf("metrics lack %s", line)
		}
	}
}

// Requests without a meaning get an error that says what is wrong, in both protocols.
func TestBadRequests(t *testing.T) {
	r := run(t, Config{Policies: []Policy{served1(t, agent.GRLE)}, Limits: Limits{MessageBytes: 4096}})
	const usual = `{"offloading": {"servers": [{"id": "a", "capacity": 1}, {"id": "b", "capacity": 1}], "tasks": [%s]}}`
	task := func(text string) string { return fmt.Sprintf(usual, text) }
	for _, c := range []struct {
		body, want string
		code       int
	}{
		{task(`{"device": "x", "bits": 4e5, "deadlineSeconds": 0.03, "rateBitS": [6e7]}`), "has 1 rates for the 2 servers in its reach", 400},
		{task(`{"device": "x", "bits": 4e5, "deadlineSeconds": 0.03, "rateBitS": [6e7], "reach": [2]}`), "reaches servers [2]", 400},
		{task(`{"device": "x", "bits": 4e5, "deadlineSeconds": 0.03, "rateBitS": [6e7, 6e7], "reach": [1, 0]}`), "want ascending", 400},
		{`{"offloading": {}}`, "without servers", 400},
		{`{"policy": "GRLE"}`, "the request has no such observation", 400},
		{`{"graph": {}}`, "the request has no such observation", 400},
		{`{"policy": "nobody", "offloading": {}}`, `no such policy: \"nobody\", there are [\"GRLE\"]`, 404},
		{`{"offloading": {"servers": 7}}`, "unmarshal", 400},
		{`{"draws": "YWJj", "offloading": {"servers": [{"id": "a", "capacity": 0.5}, {"id": "b", "capacity": 0.5}], "tasks": [` +
			`{"device": "x", "bits": 4e5, "deadlineSeconds": 0.03, "rateBitS": [6e7, 6e7]}]}}`, "state of draws", 400},
		{`{`, "unmarshal", 400},
		{`{"offloading": {"servers": [` + strings.Repeat(" ", 5000) + `]}}`, "message size", 429},
	} {
		code, v := r.post(t, "DecisionService/Decide", c.body)
		text, _ := json.Marshal(v["message"])
		if code != c.code || !strings.Contains(string(text), c.want) {
			t.Errorf("%.80s: status %d, %s; want %d, %s", c.body, code, text, c.code, c.want)
		}
	}
	if code, v := r.post(t, "DecisionService/Observe", `{"offloading": {}}`); code != 400 || !strings.Contains(fmt.Sprint(v), "does not learn") {
		t.Errorf("%d %v", code, v)
	}
	if code, v := r.post(t, "AdminService/Promote", `{}`); code != 400 || !strings.Contains(fmt.Sprint(v), "there is none") {
		t.Errorf("%d %v", code, v)
	}
	if code, v := r.post(t, "AdminService/SetShadow", `{"checkpoint": "x"}`); code != 400 || !strings.Contains(fmt.Sprint(v), "cannot be named") {
		t.Errorf("%d %v", code, v)
	}
}

// Tokens: a client's opens decisions, an administrator's also changes of policy, none only whether
// the process is well.
func TestTokens(t *testing.T) {
	r := run(t, Config{Policies: []Policy{served1(t, agent.GRLE)}, Tokens: []string{"one", "two"}, AdminTokens: []string{"root"}})
	for _, c := range []struct {
		method, token string
		code          int
	}{
		{"DecisionService/ListPolicies", "", 401}, {"DecisionService/ListPolicies", "on", 401}, {"DecisionService/ListPolicies", "two", 200},
		{"AdminService/Reload", "", 401}, {"AdminService/Reload", "two", 401}, {"AdminService/Reload", "root", 200},
	} {
		code, v := r.post(t, c.method, "{}", "Authorization", "Bearer "+c.token)
		if code != c.code {
			t.Errorf("%s with %q: %d %v, want %d", c.method, c.token, code, v, c.code)
		}
	}
	_, err := r.grpc(t).ListPolicies(t.Context(), connect.NewRequest(&servepb.ListPoliciesRequest{}))
	if connect.CodeOf(err) != connect.CodeUnauthenticated {
		t.Error(err)
	}
	for path, want := range map[string]int{"/healthz": 200, "/readyz": 200, "/metrics": 401, "/": 401, "/live/page.js": 401, "/nowhere": 404} {
		if code, _ := r.get(t, path); code != want {
			t.Errorf("%s: %d, want %d", path, code, want)
		}
	}
}

// A service that ends answers what is under way, ends streams that wait, and says that it is not
// ready.
func TestShutdown(t *testing.T) {
	r := run(t, Config{Policies: []Policy{served1(t, agent.GRLE)}})
	w := simulate(t, modelOf(t, agent.GRLE), 94)
	stream := r.grpc(t).DecideStream(t.Context())
	q := &servepb.DecideRequest{Observation: &servepb.DecideRequest_Offloading{Offloading: asked(&w.obs)}}
	if err := stream.Send(q); err != nil {
		t.Fatal(err)
	}
	if _, err := stream.Receive(); err != nil {
		t.Fatal(err)
	}
	if code, _ := r.get(t, "/readyz"); code != 200 {
		t.Error(code)
	}
	r.stop()
	if err := <-r.done; err != nil {
		t.Error(err)
	}
	if _, err := stream.Receive(); err == nil {
		t.Error("the stream goes on after the end")
	}
	if r.ready.Load() {
		t.Error("ready after the end")
	}
}

// While policies are swapped, every request gets the answer of one of them.
func TestSwapUnderLoad(t *testing.T) {
	a, b := modelOf(t, agent.GRLE), modelOf(t, agent.GRLELT)
	turn := 0
	r := run(t, Config{Policies: []Policy{{Name: "p", Open: func() (*Model, error) { turn++; return []*Model{a, b}[turn%2], nil }}}})
	w := simulate(t, a, 95)
	q := asked(&w.obs)
	want := map[string]string{}
	for _, m := range []*Model{a, b} {
		out, err := m.Decide(t.Context(), Query{Observation: q, Start: time.Now()})
		if err != nil {
			t.Fatal(err)
		}
		want[m.version] = fmt.Sprint(out.Assignments, out.Value)
	}
	ctx, stop := context.WithCancel(t.Context())
	errs := make(chan error, 4)
	for range 4 {
		client := r.grpc(t)
		go func() {
			n := 0
			for ; ctx.Err() == nil; n++ {
				out, err := client.Decide(context.Background(), connect.NewRequest(&servepb.DecideRequest{Observation: &servepb.DecideRequest_Offloading{Offloading: q}}))
				if err != nil {
					errs <- err
					return
				}
				if got := fmt.Sprint(out.Msg.Assignments, out.Msg.Value); got != want[out.Msg.Version] {
					errs <- fmt.Errorf("%s answered %s", out.Msg.Version, got)
					return
				}
			}
			errs <- nil
		}()
	}
	for range 60 {
		if err := r.Reload("p"); err != nil {
			t.Error(err)
		}
		time.Sleep(2 * time.Millisecond)
	}
	if err := r.Rollback("p"); err != nil {
		t.Error(err)
	}
	stop()
	for range 4 {
		if err := <-errs; err != nil {
			t.Error(err)
		}
	}
}
