package rl

import (
	"fmt"
	"slices"

	"github.com/graphrl/graphrl/checkpoints"
)

// saveOptional saves the state of part under name, if part has one.
func saveOptional(s *checkpoints.State, name string, part any) error {
	if stateful, ok := part.(checkpoints.Stateful); ok {
		return stateful.SaveState(s.Sub(name))
	}
	return nil
}

// loadOptional restores what saveOptional has saved.
func loadOptional(s *checkpoints.State, name string, part any) error {
	if stateful, ok := part.(checkpoints.Stateful); ok {
		return stateful.LoadState(s.Sub(name))
	}
	return nil
}

// loadInt restores an integer, which must lie in [low, high].
func loadInt(s *checkpoints.State, name string, dst *int, low, high int) error {
	v, err := s.Int(name)
	if err != nil {
		return err
	}
	if v < int64(low) || v > int64(high) {
		return fmt.Errorf("saved %s is %d, want %d to %d", name, v, low, high)
	}
	*dst = int(v)
	return nil
}

// checkInt reports a saved integer that is not want, as when the state is that of another configuration.
func checkInt(s *checkpoints.State, name string, want int) error {
	var v int
	return loadInt(s, name, &v, want, want)
}

// ragged is a list of rows of numbers of different lengths, as it is kept in a checkpoint.
type ragged struct {
	values []float64 // all rows
	ends   []int64   // where in values each row ends
}

// endRow makes what was appended to values since the last call a row.
func (r *ragged) endRow() { r.ends = append(r.ends, int64(len(r.values))) }

func (r *ragged) rows() int { return len(r.ends) }

func (r *ragged) row(i int) []float64 {
	begin := int64(0)
	if i > 0 {
		begin = r.ends[i-1]
	}
	return r.values[begin:r.ends[i]]
}

func (r *ragged) save(s *checkpoints.State) {
	s.PutFloat64("values", nil, r.values)
	s.PutInt64("ends", nil, r.ends)
}

func (r *ragged) load(s *checkpoints.State) error {
	values, err := s.Len("values")
	if err != nil {
		return err
	}
	rows, err := s.Len("ends")
	if err != nil {
		return err
	}
	r.values, r.ends = make([]float64, values), make([]int64, rows)
	if err := s.Float64("values", r.values); err != nil {
		return err
	}
	if err := s.Int64("ends", r.ends); err != nil {
		return err
	}
	last := int64(0)
	if rows > 0 {
		last = r.ends[rows-1]
	}
	if !slices.IsSorted(r.ends) || rows > 0 && r.ends[0] < 0 || last != int64(values) {
		return fmt.Errorf("the ends of %d saved rows do not cut up %d values", rows, values)
	}
	return nil
}
