package testbed

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"time"

	"github.com/graphrl/graphrl/tasks/earlyexit"
)

// serverVariable holds the configuration of a process that is an edge server.
const serverVariable = "GRAPHRL_TESTBED_SERVER"

type processConfig struct {
	Network string `json:"network"` // as of earlyexit.LoadModel
	Order   Order  `json:"order"`
}

// RunServer turns the process into an edge server if [StartProcess] has started it as one, and does
// not return then. Else it does nothing. Call it first in main.
func RunServer() {
	config := os.Getenv(serverVariable)
	if config == "" {
		return
	}
	if err := runServer(config, os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

// runServer serves until in ends, which it does when the parent dies too. It writes its address to
// out.
func runServer(config string, in io.Reader, out io.Writer) error {
	signal.Ignore(os.Interrupt) // Ctrl-C is for the parent, which stops its servers
	var c processConfig
	if err := json.Unmarshal([]byte(config), &c); err != nil {
		return fmt.Errorf("testbed: server: %s: %w", serverVariable, err)
	}
	model, err := earlyexit.LoadModel(c.Network)
	if err != nil {
		return fmt.Errorf("testbed: server: %w", err)
	}
	s, err := NewServer(model, c.Order)
	if err != nil {
		return err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return fmt.Errorf("testbed: server: %w", err)
	}
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	go func() {
		io.Copy(io.Discard, in)
		stop()
	}()
	if _, err := fmt.Fprintln(out, l.Addr()); err != nil {
		l.Close()
		return fmt.Errorf("testbed: server: %w", err)
	}
	return s.Serve(ctx, l)
}

// Process is an edge server that runs as a process of its own.
type Process struct {
	Address string // host:port
	command *exec.Cmd
	hold    io.Closer     // its standard input; the server ends when it closes
	done    chan struct{} // closed when it has ended
}

// startTimeout bounds the time to load a network.
const startTimeout = time.Minute

// StartProcess starts this program again as an edge server, which runs the network of a checkpoint
// or a run folder. The server ends with Stop, when ctx is done, and when this process ends.
func StartProcess(ctx context.Context, network string, order Order) (*Process, error) {
	if err := order.Validate(); err != nil {
		return nil, fmt.Errorf("testbed: %w", err)
	}
	program, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("testbed: %w", err)
	}
	config, err := json.Marshal(processConfig{network, order})
	if err != nil {
		return nil, fmt.Errorf("testbed: %w", err)
	}
	var messages bytes.Buffer
	command := exec.CommandContext(ctx, program)
	command.Env = append(os.Environ(), serverVariable+"="+string(config))
	command.Stderr = &messages
	command.WaitDelay = time.Second
	hold, err := command.StdinPipe()
	if err != nil {
		return nil, fmt.Errorf("testbed: %w", err)
	}
	out, err := command.StdoutPipe()
	if err != nil {
		return nil, fmt.Errorf("testbed: %w", err)
	}
	if err := command.Start(); err != nil {
		return nil, fmt.Errorf("testbed: server: %w", err)
	}
	p := &Process{command: command, hold: hold, done: make(chan struct{})}
	impatient := time.AfterFunc(startTimeout, p.Kill)
	line, err := bufio.NewReader(out).ReadString('\n')
	impatient.Stop()
	go func() {
		command.Wait()
		close(p.done)
	}()
	if err != nil {
		p.Stop()
		return nil, fmt.Errorf("testbed: the server did not start: %w", errors.Join(err, ctx.Err(), text(&messages)))
	}
	p.Address = strings.TrimSpace(line)
	return p, nil
}

func text(b *bytes.Buffer) error {
	if b.Len() == 0 {
		return nil
	}
	return errors.New(strings.TrimSpace(b.String()))
}

// PID is the number of the process.
func (p *Process) PID() int { return p.command.Process.Pid }

// Kill ends the process at once, as a crash would.
func (p *Process) Kill() { p.command.Process.Kill() }

// Stop ends the process and waits for its end.
func (p *Process) Stop() {
	p.hold.Close()
	select {
	case <-p.done:
	case <-time.After(5 * time.Second):
		p.Kill()
		<-p.done
	}
}
