package datasets

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

func TestKarateClub(t *testing.T) {
	d, err := KarateClub()
	if err != nil {
		t.Fatal(err)
	}
	g := d.Graph
	checkUndirected(t, g)
	if g.NumDst() != 34 || g.NumEdges() != 2*78 {
		t.Errorf("got %v, want 34 members and 78 friendships", g)
	}
	// The published degrees of the leaders and the number of triangles.
	if g.InDegree(0) != 16 || g.InDegree(33) != 17 || g.InDegree(32) != 12 || g.InDegree(11) != 1 {
		t.Error("the degrees are not those of the club")
	}
	triangles := 0
	for i := range int32(34) {
		for _, j := range g.InNeighbors(int(i)) {
			for _, k := range g.InNeighbors(int(j)) {
				if i < j && j < k && slices.Contains(g.InNeighbors(int(i)), k) {
					triangles++
				}
			}
		}
	}
	if triangles != 45 {
		t.Errorf("%d triangles, want 45", triangles)
	}
	// 17 followed each leader, and the split's modularity is known (0.3582).
	counts := make([]int, 2)
	inside, degree := make([]float64, 2), make([]float64, 2)
	for i := range 34 {
		c := d.Labels[i]
		counts[c]++
		degree[c] += float64(g.InDegree(i))
		for _, j := range g.InNeighbors(i) {
			if d.Labels[j] == c {
				inside[c]++
			}
		}
	}
	q := 0.0
	for c := range 2 {
		q += inside[c]/156 - math.Pow(degree[c]/156, 2)
	}
	if counts[0] != 17 || math.Abs(q-0.3582) > 1e-4 {
		t.Errorf("factions of %v members with modularity %.4f, want 17 and 17 with 0.3582", counts, q)
	}
	if len(d.Train) != 2 || len(d.Test) != 32 || d.Features.Rows() != 34 {
		t.Error("the split or the features are not as documented")
	}
}

func TestErdosRenyi(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	g, err := ErdosRenyi(500, 0.02, rng)
	if err != nil {
		t.Fatal(err)
	}
	checkUndirected(t, g)
	// Edges are binomial: mean 2495, standard deviation 49.4.
	if m := float64(g.NumEdges() / 2); math.Abs(m-2495) > 5*49.4 {
		t.Errorf("%v edges, want about 2495", m)
	}
	if full, err := ErdosRenyi(7, 1, rng); err != nil || full.NumEdges() != 42 {
		t.Errorf("p = 1: %v, %v", full, err)
	}
	if none, err := ErdosRenyi(7, 0, rng); err != nil || none.NumEdges() != 0 || none.NumDst() != 7 {
		t.Errorf("p = 0: %v, %v", none, err)
	}
	if empty, err := ErdosRenyi(0, 0.5, rng); err != nil || empty.NumDst() != 0 {
		t.Errorf("n = 0: %v, %v", empty, err)
	}
	// Every pair is as likely as any other.
	var hits [5][5]int
	const trials = 20000
	for range trials {
		g, err := ErdosRenyi(5, 0.3, rng)
		if err != nil {
			t.Fatal(err)
		}
		for e, s := range g.Edges().Src {
			hits[s][g.Edges().Dst[e]]++
		}
	}
	for i := range 5 {
		for j := range 5 {
			if i != j && math.Abs(float64(hits[i][j])/trials-0.3) > 0.02 {
				t.Errorf("pair (%d, %d) exists in %v of the draws, want 0.3", i, j, float64(hits[i][j])/trials)
			}
		}
	}
	for _, p := range []float64{-0.1, 1.1, math.NaN()} {
		if _, err := ErdosRenyi(3, p, rng); err == nil {
			t.Errorf("p = %v gives no error", p)
		}
	}
}

func TestBarabasiAlbert(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	for _, c := range [][2]int{{2, 1}, {10, 1}, {10, 9}, {2000, 4}} {
		n, m := c[0], c[1]
		g, err := BarabasiAlbert(n, m, rng)
		if err != nil {
			t.Fatal(err)
		}
		checkUndirected(t, g)
		if g.NumEdges() != 2*m*(n-m) {
			t.Errorf("n = %d, m = %d: %d edges, want %d", n, m, g.NumEdges()/2, m*(n-m))
		}
		least, most := n, 0
		for i := range n {
			least, most = min(least, g.InDegree(i)), max(most, g.InDegree(i))
		}
		if m > 1 && n > 10 && (least < m || most < 60) {
			t.Errorf("degrees from %d to %d, want a hub (a power law) and none below m", least, most)
		}
	}
	for _, c := range [][2]int{{3, 0}, {3, 3}, {0, 1}} {
		if _, err := BarabasiAlbert(c[0], c[1], rng); err == nil {
			t.Errorf("n = %d, m = %d gives no error", c[0], c[1])
		}
	}
}

func TestStochasticBlock(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 8))
	sizes := []int{100, 0, 200}
	p := [][]float64{{0.2, 0.5, 0.01}, {0.5, 0.5, 0.5}, {0.01, 0.5, 0.1}}
	g, group, err := StochasticBlock(sizes, p, rng)
	if err != nil {
		t.Fatal(err)
	}
	checkUndirected(t, g)
	if len(group) != 300 || group[99] != 0 || group[100] != 2 {
		t.Fatalf("groups %v", group)
	}
	var edges [3][3]float64
	for e, s := range g.Edges().Src {
		edges[group[s]][group[g.Edges().Dst[e]]]++
	}
	for _, c := range []struct {
		got, pairs, p float64
	}{
		{edges[0][0] / 2, 100 * 99 / 2, 0.2},
		{edges[2][2] / 2, 200 * 199 / 2, 0.1},
		{edges[0][2], 100 * 200, 0.01},
	} {
		if sd := math.Sqrt(c.pairs * c.p * (1 - c.p)); math.Abs(c.got-c.pairs*c.p) > 5*sd {
			t.Errorf("%v edges, want %v give or take %v", c.got, c.pairs*c.p, sd)
		}
	}
	for name, bad := range map[string][][]float64{
		"asymmetric":  {{0, 0.5}, {0.4, 0}},
		"above one":   {{0, 2}, {2, 0}},
		"ragged":      {{0, 0.5}, {0.5}},
		"row missing": {{0, 0.5}},
	} {
		if _, _, err := StochasticBlock([]int{1, 1}, bad, rng); err == nil {
			t.Errorf("%s probabilities give no error", name)
		}
	}
}
