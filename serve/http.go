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
	compressFrom  = 64 << 10 // bytes: compressing a smaller answer takes longer than sending it
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
			return connect.NewError(connect.CodeInternal, errors.New("the service failed at this request"))
		}),
	}
	client, admin := digests(s.cfg.Tokens), digests(append(s.cfg.AdminTokens, adminOf(s.cfg)...))
	mux := http.NewServeMux()
	path, handler := servepb.NewDecisionServiceHandler(rpc{s}, options...)
	mux.Handle(path, s.allow(client, s.timed(handler, path+"DecideStream")))
	path, handler = servepb.NewAdminServiceHandler(rpc{s}, options...)
	mux.Handle(path, s.allow(admin, s.timed(handler, "")))
	mux.Handle("GET /metrics", s.allow(client, s.metrics.handler()))
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "ok") })
	mux.HandleFunc("GET /readyz", s.readyz)
	s.live(mux, func(h http.Handler) http.Handler { return s.allow(client, h) })
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

// digests are the SHA-256 of tokens: to compare them takes the same time for all.
func digests(tokens []string) [][sha256.Size]byte {
	var list [][sha256.Size]byte
	for _, t := range tokens {
		list = append(list, sha256.Sum256([]byte(t)))
	}
	return list
}

var errToken = errors.New("a valid token is missing: send the header Authorization: Bearer TOKEN")

// allow lets requests through that have one of the tokens, as bearer token or, for browsers, as the
// password of any user. Without tokens it lets all through.
func (s *Service) allow(tokens [][sha256.Size]byte, h http.Handler) http.Handler {
	if len(tokens) == 0 {
		return h
	}
	refuse := connect.NewErrorWriter()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		token, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
		if !ok {
			_, token, _ = r.BasicAuth()
		}
		given, match := sha256.Sum256([]byte(token)), 0
		for _, t := range tokens {
			match |= subtle.ConstantTimeCompare(t[:], given[:])
		}
		if match == 1 {
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
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    64 << 10,
		HTTP2:             &http.HTTP2Config{MaxConcurrentStreams: 1000, SendPingTimeout: 30 * time.Second, WriteByteTimeout: 30 * time.Second},
		Protocols:         new(http.Protocols),
		ErrorLog:          slog.NewLogLogger(s.log.Handler(), slog.LevelDebug),
	}
	server.Protocols.SetHTTP1(true)
	if conf == nil {
		server.Protocols.SetUnencryptedHTTP2(true)
	} else {
		server.Protocols.SetHTTP2(true)
	}
	l = netutil.LimitListener(l, s.cfg.Limits.Connections)
	ended := make(chan error, 1)
	go func() {
		if conf == nil {
			ended <- server.Serve(l)
			return
		}
		server.TLSConfig = conf
		ended <- server.ServeTLS(l, "", "")
	}()
	select {
	case err := <-ended:
		return fmt.Errorf("serve: %w", err)
	case <-ctx.Done():
	}
	s.end()
	wait, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.cfg.Limits.Shutdown)
	defer cancel()
	if err := server.Shutdown(wait); err != nil {
		s.log.Warn("requests were cut off", "after", s.cfg.Limits.Shutdown, "error", err)
		return errors.Join(server.Close(), fmt.Errorf("serve: shutdown: %w", err))
	}
	return nil
}
