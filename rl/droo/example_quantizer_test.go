package droo_test

import (
	"fmt"
	"log"
	"math"

	"github.com/graphrl/graphrl/rl"
	"github.com/graphrl/graphrl/rl/droo"
)

// show prints the candidates of a quantizer.
func show(q droo.Quantizer, s droo.Scores, k int) {
	var d droo.Decisions
	if err := q.Candidates(s, k, &d); err != nil {
		log.Fatal(err)
	}
	for k := range d.K {
		fmt.Println(d.Candidate(k))
	}
}

// Rows of different lengths, one of whose options is masked: a job that fits on three machines, of
// which the last is down, and one that fits on two.
func ExampleScores() {
	down := float32(math.Inf(-1))
	s := droo.Scores{Rows: 2, Ends: []int32{3, 5}, Logits: []float32{1, 2, down, 0.5, 0}}
	fmt.Println(s.Check(), s.Row(1))
	show(new(droo.KBest), s, 10)
	// Output:
	// <nil> [0.5 0]
	// [1 0]
	// [1 1]
	// [0 0]
	// [0 1]
}

// Three devices choose among three servers. The first is sure of its choice, the last is not.
func ExampleQuantizer() {
	scores := droo.Scores{Rows: 3, Options: 3, Logits: []float32{
		9.0, 1.0, 0.0,
		2.0, 1.5, 0.0,
		0.0, 0.1, 0.2,
	}}
	var d droo.Decisions
	for _, q := range []droo.Quantizer{new(droo.OrderPreserving), new(droo.KBest)} {
		if err := q.Candidates(scores, 5, &d); err != nil {
			log.Fatal(err)
		}
		fmt.Printf("%T\n", q)
		for k := range d.K {
			fmt.Println(d.Candidate(k))
		}
	}
	// Output:
	// *droo.OrderPreserving
	// [0 0 2]
	// [0 0 1]
	// [0 0 0]
	// [0 1 0]
	// [0 2 0]
	// *droo.KBest
	// [0 0 2]
	// [0 0 1]
	// [0 0 0]
	// [0 1 2]
	// [0 1 1]
}

// Three binary rows of probability 0.88, 0.52 and 0.12: the nearest vectors change the least certain
// row first.
func ExampleKNN() {
	s := droo.Scores{Rows: 3, Options: 1, Logits: []float32{2, 0.1, -2}}
	show(new(droo.KNN), s, 4)
	// Output:
	// [1 1 0]
	// [1 0 0]
	// [0 1 0]
	// [1 1 1]
}

// Candidates drawn from the actor's own probabilities, after its best guess. No decision comes
// twice, so that four are all there are.
func ExampleGumbel() {
	s := droo.Scores{Rows: 2, Options: 2, Logits: []float32{3, 0, 1, 0}}
	q, err := droo.NewGumbel(1, rl.NewRand(1, 0))
	if err != nil {
		log.Fatal(err)
	}
	var d droo.Decisions
	if err := q.Candidates(s, 100, &d); err != nil {
		log.Fatal(err)
	}
	fmt.Println("first:", d.Candidate(0), "candidates:", d.K)
	// Output:
	// first: [0 0] candidates: 4
}

// LyDROO's quantizer: half of the candidates come from scores with noise, so that decisions far from
// the actor's guess have a chance.
func ExampleNoisyOrderPreserving() {
	s := droo.Scores{Rows: 4, Options: 1, Logits: []float32{2, 1, -1, -2}}
	q, err := droo.NewNoisyOrderPreserving(1, rl.NewRand(1, 0))
	if err != nil {
		log.Fatal(err)
	}
	var d droo.Decisions
	if err := q.Candidates(s, 8, &d); err != nil {
		log.Fatal(err)
	}
	fmt.Println("first:", d.Candidate(0))
	fmt.Println("at most 8, no two alike:", d.K <= 8)
	// Output:
	// first: [1 1 0 0]
	// at most 8, no two alike: true
}

