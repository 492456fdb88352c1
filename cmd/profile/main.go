// Command profile writes the profile of a network with early exits, which the task mecoffload needs:
// the accuracy of each exit, and the time of an inference up to it.
//
//	go run ./cmd/profile csv samples.csv --out mine.yaml      # measured by any framework
//	go run ./cmd/profile network runs/earlyexit-seed1 --images test.zip --out mine.yaml
//	go run ./cmd/train --profile mine.yaml
package main

import "github.com/graphrl/graphrl/cmd/internal/cli"

type tasks struct {
	Csv     csvCommand     `cmd:"" help:"From a CSV file with the columns exit, correct, latency_ms and, optionally, server: one row per inference."`
	Network networkCommand `cmd:"" help:"From a network that examples/earlyexit has trained, timed on this machine alone and under load."`
}

func command() cli.Command {
	return cli.Command{
		Name:        "profile",
		Description: "Write the profile of a network with early exits: the accuracy of each exit and the time of an inference up to it.",
		Tasks:       &tasks{},
		Default:     "csv",
	}
}

func main() { command().Main() }
