// Package optimum says how far a policy for mecoffload can be from the best one, from both sides.
//
// [Bound] proves that no policy has a higher accuracy. It is tighter than mecoffload.DeadlineBound,
// because it knows that a server serves first come first served and waits for late arrivals.
// [Planner] decides with the next slots known and a thousand times the computing time of a learned
// policy: what it reaches is a reference that a policy without that knowledge should come close to.
package optimum
