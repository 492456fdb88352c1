package nn

import (
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/graphrl/graphrl/internal/cores"
	"github.com/graphrl/graphrl/internal/kernel"
)

// DataParallel trains with replicas of one network. Each runs on its own goroutine with a part of
// the minibatch. Gradients are added in the order of the replicas, so a run is reproducible bit for
// bit for a given number of them; another number rounds differently.
type DataParallel struct {
	replicas []*Trainer
	weights  []float64
	losses   []float64
	errs     []error
	jobs     []chan struct{} // one per replica but the first, which the caller runs
	wg       sync.WaitGroup
	sum      gradientSum // of the gradients of a parameter
}

// NewDataParallel takes trainers that were built alike over the same parameters and the same
// optimiser, each in its own graph. Close stops the goroutines.
func NewDataParallel(replicas ...*Trainer) (*DataParallel, error) {
	if len(replicas) == 0 {
		return nil, fmt.Errorf("nn: data parallel: want at least one replica")
	}
	for i, r := range replicas {
		if r == nil || r.loss == nil {
			return nil, fmt.Errorf("nn: data parallel: replica %d is no trainer: make it with NewTrainer", i)
		}
	}
	first := replicas[0]
	for i, r := range replicas[1:] {
		switch {
		case r.Optimizer != first.Optimizer:
			return nil, fmt.Errorf("nn: data parallel: replica %d has another optimiser", i+1)
		case r.Tape.graph == first.Tape.graph:
			return nil, fmt.Errorf("nn: data parallel: replica %d is in the first replica's graph, whose buffers it would share", i+1)
		case len(r.grads) != len(first.grads):
			return nil, fmt.Errorf("nn: data parallel: replica %d has %d parameters, the first %d", i+1, len(r.grads), len(first.grads))
		}
		for j := range r.grads {
			if r.grads[j].Value() != first.grads[j].Value() {
				return nil, fmt.Errorf("nn: data parallel: replica %d does not share parameter %d", i+1, j)
			}
		}
	}
	d := &DataParallel{
		replicas: replicas,
		weights:  make([]float64, len(replicas)),
		losses:   make([]float64, len(replicas)),
		errs:     make([]error, len(replicas)),
		jobs:     make([]chan struct{}, len(replicas)),
	}
	for i := 1; i < len(replicas); i++ {
		jobs := make(chan struct{})
		d.jobs[i] = jobs
		go func() {
			for range jobs {
				d.run(i)
				d.wg.Done()
			}
		}()
	}
	return d, nil
}

// Step trains once. The share of a replica is its fraction of the minibatch (a loss that is a mean
// makes the sum of the shares 1); a replica with share 0 is idle. It returns the loss of the whole
// minibatch before the step.
func (d *DataParallel) Step(shares []float64) (float64, error) {
	if len(shares) != len(d.replicas) {
		return 0, fmt.Errorf("nn: data parallel: %d shares for %d replicas", len(shares), len(d.replicas))
	}
	if len(shares) == 0 || d.jobs == nil {
		return 0, fmt.Errorf("nn: data parallel: closed, or not made by NewDataParallel")
	}
	if !(shares[0] > 0) {
		return 0, fmt.Errorf("nn: data parallel: the first replica needs a share, got %v", shares)
	}
	copy(d.weights, shares)
	for i := 1; i < len(d.replicas); i++ {
		if d.weights[i] > 0 {
			d.wg.Add(1)
			d.jobs[i] <- struct{}{}
		}
	}
	d.run(0)
	d.wg.Wait()

	loss, busy := 0.0, 0
	for i, w := range d.weights {
		if w <= 0 {
			continue
		}
		if d.errs[i] != nil {
			return 0, d.errs[i]
		}
		loss += w * d.losses[i]
		busy++
	}
	if first := d.replicas[0]; busy == 1 && d.weights[0] == 1 {
		return loss, first.update(first.finite()) // the gradients are its own
	}
	return loss, d.reduce()
}

func (d *DataParallel) run(i int) { d.losses[i], d.errs[i] = d.replicas[i].backward() }

// reduce adds the weighted gradients up in the first replica's memory and steps.
func (d *DataParallel) reduce() error {
	first := d.replicas[0]
	d.sum.notFinite.Store(false)
	for j := range first.grads {
		d.sum.grads, d.sum.weights = d.sum.grads[:0], d.sum.weights[:0]
		for i, r := range d.replicas {
			if d.weights[i] <= 0 {
				continue
			}
			g, err := gradient(r.grads[j])
			if err != nil {
				return err
			}
			d.sum.grads, d.sum.weights = append(d.sum.grads, g), append(d.sum.weights, float32(d.weights[i]))
		}
		const perValue = 2 // nanoseconds
		d.sum.parts = blockParts(len(d.sum.grads[0]), perValue)
		cores.Run(d.sum.parts, &d.sum)
	}
	return first.update(first.ClipNorm == 0 && !d.sum.notFinite.Load()) // clipping checks itself
}

// gradientSum sets the first of some gradients to their weighted sum, in parts.
type gradientSum struct {
	grads     [][]float32
	weights   []float32
	parts     int
	notFinite atomic.Bool // some sum
}

// Part implements cores.Task.
func (s *gradientSum) Part(i int) {
	eachBlock(len(s.grads[0]), i, s.parts, func(from, to int) {
		sum := s.grads[0][from:to]
		if s.weights[0] != 1 {
			kernel.Scale(s.weights[0], sum)
		}
		for k, g := range s.grads[1:] {
			kernel.Axpy(s.weights[k+1], g[from:to], sum)
		}
		if !kernel.Finite(sum) { // while it is in the cache
			s.notFinite.Store(true)
		}
	})
}

// blockValues is the size of blocks that stay in a second-level cache from one pass to the next.
const blockValues = 1 << 13

// blockParts is the number of parts to take a pass over n values in, of perValue nanoseconds each.
func blockParts(n, perValue int) int { return cores.Parts(perValue*n, n/blockValues) }

// eachBlock calls f for blocks from from to to of the part-th of so many parts of n values.
func eachBlock(n, part, parts int, f func(from, to int)) {
	for from, end := part*n/parts, (part+1)*n/parts; from < end; from += blockValues {
		f(from, min(from+blockValues, end))
	}
}

// Close stops the goroutines. Step fails afterwards.
func (d *DataParallel) Close() {
	for _, c := range d.jobs {
		if c != nil {
			close(c)
		}
	}
	d.jobs = nil
}
