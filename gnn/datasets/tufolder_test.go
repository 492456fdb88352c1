package datasets

import (
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/graphrl/graphrl/gnn"
	"github.com/graphrl/graphrl/nn"
)

// tuParts is a triangle, one edge of it in one direction only, and a pair, with vertices in mixed
// order.
func tuParts() map[string]string {
	return map[string]string{
		"A":               "1, 2\n2, 1\n2, 4\n4,2\n1, 4\n3, 5\r\n5, 3\n3, 3\n",
		"graph_indicator": "\ufeff1\n1\n2\n1\n2\n",
		"graph_labels":    "1\n-1\n",
		"node_labels":     "6\n7\n6\n9\n9\n",
		"node_attributes": "0.5, 1\n1.5, 2\n2.5, 3\n3.5, 4\n4.5, 5\n",
		"edge_labels":     "3\n3\n1\n1\n2\n1\n1\n0\n",
		"edge_attributes": "10\n11\n12\n13\n14\n15\n16\n17\n",
	}
}

func readParts(parts map[string]string) (*GraphClassification, error) {
	return readTUFiles("x", func(part string) (string, []byte, error) {
		text, ok := parts[part]
		if !ok {
			return "", nil, fs.ErrNotExist
		}
		return "x_" + part + ".txt", []byte(text), nil
	})
}

func TestReadTUFolder(t *testing.T) {
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "raw"), 0o700); err != nil {
		t.Fatal(err)
	}
	for part, text := range tuParts() {
		if err := os.WriteFile(filepath.Join(dir, "raw", "TOY_"+part+".txt"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, folder := range []string{dir, filepath.Join(dir, "raw")} {
		d, err := ReadTU(folder)
		if err != nil {
			t.Fatal(err)
		}
		if d.Name != "TOY" || d.Classes != 2 || !slices.Equal(d.Labels, []int32{1, 0}) || d.NumTags != 3 || d.NumEdgeTags != 3 ||
			d.NumFeatures() != 5 || d.NumEdgeAttributes != 1 {
			t.Errorf("%v: %+v", d, d)
		}
		if diff := cmp.Diff([][]int32{{0, 1, 2}, {0, 2}}, d.Tags); diff != "" {
			t.Errorf("tags: -want +got:\n%s", diff)
		}
		if diff := cmp.Diff([][]float32{{0.5, 1, 1.5, 2, 3.5, 4}, {2.5, 3, 4.5, 5}}, d.Attributes); diff != "" {
			t.Errorf("attributes: -want +got:\n%s", diff)
		}
		// Edges by their ends: tag and attribute, those of 4->1 taken from 1->4.
		for g, want := range []map[[2]int32][2]float32{
			{{0, 1}: {2, 10}, {1, 0}: {2, 11}, {1, 2}: {0, 12}, {2, 1}: {0, 13}, {0, 2}: {1, 14}, {2, 0}: {1, 14}},
			{{0, 1}: {0, 15}, {1, 0}: {0, 16}},
		} {
			got := make(map[[2]int32][2]float32)
			edges := d.Graphs[g].Edges()
			for k, u := range edges.Src {
				got[[2]int32{u, edges.Dst[k]}] = [2]float32{float32(d.EdgeTags[g][k]), d.EdgeAttributes[g][k]}
			}
			// Tag 0 of the self loop is renumbered away.
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("graph %d: -want +got:\n%s", g, diff)
			}
			checkUndirected(t, d.Graphs[g])
		}
		var batch gnn.Graph
		var x nn.Buffer
		if err := d.Batch([]int32{1}, &batch, &x); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]float32{1, 0, 0, 2.5, 3, 0, 0, 1, 4.5, 5}, x.Matrix().Data); diff != "" {
			t.Errorf("features: -want +got:\n%s", diff)
		}
	}
	if _, err := ReadTU(t.TempDir()); err == nil || !strings.Contains(err.Error(), "no file NAME_A.txt") {
		t.Errorf("an empty folder: %v", err)
	}
}

