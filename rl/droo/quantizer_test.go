package droo_test

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/graphrl/graphrl/rl"
	"github.com/graphrl/graphrl/rl/droo"
	"github.com/graphrl/graphrl/rl/droo/drootest"
	"gonum.org/v1/gonum/stat/distuv"
	"pgregory.net/rapid"
)

func newNoisy() droo.Quantizer {
	q, err := droo.NewNoisyOrderPreserving(1, rl.NewRand(3, 1))
	if err != nil {
		panic(err)
	}
	return q
}

func newGumbel() droo.Quantizer {
	q, err := droo.NewGumbel(1, rl.NewRand(3, 2))
	if err != nil {
		panic(err)
	}
	return q
}

func newExplore() droo.Quantizer {
	q, err := droo.NewExplore(new(droo.OrderPreserving), 4, rl.NewRand(3, 3))
	if err != nil {
		panic(err)
	}
	return q
}

func TestQuantizerConformance(t *testing.T) {
	for _, c := range []struct {
		name    string
		new     func() droo.Quantizer
		options []int
	}{
		{"OrderPreserving", func() droo.Quantizer { return new(droo.OrderPreserving) }, []int{1, 2, 5}},
		{"KBest", func() droo.Quantizer { return new(droo.KBest) }, []int{1, 2, 5}},
		{"KNN", func() droo.Quantizer { return new(droo.KNN) }, []int{1}},
		{"NoisyOrderPreserving", newNoisy, []int{1, 2, 5}},
		{"Gumbel", newGumbel, []int{1, 2, 5}},
		{"Explore", newExplore, []int{1, 2, 5}},
		{"Interleave", func() droo.Quantizer {
			return &droo.Interleave{Quantizers: []droo.Quantizer{new(droo.OrderPreserving), newGumbel()}}
		}, []int{1, 5}},
	} {
		t.Run(c.name, func(t *testing.T) { drootest.Quantizer(t, c.new, c.options...) })
	}
}

// candidates returns the candidates of q as slices.
func candidates(t interface{ Fatal(...any) }, q droo.Quantizer, s droo.Scores, k int) [][]int32 {
	var d droo.Decisions
	if err := q.Candidates(s, k, &d); err != nil {
		t.Fatal(err)
	}
	all := make([][]int32, d.K)
	for i := range all {
		all[i] = d.Candidate(i)
	}
	return all
}

// binary converts probabilities to the scores of a binary decision.
func binary(p ...float64) droo.Scores {
	s := droo.Scores{Rows: len(p), Options: 1}
	for _, p := range p {
		s.Logits = append(s.Logits, float32(math.Log(p/(1-p))))
	}
	return s
}

func TestArgmax(t *testing.T) {
	inf := float32(math.Inf(-1))
	for _, c := range []struct {
		s    droo.Scores
		want []int32
	}{
		{droo.Scores{Rows: 3, Options: 1, Logits: []float32{-0.1, 0, 0.1}}, []int32{0, 0, 1}},
		{droo.Scores{Rows: 3, Options: 3, Logits: []float32{1, 2, 2, inf, inf, -9, 0, 0, 0}}, []int32{1, 2, 0}},
		{droo.Scores{Options: 3}, nil},
	} {
		got := make([]int32, c.s.Rows)
		c.s.Argmax(got)
		if !slices.Equal(got, c.want) {
			t.Errorf("%v: %v, want %v", c.s, got, c.want)
		}
	}
}

// The DROO paper works out this example for both quantizers.
func TestDROOPaperExample(t *testing.T) {
	s := binary(0.2, 0.4, 0.7, 0.9)
	for _, c := range []struct {
		q    droo.Quantizer
		want string
	}{
		{new(droo.OrderPreserving), "[[0 0 1 1] [0 1 1 1] [0 0 0 1] [1 1 1 1]]"},
		{new(droo.KNN), "[[0 0 1 1] [0 1 1 1] [0 0 0 1] [0 1 0 1]]"},
	} {
		if got := fmt.Sprint(candidates(t, c.q, s, 4)); got != c.want {
			t.Errorf("%T: %s, want %s", c.q, got, c.want)
		}
	}
}

