package cli

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// RunsDir is where run folders are made unless the user names another place.
const RunsDir = "runs"

// Files of a run folder.
const (
	ConfigFile     = "config.yaml"
	MetricsFile    = "metrics.jsonl"
	CheckpointDir  = "checkpoint"
	CurveFile      = "curve" // .svg and .png
	SummaryFile    = "summary.md"
	maxNameAttempt = 10_000
)

// ErrExists is why CreateFolder refuses a folder.
var ErrExists = errors.New("a run never writes over another: name a new folder by --out")

// CreateFolder makes a new folder: out or, where that is empty, runs/<name>, with -2, -3, ... behind it if need be. It never
// touches one that exists.
func CreateFolder(out, name string) (string, error) {
	dir, exact := out, out != ""
	if !exact {
		dir = filepath.Join(RunsDir, fileName(name))
	}
	if err := os.MkdirAll(filepath.Dir(dir), 0o777); err != nil {
		return "", fmt.Errorf("run folder: %w", err)
	}
	for i := 1; i <= maxNameAttempt; i++ {
		attempt := dir
		if i > 1 {
			attempt = fmt.Sprintf("%s-%d", dir, i)
		}
		err := os.Mkdir(attempt, 0o777)
		if err == nil {
			return attempt, nil
		}
		if !errors.Is(err, fs.ErrExist) {
			return "", fmt.Errorf("run folder: %w", err)
		}
		if exact {
			return "", fmt.Errorf("%s exists, and %w", out, ErrExists)
		}
	}
	return "", fmt.Errorf("run folder: %s-2 to -%d all exist", dir, maxNameAttempt)
}

// fileName is name in lower case without characters that are special in some file system.
func fileName(name string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9', strings.ContainsRune("._+-", r):
			return r
		}
		return '_'
	}, strings.ToLower(name))
}

// Log is a file of JSON objects, one per line.
type Log struct{ f *os.File }

// OpenLog opens a log for appending after its first keep lines, and drops what follows them.
func OpenLog(name string, keep int64) (*Log, error) {
	f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o666)
	if err != nil {
		return nil, err
	}
	end, err := endOfLines(name, keep)
	if err == nil {
		err = f.Truncate(end)
	}
	if err == nil {
		_, err = f.Seek(end, 0)
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return &Log{f}, nil
}

// endOfLines is the offset behind the first n lines of a file.
func endOfLines(name string, n int64) (int64, error) {
	data, err := os.ReadFile(name)
	if err != nil {
		return 0, err
	}
	end := 0
	for line := range n {
		length := bytes.IndexByte(data[end:], '\n') + 1
		if length == 0 {
			return 0, fmt.Errorf("%s: the checkpoint was saved after %d lines, the file has %d: it has been changed", name, n, line)
		}
		end += length
	}
	return int64(end), nil
}

// Append adds a line. It is on disk after Sync.
func (l *Log) Append(v any) error {
	line, err := json.Marshal(v)
	if err != nil {
		return err
	}
	_, err = l.f.Write(append(line, '\n'))
	return err
}

// Sync waits until all lines are on disk.
func (l *Log) Sync() error { return l.f.Sync() }

// Close closes the file.
func (l *Log) Close() error { return l.f.Close() }

// ReadLog reads the lines of a log.
func ReadLog[T any](name string) ([]T, error) {
	data, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	var lines []T
	for i, line := range bytes.Split(bytes.TrimSuffix(data, []byte("\n")), []byte("\n")) {
		if len(data) == 0 {
			break
		}
		var v T
		if err := json.Unmarshal(line, &v); err != nil {
			return nil, fmt.Errorf("%s:%d: %w", name, i+1, err)
		}
		lines = append(lines, v)
	}
	return lines, nil
}
