package main

import (
	"context"
	"net"
	"net/http"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"connectrpc.com/connect"
	"github.com/graphrl/graphrl/serve"
	"github.com/graphrl/graphrl/serve/servepb"
	"github.com/graphrl/graphrl/tasks/mecoffload"
	"github.com/graphrl/graphrl/tasks/mecoffload/experiment"
)

// Benchmarks of the service, client included, on the loopback interface:
//
//	go test ./cmd/serve -run xxx -bench . -benchtime 20000x
//
// Under /paced, requests start at a fixed rate; p50-us and p99-us are the times from a request to its
// answer, and late-% is the share that started late, because the client could not keep up. ns/op is
// then the pace. In the others the next request follows the answer.

// trainedRun is the folder of a checkpoint that has learned a little.
func trainedRun(b testing.TB, text string) string {
	b.Helper()
	cfg, err := experiment.ParseConfig([]byte(text), "bench")
	if err != nil {
		b.Fatal(err)
	}
	run, err := experiment.NewRun(cfg)
	if err != nil {
		b.Fatal(err)
	}
	defer run.Close()
	for !run.Done() {
		if err := run.Step(); err != nil {
			b.Fatal(err)
		}
	}
	dir := b.TempDir()
	if err := run.Checkpoint(dir); err != nil {
		b.Fatal(err)
	}
	return filepath.Join(dir, experiment.LatestCheckpoint)
}

// world is a service and what to ask it.
type world struct {
	*serve.Service
	url      string
	requests []*servepb.DecideRequest
	seen     []mecoffload.Observation
	dir      string
	config   experiment.Config
}

func startWorld(b testing.TB, devices, servers int) *world {
	b.Helper()
	w := &world{dir: trainedRun(b, "{method: GRLE, slots: 300, seed: 5201, validation_slots: 0}")}
	c, err := experiment.OpenCheckpoint(w.dir)
	if err != nil {
		b.Fatal(err)
	}
	w.config = c.Config
	w.config.Scenario.Devices, w.config.Scenario.Servers = devices, servers
	w.Service, err = serve.New(serve.Config{Policies: []serve.Policy{{Name: "p", AnyInput: true, Open: func() (*serve.Model, error) {
		return serve.OpenModel(w.dir, "", serve.World{Devices: devices, Servers: servers})
	}}}})
	if err != nil {
		b.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- w.Serve(ctx, l, nil) }()
	b.Cleanup(func() {
		stop()
		<-ended
		w.Close()
	})
	w.url = "http://" + l.Addr().String()
	w.observe(b)
	return w
}

// observe plays some slots to ask about.
func (w *world) observe(b testing.TB) {
	sim, err := mecoffload.NewSimulator(w.config.Scenario, w.config.Profile)
	if err != nil {
		b.Fatal(err)
	}
	rule, err := mecoffload.NewBestExitInTime(w.config.Profile)
	if err != nil {
		b.Fatal(err)
	}
	o, err := sim.Reset(5202)
	if err != nil {
		b.Fatal(err)
	}
	for range 50 {
		var kept mecoffload.Observation
		o.CopyTo(&kept)
		w.seen = append(w.seen, kept)
		w.requests = append(w.requests, &servepb.DecideRequest{Observation: &servepb.DecideRequest_Offloading{Offloading: message(&kept)}})
		action := make(mecoffload.Action, o.Devices)
		if err := rule.Decide(o, action); err != nil {
			b.Fatal(err)
		}
		step, err := sim.Step(action)
		if err != nil {
			b.Fatal(err)
		}
		o = step.Observation
	}
}

func message(o *mecoffload.Observation) *servepb.Offloading {
	q := &servepb.Offloading{}
	for n := range o.Servers {
		q.Servers = append(q.Servers, &servepb.Server{Id: strconv.Itoa(n), Capacity: o.Capacity[n], BacklogSeconds: o.Backlog[n]})
	}
	for i := range o.Devices {
		q.Tasks = append(q.Tasks, &servepb.Task{Device: strconv.Itoa(o.ID[i]), Bits: o.Bits[i], DeadlineSeconds: o.Deadline[i], RateBitS: o.Rate[i*o.Servers:][:o.Servers]})
	}
	return q
}

// ask asks one request, of those that a client has.
type ask func(*servepb.DecideRequest) error

// clients make one connection each.
func (w *world) clients() map[string]func(b testing.TB) ask {
	unary := func(b testing.TB, c *http.Client, o ...connect.ClientOption) ask {
		b.Cleanup(c.CloseIdleConnections)
		client := servepb.NewDecisionServiceClient(c, w.url, o...)
		return func(q *servepb.DecideRequest) error {
			_, err := client.Decide(context.Background(), connect.NewRequest(q))
			return err
		}
	}
	return map[string]func(b testing.TB) ask{
		"grpc": func(b testing.TB) ask { return unary(b, h2c(), connect.WithGRPC()) },
		"json": func(b testing.TB) ask {
			return unary(b, &http.Client{Transport: &http.Transport{}}, connect.WithProtoJSON())
		},
		"stream": func(b testing.TB) ask {
			c := h2c()
			ctx, cancel := context.WithCancel(context.Background())
			b.Cleanup(func() { cancel(); c.CloseIdleConnections() })
			s := servepb.NewDecisionServiceClient(c, w.url, connect.WithGRPC()).DecideStream(ctx)
			return func(q *servepb.DecideRequest) error {
				if err := s.Send(q); err != nil {
					return err
				}
				_, err := s.Receive()
				return err
			}
		},
	}
}