// An entry at exactly 0.5 is 0 in the first candidate and 1 as the threshold (eq. 9, the case of
// equality).
func TestOrderPreservingTies(t *testing.T) {
	for _, c := range []struct {
		s    droo.Scores
		want string
	}{
		{binary(0.5, 0.5), "[[0 0] [1 1]]"},
		{binary(0.6, 0.6, 0.4), "[[1 1 0] [1 1 1] [0 0 0]]"},
	} {
		if got := fmt.Sprint(candidates(t, new(droo.OrderPreserving), c.s, 9)); got != c.want {
			t.Errorf("%v: %s, want %s", c.s, got, c.want)
		}
	}
}

func drawLogits(t *rapid.T, rows, options int) droo.Scores {
	s := droo.Scores{Rows: rows, Options: options}
	// Multiples of 1/4 so that ties occur and float32 sums are exact.
	for range rows * options {
		s.Logits = append(s.Logits, float32(rapid.IntRange(-16, 16).Draw(t, "quarter"))/4)
	}
	return s
}

// ragged is s with the end of each row's logits in place of their number.
func ragged(s droo.Scores) droo.Scores {
	r := droo.Scores{Rows: s.Rows, Logits: s.Logits}
	for i := range s.Rows {
		r.Ends = append(r.Ends, int32((i+1)*s.Options))
	}
	return r
}

func TestOrderPreservingKeepsOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := drawLogits(t, rapid.IntRange(1, 9).Draw(t, "rows"), 1)
		all := candidates(t, new(droo.OrderPreserving), s, s.Rows+1)
		for _, x := range all {
			for i := range x {
				for j := range x {
					if s.Logits[i] >= s.Logits[j] && x[i] < x[j] {
						t.Fatalf("%v: candidate %v prefers row %d to row %d", s.Logits, x, j, i)
					}
				}
			}
		}
		// There is one order-preserving vector more than there are different logits; all must be
		// found.
		different := slices.Clone(s.Logits)
		slices.Sort(different)
		if want := len(slices.Compact(different)) + 1; len(all) != want {
			t.Fatalf("%v: %d candidates, want %d: %v", s.Logits, len(all), want, all)
		}
	})
}

// plainDROO is eq. 8 and 9 of the paper, literally, for distinct probabilities.
func plainDROO(p []float64, k int) [][]int32 {
	threshold := func(one func(float64) bool) []int32 {
		x := make([]int32, len(p))
		for i := range p {
			if one(p[i]) {
				x[i] = 1
			}
		}
		return x
	}
	all := [][]int32{threshold(func(v float64) bool { return v > 0.5 })}
	byDistance := slices.Clone(p)
	slices.SortFunc(byDistance, func(a, b float64) int { return cmp.Compare(math.Abs(a-0.5), math.Abs(b-0.5)) })
	for _, t := range byDistance[:min(k-1, len(p))] {
		all = append(all, threshold(func(v float64) bool { return v > t || v == t && t <= 0.5 }))
	}
	return all
}

func TestOrderPreservingAgainstPlainDROO(t *testing.T) {
	rng := rl.NewRand(4, 0)
	for range 500 {
		p := make([]float64, 1+rng.IntN(12))
		for i := range p {
			p[i] = rng.Float64()
		}
		k := 1 + rng.IntN(len(p)+1)
		got, want := candidates(t, new(droo.OrderPreserving), binary(p...), k), plainDROO(p, k)
		if !slices.EqualFunc(got, want, slices.Equal[[]int32]) {
			t.Fatalf("p = %v, k = %d: %v, want %v", p, k, got, want)
		}
	}
}

// enumerate lists all decisions for s.
func enumerate(s droo.Scores) [][]int32 {
	all := [][]int32{{}}
	for range s.Rows {
		var longer [][]int32
		for _, x := range all {
			for c := range int32(max(2, s.Options)) {
				longer = append(longer, append(slices.Clone(x), c))
			}
		}
		all = longer
	}
	return all
}

// logProb returns the log-probability of x up to a constant.
func logProb(s droo.Scores, x []int32) float64 {
	sum := 0.0
	for i, c := range x {
		if s.Options == 1 {
			sum += float64(c) * float64(s.Logits[i])
		} else {
			sum += float64(s.Logits[i*s.Options+int(c)])
		}
	}
	return sum
}

