package earlyexit

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"

	"github.com/graphrl/graphrl/checkpoints"
	"github.com/graphrl/graphrl/checkpoints/runfolder"
	"github.com/graphrl/graphrl/nn"
	"github.com/graphrl/graphrl/nn/cnn"
	"github.com/graphrl/graphrl/nn/cnn/imagefolder"
	"gorgonia.org/gorgonia"
)

// Random streams of a training.
const (
	weightStream  uint64 = iota
	orderStream                    // plus the epoch
	augmentStream uint64 = 1 << 32 // plus the step
	flipStream    uint64 = 1 << 63
)

// Training is a training run. It implements [runfolder.Run]; a step is a minibatch.
type Training struct {
	runfolder.Course
	cfg      Config
	images   *imagefolder.Set
	norm     Normalisation
	net      *Network // replica 0 trains it
	replicas []*replica
	parallel *nn.DataParallel
	opt      nn.Optimizer

	epochSteps int64 // minibatches in an epoch

	order    []int  // of the images in this epoch
	epoch    int64  // that order is for
	mirrored []bool // images to mirror in epochs 1, 3, ...; nil without AlternateFlip
	shares   []float64
	report   Report
	sums     Report // of the interval so far
}

// replica trains on a part of each minibatch.
type replica struct {
	net       *Network
	x, labels *gorgonia.Node
	logits    [Exits]*gorgonia.Node
	trainer   *nn.Trainer
	settle    *nn.Tape // loss and logits without the gradients
	tape      *nn.Tape // of the last step: this one or the trainer's
	loss      *gorgonia.Node
	images    nn.Buffer // [part*pixels x 3]
	targets   nn.Buffer // [part x classes], one-hot and smoothed
	part      []int     // images of the current step
}

// Report says how an epoch of training went.
type Report struct {
	Step         int64     `json:"step"` // minibatches so far
	Epoch        int64     `json:"epoch"`
	Loss         float64   `json:"loss"`          // mean over minibatches
	Accuracy     []float64 `json:"accuracy"`      // of each exit on the minibatches, before their steps
	LearningRate float64   `json:"learning_rate"` // at the end; of Muon if it trains the filters
}

// NewTraining reads the images and makes a run at its first step.
func NewTraining(cfg Config) (*Training, error) {
	if err := cfg.validate(); err != nil {
		return nil, fmt.Errorf("early exits: %w", err)
	}
	images, err := imagefolder.Read(cfg.Data)
	if err != nil {
		return nil, fmt.Errorf("early exits: %w", err)
	}
	return newTraining(cfg, images)
}

func newTraining(cfg Config, images *imagefolder.Set) (*Training, error) {
	batches := images.Len() / cfg.BatchSize
	if batches < 1 {
		return nil, fmt.Errorf("early exits: %s has %d images, fewer than a minibatch of %d", cfg.Data, images.Len(), cfg.BatchSize)
	}
	side := min(images.Height, images.Width)
	if cfg.Cutout > side || cfg.ReflectPadding && cfg.CropPadding >= side {
		return nil, fmt.Errorf("early exits: images of %d x %d pixels are too small for cutout: %d, or crop_padding: %d with reflect_padding",
			images.Height, images.Width, cfg.Cutout, cfg.CropPadding)
	}
	t := &Training{cfg: cfg, images: images, norm: normalisation(images), epoch: -1, order: make([]int, images.Len())}
	if cfg.AlternateFlip {
		rng := rand.New(rand.NewPCG(cfg.Seed, flipStream))
		t.mirrored = make([]bool, images.Len())
		for i := range t.mirrored {
			t.mirrored[i] = rng.Uint64()&1 == 1
		}
	}
	var err error
	if t.net, err = cfg.network(images, t.norm); err != nil {
		return nil, err
	}
	if t.opt, err = cfg.optimizer(t.net); err != nil {
		return nil, err
	}
	var trainers []*nn.Trainer
	for i := range cfg.Replicas {
		r := &replica{net: t.net, part: make([]int, 0, cfg.BatchSize)}
		if i > 0 {
			if r.net, err = t.net.replica(); err != nil {
				return nil, err
			}
		}
		if err := r.build(cfg, t.opt); err != nil {
			return nil, err
		}
		t.replicas, trainers = append(t.replicas, r), append(trainers, r.trainer)
	}
	steps := int64(cfg.Epochs * batches)
	t.epochSteps = int64(batches)
	t.Course = runfolder.NewCourse(steps+int64(cfg.Settle), t.epochSteps, t.epochSteps)
	trainers[0].Schedule = cfg.schedule(batches)
	t.shares = make([]float64, cfg.Replicas)
	t.sums.Accuracy, t.report.Accuracy = make([]float64, Exits), make([]float64, Exits)
	t.parallel, err = nn.NewDataParallel(trainers...)
	return t, err
}

