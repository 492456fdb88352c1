package strictyaml

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"math/big"
	"strings"
	"testing"
	"time"
	"unicode/utf16"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/graphrl/graphrl/internal/textfile"
)

// span is a scalar that reads itself, pair a list, part a section that is named or written out.
type span float64

func (s *span) UnmarshalText(text []byte) error {
	d, err := time.ParseDuration(string(text))
	*s = span(d.Seconds())
	return err
}

type pair struct{ Low, High float64 }

func (p *pair) UnmarshalNode(n Node) error {
	items, err := n.Items()
	if err != nil {
		return err
	}
	if len(items) != 2 {
		return n.Errorf("want [low, high], not %d values", len(items))
	}
	return errors.Join(items[0].Decode(&p.Low), items[1].Decode(&p.High))
}

type part struct {
	Name   string `yaml:"name"`
	Width  int    `yaml:"width"`
	Height int    `yaml:"height"`
}

func (p *part) UnmarshalNode(n Node) error {
	*p = part{Name: "small", Width: 1, Height: 2}
	if name, ok := n.Text(); ok {
		if name != "small" {
			return n.Errorf("%q is not known: want small", name)
		}
		return nil
	}
	type plain part
	return n.Decode((*plain)(p))
}

type inner struct {
	X    int       `yaml:"x"`
	List []float64 `yaml:"list"`
}

type doc struct {
	Int    int      `yaml:"int"`
	Small  int8     `yaml:"small"`
	Seed   uint64   `yaml:"seed"`
	Float  float64  `yaml:"float"`
	Single float32  `yaml:"single"`
	Bool   bool     `yaml:"bool"`
	Text   string   `yaml:"text"`
	Ints   []int    `yaml:"ints"`
	Items  []inner  `yaml:"items"`
	Ref    *inner   `yaml:"ref"`
	Span   span     `yaml:"span"`
	Pair   pair     `yaml:"pair"`
	Part   part     `yaml:"part"`
	Maybe  []string `yaml:"maybe,omitempty"`
	Hidden string   `yaml:"-"`
}

func read(text string) (doc, error) {
	var d doc
	err := Unmarshal([]byte(text), "f.yaml", &d, nil)
	return d, err
}

func TestValues(t *testing.T) {
	for text, want := range map[string]doc{
		"":                              {},
		"# nothing":                     {},
		"---\n...":                      {},
		"%YAML 1.2\n---\nint: 3":        {Int: 3},
		"int: -0x1F":                    {Int: -31},
		"int: +0o17":                    {Int: 15},
		"int: 0":                        {},
		"int: -9223372036854775808":     {Int: math.MinInt64},
		"seed: 18446744073709551615":    {Seed: math.MaxUint64},
		"small: -128":                   {Small: -128},
		"float: 1e3":                    {Float: 1000},
		"float: .5":                     {Float: .5},
		"float: -5.":                    {Float: -5},
		"float: 18446744073709551616":   {Float: 1 << 64},
		"float: 0e999":                  {},
		"single: 0.1":                   {Single: 0.1},
		"single: 16777217":              {Single: 16777216},
		"bool: true":                    {Bool: true},
		"text: '30'":                    {Text: "30"},
		"text: yes":                     {Text: "yes"},
		"text: |\n  a\n  b":             {Text: "a\nb"},
		"ints: [1, 2]":                  {Ints: []int{1, 2}},
		"ints: []":                      {Ints: []int{}},
		"maybe: []":                     {},
		"ref: ~":                        {},
		"ref: {x: 1}":                   {Ref: &inner{X: 1}},
		"span: 1.5ms":                   {Span: 0.0015},
		"pair: [1, 2.5]":                {Pair: pair{1, 2.5}},
		"part: small":                   {Part: part{"small", 1, 2}},
		"part: {width: 7}":              {Part: part{"small", 7, 2}},
		"\"int\": 3":                    {Int: 3},
		"{\"int\": 3, \"text\": \"a\"}": {Int: 3, Text: "a"},
		"\ufeffint: 3\r\nbool: true":    {Int: 3, Bool: true},
		"? int\n: 3":                    {Int: 3},
		// Anchors, aliases and merge keys.
		"int: &n 16\npart: {width: *n}":                              {Int: 16, Part: part{"small", 16, 2}},
		"items:\n- &s {x: 1, list: [2]}\n- {<<: *s, x: 3}":           {Items: []inner{{1, []float64{2}}, {3, []float64{2}}}},
		"items:\n- &s {x: 1, list: [2]}\n- {x: 3, <<: *s}":           {Items: []inner{{1, []float64{2}}, {3, []float64{2}}}},
		"items:\n- &a {x: 1}\n- &b {x: 2, list: []}\n- <<: [*a, *b]": {Items: []inner{{X: 1}, {2, []float64{}}, {1, []float64{}}}},
		"ref: {<<: {x: 4}}":                                          {Ref: &inner{X: 4}},
		"ints: [&a 1, &a 2, *a]":                                     {Ints: []int{1, 2, 2}},
		"&top\nint: 1":                                               {Int: 1},
		"&k int: 3\ntext: *k":                                        {Int: 3, Text: "int"},
	} {
		if got, err := read(text); err != nil {
			t.Errorf("%q: %v", text, err)
		} else if d := cmp.Diff(want, got); d != "" {
			t.Errorf("%q: -want +got:\n%s", text, d)
		}
	}
}

