package gnn

import (
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// drawEdges draws an edge list between vertex sets of the given sizes; sorted
// lists come up often enough to test that path.
func drawEdges(t *rapid.T, numSrc, numDst int) EdgeIndex {
	n := 0
	if numSrc > 0 && numDst > 0 {
		n = rapid.IntRange(0, 30).Draw(t, "edges")
	}
	ei := EdgeIndex{make([]int32, n), make([]int32, n)}
	for e := range n {
		ei.Src[e] = rapid.Int32Range(0, int32(numSrc-1)).Draw(t, "src")
		ei.Dst[e] = rapid.Int32Range(0, int32(numDst-1)).Draw(t, "dst")
	}
	switch rapid.IntRange(0, 3).Draw(t, "order") {
	case 0:
		slices.Sort(ei.Src)
	case 1:
		slices.Sort(ei.Dst)
	}
	return ei
}

func drawGraph(t *rapid.T, bipartite bool) *Graph {
	n := rapid.IntRange(0, 8).Draw(t, "vertices")
	if !bipartite {
		g, err := NewGraph(n, drawEdges(t, n, n))
		if err != nil {
			t.Fatal(err)
		}
		return g
	}
	m := rapid.IntRange(0, 8).Draw(t, "destinations")
	if rapid.Bool().Draw(t, "complete") {
		g, err := CompleteBipartite(n, m)
		if err != nil {
			t.Fatal(err)
		}
		return g
	}
	g, err := NewBipartite(n, m, drawEdges(t, n, m))
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// checkStructure holds both compressed forms against the edge list.
func checkStructure(t interface{ Fatalf(string, ...any) }, g *Graph) {
	check := func(name string, a *adjacency, rows int, key, value []int32) {
		if a.rows() != rows {
			t.Fatalf("%s: %d rows, want %d", name, a.rows(), rows)
		}
		k := 0
		for i := range rows {
			for e := range key { // each row in the order of the edges
				if int(key[e]) != i {
					continue
				}
				if a.ptr[i] > int32(k) || a.ptr[i+1] <= int32(k) || a.idx[k] != value[e] || a.edgeOf(k) != e {
					t.Fatalf("%s: entry %d of row %d is not edge %d", name, k, i, e)
				}
				k++
			}
		}
		if k != len(a.idx) || rows > 0 && a.ptr[rows] != int32(k) {
			t.Fatalf("%s: %d entries, want %d", name, len(a.idx), k)
		}
	}
	check("in", &g.in, g.numDst, g.dst, g.src)
	check("out", &g.out, g.numSrc, g.src, g.dst)
}

func TestGraphStructure(t *testing.T) {
	var g Graph // reused: old content must not show
	rapid.Check(t, func(t *rapid.T) {
		n, m := rapid.IntRange(0, 9).Draw(t, "n"), rapid.IntRange(0, 9).Draw(t, "m")
		var want EdgeIndex
		var err error
		switch rapid.IntRange(0, 2).Draw(t, "kind") {
		case 0:
			m = n
			want = drawEdges(t, n, n)
			err = g.SetEdges(n, want)
		case 1:
			want = drawEdges(t, n, m)
			err = g.SetBipartite(n, m, want)
		case 2:
			err = g.SetCompleteBipartite(n, m)
			for i := range n {
				for j := range m {
					want.Src, want.Dst = append(want.Src, int32(i)), append(want.Dst, int32(j))
				}
			}
		}
		if err != nil {
			t.Fatal(err)
		}
		if g.NumSrc() != n || g.NumDst() != m || g.NumEdges() != want.Len() || g.NumGraphs() != 1 {
			t.Fatalf("got %v, want %d -> %d vertices, %d edges", &g, n, m, want.Len())
		}
		if !slices.Equal(g.Edges().Src, want.Src) || !slices.Equal(g.Edges().Dst, want.Dst) {
			t.Fatalf("edges %v, want %v", g.Edges(), want)
		}
		checkStructure(t, &g)
		checkStructure(t, g.Reverse())
	})
}

func TestBatchIsDisjointUnion(t *testing.T) {
	var batch Graph
	rapid.Check(t, func(t *rapid.T) {
		bipartite := rapid.Bool().Draw(t, "bipartite")
		graphs := make([]*Graph, rapid.IntRange(0, 4).Draw(t, "graphs"))
		var want EdgeIndex
		src, dst, edge := []int32{0}, []int32{0}, []int32{0}
		for b := range graphs {
			graphs[b] = drawGraph(t, bipartite)
			s0, d0 := src[len(src)-1], dst[len(dst)-1]
			want.Src = appendShifted(want.Src, graphs[b].src, s0)
			want.Dst = appendShifted(want.Dst, graphs[b].dst, d0)
			src = append(src, s0+int32(graphs[b].NumSrc()))
			dst = append(dst, d0+int32(graphs[b].NumDst()))
			edge = append(edge, int32(len(want.Src)))
		}
		if err := batch.SetBatch(graphs...); err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(batch.src, want.Src) || !slices.Equal(batch.dst, want.Dst) {
			t.Fatalf("edges %v, want %v", batch.Edges(), want)
		}
		if !slices.Equal(batch.GraphPtr(), dst) || !slices.Equal(batch.SrcGraphPtr(), src) || !slices.Equal(batch.EdgeGraphPtr(), edge) {
			t.Fatalf("offsets %v %v %v, want %v %v %v", batch.SrcGraphPtr(), batch.GraphPtr(), batch.EdgeGraphPtr(), src, dst, edge)
		}
		checkStructure(t, &batch)

		nested, err := Batch(&batch)
		if err != nil {
			t.Fatal(err)
		}
		if nested.NumGraphs() != len(graphs) || !slices.Equal(nested.GraphPtr(), dst) {
			t.Fatalf("a batch of a batch has offsets %v, want %v", nested.GraphPtr(), dst)
		}
	})
}

func TestCompleteBipartitesIsBatch(t *testing.T) {
	var g Graph
	rapid.Check(t, func(t *rapid.T) {
		m := rapid.SliceOfN(rapid.IntRange(0, 5), 0, 5).Draw(t, "m")
		var o []int
		var parts []*Graph
		for range m {
			o = append(o, rapid.IntRange(0, 5).Draw(t, "o"))
			p, err := CompleteBipartite(m[len(o)-1], o[len(o)-1])
			if err != nil {
				t.Fatal(err)
			}
			parts = append(parts, p)
		}
		if err := g.SetCompleteBipartites(m, o); err != nil {
			t.Fatal(err)
		}
		want, err := Batch(parts...)
		if err != nil {
			t.Fatal(err)
		}
		checkStructure(t, &g)
		for _, c := range [][2][]int32{{g.src, want.src}, {g.dst, want.dst}, {g.dstPtr, want.dstPtr}, {g.srcPtr, want.srcPtr}, {g.edgePtr, want.edgePtr}} {
			if !slices.Equal(c[0], c[1]) {
				t.Fatalf("got %v, want %v", c[0], c[1])
			}
		}
	})
}

// dense returns the matrix w as [rows x cols] in float64.
func (w weighted) dense(rows, cols int) [][]float64 {
	d := make([][]float64, rows)
	for i := range d {
		d[i] = make([]float64, cols)
		for k := w.ptr[i]; k < w.ptr[i+1]; k++ {
			d[i][w.col[k]] += float64(w.val[k])
		}
	}
	return d
}

func transpose(d [][]float64, rows int) [][]float64 {
	r := make([][]float64, rows)
	for j := range r {
		r[j] = make([]float64, len(d))
		for i := range d {
			r[j][i] = d[i][j]
		}
	}
	return r
}

func TestNormalizedAdjacency(t *testing.T) {
	var g Graph
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(0, 7).Draw(t, "n")
		edges := drawEdges(t, n, n)
		if err := g.SetEdges(n, edges); err != nil {
			t.Fatal(err)
		}
		a := make([][]float64, n) // A + I, with loops counted once
		for i := range a {
			a[i] = make([]float64, n)
			a[i][i] = 1
		}
		for e := range edges.Src {
			if s, d := edges.Src[e], edges.Dst[e]; s != d {
				a[d][s]++
			}
		}
		degree := make([]float64, n)
		for i := range a {
			for _, v := range a[i] {
				degree[i] += v
			}
		}
		for i := range a {
			for j := range a[i] {
				a[i][j] /= math.Sqrt(degree[i] * degree[j])
			}
		}
		closeTo(t, "gcn", g.gcn().dense(n, n), a)
		closeTo(t, "gcn transposed", g.gcnT().dense(n, n), transpose(a, n))
	})
}

