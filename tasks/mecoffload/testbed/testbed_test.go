package testbed

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"io"
	"math"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/graphrl/graphrl/checkpoints/runfolder"
	"github.com/graphrl/graphrl/nn/cnn"
	"github.com/graphrl/graphrl/nn/cnn/imagefolder"
	"github.com/graphrl/graphrl/tasks/earlyexit"
	"github.com/graphrl/graphrl/tasks/mecoffload"
	"pgregory.net/rapid"
)

// The test binary is also the program of its edge servers.
func TestMain(m *testing.M) {
	RunServer()
	os.Exit(m.Run())
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// tiny is a narrow network with random weights, for images of 32 x 32 pixels.
func tiny(t testing.TB) *earlyexit.Model {
	t.Helper()
	n, err := earlyexit.NewNetwork(earlyexit.NetworkConfig{Image: cnn.Map{Height: 32, Width: 32, Channels: 3}, Classes: 3, Width: 0.02}, rand.New(rand.NewPCG(1, 1)))
	check(t, err)
	m := &earlyexit.Model{Classes: []string{"a", "b", "c"}}
	m.Norm.Std = [3]float32{1, 1, 1}
	m.Network, err = n.Inference()
	check(t, err)
	return m
}

// photo is a JPEG image of noise.
func photo(t testing.TB, width, height int, seed uint64) []byte {
	t.Helper()
	rng := rand.New(rand.NewPCG(seed, 2))
	img := image.NewRGBA(image.Rect(0, 0, width, height))
	for i := range img.Pix {
		img.Pix[i] = uint8(rng.IntN(256))
	}
	img.Set(0, 0, color.White)
	var b bytes.Buffer
	check(t, jpeg.Encode(&b, img, nil))
	return b.Bytes()
}

func photos(t testing.TB, n int) []imagefolder.File {
	var files []imagefolder.File
	for i := range n {
		files = append(files, imagefolder.File{Label: int32(i % 3), Data: photo(t, 32, 32, uint64(i))})
	}
	return files
}

// serve runs a server of the tiny network in this process and returns its address.
func serve(t testing.TB, order Order) string {
	t.Helper()
	s, err := NewServer(tiny(t), order)
	check(t, err)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	check(t, err)
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Serve(ctx, l) }()
	t.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return l.Addr().String()
}

const never = math.MaxInt64

// The label that comes back is the network's own, at every exit.
func TestServerClassifies(t *testing.T) {
	address, m := serve(t, BySlot), tiny(t)
	c, err := m.NewClassifier()
	check(t, err)
	client := NewClient(address)
	defer client.Close()
	for e := range earlyexit.Exits {
		data := photo(t, 32, 32, uint64(e))
		a, err := client.Send(t.Context(), Header{Exit: uint32(e), Task: 7, Deadline: never, Padding: 10_000}, data, 0)
		check(t, err)
		pixels, err := imagefolder.Decode(nil, data, 32, 32)
		check(t, err)
		logits, err := c.Classify(e, pixels)
		check(t, err)
		if want := uint32(argmax(logits.Row(0))); a.Status != Served || a.Label != want || a.Task != 7 {
			t.Errorf("exit %d: %+v, want label %d", e, a, want)
		}
		if a.Arrived > a.Started || a.Started > a.Finished || a.Compute <= 0 {
			t.Errorf("exit %d: times %+v", e, a)
		}
	}
	a, err := client.Send(t.Context(), Header{Task: 8, Deadline: 1}, photo(t, 32, 32, 1), 0)
	if err != nil || a.Status != Dropped {
		t.Errorf("a task of the past: %+v, %v", a, err)
	}
}

