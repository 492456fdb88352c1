package checkpoints

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	iofs "io/fs"
	"os"
	"path/filepath"
)

const (
	manifestName = "manifest.json"
	manifestTemp = "manifest.json.tmp"
	dataTemp     = "state.safetensors.tmp"
	maxManifest  = 16 << 20 // bytes
)

// Save writes s and m as the checkpoint in dir, replacing the one there, and creates dir if it is
// missing. On return the checkpoint is synced to disk. If Save fails, or the process dies at any
// moment, dir holds either the old checkpoint or the new one, whole. Save sets the fields of m that
// describe the files.
func Save(dir string, s *State, m Manifest) error { return save(osFS{}, dir, s, m) }

func save(fs fileSystem, dir string, s *State, m Manifest) error {
	if s == nil {
		return errors.New("checkpoints: save: the state is nil")
	}
	if err := s.Err(); err != nil {
		return err
	}
	if err := prepare(fs, dir, s, &m); err != nil {
		// Failing to remove the partial files does no harm: the next Save writes over them.
		fs.Remove(filepath.Join(dir, dataTemp))
		fs.Remove(filepath.Join(dir, manifestTemp))
		return fmt.Errorf("checkpoints: save %s: %w (a checkpoint saved there before is untouched)", dir, err)
	}
	if err := commit(fs, dir, m.Data.File); err != nil {
		return fmt.Errorf("checkpoints: save %s: %w (either the checkpoint from before or the new one is in place)", dir, err)
	}
	sweep(fs, dir, m.Data.File)
	return nil
}

// prepare writes both files under their temporary names and syncs them.
func prepare(fs fileSystem, dir string, s *State, m *Manifest) error {
	if err := fs.MkdirAll(dir); err != nil {
		return err
	}
	sum := sha256.New()
	var size countWriter
	err := writeFile(fs, filepath.Join(dir, dataTemp), func(w io.Writer) error {
		return encodeSafetensors(io.MultiWriter(w, sum, &size), s.all().tensors)
	})
	if err != nil {
		return err
	}
	m.Format = formatVersion
	m.Version = version()
	m.Data = dataFile(m.Step, int64(size), [sha256.Size]byte(sum.Sum(nil)))
	manifest, err := encodeManifest(*m)
	if err != nil {
		return err
	}
	if len(manifest) > maxManifest {
		return fmt.Errorf("the manifest has %d bytes, more than %d: the config is too long", len(manifest), maxManifest)
	}
	return writeFile(fs, filepath.Join(dir, manifestTemp), func(w io.Writer) error {
		_, err := w.Write(manifest)
		return err
	})
}

// commit gives the files their final names: first the data, then, once that rename is on disk, the
// manifest.
func commit(fs fileSystem, dir, data string) error {
	if err := fs.Rename(filepath.Join(dir, dataTemp), filepath.Join(dir, data)); err != nil {
		return err
	}
	if err := fs.SyncDir(dir); err != nil {
		return err
	}
	if err := fs.Rename(filepath.Join(dir, manifestTemp), filepath.Join(dir, manifestName)); err != nil {
		return err
	}
	return fs.SyncDir(dir)
}

// sweep removes the data files of earlier checkpoints and of killed saves. It ignores errors,
// because the checkpoint is complete either way and the next Save tries again.
func sweep(fs fileSystem, dir, keep string) {
	names, _ := fs.ReadNames(dir)
	for _, name := range names {
		if ours, _ := filepath.Match(dataPattern, name); ours && name != keep {
			fs.Remove(filepath.Join(dir, name))
		}
	}
}

// Sweep removes the leftovers of killed saves in dir. Save does so too; Sweep is for a checkpoint
// that is not saved again. No other process may be saving to dir.
func Sweep(dir string) error {
	m, err := readManifest(osFS{}, dir)
	if err != nil {
		return err
	}
	sweep(osFS{}, dir, m.Data.File)
	for _, name := range []string{dataTemp, manifestTemp} {
		if err := os.Remove(filepath.Join(dir, name)); err != nil && !errors.Is(err, iofs.ErrNotExist) {
			return fmt.Errorf("checkpoints: %w", err)
		}
	}
	return nil
}

// writeFile creates a file, fills it and syncs it.
func writeFile(fs fileSystem, name string, fill func(io.Writer) error) error {
	f, err := fs.Create(name)
	if err != nil {
		return err
	}
	err = fill(f)
	if err == nil {
		err = f.Sync()
	}
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	return err
}

// countWriter counts the bytes written to it.
type countWriter int64

func (c *countWriter) Write(b []byte) (int, error) {
	*c += countWriter(len(b))
	return len(b), nil
}

// Load reads the checkpoint in dir. The error wraps [io/fs.ErrNotExist] if there is none and
// [ErrDamaged] if it is damaged. Before you load the State into networks, compare the manifest's
// Architecture with theirs.
func Load(dir string) (*State, Manifest, error) { return load(osFS{}, dir) }

func load(fs fileSystem, dir string) (*State, Manifest, error) {
	for {
		m, err := readManifest(fs, dir)
		if err != nil {
			return nil, Manifest{}, err
		}
		s, err := readState(fs, dir, m.Data)
		if err == nil {
			return s, m, nil
		}
		// A Save may have replaced the checkpoint between the two reads: then read the new one.
		now, nowErr := readManifest(fs, dir)
		if nowErr != nil || now.Checksum == m.Checksum {
			return nil, Manifest{}, err
		}
	}
}

func readManifest(fs fileSystem, dir string) (Manifest, error) {
	name := filepath.Join(dir, manifestName)
	b, err := fs.ReadFile(name, maxManifest)
	if errors.Is(err, iofs.ErrNotExist) {
		return Manifest{}, fmt.Errorf("checkpoints: no checkpoint in %s: start a new run, or name a directory that holds %s: %w", dir, manifestName, err)
	}
	if err != nil {
		return Manifest{}, fmt.Errorf("checkpoints: load: %w", err)
	}
	m, err := decodeManifest(b)
	if err != nil {
		return Manifest{}, fmt.Errorf("checkpoints: %s: %w", name, err)
	}
	return m, nil
}

func readState(fs fileSystem, dir string, want DataFile) (*State, error) {
	name := filepath.Join(dir, want.File)
	b, err := fs.ReadFile(name, want.Bytes)
	if errors.Is(err, iofs.ErrNotExist) {
		return nil, fmt.Errorf("checkpoints: %s names a data file that is missing, %s: %w", filepath.Join(dir, manifestName), want.File, ErrDamaged)
	}
	if err != nil {
		return nil, fmt.Errorf("checkpoints: load: %w", err)
	}
	if int64(len(b)) != want.Bytes {
		return nil, fmt.Errorf("checkpoints: %s has %d bytes of %d: %w", name, len(b), want.Bytes, ErrDamaged)
	}
	sum := sha256.Sum256(b)
	if got := hex.EncodeToString(sum[:]); got != want.SHA256 {
		return nil, fmt.Errorf("checkpoints: %s has SHA-256 %s, not the manifest's %s: %w", name, got, want.SHA256, ErrDamaged)
	}
	tensors, err := decodeSafetensors(b)
	if err != nil {
		return nil, fmt.Errorf("checkpoints: %s: %w: %w", name, err, ErrDamaged)
	}
	return &State{store: &store{tensors: tensors}}, nil
}
