// Package agent holds the learning methods of the task mecoffload: DROO, DROOE, GRL, GRLE and the
// methods with a long-term critic (-LT).
//
// An [Agent] decides in three steps. Its actor, a graph network or a perceptron, scores every
// option of every device. A quantizer turns the scores into candidate decisions. The critic,
// mecoffload's model of the slot, scores the candidates and picks the best, which the actor then
// learns to imitate. A learned value of backlogs lets the critic look beyond the slot; a [DeadlineModel]
// learns how far nominal times can be trusted.
//
// A [Method] and a [Recipe] (its hyper-parameters) define an agent. It learns slot by slot:
//
//	a, err := agent.New(agent.Config{Method: agent.GRLE, Recipe: agent.PaperRecipe(),
//		Scenario: scenario, Profile: profile, Seed: 1})
//	err = a.Decide(obs, action)
//	err = a.Learn(obs, action)
//	transition, err := simulator.Step(action)
//	err = a.Observe(transition, simulator.Outcome())
//
// The package example is the whole loop. Package experiment runs it from a configuration file, with
// reports and checkpoints.
package agent
