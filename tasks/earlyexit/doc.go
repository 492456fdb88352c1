// Package earlyexit trains and measures convolutional networks with early exits: image classifiers
// that can stop before their last layer.
//
// It is where the profiles of package [github.com/graphrl/graphrl/tasks/mecoffload] come from. The
// network is VGG-16 (K. Simonyan and A. Zisserman, ICLR 2015) with batch normalisation and five
// exits. All exits learn together, by the weighted sum of their losses (S. Teerapittayanon, B.
// McDanel and H. T. Kung, "BranchyNet", ICPR 2016).
//
//   - [NewNetwork] makes the network, [Network.Inference] a faster one for decisions, without batch
//     normalisation.
//   - [NewTraining] is a training run, which [Task] keeps in a run folder: it resumes bit for bit.
//   - [Evaluate] measures the accuracy of each exit, [Latencies] the time of each exit, one image at
//     a time, as an edge server sees it.
//
// The command is examples/earlyexit.
package earlyexit
