package earlyexit

import (
	"math"

	"github.com/graphrl/graphrl/nn/cnn"
	"github.com/graphrl/graphrl/nn/cnn/imagefolder"
)

// Normalisation maps pixels to (v/255 - Mean) / Std, channel by channel.
type Normalisation struct{ Mean, Std [3]float32 }

// normalisation gives the pixels of a set mean 0 and variance 1.
func normalisation(s *imagefolder.Set) Normalisation {
	var sum, squares [3]float64
	for i, p := range s.Pixels {
		v := float64(p) / 255
		sum[i%3] += v
		squares[i%3] += v * v
	}
	var n Normalisation
	count := float64(len(s.Pixels) / 3)
	for c := range sum {
		mean := sum[c] / count
		n.Mean[c] = float32(mean)
		n.Std[c] = float32(max(math.Sqrt(max(squares[c]/count-mean*mean, 0)), 1e-3)) // images of one colour
	}
	return n
}

// view is how an image is looked at.
type view struct {
	down, right int  // what is seen lies so much further down and right: a shift
	reflect     bool // beyond the edge is the image's mirror image, not zeros
	mirror      bool
	// A square of this side is hidden, its upper left corner at (top, left) of what is seen.
	hidden, top, left int
}

// hides reports whether the view hides a pixel.
func (v view) hides(i, j int) bool {
	return v.top <= i && i < v.top+v.hidden && v.left <= j && j < v.left+v.hidden
}

// reflected mirrors indices beyond 0..n-1 at the pixel at the edge: -1 is 1, n is n-2. The index is
// off by less than n.
func reflected(i, n int) int {
	if i < 0 {
		i = -i
	}
	return min(i, 2*(n-1)-i)
}

// draw writes the normalised pixels of an image to dst [height x width x 3].
func (n Normalisation) draw(dst []float32, image []uint8, m cnn.Map, v view) {
	var scale, shift [3]float32
	for c := range scale {
		scale[c] = 1 / (255 * n.Std[c])
		shift[c] = -n.Mean[c] / n.Std[c]
	}
	for i := range m.Height {
		for j := range m.Width {
			out := dst[(i*m.Width+j)*3:][:3]
			from, row := j, i+v.down
			if v.mirror {
				from = m.Width - 1 - j
			}
			from += v.right
			if v.reflect {
				row, from = reflected(row, m.Height), reflected(from, m.Width)
			}
			if v.hides(i, j) || row < 0 || row >= m.Height || from < 0 || from >= m.Width {
				clear(out)
				continue
			}
			in := image[(row*m.Width+from)*3:][:3]
			for c := range out {
				out[c] = float32(in[c])*scale[c] + shift[c]
			}
		}
	}
}
