package datasets

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/graphrl/graphrl/gnn"
	"github.com/graphrl/graphrl/internal/textfile"
	"github.com/nlpodyssey/gopickle/types"
)

// planetoidVal is the number of validation vertices of the standard split.
const planetoidVal = 500

// ReadPlanetoid reads the citation graph called name ("cora", "citeseer", "pubmed") from the files
// ind.NAME.x, .tx, .allx, .y, .ty, .ally, .graph and .test.index in dir, with the split of Z. Yang,
// W. Cohen and R. Salakhutdinov, "Revisiting semi-supervised learning with graph embeddings" (ICML
// 2016): train on the vertices of x (20 of each class), validate on the next 500, test on the 1,000
// of test.index.
//
// Features are as the files have them; the literature divides each row by its sum first
// (gnn.Sparse.NormalizeRows). Vertices in neither allx nor test.index, which Citeseer has, get no
// features and the label -1.
func ReadPlanetoid(dir, name string) (*NodeClassification, error) {
	d, err := readPlanetoid(dir, name)
	if err != nil {
		return nil, fmt.Errorf("datasets: planetoid %s: %w", name, err)
	}
	return d, nil
}

// planetoidFiles are the parts of a data set as on disk.
type planetoidFiles struct {
	x, tx, allx *pyCSR
	y, ty, ally *pyArray
	graph       map[int32][]int32
	testIndex   []int32
}

