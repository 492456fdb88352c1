package testbed

import (
	"bytes"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/graphrl/graphrl/tasks/mecoffload"
	"pgregory.net/rapid"
)

// randomTasks are tasks of one server that meet in its queue. Times are whole ms, so that they are
// exact as ns and as seconds.
func randomTasks(rng *rand.Rand) []Task {
	var tasks []Task
	for slot := range int64(8) {
		for range rng.IntN(5) {
			tasks = append(tasks, Task{
				Slot: slot, Begin: float64(slot * 16),
				Transfer: float64(1+rng.IntN(60)) + float64(len(tasks))/256, // no ties
				Deadline: float64(20 + rng.IntN(40)), Work: float64(1 + rng.IntN(12)),
			})
		}
	}
	return tasks
}

// simulate lets time pass over a queue, event by event, as server.work does. It works in units of
// 1/256 second.
func simulate(tasks []Task, order Order) []Fate {
	ns := func(v float64) int64 { return int64(v*256) + 1 } // 0 is "not arrived"
	q := queue{order: order}
	fates := make([]Fate, len(tasks))
	jobs := make(map[*job]int)
	arrivals := make([]*job, len(tasks))
	for i := range tasks {
		fates[i] = Fate{mecoffload.Dropped, math.Inf(1)}
	}
	free := int64(0)
	for now := int64(0); now < ns(16*8+200); now++ {
		for i, t := range tasks {
			if t.Transfer > t.Deadline {
				continue // its device gives up
			}
			if ns(t.Begin) == now {
				j := &job{header: Header{Slot: uint64(t.Slot), Deadline: ns(t.Begin + t.Deadline)}}
				q.add(j)
				jobs[j], arrivals[i] = i, j
			}
			if ns(t.Begin+t.Transfer) == now {
				arrivals[i].arrived = now
			}
		}
		for free <= now {
			j, _ := q.next(now)
			if j == nil {
				break
			}
			t := tasks[jobs[j]]
			start := max(j.arrived, free, q.unblocked)
			if start > j.header.Deadline {
				continue
			}
			free = start + int64(t.Work*256)
			latency := float64(free-ns(t.Begin)) / 256
			status := mecoffload.InTime
			if latency > t.Deadline {
				status = mecoffload.Late
			}
			fates[jobs[j]] = Fate{status, latency}
		}
	}
	return fates
}

// The queue of a server, driven by events, gives every task the fate that the replay expects.
func TestQueueEqualsReplay(t *testing.T) {
	for _, order := range []Order{BySlot, ByArrival} {
		differ := 0
		for seed := range uint64(60) {
			tasks := randomTasks(rand.New(rand.NewPCG(seed, 0)))
			got, want := simulate(tasks, order), Replay(tasks, order)
			if !slices.EqualFunc(got, want, func(a, b Fate) bool {
				return a.Status == b.Status && (math.Abs(a.Latency-b.Latency) < 1e-9 || a.Latency == b.Latency)
			}) {
				t.Fatalf("%s, seed %d:\n%v\n%v", order, seed, got, want)
			}
			other := BySlot
			if order == BySlot {
				other = ByArrival
			}
			if !slices.Equal(want, Replay(tasks, other)) {
				differ++
			}
		}
		if differ < 20 {
			t.Errorf("the orders differ on only %d of 60", differ)
		}
	}
}

// A task that never arrives holds up later slots until its deadline and not longer.
func TestSilentTask(t *testing.T) {
	q := queue{order: BySlot}
	silent := &job{header: Header{Slot: 1, Deadline: 100}}
	later := &job{header: Header{Slot: 2, Deadline: 300}, arrived: 50}
	q.add(silent)
	q.add(later)
	if j, again := q.next(60); j != nil || again != 101 {
		t.Fatal(j, again)
	}
	if j, _ := q.next(101); j != later || q.unblocked != 100 {
		t.Fatal(j, q.unblocked)
	}
	q.remove(silent, 140)
	if j, again := q.next(150); j != nil || again != 0 || len(q.waiting) != 0 {
		t.Fatal(j, again, q.waiting)
	}
	// and none if the connection breaks
	q = queue{order: BySlot}
	q.add(silent)
	q.add(later)
	q.remove(silent, 70)
	if j, _ := q.next(71); j != later || q.unblocked != 70 {
		t.Fatal(j, q.unblocked)
	}
}