// Who sends nonsense gets an error, and others are served all the while.
func TestGarbage(t *testing.T) {
	address := serve(t, BySlot)
	good := NewClient(address)
	defer good.Close()
	ok := func() {
		t.Helper()
		a, err := good.Send(t.Context(), Header{Exit: 1, Deadline: never}, photo(t, 32, 32, 3), 0)
		if err != nil || a.Status != Served {
			t.Fatal(a, err)
		}
	}
	ok()
	head, err := Header{Exit: 1, Deadline: never, Image: 100}.Append(nil)
	check(t, err)
	for name, message := range map[string][]byte{
		"noise":           bytes.Repeat([]byte("GET / HTTP/1.1\r\n"), 8),
		"huge image":      func() []byte { b := bytes.Clone(head); copy(b[48:], []byte{0xff, 0xff, 0xff, 0xff}); return b }(),
		"not an image":    append(bytes.Clone(head), make([]byte, 100)...),
		"half a header":   head[:20],
		"half a request":  append(bytes.Clone(head), 1, 2, 3),
		"nothing":         nil,
		"unknown exit":    func() []byte { b := append(bytes.Clone(head), make([]byte, 100)...); b[7] = 9; return b }(),
		"infinite factor": func() []byte { b := bytes.Clone(head); copy(b[32:], []byte{0x7f, 0xf0}); return b }(),
	} {
		conn, err := net.Dial("tcp", address)
		check(t, err)
		_, err = conn.Write(message)
		check(t, err)
		check(t, conn.(*net.TCPConn).CloseWrite())
		a, text, err := ReadAnswer(conn)
		switch name {
		case "half a header", "half a request", "nothing":
			if !errors.Is(err, io.EOF) {
				t.Errorf("%s: %+v %q %v", name, a, text, err)
			}
		default:
			if err != nil || a.Status != Refused || text == "" {
				t.Errorf("%s: %+v %q %v", name, a, text, err)
			}
		}
		conn.Close()
		ok()
	}
	// the connection of a refused image can be used again
	bad := NewClient(address)
	defer bad.Close()
	if _, err := bad.Send(t.Context(), Header{Deadline: never}, photo(t, 8, 8, 1), 0); err == nil || !strings.Contains(err.Error(), "8 x 8") {
		t.Error(err)
	}
	if a, err := bad.Send(t.Context(), Header{Deadline: never}, photo(t, 32, 32, 1), 0); err != nil || a.Status != Served {
		t.Error(a, err)
	}
}

// A server repeats the inferences before, but if time is not scaled or the wait would have been long.
func TestRecall(t *testing.T) {
	s, err := NewServer(tiny(t), BySlot)
	check(t, err)
	check(t, s.recall(25, 0))             // there is none before
	s.last = []*job{{pixels: []uint8{1}}} // an image that no inference accepts
	for _, c := range []struct {
		scale   float64
		pause   time.Duration
		repeats bool
	}{{0, 0, false}, {1, 0, false}, {25, 0, true}, {25, 24 * earlyexit.CoolPause, true}, {25, 25 * earlyexit.CoolPause, false}} {
		if err := s.recall(c.scale, c.pause); (err != nil) != c.repeats {
			t.Errorf("scale %v, pause %v: %v", c.scale, c.pause, err)
		}
	}
}

// A server that ends answers nobody and leaves nothing behind; clients get errors.
func TestServeEnds(t *testing.T) {
	s, err := NewServer(tiny(t), BySlot)
	check(t, err)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	check(t, err)
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- s.Serve(ctx, l) }()
	var sent sync.WaitGroup
	client := NewClient(l.Addr().String())
	defer client.Close()
	for i := range 3 { // each would take a minute
		sent.Go(func() {
			h := Header{Task: uint64(i), Deadline: never, Hold: int64(MaxHold)}
			if a, err := client.Send(context.Background(), h, photo(t, 32, 32, 1), 0); err == nil {
				t.Errorf("task %d: %+v", i, a)
			}
		})
	}
	for { // until one is at work and two wait
		s.mu.Lock()
		n, open := len(s.queue.waiting), len(s.conns)
		s.mu.Unlock()
		if n == 2 && open == 3 {
			break
		}
		time.Sleep(time.Millisecond)
	}
	stop()
	check(t, <-done)
	sent.Wait()
	if len(s.conns) != 0 {
		t.Error("open connections:", len(s.conns))
	}
}

// network saves a tiny run of earlyexit and returns its folder.
func network(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for i := range 6 {
		class := filepath.Join(dir, "images", string(rune('a'+i%3)))
		check(t, os.MkdirAll(class, 0o777))
		check(t, os.WriteFile(filepath.Join(class, fmt.Sprint(i, ".jpg")), photo(t, 32, 32, uint64(i)), 0o666))
	}
	cfg := earlyexit.DefaultConfig()
	cfg.Data, cfg.Width, cfg.Epochs, cfg.BatchSize, cfg.Replicas = filepath.Join(dir, "images"), 0.02, 1, 2, 1
	training, err := earlyexit.NewTraining(cfg)
	check(t, err)
	folder, err := runfolder.Create(filepath.Join(dir, "run"), "")
	check(t, err)
	data, err := cfg.YAML()
	check(t, err)
	check(t, folder.Start(training, data))
	check(t, folder.Train(t.Context(), training, func() {}))
	training.Close()
	check(t, folder.Close())
	return folder.Path()
}

// world is a short run with deadlines that no answer misses and inferences of no padding.
func world(t *testing.T, servers int, slots int64) Config {
	t.Helper()
	sc, err := mecoffload.LoadScenario("dynamic")
	check(t, err)
	sc.Devices, sc.Servers = 4, servers
	sc.Deadline = mecoffload.Interval[mecoffload.Seconds]{Low: 600, High: 600}
	p, err := mecoffload.LoadProfile(mecoffload.IllustrativeProfile)
	check(t, err)
	return Config{Scenario: sc, Profile: p, Seed: 1, Slots: slots, Scale: 1, Service: Padded, Images: photos(t, 6)}
}