// Two quantizers take turns; each skips candidates that the other has proposed.
func ExampleInterleave() {
	s := droo.Scores{Rows: 3, Options: 1, Logits: []float32{2, 0.1, -0.5}}
	show(&droo.Interleave{Quantizers: []droo.Quantizer{new(droo.OrderPreserving), new(droo.KBest)}}, s, 5)
	// Output:
	// [1 1 0]
	// [1 0 0]
	// [1 1 1]
	// [0 0 0]
	// [1 0 1]
}

// The last of five candidates is left to chance: it may be one that the actor would never propose.
func ExampleExplore() {
	s := droo.Scores{Rows: 8, Options: 2, Logits: []float32{9, 0, 9, 0, 9, 0, 9, 0, 9, 0, 9, 0, 9, 0, 9, 0}}
	q, err := droo.NewExplore(new(droo.KBest), 1, rl.NewRand(3, 0))
	if err != nil {
		log.Fatal(err)
	}
	var d droo.Decisions
	if err := q.Candidates(s, 5, &d); err != nil {
		log.Fatal(err)
	}
	for k := range d.K {
		ones := 0
		for _, c := range d.Candidate(k) {
			ones += int(c)
		}
		fmt.Print(ones, " ")
	}
	fmt.Println("rows against the actor")
	// Output:
	// 0 1 1 1 5 rows against the actor
}

// K follows the actor: while the best candidates stand early in the list, few are scored. A best one
// at the end of the list lets K grow again.
func ExampleAdaptiveK() {
	adaptive, err := droo.NewAdaptiveK(32, 3)
	if err != nil {
		log.Fatal(err)
	}
	for _, best := range []int{20, 5, 9, 2, 0, 1, 3, 3, 2} {
		adaptive.Observe(best)
		fmt.Print(adaptive.K(), " ")
	}
	fmt.Println()
	// Output:
	// 32 32 22 22 22 4 4 4 5
}

// An actor is any rl.Model, here a perceptron with a yes or no per row. Trained on one example, it
// scores the example's decision highest.
func ExampleNetworkActor() {
	network := rl.DefaultMLPConfig(2, 4)
	network.Hidden, network.Value = []int{8}, rl.NoValue
	same := func(x []float32) []float32 { return x }
	model, err := rl.NewMLPModel(same, nil, network, rl.NewRand(1, 0))
	if err != nil {
		log.Fatal(err)
	}
	actor, err := droo.NewNetworkActor(model, droo.NetworkActorConfig{Loss: droo.SoftmaxCrossEntropy, LearningRate: 1e-2})
	if err != nil {
		log.Fatal(err)
	}
	example := []droo.Sample[[]float32]{{Observation: []float32{1, 0}, Decision: []int32{2}}}
	for range 200 {
		if _, err := actor.Train(example); err != nil {
			log.Fatal(err)
		}
	}
	scores, err := actor.Scores([]float32{1, 0})
	if err != nil {
		log.Fatal(err)
	}
	choice := make([]int32, 1)
	scores.Argmax(choice)
	fmt.Println(scores.Rows, "row of", len(scores.Row(0)), "options, choice", choice)
	// Output:
	// 1 row of 4 options, choice [2]
}

// What each of two candidates is worth to a critic that counts the ones. A critic may look at all
// candidates at once; CriticFunc is the short form for one at a time.
func ExampleCriticFunc() {
	critic := droo.CriticFunc[string](func(observation string, choice []int32) (float64, error) {
		sum := 0.0
		for _, c := range choice {
			sum += float64(c)
		}
		return sum, nil
	})
	var d droo.Decisions
	d.Reset(3, 2)
	d.Append([]int32{0, 1, 0})
	d.Append([]int32{1, 1, 0})
	worth := make([]float64, d.K)
	if err := critic.Score("any", &d, worth); err != nil {
		log.Fatal(err)
	}
	fmt.Println(worth)
	// Output:
	// [1 2]
}
