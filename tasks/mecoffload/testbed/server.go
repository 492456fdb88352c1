package testbed

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"runtime"
	"sync"
	"time"

	"github.com/graphrl/graphrl/nn/cnn/imagefolder"
	"github.com/graphrl/graphrl/tasks/earlyexit"
)

// Limits of a server. What exceeds them is refused, or its connection closed.
const (
	maxConnections = 1 << 12
	maxWaiting     = 1 << 12
	// transmission is the longest time of one request, from its header to its last byte, and idle
	// that between requests.
	transmission = 5 * time.Minute
	idle         = 10 * time.Minute
	writing      = 10 * time.Second
)

// Server is an edge server: it runs a network on the images that it receives, one at a time.
type Server struct {
	model      *earlyexit.Model
	classifier *earlyexit.Classifier
	clock      earlyexit.Clock // of an inference: processor time where the system tells it
	last       []*job          // the last inferences, at most recalled

	mu      sync.Mutex // guards what follows
	queue   queue
	changed chan struct{} // has a value after a change of the queue
	conns   map[net.Conn]struct{}
}

// NewServer returns a server of a trained network.
func NewServer(m *earlyexit.Model, order Order) (*Server, error) {
	if err := order.Validate(); err != nil {
		return nil, fmt.Errorf("testbed: %w", err)
	}
	c, err := m.NewClassifier()
	if err != nil {
		return nil, fmt.Errorf("testbed: %w", err)
	}
	clock := earlyexit.ThreadClock()
	if clock == nil {
		clock = earlyexit.WallClock
	}
	return &Server{
		model: m, classifier: c, clock: clock, queue: queue{order: order},
		changed: make(chan struct{}, 1), conns: make(map[net.Conn]struct{}),
	}, nil
}

// waitUntil returns at a time, or earlier with an error when ctx is done.
func waitUntil(ctx context.Context, until time.Time) error {
	left := time.Until(until)
	if left <= 0 {
		return ctx.Err()
	}
	t := time.NewTimer(left)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Serve serves connections until ctx is done, which is no error. It closes the listener and all
// connections, and returns when nothing of it runs any more.
func (s *Server) Serve(ctx context.Context, l net.Listener) error {
	ctx, stop := context.WithCancel(ctx)
	var running sync.WaitGroup
	defer running.Wait()
	defer stop()
	running.Go(func() { s.work(ctx) })
	context.AfterFunc(ctx, func() {
		l.Close()
		s.mu.Lock()
		defer s.mu.Unlock()
		for c := range s.conns {
			c.Close()
		}
	})
	for {
		c, err := l.Accept()
		if ctx.Err() != nil {
			if err == nil {
				c.Close()
			}
			return nil
		}
		if err != nil {
			return fmt.Errorf("testbed: server: %w", err)
		}
		if !s.register(ctx, c) {
			c.Close()
			continue
		}
		running.Go(func() {
			defer s.unregister(c)
			s.talk(ctx, c)
		})
	}
}

// register remembers a connection, to be closed at the end.
func (s *Server) register(ctx context.Context, c net.Conn) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if ctx.Err() != nil || len(s.conns) >= maxConnections {
		return false
	}
	s.conns[c] = struct{}{}
	return true
}

func (s *Server) unregister(c net.Conn) {
	c.Close()
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.conns, c)
}

// talk answers the requests of a connection. A request that breaks the protocol is the last one,
// since nobody knows where the next would start.
func (s *Server) talk(ctx context.Context, c net.Conn) {
	r := bufio.NewReaderSize(c, 1<<12)
	for ctx.Err() == nil {
		c.SetReadDeadline(time.Now().Add(idle))
		h, err := ReadHeader(r)
		last := err != nil
		var a answer
		switch {
		case errors.Is(err, ErrProtocol):
			a = refusal(err)
		case err != nil:
			return
		default:
			c.SetReadDeadline(time.Now().Add(transmission))
			if a, err = s.serve(ctx, h, r); err != nil {
				return
			}
		}
		a.Task = h.Task
		b, err := a.Append(nil, a.text)
		if err != nil {
			return
		}
		c.SetWriteDeadline(time.Now().Add(writing))
		if _, err := c.Write(b); err != nil || last {
			return
		}
	}
}

func refusal(err error) answer { return answer{Answer{Status: Refused}, err.Error()} }

