package runfolder

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/graphrl/graphrl/internal/atomicfile"
	"github.com/graphrl/graphrl/internal/jsonleaves"
	"github.com/graphrl/graphrl/internal/tfevents"
)

// Export is a format in which a run's log is also written, for other programs. Exports follow the
// log: a resumed run continues those it has, and no step appears twice.
type Export string

// Exports.
const (
	// TensorBoard is an event file of scalars, such as latency_ms/p99. Its wall-clock times differ
	// from run to run.
	TensorBoard Export = "tensorboard"
	// CSV is a table with a row for each line of the log.
	CSV Export = "csv"
)

// Exports returns all of them.
func Exports() []Export { return []Export{TensorBoard, CSV} }

// Files of exports.
var exportFiles = map[Export]string{TensorBoard: "events.out.tfevents.graphrl", CSV: "metrics.csv"}

// Figures is a line of a log that holds more than the values worth a curve or a column.
type Figures interface {
	// Figures returns the values of the line to export. It has the same JSON keys for all lines of
	// a run.
	Figures() any
}

// point is a line of the log as exports have it.
type point struct {
	step   int64
	leaves []jsonleaves.Leaf
}

func newPoint(step int64, line any) (point, error) {
	if f, ok := line.(Figures); ok {
		line = f.Figures()
	}
	leaves, err := jsonleaves.Of(line)
	return point{step, leaves}, err
}

// exportFile is an export that lines are being added to.
type exportFile struct {
	file   *os.File
	encode func(dst []byte, p point) []byte
}

// Export adds exports to those of a folder, starting with the lines already in the log.
func (f *Folder) Export(run Run, exports ...Export) error {
	for _, e := range exports {
		if err := f.export(run, e); err != nil {
			return fmt.Errorf("export %s: %w", e, err)
		}
	}
	return nil
}

// resumeExports continues the exports that the folder has.
func (f *Folder) resumeExports(run Run) error {
	for _, e := range Exports() {
		if _, err := os.Stat(f.Path(exportFiles[e])); err == nil {
			if err := f.Export(run, e); err != nil {
				return err
			}
		}
	}
	return nil
}

// export rewrites the file of an export from the log, and opens it for later lines. A part that was
// right already comes out the same, so a program that reads the file meanwhile is not disturbed.
func (f *Folder) export(run Run, e Export) error {
	name, ok := exportFiles[e]
	if !ok {
		return fmt.Errorf("is not known: choose among %v", Exports())
	}
	name = f.Path(name)
	points, err := f.points(run)
	if err != nil {
		return err
	}
	old, err := os.ReadFile(name)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	var text []byte
	var encode func([]byte, point) []byte
	if e == TensorBoard {
		text, encode = events(old, run.Position().Steps())
	} else if text, encode, err = table(run); err != nil {
		return err
	}
	for _, p := range points {
		text = encode(text, p)
	}
	if !bytes.Equal(text, old) || len(text) == 0 {
		if err := atomicfile.Write(name, text); err != nil {
			return err
		}
	}
	file, err := os.OpenFile(name, os.O_WRONLY|os.O_APPEND, 0o666)
	if err == nil {
		f.exports = append(f.exports, exportFile{file, encode})
	}
	return err
}

// points returns the lines of the log.
func (f *Folder) points(run Run) ([]point, error) {
	data, err := os.ReadFile(f.Path(MetricsFile))
	if err != nil {
		return nil, err
	}
	of := reflect.TypeOf(run.Line())
	var points []point
	for text := range bytes.Lines(data) {
		step, line, ok := parseLine(text, of)
		if !ok {
			return nil, fmt.Errorf("%s has %q, which is no line of a log", f.Path(MetricsFile), text)
		}
		p, err := newPoint(step, line)
		if err != nil {
			return nil, err
		}
		points = append(points, p)
	}
	return points, nil
}

// events begins an event file. Steps up to last that the old file has keep their times; those after it
// are done again.
func events(old []byte, last int64) ([]byte, func([]byte, point) []byte) {
	now := func() float64 { return float64(time.Now().UnixNano()) / 1e9 }
	times := tfevents.Times(old)
	began, ok := tfevents.HeaderTime(old)
	if !ok {
		began = now()
	}
	return tfevents.AppendHeader(nil, began), func(dst []byte, p point) []byte {
		event := tfevents.Event{Time: now(), Step: p.step}
		if t, ok := times[p.step]; ok && p.step <= last {
			event.Time = t
		}
		for _, leaf := range p.leaves {
			if v, err := strconv.ParseFloat(leaf.Text, 32); err == nil && !stepNames[leaf.Name] {
				tag := strings.ReplaceAll(leaf.Name, ".", "/")
				event.Scalars = append(event.Scalars, tfevents.Scalar{Tag: tag, Value: float32(v)})
			}
		}
		return tfevents.Append(dst, event)
	}
}

// stepNames are the names of the step in lines; see [Log].
var stepNames = map[string]bool{"step": true, "slot": true, "frame": true}

// table begins a CSV file: the step, and a column for every other leaf of the run's lines.
func table(run Run) ([]byte, func([]byte, point) []byte, error) {
	first, err := newPoint(0, run.Line())
	if err != nil {
		return nil, nil, err
	}
	header := []string{"step"}
	column := make(map[string]int)
	for _, leaf := range first.leaves {
		if !stepNames[leaf.Name] {
			column[leaf.Name] = len(header)
			header = append(header, leaf.Name)
		}
	}
	return appendRow(nil, header), func(dst []byte, p point) []byte {
		row := make([]string, len(header))
		row[0] = strconv.FormatInt(p.step, 10)
		for _, leaf := range p.leaves {
			if i, ok := column[leaf.Name]; ok {
				row[i] = leaf.Text
			}
		}
		return appendRow(dst, row)
	}, nil
}

func appendRow(dst []byte, row []string) []byte {
	b := bytes.NewBuffer(dst)
	w := csv.NewWriter(b)
	w.Write(row) // a buffer takes everything
	w.Flush()
	return b.Bytes()
}

// appendExports adds a line to all exports.
func (f *Folder) appendExports(step int64, line any) error {
	if len(f.exports) == 0 {
		return nil
	}
	p, err := newPoint(step, line)
	if err != nil {
		return err
	}
	for _, e := range f.exports {
		if _, err := e.file.Write(e.encode(nil, p)); err != nil {
			return fmt.Errorf("export: %w", err)
		}
	}
	return nil
}

// closeExports closes their files.
func (f *Folder) closeExports() error {
	var err error
	for _, e := range f.exports {
		err = errors.Join(err, e.file.Close())
	}
	f.exports = nil
	return err
}
