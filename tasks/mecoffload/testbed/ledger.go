package testbed

import (
	"cmp"
	"slices"
	"sync"
)

// ledger holds the unanswered tasks of each server and the times in the answers. From these and
// nominal rates and times it estimates the backlogs of an observation. Times are in seconds of the scenario, from the start of the run.
type ledger struct {
	order Order

	mu   sync.Mutex
	sent [][]entry // by server
	free []float64 // when each server was last known to become free
	down []bool    // the last task that went there had no answer
}

// entry is an unanswered task, with nominal times.
type entry struct {
	id                     uint64
	slot                   int64
	arrive, deadline, work float64
}

func newLedger(servers int, order Order) *ledger {
	return &ledger{order: order, sent: make([][]entry, servers), free: make([]float64, servers), down: make([]bool, servers)}
}

// send notes a task that is on its way.
func (l *ledger) send(server int, e entry) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.sent[server] = append(l.sent[server], e)
}

// answered forgets a task that was served until finish, or dropped: then finish is 0.
func (l *ledger) answered(server int, id uint64, finish float64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.forget(server, id)
	l.free[server] = max(l.free[server], finish)
	l.down[server] = false
}

// lost forgets a task that will have no answer.
func (l *ledger) lost(server int, id uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.forget(server, id)
	l.down[server] = true
}

func (l *ledger) forget(server int, id uint64) {
	l.sent[server] = slices.DeleteFunc(l.sent[server], func(e entry) bool { return e.id == id })
}

// backlogs writes to dst [N] how long each server will be busy from now on. A server that does not
// answer counts as busy for as long as any task has time.
func (l *ledger) backlogs(dst []float64, now, longest float64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for n, sent := range l.sent {
		slices.SortStableFunc(sent, func(a, b entry) int {
			if l.order == BySlot {
				return cmp.Or(cmp.Compare(a.slot, b.slot), cmp.Compare(a.arrive, b.arrive))
			}
			return cmp.Compare(a.arrive, b.arrive)
		})
		free := l.free[n]
		for _, e := range sent {
			if start := max(e.arrive, free); start <= e.deadline {
				free = max(start+e.work, now) // what should be done and is not is about to be
			}
		}
		dst[n] = max(free-now, 0)
		if l.down[n] {
			dst[n] = max(dst[n], longest)
		}
	}
}
