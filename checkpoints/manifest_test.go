package checkpoints

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"
)

// exampleManifest returns a manifest as save completes it.
func exampleManifest() Manifest {
	return Manifest{
		Format: formatVersion, Version: "v0.1.0", Method: "droo", Architecture: "mlp 10-120-80-10", Step: 30000,
		Config: json.RawMessage(`{"lr":1e-2,"<K>":[],"seed":18446744073709551615}`),
		Data:   dataFile(30000, 5, sha256.Sum256([]byte("state"))),
	}
}

func TestManifestRoundTrip(t *testing.T) {
	m := exampleManifest()
	b, err := encodeManifest(m)
	if err != nil {
		t.Fatal(err)
	}
	got, err := decodeManifest(b)
	if err != nil {
		t.Fatal(err)
	}
	// The checksum covers the file with the checksum cut out; it is computed here without the
	// package's code.
	sum := sha256.Sum256(bytes.TrimSuffix(bytes.Replace(b, []byte(got.Checksum), nil, 1), []byte("\n")))
	m.Checksum = hex.EncodeToString(sum[:])
	m.Config = json.RawMessage(`{"lr":1e-2,"\u003cK\u003e":[],"seed":18446744073709551615}`)
	if !reflect.DeepEqual(got, m) {
		t.Errorf("got  %+v\nwant %+v", got, m)
	}
}

// resealed returns the JSON of m changed by edit, with a matching checksum: damage that only the
// other checks can detect.
func resealed(t *testing.T, edit func(*Manifest)) []byte {
	t.Helper()
	m := exampleManifest()
	edit(&m)
	b, err := encodeManifest(m)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestDecodeManifestRejects(t *testing.T) {
	valid := resealed(t, func(*Manifest) {})
	tests := []struct {
		name string
		b    []byte
		want string
	}{
		{"empty", nil, "unexpected end"},
		{"no JSON", []byte("x"), "invalid character"},
		{"wrong type", bytes.Replace(valid, []byte(`"droo"`), []byte(`7`), 1), "cannot unmarshal"},
		{"edited", bytes.Replace(valid, []byte("30000"), []byte("30001"), 1), "changed since"},
		{"unknown field", bytes.Replace(valid, []byte("{"), []byte(`{"x":1,`), 1), "changed since"},
		{"field twice", bytes.Replace(valid, []byte("{"), []byte(`{"step":30000,`), 1), "changed since"},
		{"field of other case", bytes.Replace(valid, []byte(`"step"`), []byte(`"Step"`), 1), "changed since"},
		{"line end missing", valid[:len(valid)-1], "changed since"},
		{"newer", resealed(t, func(m *Manifest) { m.Format = formatVersion + 1 }), "update graphrl"},
		{"format 0", resealed(t, func(m *Manifest) { m.Format = 0 }), "changed since"},
		{"other directory", resealed(t, func(m *Manifest) { m.Data.File = "../" + m.Data.File }), "of another checkpoint"},
		{"path in the hash", resealed(t, func(m *Manifest) { m.Data.SHA256 = "../../etc/passwd" }), "of another checkpoint"},
		{"upper-case hash", resealed(t, func(m *Manifest) { m.Data.SHA256 = strings.ToUpper(m.Data.SHA256) }), "of another checkpoint"},
		{"no data", resealed(t, func(m *Manifest) { m.Data = DataFile{} }), "of another checkpoint"},
	}
	for _, tt := range tests {
		_, err := decodeManifest(tt.b)
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: error %v, want %q in it", tt.name, err, tt.want)
		}
		if tt.name != "newer" && !errors.Is(err, ErrDamaged) {
			t.Errorf("%s: error %v does not wrap ErrDamaged", tt.name, err)
		}
	}
}

func TestEncodeManifestRejects(t *testing.T) {
	for _, m := range []Manifest{
		{Step: -1},
		{Method: "\xff"},
		{Architecture: "\xff"},
		{Config: json.RawMessage("{")},
		{Config: json.RawMessage("\"\xff\"")},
	} {
		if _, err := encodeManifest(m); err == nil {
			t.Errorf("no error for %+v", m)
		}
	}
}

// FuzzManifest passes bytes to the reader, and then saves them as the free-form parts of a
// manifest: everything written must read back.
func FuzzManifest(f *testing.F) {
	valid, err := encodeManifest(exampleManifest())
	if err != nil {
		f.Fatal(err)
	}
	for _, seed := range []string{string(valid), "", "null", `{"format":1}`, `{"format":9}`, `{"a":[{},[],"<\u2028>"],"b":1e999}`, "\"\u2028\ufffd\"", " 1 "} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if m, err := decodeManifest(b); err == nil {
			if again, err := encodeManifest(m); err != nil || !bytes.Equal(again, b) {
				t.Errorf("read %q, written %q, %v", b, again, err)
			}
		}
		m := exampleManifest()
		m.Method, m.Architecture, m.Config = string(b), string(b), b
		written, err := encodeManifest(m)
		if err != nil {
			m.Config = nil
			if written, err = encodeManifest(m); err != nil {
				return
			}
		}
		got, err := decodeManifest(written)
		if err != nil {
			t.Fatalf("cannot read what was written: %v\n%s", err, written)
		}
		if got.Method != string(b) || got.Architecture != string(b) {
			t.Errorf("strings %q came back as %q and %q", b, got.Method, got.Architecture)
		}
		if want, config := numbers(t, m.Config), numbers(t, got.Config); !reflect.DeepEqual(config, want) {
			t.Errorf("config %q came back as %q", m.Config, got.Config)
		}
	})
}

// numbers decodes JSON, keeping the digits of its numbers; nil for none.
func numbers(t *testing.T, b json.RawMessage) (v any) {
	t.Helper()
	if len(b) == 0 {
		return nil
	}
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	if err := d.Decode(&v); err != nil {
		t.Error(err)
	}
	return v
}
