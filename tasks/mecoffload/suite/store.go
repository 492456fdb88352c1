package suite

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/gofrs/flock"
)

// Store keeps results in a folder, one JSON file each. Files are written atomically, even if the
// process is killed, so several processes and machines may share a folder.
type Store struct {
	dir  string
	lock *flock.Flock // shared by all who have the folder open
}

// unfinished begins the names of files that are being written.
const unfinished = ".unfinished-"

// OpenStore opens a folder and creates it if necessary. If no other process has it open, it removes
// the leftovers of killed processes.
func OpenStore(dir string) (*Store, error) {
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return nil, fmt.Errorf("suite: %w", err)
	}
	s := &Store{dir, flock.New(filepath.Join(dir, ".open"))}
	// On a file system without locks leftovers stay. They do no harm.
	if alone, err := s.lock.TryLock(); err == nil && alone {
		s.sweep()
	}
	s.lock.RLock()
	return s, nil
}

// sweep removes unfinished files of killed processes.
func (s *Store) sweep() {
	entries, _ := os.ReadDir(s.dir)
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), unfinished) {
			os.Remove(filepath.Join(s.dir, e.Name()))
		}
	}
}

// Close says that the folder is no longer in use.
func (s *Store) Close() error { return s.lock.Close() }

func (s *Store) file(key string) string { return filepath.Join(s.dir, key+".json") }

// save keeps a result.
func (s *Store) save(r *Result) error {
	key, err := r.Cell.Key()
	if err != nil {
		return err
	}
	data, err := json.MarshalIndent(r, "", " ")
	if err != nil {
		return fmt.Errorf("suite: %v: %w", r.Cell, err)
	}
	if err := writeFile(s.file(key), append(data, '\n')); err != nil {
		return fmt.Errorf("suite: %v: %w", r.Cell, err)
	}
	return nil
}

// writeFile writes a file atomically and makes it readable for others.
func writeFile(name string, data []byte) error {
	f, err := os.CreateTemp(filepath.Dir(name), unfinished)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	err = errors.Join(err, f.Chmod(0o644), f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), name)
	}
	if err != nil {
		os.Remove(f.Name())
	}
	return err
}

// load returns the result of a cell. The error wraps fs.ErrNotExist if there is none.
func (s *Store) load(c Cell) (*Result, error) {
	key, err := c.Key()
	if err != nil {
		return nil, err
	}
	data, err := os.ReadFile(s.file(key))
	if err != nil {
		return nil, fmt.Errorf("suite: %v: %w", c, err)
	}
	return parseResult(data, key, s.file(key))
}

func parseResult(data []byte, key, file string) (*Result, error) {
	r := new(Result)
	d := json.NewDecoder(strings.NewReader(string(data)))
	d.DisallowUnknownFields()
	if err := d.Decode(r); err != nil {
		return nil, fmt.Errorf("suite: %s: %w: delete it, and it will be computed again", file, err)
	}
	if got, err := r.Cell.Key(); err != nil || got != key || r.Format != resultFormat {
		return nil, fmt.Errorf("suite: %s holds %v, which belongs under another name: delete it, and what it should hold will be computed again", file, r.Cell)
	}
	if err := r.check(); err != nil {
		return nil, fmt.Errorf("suite: %s: %w: delete it, and it will be computed again", file, err)
	}
	return r, nil
}

// check reports missing parts of a result.
func (r *Result) check() error {
	rows := len(r.Rows)
	switch {
	case rows != len(r.Timing.Rows):
		return fmt.Errorf("%d decision times of %d rows", len(r.Timing.Rows), rows)
	case len(r.Tests) != len(r.Cell.Tests):
		return fmt.Errorf("%d results of %d tests", len(r.Tests), len(r.Cell.Tests))
	case r.Cell.Recipe != nil && rows != 1:
		return fmt.Errorf("%d rows of one method", rows)
	case r.Cell.Subject.Name == Bounds && r.Bounds == nil:
		return errors.New("no bounds")
	case r.Cell.Subject.Name == Stream && (rows != 1 || len(r.Stream) != tenths):
		return fmt.Errorf("%d rows and %d bounds of a stream", rows, len(r.Stream))
	case r.Cell.Subject.Name == Baselines && rows == 0:
		return errors.New("no rows of baselines")
	}
	return nil
}

// missing returns the cells without a result in the store, in the order of their keys. That order
// is as good as random, so the time of the first ones predicts the time of the rest.
func (s *Store) missing(cells []Cell) ([]Cell, error) {
	entries, err := os.ReadDir(s.dir)
	if err != nil {
		return nil, fmt.Errorf("suite: %w", err)
	}
	there := make(map[string]bool, len(entries))
	for _, e := range entries {
		there[e.Name()] = true
	}
	sorted, err := sortByKey(cells)
	if err != nil {
		return nil, err
	}
	var missing []Cell
	for _, c := range sorted {
		if !there[c.key+".json"] {
			missing = append(missing, c.Cell)
		}
	}
	return missing, nil
}

// LoadAll returns the results of all cells, in their order.
func (s *Store) LoadAll(cells []Cell) ([]*Result, error) {
	results := make([]*Result, len(cells))
	missing := 0
	var first error
	for i, c := range cells {
		var err error
		results[i], err = s.load(c)
		if errors.Is(err, fs.ErrNotExist) {
			missing++
			if first == nil {
				first = err
			}
			continue
		}
		if err != nil {
			return nil, err
		}
	}
	if missing > 0 {
		return nil, fmt.Errorf("%d of %d cells have not been computed: run the suite, or the shards that are missing, on the same results folder; the first is %w",
			missing, len(cells), first)
	}
	return results, nil
}

type keyedCell struct {
	Cell
	key string
}

func sortByKey(cells []Cell) ([]keyedCell, error) {
	keyed := make([]keyedCell, len(cells))
	for i, c := range cells {
		key, err := c.Key()
		if err != nil {
			return nil, err
		}
		keyed[i] = keyedCell{c, key}
	}
	slices.SortStableFunc(keyed, func(a, b keyedCell) int { return strings.Compare(a.key, b.key) })
	return keyed, nil
}

// build identifies the running program by a digest of its file. Results of different builds may be
// mixed, and the report says so: only a change of Format makes results invalid.
func build() (string, error) {
	name, err := os.Executable()
	if err != nil {
		return "", fmt.Errorf("suite: %w", err)
	}
	f, err := os.Open(name)
	if err != nil {
		return "", fmt.Errorf("suite: %w", err)
	}
	defer f.Close()
	sum := sha256.New()
	if _, err := io.Copy(sum, f); err != nil {
		return "", fmt.Errorf("suite: %w", err)
	}
	return hex.EncodeToString(sum.Sum(nil)[:6]), nil
}

// Builds returns the builds of the results, sorted.
func Builds(results []*Result) []string {
	var builds []string
	for _, r := range results {
		builds = append(builds, r.Timing.Build)
	}
	slices.Sort(builds)
	return slices.Compact(builds)
}