// checkBest compares with all decisions that the candidates of q are the k decisions of s with the
// highest value, best first; decisions of equal value may come in any order.
func checkBest(t *rapid.T, q droo.Quantizer, s droo.Scores, k int, value func(x []int32) float64, accept func(x []int32) bool) {
	var want []float64
	for _, x := range enumerate(s) {
		if accept(x) {
			want = append(want, value(x))
		}
	}
	slices.SortFunc(want, func(a, b float64) int { return cmp.Compare(b, a) })
	want = want[:min(k, len(want))]
	var got []float64
	for _, x := range candidates(t, q, s, k) {
		if !accept(x) {
			t.Fatalf("%v: unexpected candidate %v", s, x)
		}
		got = append(got, value(x))
	}
	near := func(a, b float64) bool { return math.Abs(a-b) <= 1e-9 }
	if !slices.EqualFunc(got, want, near) {
		t.Fatalf("%v, k = %d:\n got values %v,\nwant values %v", s, k, got, want)
	}
}

func anyDecision([]int32) bool { return true }

// Candidate n of the order-preserving quantizer must have the n cheapest switches, in order of
// cost, where a later switch of a row replaces an earlier one.
func TestGrowingSwitchesAgainstSorting(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rows, options := rapid.IntRange(1, 5).Draw(t, "rows"), rapid.IntRange(2, 4).Draw(t, "options")
		s := drawLogits(t, rows, options)
		k := rapid.IntRange(1, rows*(options-1)+2).Draw(t, "k")
		got := candidates(t, new(droo.OrderPreserving), s, k)
		if same := candidates(t, new(droo.OrderPreserving), ragged(s), k); fmt.Sprint(same) != fmt.Sprint(got) {
			t.Fatalf("%v: %v, with an end for each row %v", s, got, same)
		}

		type change struct {
			loss        float32
			row, option int
		}
		current := make([]int32, rows)
		var changes []change
		for i := range rows {
			row := s.Logits[i*options : (i+1)*options]
			best := slices.Index(row, slices.Max(row))
			current[i] = int32(best)
			for j, z := range row {
				if j != best {
					changes = append(changes, change{row[best] - z, i, j})
				}
			}
		}
		slices.SortStableFunc(changes, func(a, b change) int { return cmp.Compare(a.loss, b.loss) })
		want := [][]int32{slices.Clone(current)}
		for _, c := range changes {
			if len(want) == k {
				break
			}
			current[c.row] = int32(c.option)
			want = append(want, slices.Clone(current))
		}
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Fatalf("%v: candidates %v, want %v", s, got, want)
		}
	})
}

func TestKBestAgainstBruteForce(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		options := rapid.IntRange(1, 4).Draw(t, "options")
		s := drawLogits(t, rapid.IntRange(1, 5).Draw(t, "rows"), options)
		k := rapid.IntRange(1, 1500).Draw(t, "k") // up to all 4^5 decisions
		checkBest(t, new(droo.KBest), s, k, func(x []int32) float64 { return logProb(s, x) }, anyDecision)
	})
}

func TestKNNAgainstBruteForce(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := drawLogits(t, rapid.IntRange(1, 9).Draw(t, "rows"), 1)
		k := rapid.IntRange(1, 600).Draw(t, "k")
		nearness := func(x []int32) float64 {
			sum := 0.0
			for i, c := range x {
				p := 1 / (1 + math.Exp(-float64(s.Logits[i])))
				sum -= (float64(c) - p) * (float64(c) - p)
			}
			return sum
		}
		checkBest(t, new(droo.KNN), s, k, nearness, anyDecision)
	})
}

// The second candidate is a draw from the product of the rows' softmaxes (sigmoids), given that it
// is not the argmax.
func TestGumbelFrequencies(t *testing.T) {
	const temperature = 1.5
	for _, s := range []droo.Scores{
		{Rows: 2, Options: 3, Logits: []float32{0.3, -0.5, 0.1, 1, float32(math.Inf(-1)), 0.4}},
		{Rows: 3, Options: 1, Logits: []float32{0.5, -1, 0.2}},
	} {
		q, err := droo.NewGumbel(temperature, rl.NewRand(5, 0))
		if err != nil {
			t.Fatal(err)
		}
		count := map[string]float64{}
		n := 0.0
		for range 20000 {
			all := candidates(t, q, s, 2)
			if len(all) == 2 {
				count[fmt.Sprint(all[1])]++
				n++
			}
		}
		argmax := make([]int32, s.Rows)
		s.Argmax(argmax)
		weight, total := map[string]float64{}, 0.0
		for _, x := range enumerate(s) {
			if w := math.Exp(logProb(s, x) / temperature); w > 0 && !slices.Equal(x, argmax) {
				weight[fmt.Sprint(x)] = w
				total += w
			}
		}
		chi2 := 0.0
		for x, w := range weight {
			expected := n * w / total
			chi2 += (count[x] - expected) * (count[x] - expected) / expected
		}
		if len(count) != len(weight) {
			t.Errorf("%v: %d different draws, want %d", s, len(count), len(weight))
		}
		if p := (distuv.ChiSquared{K: float64(len(weight) - 1)}).Survival(chi2); p < 0.001 {
			t.Errorf("%v: frequencies %v differ from softmax (p = %g)", s, count, p)
		}
	}
}

