package testbed

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"sync"
	"time"
)

// Client is a device's link to a server. Several tasks may be on their way at a time: each has a
// connection of its own, which later tasks use again. It is safe for concurrent use.
type Client struct {
	address string

	mu   sync.Mutex
	free []net.Conn
}

// NewClient returns a client of the server at an address. It connects when there is a task.
func NewClient(address string) *Client { return &Client{address: address} }

// Times of a client.
const (
	dialTimeout = 2 * time.Second
	// chunkTime is the time between two writes of a shaped transmission.
	chunkTime = 10 * time.Millisecond
)

// Send transmits a task at a rate in bit/s, infinite if 0, and returns the server's answer. The
// transmission takes the bits of image and padding over the rate, from the call on. It fails when ctx
// is done.
func (c *Client) Send(ctx context.Context, h Header, image []byte, rate float64) (Answer, error) {
	begin := time.Now()
	h.Image = uint32(len(image))
	conn, err := c.connection(ctx)
	if err != nil {
		return Answer{}, fmt.Errorf("testbed: %w", err)
	}
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	a, text, err := exchange(conn, h, image, bucket{begin, rate})
	if !stop() {
		conn.Close()
		return Answer{}, fmt.Errorf("testbed: %s: %w", c.address, ctx.Err())
	}
	if err != nil {
		conn.Close()
		return Answer{}, fmt.Errorf("testbed: %s: %w", c.address, err)
	}
	c.mu.Lock()
	c.free = append(c.free, conn)
	c.mu.Unlock()
	switch {
	case a.Status == Refused:
		return a, fmt.Errorf("testbed: %s refuses the task: %s", c.address, text)
	case a.Task != h.Task:
		return a, fmt.Errorf("testbed: %s answers task %d instead of %d: %w", c.address, a.Task, h.Task, ErrProtocol)
	}
	return a, nil
}

// Close closes the connections that no task uses.
func (c *Client) Close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, conn := range c.free {
		conn.Close()
	}
	c.free = nil
}

// connection returns a free connection or a new one.
func (c *Client) connection(ctx context.Context) (net.Conn, error) {
	c.mu.Lock()
	if n := len(c.free); n > 0 {
		conn := c.free[n-1]
		c.free = c.free[:n-1]
		c.mu.Unlock()
		return conn, nil
	}
	c.mu.Unlock()
	dialer := net.Dialer{Timeout: dialTimeout}
	return dialer.DialContext(ctx, "tcp", c.address)
}

// exchange sends a task and reads the answer.
func exchange(conn net.Conn, h Header, image []byte, b bucket) (Answer, string, error) {
	head, err := h.Append(nil)
	if err != nil {
		return Answer{}, "", err
	}
	if _, err := conn.Write(head); err != nil {
		return Answer{}, "", err
	}
	if err := b.write(conn, image, int(h.Padding)); err != nil {
		return Answer{}, "", err
	}
	return ReadAnswer(bufio.NewReaderSize(conn, answerSize))
}

// bucket is a token bucket that starts empty: t seconds after begin, rate * t bits may have passed.
type bucket struct {
	begin time.Time
	rate  float64 // bit/s; 0: no limit
}

// due returns when n bytes may have passed.
func (b bucket) due(n int) time.Time {
	if b.rate <= 0 {
		return b.begin
	}
	return b.begin.Add(time.Duration(8 * float64(n) / b.rate * float64(time.Second)))
}

// write writes data and then padding, not faster than the bucket lets through.
func (b bucket) write(conn net.Conn, data []byte, padding int) error {
	total := len(data) + padding
	chunk := total
	if b.rate > 0 {
		chunk = max(int(b.rate/8*chunkTime.Seconds()), 1<<9)
	}
	data = append(data[:len(data):len(data)], make([]byte, padding)...)
	for sent := 0; sent < total; {
		n := min(chunk, total-sent)
		time.Sleep(time.Until(b.due(sent + n)))
		if _, err := conn.Write(data[sent : sent+n]); err != nil {
			return err
		}
		sent += n
	}
	return nil
}
