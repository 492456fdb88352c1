// Package wpmec is binary computation offloading in a wireless-powered mobile-edge computing
// network, the problem that DROO was published on (Huang, Bi and Zhang, "Deep Reinforcement
// Learning for Online Computation Offloading in Wireless Powered Mobile-Edge Computing Networks",
// IEEE TMC 19(11), 2020; arXiv 1808.01977).
//
// # A minimal run
//
//	result, err := wpmec.Run(ctx, wpmec.DefaultRunConfig(wpmec.DROO))
//
// [Run] plays one method over a sequence of frames; [Training] does the same step by step, with
// checkpoints.
//
// # The problem
//
// N users have no power of their own. At the start of a frame the access point broadcasts energy
// for a share a of it; a user receives energy in proportion to its channel gain h_i. Then each user
// works on its data in one of two ways:
//
//   - locally (x_i = 0), at a rate that grows with the cube root of the energy, or
//   - by offloading (x_i = 1): it sends the data to the access point in an exclusive share tau_i of
//     the frame.
//
// The gains are new in every frame. For the frame's gains, choose all x_i, a and tau_i so that the
// weighted sum of the computation rates is greatest, with a + sum tau_i <= 1.
//
// Given x, the rest is concave, and [Solver] solves it exactly in under a microsecond. Learning is
// for the combinatorial part, x: DROO's network proposes a few candidates for x, and the solver,
// which is the critic, scores them. The best one is executed and becomes the training target of the
// network.
//
// # Parts
//
//   - [Observation], the state of one frame; [Env], frames in sequence as an rl environment, with
//     weights that swap and users that come and go as in the authors' demonstrations.
//   - [Solver]: the best rate and times of given decisions, one or many; [Solver.Exhaustive] and
//     [Solver.CoordinateDescent], the references; [Solver.LinearRelaxation], [Solver.Greedy],
//     [Solver.AllLocal] and [Solver.AllOffload], the baselines; [Solver.UpperBound] for all decisions.
//   - [Channels], the paper's channel model for any number of users; [Dataset], the published data.
//   - [NewMLPActor], the published network, and [NewGraphActor], which serves any number of users, for
//     droo.Learner; [Run], one method over one sequence of frames.
//
// # Results
//
// Results are normalized rates: the rate of the decision divided by the best decision's, from 0 to
// 1. Over the last 2,000 of 10,000 frames, on generated channels:
//
//	                     10 users  20 users  30 users
//	everyone local         0.33      0.41      0.48
//	everyone offloads      0.896     0.845     0.800
//	linear relaxation      0.9960    0.9930    0.9909
//	greedy                 0.99998   0.99995   0.99988
//	DROO, MLP actor        0.99993   0.99902   0.99748
//	DROO, graph actor      0.99999   0.99998   0.99997
//
// With a solver this fast, searches are practical too: coordinate descent over 30 users nearly
// always finds the optimum in some 30 microseconds, and greedy needs less. The purpose of this
// package is to compare a learner, which needs only a handful of evaluations in any problem, with
// the truth.
package wpmec
