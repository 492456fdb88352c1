package main

import (
	"bufio"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"connectrpc.com/connect"
	"github.com/graphrl/graphrl/serve/servepb"
	"github.com/graphrl/graphrl/tasks/mecoffload"
	"github.com/graphrl/graphrl/tasks/mecoffload/experiment"
	"golang.org/x/sys/unix"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/protobuf/proto"
)

// Benchmarks of the service, client included, on the loopback interface. The service runs in a process
// of its own on one core, the client in this one on another:
//
//	go test ./cmd/serve -run xxx -bench . -benchtime 20000x
//
// Under paced, lean and watching, requests are due at a fixed rate, whether the ones before are
// answered or not, and p50-us and p99-us are the times from when they are due to their answers. In the
// others the next request follows the answer. late-% is the share that started more than 1 ms late,
// because the client did not keep up or all its connections were waiting, and server-us and client-us
// are the processor times of both for a decision. server-MB is the service's resident memory. The
// clients are grpc-go's and net/http's; lean and watching have one that does no more than it must,
// asleep while it waits or reading without end.
// A load named empty has requests that need no decision: its times are the library's and the machine's.

// asChild in the environment makes the test's binary the command, with the arguments of the command,
// on the processor of that number.
const asChild = "GRAPHRL_SERVE_AS_CHILD"

func TestMain(m *testing.M) {
	if cpu := os.Getenv(asChild); cpu != "" {
		n, err := strconv.Atoi(cpu)
		if err == nil {
			err = pin(n)
		}
		if err == nil && os.Args[1] == "echo" {
			err = echo()
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		main()
		return
	}
	os.Exit(m.Run())
}

// pin keeps this process on some processors: the kernel moves its threads, and with them the
// service's, to and fro otherwise.
func pin(cpus ...int) error {
	var set unix.CPUSet
	for _, cpu := range cpus {
		set.Set(cpu)
	}
	threads, err := os.ReadDir("/proc/self/task")
	if err != nil {
		return err
	}
	for _, t := range threads { // those to come do as those that start them
		id, err := strconv.Atoi(t.Name())
		if err != nil {
			return err
		}
		if err := unix.SchedSetaffinity(id, &set); err != nil && err != unix.ESRCH {
			return err
		}
	}
	return nil
}

// processors are those that this process may use.
func processors(b testing.TB) []int {
	var set unix.CPUSet
	if err := unix.SchedGetaffinity(0, &set); err != nil {
		b.Fatal(err)
	}
	var list []int
	for cpu := 0; len(list) < set.Count(); cpu++ {
		if set.IsSet(cpu) {
			list = append(list, cpu)
		}
	}
	return list
}

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

// world is a service in a process of its own, and what to ask it.
type world struct {
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
	config := filepath.Join(b.TempDir(), "serve.yaml")
	text := fmt.Sprintf("listen: 127.0.0.1:0\npolicies: [{name: p, run: %q, devices: %d, servers: %d, any_input: true}]\n", w.dir, devices, servers)
	if err := os.WriteFile(config, []byte(text), 0o666); err != nil {
		b.Fatal(err)
	}
	w.url = startChild(b, "--config", config)
	w.observe(b)
	return w
}

// startChild starts this program as a service on a processor of its own, takes another one for this
// process, and returns the service's address.
func startChild(b testing.TB, args ...string) string {
	b.Helper()
	cpus := processors(b)
	child := exec.Command(os.Args[0], args...)
	child.Env = append(os.Environ(), asChild+"="+strconv.Itoa(cpus[0]), "GOMAXPROCS=1")
	child.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	messages := new(output)
	child.Stdout, child.Stderr = messages, messages
	if err := child.Start(); err != nil {
		b.Fatal(err)
	}
	before, reserved := runtime.GOMAXPROCS(1), reserve()
	if err := pin(cpus[len(cpus)-1]); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		runtime.KeepAlive(reserved)
		runtime.GOMAXPROCS(before)
		if err := pin(cpus...); err != nil {
			b.Error(err)
		}
		_ = child.Process.Signal(syscall.SIGTERM)
		if err := child.Wait(); err != nil {
			b.Log(err, messages.text())
		}
	})
	for range 1000 {
		if m := address.FindStringSubmatch(messages.text()); m != nil {
			return m[1]
		}
		time.Sleep(20 * time.Millisecond)
	}
	b.Fatal(messages.text())
	return ""
}

