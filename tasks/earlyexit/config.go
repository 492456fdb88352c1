package earlyexit

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/goccy/go-yaml"
	"github.com/graphrl/graphrl/checkpoints"
	"github.com/graphrl/graphrl/checkpoints/runfolder"
	"github.com/graphrl/graphrl/internal/strictyaml"
)

// Config fully determines a training run.
type Config struct {
	Data string `yaml:"data"` // training images, see package imagefolder
	// Epochs is the number of passes over them. The default 15 on CIFAR-10 take some 40 minutes on
	// two cores.
	Epochs int `yaml:"epochs"`
	// Settle is the number of minibatches after the last epoch that train nothing: the running values
	// of batch normalisation become the averages over them (Y. Wu and J. Johnson, arXiv 2105.07576,
	// section 3). Those of training are of its last ten or so minibatches.
	Settle int `yaml:"settle"`

	// Width scales the channels of VGG-16.
	Width float64 `yaml:"width"`
	// UnpooledBlock5 and Dirac are those of [NetworkConfig].
	UnpooledBlock5 bool `yaml:"unpooled_block5"`
	Dirac          bool `yaml:"dirac"`
	// Whiten makes the filters of the first convolution the principal components of the images'
	// patches, each with variance 1, and their negatives. They are not trained.
	Whiten bool `yaml:"whiten"`
	// ExitsAfter are the convolutions after which the exits stand, counted from 1 to 13: five, of which
	// the last stands after the last.
	ExitsAfter []int `yaml:"exits_after"`
	// ExitWeights are the weights of the exits' losses.
	ExitWeights []float64 `yaml:"exit_weights"`

	BatchSize    int     `yaml:"batch_size"`
	LearningRate float64 `yaml:"learning_rate"` // of SGD with Nesterov momentum 0.9: highest value
	WeightDecay  float64 `yaml:"weight_decay"`  // of SGD
	// MuonLearningRate is the highest of Muon ([nn.Muon]), which trains the filters in place of SGD. 0
	// leaves them to SGD.
	MuonLearningRate float64 `yaml:"muon_learning_rate"`
	// WarmupEpochs is the time in which learning rates rise to the highest value. Then they fall to 0,
	// along half a cosine or, with LinearDecay, a straight line.
	WarmupEpochs float64 `yaml:"warmup_epochs"`
	LinearDecay  bool    `yaml:"linear_decay"`
	// LabelSmoothing is the part of the target that all classes share (C. Szegedy and others, CVPR
	// 2016): with K classes, the right one has 1 - s + s/K and each other s/K.
	LabelSmoothing float64 `yaml:"label_smoothing"`

	// CropPadding is how many pixels an image is shifted at most, in each direction.
	CropPadding int `yaml:"crop_padding"`
	// ReflectPadding fills what a shift uncovers with the mirror image of the edge, not with zeros.
	ReflectPadding bool `yaml:"reflect_padding"`
	Flip           bool `yaml:"flip"` // mirror half of the images
	// AlternateFlip mirrors each image in every second epoch, and half of the images in the first
	// one (K. Jordan, arXiv 2404.00498), where Flip alone draws anew each time.
	AlternateFlip bool `yaml:"alternate_flip"`
	// Cutout is the side of a square that is hidden in each image, at a random place inside it (T.
	// DeVries and G. W. Taylor, arXiv 1708.04552). 0 hides nothing.
	Cutout int `yaml:"cutout"`

	// Replicas is the number of goroutines that train, each with its part of a minibatch. Batch
	// normalisation sees only that part, so another number gives another network.
	Replicas int    `yaml:"replicas"`
	Seed     uint64 `yaml:"seed"`
}

// DefaultConfig returns the recipe for CIFAR-10 at half of VGG-16's width.
func DefaultConfig() Config {
	return Config{
		Epochs: 15, Settle: 200, Width: 0.5, Dirac: true, Whiten: true,
		ExitsAfter: []int{2, 4, 6, 7, convolutions}, ExitWeights: []float64{0.2, 0.2, 0.3, 0.3, 1},
		BatchSize: 256, LearningRate: 0.1, WeightDecay: 1e-3, MuonLearningRate: 0.06, LinearDecay: true, LabelSmoothing: 0.2,
		CropPadding: 4, ReflectPadding: true, Flip: true, AlternateFlip: true, Replicas: 2, Seed: 1,
	}
}

