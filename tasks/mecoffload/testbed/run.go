package testbed

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/graphrl/graphrl/nn/cnn/imagefolder"
	"github.com/graphrl/graphrl/tasks/mecoffload"
)

// Service says how long an inference occupies a server.
type Service string

const (
	// Stretched: the processor time of this inference, times the factor of the server's kind.
	Stretched Service = "stretched"
	// Padded: the time in the profile, or what the inference takes if that is longer. It takes the
	// network's times out of the comparison, which is left with links, queues and decisions.
	Padded Service = "padded"
)

// Config describes a run.
type Config struct {
	Scenario mecoffload.Scenario
	Profile  mecoffload.Profile
	// Exits are the network's exits that the profile has, counted from 0; nil: all.
	Exits []int
	Seed  uint64 // of the tasks, which are those of a simulator with this seed
	Slots int64
	// Scale is how many seconds a second of the scenario takes.
	Scale   float64
	Service Service
	Images  []imagefolder.File // each task has a random one
	// Progress, if not nil, is called after every slot with the number of slots done.
	Progress func(slots int64)
}

func (c Config) validate(b *Bed) error {
	switch {
	case c.Scenario.Servers != len(b.addresses):
		return fmt.Errorf("testbed: the scenario has %d servers, and %d run", c.Scenario.Servers, len(b.addresses))
	case c.Scenario.Energy != (mecoffload.Energy{}):
		return fmt.Errorf("testbed: scenario %q has an energy budget: its devices cannot hold tasks back, "+
			"so leave out the key energy", c.Scenario.Name)
	case c.Slots < 1 || c.Slots > 1e7:
		return fmt.Errorf("testbed: want from 1 to 10,000,000 slots, got %d", c.Slots)
	case !(c.Scale > 0 && c.Scale <= maxScale):
		return fmt.Errorf("testbed: want a scale in (0, 10,000], got %v", c.Scale)
	case c.Service != Stretched && c.Service != Padded:
		return fmt.Errorf("testbed: service %q: want %s or %s", c.Service, Stretched, Padded)
	case len(c.Images) == 0:
		return errors.New("testbed: no images")
	}
	for i, f := range c.Images {
		if len(f.Data) == 0 || len(f.Data) > MaxImage {
			return fmt.Errorf("testbed: image %d has %d bytes, want 1 to %d", i, len(f.Data), MaxImage)
		}
	}
	if most := c.Scenario.SizeKByte.High * 1000; most > MaxPadding {
		return fmt.Errorf("testbed: tasks of up to %.0f bytes, want at most %d", most, MaxPadding)
	}
	return nil
}

// Result is the outcome of a run.
type Result struct {
	Tasks     []Task          // in order of slot and device
	Decisions []time.Duration // of each slot
	// Behind is the longest time by which a slot began late, in seconds of this machine.
	Behind float64
	Lost   int   // tasks without an answer
	Failed error // why the first of them was lost
}

// run is a run in progress.
type run struct {
	Config
	bed     *Bed
	kinds   []float64
	sim     *mecoffload.Simulator // the tasks and the luck; it meets the same decisions
	ledger  *ledger
	images  *rand.Rand
	clients [][]*Client // by device and server
	start   time.Time

	mu      sync.Mutex // guards result's tasks while they are on their way
	pending sync.WaitGroup
	result  Result
}

// settle is the time between the start of a run and its first slot.
const settle = 50 * time.Millisecond

// Run runs a policy by the wall clock, and returns when all of its tasks have an answer or are lost.
// A server that fails costs its tasks, and the run goes on.
func (b *Bed) Run(ctx context.Context, p mecoffload.Policy, c Config) (*Result, error) {
	r, err := b.newRun(c)
	if err != nil {
		return nil, err
	}
	defer r.close()
	err = r.decideAll(ctx, p)
	r.pending.Wait() // ctx ends the transmissions, or their limits do
	if ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	if err != nil {
		return nil, fmt.Errorf("testbed: %s: %w", p.Name(), err)
	}
	return &r.result, nil
}

