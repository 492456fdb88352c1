package serve

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/graphrl/graphrl/checkpoints"
	"github.com/graphrl/graphrl/checkpoints/runfolder"
	"github.com/graphrl/graphrl/serve/servepb"
	"github.com/graphrl/graphrl/tasks/mecoffload/experiment"
	"google.golang.org/protobuf/proto"
)

// OnlineConfig lets a policy learn from reports.
type OnlineConfig struct {
	// Dir is a folder for the journal and the checkpoints, of this policy alone. If it holds
	// checkpoints, learning goes on from there.
	Dir string
	// From is the checkpoint to start from: a run folder, or the folder of a checkpoint. Name is best
	// or latest, or empty.
	From, Name string
	World      World
	// Interval is the number of reports from one checkpoint to the next. Each checkpoint becomes the
	// shadow. Default 1000.
	Interval int
}

// Folders and files of a policy that learns.
const (
	learnedDir = "checkpoint" // latest state of learning
	actingDir  = "acting"     // the policy that acts, if it is not the one of the start
	onlineLock = ".lock"
)

const (
	defaultInterval = 1000
	reportQueue     = 256 // reports that wait for the learner; more wait for their answer
	reportBatch     = 256 // reports synced at once
)

// Errors of reports.
var (
	errNotOnline = errors.New("the service does not learn: start it with --online")
	errEnding    = errors.New("the service ends")
)

// online learns from reports. One goroutine writes the journal: it numbers the reports, syncs many at
// once, answers, and passes them on in order. Another learns.
type online struct {
	cfg     OnlineConfig
	of      *served
	log     *slog.Logger
	lock    *runfolder.Lock
	journal *journal
	learner *learner
	latest  *Model // at the start, to act; nil: that of the configuration

	reports chan *report      // to the journal
	kept    chan *report      // to the learner
	sources map[string]uint64 // next slot of each source, of the journal
	ending  chan struct{}
	endOnce sync.Once
	done    sync.WaitGroup
	err     error // of the end

	observed, learned atomic.Uint64
	replayed          uint64
}

// report is one ObserveRequest on its way.
type report struct {
	request  *servepb.ObserveRequest
	data     []byte
	number   uint64
	answered chan error // buffered
	again    bool       // reported before
}

// startOnline loads what was learned, learns what is in the journal beyond it, and is ready to run.
func startOnline(cfg OnlineConfig, v *served, log *slog.Logger) (o *online, err error) {
	if cfg.Interval == 0 {
		cfg.Interval = defaultInterval
	}
	if err := makeDir(cfg.Dir); err != nil {
		return nil, err
	}
	o = &online{cfg: cfg, of: v, log: log, reports: make(chan *report, reportBatch), kept: make(chan *report, reportQueue), ending: make(chan struct{})}
	if o.lock, err = runfolder.Acquire(cfg.Dir, onlineLock); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, o.lock.Release())
		}
	}()
	if o.learner, err = loadLearner(cfg); err != nil {
		return nil, err
	}
	from := o.learner.number
	o.sources = o.learner.nextSlots()
	o.journal, err = openJournal(cfg.Dir, from, func(number uint64, data []byte) error {
		var q servepb.ObserveRequest
		if err := proto.Unmarshal(data, &q); err != nil {
			return err
		}
		o.sources[q.Source] = q.Slot + 1
		return o.learner.learn(number, &q)
	})
	if err != nil {
		o.learner.close()
		return nil, err
	}
	o.replayed = o.journal.last - from
	o.observed.Store(o.journal.last)
	o.learned.Store(o.learner.number)
	if o.replayed > 0 {
		log.Info("learned from the journal", "reports", o.replayed, "last", o.journal.last)
	}
	if o.latest, err = OpenModel(filepath.Join(cfg.Dir, actingDir), "", cfg.World); errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	return o, err
}

// acting is the policy that acted when the process ended, nil if it is that of the configuration.
func (o *online) acting() *Model { return o.latest }

// acts saves the policy that acts from now on.
func (o *online) acts(m *Model) {
	if err := m.saved.SaveTo(filepath.Join(o.cfg.Dir, actingDir)); err != nil {
		o.log.Error("the acting policy could not be saved: after a restart the former one acts", "error", err)
	}
}

func (o *online) counts() (observed, learned uint64) { return o.observed.Load(), o.learned.Load() }

// run starts the two goroutines.
func (o *online) run() {
	o.done.Go(func() {
		defer close(o.kept)
		o.write()
	})
	o.done.Go(o.learn)
}

// close learns what is in the journal, saves a checkpoint and ends.
func (o *online) close() error {
	o.endOnce.Do(func() { close(o.ending) })
	o.done.Wait()
	return errors.Join(o.err, o.journal.close(), o.lock.Release())
}

// write is the goroutine of the journal.
func (o *online) write() {
	batch := make([]*report, 0, reportBatch)
	for {
		select {
		case r := <-o.reports:
			batch = append(batch[:0], r)
		case <-o.ending:
			return
		}
	more:
		for len(batch) < cap(batch) {
			select {
			case r := <-o.reports:
				batch = append(batch, r)
			default:
				break more
			}
		}
		o.keep(batch)
	}
}

