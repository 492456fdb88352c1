package textfile

import (
	"bytes"
	"encoding/binary"
	"errors"
	"strings"
	"testing"
	"unicode/utf16"

	"pgregory.net/rapid"
)

func encodeUTF16(text string, order binary.AppendByteOrder) []byte {
	b := order.AppendUint16(nil, 0xfeff)
	for _, u := range utf16.Encode([]rune(text)) {
		b = order.AppendUint16(b, u)
	}
	return b
}

// However a text is encoded and its lines end, it is the same text.
func TestDecodeEncodings(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		lines := rapid.SliceOf(rapid.StringMatching(`[a-z0-9é語😀,;\t "-]*`)).Draw(t, "lines")
		want := strings.Join(lines, "\n")
		for _, end := range []string{"\n", "\r\n", "\r"} {
			text := strings.Join(lines, end)
			for name, data := range map[string][]byte{
				"UTF-8":           []byte(text),
				"UTF-8 with mark": []byte("\ufeff" + text),
				"UTF-16 LE":       encodeUTF16(text, binary.LittleEndian),
				"UTF-16 BE":       encodeUTF16(text, binary.BigEndian),
			} {
				if got, err := Decode(data); err != nil || string(got) != want {
					t.Fatalf("%s with %q: %q, error %v, want %q", name, end, got, err, want)
				}
			}
		}
	})
}

func TestDecodeRefuses(t *testing.T) {
	for _, c := range []struct{ data, want string }{
		{"a\x00b\x00", "byte 1 is zero"},
		{"\xff\xfe\x00\x00a\x00\x00\x00", "UTF-32"},
		{"\x00\x00\xfe\xffa", "UTF-32"},
		{"\xff\xfea", "odd number of bytes"},
		{"\xff\xfe\x00\xd8a\x00", "half a character at byte 0"},
		{"\xfe\xff\xd8\x00", "half a character"},
		{"\xff\xfea\x00\x00\x00", "is zero"},
	} {
		if _, err := Decode([]byte(c.data)); !errors.Is(err, ErrEncoding) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q: error %v, want %q", c.data, err, c.want)
		}
	}
}

func TestNumber(t *testing.T) {
	for text, want := range map[string]float64{"0": 0, "-12": -12, "+0.5": 0.5, "1e-3": 1e-3, ".5": 0.5} {
		if got, err := Number(text); err != nil || got != want {
			t.Errorf("%q: %v, error %v", text, got, err)
		}
	}
	for _, text := range []string{"", " 1", "1_000", "0x1p4", "0X1P4", "inf", "-Infinity", "nan", "1e400", "1,5", "٣", "1 000"} {
		if got, err := Number(text); err == nil {
			t.Errorf("%q is %v", text, got)
		}
	}
}

func FuzzDecode(f *testing.F) {
	f.Add([]byte("\ufeffa\r\nb"))
	f.Add(encodeUTF16("a\r😀", binary.BigEndian))
	f.Fuzz(func(t *testing.T, data []byte) {
		text, err := Decode(data)
		if err == nil && (bytes.IndexByte(text, '\r') >= 0 || bytes.IndexByte(text, 0) >= 0) {
			t.Fatalf("%q has a carriage return or a zero byte", text)
		}
	})
}
