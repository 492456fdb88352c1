package serve

import (
	"bytes"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"connectrpc.com/connect"
	"github.com/graphrl/graphrl/serve/servepb"
	"github.com/graphrl/graphrl/tasks/mecoffload/agent"
	"google.golang.org/protobuf/proto"
	"pgregory.net/rapid"
)

// Any bytes as JSON or protobuf, to any method, get an answer or a clear error: the service never
// panics, and never calls a request's fault its own.
func FuzzRequest(f *testing.F) {
	p := online1(f, agent.GRLE, f.TempDir(), 1000)
	s, err := New(Config{Policies: []Policy{p}, Limits: Limits{MessageBytes: 1 << 16}})
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { s.Close() })
	h := s.Handler()
	q := slotsOf(f, modelOf(f, agent.GRLE), "a", 5_103, 1)[0]
	binary, err := proto.Marshal(&servepb.DecideRequest{Observation: &servepb.DecideRequest_Offloading{Offloading: q.Offloading}})
	if err != nil {
		f.Fatal(err)
	}
	report, err := proto.Marshal(q)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(uint8(0), binary)
	f.Add(uint8(1), report)
	f.Add(uint8(4), []byte(`{"offloading": {"servers": [{"id": "a", "capacity": 1}], "tasks": [{"device": "x", "bits": 4e5, "deadlineSeconds": 0.03, "rateBitS": [6e7]}]}}`))
	f.Add(uint8(4), []byte(`{"offloading": {"servers": [{"id": "a", "capacity": "NaN"}], "tasks": [{"reach": [4294967295], "rateBitS": [-1]}]}}`))
	f.Add(uint8(5), []byte(`{"source": "s", "slot": "18446744073709551615"}`))
	paths := []string{"DecisionService/Decide", "DecisionService/Observe", "DecisionService/ListPolicies", "DecisionService/DecideStream"}
	f.Fuzz(func(t *testing.T, kind uint8, body []byte) {
		r := httptest.NewRequest("POST", "/graphrl.v1."+paths[kind%4], bytes.NewReader(body))
		types := []string{"application/proto", "application/json", "application/grpc", "application/connect+json"}
		r.Header.Set("Content-Type", types[kind/4%4])
		r.ProtoMajor, r.ProtoMinor = 2, 0
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code >= 500 || strings.Contains(w.Body.String(), "the service failed") {
			t.Errorf("status %d: %s", w.Code, w.Body)
		}
	})
}

// Whatever the sizes, reaches and values, a request that can be understood is decided: for each task a
// server in its reach, or none if it reaches none, an exit, and a time that is one.
func TestEveryRequestIsDecided(t *testing.T) {
	values := rapid.SampledFrom([]float64{0, -1, 1e-300, 1e-3, 0.02, 0.5, 1, 3e5, 6e7, 1e300, math.MaxFloat64, math.Inf(1), math.NaN()})
	usual := func(t *rapid.T, low, high float64, name string) float64 {
		if rapid.IntRange(0, 15).Draw(t, name+" is odd") == 0 {
			return values.Draw(t, name)
		}
		return rapid.Float64Range(low, high).Draw(t, name)
	}
	for _, method := range []agent.Method{agent.GRLE, agent.GRLELT, agent.DROO} {
		m := modelOf(t, method)
		rapid.Check(t, func(t *rapid.T) {
			q := &servepb.Offloading{}
			servers := rapid.IntRange(1, 4).Draw(t, "servers")
			for n := range servers {
				q.Servers = append(q.Servers, &servepb.Server{Id: strconv.Itoa(n), Capacity: usual(t, 0.25, 1, "capacity"), BacklogSeconds: usual(t, 0, 0.02, "backlog")})
			}
			for i := range rapid.IntRange(0, 20).Draw(t, "tasks") {
				task := &servepb.Task{Device: strconv.Itoa(i), Bits: usual(t, 2e5, 8e5, "bits"), DeadlineSeconds: usual(t, 0.02, 0.04, "deadline")}
				degree := servers
				if rapid.Bool().Draw(t, "has a reach") {
					for n := range servers {
						if rapid.Bool().Draw(t, "reaches") {
							task.Reach = append(task.Reach, uint32(n))
						}
					}
					if len(task.Reach) > 0 {
						degree = len(task.Reach)
					}
				}
				for range degree {
					task.RateBitS = append(task.RateBitS, usual(t, 2e7, 1e8, "rate"))
				}
				q.Tasks = append(q.Tasks, task)
			}
			out, err := m.Decide(t.Context(), Query{Observation: q, AnyInput: rapid.Bool().Draw(t, "any input")})
			if err != nil {
				t.Fatal(err)
			}
			if len(out.Assignments) != len(q.Tasks) {
				t.Fatalf("%d assignments for %d tasks", len(out.Assignments), len(q.Tasks))
			}
			for i, a := range out.Assignments {
				checkAssignment(t, q.Tasks[i], servers, a)
			}
		})
	}
}

