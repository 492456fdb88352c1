package checkpoints

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"syscall"
)

// fileSystem is the part of the operating system that Save and Load use. Tests replace it with one
// that fails, or loses power, at a chosen moment.
type fileSystem interface {
	MkdirAll(dir string) error        // and syncs the new entries
	Create(name string) (file, error) // empties an existing file
	Rename(from, to string) error     // replaces an existing file in one step
	Remove(name string) error
	SyncDir(dir string) error // makes renames in dir durable
	ReadNames(dir string) ([]string, error)
	// ReadFile refuses more than max bytes and files that are not regular.
	ReadFile(name string, max int64) ([]byte, error)
}

type file interface {
	io.WriteCloser
	Sync() error
}

// osFS is the real file system.
type osFS struct{}

func (fs osFS) MkdirAll(dir string) error {
	if isDir(dir) {
		return nil
	}
	parent := filepath.Dir(dir)
	if parent != dir {
		if err := fs.MkdirAll(parent); err != nil {
			return err
		}
	}
	if err := os.Mkdir(dir, 0o777); err != nil && !isDir(dir) { // another run may have made it meanwhile
		return err
	}
	return fs.SyncDir(parent)
}

func isDir(name string) bool {
	info, err := os.Stat(name)
	return err == nil && info.IsDir()
}

func (osFS) Create(name string) (file, error) { return os.Create(name) }
func (osFS) Rename(from, to string) error     { return os.Rename(from, to) }
func (osFS) Remove(name string) error         { return os.Remove(name) }

func (osFS) SyncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	err = d.Sync()
	// Some systems and network file systems cannot sync a directory; there is no better alternative
	// on them.
	if errors.Is(err, syscall.EINVAL) || errors.Is(err, errors.ErrUnsupported) || errors.Is(err, os.ErrPermission) {
		err = nil
	}
	return errors.Join(err, d.Close())
}

func (osFS) ReadNames(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	names := make([]string, len(entries))
	for i, e := range entries {
		names[i] = e.Name()
	}
	return names, err
}

func (osFS) ReadFile(name string, max int64) ([]byte, error) {
	info, err := os.Stat(name)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is not a regular file: %w", name, ErrDamaged)
	}
	if info.Size() > max {
		return nil, fmt.Errorf("%s has %d bytes, more than %d: %w", name, info.Size(), max, ErrDamaged)
	}
	return os.ReadFile(name)
}
