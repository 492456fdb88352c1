package earlyexit

import (
	"github.com/graphrl/graphrl/nn"
	"golang.org/x/sync/errgroup"
)

// learn makes a step with the loaded minibatch and returns the loss before it. After the last epoch
// the step is one of [Config.Settle].
func (t *Training) learn() (float64, error) {
	settled := t.settled()
	if settled < 0 {
		return t.parallel.Step(t.shares)
	}
	for _, r := range t.replicas {
		for _, l := range r.net.norms() {
			l.Momentum = 1 / float64(settled+1) // so the running value is the mean of those so far
		}
	}
	var group errgroup.Group
	for _, r := range t.replicas {
		group.Go(r.tape.Run)
	}
	if err := group.Wait(); err != nil {
		return 0, err
	}
	loss := 0.0
	for i, r := range t.replicas {
		loss += t.shares[i] * r.tape.Scalar(r.loss)
	}
	if settled == int64(t.cfg.Settle)-1 {
		t.shareStatistics()
	}
	return loss, nil
}

// settled returns the number of settling minibatches so far, negative while there is training left.
func (t *Training) settled() int64 { return t.Steps() - int64(t.cfg.Epochs)*t.Epoch() }

// learningRate returns the one of the last step.
func (t *Training) learningRate() float64 {
	if t.settled() > 0 {
		return 0
	}
	return t.opt.LearningRate()
}

// shareStatistics gives all replicas the mean of their running values.
func (t *Training) shareStatistics() {
	var each []nn.Params
	for _, r := range t.replicas {
		each = append(each, r.net.Statistics())
	}
	for i, shared := range each[0] {
		for k := range shared.Data() {
			sum := 0.0
			for _, ps := range each {
				sum += float64(ps[i].Data()[k])
			}
			for _, ps := range each {
				ps[i].Data()[k] = float32(sum / float64(len(each)))
			}
		}
	}
}