func (b *Bed) newRun(c Config) (*run, error) {
	if err := c.validate(b); err != nil {
		return nil, err
	}
	kinds, err := b.Kinds(c.Profile, c.Exits)
	if err != nil {
		return nil, err
	}
	if c.Exits, err = networkExits(c.Profile, c.Exits); err != nil {
		return nil, err
	}
	for n, kind := range kinds {
		lowest := 1.0
		for l := range c.Profile.Exits() {
			luck := c.Profile.Luck(n, l, c.Scenario.Jitter)
			low, _ := luck.Range()
			lowest = min(lowest, low)
		}
		if least := kind * lowest * c.Scale; c.Service == Stretched && least < 1 {
			return nil, fmt.Errorf("testbed: server %d of profile %q is faster than this machine even at scale %v: choose a scale of at least %.3g",
				n, c.Profile.Name, c.Scale, c.Scale/least)
		}
	}
	sim, err := mecoffload.NewSimulator(c.Scenario, c.Profile)
	if err != nil {
		return nil, err
	}
	r := &run{
		Config: c, bed: b, kinds: kinds, sim: sim, ledger: newLedger(len(b.addresses), b.order),
		images: rand.New(rand.NewPCG(c.Seed, 0x696d61676573)), // "images"
	}
	for range c.Scenario.Devices {
		links := make([]*Client, len(b.addresses))
		for n, address := range b.addresses {
			links[n] = NewClient(address)
		}
		r.clients = append(r.clients, links)
	}
	return r, nil
}

func (r *run) close() {
	for _, links := range r.clients {
		for _, c := range links {
			c.Close()
		}
	}
}

// decideAll lets the policy decide slot by slot, each at its time.
func (r *run) decideAll(ctx context.Context, p mecoffload.Policy) error {
	obs, err := r.sim.Reset(r.Seed)
	if err != nil {
		return err
	}
	var seen mecoffload.Observation
	var action mecoffload.Action
	r.start = time.Now().Add(settle)
	for slot := range r.Slots {
		begin := float64(slot) * float64(r.Scenario.Slot)
		if err := waitUntil(ctx, r.wall(begin)); err != nil {
			return err
		}
		woke := time.Now()
		r.result.Behind = max(r.result.Behind, woke.Sub(r.wall(begin)).Seconds())
		obs.CopyTo(&seen)
		r.ledger.backlogs(seen.Backlog, begin, float64(r.Scenario.Deadline.High))
		action = append(action[:0], make(mecoffload.Action, seen.Devices)...)
		if err := p.Decide(seen, action); err != nil {
			return fmt.Errorf("slot %d: %w", slot, err)
		}
		r.result.Decisions = append(r.result.Decisions, time.Since(woke))
		r.send(ctx, slot, &seen, action)
		t, err := r.sim.Step(action)
		if err != nil {
			return fmt.Errorf("slot %d: %w", slot, err)
		}
		obs = t.Observation
		if r.Progress != nil {
			r.Progress(slot + 1)
		}
	}
	return nil
}

// wall returns when a time of the scenario is by the clock.
func (r *run) wall(t float64) time.Time {
	return r.start.Add(time.Duration(t * r.Scale * float64(time.Second)))
}

// scenario returns a time of the clock, in ns of the Unix epoch, as seconds of the scenario.
func (r *run) scenario(ns int64) float64 {
	return float64(ns-r.start.UnixNano()) / 1e9 / r.Scale
}

// varies reports whether the inferences of a server vary by themselves: its measured time is
// stretched, and the jitter of the simulator stands for exactly this variation.
func (r *run) varies(server int) bool {
	servers := r.Profile.Servers
	return r.Service == Stretched && len(servers[server%len(servers)].Samples) > 0
}

