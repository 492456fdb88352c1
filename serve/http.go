package serve

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"time"

	"connectrpc.com/connect"
	"github.com/graphrl/graphrl/serve/servepb"
	"go.opentelemetry.io/otel/propagation"
	"golang.org/x/net/netutil"
)

// Limits bound what clients can ask of a service. Zero fields have the defaults of their comments.
type Limits struct {
	MessageBytes int           // of a request, uncompressed; 16 MiB
	Requests     int           // that run at once; more are refused; 1024
	Connections  int           // open at once; more wait; 10000
	Timeout      time.Duration // for a request, from its header to its answer; 10 s
	StreamIdle   time.Duration // between two requests of a stream; 5 min
	Shutdown     time.Duration // for requests under way when the service ends; 10 s
}

func (l Limits) withDefaults() Limits {
	or := func(v *int, instead int) {
		if *v == 0 {
			*v = instead
		}
	}
	orTime := func(v *time.Duration, instead time.Duration) {
		if *v == 0 {
			*v = instead
		}
	}
	or(&l.MessageBytes, 16<<20)
	or(&l.Requests, 1024)
	or(&l.Connections, 10_000)
	orTime(&l.Timeout, 10*time.Second)
	orTime(&l.StreamIdle, 5*time.Minute)
	orTime(&l.Shutdown, 10*time.Second)
	return l
}

const (
	headerTimeout = 5 * time.Second
	idleTimeout   = 2 * time.Minute // of a connection without requests
	pingAfter     = 30 * time.Second
	headerBytes   = 64 << 10
	mostStreams   = 1000 // requests on one connection at once

	streamWindow, connectionWindow = 1<<16 - 1, 1 << 20 // bytes that a client may send before they are read

	compressFrom = 64 << 10 // bytes: compressing a smaller answer takes longer than sending it
)

// controllerKey is the key of the *http.ResponseController in the context of a request.
type controllerKey struct{}

// Handler returns the handler of everything that the service answers:
//
//	/graphrl.v1.DecisionService/   gRPC, gRPC-Web and JSON
//	/graphrl.v1.AdminService/      likewise
//	/healthz, /readyz              200 while the process lives, and while it takes requests
//	/metrics                       for Prometheus
//	/                              the live page
func (s *Service) Handler() http.Handler {
	options := []connect.HandlerOption{
		connect.WithReadMaxBytes(s.cfg.Limits.MessageBytes),
		connect.WithCompressMinBytes(compressFrom),
		connect.WithRecover(func(_ context.Context, spec connect.Spec, _ http.Header, r any) error {
			s.log.Error("a request panicked", "procedure", spec.Procedure, "panic", r)
			return connect.NewError(connect.CodeInternal, errPanic)
		}),
	}
	mux := http.NewServeMux()
	path, handler := servepb.NewDecisionServiceHandler(rpc{s}, options...)
	mux.Handle(path, s.allow(s.clients, s.timed(handler, path+"DecideStream")))
	path, handler = servepb.NewAdminServiceHandler(rpc{s}, options...)
	mux.Handle(path, s.allow(s.admins, s.timed(handler, "")))
	mux.Handle("GET /metrics", s.allow(s.clients, s.metrics.handler()))
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "ok") })
	mux.HandleFunc("GET /readyz", s.readyz)
	s.live(mux, func(h http.Handler) http.Handler { return s.allow(s.clients, h) })
	return mux
}

// adminOf are the clients' tokens where administrators have none of their own.
func adminOf(c Config) []string {
	if len(c.AdminTokens) == 0 {
		return c.Tokens
	}
	return nil
}

func (s *Service) readyz(w http.ResponseWriter, _ *http.Request) {
	if !s.ready.Load() {
		http.Error(w, "not ready", http.StatusServiceUnavailable)
		return
	}
	fmt.Fprintln(w, "ready")
}

