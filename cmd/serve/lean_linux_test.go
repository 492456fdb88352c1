package main

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
	"golang.org/x/sys/unix"
	"google.golang.org/protobuf/proto"
)

// lean is one connection of a client of gRPC that does what it must and no more: it encodes requests
// and decodes answers, keeps to the windows, and checks the status. One goroutine serves all
// connections, as in other generators of load. It leaves out what a library adds: deadlines,
// cancellation, several requests on one connection.
type lean struct {
	fd     int
	stream bool   // one stream for all requests
	header []byte // of a request: the first one puts fields into the server's table, for next
	next   []byte // header of those that follow
	id     uint32 // of the stream
	out    bytes.Buffer
	frames *http2.Framer // writes to out
	fields *hpack.Decoder
	status string // of gRPC, in the trailer

	in       []byte
	message  []byte // of the request, and later of the answer
	answered bool
	window   int64 // bytes that the server takes
	received uint32
}

const prefix = 5 // bytes before a message of gRPC: not compressed, 4 of length

// dialLean connects and asks nothing yet. The requests are those of a procedure.
func (w *world) dialLean(b testing.TB, procedure string, stream bool) *lean {
	b.Helper()
	at, err := netip.ParseAddrPort(strings.TrimPrefix(w.url, "http://"))
	if err != nil {
		b.Fatal(err)
	}
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = unix.Close(fd) }) // nothing is lost
	c := &lean{fd: fd, stream: stream, window: 1<<16 - 1}
	for _, err := range []error{
		unix.Connect(fd, &unix.SockaddrInet4{Port: int(at.Port()), Addr: at.Addr().As4()}),
		unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1), unix.SetNonblock(fd, true),
	} {
		if err != nil {
			b.Fatal(err)
		}
	}
	c.frames = http2.NewFramer(&c.out, nil)
	c.fields = hpack.NewDecoder(4096, func(f hpack.HeaderField) {
		if f.Name == "grpc-status" {
			c.status = f.Value
		}
	})
	c.out.WriteString(http2.ClientPreface)
	var header bytes.Buffer
	encoder := hpack.NewEncoder(&header)
	for range 2 {
		header.Reset()
		for _, f := range [][2]string{{":method", "POST"}, {":scheme", "http"}, {":path", procedure}, {":authority", at.String()},
			{"content-type", "application/grpc"}, {"te", "trailers"}} {
			if err := encoder.WriteField(hpack.HeaderField{Name: f[0], Value: f[1]}); err != nil {
				b.Fatal(err)
			}
		}
		c.header, c.next = c.next, bytes.Clone(header.Bytes())
	}
	if err := c.frames.WriteSettings(); err != nil { // to memory, as all frames
		b.Fatal(err)
	}
	if err := c.frames.WriteWindowUpdate(0, 1<<30); err != nil {
		b.Fatal(err)
	}
	return c
}

// ask sends a request.
func (c *lean) ask(q proto.Message) error {
	message, err := proto.MarshalOptions{}.MarshalAppend(append(c.message[:0], make([]byte, prefix)...), q)
	if err != nil {
		return err
	}
	c.message = message
	binary.BigEndian.PutUint32(message[1:], uint32(len(message)-prefix))
	if c.window -= int64(len(message)); c.window < 0 || len(message) > 1<<14 {
		return fmt.Errorf("a request of %d bytes does not fit into the window", len(message))
	}
	if c.id == 0 || !c.stream {
		c.id += 1 + c.id&1 // odd numbers
		err = c.frames.WriteHeaders(http2.HeadersFrameParam{StreamID: c.id, BlockFragment: c.header, EndHeaders: true})
		c.header = c.next
	}
	if err != nil {
		return err
	}
	if err := c.frames.WriteData(c.id, !c.stream, message); err != nil {
		return err
	}
	c.answered, c.message = false, message[:0]
	return c.flush()
}

// flush writes what is to be sent. It is less than the kernel's buffer holds.
func (c *lean) flush() error {
	for c.out.Len() > 0 {
		n, err := unix.Write(c.fd, c.out.Bytes())
		if err == unix.EINTR || err == unix.EAGAIN {
			continue
		}
		if err != nil {
			return err
		}
		c.out.Next(n)
	}
	c.out.Reset()
	return nil
}

// poll reads what has come, and reports whether the answer is complete. It is then in c.message.
func (c *lean) poll() (bool, error) {
	const most = 1 << 14
	c.in = slices.Grow(c.in, most)
	n, err := unix.Read(c.fd, c.in[len(c.in):][:most])
	if err == unix.EAGAIN || err == unix.EINTR {
		return false, nil
	}
	if err != nil || n == 0 {
		return false, fmt.Errorf("the connection ended: %v", err)
	}
	c.in = c.in[:len(c.in)+n]
	rest := c.in
	for len(rest) >= 9 {
		size := int(binary.BigEndian.Uint32(rest) >> 8)
		if len(rest) < 9+size {
			break
		}
		if err := c.frame(http2.FrameType(rest[3]), http2.Flags(rest[4]), binary.BigEndian.Uint32(rest[5:]), rest[9:][:size]); err != nil {
			return false, err
		}
		rest = rest[9+size:]
	}
	c.in = c.in[:copy(c.in, rest)]
	return c.answered, c.flush()
}