func h2c() *http.Client {
	t := &http.Transport{Protocols: new(http.Protocols)}
	t.Protocols.SetUnencryptedHTTP2(true)
	return &http.Client{Transport: t}
}

// bare measures a decision without any service.
func (w *world) bare(b *testing.B) {
	c, err := experiment.OpenCheckpoint(w.dir)
	if err != nil {
		b.Fatal(err)
	}
	p, err := c.Policy(w.config.Scenario, w.config.Profile)
	if err != nil {
		b.Fatal(err)
	}
	action := make(mecoffload.Action, len(w.seen[0].Bits))
	for i := 0; b.Loop(); i++ {
		if err := p.Decide(w.seen[i%len(w.seen)], action); err != nil {
			b.Fatal(err)
		}
	}
}

// closed asks one request after the other.
func (w *world) closed(b *testing.B, a ask) {
	times := make([]time.Duration, 0, b.N)
	for i := 0; b.Loop(); i++ {
		start := time.Now()
		if err := a(w.requests[i%len(w.requests)]); err != nil {
			b.Fatal(err)
		}
		times = append(times, time.Since(start))
	}
	report(b, times)
}

func report(b *testing.B, times []time.Duration) {
	slices.Sort(times)
	b.ReportMetric(float64(times[len(times)/2].Nanoseconds())/1e3, "p50-us")
	b.ReportMetric(float64(times[len(times)*99/100].Nanoseconds())/1e3, "p99-us")
}

// paced asks b.N requests at a rate per second, over several connections in turn. beside, if not nil,
// runs meanwhile.
func (w *world) paced(b *testing.B, connections int, rate float64, make1 func(testing.TB) ask, beside func(stop <-chan struct{})) {
	asks := make([]ask, connections)
	for i := range asks {
		asks[i] = make1(b)
		if err := asks[i](w.requests[0]); err != nil {
			b.Fatal(err)
		}
	}
	n := b.N
	times, late := make([]time.Duration, n), make([]bool, n)
	stop := make(chan struct{})
	var extra, wait sync.WaitGroup
	if beside != nil {
		extra.Go(func() { beside(stop) })
	}
	b.ResetTimer()
	begin := time.Now()
	for c, a := range asks {
		wait.Go(func() {
			for i := c; i < n; i += connections {
				due := begin.Add(time.Duration(float64(i) / rate * 1e9))
				if ahead := time.Until(due); ahead > 300*time.Microsecond {
					time.Sleep(ahead - 200*time.Microsecond)
				}
				for time.Now().Before(due) {
					runtime.Gosched()
				}
				start := time.Now()
				late[i] = start.Sub(due) > time.Millisecond
				if err := a(w.requests[i%len(w.requests)]); err != nil {
					b.Error(err)
					return
				}
				times[i] = time.Since(start)
			}
		})
	}
	wait.Wait()
	b.StopTimer()
	close(stop)
	extra.Wait()
	missed := 0
	for _, l := range late {
		if l {
			missed++
		}
	}
	report(b, times)
	b.ReportMetric(100*float64(missed)/float64(n), "late-%")
}

func BenchmarkService(b *testing.B) {
	w := startWorld(b, 14, 2)
	clients := w.clients()
	b.Run("m14/bare", w.bare)
	for _, name := range []string{"grpc", "stream", "json"} {
		b.Run("m14/closed/"+name, func(b *testing.B) { w.closed(b, clients[name](b)) })
	}
	for _, c := range []struct {
		name string
		rate float64
	}{{"grpc", 5000}, {"stream", 5000}, {"json", 2000}} {
		b.Run("m14/paced/"+c.name+"-"+strconv.Itoa(int(c.rate)), func(b *testing.B) { w.paced(b, 4, c.rate, clients[c.name], nil) })
	}
	b.Run("m14/swapping/grpc-2000", func(b *testing.B) {
		swaps := 0
		w.paced(b, 4, 2000, clients["grpc"], func(stop <-chan struct{}) {
			for {
				select {
				case <-stop:
					return
				case <-time.After(200 * time.Millisecond):
					if err := w.Reload("p"); err != nil {
						b.Error(err)
					}
					swaps++
				}
			}
		})
		b.ReportMetric(float64(swaps), "swaps")
	})
}

func BenchmarkLarge(b *testing.B) {
	w := startWorld(b, 1000, 100)
	clients := w.clients()
	b.Run("m1000/bare", w.bare)
	for _, name := range []string{"grpc", "stream", "json"} {
		b.Run("m1000/closed/"+name, func(b *testing.B) { w.closed(b, clients[name](b)) })
	}
}
