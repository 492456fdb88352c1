package main

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"errors"
	"io"
	"iter"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/graphrl/graphrl/checkpoints"
	"github.com/graphrl/graphrl/cmd/internal/cli"
	"github.com/graphrl/graphrl/internal/strictyaml"
	"github.com/graphrl/graphrl/rl"
	"github.com/graphrl/graphrl/rl/droo"
	"github.com/graphrl/graphrl/rl/hetero"
	"github.com/graphrl/graphrl/serve/servepb"
	collectorpb "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	commonpb "go.opentelemetry.io/proto/otlp/common/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
)

const quick = "{method: GRLE, slots: 200, seed: 5301, validation_slots: 0}"

// output is written and read by several goroutines.
type output struct {
	sync.Mutex
	bytes.Buffer
}

func (o *output) Write(b []byte) (int, error) {
	o.Lock()
	defer o.Unlock()
	return o.Buffer.Write(b)
}

func (o *output) text() string {
	o.Lock()
	defer o.Unlock()
	return o.String()
}

var address = regexp.MustCompile(`serving on (https?://\S+)`)

// start runs the command until the test ends. It returns its address, its messages and a function that
// stops it and returns its exit code.
func start(t *testing.T, args ...string) (url string, messages *output, stop func() int) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	out, err := new(output), new(output)
	code := make(chan int, 1)
	go func() {
		code <- command().Execute(ctx, append(args, "--listen", "127.0.0.1:0"), cli.Streams{Out: out, Err: err})
	}()
	t.Cleanup(cancel)
	for range 3000 {
		if m := address.FindStringSubmatch(out.text()); m != nil {
			return m[1], err, func() int { cancel(); return <-code }
		}
		select {
		case c := <-code:
			t.Fatalf("%v: code %d: %s", args, c, err.text())
		case <-time.After(10 * time.Millisecond):
		}
	}
	t.Fatalf("%v does not start: %s", args, err.text())
	return "", nil, nil
}

