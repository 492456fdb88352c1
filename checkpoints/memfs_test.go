package checkpoints

import (
	"bytes"
	"errors"
	"fmt"
	iofs "io/fs"
	"maps"
	"path/filepath"
	"slices"
)

// errPower is the error of every operation after a power cut.
var errPower = errors.New("no power")

// memFS is a file system in memory that tracks what a disk would hold after a power cut: a file's
// bytes last once Sync has returned, a name once SyncDir has. It can lose power, or fail once, at
// any operation.
type memFS struct {
	names   map[string]*memFile // as the running process sees them
	onDisk  map[string]*memFile // as of the last SyncDir of their directory
	op      int                 // operations so far
	cutAt   int                 // operation at which the power goes, half done if it is a write; -1 for never
	failAt  int                 // operation that fails with failErr; -1 for none
	failErr error
	onRead  func(name string) // called before each ReadFile
}

type memFile struct {
	fs           *memFS
	data, synced []byte
}

func newMemFS() *memFS {
	return &memFS{names: map[string]*memFile{}, onDisk: map[string]*memFile{}, cutAt: -1, failAt: -1}
}

// step counts an operation that changes something, and returns an error if it may not continue.
func (fs *memFS) step() error {
	op := fs.op
	fs.op++
	if fs.cutAt >= 0 && op >= fs.cutAt {
		return errPower
	}
	if op == fs.failAt {
		return fs.failErr
	}
	return nil
}

func (fs *memFS) MkdirAll(string) error { return fs.step() }

func (fs *memFS) Create(name string) (file, error) {
	if err := fs.step(); err != nil {
		return nil, err
	}
	f := fs.names[name]
	if f == nil {
		f = &memFile{fs: fs}
		fs.names[name] = f
	}
	f.data = nil // until Sync the old bytes may come back
	return f, nil
}

func (f *memFile) Write(b []byte) (int, error) {
	if err := f.fs.step(); err != nil {
		f.data = append(f.data, b[:len(b)/2]...)
		return len(b) / 2, err
	}
	f.data = append(f.data, b...)
	return len(b), nil
}

func (f *memFile) Sync() error {
	if err := f.fs.step(); err != nil {
		return err
	}
	f.synced = slices.Clone(f.data)
	return nil
}

func (f *memFile) Close() error { return f.fs.step() }

func (fs *memFS) Rename(from, to string) error {
	if err := fs.step(); err != nil {
		return err
	}
	f, ok := fs.names[from]
	if !ok {
		return fmt.Errorf("rename %s: %w", from, iofs.ErrNotExist)
	}
	delete(fs.names, from)
	fs.names[to] = f
	return nil
}

func (fs *memFS) Remove(name string) error {
	if err := fs.step(); err != nil {
		return err
	}
	delete(fs.names, name)
	return nil
}

func (fs *memFS) SyncDir(dir string) error {
	if err := fs.step(); err != nil {
		return err
	}
	fs.onDisk = maps.Clone(fs.names) // the tests use one directory
	return nil
}

func (fs *memFS) ReadNames(dir string) ([]string, error) {
	var names []string
	for name := range fs.names {
		names = append(names, filepath.Base(name))
	}
	slices.Sort(names)
	return names, nil
}

func (fs *memFS) ReadFile(name string, max int64) ([]byte, error) {
	if fs.onRead != nil {
		fs.onRead(name)
	}
	f, ok := fs.names[name]
	if !ok {
		return nil, fmt.Errorf("open %s: %w", name, iofs.ErrNotExist)
	}
	if int64(len(f.data)) > max {
		return nil, fmt.Errorf("%s is too large: %w", name, ErrDamaged)
	}
	return slices.Clone(f.data), nil
}

// killed returns the state that the next process finds after a kill: everything done, synced or
// not.
func (fs *memFS) killed() *memFS {
	next := newMemFS()
	for name, f := range fs.names {
		next.put(name, f.data)
	}
	return next
}

// put stores a file safely on disk.
func (fs *memFS) put(name string, data []byte) {
	f := &memFile{fs: fs, data: slices.Clone(data), synced: slices.Clone(data)}
	fs.names[name], fs.onDisk[name] = f, f
}

// powerCuts returns every disk state that a power cut may leave. Each name not synced since it
// changed may have its old or its new file, and each file not synced since it changed may hold its
// old bytes, its new bytes or a part.
func (fs *memFS) powerCuts() []*memFS {
	disks := []*memFS{newMemFS()}
	for name := range union(fs.names, fs.onDisk) {
		var files []*memFile // nil for no file
		files = append(files, fs.names[name])
		if old := fs.onDisk[name]; old != fs.names[name] {
			files = append(files, old)
		}
		var next []*memFS
		for _, disk := range disks {
			for _, f := range files {
				if f == nil {
					next = append(next, disk)
					continue
				}
				contents := [][]byte{f.synced}
				if !bytes.Equal(f.data, f.synced) {
					contents = append(contents, f.data, f.data[:len(f.data)/2])
				}
				for _, content := range contents {
					d := disk.killed()
					d.put(name, content)
					next = append(next, d)
				}
			}
		}
		disks = next
	}
	return disks
}

func union(a, b map[string]*memFile) map[string]*memFile {
	u := maps.Clone(a)
	maps.Copy(u, b)
	return u
}
