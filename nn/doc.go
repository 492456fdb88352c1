// Package nn builds and trains neural networks on Gorgonia expression graphs.
//
// A network is an expression graph of *gorgonia.Node. This package replaces how Gorgonia
// differentiates and executes it. [Grad] returns a whole gradient or an error, never a part. A
// [Tape] runs the nodes that an output needs, one after the other, on buffers that it keeps: a step
// allocates nothing and costs little beyond its arithmetic. Gorgonia's own operations run on a tape
// too, but they allocate.
//
// # A minimal path
//
//	eg := gorgonia.NewGraph()
//	x, err := nn.NewInput(eg, "x", 2)
//	target, err := nn.NewInput(eg, "target", 1)
//	net, err := nn.NewMLP("net", []int{2, 8, 1}, nn.Tanh, nil, rng)
//	logits, err := net.Forward(x)
//	loss, err := nn.BCEWithLogits(logits, target)
//	adam, err := nn.NewAdam(net.Params(), nn.AdamConfig{LearningRate: 0.05})
//	trainer, err := nn.NewTrainer(loss, net.Params(), adam, logits)
//	var in, want nn.Buffer // fill with in.Resize(rows, 2) and want.Resize(rows, 1)
//	err = trainer.Tape.Bind(x, in.Value())
//	err = trainer.Tape.Bind(target, want.Value())
//	before, err := trainer.Step() // the loss before the step
//
// The package example is this program with error handling; it learns exclusive or.
//
// # From a layer to a trained network
//
//   - A [Param] is a named weight. It lives outside any graph, so the graph that decides and the
//     graph that trains share it.
//   - A [Module] is a layer on rows: [Linear], [MLP], [LayerNorm], [BatchNorm], [Dropout] and
//     [Sequential], which stacks them. It owns parameters and adds its operation to a graph with
//     Forward. Constructors take the sizes in a config and return an error on impossible sizes.
//   - [Add], [Sub], [Mul], [Concat], [Maximum] and [Activate] combine rows. Add is the residual
//     connection; Concat and Maximum are the two forms of jumping knowledge.
//   - A loss ([BCEWithLogits], [CrossEntropy], [SegmentCrossEntropy], [MSE], [Huber]) turns logits
//     and targets into a scalar. [WeightedSum] adds [L2] to it.
//   - A [Trainer] differentiates a loss, runs the tape, clips the gradient and steps an [Optimizer]
//     ([SGD], [Adam], [RMSProp], [Muon]) on a [Schedule]. [DataParallel] does so on several
//     goroutines, each with a part of the minibatch.
//
// A layer is one fused operation with a gradient written by hand ([FusedOp]) rather than a chain of
// small ones. Your own layers need no such gradient: compose them from the operations above and
// from package gnn's, as docs/your-own-layer.md shows.
//
// # Shapes
//
// Matrices are row-major float32, [rows x features]. The number of rows is not part of a graph: one
// expression graph serves every batch size and every size of a problem's graph. Bind inputs with
// [Tape.Bind], never with gorgonia.Let, which insists on the rows the node was made with.
//
// # Errors
//
// Widths are checked when the graph is built, rows when it runs. An error names the layer or the
// operation and both sizes, and wraps [ErrShape]. A loss or a gradient that is not finite wraps
// [ErrNotFinite] and leaves the weights unchanged.
//
// # Determinism
//
// Initialisers draw from the source they are given. The operations of a tape run in a fixed order,
// so equal inputs give equal bits.
package nn