func post(t *testing.T, c *http.Client, url, method, body string, header ...string) (int, string) {
	t.Helper()
	q, err := http.NewRequest("POST", url+"/graphrl.v1."+method, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	q.Header.Set("Content-Type", "application/json")
	for i := 0; i+1 < len(header); i += 2 {
		q.Header.Set(header[i], header[i+1])
	}
	answer, err := c.Do(q)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	data, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer.StatusCode, string(data)
}

const twoTasks = `{"offloading": {"servers": [{"id": "roof", "capacity": 0.8}, {"id": "mast", "capacity": 0.5, "backlogSeconds": 0.004}], "tasks": [
	{"device": "camera-1", "bits": 400000, "deadlineSeconds": 0.03, "rateBitS": [60e6, 40e6]},
	{"device": "camera-2", "bits": 500000, "deadlineSeconds": 0.025, "rateBitS": [30e6, 90e6]}]}}`

// The command of the README: one run folder, one request by JSON, a reload on SIGHUP, a clean end.
func TestServe(t *testing.T) {
	dir := trainedRun(t, quick)
	url, messages, stop := start(t, "--run", dir, "--budget", "5s", "--shadow", dir, "--online", filepath.Join(t.TempDir(), "learned"))
	code, body := post(t, http.DefaultClient, url, "DecisionService/Decide", twoTasks)
	var answer struct {
		Policy, Version string
		Assignments     []struct {
			Device, Server string
			Exit           int
			FinishSeconds  float64
		}
	}
	if err := json.Unmarshal([]byte(body), &answer); err != nil || code != 200 || len(answer.Assignments) != 2 {
		t.Fatalf("status %d, error %v: %s", code, err, body)
	}
	if a := answer.Assignments[1]; a.Device != "camera-2" || a.Server != "roof" && a.Server != "mast" || a.Exit < 1 || !(a.FinishSeconds > 0.005) {
		t.Errorf("%+v", answer)
	}
	if err := syscall.Kill(os.Getpid(), syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	for range 18000 { // a load in the background takes its time, all the more under the race detector
		if strings.Contains(messages.text(), "policy reloaded") {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	if !strings.Contains(messages.text(), "policy reloaded") {
		t.Error(messages.text())
	}
	metrics := get(t, url+"/metrics")
	checkDashboard(t, metrics)
	if page := get(t, url+"/"); !strings.Contains(page, "<title>graphrl · default</title>") || !strings.Contains(page, answer.Version) {
		t.Errorf("live page %q", page)
	}
	if code := stop(); code != 0 {
		t.Errorf("code %d: %s", code, messages.text())
	}
}

func get(t *testing.T, url string) string {
	t.Helper()
	answer, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	data, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// The dashboard draws every metric of the service, and none that there is not.
func checkDashboard(t *testing.T, metrics string) {
	t.Helper()
	data, err := os.ReadFile("../../deploy/grafana.json")
	if err != nil {
		t.Fatal(err)
	}
	var dashboard struct {
		Panels []struct {
			Title   string
			Targets []struct{ Expr string }
		}
	}
	if err := json.Unmarshal(data, &dashboard); err != nil {
		t.Fatal(err)
	}
	drawn := ""
	name := regexp.MustCompile(`\b(graphrl|go|process)_[a-z_]+`)
	for _, p := range dashboard.Panels {
		for _, target := range p.Targets {
			drawn += target.Expr + "\n"
			for _, n := range name.FindAllString(target.Expr, -1) {
				if !strings.Contains(metrics, "\n"+n) && !strings.Contains(metrics, "TYPE "+n+" ") {
					// a counter appears with its first label
					if n != "graphrl_requests_refused_total" {
						t.Errorf("panel %q draws %s, which the service does not have", p.Title, n)
					}
				}
			}
		}
	}
	for _, m := range regexp.MustCompile(`(?m)^# TYPE (graphrl_\S+) `).FindAllStringSubmatch(metrics, -1) {
		switch m[1] {
		case "graphrl_shadow_slots", "graphrl_shadow_skipped_total", "graphrl_reports_replayed": // for whoever looks closer
		default:
			if !strings.Contains(drawn, m[1]) {
				t.Errorf("no panel draws %s", m[1])
			}
		}
	}
}

// The example configuration has every key, each with another value than none.
func TestExampleConfig(t *testing.T) {
	data, err := os.ReadFile("../../deploy/serve.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var f fileConfig
	if err := strictyaml.Unmarshal(data, "serve.yaml", &f, nil); err != nil {
		t.Fatal(err)
	}
	p := f.Policies[0]
	if f.Budget != duration(2*time.Millisecond) || p.Online.Interval != 1000 || p.Promote.After != 500 || f.Limits.Requests != 1024 || f.Policies[1].Graph.Choose != "each_node" {
		t.Errorf("%+v", f)
	}
	if _, err := f.Policies[1].Graph.schema(); err != nil {
		t.Error(err)
	}
	text := string(data)
	var check func(of reflect.Type)
	check = func(of reflect.Type) {
		for of.Kind() == reflect.Pointer || of.Kind() == reflect.Slice {
			of = of.Elem()
		}
		if of.Kind() != reflect.Struct {
			return
		}
		for i := range of.NumField() {
			key := of.Field(i).Tag.Get("yaml")
			if key == "" || !strings.Contains(text, key+":") {
				t.Errorf("the example lacks the key %q", key)
			}
			check(of.Field(i).Type)
		}
	}
	check(reflect.TypeFor[fileConfig]())
}

func TestUsage(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "serve.yaml")
	for _, c := range []struct {
		args, config, want string
		code               int
	}{
		{"", "", "name what to serve", 2},
		{"--online x", "", "--online goes with --run", 2},
		{"--run nowhere", "", "no checkpoint in nowhere", 1},
		{"--run nowhere --budget=-1ms", "", "below 0", 2},
		{"--config " + file, "policies: [{name: a}]", "run is missing", 1},
		{"--config " + file, "policies: [{name: a, run: x, speed: 3}]", "speed", 1},
		{"--config " + file, "budget: fast", "want a duration", 1},
		{"--config " + file, "{tokens: nowhere, policies: [{name: a, run: x}]}", "tokens", 1},
		{"--config " + file, "{tls: {cert: nowhere, key: nowhere}, policies: [{name: a, run: x}]}", "tls", 1},
		{"--config " + file, "{log: xml, policies: [{name: a, run: x}]}", "not text or json", 1},
		{"--version", "", "", 0},
	} {
		if err := os.WriteFile(file, []byte(c.config), 0o666); err != nil {
			t.Fatal(err)
		}
		var out, messages bytes.Buffer
		code := command().Execute(t.Context(), strings.Fields(c.args), cli.Streams{Out: &out, Err: &messages})
		if code != c.code || !strings.Contains(messages.String(), c.want) {
			t.Errorf("%s with %s: code %d, %s; want %d, %s", c.args, c.config, code, messages.String(), c.code, c.want)
		}
	}
}

// With a configuration: TLS, tokens, a policy of another task beside one of offloading, traces.
func TestConfigured(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	pool := certify(t)
	write(t, "clients", "# clients\nsesame\n")
	spans := make(chan []byte, 16)
	collector := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		data, _ := io.ReadAll(r.Body)
		select {
		case spans <- data:
		default:
		}
	}))
	defer collector.Close()
	saveSenders(t, "senders")
	write(t, "serve.yaml", `
policies:
  - {name: edge, run: `+trainedRun(t, quick)+`, devices: 20}
  - name: senders
    run: senders
    graph:
      nodes: [{name: sender, features: 1}]
      edges: [{name: disturbs, from: sender, to: sender}]
      choose: each_node
      of: sender
tls: {cert: cert.pem, key: key.pem}
tokens: clients
log: json
trace: {endpoint: "`+collector.URL+`", share: 1}
`)
	url, messages, stop := start(t, "--config", "serve.yaml")
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}, ForceAttemptHTTP2: true}}
	if code, body := post(t, client, url, "DecisionService/ListPolicies", "{}"); code != 401 {
		t.Errorf("without a token: %d %s", code, body)
	}
	bearer := []string{"Authorization", "Bearer sesame"}
	if code, body := post(t, client, url, "DecisionService/Decide", strings.Replace(twoTasks, "{", `{"policy": "edge", `, 1), bearer...); code != 200 || !strings.Contains(body, `"camera-1"`) {
		t.Errorf("%d %s", code, body)
	}
	ring := `{"policy": "senders", "graph": {"nodes": [{"type": "sender", "count": 4, "features": [0.5, 0.7, 0.5, 0.7]}],
		"edges": [{"type": "disturbs", "source": [0, 1, 2, 3], "target": [1, 2, 3, 0]}]}}`
	if code, body := post(t, client, url, "DecisionService/Decide", ring, bearer...); code != 200 || !strings.Contains(strings.ReplaceAll(body, " ", ""), `"choices":[0,1,0,1]`) {
		t.Errorf("%d %s", code, body)
	}
	if code := stop(); code != 0 {
		t.Errorf("code %d: %s", code, messages.text())
	}
	select {
	case data := <-spans:
		if !bytes.Contains(data, []byte("graphrl.policy")) || !bytes.Contains(data, []byte("edge")) {
			t.Errorf("spans %q", data)
		}
	default:
		t.Error("no traces arrived")
	}
	for line := range strings.Lines(messages.text()) {
		if !json.Valid([]byte(line)) && !strings.Contains(line, "stopping") {
			t.Errorf("a log line is not JSON: %s", line)
		}
	}
}

