package serve

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"io"
	"log/slog"
	"net"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// splitter shares one port between two servers. A connection whose first request is gRPC goes to
// grpc-go, any other to net/http. Both know gRPC, but a decision takes grpc-go's server about half as
// much processor time for everything around it (record 18).
//
// Clients of gRPC wait for the server's settings before they ask, so the splitter sends empty ones.
// The server that takes the connection sends its own after them, as HTTP/2 allows at any time.
type splitter struct {
	listener   net.Listener
	conf       *tls.Config // nil: no TLS
	log        *slog.Logger
	grpc, rest *handed
}

func newSplitter(l net.Listener, conf *tls.Config, log *slog.Logger) *splitter {
	if conf != nil {
		conf = conf.Clone()
		conf.NextProtos = []string{"h2", "http/1.1"}
	}
	return &splitter{l, conf, log, newHanded(l.Addr()), newHanded(l.Addr())}
}

// directListener accepts connections that are read and written directly.
type directListener struct{ net.Listener }

// Accept implements net.Listener.
func (l directListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return directly(c), nil
}

// run accepts connections until the listener is closed. Those that have not asked anything when ctx
// ends are closed.
func (s *splitter) run(ctx context.Context) error {
	for {
		c, err := s.listener.Accept()
		if errors.Is(err, net.ErrClosed) {
			return err
		}
		if err != nil { // such as too many open files
			s.log.Warn("no connection is accepted for a moment", "error", err)
			time.Sleep(100 * time.Millisecond)
			continue
		}
		go s.hand(ctx, c)
	}
}

// hand finds out what a connection speaks and hands it to its server.
func (s *splitter) hand(ctx context.Context, c net.Conn) {
	stop := context.AfterFunc(ctx, func() { c.Close() })
	defer stop()
	_ = c.SetDeadline(time.Now().Add(headerTimeout)) // fails on a closed connection, as does what follows
	secure := c
	if s.conf != nil {
		t := tls.Server(c, s.conf)
		if err := t.HandshakeContext(ctx); err != nil {
			s.log.Debug("no TLS with a client", "address", c.RemoteAddr().String(), "error", err)
			var wrong tls.RecordHeaderError
			if errors.As(err, &wrong) && wrong.Conn != nil {
				_, _ = io.WriteString(wrong.Conn, "HTTP/1.0 400 Bad Request\r\n\r\nThis port speaks TLS: use https.\n") // the client may be gone
			}
			c.Close()
			return
		}
		secure = t
	}
	to, sorted, err := s.sort(secure)
	if err != nil {
		c.Close()
		return
	}
	_ = c.SetDeadline(time.Time{})
	to.add(sorted)
}

// sort reads a connection up to the header of its first request and returns who serves it, and the
// connection with all that was read.
func (s *splitter) sort(c net.Conn) (*handed, net.Conn, error) {
	var read bytes.Buffer
	preface := make([]byte, len(http2.ClientPreface))
	for n := 0; n < len(preface); {
		m, err := c.Read(preface[n:])
		if err != nil {
			return nil, nil, err
		}
		n += m
		if !strings.HasPrefix(http2.ClientPreface, string(preface[:n])) {
			return s.rest, &sorted{c, io.MultiReader(bytes.NewReader(preface[:n]), c)}, nil
		}
	}
	_ = c.SetDeadline(time.Now().Add(idleTimeout))
	frames := http2.NewFramer(c, io.TeeReader(c, &read))
	frames.ReadMetaHeaders, frames.MaxHeaderListSize = hpack.NewDecoder(4096, nil), headerBytes
	frames.SetMaxReadFrameSize(headerBytes)
	if err := frames.WriteSettings(); err != nil {
		return nil, nil, err
	}
	kind, acked, err := firstRequest(frames, &read)
	if err != nil {
		return nil, nil, err
	}
	all := io.MultiReader(strings.NewReader(http2.ClientPreface), &read, c)
	if kind == "application/grpc" || strings.HasPrefix(kind, "application/grpc+") {
		return s.grpc, &sorted{c, all}, nil
	}
	if !acked {
		all = &unacked{Reader: bufio.NewReader(all), left: len(http2.ClientPreface)}
	}
	return s.rest, &sorted{c, all}, nil
}

// firstRequest reads frames up to the header of a request and returns its content type, or none if
// the frames are not as they should be: then their server will say so. The acknowledgement of the
// splitter's settings is taken out of what was read.
func firstRequest(frames *http2.Framer, read *bytes.Buffer) (kind string, acked bool, err error) {
	for read.Len() < headerBytes {
		start := read.Len()
		f, err := frames.ReadFrame()
		var bad http2.ConnectionError
		var stream http2.StreamError
		switch {
		case errors.As(err, &bad), errors.As(err, &stream), errors.Is(err, http2.ErrFrameTooLarge):
			return "", acked, nil
		case err != nil:
			return "", acked, err
		}
		switch f := f.(type) {
		case *http2.MetaHeadersFrame:
			at := slices.IndexFunc(f.Fields, func(h hpack.HeaderField) bool { return h.Name == "content-type" })
			if at >= 0 {
				kind = f.Fields[at].Value
			}
			return kind, acked, nil
		case *http2.SettingsFrame:
			if f.IsAck() && !acked {
				acked = true
				read.Truncate(start)
			}
		case *http2.PingFrame:
			read.Truncate(start)
			if err := frames.WritePing(true, f.Data); err != nil {
				return "", acked, err
			}
		}
	}
	return "", acked, nil
}

// sorted is a connection of which something was read already.
type sorted struct {
	net.Conn
	all io.Reader
}

// Read implements net.Conn.
func (c *sorted) Read(p []byte) (int, error) { return c.all.Read(p) }

// unacked reads HTTP/2 without the first acknowledgement of settings, which net/http has not sent.
type unacked struct {
	*bufio.Reader
	left int // bytes until the next frame
	done bool
}

const frameHeader = 9 // bytes: 3 of length, type, flags, 4 of stream

// Read implements io.Reader.
func (r *unacked) Read(p []byte) (int, error) {
	if r.done {
		return r.Reader.Read(p)
	}
	if r.left == 0 {
		head, err := r.Peek(frameHeader)
		if err != nil {
			return 0, err
		}
		size := int(binary.BigEndian.Uint32(head) >> 8)
		if http2.FrameType(head[3]) == http2.FrameSettings && http2.Flags(head[4]).Has(http2.FlagSettingsAck) && size == 0 {
			r.done = true
			_, err := r.Discard(frameHeader)
			return 0, err
		}
		r.left = frameHeader + size
	}
	n, err := r.Reader.Read(p[:min(len(p), r.left)])
	r.left -= n
	return n, err
}

// handed is a listener of connections that another one has accepted.
type handed struct {
	conns chan net.Conn
	ended chan struct{}
	once  sync.Once
	addr  net.Addr
}

func newHanded(a net.Addr) *handed {
	return &handed{conns: make(chan net.Conn), ended: make(chan struct{}), addr: a}
}

func (h *handed) add(c net.Conn) {
	select {
	case h.conns <- c:
	case <-h.ended:
		c.Close()
	}
}

// Accept implements net.Listener.
func (h *handed) Accept() (net.Conn, error) {
	select {
	case c := <-h.conns:
		return c, nil
	case <-h.ended:
		return nil, net.ErrClosed
	}
}

// Close implements net.Listener.
func (h *handed) Close() error {
	h.once.Do(func() { close(h.ended) })
	return nil
}

// Addr implements net.Listener.
func (h *handed) Addr() net.Addr { return h.addr }