// measured is a metric of the service's process.
func (w *world) measured(b testing.TB, metric string) float64 {
	answer, err := http.Get(w.url + "/metrics")
	if err != nil {
		b.Fatal(err)
	}
	defer answer.Body.Close()
	for lines := bufio.NewScanner(answer.Body); lines.Scan(); {
		if value, ok := strings.CutPrefix(lines.Text(), metric+" "); ok {
			x, err := strconv.ParseFloat(value, 64)
			if err != nil {
				b.Fatal(err)
			}
			return x
		}
	}
	b.Fatalf("there is no metric %s", metric)
	return 0
}

// spent is the processor time that both have taken, in seconds.
type spent struct{ server, client float64 }

func (w *world) spent(b testing.TB) spent {
	var u unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return spent{w.measured(b, "process_cpu_seconds_total"), float64(u.Utime.Nano()+u.Stime.Nano()) / 1e9}
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

// clients make one connection each: grpc-go's for gRPC, and that of net/http for JSON.
func (w *world) clients() map[string]func(b testing.TB) ask {
	dial := func(b testing.TB) *grpc.ClientConn {
		c, err := grpc.NewClient(strings.TrimPrefix(w.url, "http://"), grpc.WithTransportCredentials(insecure.NewCredentials()))
		if err != nil {
			b.Fatal(err)
		}
		b.Cleanup(func() { c.Close() })
		return c
	}
	return map[string]func(b testing.TB) ask{
		"grpc": func(b testing.TB) ask {
			c := dial(b)
			return func(q *servepb.DecideRequest) error {
				return c.Invoke(context.Background(), servepb.DecisionServiceDecideProcedure, q, new(servepb.DecideResponse))
			}
		},
		"stream": func(b testing.TB) ask {
			ctx, cancel := context.WithCancel(context.Background())
			b.Cleanup(cancel)
			both := &grpc.StreamDesc{ServerStreams: true, ClientStreams: true}
			s, err := dial(b).NewStream(ctx, both, servepb.DecisionServiceDecideStreamProcedure)
			if err != nil {
				b.Fatal(err)
			}
			return func(q *servepb.DecideRequest) error {
				if err := s.SendMsg(q); err != nil {
					return err
				}
				return s.RecvMsg(new(servepb.DecideResponse))
			}
		},
		"empty": func(b testing.TB) ask {
			c := dial(b)
			return func(*servepb.DecideRequest) error {
				return c.Invoke(context.Background(), servepb.DecisionServiceListPoliciesProcedure, nothing, new(servepb.ListPoliciesResponse))
			}
		},
		"json": func(b testing.TB) ask {
			client := servepb.NewDecisionServiceClient(&http.Client{Transport: &http.Transport{}}, w.url, connect.WithProtoJSON())
			return func(q *servepb.DecideRequest) error {
				_, err := client.Decide(context.Background(), connect.NewRequest(q))
				return err
			}
		},
	}
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
	before, n := w.spent(b), 0
	for i := 0; b.Loop(); i++ {
		n = i + 1
		if err := p.Decide(w.seen[i%len(w.seen)], action); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric((w.spent(b).client-before.client)/float64(n)*1e6, "cpu-us")
}

// closed asks one request after the other.
func (w *world) closed(b *testing.B, a ask) {
	times := make([]time.Duration, 0, b.N)
	before := w.spent(b)
	for i := 0; b.Loop(); i++ {
		start := time.Now()
		if err := a(w.requests[i%len(w.requests)]); err != nil {
			b.Fatal(err)
		}
		times = append(times, time.Since(start))
	}
	w.report(b, times, before)
}

// quantiles reports the median and the 99th percentile.
func quantiles(b *testing.B, times []time.Duration) {
	slices.Sort(times)
	b.ReportMetric(float64(times[len(times)/2].Nanoseconds())/1e3, "p50-us")
	b.ReportMetric(float64(times[len(times)*99/100].Nanoseconds())/1e3, "p99-us")
}

func (w *world) report(b *testing.B, times []time.Duration, before spent) {
	quantiles(b, times)
	now := w.spent(b)
	b.ReportMetric((now.server-before.server)/float64(len(times))*1e6, "server-us")
	b.ReportMetric((now.client-before.client)/float64(len(times))*1e6, "client-us")
	b.ReportMetric(w.measured(b, "process_resident_memory_bytes")/1e6, "server-MB")
}

// pacer wakes up at a fixed rate. A timer of the kernel does so to some microseconds, and, unlike a
// loop that watches the clock, leaves the core to the client's connections.
type pacer struct {
	timer *os.File
	begin time.Time
	every time.Duration
	due   int // requests that are due and not begun
	begun int
}

func newPacer(b testing.TB, rate float64) *pacer {
	fd, err := unix.TimerfdCreate(unix.CLOCK_MONOTONIC, unix.TFD_NONBLOCK|unix.TFD_CLOEXEC)
	if err != nil {
		b.Fatal(err)
	}
	p := &pacer{timer: os.NewFile(uintptr(fd), "timer"), begin: time.Now(), every: time.Duration(1e9 / rate)}
	b.Cleanup(func() { p.timer.Close() })
	every := unix.NsecToTimespec(int64(p.every))
	if err := unix.TimerfdSettime(fd, 0, &unix.ItimerSpec{Interval: every, Value: every}, nil); err != nil {
		b.Fatal(err)
	}
	return p
}

// wait returns when the next request is due, and that time.
func (p *pacer) wait(b testing.TB) time.Time {
	for p.due == 0 {
		var count [8]byte
		if _, err := p.timer.Read(count[:]); err != nil {
			b.Fatal(err)
		}
		p.due = int(binary.NativeEndian.Uint64(count[:]))
	}
	p.due--
	p.begun++
	return p.begin.Add(time.Duration(p.begun) * p.every)
}

// task is one request of a paced load.
type task struct {
	number int
	due    time.Time
}

// paced asks b.N requests at a rate per second, each on a connection that is idle. beside, if not nil,
// runs meanwhile. The times are those of the requests, in order; request i was due i+1 intervals after begin.
func (w *world) paced(b *testing.B, connections int, rate float64, make1 func(testing.TB) ask, beside func(stop <-chan struct{})) (begin time.Time, times []time.Duration) {
	n := b.N
	times = make([]time.Duration, n)
	var late atomic.Int64
	due, stop := make(chan task, n), make(chan struct{})
	var extra, wait sync.WaitGroup
	if beside != nil {
		extra.Go(func() { beside(stop) })
	}
	for range connections {
		a := make1(b)
		if err := a(w.requests[0]); err != nil {
			b.Fatal(err)
		}
		wait.Go(func() {
			for t := range due {
				if time.Since(t.due) > time.Millisecond {
					late.Add(1)
				}
				if err := a(w.requests[t.number%len(w.requests)]); err != nil {
					b.Error(err)
				}
				times[t.number] = time.Since(t.due)
			}
		})
	}
	before := w.spent(b)
	b.ResetTimer()
	p := newPacer(b, rate)
	for i := range n {
		due <- task{i, p.wait(b)}
	}
	close(due)
	wait.Wait()
	b.StopTimer()
	close(stop)
	extra.Wait()
	w.report(b, slices.Clone(times), before)
	b.ReportMetric(100*float64(late.Load())/float64(n), "late-%")
	return p.begin, times
}

// nothing is a request that needs no decision: what it takes is the library's and the machine's.
var nothing = new(servepb.ListPoliciesRequest)

func BenchmarkService(b *testing.B) {
	w := startWorld(b, 14, 2)
	clients := w.clients()
	b.Run("m14/bare", w.bare)
	for _, name := range []string{"empty", "grpc", "stream", "json"} {
		b.Run("m14/closed/"+name, func(b *testing.B) { w.closed(b, clients[name](b)) })
	}
	for _, c := range []struct {
		name string
		rate float64
	}{{"empty", 5000}, {"grpc", 5000}, {"stream", 5000}, {"json", 2000}} {
		b.Run("m14/paced/"+c.name+"-"+strconv.Itoa(int(c.rate)), func(b *testing.B) { w.paced(b, 4, c.rate, clients[c.name], nil) })
	}
	for _, name := range []string{"lean", "watching"} {
		paced := func(load string, procedure string, stream bool, ask func(i int) proto.Message, answer proto.Message) {
			b.Run("m14/"+name+"/"+load+"-5000", func(b *testing.B) {
				w.pacedLean(b, 4, 5000, name == "watching", func() *lean { return w.dialLean(b, procedure, stream) }, ask, answer)
			})
		}
		request := func(i int) proto.Message { return w.requests[i%len(w.requests)] }
		paced("empty", servepb.DecisionServiceListPoliciesProcedure, false, func(int) proto.Message { return nothing }, new(servepb.ListPoliciesResponse))
		paced("grpc", servepb.DecisionServiceDecideProcedure, false, request, new(servepb.DecideResponse))
		paced("stream", servepb.DecisionServiceDecideStreamProcedure, true, request, new(servepb.DecideResponse))
	}
	b.Run("m14/swapping/grpc-2000", func(b *testing.B) { w.swapping(b, 2000, clients["grpc"]) })
}

// swapping loads the policy again every other second of a paced load. An unanswered request fails the
// benchmark. p99-loading-us is of the requests that were due while a policy was loaded and replaced,
// p99-waiting-us of those in as long a time in the seconds between.
func (w *world) swapping(b *testing.B, rate float64, make1 func(testing.TB) ask) {
	admin := servepb.NewAdminServiceClient(http.DefaultClient, w.url)
	type window struct{ from, to time.Time }
	windows := map[string][]window{}
	begin, times := w.paced(b, 4, rate, make1, func(stop <-chan struct{}) {
		var took time.Duration
		for load := true; ; load = !load {
			select {
			case <-stop:
				return
			case <-time.After(time.Second - took):
			}
			name, from := "waiting", time.Now()
			if load {
				name = "loading"
				if _, err := admin.Reload(context.Background(), connect.NewRequest(&servepb.ReloadRequest{Policy: "p"})); err != nil {
					b.Error(err)
				}
				took = time.Since(from)
			} else {
				time.Sleep(took)
			}
			windows[name] = append(windows[name], window{from, time.Now().Add(20 * time.Millisecond)})
		}
	})
	b.ReportMetric(float64(len(windows["loading"])), "swaps")
	for name, windows := range windows {
		var in []time.Duration
		for i, t := range times {
			due := begin.Add(time.Duration(float64(i+1) / rate * 1e9))
			if slices.ContainsFunc(windows, func(w window) bool { return !due.Before(w.from) && due.Before(w.to) }) {
				in = append(in, t)
			}
		}
		if len(in) > 0 {
			slices.Sort(in)
			b.ReportMetric(float64(in[len(in)*99/100].Nanoseconds())/1e3, "p99-"+name+"-us")
		}
	}
}

func BenchmarkLarge(b *testing.B) {
	w := startWorld(b, 1000, 100)
	clients := w.clients()
	b.Run("m1000/bare", w.bare)
	for _, name := range []string{"grpc", "stream", "json"} {
		b.Run("m1000/closed/"+name, func(b *testing.B) { w.closed(b, clients[name](b)) })
	}
}

// BenchmarkEcho is what the machine takes: a program sends 1000 bytes back over TCP.
func BenchmarkEcho(b *testing.B) {
	url := startChild(b, "echo")
	c, err := net.Dial("tcp", strings.TrimPrefix(url, "http://"))
	if err != nil {
		b.Fatal(err)
	}
	defer c.Close()
	message, answer := make([]byte, 1000), make([]byte, 1000)
	times := make([]time.Duration, 0, b.N)
	for b.Loop() {
		start := time.Now()
		if _, err := c.Write(message); err != nil {
			b.Fatal(err)
		}
		if _, err := io.ReadFull(c, answer); err != nil {
			b.Fatal(err)
		}
		times = append(times, time.Since(start))
	}
	quantiles(b, times)
}