// keep writes reports to the journal, answers them and passes them on.
func (o *online) keep(batch []*report) {
	first := o.journal.last + 1
	undo := map[string]uint64{}
	for _, r := range batch {
		next, known := o.sources[r.request.Source]
		switch {
		case known && r.request.Slot < next:
			r.again, r.number = true, o.journal.last
		case !known && len(o.sources) >= mostReporters:
			r.answered <- fmt.Errorf("%d sources report, and no more can", mostReporters)
		default:
			if _, there := undo[r.request.Source]; !there {
				undo[r.request.Source] = next
			}
			o.sources[r.request.Source] = r.request.Slot + 1
			r.number = o.journal.append(r.data)
		}
	}
	err := o.journal.sync(first)
	if err != nil {
		o.log.Error("reports could not be kept", "error", err)
		for source, next := range undo {
			o.sources[source] = next
		}
	} else {
		o.observed.Store(o.journal.last)
	}
	for _, r := range batch {
		if r.number == 0 {
			continue // answered
		}
		again := r.again
		r.answered <- err
		if err == nil && !again {
			o.kept <- r
		}
	}
}

// mostReporters bounds the sources whose last slot is remembered.
const mostReporters = 1 << 16

// learn is the goroutine of the learner.
func (o *online) learn() {
	for r := range o.kept {
		if o.err != nil {
			continue // the reports stay in the journal
		}
		if err := o.learner.learn(r.number, r.request); err != nil {
			o.err = err
			o.log.Error("learning has stopped; reports are kept", "error", err)
			continue
		}
		o.learned.Store(r.number)
		o.tell(r.request)
		if r.number%uint64(o.cfg.Interval) == 0 {
			if err := o.checkpoint(true); err != nil {
				o.log.Error("what was learned could not be saved; the journal has it", "error", err)
			}
		}
	}
	if o.err == nil {
		o.err = o.checkpoint(false)
	}
	o.learner.close()
}

// tell adds a report to the figures.
func (o *online) tell(q *servepb.ObserveRequest) {
	m, w := &o.of.meters, o.learner
	for _, s := range w.outcome.Status {
		m.tasks[s].Inc()
	}
	for _, a := range w.outcome.Accuracy {
		m.accuracy.Add(a)
	}
	m.reward.Add(w.outcome.Reward * float64(len(w.outcome.Status)))
	if o.of.twins != nil {
		o.of.twins.report(w.ratio, w.outcome.Status, w.expected, w.outcome.Reward)
	}
}

// checkpoint saves the state of learning and, if it is to be compared, makes it the shadow.
func (o *online) checkpoint(compare bool) error {
	dir := filepath.Join(o.cfg.Dir, learnedDir)
	if err := o.learner.save(dir); err != nil {
		return err
	}
	if err := o.journal.drop(o.learner.number); err != nil || !compare {
		return err
	}
	m, err := inBackground(func() (*Model, error) {
		c, err := experiment.OpenCheckpoint(dir)
		if err != nil {
			return nil, err
		}
		return newModel(c, o.cfg.World, o.of.acting.Load().ranges)
	})
	if err != nil {
		return err
	}
	o.of.setShadow(m)
	o.log.Info("checkpoint", "reports", o.learner.number, "shadow", m.version)
	return nil
}

// observe keeps a report, and returns when it is on disk.
func (o *online) observe(ctx context.Context, q *servepb.ObserveRequest) (*servepb.ObserveResponse, error) {
	if err := o.learner.check(q); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrRequest, err)
	}
	data, err := proto.Marshal(q)
	if err != nil {
		return nil, err
	}
	start := time.Now()
	r := &report{request: q, data: data, answered: make(chan error, 1)}
	select {
	case o.reports <- r:
	case <-o.ending:
		return nil, errEnding
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	select {
	case err = <-r.answered:
	case <-o.ending:
		return nil, errEnding
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if err != nil {
		return nil, err
	}
	o.of.meters.sync.Observe(time.Since(start).Seconds())
	return &servepb.ObserveResponse{Sequence: r.number, Duplicate: r.again}, nil
}

// Observe keeps a report. When it returns, the report is on disk, and is learned from even if the
// process dies.
func (s *Service) Observe(ctx context.Context, q *servepb.ObserveRequest) (*servepb.ObserveResponse, error) {
	v, err := s.offloading(q.Policy)
	if err != nil {
		return nil, err
	}
	if v.online == nil {
		return nil, fmt.Errorf("policy %s: %w", v.Name, errNotOnline)
	}
	out, err := v.online.observe(ctx, q)
	if err != nil {
		return nil, fmt.Errorf("policy %s: %w", v.Name, err)
	}
	return out, nil
}

// manifestOf describes a checkpoint of learning after a number of slots.
func manifestOf(cfg experiment.Config, slots int64) (checkpoints.Manifest, error) {
	m, err := experiment.Task().Manifest(cfg)
	m.Step = slots
	return m, err
}
