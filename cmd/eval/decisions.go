package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strconv"

	"github.com/graphrl/graphrl/cmd/internal/cli"
	"github.com/graphrl/graphrl/tasks/mecoffload"
)

// slotLine is a line of the file of --decisions: an observation as the decision service takes it
// (serve/servepb), in units, and what the policy decided. Numbers are exact: they read back to the
// same bits.
type slotLine struct {
	Slot        int64            `json:"slot"`
	Offloading  offloadingLine   `json:"offloading"`
	Assignments []assignmentLine `json:"assignments"`
}

type offloadingLine struct {
	Servers []serverLine `json:"servers"`
	Tasks   []taskLine   `json:"tasks"`
}

type serverLine struct {
	ID       string  `json:"id"`
	Capacity float64 `json:"capacity"`
	Backlog  float64 `json:"backlogSeconds"`
}

type taskLine struct {
	Device   string    `json:"device"`
	Bits     float64   `json:"bits"`
	Deadline float64   `json:"deadlineSeconds"`
	Rate     []float64 `json:"rateBitS"`
	Reach    []int     `json:"reach,omitempty"`
}

type assignmentLine struct {
	Server string `json:"server"`
	Exit   int    `json:"exit"` // counting from 1
}

// decisionsFile writes the slots of an evaluation.
type decisionsFile struct {
	file *os.File
	out  *bufio.Writer
	err  error // first
}

// openDecisions creates the file of --decisions, which must not exist; nil without the flag.
func (c mecoffloadCommand) openDecisions(runs int) (*decisionsFile, error) {
	if c.Decisions == "" {
		return nil, nil
	}
	if runs != 1 {
		return nil, cli.Usage("--decisions writes those of one policy: evaluate one run, not %d", runs)
	}
	f, err := os.OpenFile(c.Decisions, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
	if err != nil {
		return nil, fmt.Errorf("--decisions: %w", err)
	}
	return &decisionsFile{file: f, out: bufio.NewWriter(f)}, nil
}

// add writes a slot.
func (d *decisionsFile) add(slot int64, o *mecoffload.Observation, action mecoffload.Action) {
	line := slotLine{Slot: slot}
	for n := range o.Servers {
		line.Offloading.Servers = append(line.Offloading.Servers, serverLine{strconv.Itoa(n), o.Capacity[n], o.Backlog[n]})
	}
	for i, option := range action {
		task := taskLine{Device: strconv.Itoa(o.ID[i]), Bits: o.Bits[i], Deadline: o.Deadline[i], Rate: o.Rate[i*o.Degree():][:o.Degree()]}
		for link := range o.Links {
			task.Reach = append(task.Reach, o.ServerOf(i, link))
		}
		line.Offloading.Tasks = append(line.Offloading.Tasks, task)
		if option == mecoffload.Held {
			line.Assignments = append(line.Assignments, assignmentLine{})
			continue
		}
		server := o.ServerOf(i, int(option)/o.Exits)
		line.Assignments = append(line.Assignments, assignmentLine{strconv.Itoa(server), int(option)%o.Exits + 1})
	}
	data, err := json.Marshal(line)
	if err == nil {
		_, err = d.out.Write(append(data, '\n'))
	}
	if d.err == nil {
		d.err = err
	}
}

// close ends the file.
func (d *decisionsFile) close() error {
	if d == nil {
		return nil
	}
	return errors.Join(d.err, d.out.Flush(), d.file.Close())
}
