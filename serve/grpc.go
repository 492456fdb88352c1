package serve

import (
	"context"
	"errors"
	"runtime"
	"strings"
	"sync/atomic"
	"time"

	"connectrpc.com/connect"
	"github.com/graphrl/graphrl/serve/servepb"
	"go.opentelemetry.io/otel/propagation"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	_ "google.golang.org/grpc/encoding/gzip" // for clients that compress
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/grpc/tap"
)

// grpcServer serves the methods of rpc by grpc-go, within the same limits; see splitter.
func (s *Service) grpcServer() *grpc.Server {
	r := rpc{s}
	server := grpc.NewServer(
		grpc.InTapHandle(s.admit),
		grpc.MaxRecvMsgSize(s.cfg.Limits.MessageBytes),
		grpc.MaxConcurrentStreams(mostStreams),
		grpc.MaxHeaderListSize(headerBytes),
		grpc.ConnectionTimeout(headerTimeout),
		// fixed, so that grpc-go does not send a ping with each request to find out about the network,
		// and no stream may fill more memory; it grants a larger message its size when it begins
		grpc.InitialWindowSize(streamWindow), grpc.InitialConnWindowSize(connectionWindow),
		grpc.NumStreamWorkers(uint32(runtime.GOMAXPROCS(0))), // their stacks have grown; when all are busy, goroutines are started
		grpc.KeepaliveParams(keepalive.ServerParameters{MaxConnectionIdle: idleTimeout, Time: pingAfter, Timeout: pingAfter}),
		grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{MinTime: 10 * time.Second, PermitWithoutStream: true}),
	)
	server.RegisterService(&grpc.ServiceDesc{
		ServiceName: servepb.DecisionServiceName,
		Methods: []grpc.MethodDesc{
			unary(s, servepb.DecisionServiceDecideProcedure, r.Decide),
			unary(s, servepb.DecisionServiceObserveProcedure, r.Observe),
			unary(s, servepb.DecisionServiceListPoliciesProcedure, r.ListPolicies),
		},
		Streams: []grpc.StreamDesc{{StreamName: methodOf(servepb.DecisionServiceDecideStreamProcedure), Handler: r.grpcStream, ServerStreams: true, ClientStreams: true}},
	}, nil)
	server.RegisterService(&grpc.ServiceDesc{
		ServiceName: servepb.AdminServiceName,
		Methods: []grpc.MethodDesc{
			unary(s, servepb.AdminServiceReloadProcedure, r.Reload),
			unary(s, servepb.AdminServiceSetShadowProcedure, r.SetShadow),
			unary(s, servepb.AdminServicePromoteProcedure, r.Promote),
			unary(s, servepb.AdminServiceRollbackProcedure, r.Rollback),
		},
	}, nil)
	return server
}

// methodOf is the last part of a procedure, /service/method.
func methodOf(procedure string) string { return procedure[strings.LastIndexByte(procedure, '/')+1:] }

// unary is a method with one request and one answer.
func unary[Q, A any](s *Service, procedure string, call func(context.Context, *connect.Request[Q]) (*connect.Response[A], error)) grpc.MethodDesc {
	return grpc.MethodDesc{
		MethodName: methodOf(procedure),
		Handler: func(_ any, ctx context.Context, decode func(any) error, _ grpc.UnaryServerInterceptor) (answer any, err error) {
			defer s.recovered(procedure, &err)
			q := new(Q)
			if err := decode(q); err != nil {
				return nil, err
			}
			out, err := call(ctx, connect.NewRequest(q))
			if err != nil {
				return nil, statusOf(err)
			}
			return out.Msg, nil
		},
	}
}

// recovered makes a panic an error of the request.
func (s *Service) recovered(procedure string, err *error) {
	if r := recover(); r != nil {
		s.log.Error("a request panicked", "procedure", procedure, "panic", r)
		*err = status.Error(codes.Internal, errPanic.Error())
	}
}

// statusOf is an error of rpc as grpc-go takes it; the codes are the same.
func statusOf(err error) error {
	var e *connect.Error
	if errors.As(err, &e) {
		return status.Error(codes.Code(e.Code()), e.Message())
	}
	return err
}

// admit checks the token of a request when its header is there, and bounds its time from then on.
func (s *Service) admit(ctx context.Context, info *tap.Info) (context.Context, error) {
	tokens := s.clients
	if strings.HasPrefix(info.FullMethodName, "/"+servepb.AdminServiceName+"/") {
		tokens = s.admins
	}
	token, _ := strings.CutPrefix(first(info.Header, "authorization"), "Bearer ")
	if len(tokens) > 0 && !tokens.have(token) {
		s.metrics.refused.WithLabelValues("token").Inc()
		return nil, status.Error(codes.Unauthenticated, errToken.Error())
	}
	if s.cfg.Tracer != nil {
		ctx = propagation.TraceContext{}.Extract(ctx, propagation.MapCarrier{
			"traceparent": first(info.Header, "traceparent"), "tracestate": first(info.Header, "tracestate"),
		})
	}
	if info.FullMethodName != servepb.DecisionServiceDecideStreamProcedure {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, s.cfg.Limits.Timeout)
		_ = cancel // the context of the stream, its parent, ends with the stream
	}
	return ctx, nil
}

// first is the first value of a header, or empty.
func first(h metadata.MD, name string) string {
	if v := h[name]; len(v) > 0 {
		return v[0]
	}
	return ""
}

// grpcStream is DecideStream. A stream ends after a long silence, or with the service as soon as it
// owes no answer.
func (r rpc) grpcStream(_ any, stream grpc.ServerStream) error {
	ctx, ended := stream.Context(), make(chan error, 1)
	owing := make(chan struct{}, 1) // full from a request to its answer
	var heard atomic.Int64
	heard.Store(time.Now().UnixNano())
	receive := func() (*servepb.DecideRequest, error) {
		q := new(servepb.DecideRequest)
		if err := stream.RecvMsg(q); err != nil {
			return nil, err
		}
		heard.Store(time.Now().UnixNano())
		select {
		case owing <- struct{}{}:
			return q, nil
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	send := func(out *servepb.DecideResponse) error {
		defer func() { <-owing }()
		return stream.SendMsg(out)
	}
	go func() {
		var err error
		defer func() { ended <- err }()
		defer r.s.recovered(servepb.DecisionServiceDecideStreamProcedure, &err)
		err = statusOf(r.answer(ctx, receive, send))
	}()
	silence := time.NewTicker(r.s.cfg.Limits.StreamIdle / 4)
	defer silence.Stop()
	for {
		select {
		case err := <-ended:
			return err
		case <-silence.C:
			if time.Since(time.Unix(0, heard.Load())) >= r.s.cfg.Limits.StreamIdle {
				return status.Error(codes.DeadlineExceeded, errSilent.Error())
			}
		case <-r.s.ending:
			select {
			case err := <-ended:
				return err
			case owing <- struct{}{}:
				return statusOf(coded(errEnding))
			}
		}
	}
}