// serve reads the rest of a request and waits for the result. An error means that the connection or
// the server is at its end.
func (s *Server) serve(ctx context.Context, h Header, r io.Reader) (answer, error) {
	j := &job{header: h, done: make(chan answer, 1)}
	refused := s.admit(j)
	leave := func() { s.queue.remove(j, time.Now().UnixNano()) }
	image := make([]byte, h.Image)
	_, err := io.ReadFull(r, image)
	if err == nil {
		_, err = io.CopyN(io.Discard, r, int64(h.Padding))
	}
	if err != nil {
		s.update(leave)
		return answer{}, err
	}
	arrived := time.Now().UnixNano()
	if refused == nil {
		size := s.model.Network.Image
		j.pixels, refused = imagefolder.Decode(nil, image, size.Height, size.Width)
	}
	if refused != nil {
		s.update(leave)
		return refusal(refused), nil
	}
	s.update(func() { j.arrived = arrived })
	select {
	case a := <-j.done:
		return a, nil
	case <-ctx.Done():
		return answer{}, ctx.Err()
	}
}

// admit adds a task to the queue, or says why not.
func (s *Server) admit(j *job) error {
	if j.header.Exit >= earlyexit.Exits {
		return fmt.Errorf("exit %d: the network has %d, counted from 0", j.header.Exit, earlyexit.Exits)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.queue.waiting) >= maxWaiting {
		return fmt.Errorf("more than %d tasks wait", maxWaiting)
	}
	s.queue.add(j)
	return nil
}

// update changes the queue and tells the worker.
func (s *Server) update(change func()) {
	s.mu.Lock()
	change()
	s.mu.Unlock()
	select {
	case s.changed <- struct{}{}:
	default:
	}
}

// work serves the tasks of the queue until ctx is done.
//
// A task that has waited starts when the server became free for it and not when the worker woke up,
// so that the lateness of timers does not add up.
func (s *Server) work(ctx context.Context) {
	runtime.LockOSThread() // for the clock
	defer runtime.UnlockOSThread()
	free := int64(0)
	for ctx.Err() == nil {
		s.mu.Lock()
		j, again := s.queue.next(time.Now().UnixNano())
		unblocked := s.queue.unblocked
		s.mu.Unlock()
		if j == nil {
			s.idle(ctx, again)
			continue
		}
		start := max(j.arrived, free, unblocked)
		if start > j.header.Deadline {
			j.done <- answer{Answer: Answer{Status: Dropped, Arrived: j.arrived, Started: start, Finished: start}}
			continue
		}
		if err := s.recall(j.header.Scale, time.Duration(start-free)); err != nil {
			j.done <- refusal(err)
			continue
		}
		a := s.infer(ctx, j, start)
		if a.Status == Served {
			free = a.Finished
		}
		j.done <- a
	}
}

// idle waits for a change of the queue or for a time; 0: only for a change.
func (s *Server) idle(ctx context.Context, until int64) {
	if until != 0 {
		var stop context.CancelFunc
		ctx, stop = context.WithDeadline(ctx, time.Unix(0, until))
		defer stop()
	}
	select {
	case <-s.changed:
	case <-ctx.Done():
	}
}

// recalled is the number of inferences after which another one does not make the next faster.
const recalled = 3

// recall brings the processor's caches to where they would be if time were not scaled. A server
// that works without pause finds weights, code and branch history of the inferences before. Here it
// has slept for most of the time since then, and would take up to 1.8 times as long: so it repeats
// the last ones, and then waits for as long as it would have waited. pause is how long it has had
// nothing to do here.
func (s *Server) recall(scale float64, pause time.Duration) error {
	if scale <= 1 {
		return nil
	}
	pause = time.Duration(float64(pause) / scale)
	if pause >= earlyexit.CoolPause {
		return nil
	}
	for _, j := range s.last {
		if _, err := s.classifier.Classify(int(j.header.Exit), j.pixels); err != nil {
			return err
		}
	}
	time.Sleep(pause)
	return nil
}

// infer classifies an image, and occupies the server for as long as the header says. The inference
// counts with its processor time: an edge server has its processor for itself, this machine may have
// other work too.
func (s *Server) infer(ctx context.Context, j *job, start int64) answer {
	began := s.clock()
	logits, err := s.classifier.Classify(int(j.header.Exit), j.pixels)
	if err != nil {
		return refusal(err)
	}
	compute := s.clock() - began
	s.last = append(s.last[max(len(s.last)-recalled+1, 0):], j)
	occupied := max(float64(compute)*max(j.header.Stretch, 1), float64(j.header.Hold))
	finish := max(start+int64(min(occupied, float64(MaxHold))), time.Now().UnixNano())
	if waitUntil(ctx, time.Unix(0, finish)) != nil {
		return refusal(errors.New("the server stops"))
	}
	return answer{Answer: Answer{
		Status: Served, Label: uint32(argmax(logits.Row(0))),
		Arrived: j.arrived, Started: start, Finished: finish, Compute: int64(compute),
	}}
}

// argmax returns the index of the largest value, the first of equal ones.
func argmax(x []float32) int {
	best := 0
	for i, v := range x {
		if v > x[best] {
			best = i
		}
	}
	return best
}
