package serve

import (
	"encoding/json"
	"math"
	"sync"
	"sync/atomic"
	"time"

	"github.com/graphrl/graphrl/serve/servepb"
	"github.com/graphrl/graphrl/tasks/mecoffload"
)

// view shows decisions to whoever looks at the live page. As long as nobody does, it costs one atomic
// read per decision.
type view struct {
	viewers atomic.Int32
	next    [2]atomic.Int64 // earliest time of the next frame of each kind, ns

	mu   sync.Mutex
	subs map[chan []byte]struct{}
}

const (
	framesApart = 100 * time.Millisecond
	mostShown   = 64 // devices and servers in a frame
	mostViewers = 64
)

// frame is one slot, as the page draws it.
type frame struct {
	Kind     string        `json:"kind"` // acting or twins
	Source   string        `json:"source"`
	Slot     uint64        `json:"slot"`
	Version  string        `json:"version"`
	Fallback string        `json:"fallback,omitempty"`
	Value    float64       `json:"value"`
	Devices  int           `json:"devices"` // of which only the first are listed
	Tasks    []frameTask   `json:"tasks"`
	Servers  []frameServer `json:"servers"`

	Shadow  []frameTask  `json:"shadow,omitempty"` // decisions of the shadow
	Backlog []float64    `json:"backlog,omitempty"`
	Compare *frameResult `json:"compare,omitempty"`
}

type frameTask struct {
	Device   string  `json:"device"`
	Server   int     `json:"server"` // -1: none
	Exit     int     `json:"exit"`
	Deadline float64 `json:"deadline"` // s
	Finish   float64 `json:"finish"`   // s; -1: none
}

type frameServer struct {
	ID       string  `json:"id"`
	Capacity float64 `json:"capacity"`
	Backlog  float64 `json:"backlog"` // s
}

type frameResult struct {
	Shadow     string  `json:"shadow"`
	Slots      uint64  `json:"slots"`
	Difference float64 `json:"difference"`
	Low        float64 `json:"low"`
	High       float64 `json:"high"`
	Verdict    string  `json:"verdict"`
}

// due reports whether a frame of a kind is to be drawn.
func (v *view) due(kind int) bool {
	if v.viewers.Load() == 0 {
		return false
	}
	now := time.Now().UnixNano()
	next := v.next[kind].Load()
	return now >= next && v.next[kind].CompareAndSwap(next, now+int64(framesApart))
}

// add shows a decision.
func (v *view) add(r *servepb.DecideRequest, w *worker, out *servepb.DecideResponse) {
	if !v.due(0) {
		return
	}
	f := frame{Kind: "acting", Source: r.Source, Slot: r.Slot, Version: out.Version, Value: out.Value, Devices: w.obs.Devices}
	if out.Fallback != servepb.Fallback_FALLBACK_NONE {
		f.Fallback = out.Fallback.String() + ": " + out.Detail
	}
	for i := range min(w.obs.Devices, mostShown) {
		f.Tasks = append(f.Tasks, taskOf(w.asked.Tasks[w.task(i)].Device, &w.obs, i, w.action[i], w.finish[i]))
	}
	f.Servers = serversOf(&w.obs, func(n int) string { return w.asked.Servers[n].Id })
	v.send(f)
}

func taskOf(device string, o *mecoffload.Observation, i int, option int32, finish float64) frameTask {
	t := frameTask{device, o.ServerOf(i, int(option)/o.Exits), int(option)%o.Exits + 1, o.Deadline[i], finish}
	if math.IsInf(finish, 0) || math.IsNaN(finish) {
		t.Finish = -1
	}
	return t
}

func serversOf(o *mecoffload.Observation, id func(int) string) []frameServer {
	var list []frameServer
	for n := range min(o.Servers, mostShown) {
		list = append(list, frameServer{id(n), o.Capacity[n], o.Backlog[n]})
	}
	return list
}

// twins shows a slot of the two twins. The backlogs in the observation are those observed.
func (v *view) twins(s *twinSlot, pair *twinPair, source *twinSource, e estimate) {
	if !v.due(1) {
		return
	}
	f := frame{Kind: "twins", Source: s.source, Slot: s.slot, Version: pair.acting.version, Devices: s.obs.Devices}
	for i := range min(s.obs.Devices, mostShown) {
		f.Tasks = append(f.Tasks, taskOf("", &s.obs, i, pair.sides[0].action[i], -1))
		f.Shadow = append(f.Shadow, taskOf("", &s.obs, i, pair.sides[1].action[i], -1))
	}
	f.Servers = serversOf(&s.obs, func(int) string { return "" })
	for n := range f.Servers {
		f.Servers[n].Backlog = source.backlog[0][n]
		f.Backlog = append(f.Backlog, source.backlog[1][n])
	}
	f.Compare = &frameResult{pair.shadow.version, e.slots, e.mean, finite(e.low), finite(e.high), e.verdict()}
	v.send(f)
}

// finite is x, or 0 for what JSON cannot hold.
func finite(x float64) float64 {
	if math.IsInf(x, 0) || math.IsNaN(x) {
		return 0
	}
	return x
}

func (v *view) send(f frame) {
	f.Value = finite(f.Value)
	data, err := json.Marshal(f)
	if err != nil {
		return // a frame less
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	for c := range v.subs {
		select {
		case c <- data:
		default: // a slow viewer misses frames
		}
	}
}

// subscribe returns a channel of frames and a function that ends it; nil if there are too many.
func (v *view) subscribe() (<-chan []byte, func()) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if len(v.subs) >= mostViewers {
		return nil, nil
	}
	if v.subs == nil {
		v.subs = map[chan []byte]struct{}{}
	}
	c := make(chan []byte, 8)
	v.subs[c] = struct{}{}
	v.viewers.Add(1)
	return c, func() {
		v.mu.Lock()
		defer v.mu.Unlock()
		delete(v.subs, c)
		v.viewers.Add(-1)
	}
}
