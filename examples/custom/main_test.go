package main

import (
	"bytes"
	"encoding/json"
	"testing"
)

func TestRun(t *testing.T) {
	var a, b bytes.Buffer
	for _, out := range []*bytes.Buffer{&a, &b} {
		if err := run(out, 800, 1, "json"); err != nil {
			t.Fatal(err)
		}
	}
	if a.String() != b.String() {
		t.Errorf("two runs with one seed differ: %s and %s", a.String(), b.String())
	}
	var rows []struct {
		Method   string
		Makespan float64
	}
	if err := json.Unmarshal(a.Bytes(), &rows); err != nil || len(rows) != 3 {
		t.Fatalf("%s: %v", a.String(), err)
	}
	// A perfect division is 1; after 800 batches the learner is far below random choices.
	if m := rows[0].Makespan; m < 1 || m > rows[2].Makespan*0.75 {
		t.Errorf("learned %v, random %v", m, rows[2].Makespan)
	}
	if run(&a, 0, 1, "text") == nil || run(&a, 8, 1, "xml") == nil {
		t.Error("bad settings: want an error")
	}
}

func TestDecodeRefusesOtherNumbers(t *testing.T) {
	for _, src := range [][]float64{nil, {5, 1}, {-1, 2}} {
		if (codec{}).Decode(new(batch), src) == nil {
			t.Errorf("%v is accepted", src)
		}
	}
}
