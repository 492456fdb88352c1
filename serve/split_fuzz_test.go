package serve

import (
	"bytes"
	"io"
	"net"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// said is a connection over which a client has said something, a few bytes at a time, and left.
type said struct {
	net.Conn
	text  io.Reader
	piece int
}

func (c *said) Read(p []byte) (int, error)       { return c.text.Read(p[:min(len(p), c.piece)]) }
func (c *said) Write(p []byte) (int, error)      { return len(p), nil }
func (c *said) SetDeadline(time.Time) error      { return nil }
func (c *said) SetReadDeadline(time.Time) error  { return nil }
func (c *said) SetWriteDeadline(time.Time) error { return nil }

// withoutAnswered leaves out what is not for the server of a connection: pings before the first request
// and the first acknowledgement of settings, which grpc-go may also get if it comes later.
func withoutAnswered(text []byte, fast bool) []byte {
	out := bytes.Clone(text[:len(http2.ClientPreface)])
	asked, acked := false, false
	for text = text[len(out):]; len(text) >= frameHeader; {
		size := frameHeader + int(text[0])<<16 + int(text[1])<<8 + int(text[2])
		kind, flags := http2.FrameType(text[3]), http2.Flags(text[4])
		frame := text[:min(size, len(text))]
		text = text[len(frame):]
		asked = asked || kind == http2.FrameHeaders
		switch {
		case kind == http2.FramePing && !asked:
			continue
		case kind == http2.FrameSettings && flags.Has(http2.FlagSettingsAck) && size == frameHeader && !acked && !(fast && asked):
			acked = true
			continue
		}
		out = append(out, frame...)
	}
	if fast || acked {
		out = append(out, text...) // the rest of a frame's header
	}
	return out
}

// Whatever a client says, the splitter ends, and the server that it hands the connection to reads
// every byte but the frames that were the splitter's to answer.
func FuzzSplit(f *testing.F) {
	for _, kind := range []string{"application/grpc", "application/grpc+proto", "application/grpc-web", ""} {
		for _, ack := range []int{0, 1, 2} {
			var text bytes.Buffer
			text.WriteString(http2.ClientPreface)
			frames := http2.NewFramer(&text, nil)
			frames.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: 1 << 20})
			frames.WritePing(false, [8]byte{1})
			if ack == 1 {
				frames.WriteSettingsAck()
			}
			var head bytes.Buffer
			e := hpack.NewEncoder(&head)
			for _, h := range [][2]string{{":method", "POST"}, {":scheme", "http"}, {":path", "/"}, {":authority", "x"}, {"content-type", kind}} {
				e.WriteField(hpack.HeaderField{Name: h[0], Value: h[1]})
			}
			frames.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: head.Bytes()[:3]})
			frames.WriteContinuation(1, true, head.Bytes()[3:])
			frames.WriteData(1, true, []byte("hello"))
			if ack == 2 {
				frames.WriteSettingsAck()
			}
			frames.WritePing(false, [8]byte{2})
			f.Add(text.Bytes(), uint8(ack*7+1))
		}
	}
	f.Add([]byte("GET / HTTP/1.1\r\n\r\n"), uint8(3))
	f.Add([]byte("PRI * HTTP/2.0\r\n\r\nSM\r\n\rX"), uint8(30))
	f.Fuzz(func(t *testing.T, text []byte, piece uint8) {
		s := &splitter{grpc: newHanded(nil), rest: newHanded(nil)}
		to, c, err := s.sort(&said{text: bytes.NewReader(text), piece: int(piece) + 1})
		if err != nil {
			return // it left before it had asked
		}
		got, err := io.ReadAll(c)
		if err != nil && err != io.ErrUnexpectedEOF {
			t.Fatal(err)
		}
		want := text
		if bytes.HasPrefix(text, []byte(http2.ClientPreface)) {
			want = withoutAnswered(text, to == s.grpc)
		}
		if bytes.Equal(got, want) {
			return
		}
		// frames after a broken one are not looked at: the connection is about to end
		if to == s.rest && bytes.HasPrefix(text, []byte(http2.ClientPreface)) && len(got) >= len(want) {
			return
		}
		t.Errorf("%q became %q, want %q", text, got, want)
	})
}
