package testbed

import (
	"context"
	"math"
	"time"

	"github.com/graphrl/graphrl/tasks/mecoffload"
	"github.com/graphrl/graphrl/tasks/mecoffload/experiment"
)

// Comparison holds one run of a policy and its predictions.
type Comparison struct {
	Policy string `json:"policy"`
	// Predicted is the policy in the simulator, on the same tasks.
	Predicted mecoffload.Row `json:"predicted"`
	// Replayed are the run's own decisions with the model's times, see [Replay].
	Replayed mecoffload.Row `json:"replayed"`
	Measured mecoffload.Row `json:"measured"`
	Lost     int            `json:"lost"`
	// BehindMS is the longest time by which a slot began late, in ms of this machine.
	BehindMS float64 `json:"behind_ms"`
	Failed   string  `json:"failed,omitempty"` // why the first task was lost
	Parts    Parts   `json:"parts"`
	// Exits are the measurements of the network during the run, by exit, and the profile.
	Exits []Exit `json:"exits"`
}

// Parts break the latency that the model does not expect into its sources: means over the answered
// tasks.
type Parts struct {
	// TransferMS is the time from a slot's start to the last byte at the server, over what the rate
	// says: deciding, connecting and sending, in ms of the scenario.
	TransferMS float64 `json:"transfer_ms"`
	// WorkRatio is the time that tasks occupied their servers over that by the profile.
	WorkRatio float64 `json:"work_ratio"`
	// AnswerMS is the time from the end of an inference to the answer at the device.
	AnswerMS float64 `json:"answer_ms"`
}

// Exit summarises the inferences up to an exit in a run.
type Exit struct {
	Tasks    int     `json:"tasks"` // answered
	Accuracy float64 `json:"accuracy"`
	Profile  float64 `json:"profile_accuracy"`
	// ComputeMS is the mean processor time of the inference, CalibratedMS that of the
	// calibration, in ms.
	ComputeMS    float64 `json:"compute_ms"`
	CalibratedMS float64 `json:"calibrated_ms"`
}

// Predict runs a policy in the simulator on the tasks of a run.
func Predict(ctx context.Context, p mecoffload.Policy, c Config) (mecoffload.Row, error) {
	return experiment.Evaluation{Scenario: c.Scenario, Profile: c.Profile, Seed: c.Seed, Slots: c.Slots}.Policy(ctx, p)
}

// Compare compares the result of a run with the row that Predict has returned.
func (b *Bed) Compare(r *Result, predicted mecoffload.Row, c Config) (Comparison, error) {
	out := Comparison{Policy: predicted.Method, Predicted: predicted, Lost: r.Lost, BehindMS: 1e3 * r.Behind}
	if r.Failed != nil {
		out.Failed = r.Failed.Error()
	}
	measured, replayed := make([]Fate, len(r.Tasks)), Replay(r.Tasks, b.order)
	accuracy := func(t *Task) float64 { return c.Profile.Accuracy[t.Exit] }
	right := func(t *Task) float64 {
		if t.Correct {
			return 1
		}
		return 0
	}
	for i, t := range r.Tasks {
		measured[i] = Fate{t.Status, t.Latency}
	}
	var err error
	if out.Measured, err = r.row(predicted.Method, c, measured, right); err != nil {
		return out, err
	}
	out.Parts = r.parts()
	if out.Exits, err = b.exits(r, c); err != nil {
		return out, err
	}
	out.Replayed, err = r.row(predicted.Method, c, replayed, accuracy)
	return out, err
}

func (r *Result) parts() Parts {
	var p Parts
	answered, busy, work := 0.0, 0.0, 0.0
	for _, t := range r.Tasks {
		if t.Status == mecoffload.Dropped {
			continue
		}
		answered++
		p.TransferMS += 1e3 * (t.Arrived - t.Transfer)
		p.AnswerMS += 1e3 * (t.Latency - t.Finished)
		busy += t.Finished - t.Started
		work += t.Work
	}
	if answered == 0 {
		return p
	}
	p.TransferMS /= answered
	p.AnswerMS /= answered
	p.WorkRatio = busy / work
	return p
}

// exits summarises the answers of a run by exit.
func (b *Bed) exits(r *Result, c Config) ([]Exit, error) {
	network, err := networkExits(c.Profile, c.Exits)
	if err != nil {
		return nil, err
	}
	exits := make([]Exit, c.Profile.Exits())
	for e := range exits {
		exits[e].Profile = c.Profile.Accuracy[e]
		for _, times := range b.times {
			exits[e].CalibratedMS += 1e3 * times[network[e]] / float64(len(b.times))
		}
	}
	for _, t := range r.Tasks {
		if t.Status == mecoffload.Dropped {
			continue
		}
		e := &exits[t.Exit]
		e.Tasks++
		e.ComputeMS += 1e3 * t.Compute
		if t.Correct {
			e.Accuracy++
		}
	}
	for e := range exits {
		n := math.Max(float64(exits[e].Tasks), 1)
		exits[e].Accuracy /= n
		exits[e].ComputeMS /= n
	}
	return exits, nil
}

// row summarises fates of the tasks. worth is the accuracy of a task in time.
func (r *Result) row(method string, c Config, fates []Fate, worth func(*Task) float64) (mecoffload.Row, error) {
	m, err := mecoffload.NewMetrics(c.Scenario, c.Profile)
	if err != nil {
		return mecoffload.Row{}, err
	}
	next := 0
	for slot := range c.Slots {
		out := mecoffload.Outcome{Busy: make([]float64, c.Scenario.Servers)}
		for ; next < len(r.Tasks) && r.Tasks[next].Slot == slot; next++ {
			t, f := &r.Tasks[next], fates[next]
			value := 0.0
			if f.Status == mecoffload.InTime {
				value = worth(t)
				out.Reward += value * (1 - c.Scenario.RewardWeight*f.Latency/t.Deadline)
			}
			if f.Status != mecoffload.Dropped {
				out.Busy[t.Server] += t.Work
			}
			out.Status, out.Latency = append(out.Status, f.Status), append(out.Latency, f.Latency)
			out.Accuracy = append(out.Accuracy, value)
			out.Server, out.Exit = append(out.Server, t.Server), append(out.Exit, t.Exit)
		}
		out.Reward /= math.Max(float64(len(out.Status)), 1)
		var decision time.Duration
		if slot < int64(len(r.Decisions)) {
			decision = r.Decisions[slot]
		}
		m.Add(&out, decision)
	}
	return m.Row(method, c.Seed), nil
}
