package mecoffload

import (
	"fmt"
	"math"

	"github.com/graphrl/graphrl/checkpoints"
	"github.com/graphrl/graphrl/internal/share"
)

// histogram collects times in seconds in constant memory. A bin is 1/128 as wide as the power of
// two below it, so quantiles are accurate to 0.4 %. The range is 1 ns to an hour; times outside it
// fall into the first or last bin. The mean is exact, and no quantile lies outside the smallest and
// largest time. The zero value is empty and ready to use.
type histogram struct {
	count     [histogramBins]int64
	total     int64
	sum       float64
	low, high float64
}

const (
	histogramFine = 7   // log2 of the bins per power of two
	histogramLow  = -30 // log2 of the lower edge of the first bin: about 1 ns
	histogramHigh = 12  // log2 of the upper edge of the last: a little more than an hour
	histogramBins = (histogramHigh - histogramLow) << histogramFine

	mantissaBits = 52
	exponentBias = 1023
	// The leading bits of a float64, read as an integer, number the bins. This is the number of the
	// first bin.
	histogramBase = (exponentBias + histogramLow) << histogramFine
)

func (h *histogram) add(seconds float64) {
	bin := int(math.Float64bits(seconds)>>(mantissaBits-histogramFine)) - histogramBase
	h.count[min(max(bin, 0), histogramBins-1)]++
	if h.total == 0 {
		h.low, h.high = seconds, seconds
	}
	h.low, h.high = min(h.low, seconds), max(h.high, seconds)
	h.total++
	h.sum += seconds
}

func (h *histogram) merge(other *histogram) {
	if other.total == 0 {
		return
	}
	if h.total == 0 {
		h.low, h.high = other.low, other.high
	}
	h.low, h.high = min(h.low, other.low), max(h.high, other.high)
	h.total += other.total
	h.sum += other.sum
	for b, c := range other.count {
		h.count[b] += c
	}
}

// mean returns the mean, 0 for an empty histogram.
func (h *histogram) mean() float64 {
	if h.total == 0 {
		return 0
	}
	return h.sum / float64(h.total)
}

// quantile returns the smallest time that at least a share p of the times do not exceed, or 0 for
// an empty histogram.
func (h *histogram) quantile(p float64) float64 {
	rank := max(1, int64(share.Ceil(p, int(h.total))))
	for b, c := range h.count {
		if rank -= c; rank <= 0 {
			edge := func(b int) float64 {
				return math.Float64frombits(uint64(b+histogramBase) << (mantissaBits - histogramFine))
			}
			return min(max((edge(b)+edge(b+1))/2, h.low), h.high)
		}
	}
	return 0
}

// SaveState implements checkpoints.Stateful.
func (h *histogram) SaveState(s *checkpoints.State) error {
	s.PutInt64("count", nil, h.count[:])
	s.PutFloat64("sum", nil, []float64{h.sum, h.low, h.high})
	return nil
}

// LoadState implements checkpoints.Stateful.
func (h *histogram) LoadState(s *checkpoints.State) error {
	var sum [3]float64
	if err := s.Int64("count", h.count[:]); err != nil {
		return err
	}
	if err := s.Float64("sum", sum[:]); err != nil {
		return err
	}
	h.sum, h.low, h.high = sum[0], sum[1], sum[2]
	h.total = 0
	for b, c := range h.count {
		if c < 0 {
			return fmt.Errorf("mecoffload: saved histogram has %d times in bin %d", c, b)
		}
		h.total += c
	}
	return nil
}
