// Package rl holds what deep reinforcement learning needs apart from networks and problems: the
// contract of environments, learners, memories, and statistics over seeds. Networks come from
// packages nn and gnn, problems from the tasks.
//
// # Deciding with a critic
//
// Many problems ask, slot after slot, for one choice per row: which server each device uses, which
// radios transmit. There are too many combinations to try, but a given one can be scored, because a
// model of the problem says what it is worth. DROO learns to decide from nothing but that:
//
//	observation -> Actor -> Scores -> Quantizer -> Decisions -> Critic -> the best one
//	                 ^                                                        |
//	                 +---- minibatches of (observation, best decision) <------+ ReplayBuffer
//
// The actor proposes, in one pass of a network, how good each choice looks; the quantizer turns
// that into K candidate decisions; the critic scores the candidates exactly; the best is executed,
// and becomes an example for the actor. So the learner imitates a search that its own proposals
// make better. AdaptiveK shrinks the search as they do.
//
// Which candidates a quantizer offers is all the exploration there is:
//
//	OrderPreserving        thresholds that keep the order of the scores (DROO), or one more switch per candidate
//	NoisyOrderPreserving   half of them from scores with Gaussian noise (LyDROO)
//	KNN                    binary: the k vectors nearest to the probabilities
//	KBest                  the k most probable decisions of all
//	Gumbel                 the most probable decision, then draws from the actor's probabilities
//	Interleave             several of these in turn
//
// The model-based critic sees one slot. LongTerm adds the value of the state a decision leads to,
// learned by temporal differences, for problems where the best slot is not the best start for the
// next.
//
// # Learning from rewards
//
// An Env answers actions with rewards, without a model. A Problem says how to make the environment,
// the network and copies of observations, and a learner does the rest:
//
//	PPO         samples a policy, and improves it in clipped steps over rollouts     the first to try
//	A2C         samples a policy, one step per rollout                               where steps are cheaper than gradients
//	REINFORCE   samples a policy, and learns from whole episodes                     where only the outcome counts
//	DQN         learns the value of each action, from a memory of experiences        where steps are expensive
//
// All decide among the actions that an observation offers: their number may change, and some may be
// forbidden. Networks are perceptrons (MLPModel), graph networks whose actions are nodes or edges
// (package hetero), or any other Model. A Callback watches a training: Evaluator evaluates and keeps
// the best policy, Checkpoint saves, and LoadPolicy puts a saved policy to work without its
// training. Each default of a configuration is explained where its field is; docs/algorithms has a
// page for each algorithm, with equations and results.
//
// They are made of parts that serve algorithms of one's own. For learners that sample a policy
// (ActorCritic), VecEnv steps several environments at once, Rollout keeps the steps and estimates
// their advantages. For learners of action values, NStep makes experiences of one or more steps,
// and ReplayBuffer or PrioritizedReplay keep them. Normalizer standardises observations. Package
// rl/envs has two standard problems to try learners on.
//
// # Memory
//
// Observations are handed on without copying: they are valid until the environment's next step, and
// scores until the actor's next call. What outlives that, a Codec copies into memory that is used
// again. In steady state nothing here allocates.
//
// # Reproducing runs
//
// All randomness comes from a Rand given to whatever draws. Whatever has a state implements
// checkpoints.Stateful, and goes on from a restored one exactly as it would have. One run proves
// little: Bootstrap puts intervals on the scores of several seeds, and rl/rltest checks new
// environments and quantizers against their contracts.
package rl
