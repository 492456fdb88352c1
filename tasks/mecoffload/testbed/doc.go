// Package testbed runs the offloading problem for real, and compares what happens with what the
// simulator predicts.
//
// Edge servers are processes that run a network with early exits (package earlyexit) on the images
// they receive, one after the other. Devices send JPEG files over TCP, at the rate of their link. A
// policy decides in every slot, by the wall clock. An answer counts if its label is correct and it
// is back by the task's deadline.
//
// Everything happens on one machine, over the loopback interface. So two things are shaped, because
// a machine has neither the servers nor the radio links of the scenario:
//
//   - Time: one second of the scenario takes Config.Scale seconds. All deadlines, rates and
//     inference times are stretched by this factor, so that a few cores can play several servers.
//   - Servers: an inference of x seconds of processor time occupies its server for x times a factor:
//     the server's kind, its free share in this slot and the scale. The kind is calibrated, one
//     number for each server. So the relative cost of the exits, and its variation, are this
//     machine's.
//
// The links are token buckets at the rate of the scenario, drawn or recorded. See docs/testbed.md.
//
// A [Bed] is a set of running servers, [Bed.Run] one run of a policy. [Server] and [Client] are the
// two ends of the protocol.
package testbed
