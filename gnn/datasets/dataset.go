package datasets

import (
	"errors"
	"fmt"
	"math/rand/v2"

	"github.com/graphrl/graphrl/gnn"
	"github.com/graphrl/graphrl/nn"
)

// NodeClassification is one graph whose vertices have classes; some are known, the others to be
// learned.
type NodeClassification struct {
	Name     string
	Graph    *gnn.Graph  // undirected: every edge in both directions, none twice, no self loops
	Features *gnn.Sparse // [vertices x features]
	Labels   []int32     // [vertices] in [0, Classes), or -1 where the data has none
	Classes  int

	// Train, Val and Test are vertices: their labels train the model, choose its settings and judge
	// it.
	Train, Val, Test []int32
}

// String returns a summary.
func (d *NodeClassification) String() string {
	return fmt.Sprintf("%s: %v, %d features, %d classes, %d/%d/%d vertices to train, validate and test",
		d.Name, d.Graph, d.Features.Cols(), d.Classes, len(d.Train), len(d.Val), len(d.Test))
}

// GraphClassification is a set of graphs with classes. Vertices carry a tag, such as the chemical
// element of an atom, one-hot as a feature, and may have attributes, further features that are
// numbers.
type GraphClassification struct {
	Name    string
	Graphs  []*gnn.Graph // undirected, as in NodeClassification
	Tags    [][]int32    // per graph and vertex, in [0, NumTags)
	NumTags int
	Labels  []int32 // per graph, in [0, Classes)
	Classes int

	// Of data sets that have them; nil in others.
	Attributes     [][]float32 // per graph [vertices x NumAttributes]
	NumAttributes  int
	EdgeTags       [][]int32 // per graph and edge, in the order of Graphs[i].Edges(), in [0, NumEdgeTags)
	NumEdgeTags    int
	EdgeAttributes [][]float32 // per graph [edges x NumEdgeAttributes], in the same order

	NumEdgeAttributes int
}

// NumFeatures returns the number of a vertex's features: its tag one-hot, then its attributes.
func (d *GraphClassification) NumFeatures() int { return d.NumTags + d.NumAttributes }

// String returns a summary.
func (d *GraphClassification) String() string {
	s := fmt.Sprintf("%s: %d graphs, %d vertex tags, %d classes", d.Name, len(d.Graphs), d.NumTags, d.Classes)
	if d.NumAttributes > 0 {
		s += fmt.Sprintf(", %d vertex attributes", d.NumAttributes)
	}
	return s
}

// Batch makes g the batch of the graphs that index lists and x the features of its vertices,
// [vertices x NumFeatures].
func (d *GraphClassification) Batch(index []int32, g *gnn.Graph, x *nn.Buffer) error {
	if g == nil || x == nil {
		return errors.New("datasets: batch: want a graph and a buffer to fill, got nil")
	}
	members := make([]*gnn.Graph, len(index))
	for i, k := range index {
		if k < 0 || int(k) >= len(d.Graphs) {
			return fmt.Errorf("datasets: %s has no graph %d, only %d graphs", d.Name, k, len(d.Graphs))
		}
		members[i] = d.Graphs[k]
		if err := d.checkTags(int(k)); err != nil {
			return err
		}
	}
	if err := g.SetBatch(members...); err != nil {
		return err
	}
	width := d.NumFeatures()
	v := x.Resize(g.NumDst(), width)
	clear(v)
	row := 0
	for _, k := range index {
		for i, tag := range d.Tags[k] {
			features := v[row*width : (row+1)*width]
			features[tag] = 1
			if d.NumAttributes > 0 {
				copy(features[d.NumTags:], d.Attributes[k][i*d.NumAttributes:(i+1)*d.NumAttributes])
			}
			row++
		}
	}
	return nil
}

// checkTags reports tags of graph k that do not match its vertices.
func (d *GraphClassification) checkTags(k int) error {
	if d.Graphs[k] == nil || k >= len(d.Tags) || len(d.Tags[k]) != d.Graphs[k].NumDst() {
		return fmt.Errorf("datasets: %s: graph %d does not have a tag for each vertex", d.Name, k)
	}
	if n := d.Graphs[k].NumDst() * d.NumAttributes; n > 0 && (k >= len(d.Attributes) || len(d.Attributes[k]) != n) {
		return fmt.Errorf("datasets: %s: graph %d does not have %d attributes for each vertex", d.Name, k, d.NumAttributes)
	}
	for i, tag := range d.Tags[k] {
		if tag < 0 || int(tag) >= d.NumTags {
			return fmt.Errorf("datasets: %s: graph %d: vertex %d has tag %d, want one in [0, %d)", d.Name, k, i, tag, d.NumTags)
		}
	}
	return nil
}

// StratifiedKFold shuffles the items and deals them into k folds. Every fold has the classes in
// nearly the proportion of the whole. To cross-validate, test on one fold and train on the others.
func StratifiedKFold(labels []int32, k int, rng *rand.Rand) ([][]int32, error) {
	if k < 2 || k > len(labels) {
		return nil, fmt.Errorf("datasets: cannot make %d folds of %d items: want 2 to as many as items", k, len(labels))
	}
	if rng == nil {
		return nil, errors.New("datasets: folds: want a random source, got nil")
	}
	classes := int32(0)
	for i, l := range labels {
		if l < 0 {
			return nil, fmt.Errorf("datasets: item %d has no class (%d)", i, l)
		}
		classes = max(classes, l+1)
	}
	byClass := make([][]int32, classes)
	for _, i := range rng.Perm(len(labels)) {
		byClass[labels[i]] = append(byClass[labels[i]], int32(i))
	}
	folds := make([][]int32, k)
	next := 0 // continues from class to class, so that folds differ by at most one item
	for _, items := range byClass {
		for _, i := range items {
			folds[next%k] = append(folds[next%k], i)
			next++
		}
	}
	return folds, nil
}

// oneHot returns the sparse matrix with a one at column tags[i] of each row i.
func oneHot(tags []int32, cols int) (*gnn.Sparse, error) {
	ptr, val := make([]int32, len(tags)+1), make([]float32, len(tags))
	for i := range tags {
		ptr[i+1], val[i] = int32(i+1), 1
	}
	return gnn.NewSparse(len(tags), cols, ptr, tags, val)
}