func TestErrors(t *testing.T) {
	deep := strings.Repeat("[", 200)
	for _, c := range []struct {
		text, want string
		kind       error
	}{
		{"int: 30.7", "f.yaml:1: int: 30.7 is not a whole number", ErrFraction},
		{"int: 30.0", "f.yaml:1: int: 30.0 is not a whole number", ErrFraction},
		{"bool: true\nint: 7.9e0", "f.yaml:2: int: 7.9e0 is not a whole number", ErrFraction},
		{"int: 1e3", "f.yaml:1: int: 1e3 is not a whole number", ErrFraction},
		{"ints: [1, 16.9]", "f.yaml:1: ints[1]: 16.9 is not a whole number", ErrFraction},
		{"int: \"7.9\"", `f.yaml:1: int: want a whole number, not the text "7.9": remove the quotes`, ErrType},
		{"int: '7'", "remove the quotes", ErrType},
		{"int: 0042", "f.yaml:1: int: 0042 starts with 0, which some programs read as octal: write 42", ErrType},
		{"int: 0089", "f.yaml:1: int: 0089 starts with 0", ErrType},
		{"int: 00", "write 0,", ErrType},
		{"float: 010", "float: 010 starts with 0", ErrType},
		{"int: 1_000", "int: 1_000 is read differently", ErrType},
		{"int: 0b11", "int: 0b11 is read differently", ErrType},
		{"float: 1_000.5", "float: 1_000.5 is read differently", ErrType},
		{"int: 9223372036854775808", "int: 9223372036854775808 is not in -2^63..2^63-1", ErrRange},
		{"int: 18446744073709551616", "int: 18446744073709551616 is out of range", ErrRange},
		{"seed: 18446744073709551616", "seed: 18446744073709551616 is out of range", ErrRange},
		{"seed: -1", "seed: -1 is not in 0..2^64-1", ErrRange},
		{"small: 128", "small: 128 is not in -2^7..2^7-1", ErrRange},
		{"float: 1e400", "float: 1e400 is out of range", ErrRange},
		{"float: 1e-400", "float: 1e-400 is too small", ErrRange},
		{"single: 1e39", "single: 1e39 is out of range of 32-bit", ErrRange},
		{"float: .nan", "float: NaN is not a number", ErrRange},
		{"float: -.inf", "float: -.inf is not a finite number", ErrRange},
		{"float: '1'", "float: want a number, not the text", ErrType},
		{"float: 1:30", "float: want a number", ErrType},
		{"bool: yes", `bool: want true or false, not "yes"`, ErrType},
		{"bool: True", "bool: want true or false", ErrType},
		{"bool: 1", "bool: want true or false, not the number 1", ErrType},
		{"text: 30", "text: want a text, not the number 30: put it in quotes", ErrType},
		{"text: true", "text: want a text", ErrType},
		{"text: [a]", "text: want a text, not a list", ErrType},
		{"text:", "f.yaml:1: text: the key has no value", ErrType},
		{"items:\n- x: ~", "f.yaml:2: items[0].x: the key has no value", ErrType},
		{"int: !!int \"7\"", "int: tags such as !!int are not supported", ErrType},
		{"span: 10", "f.yaml:1: span: ", nil},
		{"pair: [1]", "f.yaml:1: pair: want [low, high], not 1 values", nil},
		{"pair: [1, x]", "f.yaml:1: pair[1]: want a number", ErrType},
		{"part: big", `f.yaml:1: part: "big" is not known`, nil},
		{"part:\n  width: 1\n  hight: 2", "f.yaml:3: part.hight: unknown key: did you mean height?", ErrUnknownKey},
		{"colour: red", "f.yaml:1: colour: unknown key: want one of int, small", ErrUnknownKey},
		{"Int: 1", "Int: unknown key: did you mean int?", ErrUnknownKey},
		{"hidden: x", "hidden: unknown key", ErrUnknownKey},
		{"int: 1\n\ufeffint: 2", `"\ufeffint": unknown key`, ErrUnknownKey},
		{"1: 2", "f.yaml:1: 1: unknown key", ErrUnknownKey},
		{"int: 1\nint: 2", "f.yaml:2: int: duplicate key, first in line 1", ErrDuplicateKey},
		{"int: 1\n\"int\": 2", "f.yaml:2: int: duplicate key", ErrDuplicateKey},
		{"ref:\n  x: 1\n  x: 2", "f.yaml:3: ref.x: duplicate key, first in line 2", ErrDuplicateKey},
		{"ref: {<<: {x: 1}, <<: {x: 2}}", "duplicate key", ErrDuplicateKey},
		{"ref: {<<: 3}", "want a mapping to merge", ErrAlias},
		{"ref: {<<: {y: 1}}", "f.yaml:1: ref.y: unknown key", ErrUnknownKey},
		{"int: *n", "f.yaml:1: int: no anchor &n before the alias *n", ErrAlias},
		{"int: *n\nsmall: &n 3", "no anchor &n before", ErrAlias},
		{"ints: &a [1, *a]", "f.yaml:1: ints[1]: the alias *a is inside the value of its own anchor", ErrAlias},
		{"ref: &a {<<: *a}", "inside the value of its own anchor", ErrAlias},
		{"int: &m 6.9\nsmall: *m", "f.yaml:1: int: 6.9 is not a whole number", ErrFraction},
		{"float: &g 0.99\nsmall: *g", "f.yaml:2: small: 0.99 is not a whole number", ErrFraction},
		{"[1, 2]", "f.yaml:1: want a mapping", ErrType},
		{"word", "f.yaml:1: want a mapping", ErrType},
		{"~", "f.yaml:1: ", ErrType},
		{"int: [", "f.yaml:1: ", ErrSyntax},
		{"int: 1\n---\nint: 2", "f.yaml: 2 YAML documents", ErrDocuments},
		{"? [a]\n: 1", "f.yaml:2: found an invalid key", ErrSyntax},
		{"ints: " + deep, "nested deeper", ErrTooLarge},
		{"ints: " + strings.Repeat("- ", 200), "", nil},
		{"int: 1\ntext: \xe9", "f.yaml:2: not UTF-8", textfile.ErrEncoding},
		{"i\x00n\x00t\x00", "UTF-16 without a byte order mark", textfile.ErrEncoding},
		{strings.Repeat("# comment\n", 1<<19), "are more than", ErrTooLarge},
	} {
		_, err := read(c.text)
		var placed *Error
		if !errors.As(err, &placed) || !strings.Contains(err.Error(), c.want) || !strings.HasPrefix(err.Error(), "f.yaml") ||
			c.kind != nil && !errors.Is(err, c.kind) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%.60q: error %v, want %q", c.text, err, c.want)
		}
	}
}

