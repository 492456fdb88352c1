package cli

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
)

// Interrupted is the cause of a context that a signal has cancelled.
type Interrupted struct{ Signal syscall.Signal }

// Error implements error.
func (e Interrupted) Error() string { return "stopped by signal: " + e.Signal.String() }

// ExitCode returns 130 for Ctrl-C and 143 for SIGTERM, as shells do.
func (e Interrupted) ExitCode() int { return 128 + int(e.Signal) }

// interruptible returns a context that Ctrl-C or SIGTERM cancels, with Interrupted as its cause.
// After that, a second signal ends the process at once.
func interruptible(messages io.Writer) (ctx context.Context, stop func()) {
	ctx, cancel := context.WithCancelCause(context.Background())
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	go func() {
		select {
		case s := <-signals:
			signal.Stop(signals)
			fmt.Fprintln(messages, "\nstopping cleanly; again to stop at once")
			cancel(Interrupted{s.(syscall.Signal)})
		case <-ctx.Done():
		}
	}()
	return ctx, func() {
		signal.Stop(signals)
		cancel(nil)
	}
}