func TestMeanWeights(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		g := drawGraph(t, true)
		m := make([][]float64, g.NumDst())
		for i := range m {
			m[i] = make([]float64, g.NumSrc())
			for _, j := range g.InNeighbors(i) {
				m[i][j] += 1 / float64(g.InDegree(i))
			}
		}
		closeTo(t, "mean", g.mean().dense(g.NumDst(), g.NumSrc()), m)
		closeTo(t, "mean transposed", g.meanT().dense(g.NumSrc(), g.NumDst()), transpose(m, g.NumSrc()))
		for e, c := range g.meanCoef() {
			if want := 1 / float32(g.InDegree(int(g.dst[e]))); c != want {
				t.Fatalf("coefficient of edge %d is %v, want %v", e, c, want)
			}
		}
	})
}

func closeTo(t *rapid.T, name string, got, want [][]float64) {
	for i := range want {
		for j := range want[i] {
			if math.Abs(got[i][j]-want[i][j]) > 1e-6 {
				t.Fatalf("%s: entry (%d, %d) is %v, want %v", name, i, j, got[i][j], want[i][j])
			}
		}
	}
}

func TestEdgeIndex(t *testing.T) {
	ei := EdgeIndex{Src: []int32{2, 0, 0, 1, 1}, Dst: []int32{0, 1, 1, 1, 0}}
	for _, c := range []struct {
		name      string
		got, want EdgeIndex
	}{
		{"Coalesce", ei.Coalesce(), EdgeIndex{[]int32{1, 2, 0, 1}, []int32{0, 0, 1, 1}}},
		{"Undirected", ei.Undirected(), EdgeIndex{[]int32{1, 2, 0, 1, 0}, []int32{0, 0, 1, 1, 2}}},
		{"RemoveSelfLoops", ei.RemoveSelfLoops(), EdgeIndex{[]int32{2, 0, 0, 1}, []int32{0, 1, 1, 0}}},
		{"AddSelfLoops", ei.AddSelfLoops(3), EdgeIndex{[]int32{2, 0, 0, 1, 0, 1, 2}, []int32{0, 1, 1, 0, 0, 1, 2}}},
	} {
		if d := cmp.Diff(c.want, c.got); d != "" {
			t.Errorf("%s (-want +got):\n%s", c.name, d)
		}
	}
}