// Where nothing is uncertain, the ledger knows the backlogs of the simulator from what was sent and
// answered.
func TestLedgerKnowsBacklogs(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		sc, err := mecoffload.LoadScenario("static")
		check(t, err)
		sc.Devices = rapid.IntRange(1, 9).Draw(rt, "devices")
		p, err := mecoffload.LoadProfile(mecoffload.IllustrativeProfile)
		check(t, err)
		sim, err := mecoffload.NewSimulator(sc, p)
		check(t, err)
		obs, err := sim.Reset(rapid.Uint64().Draw(rt, "seed"))
		check(t, err)
		policy := mecoffload.NewRandom(rapid.Uint64().Draw(rt, "policy"))
		l := newLedger(sc.Servers, BySlot)
		type reply struct {
			server int
			id     uint64
			finish float64
		}
		var replies []reply
		got, id := make([]float64, sc.Servers), uint64(0)
		for slot := range int64(15) {
			now := float64(slot) * float64(sc.Slot)
			for _, r := range replies {
				if r.finish <= now {
					l.answered(r.server, r.id, r.finish)
				}
			}
			l.backlogs(got, now, 9)
			for n, b := range obs.Backlog {
				if math.Abs(got[n]-b) > 1e-9 {
					rt.Fatalf("slot %d: %v, want %v", slot, got, obs.Backlog)
				}
			}
			action := make(mecoffload.Action, obs.Devices)
			check(t, policy.Decide(obs, action))
			for i, o := range action {
				n := int(o) / obs.Exits
				id++
				l.send(n, entry{id: id, slot: slot, arrive: now + obs.Bits[i]/obs.Rate[i*obs.Degree()+n],
					deadline: now + obs.Deadline[i], work: p.Time(n, int(o)%obs.Exits)})
			}
			next, err := sim.Step(action)
			check(t, err)
			for i, latency := range sim.Outcome().Latency {
				if !math.IsInf(latency, 1) {
					replies = append(replies, reply{sim.Outcome().Server[i], id - uint64(obs.Devices-i-1), now + latency})
				}
			}
			obs = next.Observation
		}
	})
}

func TestLedgerForgetsAndFails(t *testing.T) {
	l, b := newLedger(1, BySlot), make([]float64, 1)
	expect := func(now, want float64) {
		t.Helper()
		if l.backlogs(b, now, 50); b[0] != want {
			t.Errorf("at %v: %v, want %v", now, b[0], want)
		}
	}
	l.send(0, entry{id: 1, arrive: 2, deadline: 30, work: 4})
	l.send(0, entry{id: 2, arrive: 3, deadline: 30, work: 4})
	expect(0, 10)
	expect(8, 4)  // the first should be done and is about to be
	expect(20, 4) // it is still
	l.answered(0, 1, 9)
	expect(8, 5) // the second starts at 9
	l.answered(0, 2, 0)
	expect(8, 1) // it was dropped
	l.send(0, entry{id: 3, arrive: 10, deadline: 30, work: 1})
	l.lost(0, 3)
	expect(10, 50)
	l.answered(0, 9, 11)
	expect(10, 1)
}

func FuzzReadHeader(f *testing.F) {
	for _, h := range []Header{{}, {Exit: 4, Task: 1, Slot: 2, Deadline: -1, Stretch: 1.5, Hold: 1, Scale: 25, Image: 10, Padding: 99}} {
		b, err := h.Append(nil)
		check(f, err)
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		h, err := ReadHeader(bytes.NewReader(data))
		if err != nil {
			return
		}
		if h.Image < 1 || h.Image > MaxImage || h.Padding > MaxPadding || !(h.Stretch >= 0 && h.Stretch <= maxStretch) || !(h.Scale >= 0 && h.Scale <= maxScale) {
			t.Fatalf("%+v", h)
		}
		b, err := h.Append(nil)
		check(t, err)
		if !bytes.Equal(b, data[:len(b)]) {
			t.Fatalf("%x became %x", data, b)
		}
	})
}

func FuzzReadAnswer(f *testing.F) {
	for _, text := range []string{"", "no"} {
		b, err := Answer{Status: Refused, Task: 3, Label: 2}.Append(nil, text)
		check(f, err)
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		a, text, err := ReadAnswer(bytes.NewReader(data))
		if err != nil {
			return
		}
		b, err := a.Append(nil, text)
		check(t, err)
		if !bytes.Equal(b, data[:len(b)]) {
			t.Fatalf("%x became %x", data, b)
		}
	})
}
