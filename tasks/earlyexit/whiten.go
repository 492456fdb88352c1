package earlyexit

import (
	"errors"
	"math"

	"github.com/graphrl/graphrl/nn/cnn"
	"github.com/graphrl/graphrl/nn/cnn/imagefolder"
	"gonum.org/v1/gonum/mat"
)

// Whitening looks at this many images at most, and adds this variance to each component.
const (
	whitenImages   = 500
	whitenVariance = 5e-4
)

// whiten sets the filters of a convolution of the images to the principal components of their
// patches, the largest first, each divided by its standard deviation, and to the negatives of these
// (K. Jordan, arXiv 2404.00498, section 3.2): uncorrelated inputs are easier to learn from, and the
// negatives keep what the ReLU cuts off. Filters beyond twice the components stay as they are. None
// of them is trained.
func whiten(conv *cnn.Conv2D, norm Normalisation, images *imagefolder.Set) error {
	const kernel = 3
	m, depth := conv.In, kernel*kernel*3
	pixels := make([]float32, m.Values())
	patches := mat.NewDense((m.Height-kernel+1)*(m.Width-kernel+1), depth, nil) // inside one image
	moments, n := mat.NewSymDense(depth, nil), min(images.Len(), whitenImages)
	for k := range n {
		norm.draw(pixels, images.Image(k*images.Len()/n), m, view{})
		row := 0
		for i := range m.Height - kernel + 1 {
			for j := range m.Width - kernel + 1 {
				patch := patches.RawRowView(row)
				for d := range patch { // rows of the patch, their pixels, the colours
					patch[d] = float64(pixels[((i+d/(kernel*3))*m.Width+j)*3+d%(kernel*3)])
				}
				row++
			}
		}
		moments.SymRankK(moments, 1/float64(n*row), patches.T())
	}
	var eigen mat.EigenSym
	if !eigen.Factorize(moments, true) {
		return errors.New("early exits: the images have no principal components: set whiten: false")
	}
	var vectors mat.Dense
	eigen.VectorsTo(&vectors) // columns, by rising variance
	variances := eigen.Values(nil)
	filters := conv.Out.Channels
	components := min(depth, filters/2)
	w := conv.Weight.Data()
	for c := range components {
		from := depth - 1 - c
		scale := 1 / math.Sqrt(variances[from]+whitenVariance)
		for d := range depth {
			v := float32(scale * vectors.At(d, from))
			w[d*filters+c], w[d*filters+components+c] = v, -v
		}
	}
	return nil
}