func TestRun(t *testing.T) {
	for _, order := range []Order{BySlot, ByArrival} {
		b := Connect([]string{serve(t, order), serve(t, order)}, order)
		c := world(t, 2, 20)
		check(t, b.Calibrate(t.Context(), c.Images, 1, nil))
		r, err := b.Run(t.Context(), mecoffload.NewRandom(1), c)
		check(t, err)
		if len(r.Tasks) != 80 || r.Lost != 0 || r.Failed != nil || len(r.Decisions) != 20 {
			t.Fatalf("%d tasks, %d lost: %v", len(r.Tasks), r.Lost, r.Failed)
		}
		before := b.Times()[0][0]
		check(t, b.CalibrateBusy(t.Context(), c))
		if after := b.Times()[0][0]; after == before || after <= 0 {
			t.Errorf("calibrated to %v, %v", before, after)
		}
		predicted, err := Predict(t.Context(), mecoffload.NewRandom(1), c)
		check(t, err)
		got, err := b.Compare(r, predicted, c)
		check(t, err)
		// tasks are the simulator's, and so are the decisions of a policy that sees no backlog
		if got.Measured.SSP != 1 || got.Replayed.SSP != 1 || got.Predicted.SSP != 1 || got.Replayed.Accuracy != predicted.Accuracy {
			t.Errorf("%+v", got)
		}
		for i, task := range r.Tasks {
			if task.Latency < task.Transfer+task.Work {
				t.Errorf("task %d took %v, its parts take %v and %v", i, task.Latency, task.Transfer, task.Work)
			}
			if task.Arrived < task.Transfer || task.Started < task.Arrived || task.Finished < task.Started+task.Work-1e-6 || task.Latency < task.Finished {
				t.Errorf("task %d: %+v", i, task)
			}
		}
		if got.Parts.TransferMS < 0 || got.Parts.WorkRatio < 1-1e-6 || got.Parts.AnswerMS < 0 {
			t.Errorf("%+v", got.Parts)
		}
	}
}

// A profile may have only some of the network's exits.
func TestSomeExits(t *testing.T) {
	b := Connect([]string{serve(t, BySlot)}, BySlot)
	c := world(t, 1, 4)
	c.Profile.Servers = c.Profile.Servers[:1]
	check(t, b.Calibrate(t.Context(), c.Images, 1, nil))
	times := b.Times()[0]
	c.Profile = c.Profile.LastExit()
	for _, exits := range [][]int{nil, {0, 1}, {5}, {-1}} {
		c.Exits = exits
		if _, err := b.Run(t.Context(), mecoffload.NewRandom(1), c); err == nil || !strings.Contains(err.Error(), "exits") {
			t.Errorf("%v: %v", exits, err)
		}
	}
	c.Exits = []int{3}
	kinds, err := b.Kinds(c.Profile, c.Exits)
	check(t, err)
	if want := c.Profile.Time(0, 0) / times[3]; math.Abs(kinds[0]/want-1) > 1e-9 {
		t.Errorf("kind %v, want %v", kinds[0], want)
	}
	r, err := b.Run(t.Context(), mecoffload.NewRandom(1), c)
	check(t, err)
	if got, err := b.Compare(r, mecoffload.Row{}, c); err != nil || len(got.Exits) != 1 || got.Exits[0].Tasks != 16 || got.Exits[0].CalibratedMS != 1e3*times[3] {
		t.Errorf("%+v, %v", got, err)
	}
}

// killer kills a server when it decides for a certain slot.
type killer struct {
	mecoffload.Policy
	slots int
	kill  func()
}

func (k *killer) Decide(obs mecoffload.Observation, dst mecoffload.Action) error {
	if k.slots--; k.slots == 0 {
		k.kill()
	}
	return k.Policy.Decide(obs, dst)
}

// A server that is killed costs its tasks and no others, and the run ends.
func TestServerKilled(t *testing.T) {
	b, err := Start(t.Context(), network(t), 2, BySlot)
	check(t, err)
	defer b.Close()
	c := world(t, 2, 12)
	check(t, b.Calibrate(t.Context(), c.Images, 1, nil))
	p := &killer{&mecoffload.RoundRobin{}, 6, func() {
		b.Processes()[1].Kill()
		<-b.Processes()[1].done
	}}
	r, err := b.Run(t.Context(), p, c)
	check(t, err)
	if r.Failed == nil {
		t.Error("no task failed")
	}
	for i, task := range r.Tasks {
		switch {
		case task.Server == 0 && (task.Lost || task.Status != mecoffload.InTime):
			t.Errorf("task %d of the living server: %+v", i, task)
		case task.Server == 1 && task.Slot >= 5 && !task.Lost:
			t.Errorf("task %d of the dead server: %+v", i, task)
		}
	}
	row, err := b.Compare(r, mecoffload.Row{Method: "round-robin"}, c)
	check(t, err)
	if row.Lost < 14 || row.Measured.SSP > 34./48 || row.Failed == "" {
		t.Errorf("%+v", row)
	}
}

