package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"slices"
	"strings"

	"github.com/alecthomas/kong"
	"github.com/graphrl/graphrl/internal/memory"
)

// Streams are the outputs of a command: results go to Out, messages and progress to Err.
type Streams struct{ Out, Err io.Writer }

// Exit codes of commands. A folder in use gives runfolder.ExitHeld, 3. A command stopped by a
// signal exits with 128 plus the signal's number, as shells do.
const (
	exitFailure = 1
	exitUsage   = 2
)

// exitCodes ends every help text.
const exitCodes = `Exit codes:
    0  done
    1  failed; the last message says why
    2  the command line makes no sense
    3  another process works in the folder
  130  stopped by Ctrl-C, 143 by SIGTERM, 129 by the end of the terminal, 141 by that of a pipe;
       the message says how to go on
`

// usageError is an invalid command line.
type usageError struct{ error }

// ExitCode returns 2.
func (usageError) ExitCode() int { return exitUsage }

// Usage returns an error about the command line.
func Usage(format string, args ...any) error { return usageError{fmt.Errorf(format, args...)} }

// CheckSeeds refuses a number of consecutive seeds that would wrap around. flag is what asks for them.
func CheckSeeds(flag string, first uint64, count int) error {
	if count > 0 && first > math.MaxUint64-uint64(count-1) {
		return Usage("%s: there are no %d seeds from %d on", flag, count, first)
	}
	return nil
}

// Command is a command line's grammar.
type Command struct {
	Name        string
	Description string
	// Tasks is a pointer to a struct with one kong command per task. Their methods Run take a
	// context.Context, which Ctrl-C and SIGTERM cancel, and Streams.
	Tasks any
	// Default is the task of a command line without one.
	Default string
	// Vars are the values of ${...} in help texts.
	Vars map[string]string
}

// Main runs the command line of the process and ends it.
func (c Command) Main() {
	if err := memory.CheckAddressSpace(); err != nil {
		os.Exit(c.failed(err, Streams{os.Stdout, os.Stderr}))
	}
	memory.Heed()
	ctx, out, stop := interruptible()
	code := c.Execute(ctx, os.Args[1:], out)
	stop()
	os.Exit(code)
}

// Execute runs a command line and returns the exit code.
func (c Command) Execute(ctx context.Context, args []string, out Streams) int {
	helped := false
	parser, err := kong.New(c.Tasks, append(values(),
		kong.Name(c.Name),
		kong.Description(c.Description),
		kong.Vars(c.Vars),
		kong.Writers(out.Out, out.Err),
		kong.Exit(func(int) { helped = true }),
		kong.BindTo(ctx, (*context.Context)(nil)),
		kong.Bind(out),
	)...)
	if err != nil {
		fmt.Fprintf(out.Err, "%s: %v\n", c.Name, err)
		return exitUsage
	}
	args = c.rewrite(parser.Model, args)
	if len(args) == 2 && args[1] == "--version" {
		if _, err := fmt.Fprintf(out.Out, "%s %s\n", c.Name, Version()); err != nil {
			return c.failed(err, out)
		}
		return 0
	}
	line, err := parser.Parse(args)
	if helped {
		c.listTasks(parser.Model, out.Out)
		return 0
	}
	var misspelt *kong.ParseError
	if err != nil && !errors.As(err, &misspelt) {
		return c.failed(err, out) // the help could not be printed
	}
	if err == nil {
		err = checkGiven(line)
	}
	if err != nil {
		fmt.Fprintf(out.Err, "%s: %v (--help lists the flags)\n", c.Name, err)
		return exitUsage
	}
	if err := line.Run(); err != nil {
		return c.failed(err, out)
	}
	return 0
}

// rewrite returns args as kong reads them: with a task, --help for the word help, and a negative
// number or time joined to its flag, which kong takes for a flag of its own.
func (c Command) rewrite(model *kong.Application, args []string) []string {
	if len(args) > 0 && args[0] == "help" {
		args = append(slices.Clone(args[1:]), "--help")
	}
	named := func(n *kong.Node) bool { return len(args) > 0 && n.Name == args[0] }
	if !slices.ContainsFunc(model.Children, named) {
		args = append([]string{c.Default}, args...)
	}
	var joined []string
	for i, a := range args {
		negative := len(a) > 1 && a[0] == '-' && strings.ContainsRune(".0123456789", rune(a[1]))
		if negative && strings.HasPrefix(args[i-1], "--") && !strings.Contains(args[i-1], "=") {
			joined[len(joined)-1] += "=" + a
		} else {
			joined = append(joined, a)
		}
	}
	return joined
}

// failed says why a command failed and returns its exit code.
func (c Command) failed(err error, out Streams) int {
	fmt.Fprintf(out.Err, "%s: %v\n", c.Name, err)
	var coder kong.ExitCoder
	if errors.As(err, &coder) {
		return coder.ExitCode()
	}
	return exitFailure
}

// checkGiven reports flags given twice, one of which would be ignored, and flags with an empty
// value, which would be ignored too.
func checkGiven(line *kong.Context) error {
	given := map[string]bool{}
	for _, p := range line.Path {
		if p.Flag == nil || p.Resolved {
			continue
		}
		f := p.Flag
		if given[f.Name] && !f.IsCumulative() {
			return fmt.Errorf("--%s is given twice: name one", f.Name)
		}
		given[f.Name] = true
		empty := false
		switch v := line.FlagValue(f).(type) {
		case string:
			empty = v == ""
		case []string:
			empty = len(v) == 0 || slices.Contains(v, "")
		}
		if empty {
			return fmt.Errorf("--%s is empty: give it a value, or leave it out for the default", f.Name)
		}
	}
	return nil
}

// listTasks ends a help text with all tasks, because kong shows only one.
func (c Command) listTasks(model *kong.Application, out io.Writer) {
	fmt.Fprintf(out, "\nTasks (%s <task> --help has the flags of each):\n", c.Name)
	for _, task := range model.Children {
		fmt.Fprintf(out, "  %-11s %s\n", task.Name, task.Help)
	}
	fmt.Fprintf(out, "\n%s --version prints the version.\n\n%s", c.Name, exitCodes)
}