// timed bounds the time of requests, except for one path, whose handler does so itself.
func (s *Service) timed(h http.Handler, except string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		control := http.NewResponseController(w)
		ctx := context.WithValue(r.Context(), controllerKey{}, control)
		if s.cfg.Tracer != nil {
			ctx = propagation.TraceContext{}.Extract(ctx, propagation.HeaderCarrier(r.Header))
		}
		if r.URL.Path != except {
			end := time.Now().Add(s.cfg.Limits.Timeout)
			// an error means a test's recorder, which has no deadlines
			_ = errors.Join(control.SetReadDeadline(end), control.SetWriteDeadline(end))
			var cancel context.CancelFunc
			ctx, cancel = context.WithDeadline(ctx, end)
			defer cancel()
		}
		h.ServeHTTP(w, r.WithContext(ctx))
	})
}

// tokens are the SHA-256 of tokens: to compare them takes the same time for all.
type tokens [][sha256.Size]byte

func digests(list []string) (t tokens) {
	for _, text := range list {
		t = append(t, sha256.Sum256([]byte(text)))
	}
	return t
}

// have reports whether a token is one of them.
func (t tokens) have(token string) bool {
	given, match := sha256.Sum256([]byte(token)), 0
	for _, own := range t {
		match |= subtle.ConstantTimeCompare(own[:], given[:])
	}
	return match == 1
}

var errToken = errors.New("a valid token is missing: send the header Authorization: Bearer TOKEN")

// allow lets requests through that have one of the tokens, as bearer token or, for browsers, as the
// password of any user. Without tokens it lets all through.
func (s *Service) allow(t tokens, h http.Handler) http.Handler {
	if len(t) == 0 {
		return h
	}
	refuse := connect.NewErrorWriter()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		token, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
		if !ok {
			_, token, _ = r.BasicAuth()
		}
		if t.have(token) {
			h.ServeHTTP(w, r)
			return
		}
		s.metrics.refused.WithLabelValues("token").Inc()
		if refuse.IsSupported(r) {
			_ = refuse.Write(w, r, connect.NewError(connect.CodeUnauthenticated, errToken)) // the client is gone
			return
		}
		w.Header().Set("WWW-Authenticate", `Basic realm="graphrl", charset="UTF-8"`)
		http.Error(w, errToken.Error(), http.StatusUnauthorized)
	})
}

// Serve answers on a listener until ctx ends. Then it takes no more requests, waits for those under
// way and returns nil. conf, if not nil, turns TLS on.
func (s *Service) Serve(ctx context.Context, l net.Listener, conf *tls.Config) error {
	server := &http.Server{
		Handler:           s.Handler(),
		ReadHeaderTimeout: headerTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    headerBytes,
		HTTP2:             &http.HTTP2Config{MaxConcurrentStreams: mostStreams, SendPingTimeout: pingAfter, WriteByteTimeout: pingAfter},
		Protocols:         new(http.Protocols),
		ErrorLog:          slog.NewLogLogger(s.log.Handler(), slog.LevelDebug),
	}
	server.Protocols.SetHTTP1(true)
	server.Protocols.SetUnencryptedHTTP2(true) // the splitter decrypts
	fast := s.grpcServer()
	split := newSplitter(netutil.LimitListener(directListener{l}, s.cfg.Limits.Connections), conf, s.log)
	waiting, forget := context.WithCancel(ctx)
	defer forget()
	ended := make(chan error, 3)
	go func() { ended <- split.run(waiting) }()
	go func() { ended <- server.Serve(split.rest) }()
	go func() { ended <- fast.Serve(split.grpc) }()
	var failed error
	select {
	case err := <-ended:
		failed = fmt.Errorf("serve: %w", err)
	case <-ctx.Done():
	}
	s.end()
	failed = errors.Join(failed, split.listener.Close())
	wait, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.cfg.Limits.Shutdown)
	defer cancel()
	defer context.AfterFunc(wait, fast.Stop)()
	stopped := make(chan struct{})
	go func() {
		fast.GracefulStop()
		close(stopped)
	}()
	err := server.Shutdown(wait)
	<-stopped
	if err = errors.Join(err, wait.Err()); err != nil {
		s.log.Warn("requests were cut off", "after", s.cfg.Limits.Shutdown, "error", err)
		return errors.Join(failed, server.Close(), fmt.Errorf("serve: shutdown: %w", err))
	}
	return failed
}