// Ten aliases of ten aliases of ... are read as shared values, and refused where they would fill
// memory.
func TestAliasBomb(t *testing.T) {
	bomb := "a0: &a0 [1]\n"
	for i := 1; i < 12; i++ {
		bomb += fmt.Sprintf("a%d: &a%d [%s]\n", i, i, strings.TrimSuffix(strings.Repeat(fmt.Sprintf("*a%d, ", i-1), 10), ", "))
	}
	type d1 = [][][][][][][][][][][][]int
	dst := struct {
		A0  []int                     `yaml:"a0"`
		A1  [][]int                   `yaml:"a1"`
		A2  [][][]int                 `yaml:"a2"`
		A3  [][][][]int               `yaml:"a3"`
		A4  [][][][][]int             `yaml:"a4"`
		A5  [][][][][][]int           `yaml:"a5"`
		A6  [][][][][][][]int         `yaml:"a6"`
		A7  [][][][][][][][]int       `yaml:"a7"`
		A8  [][][][][][][][][]int     `yaml:"a8"`
		A9  [][][][][][][][][][]int   `yaml:"a9"`
		A10 [][][][][][][][][][][]int `yaml:"a10"`
		A11 d1                        `yaml:"a11"`
	}{}
	if err := Unmarshal([]byte(bomb), "f.yaml", &dst, nil); !errors.Is(err, ErrTooLarge) {
		t.Errorf("error %v", err)
	}
	// Merge keys that copy quadratically.
	merges := "ref: &a {"
	for i := range 2000 {
		merges += fmt.Sprintf("k%d: 1, ", i)
	}
	merges += "x: 1}\nitems:\n" + strings.Repeat("- {<<: *a}\n", 2000)
	if _, err := read(merges); !errors.Is(err, ErrTooLarge) {
		t.Errorf("merges: error %v", err)
	}
}

