package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"golang.org/x/term"
)

// Interrupted is the cause of a context that a signal has cancelled.
type Interrupted struct{ Signal syscall.Signal }

// Error implements error.
func (e Interrupted) Error() string {
	if e.Signal == syscall.SIGPIPE {
		return "stopped: nobody reads the output any more (closed pipe)"
	}
	return "stopped by signal: " + e.Signal.String()
}

// ExitCode is 130 for Ctrl-C, 143 for SIGTERM, 129 for a terminal that was closed and 141 for a pipe
// that was, as shells have it.
func (e Interrupted) ExitCode() int { return 128 + int(e.Signal) }

// interruptible returns a context that Ctrl-C, SIGTERM or the end of the terminal cancels, with
// Interrupted as its cause, and the process's streams. From the first signal on a second one ends
// the process at once.
//
// A closed pipe at the end of a stream, as | head leaves it, cancels the context too, so that a run
// is saved first.
func interruptible() (ctx context.Context, out Streams, stop func()) {
	ctx, cancel := context.WithCancelCause(context.Background())
	signal.Ignore(syscall.SIGPIPE) // which would end the process: writes fail instead
	out = Streams{unbroken(os.Stdout, cancel), unbroken(os.Stderr, cancel)}
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	if !signal.Ignored(syscall.SIGHUP) { // as nohup has it
		signal.Notify(signals, syscall.SIGHUP)
	}
	go func() {
		select {
		case s := <-signals:
			signal.Stop(signals)
			cancel(Interrupted{s.(syscall.Signal)})
			fmt.Fprintln(out.Err, "\nstopping cleanly; again to stop at once")
		case <-ctx.Done():
		}
	}()
	return ctx, out, func() {
		signal.Stop(signals)
		cancel(nil)
	}
}

// unbroken returns a file as a pipe, but a terminal as it is: progress is shown differently there.
func unbroken(f *os.File, stop func(cause error)) io.Writer {
	if term.IsTerminal(int(f.Fd())) {
		return f
	}
	return pipe{f, stop}
}

// pipe is a stream that calls stop when nobody reads it any more.
type pipe struct {
	io.Writer
	stop func(cause error)
}

func (p pipe) Write(b []byte) (int, error) {
	n, err := p.Writer.Write(b)
	if errors.Is(err, syscall.EPIPE) {
		err = Interrupted{syscall.SIGPIPE}
		p.stop(err)
	}
	return n, err
}
