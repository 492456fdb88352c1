package datasets

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/graphrl/graphrl/gnn"
	"github.com/graphrl/graphrl/internal/textfile"
)

// ReadTUFolder reads a data set of the TU collection (C. Morris et al., "TUDataset: A collection of
// benchmark datasets for learning with graphs", 2020) from the files it is published as, in dir or
// in dir/raw:
//
//	NAME_A.txt                 per edge: the numbers of its two vertices, counted from 1 over all graphs
//	NAME_graph_indicator.txt   per vertex: the number of its graph, counted from 1
//	NAME_graph_labels.txt      per graph: its class
//	NAME_node_labels.txt       per vertex: its tag (optional; without the file all tags are 0)
//	NAME_node_attributes.txt   per vertex: numbers (optional)
//	NAME_edge_labels.txt       per edge: its tag (optional)
//	NAME_edge_attributes.txt   per edge: numbers (optional)
//
// Edges become undirected: each direction that the file lacks has tag and attributes of the other
// one. Self loops are dropped. Tags and classes are renumbered from 0 in ascending order.
func ReadTUFolder(dir string) (*GraphClassification, error) {
	name, dir, err := tuName(dir)
	if err != nil {
		return nil, fmt.Errorf("datasets: %w", err)
	}
	d, err := readTUFiles(name, func(part string) (string, []byte, error) {
		file := filepath.Join(dir, name+"_"+part+".txt")
		data, err := os.ReadFile(file)
		return file, data, err
	})
	if err != nil {
		return nil, fmt.Errorf("datasets: TU data set %s: %w", name, err)
	}
	return d, nil
}

// tuName finds the one NAME_A.txt in dir or dir/raw.
func tuName(dir string) (name, folder string, err error) {
	const suffix = "_A.txt"
	var names []string
	for _, folder := range []string{dir, filepath.Join(dir, "raw")} {
		entries, err := os.ReadDir(folder)
		if err != nil && folder == dir {
			return "", "", err
		}
		for _, e := range entries {
			if name, ok := strings.CutSuffix(e.Name(), suffix); ok {
				names = append(names, name)
			}
		}
		if len(names) == 1 {
			return names[0], folder, nil
		}
		if len(names) > 1 {
			return "", "", fmt.Errorf("%s has %d data sets (%s): want one NAME%s in a folder", folder, len(names), strings.Join(names, ", "), suffix)
		}
	}
	return "", "", fmt.Errorf("%s has no file NAME%s: not a data set of the TU collection", dir, suffix)
}

// tuFiles are the parts of a data set as on disk.
type tuFiles struct {
	edges      table // [edges x 2]
	graphOf    table // [vertices x 1]
	classes    table // [graphs x 1]
	tags       table // [vertices x 1]
	attributes table // [vertices x any]
	edgeTags   table // [edges x 1]
	edgeAttrs  table // [edges x any]
}

// readTUFiles makes a data set of the parts that open returns.
func readTUFiles(name string, open func(part string) (file string, data []byte, err error)) (*GraphClassification, error) {
	var f tuFiles
	for _, p := range []struct {
		part               string
		into               *table
		columns            int // 0: any
		integers, optional bool
	}{
		{"A", &f.edges, 2, true, false},
		{"graph_indicator", &f.graphOf, 1, true, false},
		{"graph_labels", &f.classes, 1, true, false},
		{"node_labels", &f.tags, 1, true, true},
		{"node_attributes", &f.attributes, 0, false, true},
		{"edge_labels", &f.edgeTags, 1, true, true},
		{"edge_attributes", &f.edgeAttrs, 0, false, true},
	} {
		file, data, err := open(p.part)
		if p.optional && errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		if *p.into, err = parseTable(data, file, p.columns, p.integers); err != nil {
			return nil, err
		}
	}
	if err := f.check(); err != nil {
		return nil, err
	}
	return f.assemble(name)
}

// check reports parts that do not fit together.
func (f *tuFiles) check() error {
	filled := make([]bool, f.classes.rows) // graphs with vertices
	for i := range f.graphOf.rows {
		g := f.graphOf.int(i, 0)
		if g < 1 || g > f.classes.rows {
			return f.graphOf.errorf(i, "graph %d is not in 1..%d, the lines of %s", g, f.classes.rows, f.classes.file)
		}
		filled[g-1] = true
	}
	if g := slices.Index(filled, false); g >= 0 {
		return f.classes.errorf(g, "graph %d has a label and no vertex in %s", g+1, f.graphOf.file)
	}
	for e := range f.edges.rows {
		for c := range 2 {
			if v := f.edges.int(e, c); v < 1 || v > f.graphOf.rows {
				return f.edges.errorf(e, "vertex %d is not in 1..%d, the lines of %s", v, f.graphOf.rows, f.graphOf.file)
			}
		}
		u, v := f.edges.int(e, 0), f.edges.int(e, 1)
		if a, b := f.graphOf.int(u-1, 0), f.graphOf.int(v-1, 0); a != b {
			return f.edges.errorf(e, "the edge joins vertex %d of graph %d and vertex %d of graph %d", u, a, v, b)
		}
	}
	for _, p := range []struct {
		part *table
		rows int
		of   *table
	}{
		{&f.tags, f.graphOf.rows, &f.graphOf},
		{&f.attributes, f.graphOf.rows, &f.graphOf},
		{&f.edgeTags, f.edges.rows, &f.edges},
		{&f.edgeAttrs, f.edges.rows, &f.edges},
	} {
		if p.part.file != "" && p.part.rows != p.rows {
			return fmt.Errorf("%s has %d lines, but %s has %d", p.part.file, p.part.rows, p.of.file, p.rows)
		}
	}
	return nil
}

