// Package droo learns to decide with a critic: DROO (L. Huang, S. Bi, Y.-J. A. Zhang, "Deep
// Reinforcement Learning for Online Computation Offloading in Wireless Powered Mobile-Edge
// Computing Networks", IEEE TMC 19(11), 2020) in a general form.
//
// Many problems ask, slot after slot, for one choice per row: which server each device uses, which
// radios transmit. There are too many combinations to try, but a model of the problem, the critic,
// can score any given one. A [Learner] runs this loop:
//
//	observation -> Actor -> Scores -> Quantizer -> Decisions -> Critic -> the best one
//	                 ^                                                        |
//	                 +---- minibatches of (observation, best decision) <------+ ReplayBuffer
//
// The [Actor] scores all choices in one pass of a network. The [Quantizer] turns the scores into K
// candidate decisions. The [Critic] scores the candidates exactly. The best one is executed and
// becomes a training example for the actor. So the actor imitates a search that its own proposals
// improve, and [AdaptiveK] shrinks the search as they get better.
//
// # A minimal path
//
// A critic, and observations that are graphs of a schema (package hetero), are enough:
//
//	worth := func(g hetero.Graph, choices []int32) (float64, error) { ... }
//	learner, err := hetero.NewDROO(schema, droo.CriticFunc[hetero.Graph](worth), hetero.DefaultDROOConfig(seed))
//	decision, err := learner.Step(g) // decides and learns
//
// With parts of your own, call New: an actor, a quantizer, a critic, and an rl.Codec that copies
// observations into the memory. Where the next observation depends on the decision, call Decide,
// carry the decision out, then Learn. A [Policy] decides without learning, and LoadPolicy makes one
// from a learner's checkpoint.
//
// # Exploration
//
// The candidates of the quantizer are the only exploration:
//
//	OrderPreserving        thresholds that keep the order of the scores (DROO), or one more switch per candidate
//	NoisyOrderPreserving   half of them from scores with Gaussian noise (LyDROO)
//	KNN                    binary: the k vectors nearest to the probabilities
//	KBest                  the k most probable decisions of all
//	Gumbel                 the most probable decision, then draws from the actor's probabilities
//	Interleave             several of these in turn
//	Explore                any of these, with a few random candidates at the end
//
// All keep one contract: the best guess first, no decision twice, masked options never. Package
// drootest checks it. A [Proposer] adds a decision of its own to the candidates, and an [Improver]
// searches near the best one.
//
// # Beyond one slot
//
// The critic sees one slot. [LongTerm] adds the value of the state that a decision leads to, learned
// by temporal differences, for problems where the best decision in a slot is a bad start for the
// next.
package droo
