package report

import (
	"math"
	"testing"

	"gonum.org/v1/plot/plotter"
)

// The slope of a power law is its exponent.
func TestSlope(t *testing.T) {
	var points plotter.XYs
	for _, x := range []float64{14, 100, 1e3, 1e5} {
		points = append(points, plotter.XY{X: x, Y: 3 * math.Pow(x, 1.25)})
	}
	if got := slope(points); math.Abs(got-1.25) > 1e-12 {
		t.Errorf("slope %v, want 1.25", got)
	}
}
