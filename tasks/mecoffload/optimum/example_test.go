package optimum_test

import (
	"fmt"
	"log"

	"github.com/graphrl/graphrl/tasks/mecoffload"
	"github.com/graphrl/graphrl/tasks/mecoffload/optimum"
)

// Two tasks per slot, each of 6 ms and due after 10 ms, and one server. There is time for both, but
// the second waits for the first and is late.
func ExampleBound() {
	sc, err := mecoffload.LoadScenario("static")
	if err != nil {
		log.Fatal(err)
	}
	sc.Devices, sc.Servers, sc.Slot = 2, 1, 0.03
	sc.Deadline = mecoffload.Interval[mecoffload.Seconds]{Low: 0.01, High: 0.01}
	sc.SizeKByte = mecoffload.Interval[float64]{Low: 0.1, High: 0.1}
	p := mecoffload.Profile{
		Name: "one exit", Accuracy: []float64{0.8},
		Servers: []mecoffload.ServerProfile{{Times: []mecoffload.Seconds{0.006}}},
	}
	time, err := mecoffload.DeadlineBound(sc, p, mecoffload.DeadlineBoundConfig{Tasks: 100})
	if err != nil {
		log.Fatal(err)
	}
	queues, err := optimum.Bound(sc, p, optimum.BoundConfig{Slots: 4, Train: 2})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("by the server's time: %.2f\nby its queue: %.2f\n", time.Accuracy, queues.Accuracy)
	// Output:
	// by the server's time: 0.80
	// by its queue: 0.40
}