// frame takes a frame from the server.
func (c *lean) frame(kind http2.FrameType, flags http2.Flags, stream uint32, p []byte) error {
	switch kind {
	case http2.FrameData:
		if flags.Has(http2.FlagDataPadded) {
			return fmt.Errorf("a padded frame")
		}
		c.message = append(c.message, p...)
		if c.received += uint32(len(p)); c.received >= 1<<14 { // of a window of 64 kB for a stream
			if err := c.frames.WriteWindowUpdate(0, c.received); err != nil {
				return err
			}
			if c.stream {
				if err := c.frames.WriteWindowUpdate(stream, c.received); err != nil {
					return err
				}
			}
			c.received = 0
		}
		if c.stream && len(c.message) >= prefix {
			c.answered = len(c.message) == prefix+int(binary.BigEndian.Uint32(c.message[1:]))
		}
	case http2.FrameHeaders:
		c.status = ""
		if _, err := c.fields.Write(p); err != nil || !flags.Has(http2.FlagHeadersEndHeaders) {
			return fmt.Errorf("header: %v", err)
		}
		if c.answered = flags.Has(http2.FlagHeadersEndStream); c.answered && c.status != "0" {
			return fmt.Errorf("status %q", c.status)
		}
	case http2.FrameSettings:
		if !flags.Has(http2.FlagSettingsAck) {
			return c.frames.WriteSettingsAck()
		}
	case http2.FramePing:
		if !flags.Has(http2.FlagPingAck) {
			return c.frames.WritePing(true, [8]byte(p))
		}
	case http2.FrameWindowUpdate:
		if c.stream == (stream != 0) { // of one long stream, its own is the smaller one
			c.window += int64(binary.BigEndian.Uint32(p))
		}
	default:
		return fmt.Errorf("a frame of type %v", kind)
	}
	return nil
}

// pacedLean is paced with the lean client. A client that watches reads without end; another one sleeps
// until something has come or is due.
func (w *world) pacedLean(b *testing.B, connections int, rate float64, watches bool, dial func() *lean, ask func(int) proto.Message, answer proto.Message) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if err := unix.Prctl(unix.PR_SET_TIMERSLACK, 1, 0, 0, 0); err != nil { // ns; else the kernel may wait 50 us longer
		b.Fatal(err)
	}
	free := make([]*lean, 0, connections)
	var busy []*lean
	number := make(map[*lean]int, connections)
	for range connections {
		free = append(free, dial())
	}
	times := make([]time.Duration, b.N)
	var begin time.Time
	due := func(i int) time.Time { return begin.Add(time.Duration(float64(i) / rate * 1e9)) }
	collect := func() {
		for at := 0; at < len(busy); at++ {
			c := busy[at]
			done, err := c.poll()
			if err == nil && done {
				err = proto.Unmarshal(c.message[prefix:], answer)
				c.message = c.message[:0]
			}
			if err != nil {
				b.Fatal(err)
			}
			if !done {
				continue
			}
			if i := number[c]; i >= 0 {
				times[i] = time.Since(due(i))
			}
			busy = slices.Delete(busy, at, at+1)
			free = append(free, c)
			at--
		}
	}
	send := func(i int) {
		c := free[0]
		free = slices.Delete(free, 0, 1)
		number[c] = i
		if err := c.ask(ask(max(i, 0))); err != nil {
			b.Fatal(err)
		}
		busy = append(busy, c)
	}
	for range connections { // each connection once, untimed
		send(-1)
	}
	for len(busy) > 0 {
		collect()
	}
	late, before := 0, w.spent(b)
	b.ResetTimer()
	begin = time.Now()
	for i := 0; i < b.N || len(busy) > 0; {
		now := time.Now()
		for ; i < b.N && len(free) > 0 && !now.Before(due(i)); i++ {
			if now.Sub(due(i)) > time.Millisecond {
				late++
			}
			send(i)
		}
		if !watches {
			sleep(b, busy, i < b.N && len(free) > 0, time.Until(due(i)))
		}
		collect()
	}
	b.StopTimer()
	w.report(b, times, before)
	b.ReportMetric(100*float64(late)/float64(b.N), "late-%")
}

// sleep waits for connections, at most a time if there is a limit. Go's scheduler is not told, as in
// the service: it would wake a thread that watches for calls that block.
func sleep(b *testing.B, busy []*lean, limited bool, most time.Duration) {
	var list [16]unix.PollFd
	for i, c := range busy {
		list[i] = unix.PollFd{Fd: int32(c.fd), Events: unix.POLLIN}
	}
	var limit *unix.Timespec
	if limited {
		t := unix.NsecToTimespec(max(int64(most), 0))
		limit = &t
	}
	_, _, err := syscall.RawSyscall6(unix.SYS_PPOLL, uintptr(unsafe.Pointer(&list)), uintptr(len(busy)), uintptr(unsafe.Pointer(limit)), 0, 0, 0)
	if err != 0 && err != unix.EINTR {
		b.Fatal(err)
	}
}

// echo answers on each connection with what it reads, as the least that any service takes.
func echo() error {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Printf("serving on http://%s (an echo)\n", l.Addr())
	for {
		c, err := l.Accept()
		if err != nil {
			return err
		}
		go func() {
			defer c.Close()
			p := make([]byte, 1<<14)
			for {
				n, err := c.Read(p)
				if err == nil {
					_, err = c.Write(p[:n])
				}
				if err != nil {
					return
				}
			}
		}()
	}
}
