// Package nn builds and trains neural networks on Gorgonia expression graphs.
//
// A network is an expression graph of *gorgonia.Node, differentiated by
// gorgonia.Grad, exactly as Gorgonia's documentation teaches. What this package
// replaces is the execution: a [Tape] runs the nodes an output needs, one after
// the other, on buffers it never gives back, so that a step allocates nothing
// and costs little beyond its arithmetic. Builtin Gorgonia operations run on
// the tape too; they merely allocate.
//
// # From a layer to a trained network
//
//   - A [Param] is a named weight. It lives outside any graph, so the graph that
//     decides and the graph that trains share it.
//   - A layer ([Linear], [MLP]) owns parameters and adds its operation to a graph
//     with Forward. A layer is one fused operation with a hand-written gradient
//     (see [FusedOp]), not a chain of small ones.
//   - A loss ([BCEWithLogits], [SegmentCrossEntropy], [MSE], [Huber]) takes logits
//     and targets to a scalar.
//   - A [Trainer] differentiates a loss, runs the tape, clips the gradient and steps
//     an [Optimizer] ([SGD], [Adam], [RMSProp]). [DataParallel] does so on several
//     goroutines, each with a part of the minibatch.
//
// # Shapes
//
// Matrices are row-major float32, [rows x features]. The number of rows is not
// part of a graph: one expression graph serves every batch size and every size
// of a problem's graph. Bind inputs with [Tape.Bind] (never gorgonia.Let, which
// insists on the rows the node was made with); each operation checks the shapes
// it is handed when it runs and returns an error that names it.
//
// # Determinism
//
// Initialisers draw from the source they are given. The operations of a tape run
// in a fixed order, so equal inputs give equal bits.
package nn