func write(t *testing.T, name, text string) {
	t.Helper()
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// certify writes cert.pem and key.pem for 127.0.0.1, and returns who trusts them.
func certify(t *testing.T) *x509.CertPool {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test"}, NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, c, c, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	cert := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	write(t, "cert.pem", string(cert))
	write(t, "key.pem", string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})))
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(cert)
	return pool
}

// saveSenders saves the checkpoint of a learner of another task: senders that disturb their neighbours.
func saveSenders(t *testing.T, dir string) {
	t.Helper()
	s := hetero.Schema{
		Nodes:  []hetero.NodeType{{Name: "sender", Features: 1}},
		Edges:  []hetero.EdgeType{{Name: "disturbs", From: "sender", To: "sender"}},
		Choose: hetero.EachNode("sender"),
	}
	worth := droo.CriticFunc[hetero.Graph](func(g hetero.Graph, sends []int32) (float64, error) {
		sum := 0.0
		for i, x := range sends {
			sum += float64(x) * float64(g.Node("sender", i)[0])
		}
		for e := range g.Edges[0].Src {
			if i, j := g.Edge("disturbs", e); sends[i] == 1 && sends[j] == 1 {
				sum--
			}
		}
		return sum, nil
	})
	cfg := hetero.DefaultDROOConfig(1)
	cfg.Learner.Candidates = 16
	learner, err := hetero.NewDROO(s, worth, cfg)
	if err != nil {
		t.Fatal(err)
	}
	draw := rl.NewRand(1, 9)
	var g hetero.Graph
	for range 600 {
		g.Reset(&s)
		n := 4 + draw.IntN(5)
		for range n {
			g.AddNode("sender", 0.4+0.4*draw.Float32())
		}
		for i := range n {
			g.AddEdge("disturbs", i, (i+1)%n)
		}
		if _, err := learner.Step(g); err != nil {
			t.Fatal(err)
		}
	}
	state := checkpoints.NewState()
	if err := learner.SaveState(state); err != nil {
		t.Fatal(err)
	}
	if err := checkpoints.Save(dir, state, checkpoints.Manifest{Method: "DROO", Step: 600}); err != nil {
		t.Fatal(err)
	}
}