func readPlanetoid(dir, name string) (*NodeClassification, error) {
	if name == "" || strings.ContainsAny(name, `/\`) {
		return nil, fmt.Errorf("want the name of a data set such as cora")
	}
	var f planetoidFiles
	parts := []struct {
		part  string
		parse func(data []byte) error
	}{
		{"x", intoCSR(&f.x)}, {"tx", intoCSR(&f.tx)}, {"allx", intoCSR(&f.allx)},
		{"y", intoArray(&f.y)}, {"ty", intoArray(&f.ty)}, {"ally", intoArray(&f.ally)},
		{"graph", func(data []byte) (err error) { f.graph, err = parseNeighbors(data); return err }},
		{"test.index", func(data []byte) (err error) { f.testIndex, err = parseTestIndex(data); return err }},
	}
	for _, p := range parts {
		file := filepath.Join(dir, "ind."+name+"."+p.part)
		data, err := os.ReadFile(file)
		if errors.Is(err, os.ErrNotExist) {
			return nil, fmt.Errorf("%w (want the eight files ind.%s.* of the raw data set)", err, name)
		}
		if err != nil {
			return nil, err
		}
		if err := p.parse(data); err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
	}
	d, err := f.assemble()
	if err != nil {
		return nil, err
	}
	d.Name = name
	return d, nil
}

func intoCSR(dst **pyCSR) func([]byte) error {
	return func(data []byte) error {
		v, err := loadPickle(data)
		if err != nil {
			return err
		}
		m, ok := v.(*pyCSR)
		if !ok || m.ptr == nil {
			return fmt.Errorf("want a pickled csr_matrix, got %T", v)
		}
		*dst = m
		return nil
	}
}

func intoArray(dst **pyArray) func([]byte) error {
	return func(data []byte) error {
		v, err := loadPickle(data)
		if err != nil {
			return err
		}
		a, ok := v.(*pyArray)
		if !ok || a.dims != 2 {
			return fmt.Errorf("want a pickled matrix, got %T", v)
		}
		*dst = a
		return nil
	}
}

// parseNeighbors reads the dictionary from vertices to lists of neighbours.
func parseNeighbors(data []byte) (map[int32][]int32, error) {
	v, err := loadPickle(data)
	if err != nil {
		return nil, err
	}
	d, ok := v.(*types.Dict)
	if !ok {
		return nil, fmt.Errorf("want a pickled dictionary, got %T", v)
	}
	vertex := func(v any) (int32, error) {
		i, ok := v.(int)
		if !ok || i < 0 || i >= 1<<30 {
			return 0, fmt.Errorf("want the number of a vertex, got %T %v", v, v)
		}
		return int32(i), nil
	}
	neighbors := make(map[int32][]int32, d.Len())
	for _, e := range *d {
		i, err := vertex(e.Key)
		if err != nil {
			return nil, err
		}
		list, ok := e.Value.(*types.List)
		if !ok {
			return nil, fmt.Errorf("vertex %d: want a list of neighbours, got %T", i, e.Value)
		}
		if _, twice := neighbors[i]; twice {
			return nil, fmt.Errorf("vertex %d occurs twice", i)
		}
		ids := make([]int32, list.Len())
		for k := range ids {
			if ids[k], err = vertex(list.Get(k)); err != nil {
				return nil, fmt.Errorf("neighbour of vertex %d: %w", i, err)
			}
		}
		neighbors[i] = ids
	}
	return neighbors, nil
}

func parseTestIndex(data []byte) ([]int32, error) {
	text, err := textfile.Decode(data)
	if err != nil {
		return nil, err
	}
	var index []int32
	for n, field := range strings.Fields(string(text)) {
		i, err := strconv.ParseInt(field, 10, 32)
		if err != nil || i < 0 {
			return nil, fmt.Errorf("entry %d: want the number of a vertex, got %q", n+1, field)
		}
		index = append(index, int32(i))
	}
	return index, nil
}

// check reports parts whose sizes do not fit together.
func (f *planetoidFiles) check() error {
	features, classes := f.allx.cols, f.ally.cols
	known, train := f.allx.rows, f.x.rows
	switch {
	case f.x.cols != features || f.tx.cols != features:
		return fmt.Errorf("x, tx and allx have %d, %d and %d columns: want as many features in all", f.x.cols, f.tx.cols, features)
	case f.y.cols != classes || f.ty.cols != classes:
		return fmt.Errorf("y, ty and ally have %d, %d and %d columns: want as many classes in all", f.y.cols, f.ty.cols, classes)
	case f.y.rows != train || f.ty.rows != f.tx.rows || f.ally.rows != known:
		return fmt.Errorf("features x, tx, allx have %d, %d, %d rows but labels y, ty, ally %d, %d, %d",
			train, f.tx.rows, known, f.y.rows, f.ty.rows, f.ally.rows)
	case len(f.testIndex) != f.tx.rows:
		return fmt.Errorf("test.index lists %d vertices but tx has %d rows", len(f.testIndex), f.tx.rows)
	case train+planetoidVal > known:
		return fmt.Errorf("allx has %d rows: too few for %d training and %d validation vertices", known, train, planetoidVal)
	}
	return nil
}

// places returns the row of each vertex: in allx, or -2-row in tx, or -1 for none.
func (f *planetoidFiles) places() ([]int32, error) {
	known, n := f.allx.rows, len(f.graph)
	row := make([]int32, n)
	for i := range row {
		row[i] = -1
		if i < known {
			row[i] = int32(i)
		}
	}
	if known > n {
		return nil, fmt.Errorf("allx has %d rows but the graph only %d vertices", known, n)
	}
	for k, i := range f.testIndex {
		if int(i) < known || int(i) >= n {
			return nil, fmt.Errorf("test.index names vertex %d: want one in [%d, %d), behind those of allx and in the graph", i, known, n)
		}
		if row[i] != -1 {
			return nil, fmt.Errorf("test.index names vertex %d twice", i)
		}
		row[i] = int32(-2 - k)
	}
	return row, nil
}

// assemble joins the parts: vertices are the rows of allx, followed by those of tx in the places
// that test.index gives them.
func (f *planetoidFiles) assemble() (*NodeClassification, error) {
	if err := f.check(); err != nil {
		return nil, err
	}
	row, err := f.places()
	if err != nil {
		return nil, err
	}
	features, classes, train, n := f.allx.cols, f.ally.cols, f.x.rows, len(f.graph)
	d := &NodeClassification{Classes: classes, Labels: make([]int32, n)}
	known64, test64 := f.ally.values(), f.ty.values()
	ptr, col, val := []int32{0}, []int32(nil), []float32(nil)
	for i, r := range row {
		m, label := f.allx, known64
		switch {
		case r == -1:
			d.Labels[i] = -1
			ptr = append(ptr, int32(len(col)))
			continue
		case r < -1:
			m, label, r = f.tx, test64, -2-r
		}
		col = append(col, m.col[m.ptr[r]:m.ptr[r+1]]...)
		val = append(val, m.val[m.ptr[r]:m.ptr[r+1]]...)
		ptr = append(ptr, int32(len(col)))
		if d.Labels[i], err = classOf(label[int(r)*classes : (int(r)+1)*classes]); err != nil {
			return nil, fmt.Errorf("vertex %d: %w", i, err)
		}
	}
	if d.Features, err = gnn.NewSparse(n, features, ptr, col, val); err != nil {
		return nil, err
	}
	if d.Graph, err = f.undirected(n); err != nil {
		return nil, err
	}
	for i := range int32(train) {
		if d.Labels[i] < 0 {
			return nil, fmt.Errorf("training vertex %d has no class", i)
		}
		d.Train = append(d.Train, i)
	}
	for i := range int32(planetoidVal) {
		d.Val = append(d.Val, int32(train)+i)
	}
	d.Test = slices.Sorted(slices.Values(f.testIndex))
	return d, nil
}

func (f *planetoidFiles) undirected(n int) (*gnn.Graph, error) {
	var ei gnn.EdgeIndex
	for i := range int32(n) { // in order: a map's order must not reach the result
		ids, ok := f.graph[i]
		if !ok {
			return nil, fmt.Errorf("the graph has %d vertices but none with number %d", n, i)
		}
		for _, j := range ids {
			ei.Src, ei.Dst = append(ei.Src, j), append(ei.Dst, i)
		}
	}
	return gnn.NewGraph(n, ei.Undirected().RemoveSelfLoops())
}

// classOf returns the class of a one-hot row, -1 if it is all zeros.
func classOf(row []float64) (int32, error) {
	class := int32(-1)
	for c, v := range row {
		switch {
		case v == 0:
		case v == 1 && class < 0:
			class = int32(c)
		default:
			return 0, fmt.Errorf("labels %v: want a single 1 among zeros", row)
		}
	}
	return class, nil
}
