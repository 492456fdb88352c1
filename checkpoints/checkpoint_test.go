package checkpoints

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	iofs "io/fs"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"

	"pgregory.net/rapid"
)

const testDir = "run"

// stateOf returns a small state that differs from version to version. Two versions share each step,
// as when a run is saved twice at one step.
func stateOf(version int64) (*State, Manifest) {
	s := NewState()
	s.PutInt("version", version)
	s.PutFloat32("actor/weight", []int{2, 2}, []float32{1, 2, float32(version), 4})
	s.PutString("method", "droo")
	return s, Manifest{Method: "droo", Architecture: "mlp 2-2", Step: version / 2, Config: json.RawMessage(`{"lr":0.01}`)}
}

func mustSave(t *testing.T, fs fileSystem, version int64) {
	t.Helper()
	s, m := stateOf(version)
	if err := save(fs, testDir, s, m); err != nil {
		t.Fatal(err)
	}
}

// loadVersion loads and returns the version, after checking that state and manifest belong
// together.
func loadVersion(fs fileSystem) (int64, error) {
	s, m, err := load(fs, testDir)
	if err != nil {
		return 0, err
	}
	version, err := s.Int("version")
	if err != nil {
		return 0, err
	}
	want, wantManifest := stateOf(version)
	if !reflect.DeepEqual(s.store.tensors, want.store.tensors) || m.Step != wantManifest.Step {
		return 0, fmt.Errorf("step %d, %v; want step %d, %v", m.Step, s.store.tensors, wantManifest.Step, want.store.tensors)
	}
	return version, nil
}