func TestGraphErrors(t *testing.T) {
	var g Graph
	if err := g.SetEdges(2, EdgeIndex{[]int32{0, 1}, []int32{1, 0}}); err != nil {
		t.Fatal(err)
	}
	plain, err := NewGraph(1, EdgeIndex{})
	if err != nil {
		t.Fatal(err)
	}
	bipartite, err := CompleteBipartite(2, 2)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name string
		err  error
		want string
	}{
		{"source too large", g.SetEdges(2, EdgeIndex{[]int32{0, 2}, []int32{0, 0}}), "edge 1 is (2, 0)"},
		{"negative", g.SetEdges(2, EdgeIndex{[]int32{0}, []int32{-1}}), "edge 0 is (0, -1)"},
		{"destination too large", g.SetBipartite(5, 2, EdgeIndex{[]int32{4}, []int32{2}}), "destination in [0, 2)"},
		{"lengths", g.SetEdges(2, EdgeIndex{[]int32{0}, nil}), "1 sources and 0 destinations"},
		{"negative size", g.SetEdges(-1, EdgeIndex{}), "cannot have -1"},
		{"negative complete", g.SetCompleteBipartite(-1, 2), "cannot have -1 sources"},
		{"complete too large", g.SetCompleteBipartite(1<<20, 1<<20), "32-bit"},
		{"complete lengths", g.SetCompleteBipartites([]int{1}, nil), "as many of both"},
		{"itself", g.SetBatch(plain, &g), "graph 1 of the batch is the batch itself"},
		{"mixed", g.SetBatch(plain, bipartite), "cannot mix"},
	} {
		if c.err == nil || !strings.Contains(c.err.Error(), c.want) {
			t.Errorf("%s: error %v, want one with %q", c.name, c.err, c.want)
		}
	}
	checkStructure(t, &g)
	if g.NumEdges() != 2 || g.NumDst() != 2 {
		t.Errorf("errors changed the graph to %v", &g)
	}
}

