// Package share turns a share of a count into a count.
package share

import "math"

// Ceil returns the least whole number that is at least ratio*n. A product that misses a whole
// number only by rounding counts as that number: 0.55*100 is 55.00000000000001 in float64, and its
// ceiling is 55. ratio lies in [0, 1].
func Ceil(ratio float64, n int) int {
	product := ratio * float64(n)
	whole := math.Round(product)
	// A ratio computed by a division is off by half an ulp, or several after a few more operations.
	if math.Abs(product-whole) <= 1e-14*product {
		return int(whole)
	}
	return int(math.Ceil(product))
}