// With many rows, every row is drawn from its softmax too, and masked options never.
func TestGumbelFrequenciesOfManyRows(t *testing.T) {
	const rows, temperature, draws = 500, 1.5, 100
	row := []float32{float32(math.Inf(-1)), 0.3, -2.5, 1, -9}
	s := droo.Scores{Rows: rows, Options: len(row), Logits: slices.Repeat(row, rows)}
	q, err := droo.NewGumbel(temperature, rl.NewRand(6, 0))
	if err != nil {
		t.Fatal(err)
	}
	count := make([]float64, len(row))
	all := candidates(t, q, s, draws+1)
	for _, x := range all[1:] {
		for _, option := range x {
			count[option]++
		}
	}
	total, chi2 := 0.0, 0.0
	for _, z := range row {
		total += math.Exp(float64(z) / temperature)
	}
	for o, z := range row {
		if math.IsInf(float64(z), -1) {
			if count[o] > 0 {
				t.Errorf("a masked option was drawn %v times", count[o])
			}
			continue
		}
		expected := draws * rows * math.Exp(float64(z)/temperature) / total
		chi2 += (count[o] - expected) * (count[o] - expected) / expected
	}
	if p := (distuv.ChiSquared{K: 3}).Survival(chi2); p < 0.001 {
		t.Errorf("frequencies %v differ from softmax (p = %g)", count, p)
	}
}

func TestGumbelTemperature(t *testing.T) {
	s := droo.Scores{Rows: 6, Options: 4, Logits: make([]float32, 24)}
	for i := range s.Logits {
		s.Logits[i] = float32(i % 4)
	}
	cold, err := droo.NewGumbel(0.01, rl.NewRand(1, 1))
	if err != nil {
		t.Fatal(err)
	}
	if got := candidates(t, cold, s, 10); len(got) != 1 {
		t.Errorf("at temperature 0.01: %v, want the argmax alone", got)
	}
	if _, err := droo.NewGumbel(0, rl.NewRand(1, 1)); err == nil {
		t.Error("temperature 0: no error")
	}
	if _, err := droo.NewNoisyOrderPreserving(math.NaN(), rl.NewRand(1, 1)); err == nil {
		t.Error("sigma NaN: no error")
	}
}

// Every other candidate is DROO's, and the noise finds decisions that no threshold gives.
func TestNoisyOrderPreserving(t *testing.T) {
	s := binary(0.2, 0.4, 0.7, 0.9, 0.55)
	plain := candidates(t, new(droo.OrderPreserving), s, 6)
	q := newNoisy()
	isPlain := func(x []int32) bool {
		return slices.ContainsFunc(plain, func(y []int32) bool { return slices.Equal(x, y) })
	}
	explored := 0
	for range 100 {
		all := candidates(t, q, s, 8)
		for i, n := 0, 0; n < 3; i++ {
			if isPlain(all[i]) {
				n++
			} else if explored++; i == 0 {
				t.Fatalf("first candidate %v is a noisy one", all[0])
			}
		}
	}
	if explored < 50 {
		t.Errorf("100 calls explored only %d decisions that do not keep the order", explored)
	}
}

func TestInterleave(t *testing.T) {
	s := binary(0.2, 0.4, 0.7, 0.9)
	q := &droo.Interleave{Quantizers: []droo.Quantizer{new(droo.OrderPreserving), new(droo.KNN)}}
	// See TestDROOPaperExample for the two lists.
	const want = "[[0 0 1 1] [0 1 1 1] [0 0 0 1] [1 1 1 1] [0 1 0 1]]"
	if got := fmt.Sprint(candidates(t, q, s, 5)); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if err := new(droo.Interleave).Candidates(s, 5, new(droo.Decisions)); err == nil {
		t.Error("no quantizers: no error")
	}
}

