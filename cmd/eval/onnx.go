package main

import (
	"fmt"

	"github.com/graphrl/graphrl/cmd/internal/cli"
	"github.com/graphrl/graphrl/internal/atomicfile"
	"github.com/graphrl/graphrl/tasks/mecoffload/experiment"
)

// export writes the actor of a run as an ONNX file.
func (c mecoffloadCommand) export(checkpoints []*experiment.Checkpoint, cfgs []experiment.Config, choices []cli.Choice, out cli.Streams) error {
	if len(checkpoints) != 1 {
		return cli.Usage("--onnx writes one actor: give one run, not %d", len(checkpoints))
	}
	policy, err := checkpoints[0].Policy(cfgs[0].Scenario, cfgs[0].Profile)
	if err != nil {
		return err
	}
	model, err := policy.ONNX()
	if err != nil {
		return err
	}
	if err := atomicfile.Write(c.ONNX, model); err != nil {
		return fmt.Errorf("--onnx: %w", err)
	}
	fmt.Fprintf(out.Out, "%s, %s: %d bytes written to %s\n", cfgs[0].Method, choices[0], len(model), c.ONNX)
	return nil
}
