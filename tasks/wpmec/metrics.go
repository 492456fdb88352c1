package wpmec

import (
	"slices"
	"time"
)

// Summary is how good a series of decisions was.
type Summary struct {
	NormalizedRate float64 `json:"normalized_rate"` // mean of rate / best rate
	Share095       float64 `json:"share_095"`       // share of frames with at least 0.95 of the best rate
	Share098       float64 `json:"share_098"`       // share of frames with at least 0.98 of it
}

// Summarize returns the summary of the normalized rates of a series of frames; of none, the zero
// Summary.
func Summarize(normalized []float64) Summary {
	if len(normalized) == 0 {
		return Summary{}
	}
	sum, above095, above098 := 0.0, 0, 0
	for _, r := range normalized {
		sum += r
		if r >= 0.95 {
			above095++
		}
		if r >= 0.98 {
			above098++
		}
	}
	n := float64(len(normalized))
	return Summary{NormalizedRate: sum / n, Share095: float64(above095) / n, Share098: float64(above098) / n}
}

// Latency is how long something took, in microseconds.
type Latency struct {
	Mean float64 `json:"mean"`
	P99  float64 `json:"p99"` // 99th percentile, nearest rank
}

// latencyOf summarises durations, which it sorts.
func latencyOf(d []time.Duration) Latency {
	if len(d) == 0 {
		return Latency{}
	}
	slices.Sort(d)
	var sum time.Duration
	for _, v := range d {
		sum += v
	}
	us := func(v float64) float64 { return v / float64(time.Microsecond) }
	return Latency{Mean: us(float64(sum) / float64(len(d))), P99: us(float64(d[(len(d)*99+99)/100-1]))}
}