func TestSaveLoadOnDisk(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a", "b")
	if err := os.MkdirAll(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	notOurs := filepath.Join(dir, "state-of-the-art.txt")
	if err := os.WriteFile(notOurs, []byte("keep"), 0o666); err != nil {
		t.Fatal(err)
	}
	var first []byte
	for _, version := range []int64{1, 2, 3, 3, 1} {
		s, m := stateOf(version)
		if err := Save(dir, s, m); err != nil {
			t.Fatal(err)
		}
		got, manifest, err := Load(dir)
		if err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(got.store.tensors, s.store.tensors) {
			t.Errorf("version %d: loaded %v, want %v", version, got.store.tensors, s.store.tensors)
		}
		if manifest.Step != m.Step || manifest.Method != m.Method || manifest.Architecture != m.Architecture || string(manifest.Config) != string(m.Config) {
			t.Errorf("version %d: manifest %+v", version, manifest)
		}
		entries, err := os.ReadDir(dir)
		if err != nil || len(entries) != 3 {
			t.Errorf("version %d: directory holds %v, %v; want the checkpoint's two files and %s", version, entries, err, filepath.Base(notOurs))
		}
		b, err := os.ReadFile(filepath.Join(dir, manifestName))
		if err != nil {
			t.Fatal(err)
		}
		if first == nil {
			first = b
		} else if version == 1 && !bytes.Equal(b, first) { // the manifest holds the hash of the data
			t.Errorf("saving the same state again wrote\n%s\nnot\n%s", b, first)
		}
	}
}

// Any mix of names, types, shapes and bits survives unchanged.
func TestRoundTripProperty(t *testing.T) {
	shape := rapid.SliceOfN(rapid.IntRange(0, 4), 1, 3)
	rapid.Check(t, func(t *rapid.T) {
		fs := newMemFS()
		s := NewState()
		var checks []func(*State) error
		names := rapid.SliceOfNDistinct(rapid.StringMatching(`[a-zé"\\<]{1,4}(/[a-z]{1,3}){0,2}`), 0, 6, rapid.ID[string]).Draw(t, "names")
		for _, name := range names {
			dims := shape.Draw(t, "shape")
			n := 1
			for _, d := range dims {
				n *= d
			}
			switch rapid.IntRange(0, 6).Draw(t, "type") {
			case 0:
				v := drawBits(t, n, func(b uint64) float32 { return math.Float32frombits(uint32(b)) })
				s.PutFloat32(name, dims, v)
				checks = append(checks, func(s *State) error { return sameElements(s, name, dims, v, s.Float32) })
			case 1:
				v := drawBits(t, n, math.Float64frombits)
				s.PutFloat64(name, dims, v)
				checks = append(checks, func(s *State) error { return sameElements(s, name, dims, v, s.Float64) })
			case 2:
				v := drawBits(t, n, func(b uint64) int32 { return int32(b) })
				s.PutInt32(name, dims, v)
				checks = append(checks, func(s *State) error { return sameElements(s, name, dims, v, s.Int32) })
			case 3:
				v := drawBits(t, n, func(b uint64) int64 { return int64(b) })
				s.PutInt64(name, dims, v)
				checks = append(checks, func(s *State) error { return sameElements(s, name, dims, v, s.Int64) })
			case 4:
				v := drawBits(t, n, func(b uint64) byte { return byte(b) })
				s.PutBytes(name, dims, v)
				checks = append(checks, func(s *State) error {
					return sameElements(s, name, dims, v, func(name string, dst []byte) error {
						b, err := s.Bytes(name)
						copy(dst, b)
						return err
					})
				})
			case 5:
				v := rapid.Int64().Draw(t, "int")
				s.PutInt(name, v)
				checks = append(checks, func(s *State) error { return same(name, v)(s.Int(name)) })
			case 6:
				v := rapid.String().Draw(t, "string")
				s.PutString(name, v)
				checks = append(checks, func(s *State) error { return same(name, v)(s.String(name)) })
			}
		}
		if err := save(fs, testDir, s, Manifest{}); err != nil {
			t.Fatal(err)
		}
		got, _, err := load(fs, testDir)
		if err != nil {
			t.Fatal(err)
		}
		slices.Sort(names)
		if !slices.Equal(got.Names(), names) {
			t.Fatalf("names %q, want %q", got.Names(), names)
		}
		for _, check := range checks {
			if err := check(got); err != nil {
				t.Error(err)
			}
		}
	})
}

func drawBits[T any](t *rapid.T, n int, from func(uint64) T) []T {
	v := make([]T, n)
	for i := range v {
		v[i] = from(rapid.Uint64().Draw(t, "bits"))
	}
	return v
}

// sameElements compares by printing: %v distinguishes -0 from 0, and TestScalarsKeepTheirBits
// covers a NaN's payload.
func sameElements[T element](s *State, name string, shape []int, want []T, get func(string, []T) error) error {
	got := make([]T, len(want))
	if err := get(name, got); err != nil {
		return err
	}
	gotShape, err := s.Shape(name)
	if fmt.Sprint(got, gotShape) != fmt.Sprint(want, shape) || err != nil {
		return fmt.Errorf("%q: %v of shape %v, %v; want %v of shape %v", name, got, gotShape, err, want, shape)
	}
	return nil
}

func same[T comparable](name string, want T) func(T, error) error {
	return func(got T, err error) error {
		if err != nil || got != want {
			return fmt.Errorf("%q: %v, %v; want %v", name, got, err, want)
		}
		return nil
	}
}

// countSteps returns how many operations a Save of version 3 over version 2 takes.
func countSteps(t *testing.T, first bool) int {
	fs := newMemFS()
	if !first {
		mustSave(t, fs, 2)
		fs.op = 0
	}
	mustSave(t, fs, 3)
	return fs.op
}

// After a kill or a power cut at any moment, either the old checkpoint or the new one must load,
// and saving must continue from there.
func TestSaveSurvivesCrash(t *testing.T) {
	for _, first := range []bool{true, false} {
		n := countSteps(t, first)
		if n < 10 {
			t.Fatalf("Save takes %d operations: the test counts something else", n)
		}
		for cut := range n + 1 {
			fs := newMemFS()
			if !first {
				mustSave(t, fs, 2)
			}
			fs.op, fs.cutAt = 0, cut
			s, m := stateOf(3)
			saveErr := save(fs, testDir, s, m)

			for i, after := range append(fs.powerCuts(), fs.killed()) {
				name := fmt.Sprintf("first save %v, operation %d of %d, outcome %d", first, cut, n, i)
				version, err := loadVersion(after)
				switch {
				case saveErr == nil && version != 3:
					t.Errorf("%s: Save returned nil but Load gives version %d, %v", name, version, err)
				case !first && err != nil:
					t.Errorf("%s: %v", name, err)
				case first && err != nil && !errors.Is(err, iofs.ErrNotExist):
					t.Errorf("%s: %v", name, err)
				}
				mustSave(t, after, 4)
				if version, err := loadVersion(after); version != 4 || err != nil {
					t.Errorf("%s: after the next Save Load gives version %d, %v", name, version, err)
				}
				if len(after.names) != 2 {
					t.Errorf("%s: after the next Save there are %d files, want 2", name, len(after.names))
				}
			}
		}
	}
}

// A full disk is an error that leaves the old checkpoint in place and no partial files behind.
func TestSaveOnFullDisk(t *testing.T) {
	for fail := range countSteps(t, false) {
		fs := newMemFS()
		mustSave(t, fs, 2)
		fs.op, fs.failAt, fs.failErr = 0, fail, fmt.Errorf("write: %w", syscall.ENOSPC)
		s, m := stateOf(3)
		err := save(fs, testDir, s, m)
		version, loadErr := loadVersion(fs)
		if loadErr != nil {
			t.Errorf("operation %d: Save says %v, Load %v", fail, err, loadErr)
		}
		if err == nil && version != 3 { // only cleaning up may fail unnoticed
			t.Errorf("operation %d: Save returned nil but Load gives version %d", fail, version)
		}
		if err != nil && (!errors.Is(err, syscall.ENOSPC) || !strings.Contains(err.Error(), testDir)) {
			t.Errorf("operation %d: error %v", fail, err)
		}
		if err != nil && strings.Contains(err.Error(), "untouched") && (version != 2 || len(fs.names) != 2) {
			t.Errorf("operation %d: error %v, but Load gives version %d and there are %d files", fail, err, version, len(fs.names))
		}
	}
}

func TestSaveWhereThereIsNoDirectory(t *testing.T) {
	dir := t.TempDir()
	name := filepath.Join(dir, "file")
	if err := os.WriteFile(name, nil, 0o666); err != nil {
		t.Fatal(err)
	}
	s, m := stateOf(1)
	for _, target := range []string{name, filepath.Join(name, "latest")} {
		if err := Save(target, s, m); err == nil || !strings.Contains(err.Error(), target) {
			t.Errorf("Save(%s) = %v", target, err)
		}
	}
	// A directory in the way of the manifest: the rename fails.
	if err := os.MkdirAll(filepath.Join(dir, manifestName), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := Save(dir, s, m); err == nil {
		t.Error("Save over a directory named manifest.json returned nil")
	}
	if _, _, err := Load(dir); !errors.Is(err, ErrDamaged) {
		t.Errorf("Load of a directory named manifest.json: %v", err)
	}
}

// The real file system refuses a data file of another size before reading it.
func TestLoadGrownFileOnDisk(t *testing.T) {
	dir := t.TempDir()
	s, m := stateOf(1)
	if err := Save(dir, s, m); err != nil {
		t.Fatal(err)
	}
	_, m, err := Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(filepath.Join(dir, m.Data.File), 1<<40); err != nil { // sparse: takes no space
		t.Skip(err)
	}
	if _, _, err := Load(dir); !errors.Is(err, ErrDamaged) || !strings.Contains(err.Error(), "more than") {
		t.Errorf("error %v", err)
	}
}

func TestLoadErrors(t *testing.T) {
	dataName := func(fs *memFS) string {
		names, _ := fs.ReadNames(testDir)
		return filepath.Join(testDir, names[slices.IndexFunc(names, func(n string) bool { return n != manifestName })])
	}
	manifest := filepath.Join(testDir, manifestName)
	tests := []struct {
		name   string
		damage func(*memFS)
		want   string
		is     error
	}{
		{"nothing there", func(fs *memFS) { clear(fs.names) }, "no checkpoint in run", iofs.ErrNotExist},
		{"no manifest", func(fs *memFS) { delete(fs.names, manifest) }, "no checkpoint in run", iofs.ErrNotExist},
		{"no data", func(fs *memFS) { delete(fs.names, dataName(fs)) }, "data file that is missing", ErrDamaged},
		{"data cut", func(fs *memFS) { f := fs.names[dataName(fs)]; f.data = f.data[:9] }, "has 9 bytes of", ErrDamaged},
		{"data grown", func(fs *memFS) { f := fs.names[dataName(fs)]; f.data = append(f.data, 0) }, "too large", ErrDamaged},
		{"data changed", func(fs *memFS) { fs.names[dataName(fs)].data[100] ^= 1 }, "has SHA-256", ErrDamaged},
		{"manifest cut", func(fs *memFS) { f := fs.names[manifest]; f.data = f.data[:9] }, "unexpected end", ErrDamaged},
		{"manifest huge", func(fs *memFS) { fs.names[manifest].data = make([]byte, maxManifest+1) }, "too large", ErrDamaged},
	}
	for _, tt := range tests {
		fs := newMemFS()
		mustSave(t, fs, 1)
		tt.damage(fs)
		_, _, err := load(fs, testDir)
		if err == nil || !strings.Contains(err.Error(), tt.want) || !errors.Is(err, tt.is) {
			t.Errorf("%s: error %v, want %q in it and %v wrapped", tt.name, err, tt.want, tt.is)
		}
		if tt.is == ErrDamaged && errors.Is(err, iofs.ErrNotExist) {
			t.Errorf("%s: error %v could be taken for a run without a checkpoint", tt.name, err)
		}
	}
}

// A file that matches its checksum but is no safetensors file was not written by Save, and must not
// crash Load.
func TestLoadSealedNonsense(t *testing.T) {
	fs := newMemFS()
	mustSave(t, fs, 1)
	_, m, err := load(fs, testDir)
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range rejectedFiles {
		file := safetensorsFile(tt.header, tt.data)
		m.Data = dataFile(m.Step, int64(len(file)), sha256.Sum256(file))
		b, err := encodeManifest(m)
		if err != nil {
			t.Fatal(err)
		}
		fs.put(filepath.Join(testDir, manifestName), b)
		fs.put(filepath.Join(testDir, m.Data.File), file)
		if _, _, err := load(fs, testDir); !errors.Is(err, ErrDamaged) || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: error %v, want %q in it", tt.name, err, tt.want)
		}
	}
}

// Load detects every truncation and every flipped bit of either file.
func TestLoadDetectsAllDamage(t *testing.T) {
	fs := newMemFS()
	mustSave(t, fs, 1)
	for name, f := range fs.names {
		whole := f.data
		for n := range len(whole) {
			f.data = whole[:n]
			if _, _, err := load(fs, testDir); err == nil {
				t.Errorf("%s: no error for the first %d bytes of %d", name, n, len(whole))
			}
		}
		f.data = slices.Clone(whole)
		for i := range f.data {
			for bit := range 8 {
				f.data[i] ^= 1 << bit
				if _, _, err := load(fs, testDir); err == nil {
					t.Errorf("%s: no error for bit %d of byte %d", name, bit, i)
				}
				f.data[i] = whole[i]
			}
		}
		f.data = whole
	}
	if version, err := loadVersion(fs); version != 1 || err != nil {
		t.Errorf("undamaged: version %d, %v", version, err)
	}
}

// A reader between whose two reads a Save removes the data file must get the new checkpoint.
func TestLoadDuringSave(t *testing.T) {
	fs := newMemFS()
	mustSave(t, fs, 1)
	fs.onRead = func(name string) {
		if filepath.Base(name) != manifestName {
			fs.onRead = nil
			mustSave(t, fs, 2)
		}
	}
	if version, err := loadVersion(fs); version != 2 || err != nil {
		t.Errorf("version %d, %v; want 2", version, err)
	}
}

func TestLoadBesideSaves(t *testing.T) {
	dir := t.TempDir()
	s, m := stateOf(0)
	if err := Save(dir, s, m); err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	done := make(chan struct{})
	wg.Go(func() {
		defer close(done)
		for step := range int64(20) {
			s, m := stateOf(step)
			if err := Save(dir, s, m); err != nil {
				t.Error(err)
			}
		}
	})
	last := int64(0)
	for running := true; running; {
		select {
		case <-done:
			running = false
		default:
		}
		_, m, err := Load(dir)
		if err != nil || m.Step < last {
			t.Errorf("step %d after %d, %v", m.Step, last, err)
			break
		}
		last = m.Step
	}
	wg.Wait()
}

// bigState is 2 MB, the size of a run with its replay memory.
func bigState() *State {
	s := NewState()
	weights := make([]float32, 1<<14)
	for i := range 32 {
		s.PutFloat32(fmt.Sprintf("actor/layer%d/weight", i), []int{128, 128}, weights)
	}
	return s
}

func BenchmarkSave(b *testing.B) {
	for _, bench := range []struct {
		name string
		fs   fileSystem
	}{{"memory", newMemFS()}, {"disk", osFS{}}} {
		b.Run(bench.name, func(b *testing.B) {
			dir := b.TempDir()
			b.SetBytes(2 << 20)
			for b.Loop() {
				if err := save(bench.fs, dir, bigState(), Manifest{}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkLoad(b *testing.B) {
	dir := b.TempDir()
	if err := Save(dir, bigState(), Manifest{}); err != nil {
		b.Fatal(err)
	}
	b.SetBytes(2 << 20)
	for b.Loop() {
		if _, _, err := Load(dir); err != nil {
			b.Fatal(err)
		}
	}
}