func TestGraphString(t *testing.T) {
	g, err := CompleteBipartite(3, 2)
	if err != nil {
		t.Fatal(err)
	}
	b, err := Batch(g, g)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := b.String(), "Graph(6 -> 4 vertices, 12 edges, 2 graphs)"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// The parts derived from a structure are computed once and may be asked for by
// several goroutines; the race detector watches.
func TestDerivedConcurrently(t *testing.T) {
	g := randomGraph(rand.New(rand.NewPCG(1, 2)), 50, 300)
	var wg sync.WaitGroup
	vals := make([][]float32, 8)
	for i := range vals {
		wg.Add(1)
		go func() {
			defer wg.Done()
			g.mean()
			g.Reverse().meanCoef()
			g.gcnT()
			vals[i] = g.gcn().val
		}()
	}
	wg.Wait()
	for _, v := range vals {
		if &v[0] != &vals[0][0] {
			t.Fatal("computed twice")
		}
	}
}

func randomGraph(rng *rand.Rand, n, edges int) *Graph {
	ei := EdgeIndex{make([]int32, edges), make([]int32, edges)}
	for e := range edges {
		ei.Src[e], ei.Dst[e] = rng.Int32N(int32(n)), rng.Int32N(int32(n))
	}
	g, err := NewGraph(n, ei)
	if err != nil {
		panic(err)
	}
	return g
}

func TestRebuildingAllocatesNothing(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	a, b := randomGraph(rng, 40, 200), randomGraph(rng, 30, 250)
	both := []*Graph{a, b, a}
	var edges, batch, complete, completes Graph
	i := 0
	step := func() {
		i++
		g := both[i%2]
		edges.SetEdges(g.NumDst(), g.Edges())
		edges.gcn()
		edges.gcnT()
		edges.mean()
		edges.meanT()
		edges.Reverse().meanCoef()
		batch.SetBatch(both[i%2:]...)
		complete.SetCompleteBipartite(5+i%2, 10)
		completes.SetCompleteBipartites([]int{5 + i%2, 6, 7}, []int{10, 10, 10 - i%2})
	}
	step()
	step()
	if n := testing.AllocsPerRun(20, step); n != 0 {
		t.Errorf("rebuilding graphs allocates %v times", n)
	}
}

func BenchmarkSetEdges(b *testing.B) {
	from := randomGraph(rand.New(rand.NewPCG(5, 6)), 1600, 16000)
	var g Graph
	for b.Loop() {
		if err := g.SetEdges(1600, from.Edges()); err != nil {
			b.Fatal(err)
		}
		g.gcn()
		g.gcnT()
	}
}

func BenchmarkSetCompleteBipartite(b *testing.B) {
	var g Graph
	i := 0
	for b.Loop() {
		i++
		if err := g.SetCompleteBipartite(14-i%2, 10); err != nil {
			b.Fatal(err)
		}
	}
}
