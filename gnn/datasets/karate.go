package datasets

import (
	"fmt"

	"github.com/graphrl/graphrl/gnn"
)

// karateFriends lists, for each member, the friends with a higher number.
var karateFriends = [34][]int32{
	0:  {1, 2, 3, 4, 5, 6, 7, 8, 10, 11, 12, 13, 17, 19, 21, 31},
	1:  {2, 3, 7, 13, 17, 19, 21, 30},
	2:  {3, 7, 8, 9, 13, 27, 28, 32},
	3:  {7, 12, 13},
	4:  {6, 10},
	5:  {6, 10, 16},
	6:  {16},
	8:  {30, 32, 33},
	9:  {33},
	13: {33},
	14: {32, 33},
	15: {32, 33},
	18: {32, 33},
	19: {33},
	20: {32, 33},
	22: {32, 33},
	23: {25, 27, 29, 32, 33},
	24: {25, 27, 31},
	25: {31},
	26: {29, 33},
	27: {33},
	28: {31, 33},
	29: {32, 33},
	30: {32, 33},
	31: {32, 33},
	32: {33},
}

// karateHi are the members who stayed with the instructor, Mr. Hi.
var karateHi = []int32{0, 1, 2, 3, 4, 5, 6, 7, 8, 10, 11, 12, 13, 16, 17, 19, 21}

// KarateClub returns the friendships among the 34 members of a karate club that split in two (W.
// Zachary, "An information flow model for conflict and fission in small groups", Journal of
// Anthropological Research 33, 1977). The class is whom a member followed: 0 the instructor (vertex
// 0), 1 the administrator (vertex 33).
//
// Features are the identity matrix. Train holds the two leaders, Test everybody else.
func KarateClub() (*NodeClassification, error) {
	n := int32(len(karateFriends))
	d := &NodeClassification{Name: "karate", Classes: 2, Labels: make([]int32, n), Train: []int32{0, n - 1}}
	var ei gnn.EdgeIndex
	self := make([]int32, n)
	for i := range n {
		self[i] = i
		d.Labels[i] = 1
		for _, j := range karateFriends[i] {
			ei.Src, ei.Dst = append(ei.Src, i), append(ei.Dst, j)
		}
		if i != 0 && i != n-1 {
			d.Test = append(d.Test, i)
		}
	}
	for _, i := range karateHi {
		d.Labels[i] = 0
	}
	var err error
	if d.Graph, err = gnn.NewGraph(int(n), ei.Undirected()); err != nil {
		return nil, fmt.Errorf("datasets: karate club: %w", err)
	}
	if d.Features, err = oneHot(self, int(n)); err != nil {
		return nil, fmt.Errorf("datasets: karate club: %w", err)
	}
	return d, nil
}
