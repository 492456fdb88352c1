package droo

// heap is a binary heap of values whose first element comes before all others. Unlike
// container/heap it does not box its elements, so pushing allocates only when the slice grows.
type heap[T interface{ Before(T) bool }] []T

func (h *heap[T]) push(x T) {
	*h = append(*h, x)
	s := *h
	for i := len(s) - 1; i > 0; {
		parent := (i - 1) / 2
		if !s[i].Before(s[parent]) {
			break
		}
		s[i], s[parent] = s[parent], s[i]
		i = parent
	}
}

// pop removes the first element. The heap must not be empty.
func (h *heap[T]) pop() T {
	s := *h
	first := s[0]
	last := len(s) - 1
	s[0] = s[last]
	*h = s[:last]
	h.fix()
	return first
}

// fix restores the order after the first element was changed.
func (h heap[T]) fix() {
	for i := 0; ; {
		child := 2*i + 1
		if child >= len(h) {
			return
		}
		if right := child + 1; right < len(h) && h[right].Before(h[child]) {
			child = right
		}
		if !h[child].Before(h[i]) {
			return
		}
		h[i], h[child] = h[child], h[i]
		i = child
	}
}