// network makes the network to train.
func (c Config) network(images *imagefolder.Set, norm Normalisation) (*Network, error) {
	n, err := NewNetwork(NetworkConfig{
		Image:   cnn.Map{Height: images.Height, Width: images.Width, Channels: 3},
		Classes: len(images.Classes), Width: c.Width, UnpooledBlock5: c.UnpooledBlock5, Dirac: c.Dirac,
		After: [Exits]int(c.ExitsAfter),
	}, rand.New(rand.NewPCG(c.Seed, weightStream)))
	if err == nil && c.Whiten {
		err = whiten(n.blocks[0].units[0].conv, norm, images)
	}
	return n, err
}

// trained returns the parameters that training changes: all but the filters that whiten.
func (c Config) trained(n *Network) nn.Params {
	if c.Whiten {
		return n.Params()[1:]
	}
	return n.Params()
}

// optimizer makes the optimiser of a network.
func (c Config) optimizer(n *Network) (nn.Optimizer, error) {
	params, sgd := c.trained(n), nn.SGDConfig{LearningRate: c.LearningRate, Momentum: 0.9, Nesterov: true, WeightDecay: c.WeightDecay}
	if c.MuonLearningRate == 0 {
		return nn.NewSGD(params, sgd)
	}
	// Momentum and iterations as K. Jordan trains networks for CIFAR-10 in seconds.
	cfg := nn.MuonConfig{LearningRate: c.MuonLearningRate, Momentum: 0.8, Iterations: 3, FixedNorm: true, SGD: sgd}
	for _, l := range n.convs() {
		if slices.Contains(params, l.Weight) { // not the filters that whiten
			cfg.Hidden = append(cfg.Hidden, l.Weight)
		}
	}
	return nn.NewMuon(params, cfg)
}

// schedule is of the learning rates, with so many minibatches in an epoch.
func (c Config) schedule(batches int) nn.Schedule {
	warmup := int(c.WarmupEpochs * float64(batches))
	decay := nn.CosineDecay
	if c.LinearDecay {
		decay = nn.LinearDecay
	}
	schedule := decay(c.Epochs*batches-warmup, 0)
	if warmup > 0 {
		schedule = nn.Warmup(warmup, schedule)
	}
	return schedule
}

// build adds network and loss to a new graph.
func (r *replica) build(cfg Config, opt nn.Optimizer) error {
	for _, l := range r.net.norms() {
		l.Training = true
	}
	g := gorgonia.NewGraph()
	var err error
	if r.x, err = nn.NewInput(g, "images", r.net.Image.Channels); err != nil {
		return err
	}
	if r.labels, err = nn.NewInput(g, "labels", r.net.Classes); err != nil {
		return err
	}
	if r.logits, err = r.net.Forward(r.x); err != nil {
		return err
	}
	losses := make([]*gorgonia.Node, Exits)
	for i, z := range r.logits {
		if losses[i], err = nn.CrossEntropy(z, r.labels); err != nil {
			return err
		}
	}
	loss, err := nn.WeightedSum(losses, cfg.ExitWeights)
	if err != nil {
		return err
	}
	if r.trainer, err = nn.NewTrainer(loss, cfg.trained(r.net), opt, r.logits[:]...); err != nil {
		return err
	}
	r.loss = loss
	r.settle, err = nn.NewTape(append(gorgonia.Nodes{loss}, r.logits[:]...)...)
	return err
}

