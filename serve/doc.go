// Package serve puts trained policies to work: it decides for programs in any language, in time and
// in any case, learns from what comes of the decisions, and compares policies before one replaces
// another. Command cmd/serve is a program around it; docs/serve.md says how to run it.
//
// In a Go program no server is needed:
//
//	model, err := serve.OpenModel("runs/grle-dynamic-m14-seed1", "", serve.World{})
//	if err != nil {
//		return err
//	}
//	answer, err := model.Decide(ctx, serve.Query{Observation: observation, Budget: 2 * time.Millisecond})
//
// A [Model] is a checkpoint that decides for any number of devices and servers. It is immutable and
// safe for concurrent use. Where it cannot decide, a rule does, and the answer says why.
package serve
