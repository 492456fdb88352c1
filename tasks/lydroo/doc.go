// Package lydroo is computation offloading with long-term constraints, the problem of LyDROO (S. Bi,
// L. Huang, H. Wang and Y. J. Zhang, "Lyapunov-Guided Deep Reinforcement Learning for Stable Online
// Computation Offloading in Mobile-Edge Computing Networks", IEEE TWC 20(11), 2021, arXiv
// 2010.01370).
//
// # The problem
//
// N users receive random data, which waits in a queue until it is processed. In every frame of one
// second a user either computes locally (x_i = 0) or sends data to the edge server (x_i = 1) in a
// share tau_i of the frame. The goal is the greatest mean of the weighted rates sum_i w_i r_i, such
// that all data queues are stable and the mean power of each user stays below a limit.
//
// The mean power is a long-term constraint: a virtual queue Y_i counts the energy above the limit
// (droo.VirtualQueues). In every frame, LyDROO maximises
//
//	sum_i (Q_i + V w_i) r_i - 10 Y_i e_i
//
// For given x this is convex, and [Solver] finds the optimum by one bracketed root. The combinatorial
// part, x, is what DROO learns.
//
// # What is here
//
//   - [Solver]: the best allocation for given decisions; [Solver.Exhaustive],
//     [Solver.CoordinateDescent] and [Solver.Greedy] search for decisions.
//   - [Env]: the queues as an rl environment; [Channels] and [Arrivals] as in the paper, [Dataset] the
//     published ones.
//   - [Run]: one method over a sequence of frames; [Training] the same in a run folder.
//
// docs/lydroo.md has results.
package lydroo
