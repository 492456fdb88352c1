package serve

import (
	"context"
	"errors"
	"io"
	"net/http"
	"time"

	"connectrpc.com/connect"
	"github.com/graphrl/graphrl/serve/servepb"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"
)

// rpc answers gRPC and JSON requests.
type rpc struct{ s *Service }

var (
	_ servepb.DecisionServiceHandler = rpc{}
	_ servepb.AdminServiceHandler    = rpc{}
)

// codeOf is the code of an error for clients.
func codeOf(err error) connect.Code {
	switch {
	case errors.Is(err, ErrRequest):
		return connect.CodeInvalidArgument
	case errors.Is(err, ErrUnknownPolicy):
		return connect.CodeNotFound
	case errors.Is(err, ErrNothingThere), errors.Is(err, errNotOnline):
		return connect.CodeFailedPrecondition
	case errors.Is(err, errEnding):
		return connect.CodeUnavailable
	case errors.Is(err, context.Canceled):
		return connect.CodeCanceled
	case errors.Is(err, context.DeadlineExceeded):
		return connect.CodeDeadlineExceeded
	}
	return connect.CodeInternal
}

func coded(err error) error {
	if err == nil {
		return nil
	}
	return connect.NewError(codeOf(err), err)
}

var (
	errBusy   = errors.New("too many requests run: ask again later")
	errSilent = errors.New("the stream was silent for too long: open another")
	errPanic  = errors.New("the service failed at this request")
)

// enter takes a place among the requests that run.
func (r rpc) enter() error {
	select {
	case r.s.running <- struct{}{}:
		return nil
	default:
		r.s.metrics.refused.WithLabelValues("busy").Inc()
		return connect.NewError(connect.CodeResourceExhausted, errBusy)
	}
}

func (r rpc) leave() { <-r.s.running }

// Decide implements the method of the service.
func (r rpc) Decide(ctx context.Context, q *connect.Request[servepb.DecideRequest]) (*connect.Response[servepb.DecideResponse], error) {
	out, err := r.decide(ctx, q.Msg)
	if err != nil {
		return nil, err
	}
	return connect.NewResponse(out), nil
}

func (r rpc) decide(ctx context.Context, q *servepb.DecideRequest) (*servepb.DecideResponse, error) {
	if err := r.enter(); err != nil {
		return nil, err
	}
	defer r.leave()
	if r.s.cfg.Tracer == nil {
		out, err := r.s.Decide(ctx, q)
		return out, coded(err)
	}
	ctx, span := r.s.cfg.Tracer.Start(ctx, "Decide", trace.WithSpanKind(trace.SpanKindServer))
	defer span.End()
	out, err := r.s.Decide(ctx, q)
	if err != nil {
		span.SetStatus(codes.Error, err.Error())
		return nil, coded(err)
	}
	span.SetAttributes(attribute.String("graphrl.policy", out.Policy), attribute.String("graphrl.version", out.Version),
		attribute.String("graphrl.fallback", out.Fallback.String()), attribute.Int("graphrl.tasks", len(out.Assignments)))
	return out, nil
}

// DecideStream implements the method of the service.
func (r rpc) DecideStream(ctx context.Context, stream *connect.BidiStream[servepb.DecideRequest, servepb.DecideResponse]) error {
	control, _ := ctx.Value(controllerKey{}).(*http.ResponseController)
	wait := func() {}
	if control != nil {
		// a stream that waits for a request ends with the service
		over, cancel := context.WithCancel(context.Background())
		defer cancel()
		go func() {
			select {
			case <-r.s.ending:
				control.SetReadDeadline(time.Now()) // an error would mean that nothing is read
			case <-over.Done():
			}
		}()
		wait = func() { control.SetReadDeadline(time.Now().Add(r.s.cfg.Limits.StreamIdle)) }
	}
	receive := func() (*servepb.DecideRequest, error) {
		wait()
		if r.s.isEnding() { // asked after wait, which may have replaced the end's deadline
			return nil, coded(errEnding)
		}
		q, err := stream.Receive()
		if err != nil && !errors.Is(err, io.EOF) && r.s.isEnding() {
			return nil, coded(errEnding)
		}
		return q, err
	}
	return r.answer(ctx, receive, stream.Send)
}

// answer decides request after request until receive returns io.EOF.
func (r rpc) answer(ctx context.Context, receive func() (*servepb.DecideRequest, error), send func(*servepb.DecideResponse) error) error {
	var draws []byte
	for {
		q, err := receive()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if len(q.Draws) == 0 && q.Seed == nil {
			q.Draws = draws
		}
		out, err := r.decide(ctx, q)
		if err != nil {
			return err
		}
		draws = out.Draws
		if err := send(out); err != nil {
			return err
		}
	}
}

// Observe implements the method of the service.
func (r rpc) Observe(ctx context.Context, q *connect.Request[servepb.ObserveRequest]) (*connect.Response[servepb.ObserveResponse], error) {
	if err := r.enter(); err != nil {
		return nil, err
	}
	defer r.leave()
	out, err := r.s.Observe(ctx, q.Msg)
	if err != nil {
		return nil, coded(err)
	}
	return connect.NewResponse(out), nil
}

// ListPolicies implements the method of the service.
func (r rpc) ListPolicies(context.Context, *connect.Request[servepb.ListPoliciesRequest]) (*connect.Response[servepb.ListPoliciesResponse], error) {
	return connect.NewResponse(&servepb.ListPoliciesResponse{Policies: r.s.Policies()}), nil
}

// changed answers a change of policy.
func (r rpc) changed(name string, err error) (*connect.Response[servepb.PolicyInfo], error) {
	if err != nil {
		return nil, coded(err)
	}
	v, err := r.s.find(name)
	if err != nil {
		return nil, coded(err)
	}
	return connect.NewResponse(v.info()), nil
}

// Reload implements the method of the service.
func (r rpc) Reload(_ context.Context, q *connect.Request[servepb.ReloadRequest]) (*connect.Response[servepb.PolicyInfo], error) {
	return r.changed(q.Msg.Policy, r.s.Reload(q.Msg.Policy))
}

// SetShadow implements the method of the service.
func (r rpc) SetShadow(_ context.Context, q *connect.Request[servepb.SetShadowRequest]) (*connect.Response[servepb.PolicyInfo], error) {
	return r.changed(q.Msg.Policy, r.s.SetShadow(q.Msg.Policy, q.Msg.Checkpoint))
}

// Promote implements the method of the service.
func (r rpc) Promote(_ context.Context, q *connect.Request[servepb.PromoteRequest]) (*connect.Response[servepb.PolicyInfo], error) {
	return r.changed(q.Msg.Policy, r.s.Promote(q.Msg.Policy))
}

// Rollback implements the method of the service.
func (r rpc) Rollback(_ context.Context, q *connect.Request[servepb.RollbackRequest]) (*connect.Response[servepb.PolicyInfo], error) {
	return r.changed(q.Msg.Policy, r.s.Rollback(q.Msg.Policy))
}