func BenchmarkCandidates(b *testing.B) {
	for _, size := range []struct{ rows, k int }{{10, 10}, {1000, 64}} {
		for _, options := range []int{1, 10} {
			s := drootest.RandomScores(rl.NewRand(1, 1), size.rows, options)
			for _, q := range []droo.Quantizer{new(droo.OrderPreserving), new(droo.KBest), newNoisy(), newGumbel()} {
				b.Run(fmt.Sprintf("%T/%dx%d/k=%d", q, size.rows, options, size.k), func(b *testing.B) {
					var d droo.Decisions
					for b.Loop() {
						if err := q.Candidates(s, size.k, &d); err != nil {
							b.Fatal(err)
						}
					}
				})
			}
		}
	}
}

// Without duplicates the first candidates are the inner quantizer's, and in the others all allowed
// options are equally frequent.
func TestExplore(t *testing.T) {
	const random, draws = 4, 3000
	masked := float32(math.Inf(-1))
	s := droo.Scores{Rows: 2, Options: 4, Logits: []float32{9, 0, masked, 1, -3, -2, 5, 4}}
	q, err := droo.NewExplore(new(droo.OrderPreserving), random, rl.NewRand(1, 2))
	if err != nil {
		t.Fatal(err)
	}
	want := candidates(t, new(droo.OrderPreserving), s, 3)
	var counts [2][4]float64
	total := 0.0
	for range draws {
		got := candidates(t, q, s, 3+random)
		for i, c := range got {
			if i < 3 {
				if !slices.Equal(c, want[i]) {
					t.Fatalf("candidate %d is %v, want %v", i, c, want[i])
				}
				continue
			}
			total++
			for row, option := range c {
				counts[row][option]++
			}
		}
	}
	if total < 2*draws {
		t.Errorf("%v random candidates in %d slots", total, draws)
	}
	// Random draws that repeat the inner quantizer's three candidates or each other are dropped.
	// Compare with the remaining ones of all 12 decisions, which are equally likely.
	var expected [2][4]float64
	for a := range int32(4) {
		for b := range int32(4) {
			if a == 2 || slices.ContainsFunc(want, func(c []int32) bool { return slices.Equal(c, []int32{a, b}) }) {
				continue
			}
			expected[0][a] += total / 9
			expected[1][b] += total / 9
		}
	}
	for row := range counts {
		for option := range counts[row] {
			if d := counts[row][option] - expected[row][option]; math.Abs(d) > 5*math.Sqrt(total/4) {
				t.Errorf("row %d takes option %d %v times, want about %v", row, option, counts[row][option], expected[row][option])
			}
		}
	}
	if _, err := droo.NewExplore(new(droo.KBest), -1, rl.NewRand(1, 1)); err == nil {
		t.Error("-1 random candidates")
	}
}

// For any number of candidates, the first is the actor's own.
func TestExploreKeepsTheFirst(t *testing.T) {
	s := droo.Scores{Rows: 3, Options: 3, Logits: []float32{9, 0, 0, 0, 9, 0, 0, 0, 9}}
	for k := 1; k < 7; k++ {
		if got := candidates(t, newExplore(), s, k); !slices.Equal(got[0], []int32{0, 1, 2}) || len(got) > k {
			t.Errorf("%d candidates begin with %v", k, got)
		}
	}
}

// Where the actor is sure that a row is 0, noise on the logits keeps it 0 and noise on the
// probability makes it 1 in half of the noisy candidates; where it is sure of 1, 0 in one of six.
func TestNoisyProbabilities(t *testing.T) {
	q, err := droo.NewNoisyProbabilities(1, rl.NewRand(5, 1))
	if err != nil {
		t.Fatal(err)
	}
	s := droo.Scores{Rows: 2, Options: 1, Logits: []float32{-12, 12}}
	const calls = 4000
	var flips [2]float64
	for range calls {
		var d droo.Decisions
		if err := q.Candidates(s, 2, &d); err != nil {
			t.Fatal(err)
		}
		flips[0] += float64(d.Candidate(1)[0]) / calls
		flips[1] += float64(1-d.Candidate(1)[1]) / calls
	}
	// about: a noisy candidate that is the plain one is replaced by its next
	if flips[0] < 0.5 || flips[1] < 0.1 || flips[1] > 0.3 {
		t.Errorf("flips of sure decisions: %v", flips)
	}
	var d droo.Decisions
	if err := q.Candidates(droo.Scores{Rows: 1, Options: 2, Logits: []float32{0, 1}}, 2, &d); err == nil {
		t.Error("one of two options: no error")
	}
}
