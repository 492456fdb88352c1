package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"

	"github.com/alecthomas/kong"
)

// Streams are where a command writes: results to Out, messages and progress to Err.
type Streams struct{ Out, Err io.Writer }

// Exit codes of commands. One that was stopped by a signal exits with 128 plus the signal's number, as shells count.
const (
	exitFailure = 1
	exitUsage   = 2
)

// Command is a command line's grammar.
type Command struct {
	Name        string
	Description string
	// Tasks is a pointer to a struct with one kong command per task. Their methods Run take a context.Context, which Ctrl-C and
	// SIGTERM cancel, and Streams.
	Tasks any
	// Default is the task that is meant where none is named.
	Default string
	// Vars are the values of ${...} in help texts.
	Vars map[string]string
}

// Main runs the command line of the process and ends it.
func (c Command) Main() {
	ctx, stop := interruptible(os.Stderr)
	code := c.Execute(ctx, os.Args[1:], Streams{os.Stdout, os.Stderr})
	stop()
	os.Exit(code)
}

// Execute runs a command line and returns the exit code.
func (c Command) Execute(ctx context.Context, args []string, out Streams) int {
	helped := false
	parser, err := kong.New(c.Tasks,
		kong.Name(c.Name),
		kong.Description(c.Description),
		kong.Vars(c.Vars),
		kong.Writers(out.Out, out.Err),
		kong.Exit(func(int) { helped = true }),
		kong.BindTo(ctx, (*context.Context)(nil)),
		kong.Bind(out),
	)
	if err != nil {
		fmt.Fprintf(out.Err, "%s: %v\n", c.Name, err)
		return exitUsage
	}
	named := func(n *kong.Node) bool { return len(args) > 0 && n.Name == args[0] }
	if !slices.ContainsFunc(parser.Model.Children, named) {
		args = append([]string{c.Default}, args...)
	}
	line, err := parser.Parse(args)
	if helped {
		return 0
	}
	if err != nil {
		fmt.Fprintf(out.Err, "%s: %v (--help lists the flags)\n", c.Name, err)
		return exitUsage
	}
	if err := line.Run(); err != nil {
		fmt.Fprintf(out.Err, "%s: %v\n", c.Name, err)
		var coder kong.ExitCoder
		if errors.As(err, &coder) {
			return coder.ExitCode()
		}
		return exitFailure
	}
	return 0
}
