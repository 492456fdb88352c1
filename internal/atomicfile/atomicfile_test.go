package atomicfile

import (
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sync/errgroup"
)

func TestWrite(t *testing.T) {
	name := filepath.Join(t.TempDir(), "x")
	for _, text := range []string{"long long", "short"} {
		if err := Write(name, []byte(text)); err != nil {
			t.Fatal(err)
		}
		if got, err := os.ReadFile(name); string(got) != text || err != nil {
			t.Errorf("%q, error %v", got, err)
		}
	}
	if err := os.Mkdir(name+".d", 0o700); err != nil {
		t.Fatal(err)
	}
	if err := Write(name+".d", nil); err == nil {
		t.Error("written over a folder")
	}
	if left, _ := filepath.Glob(filepath.Join(filepath.Dir(name), "*.tmp")); left != nil {
		t.Errorf("left behind: %v", left)
	}
}

// Writers of one file at a time do not disturb each other.
func TestWritersAtATime(t *testing.T) {
	name := filepath.Join(t.TempDir(), "x")
	var group errgroup.Group
	for range 50 {
		group.Go(func() error { return Write(name, []byte("the same")) })
	}
	if err := group.Wait(); err != nil {
		t.Fatal(err)
	}
	if got, err := os.ReadFile(name); string(got) != "the same" || err != nil {
		t.Errorf("%q, error %v", got, err)
	}
}
