// Package mecoffload is the flagship task of this module: offloading CNN inference with early exits
// to edge servers. In every time slot each device has an image to classify. A decision assigns it
// to a server and to one of the network's exits; an earlier exit is faster and less accurate.
//
// # A minimal run
//
// Load a profile (the network and its servers) and a scenario (the world), build the simulator, and
// let a policy decide slot by slot:
//
//	scenario, err := mecoffload.LoadScenario(mecoffload.DefaultScenario)
//	profile, err := mecoffload.LoadProfile(mecoffload.DefaultProfile)
//	simulator, err := mecoffload.NewSimulator(scenario, profile)
//	policy := mecoffload.NewRandom(1)
//	obs, err := simulator.Reset(1)
//	for range 100 {
//		action := make(mecoffload.Action, obs.Devices)
//		err = policy.Decide(obs, action)
//		transition, err := simulator.Step(action) // the reward and the next observation
//		obs = transition.Observation
//	}
//
// The package example does the same with error handling and prints a table. The package agent holds
// the learning methods; the package experiment trains, saves and evaluates them.
//
// # The problem
//
// There are up to M devices, N servers and a network with L exits. In a slot, device m has an input
// of d_m bits that must be answered within the deadline delta_m, and an uplink of rate r_{m,n} to
// each server. Server n needs tau_{n,l} for an inference up to exit l when all of it is free; in
// this slot a share c_n is free. An [Action] gives each device one of the N*L options. Each server
// serves its tasks in order of arrival:
//
//	arrive_m = d_m / r_{m,n}
//	start_m  = max(arrive_m, time at which the server is free)
//	finish_m = start_m + tau_{n,l} / c_n
//
// A task whose deadline has passed before it could start is dropped and takes no time. A server
// that is still busy at the slot's end carries the rest, its backlog b_n, into the next slot. The
// reward is the mean over the tasks of phi_l * (1 - w * finish_m/delta_m) for tasks finished in
// time and 0 for the others, where phi_l is the accuracy of the exit. Jitter of the inference times
// and errors of the known rates (imperfect channel state information) make the outcome differ from
// the nominal values that the agent observes.
//
// The problem is the one that GRLE solves (Li, Iosifidis and Zhang, "Graph Reinforcement
// Learning-based CNN Inference Offloading in Dynamic Edge Computing", IEEE GLOBECOM 2022,
// arXiv:2210.13464). Its exact statement here, the numbers in profiles and scenarios, and the
// long-term view are this project's.
//
// # Parts
//
//   - [Profile] and [Scenario] are the data: YAML files, built in or a user's own.
//   - [Simulator] is the environment (an rl.Env). It shows an [Observation], takes an [Action] and
//     reports the [Outcome].
//   - [SlotModel] values a decision under an [Objective], assuming the observation's nominal
//     values. [Critic] (a droo.Critic) scores candidates with it.
//   - [Baselines] decide without learning, from [Random] to [Search]; [UpperBound] limits what any
//     method can reach.
//   - [Metrics] summarise outcomes as a [Row] of a results table.
//
// Times are in seconds, sizes in bits and rates in bit/s, except where a name says otherwise.
package mecoffload