func TestUTF16(t *testing.T) {
	data := binary.LittleEndian.AppendUint16(nil, 0xfeff)
	for _, u := range utf16.Encode([]rune("text: 語\r\nint: 4\r\n")) {
		data = binary.LittleEndian.AppendUint16(data, u)
	}
	if d, err := read(string(data)); err != nil || d.Text != "語" || d.Int != 4 {
		t.Errorf("%+v, error %v", d, err)
	}
}

// For any written number, the value is exact or there is an error.
func TestNumbersAreExact(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.OneOf(
			rapid.StringMatching(`[-+]?[0-9]{1,22}`),
			rapid.StringMatching(`[-+]?0[xo]?[0-9a-f]{1,18}`),
			rapid.StringMatching(`[-+]?[0-9]{0,3}\.?[0-9]{0,3}([eE][-+]?[0-9]{1,3})?`),
			rapid.StringMatching(`["']?[0-9_.]{1,5}["']?`),
		).Draw(t, "text")
		want, isNumber := new(big.Rat).SetString(text)
		if d, err := read("int: " + text); err == nil {
			if !isNumber || want.Cmp(new(big.Rat).SetInt64(int64(d.Int))) != 0 {
				t.Fatalf("int %q became %d", text, d.Int)
			}
		}
		if d, err := read("float: " + text); err == nil {
			nearest := math.NaN()
			if isNumber {
				nearest, _ = want.Float64()
			}
			if d.Float != nearest {
				t.Fatalf("float %q became %v", text, d.Float)
			}
		}
	})
}

func TestValidation(t *testing.T) {
	text := "part:\n  width: 3\nitems:\n- x: 1\n- list:\n  - 2\n  - 3\nref: &r\n  x: 5\n"
	for path, line := range map[string]string{
		"part.width": "f.yaml:2: ", "items[0].x": "f.yaml:4: ", "items[1].list[1]": "f.yaml:7: ", "items[1].x": "f.yaml:5: ", "part.height": "f.yaml:2: ",
		"ref.x": "f.yaml:9: ", "bool": "f.yaml: ",
	} {
		var d doc
		err := Unmarshal([]byte(text), "f.yaml", &d, func() error { return Invalid(path, "is wrong") })
		if err == nil || err.Error() != line+path+": is wrong" || !errors.Is(err, ErrInvalid) {
			t.Errorf("%s: %v, want %s", path, err, line)
		}
	}
	if err := Below("recipe", Invalid("gamma", "is wrong")); err.Error() != "recipe.gamma: is wrong" {
		t.Error(err)
	}
}

