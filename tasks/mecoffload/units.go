package mecoffload

import (
	"math"
	"strconv"
	"time"

	"github.com/graphrl/graphrl/internal/strictyaml"
)

// Seconds is a span of time in seconds. In YAML it is written as a Go duration with its unit
// ("0.55ms", "30ms", "2s"), with a resolution of one nanosecond.
type Seconds float64

// Milliseconds is the same span in milliseconds.
func (s Seconds) Milliseconds() float64 { return float64(s) * 1e3 }

// String returns the span in milliseconds, for instance "0.55ms".
func (s Seconds) String() string {
	ns := math.Round(float64(s) * 1e9)
	return strconv.FormatFloat(ns/1e6, 'f', -1, 64) + "ms"
}

// MarshalYAML writes the span as String does.
func (s Seconds) MarshalYAML() (any, error) { return s.String(), nil }

// UnmarshalNode implements [strictyaml.Unmarshaler]: it reads a Go duration.
func (s *Seconds) UnmarshalNode(n strictyaml.Node) error {
	text, ok := n.Scalar()
	if !ok {
		return n.Errorf("want a duration such as 10ms or 0.55ms")
	}
	d, err := time.ParseDuration(text)
	if err != nil {
		return n.Errorf("%q is not a duration: write a number with its unit, such as 10ms or "+
			"0.55ms", text)
	}
	*s = Seconds(d.Seconds())
	return nil
}

// Interval is a closed range of values, written [low, high] in YAML. Where a scenario has an
// interval the simulator draws uniformly from it; low = high is a constant.
type Interval[T ~float64] struct{ Low, High T }

// MarshalYAML writes the interval as the pair [low, high].
func (r Interval[T]) MarshalYAML() (any, error) { return []T{r.Low, r.High}, nil }

// UnmarshalNode implements [strictyaml.Unmarshaler]: it reads the pair [low, high].
func (r *Interval[T]) UnmarshalNode(n strictyaml.Node) error {
	bounds, err := n.Items()
	if err != nil {
		return n.Errorf("want an interval [low, high]")
	}
	if len(bounds) != 2 {
		return n.Errorf("want an interval [low, high], not %d values", len(bounds))
	}
	if err := bounds[0].Decode(&r.Low); err != nil {
		return err
	}
	return bounds[1].Decode(&r.High)
}

// at returns the value a fraction u of the way from Low to High.
func (r Interval[T]) at(u float64) float64 {
	return float64(r.Low) + u*(float64(r.High)-float64(r.Low))
}

// smallest is the least size, rate, share or time of a scenario: in any of its units that is next to
// nothing.
const smallest = 1e-9

// check reports an interval that is not increasing or has bounds outside [least, most]; openLow
// excludes least itself and what is below smallest.
func (r Interval[T]) check(key string, least, most float64, openLow bool) error {
	low, high := float64(r.Low), float64(r.High)
	bracket := "["
	if openLow {
		bracket = "("
	}
	switch {
	case !(low <= high):
		return strictyaml.Invalid(key, "the interval [%v, %v] is not in increasing order", r.Low,
			r.High)
	case openLow && low > 0 && low < smallest:
		return strictyaml.Invalid(key, "the interval [%v, %v] begins below %v, where quotients overflow", r.Low, r.High, smallest)
	case low < least || (openLow && low == least) || high > most:
		return strictyaml.Invalid(key, "the interval [%v, %v] must lie in %s%v, %v]", r.Low, r.High,
			bracket, T(least), T(most))
	}
	return nil
}
