package gnn

import (
	"math"
	"sync"

	"github.com/graphrl/graphrl/internal/kernel"
	"github.com/graphrl/graphrl/internal/reuse"
)

// derived holds results that layers compute from a graph's structure alone. Each part is computed
// on first use and kept until the structure changes, so the layers of a network, and tapes on other
// goroutines, share it.
type derived struct {
	mu       sync.Mutex
	in, out  lazy[*kernel.CSR]
	gcnIn    lazy[weighted]
	gcnOut   lazy[weighted]
	meanIn   lazy[[]float32]
	meanOut  lazy[[]float32]
	meanEdge lazy[[]float32]
	reverse  lazy[*Graph]
	loops    lazy[*Graph]
	invSqrt  []float32 // scratch of gcn
}

// lazy is a value computed once per structure; the memory of the last one is reused for the next.
type lazy[T any] struct {
	value T
	done  bool
}

// weighted is a sparse matrix whose rows are one side's vertices.
type weighted struct {
	ptr, col []int32
	val      []float32   // nil for ones
	csr      *kernel.CSR // of ptr and col
}

// forget marks everything as not computed.
func (d *derived) forget() {
	d.in.done, d.out.done = false, false
	d.gcnIn.done, d.gcnOut.done = false, false
	d.meanIn.done, d.meanOut.done, d.meanEdge.done = false, false, false
	d.reverse.done, d.loops.done = false, false
}

// get returns the value, computing it if the structure is new.
func (l *lazy[T]) get(g *Graph, compute func(g *Graph, value *T)) T {
	g.derived.mu.Lock()
	defer g.derived.mu.Unlock()
	if !l.done {
		compute(g, &l.value)
		l.done = true
	}
	return l.value
}

// sum returns the adjacency matrix by destination.
func (g *Graph) sum() weighted {
	csr := g.derived.in.get(g, func(g *Graph, a **kernel.CSR) { compress(a, g.numSrc, g.in.ptr, g.in.idx) })
	return weighted{g.in.ptr, g.in.idx, nil, csr}
}

// sumT returns the transpose of sum, by source.
func (g *Graph) sumT() weighted {
	csr := g.derived.out.get(g, func(g *Graph, a **kernel.CSR) { compress(a, g.numDst, g.out.ptr, g.out.idx) })
	return weighted{g.out.ptr, g.out.idx, nil, csr}
}

// compress makes *csr the structure of the matrix with cols columns whose rows ptr and col give.
func compress(csr **kernel.CSR, cols int, ptr, col []int32) {
	if *csr == nil {
		*csr = new(kernel.CSR)
	}
	(*csr).Set(cols, ptr, col)
}

// gcn returns the normalised adjacency matrix of Kipf and Welling (2017), D^-1/2 (A+I) D^-1/2, by
// destination. D counts in-edges and the self loop, which every vertex has exactly once, in the
// graph or not. The graph must not be bipartite.
func (g *Graph) gcn() weighted {
	return g.derived.gcnIn.get(g, func(g *Graph, w *weighted) { g.normalize(&g.in, w) })
}

// gcnT returns the transpose of gcn, by source.
func (g *Graph) gcnT() weighted {
	return g.derived.gcnOut.get(g, func(g *Graph, w *weighted) { g.normalize(&g.out, w) })
}

func (g *Graph) normalize(a *adjacency, w *weighted) {
	inv := reuse.Slice(g.derived.invSqrt, g.numDst)
	g.derived.invSqrt = inv
	for i := range inv {
		degree := 1
		for _, j := range g.InNeighbors(i) {
			if int(j) != i {
				degree++
			}
		}
		inv[i] = float32(1 / math.Sqrt(float64(degree)))
	}
	n := a.rows()
	w.ptr = reuse.Slice(w.ptr, n+1)
	w.col = reuse.Slice(w.col, len(a.idx)+n) // at most: loops in the graph leave room
	w.val = reuse.Slice(w.val, len(w.col))
	w.ptr[0] = 0
	k := 0
	for i := range n {
		w.col[k], w.val[k] = int32(i), inv[i]*inv[i]
		k++
		for _, j := range a.idx[a.ptr[i]:a.ptr[i+1]] {
			if int(j) != i {
				w.col[k], w.val[k] = j, inv[i]*inv[j]
				k++
			}
		}
		w.ptr[i+1] = int32(k)
	}
	w.col, w.val = w.col[:k], w.val[:k]
	compress(&w.csr, n, w.ptr, w.col)
}

// mean returns the matrix that averages over a destination's in-edges, by destination; the row of a
// vertex without in-edges is empty.
func (g *Graph) mean() weighted {
	val := g.derived.meanIn.get(g, func(g *Graph, val *[]float32) {
		*val = reuse.Slice(*val, g.NumEdges())
		for i := range g.numDst {
			row := (*val)[g.in.ptr[i]:g.in.ptr[i+1]]
			for k := range row {
				row[k] = 1 / float32(len(row))
			}
		}
	})
	w := g.sum()
	w.val = val
	return w
}

// meanT returns the transpose of mean, by source.
func (g *Graph) meanT() weighted {
	val := g.derived.meanOut.get(g, func(g *Graph, val *[]float32) {
		*val = reuse.Slice(*val, g.NumEdges())
		for k, i := range g.out.idx {
			(*val)[k] = 1 / float32(g.InDegree(int(i)))
		}
	})
	w := g.sumT()
	w.val = val
	return w
}

// meanCoef returns 1/in-degree of the destination of each edge.
func (g *Graph) meanCoef() []float32 {
	return g.derived.meanEdge.get(g, func(g *Graph, val *[]float32) {
		*val = reuse.Slice(*val, g.NumEdges())
		for e, i := range g.dst {
			(*val)[e] = 1 / float32(g.InDegree(int(i)))
		}
	})
}

// Reverse returns g with every edge turned round and sources and destinations exchanged. Edges keep
// their numbers. The result is a view of g's memory: it is valid until g changes and must not be
// Set itself.
func (g *Graph) Reverse() *Graph {
	return g.derived.reverse.get(g, func(g *Graph, r **Graph) {
		if *r == nil {
			*r = new(Graph)
		}
		h := *r
		h.src, h.dst = g.dst, g.src
		h.in.view(&g.out)
		h.out.view(&g.in)
		h.srcPtr, h.dstPtr, h.edgePtr = g.dstPtr, g.srcPtr, g.edgePtr
		h.changed(g.numDst, g.numSrc, g.bipartite)
	})
}

// view makes a show b's rows.
func (a *adjacency) view(b *adjacency) { a.ptr, a.idx, a.edge = b.ptr, b.idx, b.edge }

// looped returns g with its self loops, if any, replaced by one at every vertex. Its edges are
// numbered by destination, each row ending with the loop; it is no batch. The graph must not be
// bipartite.
func (g *Graph) looped() *Graph {
	return g.derived.loops.get(g, func(g *Graph, r **Graph) {
		if *r == nil {
			*r = new(Graph)
		}
		h := *r
		h.src, h.dst = h.src[:0], h.dst[:0]
		for i := range int32(g.numDst) {
			for _, j := range g.InNeighbors(int(i)) {
				if j != i {
					h.src, h.dst = append(h.src, j), append(h.dst, i)
				}
			}
			h.src, h.dst = append(h.src, i), append(h.dst, i)
		}
		h.setEdges(g.numSrc, g.numDst, false, EdgeIndex{h.src, h.dst})
	})
}