// Traces of gRPC have the caller's trace as their parent, for single calls and for each decision of a
// stream, and an error says so.
func TestTracesOfGRPC(t *testing.T) {
	t.Chdir(t.TempDir())
	exports := make(chan *collectorpb.ExportTraceServiceRequest, 16)
	collector := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		data, _ := io.ReadAll(r.Body)
		sent := new(collectorpb.ExportTraceServiceRequest)
		if err := proto.Unmarshal(data, sent); err != nil {
			t.Error(err)
		}
		exports <- sent
	}))
	defer collector.Close()
	write(t, "serve.yaml", "policies: [{name: edge, run: "+trainedRun(t, quick)+"}]\ntrace: {endpoint: \""+collector.URL+"\", share: 1}\n")
	url, messages, stop := start(t, "--config", "serve.yaml")
	client, err := grpc.NewClient(strings.TrimPrefix(url, "http://"), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	const traced = "4bf92f3577b34da6a3ce929d0e0e4736"
	ctx := metadata.AppendToOutgoingContext(t.Context(), "traceparent", "00-"+traced+"-00f067aa0ba902b7-01")
	q, bad := new(servepb.DecideRequest), &servepb.DecideRequest{Observation: &servepb.DecideRequest_Offloading{}}
	if err := protojson.Unmarshal([]byte(twoTasks), q); err != nil {
		t.Fatal(err)
	}
	if err := client.Invoke(ctx, servepb.DecisionServiceDecideProcedure, q, new(servepb.DecideResponse)); err != nil {
		t.Fatal(err)
	}
	if err := client.Invoke(ctx, servepb.DecisionServiceDecideProcedure, bad, new(servepb.DecideResponse)); status.Code(err) != codes.InvalidArgument {
		t.Errorf("a request without servers: %v", err)
	}
	stream, err := client.NewStream(ctx, &grpc.StreamDesc{ServerStreams: true, ClientStreams: true}, servepb.DecisionServiceDecideStreamProcedure)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := errors.Join(stream.SendMsg(q), stream.RecvMsg(new(servepb.DecideResponse))); err != nil {
			t.Fatal(err)
		}
	}
	if err := stream.CloseSend(); err != nil {
		t.Fatal(err)
	}
	if code := stop(); code != 0 {
		t.Errorf("code %d: %s", code, messages.text())
	}
	close(exports) // all are sent before the service ends
	decided, failed := 0, 0
	for sent := range exports {
		for span := range spansOf(sent) {
			if got := hex.EncodeToString(span.TraceId); span.Name != "Decide" || got != traced || hex.EncodeToString(span.ParentSpanId) != "00f067aa0ba902b7" {
				t.Errorf("span %q of trace %s", span.Name, got)
			}
			if span.Status.GetCode() == tracepb.Status_STATUS_CODE_ERROR {
				failed++
			} else if slices.ContainsFunc(span.Attributes, func(a *commonpb.KeyValue) bool {
				return a.Key == "graphrl.policy" && a.Value.GetStringValue() == "edge"
			}) {
				decided++
			}
		}
	}
	if decided != 3 || failed != 1 {
		t.Errorf("%d decisions and %d errors were traced, want 3 and 1", decided, failed)
	}
}

// spansOf lists the spans of an export.
func spansOf(sent *collectorpb.ExportTraceServiceRequest) iter.Seq[*tracepb.Span] {
	return func(yield func(*tracepb.Span) bool) {
		for _, resource := range sent.ResourceSpans {
			for _, scope := range resource.ScopeSpans {
				for _, span := range scope.Spans {
					if !yield(span) {
						return
					}
				}
			}
		}
	}
}