func (c Config) validate() error {
	invalid := func(key, format string, args ...any) error { return strictyaml.Invalid(key, format, args...) }
	switch {
	case c.Data == "":
		return invalid("data", "want a folder or a zip archive of training images")
	case c.Epochs < 1 || c.Epochs > 1e6:
		return invalid("epochs", "want from 1 to 1,000,000 epochs, got %d", c.Epochs)
	case c.Settle < 0 || c.Settle > 1e6:
		return invalid("settle", "want from 0 to 1,000,000 minibatches, got %d", c.Settle)
	case !(c.Width > 0 && c.Width <= 8):
		return invalid("width", "want a width in (0, 8], got %v", c.Width)
	case len(c.ExitWeights) != Exits:
		return invalid("exit_weights", "want %d weights, got %d", Exits, len(c.ExitWeights))
	case c.Replicas < 1 || c.Replicas > 256:
		return invalid("replicas", "want from 1 to 256 replicas, got %d", c.Replicas)
	case c.BatchSize < 2*c.Replicas || c.BatchSize > 1<<16:
		return invalid("batch_size", "want from 2 images for each of %d replicas to 65,536 images, got %d", c.Replicas, c.BatchSize)
	case !(c.LearningRate > 0 && c.LearningRate <= 1e3):
		return invalid("learning_rate", "want a learning rate in (0, 1000], got %v", c.LearningRate)
	case !(c.WarmupEpochs >= 0 && c.WarmupEpochs <= float64(c.Epochs)):
		return invalid("warmup_epochs", "want from 0 to %d epochs, got %v", c.Epochs, c.WarmupEpochs)
	case !(c.MuonLearningRate >= 0 && c.MuonLearningRate <= 1e3):
		return invalid("muon_learning_rate", "want a learning rate in [0, 1000], got %v", c.MuonLearningRate)
	case !(c.WeightDecay >= 0 && c.WeightDecay <= 1):
		return invalid("weight_decay", "want a weight decay in [0, 1], got %v", c.WeightDecay)
	case !(c.LabelSmoothing >= 0 && c.LabelSmoothing < 1):
		return invalid("label_smoothing", "want a part in [0, 1), got %v", c.LabelSmoothing)
	case c.CropPadding < 0 || c.CropPadding > 4096:
		return invalid("crop_padding", "want from 0 to 4,096 pixels, got %d", c.CropPadding)
	case c.AlternateFlip && !c.Flip:
		return invalid("alternate_flip", "want flip with it")
	case c.Cutout < 0 || c.Cutout > 4096:
		return invalid("cutout", "want a square of 0 to 4,096 pixels, got %d", c.Cutout)
	}
	if err := checkAfter(c.ExitsAfter); err != nil {
		return invalid("exits_after", "%v", err)
	}
	for _, w := range c.ExitWeights {
		if !(w >= 0 && w <= 1e6) {
			return invalid("exit_weights", "want weights in [0, 1e6], got %v", w)
		}
	}
	return nil
}

// ParseConfig reads a configuration from YAML or JSON. A key that is left out has its value from
// [DefaultConfig]; the images may be named later. Errors name the file, the line and the key.
func ParseConfig(data []byte, filename string) (Config, error) {
	return strictyaml.ParseConfig("early exits", data, filename, DefaultConfig(), func(c *Config) error {
		rest := *c
		rest.Data = cmp.Or(c.Data, "named later")
		return rest.validate()
	})
}

// parseWritten is ParseConfig for a configuration that an earlier run wrote down in full. A key that
// it lacks is younger than the run, which did without what the key controls.
func parseWritten(data []byte, filename string) (Config, error) {
	c, err := ParseConfig(data, filename)
	if err != nil {
		return c, err
	}
	var young struct { // 0 where the key is not given
		UnpooledBlock5   bool    `yaml:"unpooled_block5"`
		Dirac            bool    `yaml:"dirac"`
		Whiten           bool    `yaml:"whiten"`
		LabelSmoothing   float64 `yaml:"label_smoothing"`
		ReflectPadding   bool    `yaml:"reflect_padding"`
		AlternateFlip    bool    `yaml:"alternate_flip"`
		Cutout           int     `yaml:"cutout"`
		ExitsAfter       []int   `yaml:"exits_after"`
		Settle           int     `yaml:"settle"`
		MuonLearningRate float64 `yaml:"muon_learning_rate"`
		LinearDecay      bool    `yaml:"linear_decay"`
	}
	young.ExitsAfter = slices.Clone(blockEnds[:]) // where they all stood
	if err := yaml.Unmarshal(data, &young); err != nil {
		return c, fmt.Errorf("early exits: configuration %s: %w", filename, err)
	}
	c.UnpooledBlock5, c.Dirac, c.Whiten = young.UnpooledBlock5, young.Dirac, young.Whiten
	c.LabelSmoothing, c.ReflectPadding = young.LabelSmoothing, young.ReflectPadding
	c.AlternateFlip, c.Cutout, c.ExitsAfter = young.AlternateFlip, young.Cutout, young.ExitsAfter
	c.Settle, c.MuonLearningRate, c.LinearDecay = young.Settle, young.MuonLearningRate, young.LinearDecay
	return c, c.validate()
}

// LoadConfig is [ParseConfig] on a file.
func LoadConfig(filename string) (Config, error) {
	return strictyaml.LoadConfig("early exits", filename, ParseConfig)
}

// YAML returns the configuration as a file that ParseConfig reads back to the same value.
func (c Config) YAML() ([]byte, error) {
	return strictyaml.MarshalConfig("early exits", c)
}

func (c Config) manifest() (checkpoints.Manifest, error) {
	config, err := strictyaml.MarshalJSON(c)
	return checkpoints.Manifest{
		Method: "VGG-16 with early exits", Architecture: fmt.Sprintf("width %v", c.Width), Config: config,
	}, err
}

// Task is how run folders keep trainings. A step is a minibatch.
func Task() runfolder.Task[Config, *Training] {
	return runfolder.Task[Config, *Training]{
		Parse:    parseWritten,
		YAML:     Config.YAML,
		Manifest: Config.manifest,
		New:      NewTraining,
		Length:   func(c Config) int64 { return int64(c.Epochs) },
		Lengthen: func(c Config, _ int64) (Config, error) {
			return c, fmt.Errorf("early exits: a training cannot be made longer: its learning rate depends on its length")
		},
	}
}
