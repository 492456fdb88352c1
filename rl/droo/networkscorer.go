package droo

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/graphrl/graphrl/nn"
	"github.com/graphrl/graphrl/rl"
)

// networkScorer is the half of a NetworkActor that decides.
type networkScorer[O any] struct {
	net    *rl.Compiled[O]
	single [1]O
	ends   []int32
	logits []float32
	scored int // observations so far
}

// certainlyNot is a logit of probability 0, further from undecided than any a network gives.
const certainlyNot = -1e9

func newNetworkScorer[O any](model rl.Model[O]) (*networkScorer[O], error) {
	net, err := model.Build()
	if err != nil {
		return nil, err
	}
	tape, err := nn.NewTape(net.Scores)
	return &networkScorer[O]{net: rl.Compile(net, tape)}, err
}

// Scores implements Actor. Options that the observation forbids have the logit -Inf. A row that
// chooses one of several and may choose none is an error that wraps rl.ErrNoAction.
func (n *networkScorer[O]) Scores(obs O) (Scores, error) {
	n.single[0] = obs
	number := n.scored
	n.scored++
	if err := n.net.Load(n.single[:]); err != nil {
		return Scores{}, err
	}
	rows := n.net.Choices.Rows(0)
	s := Scores{Rows: len(rows)}
	if n.net.Net.Binary {
		s.Options = 1
	}
	if s.Rows == 0 {
		return s, nil
	}
	z, err := n.net.Run()
	if err != nil {
		return Scores{}, err
	}
	for i, v := range z {
		if v-v != 0 {
			return Scores{}, fmt.Errorf("%w: the network's score %d is %v, of finite inputs: the learning rate may be too high: %w",
				rl.ErrDiverged, i, v, nn.ErrNotFinite)
		}
	}
	n.logits, n.ends = n.logits[:0], n.ends[:0]
	for i, group := range rows {
		if err := n.appendRow(z, int(group)); err != nil {
			return Scores{}, fmt.Errorf("observation %d since the start, row %d: %w", number, i, err)
		}
		n.ends = append(n.ends, int32(len(n.logits)))
	}
	s.Logits = n.logits
	if s.Options == 0 {
		s.Options, s.Ends = n.options()
	}
	return s, nil
}

// options returns the number of options of rows that have equally many, more than one, else the ends
// of the rows: with ends, quantizers take longer.
func (n *networkScorer[O]) options() (options int, ends []int32) {
	options = int(n.ends[0])
	for i, end := range n.ends {
		if options == 1 || int(end) != (i+1)*options {
			return 0, n.ends
		}
	}
	return options, nil
}

// appendRow appends the logits of one row.
func (n *networkScorer[O]) appendRow(z []float32, group int) error {
	if group == rl.NoScores {
		if !n.net.Net.Binary {
			return errors.New("the network has no scores for a choice of one of several")
		}
		n.logits = append(n.logits, certainlyNot)
		return nil
	}
	own, allowed := n.net.Choices.OfGroup(group, z)
	if n.net.Net.Binary && len(own) != 1 {
		return fmt.Errorf("%d scores for a binary decision", len(own))
	}
	if !n.net.Net.Binary && (len(own) == 0 || allowed != nil && !slices.Contains(allowed, true)) {
		return fmt.Errorf("%w of its %d options: add one that is always possible, such as to wait, or leave the row out",
			rl.ErrNoAction, len(own))
	}
	begin := len(n.logits)
	n.logits = append(n.logits, own...)
	if allowed == nil {
		return nil
	}
	for j, ok := range allowed {
		switch {
		case ok:
		case n.net.Net.Binary:
			n.logits[begin] = certainlyNot
		default:
			n.logits[begin+j] = float32(math.Inf(-1))
		}
	}
	return nil
}
