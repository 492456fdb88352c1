package datasets

import (
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/graphrl/graphrl/gnn"
	"github.com/graphrl/graphrl/nn"
)

func TestMUTAG(t *testing.T) {
	d, err := ReadTU(needFile(t, "tu/MUTAG.txt"))
	if err != nil {
		t.Fatal(err)
	}
	t.Log(d)
	if d.Name != "MUTAG" || len(d.Graphs) != 188 || d.Classes != 2 {
		t.Errorf("got %v, want MUTAG's 188 graphs of 2 classes", d)
	}
	count := make([]int, 2)
	vertices := 0
	for i, g := range d.Graphs {
		count[d.Labels[i]]++
		vertices += g.NumDst()
		if len(d.Tags[i]) != g.NumDst() {
			t.Errorf("graph %d has %d tags for %d vertices", i, len(d.Tags[i]), g.NumDst())
		}
		checkUndirected(t, g)
	}
	if !slices.Equal(count, []int{63, 125}) || vertices != 3371 {
		t.Errorf("classes of %v graphs with %d vertices, want 63 and 125 with 3371", count, vertices)
	}
	folds, err := StratifiedKFold(d.Labels, 10, rand.New(rand.NewPCG(1, 2)))
	if err != nil {
		t.Fatal(err)
	}
	for k, fold := range folds {
		ones := 0
		for _, i := range fold {
			ones += int(d.Labels[i])
		}
		if len(fold) < 18 || len(fold) > 19 || ones < 12 || ones > 13 {
			t.Errorf("fold %d has %d graphs, %d of class 1; want 18 or 19 with 12 or 13", k, len(fold), ones)
		}
	}
}

const tiny = `2
3 1
7 1 1
5 2 0 2 0.5
7 0
1 -1
9 0
`

func TestParseTU(t *testing.T) {
	d, err := ParseTU(strings.NewReader(tiny))
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(d.Labels, []int32{1, 0}) || d.Classes != 2 || d.NumTags != 3 {
		t.Errorf("labels %v, %d classes, %d tags", d.Labels, d.Classes, d.NumTags)
	}
	if !slices.Equal(d.Tags[0], []int32{1, 0, 1}) || !slices.Equal(d.Tags[1], []int32{2}) {
		t.Errorf("tags %v", d.Tags)
	}
	// Vertex 2 lists no neighbour but is listed by vertex 1.
	if ei := d.Graphs[0].Edges(); !slices.Equal(ei.Src, []int32{1, 0, 2, 1}) || !slices.Equal(ei.Dst, []int32{0, 1, 1, 2}) {
		t.Errorf("edges %v", ei)
	}

	var g gnn.Graph
	var x nn.Buffer
	if err := d.Batch([]int32{1, 0}, &g, &x); err != nil {
		t.Fatal(err)
	}
	if g.NumGraphs() != 2 || !slices.Equal(g.GraphPtr(), []int32{0, 1, 4}) {
		t.Errorf("batch %v with offsets %v", &g, g.GraphPtr())
	}
	if want := []float32{0, 0, 1, 0, 1, 0, 1, 0, 0, 0, 1, 0}; !slices.Equal(x.Matrix().Data, want) {
		t.Errorf("features %v, want %v", x.Matrix().Data, want)
	}
	if err := d.Batch([]int32{2}, &g, &x); err == nil {
		t.Error("a graph that is not there gives no error")
	}
}

// The text as editors of other systems save it.
func TestParseTUEncodings(t *testing.T) {
	for _, in := range []string{"\ufeff1\n2 1\n0 1 1\n0 1 0\n", "1\r\n2 1\r\n0 1 1\r\n0 1 0\r\n", "\xfe\xff\x001\x00\n\x002\x00 \x001\x00\n\x000\x00 \x001\x00 \x001\x00\n\x000\x00 \x001\x00 \x000"} {
		d, err := ParseTU(strings.NewReader(in))
		if err != nil || len(d.Graphs) != 1 || d.Graphs[0].NumEdges() != 2 {
			t.Errorf("%q: %v, error %v", in, d, err)
		}
	}
}

// TestSharedTU: a file with a byte order mark, from the shared cases.
func TestSharedTU(t *testing.T) {
	d, err := ReadTU(needFile(t, "../cases/bom/tu.txt"))
	if err != nil || len(d.Graphs) != 1 || d.Graphs[0].NumEdges() != 2 {
		t.Errorf("%+v, error %v", d, err)
	}
}

func TestParseTUErrors(t *testing.T) {
	for _, c := range []struct{ name, in, want string }{
		{"empty", "", "line 1: the file ends before the number of graphs"},
		{"no number", "x\n", `line 1: number of graphs: "x" is not a number`},
		{"negative", "-1\n", "number of graphs: -1 is not in"},
		{"graph missing", "1\n", "line 2: the file ends before a graph's number of vertices"},
		{"class missing", "1\n3\n", `line 2: want a graph's number of vertices and class, got "3"`},
		{"vertex missing", "1\n2 0\n0 0\n", "line 4: the file ends before a vertex's tag"},
		{"too few neighbours", "1\n2 0\n0 2 1\n0 0\n", "line 3: number of neighbours: 2 is not in [0, 1]"},
		{"neighbour beyond", "1\n2 0\n0 1 2\n0 0\n", "line 3: neighbour: 2 is not in [0, 1]"},
		{"more", "0\n1 0\n", "line 2: \"1 0\" follows the last of 0 graphs"},
	} {
		if _, err := ParseTU(strings.NewReader(c.in)); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want one with %q", c.name, err, c.want)
		}
	}
	if _, err := ReadTU(filepath.Join(t.TempDir(), "none.txt")); err == nil {
		t.Error("a missing file gives no error")
	}
}

func FuzzParseTU(f *testing.F) {
	f.Add(tiny)
	f.Add("1\n2 0\n0 1 1\n0 1 0\n")
	f.Add("1000000000\n")
	f.Fuzz(func(t *testing.T, in string) {
		d, err := ParseTU(strings.NewReader(in))
		if err != nil {
			return
		}
		all := make([]int32, len(d.Graphs))
		for i := range all {
			all[i] = int32(i)
		}
		if err := d.Batch(all, new(gnn.Graph), new(nn.Buffer)); err != nil {
			t.Fatalf("what was accepted makes no batch: %v", err)
		}
	})
}

func TestStratifiedKFold(t *testing.T) {
	labels := make([]int32, 103)
	for i := range labels {
		labels[i] = int32(i % 3 % 2)
	}
	folds, err := StratifiedKFold(labels, 5, rand.New(rand.NewPCG(3, 4)))
	if err != nil {
		t.Fatal(err)
	}
	var all []int32
	for _, f := range folds {
		all = append(all, f...)
	}
	slices.Sort(all)
	for i, v := range all {
		if int(v) != i {
			t.Fatalf("the folds hold %v", all)
		}
	}
	again, err := StratifiedKFold(labels, 5, rand.New(rand.NewPCG(3, 4)))
	if err != nil {
		t.Fatal(err)
	}
	for k := range folds {
		if !slices.Equal(folds[k], again[k]) {
			t.Error("the same source gives other folds")
		}
	}
	for _, c := range []struct {
		labels []int32
		k      int
	}{{labels, 1}, {labels[:3], 4}, {[]int32{0, -1}, 2}} {
		if _, err := StratifiedKFold(c.labels, c.k, rand.New(rand.NewPCG(1, 1))); err == nil {
			t.Errorf("%d labels and %d folds give no error", len(c.labels), c.k)
		}
	}
}
