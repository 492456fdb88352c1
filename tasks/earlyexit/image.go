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

// view is how an image is looked at: shifted, with zeros beyond its edge, and mirrored.
type view struct {
	down, right int
	mirror      bool
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
			if from += v.right; row < 0 || row >= m.Height || from < 0 || from >= m.Width {
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