// What is encoded is decoded to the same value.
func TestRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		texts := rapid.OneOf(rapid.String().Filter(func(s string) bool { return !strings.ContainsAny(s, "\r\x00") }),
			rapid.SampledFrom([]string{"1e3", "0042", "1_000", "true", "~", "", "null", ".5", "- a", "? a", "a: b", "a #b", "&a", "*a", "!t", "a\nb", "'", "<<"}))
		finite := rapid.Float64Range(-math.MaxFloat64, math.MaxFloat64)
		d := doc{
			Int: rapid.Int().Draw(t, "int"), Small: rapid.Int8().Draw(t, "small"), Seed: rapid.Uint64().Draw(t, "seed"),
			Float: finite.Draw(t, "float"), Single: rapid.Float32Range(-math.MaxFloat32, math.MaxFloat32).Draw(t, "single"),
			Bool: rapid.Bool().Draw(t, "bool"), Text: texts.Draw(t, "text"),
			Ints:  rapid.SliceOf(rapid.Int()).Draw(t, "ints"),
			Maybe: rapid.SliceOfN(texts, 1, 3).Draw(t, "maybe"),
			Ref:   &inner{X: 3, List: rapid.SliceOf(finite).Draw(t, "list")},
			Items: []inner{{List: []float64{}}},
		}
		type plain struct { // without those that read themselves
			Int    int      `yaml:"int"`
			Small  int8     `yaml:"small"`
			Seed   uint64   `yaml:"seed"`
			Float  float64  `yaml:"float"`
			Single float32  `yaml:"single"`
			Bool   bool     `yaml:"bool"`
			Text   string   `yaml:"text"`
			Ints   []int    `yaml:"ints,flow"`
			Maybe  []string `yaml:"maybe,omitempty"`
			Ref    *inner   `yaml:"ref"`
			Items  []inner  `yaml:"items"`
		}
		p := plain{d.Int, d.Small, d.Seed, d.Float, d.Single, d.Bool, d.Text, d.Ints, d.Maybe, d.Ref, d.Items}
		for _, marshal := range []func(any) ([]byte, error){func(v any) ([]byte, error) { return Marshal(v) }, MarshalJSON} {
			text, err := marshal(p)
			if err != nil {
				t.Fatal(err)
			}
			got, err := read(string(text))
			if err != nil {
				t.Fatalf("%v in\n%s", err, text)
			}
			if diff := cmp.Diff(d, got); diff != "" {
				t.Fatalf("-encoded +decoded:\n%s\n%s", diff, text)
			}
		}
	})
}

// FuzzUnmarshal: no input panics, errors are one line with the file, and every decoded value
// survives a round trip.
func FuzzUnmarshal(f *testing.F) {
	f.Add([]byte("int: 3\nref: &a {x: 1}\nitems: [*a, {<<: *a, x: 2}]\npart: small\npair: [1, 2]\nspan: 1ms"))
	f.Add([]byte("!!x [&a *a]"))
	f.Add([]byte("? int\n: 0x1f\ntext: |\n  a"))
	f.Add([]byte("\xff\xfei\x00n\x00t\x00:\x00 \x003\x00"))
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) > 1<<12 {
			return
		}
		var d doc
		var err error
		done := make(chan bool)
		go func() { d, err = read(string(data)); close(done) }()
		select {
		case <-done:
		case <-time.After(10 * time.Second):
			t.Fatalf("%q takes more than 10 seconds", data)
		}
		if err != nil {
			if text := err.Error(); !strings.HasPrefix(text, "f.yaml") {
				t.Fatalf("error %q", text)
			}
			return
		}
		if bytes.ContainsAny(data, "\r\x00") {
			return // text of another encoding
		}
		text, err := Marshal(struct {
			Int   int     `yaml:"int"`
			Seed  uint64  `yaml:"seed"`
			Float float64 `yaml:"float"`
			Text  string  `yaml:"text"`
			Ints  []int   `yaml:"ints"`
		}{d.Int, d.Seed, d.Float, d.Text, append([]int{}, d.Ints...)})
		if err != nil {
			t.Fatal(err)
		}
		again, err := read(string(text))
		if err != nil {
			t.Fatalf("%v in\n%s", err, text)
		}
		if again.Int != d.Int || again.Seed != d.Seed || again.Float != d.Float || again.Text != d.Text {
			t.Fatalf("%+v came back as %+v from\n%s", d, again, text)
		}
	})
}
