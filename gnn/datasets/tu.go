package datasets

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/graphrl/graphrl/gnn"
	"github.com/graphrl/graphrl/internal/textfile"
)

// ReadTU reads a set of graphs in the text format in which the authors of GIN published the TU
// collection (MUTAG.txt, PROTEINS.txt and so on):
//
//	number of graphs
//	per graph: number of vertices, class
//	           per vertex: tag, number of neighbours, the neighbours' numbers
//
// Neighbours are taken in both directions, whichever of the two lists names them. The first graph
// of MUTAG.txt as published has spurious tags and lacks edges: its first nine lines start with a
// number too many. It is read as it stands, as GIN does.
//
// Numbers after the neighbours (vertex attributes, which GIN leaves out too) are ignored. Tags and
// classes are renumbered from 0 in ascending order.
//
// If file is a folder it holds the collection's own format, see [ReadTUFolder].
func ReadTU(file string) (*GraphClassification, error) {
	info, err := os.Stat(file)
	if err != nil {
		return nil, fmt.Errorf("datasets: %w", err)
	}
	if info.IsDir() {
		return ReadTUFolder(file)
	}
	f, err := os.Open(file)
	if err != nil {
		return nil, fmt.Errorf("datasets: %w", err)
	}
	defer f.Close()
	d, err := ParseTU(f)
	if err != nil {
		return nil, fmt.Errorf("%w (in %s)", err, file)
	}
	d.Name = strings.TrimSuffix(filepath.Base(file), filepath.Ext(file))
	return d, nil
}

// ParseTU is [ReadTU] on a reader.
func ParseTU(r io.Reader) (*GraphClassification, error) {
	text, err := textfile.Read(r)
	if err != nil {
		return nil, fmt.Errorf("datasets: %w", err)
	}
	p := tuParser{lines: bufio.NewScanner(bytes.NewReader(text))}
	p.lines.Buffer(nil, 1<<24)
	d, err := p.parse()
	if err != nil {
		return nil, fmt.Errorf("datasets: line %d: %w", p.line, err)
	}
	return d, nil
}

type tuParser struct {
	lines *bufio.Scanner
	line  int
}

// next returns the fields of the next line, at least want of them.
func (p *tuParser) next(want int, what string) ([]string, error) {
	p.line++
	if !p.lines.Scan() {
		if err := p.lines.Err(); err != nil {
			return nil, err
		}
		return nil, fmt.Errorf("the file ends before %s", what)
	}
	f := strings.Fields(p.lines.Text())
	if len(f) < want {
		return nil, fmt.Errorf("want %s, got %q", what, p.lines.Text())
	}
	return f, nil
}

func number(field, what string, lo, hi int) (int, error) {
	n, err := strconv.Atoi(field)
	if err != nil {
		return 0, fmt.Errorf("%s: %q is not a number", what, field)
	}
	if n < lo || n > hi {
		return 0, fmt.Errorf("%s: %d is not in [%d, %d]", what, n, lo, hi)
	}
	return n, nil
}

// The largest counts and labels that are taken for sane.
const tuMax = 1 << 30

func (p *tuParser) parse() (*GraphClassification, error) {
	f, err := p.next(1, "the number of graphs")
	if err != nil {
		return nil, err
	}
	graphs, err := number(f[0], "number of graphs", 0, tuMax)
	if err != nil {
		return nil, err
	}
	d := new(GraphClassification)
	for range graphs {
		if err := p.graph(d); err != nil {
			return nil, err
		}
	}
	for p.lines.Scan() {
		p.line++
		if strings.TrimSpace(p.lines.Text()) != "" {
			return nil, fmt.Errorf("%q follows the last of %d graphs", p.lines.Text(), graphs)
		}
	}
	if err := p.lines.Err(); err != nil {
		return nil, err
	}
	d.Classes = renumber(d.Labels)
	d.NumTags = renumber(d.Tags...)
	return d, nil
}

// graph appends the next graph to d, with its tags and class as the file has them.
func (p *tuParser) graph(d *GraphClassification) error {
	f, err := p.next(2, "a graph's number of vertices and class")
	if err != nil {
		return err
	}
	n, err := number(f[0], "number of vertices", 0, tuMax)
	if err != nil {
		return err
	}
	label, err := number(f[1], "class", -tuMax, tuMax)
	if err != nil {
		return err
	}
	var tags []int32
	var ei gnn.EdgeIndex
	for i := range n {
		f, err := p.next(2, "a vertex's tag and number of neighbours")
		if err != nil {
			return err
		}
		tag, err := number(f[0], "tag", -tuMax, tuMax)
		if err != nil {
			return err
		}
		degree, err := number(f[1], "number of neighbours", 0, len(f)-2)
		if err != nil {
			return err
		}
		tags = append(tags, int32(tag))
		for _, s := range f[2 : 2+degree] {
			j, err := number(s, "neighbour", 0, n-1)
			if err != nil {
				return err
			}
			ei.Src, ei.Dst = append(ei.Src, int32(j)), append(ei.Dst, int32(i))
		}
	}
	g, err := gnn.NewGraph(n, ei.Undirected().RemoveSelfLoops())
	if err != nil {
		return err
	}
	d.Graphs, d.Tags, d.Labels = append(d.Graphs, g), append(d.Tags, tags), append(d.Labels, int32(label))
	return nil
}

// renumber replaces the values of all lists by their ranks and returns how many different ones
// there are.
func renumber(lists ...[]int32) int {
	values := slices.Concat(lists...)
	slices.Sort(values)
	values = slices.Compact(values)
	for _, l := range lists {
		for i, v := range l {
			rank, _ := slices.BinarySearch(values, v)
			l[i] = int32(rank)
		}
	}
	return len(values)
}
