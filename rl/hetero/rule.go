package hetero

// FirstAllowed appends the first allowed option of every row of g to dst: a decision that needs no
// network. A row of a yes-or-no choice gets no, and a row without an allowed option -1.
func (g *Graph) FirstAllowed(s *Schema, dst []int32) []int32 {
	allowed := func(option int) bool { return len(g.Allowed) == 0 || g.Allowed[option] }
	first := func(options int) int32 {
		for o := range options {
			if allowed(o) {
				return int32(o)
			}
		}
		return -1
	}
	switch c := s.Choose; c.kind {
	case eachNode:
		return append(dst, make([]int32, g.options(s))...)
	case edgePerSource:
		edge := s.edgeIndex(c.typeName)
		from, _ := s.ends(edge)
		begin := len(dst)
		seen := make([]int32, g.Nodes[from].Count) // edges of each source so far
		for range seen {
			dst = append(dst, -1)
		}
		for e, src := range g.Edges[edge].Index().Src {
			if row := begin + int(src); dst[row] < 0 && allowed(e) {
				dst[row] = seen[src]
			}
			seen[src]++
		}
		return dst
	default:
		return append(dst, first(g.options(s)))
	}
}
