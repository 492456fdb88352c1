package main

import "testing"

func TestRun(t *testing.T) {
	mean, err := run(800, 1)
	if err != nil {
		t.Fatal(err)
	}
	if again, err := run(800, 1); err != nil || again != mean {
		t.Errorf("two runs with one seed differ: %v and %v, %v", mean, again, err)
	}
	// A perfect division is 1; random choices are at about 1.9, the fastest machine first at about
	// 1.2.
	if mean < 1 || mean > 1.18 {
		t.Errorf("makespan %v after 800 batches", mean)
	}
}