// Position implements runfolder.Run.
func (t *Training) Position() *runfolder.Course { return &t.Course }

// Epoch returns the number of minibatches in an epoch.
func (t *Training) Epoch() int64 { return t.epochSteps }

// Step trains on the next minibatch.
func (t *Training) Step() error {
	if t.ReportStart() {
		t.sums = Report{Accuracy: t.sums.Accuracy}
		clear(t.sums.Accuracy)
	}
	batch := t.next()
	rng := rand.New(rand.NewPCG(t.cfg.Seed, augmentStream+uint64(t.Steps())))
	for i, r := range t.replicas {
		r.part = append(r.part[:0], batch[i*len(batch)/len(t.replicas):(i+1)*len(batch)/len(t.replicas)]...)
		t.shares[i] = float64(len(r.part)) / float64(len(batch))
		if err := t.load(r, rng); err != nil {
			return err
		}
	}
	loss, err := t.learn()
	if err != nil {
		return fmt.Errorf("early exits: step %d: %w", t.Steps()+1, err)
	}
	t.sums.Loss += loss
	for i, r := range t.replicas {
		for e, z := range r.logits {
			t.sums.Accuracy[e] += t.shares[i] * accuracy(r.tape.Matrix(z), t.images.Labels, r.part)
		}
	}
	t.Advance()
	if t.ReportDue() {
		n := float64(t.Steps() - t.ReportFrom())
		t.report = Report{t.Steps(), t.Steps() / t.Epoch(), t.sums.Loss / n, make([]float64, Exits), t.learningRate()}
		for e, v := range t.sums.Accuracy {
			t.report.Accuracy[e] = v / n
		}
	}
	return nil
}

// next returns the images of the next minibatch. What is left of an epoch is not trained on.
func (t *Training) next() []int {
	if epoch := t.Steps() / t.Epoch(); epoch != t.epoch {
		for i := range t.order {
			t.order[i] = i
		}
		rng := rand.New(rand.NewPCG(t.cfg.Seed, orderStream+uint64(epoch)))
		rng.Shuffle(len(t.order), func(i, j int) { t.order[i], t.order[j] = t.order[j], t.order[i] })
		t.epoch = epoch
	}
	at := int(t.Steps()%t.Epoch()) * t.cfg.BatchSize
	return t.order[at : at+t.cfg.BatchSize]
}

// load binds the images of a replica's part and their targets to the tape of the coming step.
func (t *Training) load(r *replica, rng *rand.Rand) error {
	if r.tape = r.trainer.Tape; t.settled() >= 0 {
		r.tape = r.settle
	}
	m := r.net.Image
	pixels, targets := r.images.Resize(len(r.part)*m.Pixels(), 3), r.targets.Resize(len(r.part), r.net.Classes)
	shared := float32(t.cfg.LabelSmoothing / float64(r.net.Classes))
	for k := range targets {
		targets[k] = shared
	}
	for k, i := range r.part {
		t.norm.draw(pixels[k*m.Values():][:m.Values()], t.images.Image(i), m, t.view(i, m, rng))
		targets[k*r.net.Classes+int(t.images.Labels[i])] += float32(1 - t.cfg.LabelSmoothing)
	}
	if err := r.tape.Bind(r.x, r.images.Value()); err != nil {
		return err
	}
	return r.tape.Bind(r.labels, r.targets.Value())
}

// view draws how image i of m's size is looked at: mirrored, shifted, a square of it hidden.
func (t *Training) view(i int, m cnn.Map, rng *rand.Rand) view {
	v := view{reflect: t.cfg.ReflectPadding, hidden: t.cfg.Cutout}
	if t.mirrored != nil {
		v.mirror = t.mirrored[i] == (t.epoch%2 == 0)
	} else {
		v.mirror = t.cfg.Flip && rng.Uint64()&1 == 1
	}
	v.down, v.right = rng.IntN(2*t.cfg.CropPadding+1)-t.cfg.CropPadding, rng.IntN(2*t.cfg.CropPadding+1)-t.cfg.CropPadding
	if v.hidden > 0 {
		v.top, v.left = rng.IntN(m.Height-v.hidden+1), rng.IntN(m.Width-v.hidden+1)
	}
	return v
}

