package cli

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
)

// FuzzReadLog: a damaged log gives an error or its lines, one each, and what OpenLog keeps is what was there.
func FuzzReadLog(f *testing.F) {
	f.Add([]byte("{\"slot\":1}\n{\"slot\":2}\n"), int64(1))
	f.Add([]byte("{\"slot\":1.5}\n\n"), int64(2))
	f.Add([]byte("{\"slot\":"), int64(-1))
	f.Fuzz(func(t *testing.T, data []byte, keep int64) {
		name := filepath.Join(t.TempDir(), "log.jsonl")
		if err := os.WriteFile(name, data, 0o600); err != nil {
			t.Fatal(err)
		}
		type line struct {
			Slot int64 `json:"slot"`
		}
		if lines, err := ReadLog[line](name); err == nil && len(lines) > bytes.Count(data, []byte{'\n'})+1 {
			t.Fatalf("%d lines of %q", len(lines), data)
		}
		log, err := OpenLog(name, keep)
		if err != nil {
			return
		}
		if err := log.Close(); err != nil {
			t.Fatal(err)
		}
		kept, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.HasPrefix(data, kept) || int64(bytes.Count(kept, []byte{'\n'})) != max(keep, 0) {
			t.Fatalf("kept %q of %q, want %d lines", kept, data, keep)
		}
	})
}
