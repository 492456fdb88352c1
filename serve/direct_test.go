package serve

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"testing"
	"time"
)

// connected returns both ends of a connection of which the first is direct.
func connected(t *testing.T) (direct, other net.Conn) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if other, err = net.Dial("tcp", l.Addr().String()); err != nil {
		t.Fatal(err)
	}
	if direct, err = (directListener{l}).Accept(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		direct.Close()
		other.Close()
	})
	return direct, other
}

// More than the kernel's buffers hold arrives in both directions at once, to the byte.
func TestDirectCarriesAll(t *testing.T) {
	direct, other := connected(t)
	sent := make([]byte, 16<<20)
	for i, rng := 0, rand.New(rand.NewPCG(7, 7)); i < len(sent); i++ {
		sent[i] = byte(rng.Uint32())
	}
	results := make(chan error, 2)
	for _, c := range []net.Conn{direct, other} {
		go func() {
			n, err := c.Write(sent)
			if err == nil && n != len(sent) {
				err = io.ErrShortWrite
			}
			results <- err
		}()
		go func() {
			got := make([]byte, len(sent))
			_, err := io.ReadFull(c, got)
			if err == nil && !bytes.Equal(got, sent) {
				err = errors.New("other bytes than were sent")
			}
			results <- err
		}()
	}
	for range 4 {
		if err := <-results; err != nil {
			t.Error(err)
		}
	}
}

// Ends and errors are those of any connection.
func TestDirectEnds(t *testing.T) {
	direct, other := connected(t)
	one := make([]byte, 1)
	if n, err := direct.Read(nil); n != 0 || err != nil {
		t.Errorf("read of nothing: %d, %v", n, err)
	}
	if n, err := direct.Write(nil); n != 0 || err != nil {
		t.Errorf("write of nothing: %d, %v", n, err)
	}
	if err := direct.SetReadDeadline(time.Now().Add(10 * time.Millisecond)); err != nil {
		t.Fatal(err)
	}
	var late net.Error
	if _, err := direct.Read(one); !errors.Is(err, os.ErrDeadlineExceeded) || !errors.As(err, &late) || !late.Timeout() {
		t.Errorf("read beyond the deadline: %v", err)
	}
	if err := direct.SetReadDeadline(time.Time{}); err != nil {
		t.Fatal(err)
	}
	other.Close()
	if n, err := direct.Read(one); n != 0 || err != io.EOF {
		t.Errorf("read after the other end closed: %d, %v", n, err)
	}
	var op *net.OpError
	for range 1000 { // until the answer, that nobody is there, has come
		if _, err := direct.Write(one); err != nil {
			if !errors.As(err, &op) || op.Op != "write" {
				t.Errorf("write to a closed end: %v", err)
			}
			break
		}
	}
	if op == nil {
		t.Error("write to a closed end: no error")
	}
	direct.Close()
	if _, err := direct.Read(one); !errors.Is(err, net.ErrClosed) {
		t.Errorf("read after closing: %v", err)
	}
	if _, err := direct.Write(one); !errors.Is(err, net.ErrClosed) {
		t.Errorf("write after closing: %v", err)
	}
}
