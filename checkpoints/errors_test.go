package checkpoints_test

import (
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/graphrl/graphrl/checkpoints"
	"github.com/graphrl/graphrl/gnn"
	"github.com/graphrl/graphrl/nn"
)

// Equal numbers of values in another shape do not load: two heads of eight are not eight heads of
// two. The error names the tensor and both shapes, and nothing changes.
func TestLoadParamsShape(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	layer := func(out, heads int) *gnn.GATConv {
		l, err := gnn.NewGATConv("a", gnn.GATConvConfig{In: 4, Out: out, Heads: heads, Concat: true}, rng)
		if err != nil {
			t.Fatal(err)
		}
		return l
	}
	saved, now := layer(8, 2), layer(2, 8)
	s := checkpoints.NewState()
	checkpoints.SaveParams(s, saved.Params())
	before := now.Weight.Data()[0]
	err := checkpoints.LoadParams(s, now.Params())
	if !errors.Is(err, checkpoints.ErrMismatch) {
		t.Fatalf("8 heads of 2 loaded from 2 heads of 8: error %v, want ErrMismatch", err)
	}
	for _, want := range []string{`"a.src"`, "[2 8]", "[8 2]"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("error %q does not name %s", err, want)
		}
	}
	if now.Weight.Data()[0] != before {
		t.Error("a failed LoadParams changed a parameter")
	}
}

func TestErrMismatch(t *testing.T) {
	s := checkpoints.NewState()
	s.PutFloat32("w", []int{2, 3}, make([]float32, 6))
	s.PutInt("step", -1)
	s.PutBytes("rng", nil, []byte("no source"))
	p, err := nn.NewParam("w", nil, nil, 3, 2)
	if err != nil {
		t.Fatal(err)
	}
	opt, err := nn.NewSGD(nn.Params{p}, nn.SGDConfig{})
	if err != nil {
		t.Fatal(err)
	}
	var few [5]float32
	_, missing := s.Int("nothing")
	_, kind := s.Int("w")
	for name, err := range map[string]error{
		"missing":   missing,
		"type":      kind,
		"length":    s.Float32("w", few[:]),
		"shape":     checkpoints.LoadParams(s, nn.Params{p}),
		"optimiser": checkpoints.LoadOptimizer(s, opt),
		"source":    checkpoints.LoadRand(s, "rng", new(rand.PCG)),
	} {
		if !errors.Is(err, checkpoints.ErrMismatch) {
			t.Errorf("%s: error %v, want ErrMismatch", name, err)
		}
	}
}

// Any damage to the files gives an error that says they are damaged.
func TestErrDamagedFiles(t *testing.T) {
	s := checkpoints.NewState()
	s.PutInt("a", 1)
	for name, harm := range map[string]func(dir, data string) error{
		"data removed":     func(dir, data string) error { return os.Remove(data) },
		"data cut":         func(dir, data string) error { return os.Truncate(data, 10) },
		"data longer":      func(dir, data string) error { return os.WriteFile(data, make([]byte, 4096), 0o666) },
		"data a directory": func(dir, data string) error { return errors.Join(os.Remove(data), os.Mkdir(data, 0o777)) },
		"data flipped":     flip,
		"manifest flipped": func(dir, _ string) error { return flip(dir, filepath.Join(dir, "manifest.json")) },
		"manifest empty":   func(dir, _ string) error { return os.Truncate(filepath.Join(dir, "manifest.json"), 0) },
		"manifest not JSON": func(dir, _ string) error {
			return os.WriteFile(filepath.Join(dir, "manifest.json"), []byte("{"), 0o666)
		},
		"manifest from afar": func(dir, _ string) error {
			return os.WriteFile(filepath.Join(dir, "manifest.json"), []byte("{}"), 0o666)
		},
	} {
		dir := t.TempDir()
		if err := checkpoints.Save(dir, s, checkpoints.Manifest{Method: "m"}); err != nil {
			t.Fatal(err)
		}
		data, err := filepath.Glob(filepath.Join(dir, "*.safetensors"))
		if err != nil || len(data) != 1 {
			t.Fatalf("data files %v, %v", data, err)
		}
		if err := harm(dir, data[0]); err != nil {
			t.Fatal(err)
		}
		if _, _, err := checkpoints.Load(dir); !errors.Is(err, checkpoints.ErrDamaged) {
			t.Errorf("%s: error %v, want ErrDamaged", name, err)
		}
	}
}

// flip changes one bit in the middle of a file.
func flip(_, file string) error {
	b, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	b[len(b)/2] ^= 1
	return os.WriteFile(file, b, 0o666)
}

// Nil and zero arguments give errors, not panics.
func TestNilAndZero(t *testing.T) {
	var s checkpoints.State
	s.Sub("a").PutInt("b", 1)
	if v, err := s.Int("a/b"); v != 1 || err != nil {
		t.Errorf("a zero State stored %v, %v; want 1", v, err)
	}
	if err := checkpoints.Save(t.TempDir(), nil, checkpoints.Manifest{}); err == nil {
		t.Error("saving a nil state: want an error")
	}
	for name, put := range map[string]func(*checkpoints.State){
		"parameter": func(s *checkpoints.State) { checkpoints.SaveParams(s, nn.Params{nil}) },
		"optimiser": func(s *checkpoints.State) { checkpoints.SaveOptimizer(s, nil) },
		"source":    func(s *checkpoints.State) { checkpoints.SaveRand(s, "rng", nil) },
	} {
		var s checkpoints.State
		if put(&s); s.Err() == nil {
			t.Errorf("saving a nil %s: want an error", name)
		}
	}
	for name, err := range map[string]error{
		"parameter": checkpoints.LoadParams(&s, nn.Params{nil}),
		"optimiser": checkpoints.LoadOptimizer(&s, nil),
		"source":    checkpoints.LoadRand(&s, "rng", nil),
	} {
		if err == nil {
			t.Errorf("loading into a nil %s: want an error", name)
		}
	}
}
