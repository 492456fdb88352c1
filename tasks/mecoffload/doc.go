// Package mecoffload is the flagship task of this module: offloading CNN inference with early exits
// to edge servers. In every slot of time it is decided for each device which server runs the
// inference of its task and at which of the network's exits it ends; an earlier exit is quicker and
// less accurate.
//
// # The problem
//
// There are up to M devices, N servers and a network with L exits. In a slot, device m has an input
// of d_m bits that must be answered within the deadline delta_m, and an uplink of rate r_{m,n} to
// each server. Server n needs tau_{n,l} for an inference up to exit l if all of it is free; in this
// slot a share c_n is. An [Action] gives each device one of the N*L options. Each server serves its
// tasks in order of arrival:
//
//	arrive_m = d_m / r_{m,n}
//	start_m  = max(arrive_m, time at which the server is free)
//	finish_m = start_m + tau_{n,l} / c_n
//
// A task whose deadline has passed before it could start is dropped and takes no time; a server
// that is still busy at the slot's end carries the rest, its backlog b_n, into the next. The reward
// is the mean over the tasks of phi_l * (1 - w * finish_m/delta_m), phi_l being the accuracy of the
// exit, for those in time and 0 for the others. Jitter of the inference times and errors of the
// known rates (imperfect channel state information) make what happens differ from what the agent is
// told.
//
// The problem is that of GRLE (Li, Iosifidis and Zhang, "Graph Reinforcement Learning-based CNN
// Inference Offloading in Dynamic Edge Computing", IEEE GLOBECOM 2022, arXiv:2210.13464). Its exact
// statement here, the numbers in profiles and scenarios, and the long-term view are this project's
// own.
//
// # What is where
//
//   - [Profile] and [Scenario] are the data: YAML files, built in or a user's own.
//   - [Simulator] is the environment (an rl.Env). It shows an [Observation], takes an [Action] and
//     tells the [Outcome].
//   - [SlotModel] says what a decision is worth under an [Objective], if everything is as the
//     observation says. [Critic] (a droo.Critic) scores candidates by it.
//   - The package agent has the learning methods, the package experiment trains, saves and
//     evaluates them.
//   - [Baselines] decide without learning, from [Random] to [Search]; [UpperBound] says how good
//     any method could be.
//   - [Metrics] turn outcomes into a [Row] of a results table.
//
// Times are in seconds, sizes in bits and rates in bit/s, except where a name says otherwise.
package mecoffload
