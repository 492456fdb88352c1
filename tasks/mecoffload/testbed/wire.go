package testbed

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"time"
)

// A device writes requests to a connection and reads the answer to each before it writes the next.
// Numbers are big-endian, times are nanoseconds of the Unix epoch.
//
//	request: header (64 bytes), Image bytes of a JPEG or PNG file, Padding bytes of anything
//	answer:  header (56 bytes), Text bytes of a message

// Header precedes a request's image.
type Header struct {
	Magic [4]byte
	Exit  uint32 // counted from 0
	Task  uint64 // chosen by the device; the answer repeats it
	Slot  uint64 // in which the task was decided
	// Deadline is the time by which the inference must have started, else it is dropped.
	Deadline int64
	// Stretch times the processor time of the inference is what it occupies the server for, at least Hold.
	Stretch float64
	Hold    int64 // ns
	// Scale is how many times slower than in the scenario time passes here; 0 is 1. Above 1, the
	// server prepares for the inference as Server.recall says.
	Scale   float64
	Image   uint32
	Padding uint32
}

// Answer is the header of a server's answer.
type Answer struct {
	Magic  [4]byte
	Status Status
	Task   uint64
	Label  uint32 // class of the image
	Text   uint32 // length of the message that follows, of an error
	// Arrived is when the last byte was read, Started and Finished bound the time in which the task
	// occupied the server, Compute is the inference's processor time, in ns.
	Arrived, Started, Finished, Compute int64
}

// Status says what a server did with a task.
type Status uint32

// A server serves a task, or drops it because its deadline has passed before it could start, or
// refuses what is no valid request.
const (
	Served Status = iota
	Dropped
	Refused
)

var requestMagic, answerMagic = [4]byte{'G', 'R', 'T', '2'}, [4]byte{'G', 'R', 'A', '1'}

// Limits of a request.
const (
	MaxImage   = 1 << 20          // bytes
	MaxPadding = 64 << 20         // bytes
	MaxHold    = 60 * time.Second // that a task occupies a server
	maxStretch = 1e5
	maxScale   = 1e4
	maxText    = 1 << 10
	maxExit    = 1 << 10
)

// ErrProtocol is wrapped by errors about bytes that are no request or no answer.
var ErrProtocol = errors.New("not the testbed's protocol")

var headerSize, answerSize = binary.Size(Header{}), binary.Size(Answer{})

// ReadHeader reads the header of a request and checks it. At the end of the stream the error is
// io.EOF.
func ReadHeader(r io.Reader) (Header, error) {
	var h Header
	if err := readFixed(r, &h, headerSize); err != nil {
		return h, err
	}
	bad := func(format string, args ...any) (Header, error) {
		return h, fmt.Errorf("%w: %s", ErrProtocol, fmt.Sprintf(format, args...))
	}
	switch {
	case h.Magic != requestMagic:
		return bad("a request starts with %q, this with %q", requestMagic, h.Magic)
	case h.Exit > maxExit:
		return bad("exit %d", h.Exit)
	case h.Image < 1 || h.Image > MaxImage:
		return bad("an image of %d bytes: want 1 to %d", h.Image, MaxImage)
	case h.Padding > MaxPadding:
		return bad("%d bytes of padding: want at most %d", h.Padding, MaxPadding)
	case !(h.Stretch >= 0 && h.Stretch <= maxStretch):
		return bad("stretch %v: want from 0 to %v", h.Stretch, maxStretch)
	case !(h.Scale >= 0 && h.Scale <= maxScale):
		return bad("scale %v: want from 0 to %v", h.Scale, maxScale)
	case h.Hold < 0 || h.Hold > int64(MaxHold):
		return bad("hold %v: want from 0 to %v", time.Duration(h.Hold), MaxHold)
	}
	return h, nil
}

// Append appends the header's bytes to b.
func (h Header) Append(b []byte) ([]byte, error) {
	h.Magic = requestMagic
	return binary.Append(b, binary.BigEndian, h)
}

// ReadAnswer reads an answer and its message.
func ReadAnswer(r io.Reader) (Answer, string, error) {
	var a Answer
	if err := readFixed(r, &a, answerSize); err != nil {
		return a, "", err
	}
	switch {
	case a.Magic != answerMagic:
		return a, "", fmt.Errorf("%w: an answer starts with %q, this with %q", ErrProtocol, answerMagic, a.Magic)
	case a.Status > Refused:
		return a, "", fmt.Errorf("%w: status %d", ErrProtocol, a.Status)
	case a.Text > maxText:
		return a, "", fmt.Errorf("%w: a message of %d bytes", ErrProtocol, a.Text)
	case a.Label > math.MaxInt32:
		return a, "", fmt.Errorf("%w: label %d", ErrProtocol, a.Label)
	}
	text := make([]byte, a.Text)
	if _, err := io.ReadFull(r, text); err != nil {
		return a, "", fmt.Errorf("the answer ends early: %w", err)
	}
	return a, string(text), nil
}

// Append appends the answer's bytes and those of a message to b.
func (a Answer) Append(b []byte, text string) ([]byte, error) {
	text = text[:min(len(text), maxText)]
	a.Magic, a.Text = answerMagic, uint32(len(text))
	b, err := binary.Append(b, binary.BigEndian, a)
	return append(b, text...), err
}

// readFixed reads a value of fixed size.
func readFixed(r io.Reader, v any, size int) error {
	b := make([]byte, size)
	if _, err := io.ReadFull(r, b); err != nil {
		if errors.Is(err, io.EOF) {
			return io.EOF
		}
		return fmt.Errorf("the header ends early: %w", err)
	}
	_, err := binary.Decode(b, binary.BigEndian, v)
	return err
}
