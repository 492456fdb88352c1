package serve

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"connectrpc.com/connect"
	"github.com/graphrl/graphrl/serve/servepb"
	"github.com/graphrl/graphrl/tasks/mecoffload/agent"
)

// Variables of the process that TestKilled starts and kills, and the number of its kills.
const (
	childDir  = "GRAPHRL_SERVE_DIR"
	childFrom = "GRAPHRL_SERVE_FROM"
	killsName = "GRAPHRL_KILLS"
)

// serveAsChild is the process to kill: a service that learns.
func serveAsChild() int {
	s, err := New(Config{Policies: []Policy{{
		Name:   "p",
		Open:   func() (*Model, error) { return OpenModel(os.Getenv(childFrom), "", World{}) },
		Online: &OnlineConfig{Dir: os.Getenv(childDir), From: os.Getenv(childFrom), Interval: 40},
	}}})
	if err != nil {
		fmt.Println("failed:", err)
		return 1
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		fmt.Println("failed:", err)
		return 1
	}
	fmt.Println(l.Addr())
	if err := s.Serve(context.Background(), l, nil); err != nil {
		return 1
	}
	return 0
}

// child is a running process.
type child struct {
	cmd *exec.Cmd
	*running
}

func startChild(t *testing.T, dir, from string) *child {
	t.Helper()
	cmd := exec.Command(os.Args[0], "-test.run=^$")
	cmd.Env = append(os.Environ(), childDir+"="+dir, childFrom+"="+from)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	address := strings.TrimSpace(line)
	if _, _, splitErr := net.SplitHostPort(address); err != nil || splitErr != nil {
		t.Fatalf("the service says %q, error %v", line, err)
	}
	c := &child{cmd, &running{url: "http://" + address}}
	t.Cleanup(func() { c.kill() })
	return c
}

// kill is kill -9.
func (c *child) kill() {
	c.cmd.Process.Kill()
	c.cmd.Wait() // says that it was killed
}

// Killed at random moments while it learns and decides under load, a service loses no report that it
// has acknowledged and learns none twice: what it has learned in the end is, to the byte, what one
// that was never killed learns. Its figures say so after each start.
func TestKilled(t *testing.T) {
	kills := 4
	if text := os.Getenv(killsName); text != "" {
		var err error
		if kills, err = strconv.Atoi(text); err != nil {
			t.Fatal(err)
		}
	}
	from, dir := checkpointOf(t, agent.GRLELT), t.TempDir()
	m := modelOf(t, agent.GRLELT)
	reports := slotsOf(t, m, "cell", 5_101, 4000)
	rng := rand.New(rand.NewPCG(5_102, 1))
	acknowledged, sent, again := 0, 0, 0
	for kill := range kills + 1 {
		c := startChild(t, dir, from)
		client := c.grpc(t)
		info := policyOf(t, client)
		if info.Observed < uint64(acknowledged) || info.Observed > uint64(sent) || info.Learned != info.Observed {
			t.Fatalf("after kill %d: %d reports kept, %d learned; %d were acknowledged and %d sent", kill, info.Observed, info.Learned, acknowledged, sent)
		}
		if _, text := c.get(t, "/metrics"); !strings.Contains(text, fmt.Sprintf("graphrl_reports_kept_total{policy=\"p\"} %v\n", float64(info.Observed))) {
			t.Fatalf("after kill %d the metrics do not say that %d reports are kept", kill, info.Observed)
		}
		ctx, stop := context.WithCancel(t.Context())
		loaded := make(chan int, 2)
		for i := range 2 {
			go decideUntil(ctx, c.grpc(t), reports[i].Offloading, loaded)
		}
		end := time.Now().Add(time.Duration(50+rng.IntN(400)) * time.Millisecond)
		for time.Now().Before(end) && acknowledged < len(reports) {
			sent = max(sent, acknowledged+1)
			out, err := client.Observe(t.Context(), connect.NewRequest(reports[acknowledged]))
			if err != nil {
				t.Fatalf("report %d: %v", acknowledged, err)
			}
			if out.Msg.Duplicate {
				again++
			}
			acknowledged++
		}
		if kill == kills {
			stop()
			c.kill()
			break
		}
		last := make(chan struct{})
		go func() { // one that is under way when the process dies
			defer close(last)
			if acknowledged < len(reports) {
				client.Observe(ctx, connect.NewRequest(reports[acknowledged])) // fails, most of the time
			}
		}()
		sent = min(acknowledged+1, len(reports))
		time.Sleep(time.Duration(rng.IntN(2000)) * time.Microsecond)
		c.kill()
		<-last
		stop()
		if n := <-loaded + <-loaded; n == 0 {
			t.Error("nothing was decided beside the reports")
		}
	}
	if acknowledged == 0 {
		t.Fatal("no report was acknowledged")
	}
	t.Logf("%d kills, %d reports acknowledged, %d of them kept before by a process that died before it answered", kills, acknowledged, again)
	finish := func(dir string, rest int) []byte {
		s, err := New(Config{Policies: []Policy{online1(t, agent.GRLELT, dir, 40)}})
		if err != nil {
			t.Fatal(err)
		}
		for _, q := range reports[:rest] {
			report1(t, s, q)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		return stateOf(t, dir)["file"]
	}
	whole := filepath.Join(t.TempDir(), "whole")
	if kept := finish(dir, acknowledged); !bytes.Equal(kept, finish(whole, acknowledged)) {
		t.Error("the killed service has learned something else")
	}
}

func policyOf(t *testing.T, c servepb.DecisionServiceClient) *servepb.PolicyInfo {
	t.Helper()
	out, err := c.ListPolicies(t.Context(), connect.NewRequest(&servepb.ListPoliciesRequest{}))
	if err != nil {
		t.Fatal(err)
	}
	return out.Msg.Policies[0]
}

// decideUntil asks for decisions until ctx or the service ends.
func decideUntil(ctx context.Context, c servepb.DecisionServiceClient, q *servepb.Offloading, done chan<- int) {
	n := 0
	for ctx.Err() == nil {
		_, err := c.Decide(ctx, connect.NewRequest(&servepb.DecideRequest{Observation: &servepb.DecideRequest_Offloading{Offloading: q}}))
		if err != nil {
			break
		}
		n++
	}
	done <- n
}
