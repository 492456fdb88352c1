package share_test

import (
	"math/big"
	"strconv"
	"testing"

	"github.com/graphrl/graphrl/internal/share"
	"pgregory.net/rapid"
)

// exact returns the ceiling of num/den * n.
func exact(num, den, n int64) int {
	r := new(big.Rat).SetFrac64(num*n, den)
	q := new(big.Int).Div(new(big.Int).Add(r.Num(), new(big.Int).Sub(r.Denom(), big.NewInt(1))), r.Denom())
	return int(q.Int64())
}

func TestCeil(t *testing.T) {
	for _, c := range []struct {
		ratio float64
		n     int
		want  int
	}{
		{0.55, 100, 55}, {0.55, 101, 56}, {0.07, 100, 7}, {0.1 + 0.2, 10, 3}, {1.0 / 3, 3, 1}, {1.0 / 49, 49, 1},
		{0, 10, 0}, {1, 10, 10}, {0.5, 0, 0}, {0.5, 1, 1}, {1e-9, 100, 1}, {0.8, 5, 4}, {0.80001, 5, 5},
	} {
		if got := share.Ceil(c.ratio, c.n); got != c.want {
			t.Errorf("Ceil(%v, %d) = %d, want %d", c.ratio, c.n, got, c.want)
		}
	}
}

// Ratios as people write them, and as quotients: both must agree with exact arithmetic.
func TestCeilIsExact(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.Int64Range(0, 10_000_000).Draw(t, "n")
		hundredths := rapid.Int64Range(0, 10_000).Draw(t, "ratio in 1/10000")
		ratio, err := strconv.ParseFloat(big.NewRat(hundredths, 10_000).FloatString(4), 64)
		if err != nil {
			t.Fatal(err)
		}
		if got, want := share.Ceil(ratio, int(n)), exact(hundredths, 10_000, n); got != want {
			t.Fatalf("Ceil(%v, %d) = %d, want %d", ratio, n, got, want)
		}
		den := rapid.Int64Range(1, 5000).Draw(t, "denominator")
		num := rapid.Int64Range(0, den).Draw(t, "numerator")
		if got, want := share.Ceil(float64(num)/float64(den), int(n)), exact(num, den, n); got != want {
			t.Fatalf("Ceil(%d/%d, %d) = %d, want %d", num, den, n, got, want)
		}
	})
}
