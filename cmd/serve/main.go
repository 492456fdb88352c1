// Command serve lets trained policies decide for other programs, over gRPC and JSON on one port.
// docs/serve.md describes the interface.
//
//	go run ./cmd/serve --run runs/grle-dynamic-m14-seed1
//	go run ./cmd/serve --run runs/grle-dynamic-m14-seed1 --budget 2ms --online learned/edge
//	go run ./cmd/serve --config serve.yaml
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"runtime"
	"runtime/debug"
	"syscall"
	"time"

	"github.com/graphrl/graphrl/cmd/internal/cli"
	"github.com/graphrl/graphrl/serve"
)

// tasks are the commands; there is one.
type tasks struct {
	Policies serveCommand `cmd:"" help:"Serve policies (the default)."`
}

func command() cli.Command {
	return cli.Command{
		Name:        "serve",
		Description: "Let trained policies decide for other programs, over gRPC and JSON on one port.",
		Tasks:       &tasks{},
		Default:     "policies",
	}
}

func main() { command().Main() }

// serveCommand is the command line. Its flags stand for a configuration with one policy.
type serveCommand struct {
	Run_       string         `name:"run" placeholder:"DIR" help:"Run folder, or folder of a checkpoint, of the policy to serve."`
	Checkpoint string         `placeholder:"NAME" help:"With --run, the checkpoint: best or latest. Default: best, or latest if none was validated."`
	Listen     string         `placeholder:"ADDRESS" help:"Address and port. Default: 127.0.0.1:8080, which other machines cannot reach."`
	Budget     *time.Duration `placeholder:"TIME" help:"Time for a decision, such as 2ms; 0: no limit. When it is spent, the best decision so far is the answer. Default: no limit."`
	AnyInput   bool           `help:"Let the policy decide also about observations unlike those of its training, in place of the rule."`
	Online     string         `placeholder:"DIR" help:"Learn from reports, in this folder; what it holds is gone on with."`
	Shadow     string         `placeholder:"DIR" help:"Run folder or checkpoint of a policy that decides too and is scored, but does not act."`
	Config     string         `placeholder:"FILE" help:"Configuration in YAML, for several policies, TLS, tokens and limits. Flags replace its values."`
	Log        string         `enum:"text,json," default:"" placeholder:"FORMAT" help:"Log as text or json. Default: text."`
}

// reserve returns memory that nobody uses, so the kernel never has to provide it. The collector starts
// when as much garbage is there as memory in use. A service uses 3 MB, so without a reserve the
// collector works ten times a second, and one request in a hundred waits for it. Who sets GOGC has
// none, and one with GOMEMLIMIT takes at most a quarter of that.
func reserve() []byte {
	if os.Getenv("GOGC") != "" {
		return nil
	}
	return make([]byte, min(128<<20, debug.SetMemoryLimit(-1)/4))
}

// Run serves until it is stopped.
func (c serveCommand) Run(ctx context.Context, out cli.Streams) (err error) {
	reserved := reserve()
	defer runtime.KeepAlive(reserved)
	cfg, err := c.config()
	if err != nil {
		return err
	}
	log, err := logger(cfg.Log, out.Err)
	if err != nil {
		return err
	}
	tracer, stopTraces, err := cfg.Trace.start(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stopTraces()) }()
	conf, err := cfg.TLS.load()
	if err != nil {
		return err
	}
	service, err := cfg.service(log, tracer)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, service.Close()) }()
	listener, err := net.Listen("tcp", cfg.Listen)
	if err != nil {
		return fmt.Errorf("%w: choose another address by --listen", err)
	}
	scheme := "http"
	if conf != nil {
		scheme = "https"
	}
	fmt.Fprintf(out.Out, "serving on %s://%s (live page at /, metrics at /metrics)\n", scheme, listener.Addr())
	log.Info("serving", "address", listener.Addr().String(), "version", cli.Version())
	reloadOnHangup(ctx, service, log)
	return service.Serve(ctx, listener, conf)
}

// reloadOnHangup loads all policies again on SIGHUP, as servers do.
func reloadOnHangup(ctx context.Context, s *serve.Service, log *slog.Logger) {
	hangups := make(chan osSignal, 1)
	signal.Reset(syscall.SIGHUP)
	signal.Notify(hangups, syscall.SIGHUP)
	go func() {
		defer signal.Stop(hangups)
		for {
			select {
			case <-ctx.Done():
				return
			case <-hangups:
			}
			for _, p := range s.Policies() {
				if err := s.Reload(p.Name); err != nil {
					log.Error("reload failed; the policy is as before", "policy", p.Name, "error", err)
				}
			}
		}
	}()
}

func logger(format string, w io.Writer) (*slog.Logger, error) {
	switch format {
	case "", "text":
		return slog.New(slog.NewTextHandler(w, nil)), nil
	case "json":
		return slog.New(slog.NewJSONHandler(w, nil)), nil
	}
	return nil, fmt.Errorf("log: %q is not text or json", format)
}
