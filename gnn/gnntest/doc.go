// Package gnntest checks graph layers. A layer that passes [Run]
//
//   - equals a plain float64 implementation of its formula,
//   - has the gradients that finite differences of that implementation give,
//   - follows relabelled vertices and reordered edges,
//   - treats each graph of a batch as if it were alone,
//   - copes with isolated vertices, self loops, parallel edges and empty graphs,
//   - serves graphs of changing size from one expression graph,
//   - allocates nothing once warm, and
//   - reports features of the wrong shape by an error that wraps nn.ErrShape.
//
// Gradients are compared with differences of the float64 reference, not of the layer itself:
// float32 differences are too coarse to tell a wrong gradient from rounding, most of all near the
// kink of a rectifier.
//
// A test gives the layer and its formula on whole matrices, as plain as can be:
//
//	func TestMyConv(t *testing.T) {
//		gnntest.Run(t, func(rng *rand.Rand) (gnntest.Layer, error) {
//			l, err := NewMyConv("my", 3, 4, rng)
//			return gnntest.Layer{
//				In:     3,
//				Params: l.Params(),
//				Forward: func(g, x, _, _ *gorgonia.Node) (*gorgonia.Node, error) {
//					return l.Forward(g, x)
//				},
//				Reference: func(p []*gnntest.Mat, in gnntest.Inputs) *gnntest.Mat {
//					messages := in.Src.Mul(p[0]).Gather(in.Graph.Edges().Src)
//					...
//				},
//			}, err
//		})
//	}
//
// Known limits: the suite cannot check layers that draw at random (turn dropout off) or whose
// result has rows of something other than vertices, edges or graphs (add a readout, as gnn's tests
// of pooling do).
package gnntest
