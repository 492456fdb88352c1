// Package agent has the learning methods of the task mecoffload: DROO, DROOE, GRL, GRLE and the
// methods with a long-term critic.
//
// An [Agent] is a [Method] with a [Recipe]. Its actor, a graph network or a perceptron, scores
// every option of every device; a quantizer makes candidate decisions of the scores, and a model of
// the slot, mecoffload's critic, picks the best one. With [BacklogValue] it looks beyond the slot,
// with [DeadlineModel] it learns how far nominal times can be trusted.
package agent
