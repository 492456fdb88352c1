package serve

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"math/big"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"connectrpc.com/connect"
	"github.com/graphrl/graphrl/serve/servepb"
	"github.com/graphrl/graphrl/tasks/mecoffload/agent"
	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/encoding/gzip"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
)

// dial connects grpc-go's client, which unlike that of connect waits for the server's settings.
func dial(t testing.TB, r *running, c credentials.TransportCredentials) *grpc.ClientConn {
	t.Helper()
	conn, err := grpc.NewClient(r.url[strings.Index(r.url, "//")+2:], grpc.WithTransportCredentials(c))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

// question is a request that a policy of dynamic decides.
func question(t testing.TB) *servepb.DecideRequest {
	q := asked(&simulate(t, modelOf(t, agent.GRLE), 5_120).obs)
	return &servepb.DecideRequest{Observation: &servepb.DecideRequest_Offloading{Offloading: q}}
}

var stream = &grpc.StreamDesc{ServerStreams: true, ClientStreams: true}

// Whatever a client speaks, over one port, encrypted or not, the answer is the same.
func TestOnePort(t *testing.T) {
	q := question(t)
	for name, conf := range map[string]*tls.Config{"plain": nil, "TLS": selfSigned(t)} {
		t.Run(name, func(t *testing.T) {
			r := runTLS(t, Config{Policies: []Policy{served1(t, agent.GRLE)}}, conf)
			own, err := modelOf(t, agent.GRLE).Decide(t.Context(), Query{Observation: q.GetOffloading()})
			if err != nil {
				t.Fatal(err)
			}
			check := func(how string, out *servepb.DecideResponse, err error) {
				t.Helper()
				if err != nil || string(out.Draws) != string(own.Draws) || len(out.Assignments) != len(own.Assignments) {
					t.Errorf("%s: %v, error %v", how, out, err)
				}
			}
			trust := insecure.NewCredentials()
			if conf != nil {
				trust = credentials.NewTLS(&tls.Config{InsecureSkipVerify: true})
			}
			conn := dial(t, r, trust)
			for _, options := range [][]grpc.CallOption{nil, {grpc.UseCompressor(gzip.Name)}} {
				var out servepb.DecideResponse
				err := conn.Invoke(t.Context(), servepb.DecisionServiceDecideProcedure, q, &out, options...)
				check("grpc-go", &out, err)
			}
			long := proto.Clone(q).(*servepb.DecideRequest) // longer than the windows of HTTP/2
			long.Source = strings.Repeat("x", 5<<20)
			var out servepb.DecideResponse
			err = conn.Invoke(t.Context(), servepb.DecisionServiceDecideProcedure, long, &out)
			check("grpc-go, a long request", &out, err)
			s, err := conn.NewStream(t.Context(), stream, servepb.DecisionServiceDecideStreamProcedure)
			if err != nil {
				t.Fatal(err)
			}
			err = errors.Join(s.SendMsg(q), s.RecvMsg(&out))
			check("grpc-go stream", &out, err)
			if err := errors.Join(s.CloseSend(), s.RecvMsg(&out)); !errors.Is(err, io.EOF) {
				t.Errorf("a stream that the client ends: %v", err)
			}
			for _, version := range []string{"HTTP/1", "HTTP/2"} {
				transport := &http.Transport{Protocols: new(http.Protocols), TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}
				transport.Protocols.SetHTTP1(version == "HTTP/1")
				transport.Protocols.SetUnencryptedHTTP2(version == "HTTP/2" && conf == nil)
				transport.Protocols.SetHTTP2(version == "HTTP/2" && conf != nil)
				client := &http.Client{Transport: transport}
				t.Cleanup(client.CloseIdleConnections)
				for how, options := range map[string]connect.ClientOption{"JSON": connect.WithProtoJSON(), "gRPC-Web": connect.WithGRPCWeb(), "gRPC": connect.WithGRPC()} {
					if how == "gRPC" && version == "HTTP/1" {
						continue
					}
					for range 3 { // settings and their acknowledgements come between
						out, err := servepb.NewDecisionServiceClient(client, r.url, options).Decide(t.Context(), connect.NewRequest(q))
						if err != nil {
							t.Fatalf("%s over %s: %v", how, version, err)
						}
						check(how+" over "+version, out.Msg, nil)
					}
					client.CloseIdleConnections() // the first request decides who serves a connection
				}
			}
		})
	}
}

// A client without TLS learns what is wrong.
func TestWithoutTLS(t *testing.T) {
	r := runTLS(t, Config{Policies: []Policy{served1(t, agent.GRLE)}}, selfSigned(t))
	answer, err := http.Get(strings.Replace(r.url, "https", "http", 1))
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if text, err := io.ReadAll(answer.Body); err != nil || answer.StatusCode != 400 || !strings.Contains(string(text), "use https") {
		t.Errorf("%d %q, error %v", answer.StatusCode, text, err)
	}
}

// A client of HTTP/2 may wait for settings and pings before its first request, whatever that is.
func TestPatientClient(t *testing.T) {
	r := run(t, Config{Policies: []Policy{served1(t, agent.GRLE)}})
	for _, kind := range []string{"application/grpc", "application/json"} {
		c, err := net.Dial("tcp", strings.TrimPrefix(r.url, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		c.SetDeadline(time.Now().Add(20 * time.Second))
		f := http2.NewFramer(c, c)
		_, err = io.WriteString(c, http2.ClientPreface)
		if err := errors.Join(err, f.WriteSettings(), f.WritePing(false, [8]byte{7})); err != nil {
			t.Fatal(err)
		}
		settings, pong := false, false
		for !settings || !pong {
			frame, err := f.ReadFrame()
			if err != nil {
				t.Fatal(err)
			}
			switch frame := frame.(type) {
			case *http2.SettingsFrame:
				settings = true
				if err := f.WriteSettingsAck(); err != nil {
					t.Fatal(err)
				}
			case *http2.PingFrame:
				pong = frame.IsAck() && frame.Data[0] == 7
			}
		}
		var head strings.Builder
		e := hpack.NewEncoder(&head)
		for _, h := range [][2]string{{":method", "POST"}, {":scheme", "http"}, {":path", servepb.DecisionServiceListPoliciesProcedure},
			{":authority", "x"}, {"content-type", kind}, {"te", "trailers"}} {
			e.WriteField(hpack.HeaderField{Name: h[0], Value: h[1]})
		}
		body := "{}"
		if kind == "application/grpc" {
			body = "\x00\x00\x00\x00\x00"
		}
		err = f.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: []byte(head.String()), EndHeaders: true})
		if err := errors.Join(err, f.WriteData(1, true, []byte(body))); err != nil {
			t.Fatal(err)
		}
		for answered := false; !answered; {
			frame, err := f.ReadFrame()
			if err != nil {
				t.Fatalf("%s: %v", kind, err)
			}
			switch frame := frame.(type) {
			case *http2.SettingsFrame:
				if !frame.IsAck() {
					f.WriteSettingsAck()
				}
			case *http2.GoAwayFrame:
				t.Fatalf("%s: %v %q", kind, frame, frame.DebugData())
			case *http2.DataFrame:
				answered = strings.Contains(string(frame.Data()), "GRLE")
			}
		}
		// the connection is still good after all acknowledgements
		if err := f.WritePing(false, [8]byte{8}); err != nil {
			t.Fatal(err)
		}
		for pong = false; !pong; {
			frame, err := f.ReadFrame()
			if err != nil {
				t.Fatalf("%s: %v", kind, err)
			}
			if g, bad := frame.(*http2.GoAwayFrame); bad {
				t.Fatalf("%s: %v", kind, g)
			}
			p, is := frame.(*http2.PingFrame)
			pong = is && p.IsAck() && p.Data[0] == 8
			if s, is := frame.(*http2.SettingsFrame); is && !s.IsAck() {
				f.WriteSettingsAck()
			}
		}
	}
}

// grpc-go's server keeps the service's limits: tokens, sizes, times, and codes of errors.
func TestFastLimits(t *testing.T) {
	r := run(t, Config{Policies: []Policy{served1(t, agent.GRLE)}, Tokens: []string{"one"}, AdminTokens: []string{"root"},
		Limits: Limits{MessageBytes: 4096, Timeout: 300 * time.Millisecond, StreamIdle: 300 * time.Millisecond}})
	conn := dial(t, r, insecure.NewCredentials())
	as := func(token string) context.Context {
		return metadata.AppendToOutgoingContext(t.Context(), "authorization", "Bearer "+token)
	}
	big := question(t)
	big.Source = strings.Repeat("x", 5000)
	for _, c := range []struct {
		name, token, procedure string
		q                      any
		want                   codes.Code
		text                   string
	}{
		{"a decision", "one", servepb.DecisionServiceDecideProcedure, question(t), codes.OK, ""},
		{"no token", "", servepb.DecisionServiceDecideProcedure, question(t), codes.Unauthenticated, "send the header"},
		{"a client's token", "one", servepb.AdminServiceReloadProcedure, &servepb.ReloadRequest{}, codes.Unauthenticated, "send the header"},
		{"an administrator's", "root", servepb.AdminServicePromoteProcedure, &servepb.PromoteRequest{}, codes.FailedPrecondition, "there is none"},
		{"no policy", "one", servepb.DecisionServiceDecideProcedure, &servepb.DecideRequest{Policy: "x"}, codes.NotFound, "no such policy"},
		{"nothing", "one", servepb.DecisionServiceDecideProcedure, &servepb.DecideRequest{}, codes.InvalidArgument, "no such observation"},
		{"too large", "one", servepb.DecisionServiceDecideProcedure, big, codes.ResourceExhausted, "larger than max"},
		{"no method", "one", "/graphrl.v1.DecisionService/Guess", question(t), codes.Unimplemented, "Guess"},
	} {
		err := conn.Invoke(as(c.token), c.procedure, c.q, new(servepb.DecideResponse))
		if status.Code(err) != c.want || !strings.Contains(status.Convert(err).Message(), c.text) {
			t.Errorf("%s: %v, want %v, %s", c.name, err, c.want, c.text)
		}
	}
	for _, procedure := range []string{servepb.DecisionServiceDecideProcedure, servepb.DecisionServiceDecideStreamProcedure} {
		s, err := conn.NewStream(as("one"), stream, procedure) // and nothing is sent
		if err != nil {
			t.Fatal(err)
		}
		if err := s.RecvMsg(new(servepb.DecideResponse)); status.Code(err) != codes.DeadlineExceeded {
			t.Errorf("%s without a request ends with %v", procedure, err)
		}
	}
}

// A stream of grpc-go that waits ends with the service, and its connection, too.
func TestFastShutdown(t *testing.T) {
	r := run(t, Config{Policies: []Policy{served1(t, agent.GRLE)}})
	s, err := dial(t, r, insecure.NewCredentials()).NewStream(t.Context(), stream, servepb.DecisionServiceDecideStreamProcedure)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(s.SendMsg(question(t)), s.RecvMsg(new(servepb.DecideResponse))); err != nil {
		t.Fatal(err)
	}
	silent, err := net.Dial("tcp", strings.TrimPrefix(r.url, "http://")) // never asks
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	r.stop()
	if err := <-r.done; err != nil {
		t.Error(err)
	}
	if err := s.RecvMsg(new(servepb.DecideResponse)); status.Code(err) != codes.Unavailable {
		t.Errorf("the stream ends with %v", err)
	}
	silent.SetReadDeadline(time.Now().Add(10 * time.Second))
	if _, err := silent.Read(make([]byte, 1)); err == nil || errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a connection that never asked: %v", err)
	}
}

