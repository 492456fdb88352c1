package checkpoints_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"

	"github.com/graphrl/graphrl/checkpoints"
)

// walker is a random walk: the smallest thing whose future depends on more than its position.
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

// A run is saved halfway and goes on in another process: both end at the same place, to the last bit.
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
