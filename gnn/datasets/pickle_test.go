package datasets

import (
	"fmt"
	"os"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// The files are written by Python 3.11, NumPy 2.4 and SciPy 1.17, in every protocol.
func TestPicklesOfNumPy2(t *testing.T) {
	load := func(name string) any {
		t.Helper()
		data, err := os.ReadFile("testdata/pickle/" + name)
		if err != nil {
			t.Fatal(err)
		}
		v, err := loadPickle(data)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		return v
	}
	checkCSR := func(name string) {
		t.Helper()
		m := load(name).(*pyCSR)
		if m.rows != 3 || m.cols != 3 || !slices.Equal(m.ptr, []int32{0, 1, 2, 3}) || !slices.Equal(m.col, []int32{1, 0, 2}) ||
			!slices.Equal(m.val, []float32{1.5, 2, 0.25}) {
			t.Errorf("%s: %+v", name, m)
		}
	}
	checkArray := func(name string) {
		t.Helper()
		a := load(name).(*pyArray)
		if a.rows != 3 || a.cols != 2 || !slices.Equal(a.values(), []float64{1, 0, 0, 1, 1, 0}) {
			t.Errorf("%s: %+v", name, a)
		}
	}
	for p := 2; p <= 5; p++ {
		checkCSR(fmt.Sprintf("p%d.csr", p))
		checkArray(fmt.Sprintf("p%d.array", p))
		name := fmt.Sprintf("p%d.graph", p)
		data, err := os.ReadFile("testdata/pickle/" + name)
		if err != nil {
			t.Fatal(err)
		}
		got, err := parseNeighbors(data)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if d := cmp.Diff(map[int32][]int32{0: {1, 2}, 1: {0}, 2: {0}}, got); d != "" {
			t.Errorf("%s: -want +got:\n%s", name, d)
		}
	}
	checkArray("p5.bool")
	checkCSR("p5.csrarray")
}