// panicking panics.
type panicking struct{ GraphDecider }

// A request that panics fails alone.
func TestFastPanic(t *testing.T) {
	g := GraphConfig{Method: "panicking", Schema: senders(), Open: func() (GraphDecider, error) { return panicking{}, nil }}
	r := run(t, Config{Policies: []Policy{{Name: "g", Graph: func() (*GraphModel, error) { return NewGraphModel(g) }}}})
	conn := dial(t, r, insecure.NewCredentials())
	q := &servepb.DecideRequest{Observation: &servepb.DecideRequest_Graph{Graph: ring(3)}}
	if err := conn.Invoke(t.Context(), servepb.DecisionServiceDecideProcedure, q, new(servepb.DecideResponse)); status.Code(err) != codes.Internal {
		t.Error(err)
	}
	s, err := conn.NewStream(t.Context(), stream, servepb.DecisionServiceDecideStreamProcedure)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(s.SendMsg(q), s.RecvMsg(new(servepb.DecideResponse))); status.Code(err) != codes.Internal {
		t.Error(err)
	}
	if err := conn.Invoke(t.Context(), servepb.DecisionServiceListPoliciesProcedure, &servepb.ListPoliciesRequest{}, new(servepb.ListPoliciesResponse)); err != nil {
		t.Error(err)
	}
}

// selfSigned is the configuration of a server with a certificate of its own.
func selfSigned(t testing.TB) *tls.Config {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), DNSNames: []string{"localhost"}, NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}
}