// assemble splits the parts, which fit together, into graphs.
func (f *tuFiles) assemble(name string) (*GraphClassification, error) {
	graphs := f.classes.rows
	d := &GraphClassification{
		Name:              name,
		Graphs:            make([]*gnn.Graph, graphs),
		Tags:              make([][]int32, graphs),
		Labels:            make([]int32, graphs),
		NumAttributes:     f.attributes.columns,
		NumEdgeAttributes: f.edgeAttrs.columns,
	}
	local := make([]int32, f.graphOf.rows) // each vertex's number in its graph
	if d.NumAttributes > 0 {
		d.Attributes = make([][]float32, graphs)
	}
	for i := range local {
		g := f.graphOf.int(i, 0) - 1
		local[i] = int32(len(d.Tags[g]))
		tag := int32(0)
		if f.tags.file != "" {
			tag = int32(f.tags.int(i, 0))
		}
		d.Tags[g] = append(d.Tags[g], tag)
		if d.NumAttributes > 0 {
			d.Attributes[g] = f.attributes.appendRow(d.Attributes[g], i)
		}
	}
	lines := make([][]int, graphs) // of each graph's edges
	for e := range f.edges.rows {
		g := f.graphOf.int(f.edges.int(e, 0)-1, 0) - 1
		lines[g] = append(lines[g], e)
	}
	if f.edgeTags.file != "" {
		d.EdgeTags = make([][]int32, graphs)
	}
	if d.NumEdgeAttributes > 0 {
		d.EdgeAttributes = make([][]float32, graphs)
	}
	for g := range graphs {
		d.Labels[g] = int32(f.classes.int(g, 0))
		if err := f.graph(d, g, lines[g], local); err != nil {
			return nil, fmt.Errorf("graph %d: %w", g+1, err)
		}
	}
	d.Classes = renumber(d.Labels)
	d.NumTags = renumber(d.Tags...)
	d.NumEdgeTags = renumber(d.EdgeTags...)
	return d, nil
}

// graph sets graph g of d, whose edges are in the given lines.
func (f *tuFiles) graph(d *GraphClassification, g int, lines []int, local []int32) error {
	var ei gnn.EdgeIndex
	lineOf := make(map[[2]int32]int, len(lines))
	for _, e := range lines {
		u, v := local[f.edges.int(e, 0)-1], local[f.edges.int(e, 1)-1]
		ei.Src, ei.Dst = append(ei.Src, u), append(ei.Dst, v)
		lineOf[[2]int32{u, v}] = e
	}
	var err error
	if d.Graphs[g], err = gnn.NewGraph(len(d.Tags[g]), ei.Undirected().RemoveSelfLoops()); err != nil {
		return err
	}
	if d.EdgeTags == nil && d.EdgeAttributes == nil {
		return nil
	}
	edges := d.Graphs[g].Edges()
	for k, u := range edges.Src {
		v := edges.Dst[k]
		e, ok := lineOf[[2]int32{u, v}]
		if !ok {
			e = lineOf[[2]int32{v, u}]
		}
		if d.EdgeTags != nil {
			d.EdgeTags[g] = append(d.EdgeTags[g], int32(f.edgeTags.int(e, 0)))
		}
		if d.EdgeAttributes != nil {
			d.EdgeAttributes[g] = f.edgeAttrs.appendRow(d.EdgeAttributes[g], e)
		}
	}
	return nil
}

// table is a text file of numbers, one row per line, separated by commas or spaces.
type table struct {
	file          string
	rows, columns int
	values        []float64 // [rows x columns]
	lines         []int32   // line of each row
}

func (t *table) int(row, column int) int { return int(t.values[row*t.columns+column]) }

func (t *table) appendRow(dst []float32, row int) []float32 {
	for _, v := range t.values[row*t.columns : (row+1)*t.columns] {
		dst = append(dst, float32(v))
	}
	return dst
}

func (t *table) errorf(row int, format string, args ...any) error {
	return fmt.Errorf("%s:%d: %s", t.file, t.lines[row], fmt.Sprintf(format, args...))
}

// parseTable reads a table of the given number of columns, or of as many as its first line has if
// that is 0.
func parseTable(data []byte, file string, columns int, integers bool) (table, error) {
	text, err := textfile.Decode(data)
	if err != nil {
		return table{}, fmt.Errorf("%s: %w", file, err)
	}
	t := table{file: file, columns: columns}
	for n := 1; len(text) > 0; n++ {
		var line []byte
		line, text, _ = bytes.Cut(text, []byte{'\n'})
		fields := strings.FieldsFunc(string(line), func(r rune) bool { return r == ',' || r == ';' || r == ' ' || r == '\t' })
		if len(fields) == 0 {
			continue
		}
		if t.columns == 0 {
			t.columns = len(fields)
		}
		t.rows++
		t.lines = append(t.lines, int32(n))
		if len(fields) != t.columns {
			return table{}, t.errorf(t.rows-1, "%d numbers, want %d: %q", len(fields), t.columns, line)
		}
		for _, field := range fields {
			v, err := parseNumber(field, integers)
			if err != nil {
				return table{}, t.errorf(t.rows-1, "%v", err)
			}
			t.values = append(t.values, v)
		}
	}
	return t, nil
}

func parseNumber(field string, integer bool) (float64, error) {
	if integer {
		n, err := strconv.ParseInt(field, 10, 32)
		if err != nil {
			return 0, fmt.Errorf("%q is not a whole number of 32 bits", field)
		}
		return float64(n), nil
	}
	v, err := textfile.Number(field)
	if err == nil && math.Abs(v) > math.MaxFloat32 {
		err = fmt.Errorf("%q does not fit into 32 bits", field)
	}
	return v, err
}
