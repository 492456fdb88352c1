package runfolder

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"reflect"

	"github.com/graphrl/graphrl/internal/atomicfile"
)

// Log is a file of JSON objects, one per line. Each has a number "step", "slot" or "frame", which
// all mean the number of steps of the run at the time of writing.
type Log struct{ f *os.File }

// parseLine reads a line of a log and the number of steps after which it was written. It returns
// false for text that does not fit into the type of.
func parseLine(text []byte, of reflect.Type) (step int64, line any, ok bool) {
	var p struct{ Step, Slot, Frame *int64 }
	v := reflect.New(of)
	if json.Unmarshal(text, &p) != nil || json.Unmarshal(text, v.Interface()) != nil {
		return 0, nil, false
	}
	for _, at := range []*int64{p.Step, p.Slot, p.Frame} {
		if at != nil {
			return *at, v.Elem().Interface(), true
		}
	}
	return 0, nil, false
}

// OpenLog opens the log of a run at course, for appending lines of the type of line. It keeps the
// lines that such a run has written and drops later ones. lost is the number of missing or damaged
// lines. A file with damaged lines is kept under its name plus ".damaged".
func OpenLog(name string, course *Course, line any) (log *Log, lost int64, err error) {
	data, err := os.ReadFile(name)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, 0, fmt.Errorf("metrics: %w", err)
	}
	kept, lines := repair(data, course, reflect.TypeOf(line))
	lost = course.Reports() - lines
	if !bytes.HasPrefix(data, kept) || lost > 0 {
		if len(data) > len(kept) {
			if err := atomicfile.Write(name+".damaged", data); err != nil {
				return nil, 0, fmt.Errorf("metrics: %w", err)
			}
		}
		if err := atomicfile.Write(name, kept); err != nil {
			return nil, 0, fmt.Errorf("metrics: %w", err)
		}
	}
	f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o666)
	if err != nil {
		return nil, 0, fmt.Errorf("metrics: %w", err)
	}
	err = f.Truncate(int64(len(kept)))
	if err == nil {
		_, err = f.Seek(0, 2)
	}
	if err != nil {
		return nil, 0, errors.Join(fmt.Errorf("metrics: %w", err), f.Close())
	}
	return &Log{f}, lost, nil
}

// repair returns the lines of data that a run at course has written, in order without repetition,
// and their number.
func repair(data []byte, course *Course, of reflect.Type) (kept []byte, lines int64) {
	last := int64(0)
	for line := range bytes.Lines(data) {
		at, _, ok := parseLine(line, of)
		if !ok || line[len(line)-1] != '\n' || at <= last || at > course.Steps() || !course.reports(at) {
			continue
		}
		kept = append(kept, line...)
		lines, last = lines+1, at
	}
	return kept, lines
}

// Append adds a line, which Sync writes to disk.
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

// ReadLog reads the lines of a log. Errors about lines that are not JSON name file and line.
func ReadLog[T any](name string) ([]T, error) {
	data, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	return parseLog[T](data, name)
}

func parseLog[T any](data []byte, name string) ([]T, error) {
	var lines []T
	number := 0
	for line := range bytes.Lines(data) {
		number++
		var v T
		if err := json.Unmarshal(line, &v); err != nil {
			return nil, fmt.Errorf("%s:%d: %w", name, number, err)
		}
		lines = append(lines, v)
	}
	return lines, nil
}
