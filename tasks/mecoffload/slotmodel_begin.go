package mecoffload

import (
	"fmt"

	"github.com/graphrl/graphrl/internal/reuse"
)

// incoming is a link as a server sees it.
type incoming struct{ task, link int32 } // link counts through all devices

// Begin starts on an observation, of any numbers of devices and servers, with every device on
// option 0.
func (m *SlotModel) Begin(obs *Observation) error {
	if err := obs.Validate(); err != nil {
		return err
	}
	if obs.Exits != m.profile.Exits() {
		return fmt.Errorf("mecoffload: observation with %d exits, profile %q has %d", obs.Exits,
			m.profile.Name, m.profile.Exits())
	}
	if p := m.objective.Prices; p != nil && len(p) != obs.Servers {
		return fmt.Errorf("mecoffload: %d prices for %d servers", len(p), obs.Servers)
	}
	tasks, n := obs.Devices, obs.Servers
	if n != m.servers || obs.Degree() != m.degree {
		m.shape(obs)
	}
	m.tasks = tasks
	m.backlog = append(m.backlog[:0], obs.Backlog...)
	m.deadline = append(m.deadline[:0], obs.Deadline...)
	m.slope = reuse.Slice(m.slope, tasks)
	for i, d := range obs.Deadline {
		m.slope[i] = m.objective.Weight / d
	}
	m.price, m.held = m.price[:0], reuse.Slice(m.held, tasks)
	for _, p := range obs.EnergyPrice {
		m.price = append(m.price, p*m.transmit)
	}
	clear(m.held)
	for at, tau := range m.times {
		m.work[at] = tau / obs.Capacity[at/m.exits]
	}
	links := tasks * m.degree
	m.arrive, m.task, m.rank = reuse.Slice(m.arrive, links), reuse.Slice(m.task, links), reuse.Slice(m.rank, links)
	m.choice, m.byTask, m.finish = reuse.Slice(m.choice, tasks), reuse.Slice(m.byTask, tasks), reuse.Slice(m.finish, tasks)
	m.reach = append(m.reach[:0], obs.Reach...)
	m.groupLinks()
	for server := range n {
		if len(m.reach) == 0 {
			m.sortTasks(obs, server)
		} else {
			m.sortLinks(obs, server)
		}
	}
	m.queue = reuse.Slice(m.queue, int(m.word[n]))
	clear(m.choice)
	m.requeue()
	return nil
}

// shape adapts the tables that depend only on the numbers of servers and links.
func (m *SlotModel) shape(obs *Observation) {
	n := obs.Servers
	m.servers, m.exits, m.degree = n, obs.Exits, obs.Degree()
	m.times = m.profile.Times(n, m.times)
	m.link, m.exit = m.link[:0], m.exit[:0]
	for link := range m.degree {
		for exit := range m.exits {
			m.link, m.exit = append(m.link, int32(link)), append(m.exit, int32(exit))
		}
	}
	m.work = reuse.Slice(m.work, n*m.exits)
	m.begin, m.word = reuse.Slice(m.begin, n+1), reuse.Slice(m.word, n+1)
	m.did = reuse.Slice(m.did, n)
	m.next, m.stale = reuse.Slice(m.next, n), reuse.Slice(m.stale, n)
}

// groupLinks finds each server's place in the arrays by rank.
func (m *SlotModel) groupLinks() {
	if len(m.reach) == 0 { // every server has a link from every task
		for n := range m.begin {
			m.begin[n] = int32(n * m.tasks)
		}
	} else {
		// A counting sort: begin[n+1] holds where the next link of server n goes, then its end.
		clear(m.begin)
		for _, server := range m.reach {
			if int(server)+2 < len(m.begin) {
				m.begin[server+2]++
			}
		}
		for n := 2; n < len(m.begin); n++ {
			m.begin[n] += m.begin[n-1]
		}
		m.incoming = reuse.Slice(m.incoming, len(m.reach))
		for i := range m.tasks {
			for j, server := range m.reach[i*m.degree:][:m.degree] {
				at := &m.begin[server+1]
				m.incoming[*at] = incoming{int32(i), int32(i*m.degree + j)}
				*at++
			}
		}
	}
	m.word[0] = 0
	for n := range m.servers {
		m.word[n+1] = m.word[n] + (m.begin[n+1]-m.begin[n]+63)/64
	}
}

// sortTasks ranks all tasks by their arrival at a server that all of them reach.
func (m *SlotModel) sortTasks(obs *Observation, server int) {
	arrive, task := m.arrive[server*m.tasks:][:m.tasks], m.task[server*m.tasks:][:m.tasks]
	byTask := m.byTask[:m.tasks]
	for i, d := range obs.Bits {
		byTask[i] = d / obs.Rate[i*m.servers+server]
	}
	m.order.sort(byTask, task)
	for r, i := range task {
		arrive[r] = byTask[i]
		m.rank[int(i)*m.servers+server] = int32(r)
	}
}

// sortLinks ranks the tasks that reach a server by their arrival at it.
func (m *SlotModel) sortLinks(obs *Observation, server int) {
	begin, end := m.begin[server], m.begin[server+1]
	arrive, task, incoming := m.arrive[begin:end], m.task[begin:end], m.incoming[begin:end]
	byTask := m.byTask[:len(task)]
	for k, in := range incoming {
		byTask[k] = obs.Bits[in.task] / obs.Rate[in.link]
	}
	m.order.sort(byTask, task)
	for r, k := range task {
		arrive[r], task[r] = byTask[k], incoming[k].task
		m.rank[incoming[k].link] = int32(r)
	}
}