func checkAssignment(t *rapid.T, task *servepb.Task, servers int, a *servepb.Assignment) {
	works := func(at int) bool { return positive(task.RateBitS[at]) }
	if a.Server == "" {
		if a.FinishSeconds != nil || a.Exit != 0 {
			t.Fatalf("not sent, but %v", a)
		}
		return
	}
	server, err := strconv.Atoi(a.Server)
	at := server
	if len(task.Reach) > 0 {
		at = slices.Index(task.Reach, uint32(server))
	}
	if err != nil || server < 0 || server >= servers || at < 0 || !works(at) || a.Exit < 1 || a.Exit > 5 || a.Device != task.Device {
		t.Fatalf("%v for %v", a, task)
	}
	if f := a.FinishSeconds; f != nil && !(*f > 0) {
		t.Fatalf("done at %v", *f)
	}
}

// Many clients at once, over both protocols, each get the decision for their own observation.
func TestNobodyGetsAnothersAnswer(t *testing.T) {
	m := modelOf(t, agent.GRLE)
	p := served1(t, agent.GRLE)
	p.Shadow = func() (*Model, error) { return modelOf(t, agent.DROO), nil }
	r := run(t, Config{Policies: []Policy{p}})
	w := simulate(t, m, 5_104)
	type client struct {
		q    *servepb.Offloading
		want string
	}
	clients := make([]client, 16)
	for i := range clients {
		q := asked(&w.obs)
		q.Tasks = q.Tasks[:1+i%14]
		for k, task := range q.Tasks {
			task.Device = fmt.Sprintf("client %d device %d", i, k)
		}
		out, err := m.Decide(t.Context(), Query{Observation: q})
		if err != nil {
			t.Fatal(err)
		}
		clients[i] = client{q, fmt.Sprint(out.Assignments)}
		w.step(t, make([]int32, w.obs.Devices))
	}
	var wait sync.WaitGroup
	for i, c := range clients {
		var ask servepb.DecisionServiceClient
		if i%2 == 0 {
			ask = r.grpc(t)
		} else {
			ask = servepb.NewDecisionServiceClient(http.DefaultClient, r.url, connect.WithProtoJSON())
		}
		wait.Go(func() {
			for n := range 60 {
				out, err := ask.Decide(t.Context(), connect.NewRequest(&servepb.DecideRequest{Source: strconv.Itoa(i), Slot: uint64(n),
					Observation: &servepb.DecideRequest_Offloading{Offloading: c.q}}))
				if err != nil {
					t.Error(err)
					return
				}
				if got := fmt.Sprint(out.Msg.Assignments); got != c.want {
					t.Errorf("client %d got %s, want %s", i, got, c.want)
					return
				}
			}
		})
	}
	wait.Wait()
}

