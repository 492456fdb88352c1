package runfolder

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/gofrs/flock"
	"github.com/graphrl/graphrl/internal/atomicfile"
)

// ExitHeld is the exit code of a command when another process holds the folder.
const ExitHeld = 3

// Holder describes the process that works in a folder.
type Holder struct {
	PID     int       `json:"pid"`
	Host    string    `json:"host"`
	Since   time.Time `json:"since"`
	Command string    `json:"command"`
}

// HeldError means that [Acquire] refuses a folder because another process works in it.
type HeldError struct {
	Dir    string
	Holder *Holder // nil if unknown
}

// Error names the process that works in the folder and the ways out.
func (e *HeldError) Error() string {
	who := "another process"
	if h := e.Holder; h != nil {
		who = fmt.Sprintf("process %d on %s, since %s (%s)", h.PID, h.Host, h.Since.Local().Format(time.DateTime), h.Command)
	}
	return fmt.Sprintf("%s is in use by %s: wait for it, stop it, or use another folder", e.Dir, who)
}

// ExitCode returns [ExitHeld].
func (e *HeldError) ExitCode() int { return ExitHeld }

// Lock keeps other processes out of a folder. The operating system releases it when the process
// dies.
type Lock struct {
	file   *flock.Flock
	holder string // file that describes the holder
}

// LockName is the usual name of a folder's lock.
const LockName = ".lock"

// Acquire locks the existing folder dir without waiting. Locks with different names are
// independent. If another process, or another Lock of this one, holds it, the error is a
// [HeldError].
func Acquire(dir, name string) (*Lock, error) {
	l := &Lock{file: flock.New(filepath.Join(dir, name)), holder: filepath.Join(dir, name+".json")}
	ok, err := l.file.TryLock()
	if err != nil {
		return nil, fmt.Errorf("cannot lock %s: %w (a folder must be writable, on a file system that has locks)", dir, err)
	}
	if !ok {
		return nil, &HeldError{dir, readHolder(l.holder)}
	}
	if err := writeHolder(l.holder); err != nil {
		return nil, errors.Join(fmt.Errorf("cannot lock %s: %w", dir, err), l.file.Close())
	}
	return l, nil
}

// Release unlocks the folder. The lock file stays: removing it would let two processes hold locks
// on two files.
func (l *Lock) Release() error {
	os.Remove(l.holder) // for information only
	return l.file.Close()
}

func writeHolder(name string) error {
	host, err := os.Hostname()
	if err != nil {
		host = "unknown host"
	}
	data, err := json.Marshal(Holder{os.Getpid(), host, time.Now().UTC().Truncate(time.Second), strings.Join(os.Args, " ")})
	if err != nil {
		return err
	}
	return atomicfile.Write(name, append(data, '\n'))
}

// readHolder waits a moment first, because the holder may be about to write the file.
func readHolder(name string) *Holder {
	time.Sleep(50 * time.Millisecond)
	data, err := os.ReadFile(name)
	h := new(Holder)
	if err != nil || json.Unmarshal(data, h) != nil || h.PID == 0 {
		return nil
	}
	return h
}