// send starts the transmissions of a slot.
func (r *run) send(ctx context.Context, slot int64, obs *mecoffload.Observation, action mecoffload.Action) {
	begin := float64(slot) * float64(r.Scenario.Slot)
	for i, option := range action {
		link, exit := int(option)/obs.Exits, int(option)%obs.Exits
		at := i*obs.Degree() + link
		t := Task{
			Slot: slot, Device: obs.ID[i], Server: obs.ServerOf(i, link), Exit: exit,
			Begin: begin, Deadline: obs.Deadline[i],
			Status: mecoffload.Dropped, Latency: math.Inf(1),
		}
		nominal := r.Profile.Time(t.Server, exit) / obs.Capacity[t.Server]
		rateLuck, timeLuck := r.sim.Luck(i, link, exit)
		if r.varies(t.Server) {
			timeLuck = 1
		}
		t.Transfer = obs.Bits[i] / (obs.Rate[at] * rateLuck)
		t.Work = nominal * timeLuck
		image := r.Images[r.images.IntN(len(r.Images))]

		r.mu.Lock()
		id := len(r.result.Tasks)
		r.result.Tasks = append(r.result.Tasks, t)
		r.mu.Unlock()
		if t.Transfer > t.Deadline {
			continue // the device sees that its link is too slow and gives up: a drop
		}
		r.ledger.send(t.Server, entry{
			id: uint64(id), slot: slot, work: nominal,
			arrive: begin + obs.Bits[i]/obs.Rate[at], deadline: begin + t.Deadline,
		})
		h := Header{
			Exit: uint32(r.Exits[exit]), Task: uint64(id), Slot: uint64(slot),
			Deadline: r.wall(begin + t.Deadline).UnixNano(),
			Scale:    r.Scale,
			Padding:  uint32(max(obs.Bits[i]/8-float64(len(image.Data)), 0)),
		}
		if r.Service == Padded {
			h.Hold = int64(min(t.Work*r.Scale, MaxHold.Seconds()) * 1e9)
		} else {
			h.Stretch = r.kinds[t.Server] * timeLuck / obs.Capacity[t.Server] * r.Scale
		}
		r.pending.Go(func() { r.offload(ctx, t, h, image) })
	}
}

// patience is the time after its deadline for which a device waits for an answer, besides the
// expected time of the inference.
const patience = 10 * time.Second

// offload transmits a task and notes what comes of it.
func (r *run) offload(ctx context.Context, t Task, h Header, image imagefolder.File) {
	limit := r.wall(t.Begin + t.Deadline + 2*t.Work).Add(patience)
	ctx, stop := context.WithDeadline(ctx, limit)
	defer stop()
	bytes := float64(len(image.Data)) + float64(h.Padding)
	a, err := r.clients[t.Device][t.Server].Send(ctx, h, image.Data, 8*bytes/(t.Transfer*r.Scale))
	back := time.Now()
	switch {
	case err != nil:
		t.Lost = true
		r.ledger.lost(t.Server, h.Task)
	case a.Status == Dropped:
		r.ledger.answered(t.Server, h.Task, 0)
	default:
		r.ledger.answered(t.Server, h.Task, r.scenario(a.Finished))
		t.Latency = r.scenario(back.UnixNano()) - t.Begin
		t.Status = mecoffload.Late
		if t.Latency <= t.Deadline {
			t.Status = mecoffload.InTime
		}
		t.Correct = a.Label == uint32(image.Label)
		t.Arrived, t.Started, t.Finished = r.scenario(a.Arrived)-t.Begin, r.scenario(a.Started)-t.Begin, r.scenario(a.Finished)-t.Begin
		t.Compute = float64(a.Compute) / 1e9
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.result.Tasks[h.Task] = t
	if t.Lost {
		r.result.Lost++
		if r.result.Failed == nil {
			r.result.Failed = err
		}
	}
}
