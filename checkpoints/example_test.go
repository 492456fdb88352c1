package checkpoints_test

import (
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"

	"github.com/graphrl/graphrl/checkpoints"
	"github.com/graphrl/graphrl/nn"
)

// walker is a random walk: the smallest process whose future depends on more than its position.
type walker struct {
	position float64
	steps    int64
	src      *rand.PCG
}

func (w *walker) step() {
	w.position += rand.New(w.src).NormFloat64()
	w.steps++
}

func (w *walker) SaveState(s *checkpoints.State) error {
	s.PutFloat("position", w.position)
	s.PutInt("steps", w.steps)
	checkpoints.SaveRand(s, "rng", w.src)
	return nil
}

func (w *walker) LoadState(s *checkpoints.State) (err error) {
	if w.position, err = s.Float("position"); err != nil {
		return err
	}
	if w.steps, err = s.Int("steps"); err != nil {
		return err
	}
	return checkpoints.LoadRand(s, "rng", w.src)
}

// A run is saved halfway and continues in another process: both end at the same place, to the last
// bit.
func Example() {
	runs, err := os.MkdirTemp("", "runs")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(runs)
	latest := filepath.Join(runs, "walk", "checkpoint", "latest")

	w := &walker{src: rand.NewPCG(1, 2)}
	for range 50 {
		w.step()
	}
	state := checkpoints.NewState()
	if err := w.SaveState(state.Sub("walker")); err != nil {
		fmt.Println(err)
		return
	}
	if err := checkpoints.Save(latest, state, checkpoints.Manifest{Method: "walk", Step: w.steps}); err != nil {
		fmt.Println(err)
		return
	}

	loaded, manifest, err := checkpoints.Load(latest)
	if err != nil {
		fmt.Println(err)
		return
	}
	resumed := &walker{src: new(rand.PCG)}
	if err := resumed.LoadState(loaded.Sub("walker")); err != nil {
		fmt.Println(err)
		return
	}
	for range 50 {
		w.step()
		resumed.step()
	}
	fmt.Println("resumed at step", manifest.Step, "from", loaded.Names())
	fmt.Println("same end:", w.position == resumed.position)
	// Output:
	// resumed at step 50 from [walker/position walker/rng walker/steps]
	// same end: true
}

// A part stores its tensors under its own prefix and does not need to know the rest of the path.
func ExampleState_Sub() {
	var s checkpoints.State
	learner := s.Sub("learner")
	learner.PutInt("steps", 1000)
	learner.Sub("actor").PutFloat32("weight", []int{2, 2}, []float32{1, 2, 3, 4})
	fmt.Println(s.Names())
	fmt.Println(learner.Names())
	// Output:
	// [learner/actor/weight learner/steps]
	// [actor/weight steps]
}

// Put returns no error: a list of Puts reads as a list. The first mistake is kept and stops Save.
func ExampleState_Err() {
	var s checkpoints.State
	s.PutInt("steps", 1)
	s.PutInt("steps", 2)
	fmt.Println(s.Err())
	// Output:
	// checkpoints: put "steps": the name is taken: two parts of the program store under one name
}

// Weights load into a network of the same shapes only; ErrMismatch says so.
func ExampleLoadParams() {
	network := func(hidden int) *nn.MLP {
		m, err := nn.NewMLP("net", []int{3, hidden, 2}, nn.ReLU, nil, rand.New(rand.NewPCG(1, 2)))
		if err != nil {
			panic(err)
		}
		return m
	}
	var s checkpoints.State
	checkpoints.SaveParams(&s, network(4).Params())
	fmt.Println("same widths:", checkpoints.LoadParams(&s, network(4).Params()))

	err := checkpoints.LoadParams(&s, network(5).Params()[:1])
	fmt.Println("mismatch:", errors.Is(err, checkpoints.ErrMismatch))
	fmt.Println(err)
	// Output:
	// same widths: <nil>
	// mismatch: true
	// checkpoints: tensor "net.0.weight" has shape [3 4] in the checkpoint, [3 5] in the network: the checkpoint was saved by another method, network or configuration
}

// An optimiser resumes with its moments and its count of steps.
func ExampleSaveOptimizer() {
	optimiser := func() *nn.Adam {
		w, err := nn.NewParam("w", nil, nil, 2)
		if err != nil {
			panic(err)
		}
		adam, err := nn.NewAdam(nn.Params{w}, nn.AdamConfig{})
		if err != nil {
			panic(err)
		}
		return adam
	}
	adam := optimiser()
	adam.SetStep(42)
	var s checkpoints.State
	checkpoints.SaveOptimizer(s.Sub("adam"), adam)
	fmt.Println(s.Names())

	resumed := optimiser()
	if err := checkpoints.LoadOptimizer(s.Sub("adam"), resumed); err != nil {
		panic(err)
	}
	fmt.Println("step", resumed.State().Step)
	// Output:
	// [adam/adam.m/w adam/adam.v/w adam/step]
	// step 42
}

// A restored source continues where the saved one was.
func ExampleSaveRand() {
	src := rand.NewPCG(1, 2)
	src.Uint64()
	var s checkpoints.State
	checkpoints.SaveRand(&s, "rng", src)

	restored := new(rand.PCG)
	if err := checkpoints.LoadRand(&s, "rng", restored); err != nil {
		panic(err)
	}
	fmt.Println(src.Uint64() == restored.Uint64())
	// Output:
	// true
}

// Callers distinguish a missing checkpoint, which starts a new run, from a damaged one, which must
// not.
func ExampleLoad() {
	dir, err := os.MkdirTemp("", "run")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	_, _, err = checkpoints.Load(dir)
	fmt.Println("missing:", errors.Is(err, fs.ErrNotExist))

	state := checkpoints.NewState()
	state.PutInt("step", 7)
	if err := checkpoints.Save(dir, state, checkpoints.Manifest{Method: "walk", Step: 7}); err != nil {
		panic(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "manifest.json"), []byte("{}"), 0o666); err != nil {
		panic(err)
	}
	_, _, err = checkpoints.Load(dir)
	fmt.Println("damaged:", errors.Is(err, checkpoints.ErrDamaged))
	// Output:
	// missing: true
	// damaged: true
}

// Weights that another program saved, here by safetensors.numpy.save_file, need no manifest.
func ExampleReadSafetensors() {
	tensors, err := checkpoints.ReadSafetensors("testdata/numpy.safetensors")
	if err != nil {
		fmt.Println(err)
		return
	}
	half := tensors["f16"]
	values, err := half.Float32()
	fmt.Println(half, values[:3], err)
	mask, err := tensors["b"].Bool()
	fmt.Println(mask, err)
	// Output:
	// F16 [2 x 3] [0 1 -2] <nil>
	// [true false] <nil>
}