// Connections that say nothing, half a header, half a body, or nonsense hold nobody up, and end when
// their time is over.
func TestSlowClients(t *testing.T) {
	r := run(t, Config{Policies: []Policy{served1(t, agent.GRLE)}, Limits: Limits{Timeout: 300 * time.Millisecond}})
	address := strings.TrimPrefix(r.url, "http://")
	head := "POST /graphrl.v1.DecisionService/Decide HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n"
	var slow []net.Conn
	for i := range 90 {
		c, err := net.Dial("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		text := []string{head + `{"offload`, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00", "\x16\x03\x01 nonsense\r\n\r\n"}[i%3]
		if _, err := io.WriteString(c, text); err != nil {
			t.Fatal(err)
		}
		slow = append(slow, c)
	}
	q := asked(&simulate(t, modelOf(t, agent.GRLE), 5_105).obs)
	for range 20 {
		if _, err := r.grpc(t).Decide(t.Context(), connect.NewRequest(&servepb.DecideRequest{Observation: &servepb.DecideRequest_Offloading{Offloading: q}})); err != nil {
			t.Fatal(err)
		}
	}
	// half a body is answered with an error, or cut off, when its time is over
	for i := 0; i < len(slow); i += 3 {
		slow[i].SetReadDeadline(time.Now().Add(20 * time.Second))
		data, err := io.ReadAll(slow[i])
		if err != nil && len(data) == 0 {
			t.Fatalf("connection %d is still open: %v", i, err)
		}
		if bytes.HasPrefix(data, []byte("HTTP/1.1 200")) {
			t.Fatalf("half a request was answered: %q", data)
		}
	}
}

// Ten thousand connections that do nothing do not keep a request from its answer; those above the
// limit wait until others end.
func TestManyConnections(t *testing.T) {
	connections := 10_000
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err == nil {
		connections = min(connections, int(limit.Cur)/2-100) // both ends are of this process
	}
	if testing.Short() || connections < 10 {
		t.Skip("needs many open files")
	}
	r := run(t, Config{Policies: []Policy{served1(t, agent.GRLE)}, Limits: Limits{Connections: connections}})
	address := strings.TrimPrefix(r.url, "http://")
	q := &servepb.DecideRequest{Observation: &servepb.DecideRequest_Offloading{Offloading: asked(&simulate(t, modelOf(t, agent.GRLE), 5_106).obs)}}
	client := r.grpc(t)
	ask := func() error {
		_, err := client.Decide(t.Context(), connect.NewRequest(q))
		return err
	}
	if err := ask(); err != nil { // takes its connection
		t.Fatal(err)
	}
	all := make([]net.Conn, 0, connections)
	defer func() {
		for _, c := range all {
			c.Close()
		}
	}()
	for range connections - 1 {
		c, err := net.Dial("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, c)
	}
	if err := ask(); err != nil {
		t.Fatal(err)
	}
	late := make(chan error, 1)
	go func() {
		answer, err := http.Get(r.url + "/healthz")
		if err == nil {
			answer.Body.Close()
		}
		late <- err
	}()
	select {
	case err := <-late:
		t.Fatalf("a connection above the limit was answered, error %v", err)
	case <-time.After(200 * time.Millisecond):
	}
	for _, c := range all[:50] {
		c.Close()
	}
	if err := <-late; err != nil {
		t.Error(err)
	}
	t.Logf("%d connections", connections)
}

// When as many requests run as may, the next is refused with a code that says to come again.
func TestBusy(t *testing.T) {
	release := make(chan struct{})
	slowly := GraphConfig{Method: "slow", Schema: senders(), Open: func() (GraphDecider, error) { return waiting(release), nil }}
	r := run(t, Config{Limits: Limits{Requests: 1}, Policies: []Policy{{Name: "slow", Graph: func() (*GraphModel, error) { return NewGraphModel(slowly) }}}})
	first := make(chan error, 1)
	client := r.grpc(t)
	q := connect.NewRequest(&servepb.DecideRequest{Observation: &servepb.DecideRequest_Graph{Graph: ring(3)}})
	go func() {
		_, err := client.Decide(t.Context(), q)
		first <- err
	}()
	for len(r.running) == 0 {
		time.Sleep(time.Millisecond)
	}
	_, err := client.Decide(t.Context(), connect.NewRequest(q.Msg))
	if connect.CodeOf(err) != connect.CodeResourceExhausted {
		t.Error(err)
	}
	close(release)
	if err := <-first; err != nil {
		t.Error(err)
	}
	if _, text := r.get(t, "/metrics"); !strings.Contains(text, `graphrl_requests_refused_total{reason="busy"} 1`) {
		t.Error("the refusal is not counted")
	}
}

// Memory does not grow with the number of decisions. GRAPHRL_DECISIONS sets it.
func TestMemoryStays(t *testing.T) {
	decisions := 20_000
	if text := os.Getenv("GRAPHRL_DECISIONS"); text != "" {
		var err error
		if decisions, err = strconv.Atoi(text); err != nil {
			t.Fatal(err)
		}
	}
	m := modelOf(t, agent.GRLE)
	s, err := New(Config{Policies: []Policy{served1(t, agent.GRLE)}})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	w := simulate(t, m, 5_107)
	q := make([]*servepb.DecideRequest, 100)
	for i := range q {
		q[i] = &servepb.DecideRequest{Observation: &servepb.DecideRequest_Offloading{Offloading: asked(&w.obs)}}
		w.step(t, make([]int32, w.obs.Devices))
	}
	rng := rand.New(rand.NewPCG(1, 1))
	decide := func(n int) uint64 {
		for range n {
			if _, err := s.Decide(t.Context(), q[rng.IntN(len(q))]); err != nil {
				t.Fatal(err)
			}
		}
		return heap()
	}
	const parts = 10
	first := decide(decisions / parts)
	for part := 2; part <= parts; part++ {
		now := decide(decisions / parts)
		t.Logf("after %d decisions %d kB of the heap are in use, %s kB are resident", decisions/parts*part, now>>10, resident())
		if now > first+first/10+256<<10 {
			t.Errorf("the heap grew from %d to %d bytes", first, now)
		}
	}
}

// resident is the memory of this process that the kernel holds for it, in kB, where that can be read.
func resident() string {
	data, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return "?"
	}
	_, rest, _ := strings.Cut(string(data), "VmRSS:")
	return strings.Fields(rest + " ?")[0]
}