// The processes end when the context does, and when the parent dies without a word.
func TestNoOrphans(t *testing.T) {
	why := errors.New("enough")
	ctx, cancel := context.WithCancelCause(t.Context())
	stop := func() { cancel(why) }
	b, err := Start(ctx, network(t), 2, BySlot)
	check(t, err)
	c := world(t, 2, 1e6)
	check(t, b.Calibrate(ctx, c.Images, 1, nil))
	p := &killer{&mecoffload.RoundRobin{}, 3, stop}
	if _, err := b.Run(ctx, p, c); !errors.Is(err, why) {
		t.Error(err)
	}
	for _, p := range b.Processes() {
		<-p.done
	}
	b.Close()
	if err := b.Calibrate(ctx, c.Images, 1, nil); !errors.Is(err, why) {
		t.Error(err)
	}
	if _, err := Start(t.Context(), filepath.Join(t.TempDir(), "none"), 1, BySlot); err == nil || !strings.Contains(err.Error(), "none") {
		t.Error(err)
	}
	if _, err := Start(ctx, network(t), 1, BySlot); err == nil {
		t.Error("a server started after the end")
	}

	// the end of its standard input is all that a server hears of its parent's death
	command := exec.Command(os.Args[0])
	command.Env = append(os.Environ(), serverVariable+`={"network": "`+filepath.ToSlash(network(t))+`", "order": "slot"}`)
	in, err := command.StdinPipe()
	check(t, err)
	check(t, command.Start())
	check(t, in.Close())
	check(t, command.Wait())
}

// With the times that the simulator draws, the replay of its decisions gives its outcomes.
func TestReplayEqualsSimulator(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		sc, err := mecoffload.LoadScenario(rapid.SampledFrom([]string{"dynamic", "static", "churn"}).Draw(rt, "scenario"))
		check(t, err)
		sc.Devices = rapid.IntRange(1, 9).Draw(rt, "devices")
		p, err := mecoffload.LoadProfile(mecoffload.IllustrativeProfile)
		check(t, err)
		sim, err := mecoffload.NewSimulator(sc, p)
		check(t, err)
		obs, err := sim.Reset(rapid.Uint64().Draw(rt, "seed"))
		check(t, err)
		policy := mecoffload.NewRandom(rapid.Uint64().Draw(rt, "policy"))
		var tasks []Task
		var want []Fate
		for slot := range int64(20) {
			action := make(mecoffload.Action, obs.Devices)
			check(t, policy.Decide(obs, action))
			for i, o := range action {
				n, l := int(o)/obs.Exits, int(o)%obs.Exits
				rate, time := sim.Luck(i, n, l)
				tasks = append(tasks, Task{
					Slot: slot, Server: n, Begin: float64(slot) * float64(sc.Slot), Deadline: obs.Deadline[i],
					Transfer: obs.Bits[i] / (obs.Rate[i*obs.Degree()+n] * rate), Work: p.Time(n, l) / obs.Capacity[n] * time,
				})
			}
			next, err := sim.Step(action)
			check(t, err)
			for i, s := range sim.Outcome().Status {
				want = append(want, Fate{s, sim.Outcome().Latency[i]})
			}
			obs = next.Observation
		}
		for i, got := range Replay(tasks, BySlot) {
			same := math.Abs(got.Latency-want[i].Latency) < 1e-9 || math.IsInf(got.Latency, 1) && math.IsInf(want[i].Latency, 1)
			if !same || got.Status != want[i].Status {
				rt.Fatalf("task %d: %+v, want %+v", i, got, want[i])
			}
		}
	})
}

// A device of the testbed sends every task, so a scenario with an energy budget is refused.
func TestEnergyBudgetsAreRefused(t *testing.T) {
	c := Config{Slots: 1, Scale: 1, Service: Padded, Images: make([]imagefolder.File, 1)}
	c.Scenario.Servers, c.Scenario.Energy = 1, mecoffload.Energy{TransmitW: 0.2, BudgetMJ: 1}
	if err := c.validate(&Bed{addresses: make([]string, 1)}); err == nil || !strings.Contains(err.Error(), "energy budget") {
		t.Errorf("%v, want an error about the energy budget", err)
	}
}
