package datasets

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"

	"github.com/graphrl/graphrl/gnn"
)

var errNoSource = errors.New("datasets: random graph: want a random source, got nil")

// ErdosRenyi draws a graph of n vertices in which each of the n(n-1)/2 undirected edges exists with
// probability p (E. Gilbert, "Random graphs", 1959).
func ErdosRenyi(n int, p float64, rng *rand.Rand) (*gnn.Graph, error) {
	if rng == nil {
		return nil, errNoSource
	}
	if n < 0 || !(p >= 0 && p <= 1) {
		return nil, fmt.Errorf("datasets: Erdos-Renyi graph: want n >= 0 and p in [0, 1], got n = %d and p = %v", n, p)
	}
	var ei gnn.EdgeIndex
	pairsWithin(&ei, 0, n, p, rng)
	return gnn.NewGraph(n, ei.Undirected())
}

// BarabasiAlbert draws a graph of n vertices by preferential attachment (A. Barabasi and R. Albert,
// "Emergence of scaling in random networks", Science 286, 1999). It starts from a star of m+1
// vertices; each new vertex is joined to m different ones, chosen in proportion to their degrees.
// The graph has m (n-m) undirected edges.
func BarabasiAlbert(n, m int, rng *rand.Rand) (*gnn.Graph, error) {
	if rng == nil {
		return nil, errNoSource
	}
	if m < 1 || n <= m {
		return nil, fmt.Errorf("datasets: Barabasi-Albert graph: want 1 <= m < n, got n = %d and m = %d", n, m)
	}
	var ei gnn.EdgeIndex
	var ends []int32 // every vertex as often as its degree
	join := func(i, j int32) {
		ei.Src, ei.Dst = append(ei.Src, i), append(ei.Dst, j)
		ends = append(ends, i, j)
	}
	for j := range int32(m) {
		join(0, j+1)
	}
	taken := make([]bool, n)
	chosen := make([]int32, 0, m)
	for i := int32(m + 1); int(i) < n; i++ {
		chosen = chosen[:0]
		for len(chosen) < m {
			if j := ends[rng.IntN(len(ends))]; !taken[j] {
				taken[j] = true
				chosen = append(chosen, j)
			}
		}
		for _, j := range chosen {
			taken[j] = false
			join(i, j)
		}
	}
	return gnn.NewGraph(n, ei.Undirected())
}

// StochasticBlock draws a graph whose vertices form groups of the given sizes, numbered group after
// group; a vertex of group a and one of group b are joined with probability p[a][b] (P. Holland, K.
// Laskey and S. Leinhardt, "Stochastic blockmodels: first steps", Social Networks 5, 1983). p must
// be symmetric. The second result is each vertex's group.
func StochasticBlock(sizes []int, p [][]float64, rng *rand.Rand) (*gnn.Graph, []int32, error) {
	if rng == nil {
		return nil, nil, errNoSource
	}
	if len(p) != len(sizes) {
		return nil, nil, fmt.Errorf("datasets: stochastic block graph: %d groups but %d rows of probabilities", len(sizes), len(p))
	}
	for a := range p {
		if len(p[a]) != len(sizes) {
			return nil, nil, fmt.Errorf("datasets: stochastic block graph: %d groups but %d probabilities in row %d", len(sizes), len(p[a]), a)
		}
		if sizes[a] < 0 {
			return nil, nil, fmt.Errorf("datasets: stochastic block graph: group %d cannot have %d vertices", a, sizes[a])
		}
		for b := range p[a] {
			if !(p[a][b] >= 0 && p[a][b] <= 1) || b < a && p[a][b] != p[b][a] {
				return nil, nil, fmt.Errorf("datasets: stochastic block graph: probability (%d, %d) is %v: want one in [0, 1] and equal to (%d, %d)",
					a, b, p[a][b], b, a)
			}
		}
	}
	var ei gnn.EdgeIndex
	var group []int32
	start := 0
	for a, n := range sizes {
		pairsWithin(&ei, start, n, p[a][a], rng)
		other := 0
		for b := range a {
			bernoulli(n*sizes[b], p[a][b], rng, func(k int) {
				ei.Src, ei.Dst = append(ei.Src, int32(start+k/sizes[b])), append(ei.Dst, int32(other+k%sizes[b]))
			})
			other += sizes[b]
		}
		for range n {
			group = append(group, int32(a))
		}
		start += n
	}
	g, err := gnn.NewGraph(start, ei.Undirected())
	return g, group, err
}

// pairsWithin adds each pair of the n vertices from start on with probability p.
func pairsWithin(ei *gnn.EdgeIndex, start, n int, p float64, rng *rand.Rand) {
	i, first := 1, 0 // pair (i, j), j < i, has number first + j
	bernoulli(n*(n-1)/2, p, rng, func(k int) {
		for k >= first+i {
			first += i
			i++
		}
		ei.Src, ei.Dst = append(ei.Src, int32(start+i)), append(ei.Dst, int32(start+k-first))
	})
}

// bernoulli calls yield with each of the numbers 0 to n-1 with probability p, in ascending order.
// It draws the gaps between them, which are geometric, so that sparse graphs take time in
// proportion to their edges (V. Batagelj and U. Brandes, "Efficient generation of large random
// networks", Physical Review E 71, 2005).
func bernoulli(n int, p float64, rng *rand.Rand, yield func(k int)) {
	if p <= 0 {
		return
	}
	logQ := math.Log1p(-p) // -Inf for p = 1: no gaps
	for k := -1; ; {
		gap := math.Log1p(-rng.Float64()) / logQ
		if !(gap < float64(n-k-1)) {
			return
		}
		k += 1 + int(gap)
		yield(k)
	}
}
