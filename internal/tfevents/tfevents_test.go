package tfevents

import (
	"encoding/hex"
	"maps"
	"testing"
)

// Records made by TensorBoard 2.21 (bench/peers/tensorboard_events.py --fixture), byte for byte.
func TestAgainstTensorBoard(t *testing.T) {
	for _, c := range []struct {
		what string
		got  []byte
		want string
	}{
		{"header", AppendHeader(nil, 1.5), fixtureHeader},
		{"event", Append(nil, Event{2.25, 100, []Scalar{{"accuracy", 0.5}, {"latency_ms/p99", 28.5}}}), fixtureEvent},
	} {
		if got := hex.EncodeToString(c.got); got != c.want {
			t.Errorf("%s:\n%s, want\n%s", c.what, got, c.want)
		}
	}
}

func TestTimes(t *testing.T) {
	file := AppendHeader(nil, 1)
	file = Append(file, Event{Time: 2, Step: 10, Scalars: []Scalar{{"a", 1}}})
	whole := len(file)
	file = Append(file, Event{Time: 3, Step: 20, Scalars: []Scalar{{"a", 1}}})
	want := map[int64]float64{10: 2, 20: 3}
	if got := Times(file); !maps.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	// If the last record is cut off or damaged at any byte, the first remains.
	delete(want, 20)
	for n := whole; n < len(file); n++ {
		if got := Times(file[:n]); !maps.Equal(got, want) {
			t.Errorf("%d bytes: %v", n, got)
		}
		damaged := append([]byte(nil), file...)
		damaged[n] ^= 4
		if got := Times(damaged); !maps.Equal(got, want) {
			t.Errorf("byte %d damaged: %v", n, got)
		}
	}
}

// No file makes Times fail, and what is appended to a whole file is found.
func FuzzTimes(f *testing.F) {
	f.Add(AppendHeader(nil, 1))
	f.Add(Append(AppendHeader(nil, 1), Event{2, 5, []Scalar{{"a", 1}}}))
	f.Add(appendRecord(nil, []byte{0x10}))
	f.Add([]byte("\xff\xff\xff\xff\xff\xff\xff\xff\x00\x00\x00\x00\x00\x00\x00\x00"))
	f.Fuzz(func(t *testing.T, file []byte) {
		Times(file)
		Times(appendRecord(nil, file))
		if got := Times(Append(appendRecord(nil, file), Event{7, 3, nil})); got[3] != 7 {
			t.Errorf("%v", got)
		}
	})
}

const (
	fixtureHeader = "1800000000000000a37f4b22" + "09000000000000f83f1a0d627261696e2e4576656e743a32" + "2a28646c"
	fixtureEvent  = "3500000000000000d6c55de6" + "09000000000000024010642a280a0f0a086163637572616379150000003f" +
		"0a150a0e6c6174656e63795f6d732f703939150000e441" + "07bfd4f1"
)