// The two formats of one data set give the same graphs.
func TestTUFolderLikeText(t *testing.T) {
	parts := tuParts()
	for _, optional := range []string{"node_attributes", "edge_labels", "edge_attributes"} {
		delete(parts, optional)
	}
	a, err := readParts(parts)
	if err != nil {
		t.Fatal(err)
	}
	b, err := ParseTU(strings.NewReader("2\r\n3 1\r\n6 2 1 2\r\n7 2 0 2\r\n9 1 1\r\n2 -1\r\n6 1 1\r\n9 1 0\r\n"))
	if err != nil {
		t.Fatal(err)
	}
	for g := range a.Graphs {
		if diff := cmp.Diff(a.Graphs[g].Edges(), b.Graphs[g].Edges()); diff != "" {
			t.Errorf("graph %d: -folder +text:\n%s", g, diff)
		}
	}
	if !slices.Equal(a.Labels, b.Labels) || !cmp.Equal(a.Tags, b.Tags) {
		t.Errorf("%v and %v", a, b)
	}
}

func TestTUFolderErrors(t *testing.T) {
	for _, c := range []struct{ part, text, want string }{
		{"A", "1, 2\n1, 9\n", "x_A.txt:2: vertex 9 is not in 1..5, the lines of x_graph_indicator.txt"},
		{"A", "1, 2\n0, 1\n", "x_A.txt:2: vertex 0"},
		{"A", "1, 2\n\n1, 3\n", "x_A.txt:3: the edge joins vertex 1 of graph 1 and vertex 3 of graph 2"},
		{"A", "1, 2, 3\n", "x_A.txt:1: 3 numbers, want 2"},
		{"A", "1.5, 2\n", `x_A.txt:1: "1.5" is not a whole number`},
		{"A", "1, 4294967297\n", "is not a whole number of 32 bits"},
		{"graph_labels", "1\n-1\n1\n", "x_graph_labels.txt:3: graph 3 has a label and no vertex in x_graph_indicator.txt"},
		{"graph_indicator", "1\n3\n", "x_graph_indicator.txt:2: graph 3 is not in 1..2"},
		{"node_labels", "1\n", "x_node_labels.txt has 1 lines, but x_graph_indicator.txt has 5"},
		{"edge_attributes", "1\n", "x_edge_attributes.txt has 1 lines, but x_A.txt has 8"},
		{"node_attributes", "1,2\n3\n", "x_node_attributes.txt:2: 1 numbers, want 2"},
		{"node_attributes", "1,NaN\n", `"NaN" is not a finite decimal number`},
		{"graph_labels", "a\n", "x_graph_labels.txt:1: "},
	} {
		parts := tuParts()
		parts[c.part] = c.text
		if _, err := readParts(parts); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s %q: %v, want %q", c.part, c.text, err, c.want)
		}
	}
	parts := tuParts()
	delete(parts, "graph_labels")
	if _, err := readParts(parts); err == nil {
		t.Error("no graph_labels and no error")
	}
}

func FuzzTUFolder(f *testing.F) {
	p := tuParts()
	f.Add(p["A"], p["graph_indicator"], p["graph_labels"], p["node_labels"], p["node_attributes"], p["edge_labels"])
	f.Fuzz(func(t *testing.T, edges, indicator, labels, tags, attributes, edgeTags string) {
		d, err := readParts(map[string]string{"A": edges, "graph_indicator": indicator, "graph_labels": labels,
			"node_labels": tags, "node_attributes": attributes, "edge_labels": edgeTags})
		if err != nil {
			return
		}
		for i, g := range d.Graphs {
			if len(d.Tags[i]) != g.NumDst() || len(d.EdgeTags[i]) != g.NumEdges() || len(d.Attributes) > 0 && len(d.Attributes[i]) != g.NumDst()*d.NumAttributes {
				t.Fatalf("graph %d does not fit its tags", i)
			}
		}
	})
}
