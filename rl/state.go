package rl

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/graphrl/graphrl/checkpoints"
)

// Parts combines several states in one checkpoint, each under its name.
type Parts map[string]checkpoints.Stateful

// SaveState implements checkpoints.Stateful.
func (p Parts) SaveState(s *checkpoints.State) error {
	return p.each(func(name string, part checkpoints.Stateful) error { return part.SaveState(s.Sub(name)) })
}

// LoadState implements checkpoints.Stateful.
func (p Parts) LoadState(s *checkpoints.State) error {
	return p.each(func(name string, part checkpoints.Stateful) error { return part.LoadState(s.Sub(name)) })
}

func (p Parts) each(do func(string, checkpoints.Stateful) error) error {
	var errs []error
	for _, name := range slices.Sorted(maps.Keys(p)) {
		if err := do(name, p[name]); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", name, err))
		}
	}
	return errors.Join(errs...)
}

// saveItems stores a list of values of one codec.
func saveItems[T any](s *checkpoints.State, codec Codec[T], items []T) {
	var values []float64
	var ends []int64 // of the items in values
	for _, item := range items {
		values = codec.Encode(values, item)
		ends = append(ends, int64(len(values)))
	}
	s.PutFloat64("values", nil, values)
	s.PutInt64("ends", nil, ends)
}

// loadItems restores into items what saveItems stored, and returns the number of items. The slice
// may be longer.
func loadItems[T any](s *checkpoints.State, codec Codec[T], items []T) (int, error) {
	numbers, err := s.Len("values")
	if err != nil {
		return 0, err
	}
	size, err := s.Len("ends")
	if err != nil {
		return 0, err
	}
	if size > len(items) {
		return 0, fmt.Errorf("%d items were saved, for a capacity of %d", size, len(items))
	}
	values, ends := make([]float64, numbers), make([]int64, size)
	if err := errors.Join(s.Float64("values", values), s.Int64("ends", ends)); err != nil {
		return 0, err
	}
	begin := int64(0)
	for i, end := range ends {
		if end < begin || end > int64(numbers) {
			return 0, fmt.Errorf("item %d was saved as numbers %d to %d of %d", i, begin, end, numbers)
		}
		if err := codec.Decode(&items[i], values[begin:end]); err != nil {
			return 0, fmt.Errorf("item %d: %w", i, err)
		}
		begin = end
	}
	if begin != int64(numbers) {
		return 0, fmt.Errorf("%d of %d saved numbers do not belong to any item",
			int64(numbers)-begin, numbers)
	}
	return size, nil
}

// checkInt reports a saved integer other than want, which shows that the state is of another
// configuration.
func checkInt(s *checkpoints.State, name string, want int) error {
	var v int
	return checkpoints.LoadInt(s, name, &v, want, want)
}
