// Package rl holds the parts of deep reinforcement learning that do not depend on the problem: the
// contract of environments, learners from rewards, memories, and statistics over seeds. Networks
// come from packages nn and gnn, problems from the tasks.
//
// # A minimal path
//
// An [Env] answers actions with rewards. A [Problem] combines it with a network and a [Codec] for
// its observations; a learner does the rest. This trains a perceptron to balance a pole:
//
//	newEnv := func() rl.DiscreteEnv { return envs.NewCartPole() }
//	problem := rl.VectorProblem(newEnv, rl.DefaultMLPConfig(0, 0))
//	learner, err := rl.NewPPO(problem, rl.DefaultPPOConfig())
//	err = learner.Train(ctx)
//	returns, err := rl.Evaluate(learner, problem.NewEnv, 100, 1)
//
// # Learning from rewards
//
//	PPO         samples a policy, improves it in clipped steps over rollouts   the first to try
//	A2C         samples a policy, one step per rollout                         where steps are cheaper than gradients
//	REINFORCE   samples a policy, learns from whole episodes                   where only the outcome counts
//	DQN         learns the value of each action, from a replay memory          where steps are expensive
//
// All decide among the actions that an observation offers: their number may change, and some may be
// forbidden. Networks are perceptrons (MLPModel), graph networks whose actions are nodes or edges
// (package hetero), or any other Model. A Callback watches a training: Evaluator evaluates and keeps
// the best policy, Checkpoint saves, and LoadPolicy puts a saved policy to work without its
// training. Each default of a configuration is explained where its field is; docs/algorithms has a
// page for each algorithm, with equations and results.
//
// The learners consist of parts that also serve your own algorithms. For learners that sample a
// policy ([ActorCritic]), [VecEnv] steps several environments at once, and [Rollout] stores the
// steps and estimates their advantages. For learners of action values, [NStep] makes experiences of
// one or more steps, and [ReplayBuffer] or [PrioritizedReplay] store them. [Normalizer]
// standardises observations. docs/algorithms shows how to write a learner of your own on the shared
// training loop. Package rl/envs has two standard problems to test learners on.
//
// # Deciding with a critic
//
// In many problems each slot asks for one choice per row: which server each device uses, which
// radios transmit. There are too many combinations to try, but a model of the problem can score any
// given one. Package rl/droo learns to decide from such a critic.
//
// # Memory
//
// Observations are passed on without copying: they are valid until the environment's next step, and
// scores until the network's next call. A [Codec] copies anything that lives longer into reused
// memory. In steady state nothing here allocates.
//
// # Reproducing runs
//
// All randomness comes from a [Rand] passed to the code that draws. Everything with a state
// implements checkpoints.Stateful and continues from a restored one exactly as it would have. One
// run proves little: [Bootstrap] gives intervals over the scores of several seeds, and rl/rltest
// checks new environments against the contract.
package rl