// accuracy returns the fraction of rows whose largest logit is the image's label.
func accuracy(logits nn.Matrix, labels []int32, images []int) float64 {
	right := 0
	for k, i := range images {
		if argmax(logits.Row(k)) == int(labels[i]) {
			right++
		}
	}
	return float64(right) / float64(len(images))
}

func argmax(x []float32) int {
	best := 0
	for i, v := range x {
		if v > x[best] {
			best = i
		}
	}
	return best
}

// Report returns how the last epoch went.
func (t *Training) Report() Report { return t.report }

// Line implements runfolder.Run.
func (t *Training) Line() any { return t.report }

// Score implements runfolder.Run. There are no validation images, so the best checkpoint is the one
// with the lowest training loss.
func (t *Training) Score() float64 { return -t.report.Loss }

// Manifest implements runfolder.Run.
func (t *Training) Manifest() (checkpoints.Manifest, error) { return t.cfg.manifest() }

// Close implements runfolder.Run.
func (t *Training) Close() { t.parallel.Close() }

// SaveState implements checkpoints.Stateful.
func (t *Training) SaveState(s *checkpoints.State) error {
	if err := t.Course.SaveState(s); err != nil {
		return err
	}
	checkpoints.SaveOptimizer(s.Sub("optimizer"), t.opt)
	saveModel(s.Sub("model"), t.net, t.norm, t.images.Classes)
	for i, r := range t.replicas[1:] {
		checkpoints.SaveParams(s.Sub(fmt.Sprintf("replica%d", i+1)), r.net.Statistics())
	}
	s.PutFloat("report/loss", t.report.Loss)
	s.PutFloat("report/learning_rate", t.report.LearningRate)
	s.PutFloat64("report/accuracy", nil, t.report.Accuracy)
	s.PutFloat("sums/loss", t.sums.Loss)
	s.PutFloat64("sums/accuracy", nil, t.sums.Accuracy)
	return nil
}

// LoadState implements checkpoints.Stateful.
func (t *Training) LoadState(s *checkpoints.State) error {
	if err := t.Course.LoadState(s); err != nil {
		return err
	}
	m, err := loadModel(s.Sub("model"))
	if err != nil {
		return err
	}
	want := t.net.NetworkConfig
	want.Width, want.Dirac = m.Network.Width, false // the width may be rounded; LoadParams compares channels
	if m.Network.NetworkConfig != want || fmt.Sprint(m.Classes) != fmt.Sprint(t.images.Classes) {
		return fmt.Errorf("early exits: another network or other images: %+v, classes %v: %w", m.Network.NetworkConfig, m.Classes, checkpoints.ErrMismatch)
	}
	errs := []error{
		checkpoints.LoadParams(s.Sub("model"), append(t.net.Params(), t.net.Statistics()...)),
		checkpoints.LoadOptimizer(s.Sub("optimizer"), t.opt),
		s.Float64("report/accuracy", t.report.Accuracy),
		s.Float64("sums/accuracy", t.sums.Accuracy),
	}
	for i, r := range t.replicas[1:] {
		errs = append(errs, checkpoints.LoadParams(s.Sub(fmt.Sprintf("replica%d", i+1)), r.net.Statistics()))
	}
	for name, dst := range map[string]*float64{
		"report/loss": &t.report.Loss, "report/learning_rate": &t.report.LearningRate, "sums/loss": &t.sums.Loss,
	} {
		v, err := s.Float(name)
		*dst = v
		errs = append(errs, err)
	}
	t.report.Epoch = t.Steps() / t.Epoch()
	if t.report.Step = t.Steps(); !t.Done() {
		t.report.Step = t.report.Epoch * t.Epoch()
	}
	return errors.Join(errs...)
}
