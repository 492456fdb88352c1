package atomicfile

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
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

// A device stays a device and a link a link; errors name the file, not the temporary one.
func TestWriteKeepsWhatIsThere(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "file"), []byte("old"), 0o600); err != nil {
		t.Fatal(err)
	}
	link := filepath.Join(dir, "link")
	if err := os.Symlink("file", link); err != nil {
		t.Skip(err)
	}
	if err := Write(link, []byte("new")); err != nil {
		t.Fatal(err)
	}
	if got, err := os.ReadFile(filepath.Join(dir, "file")); string(got) != "new" || err != nil {
		t.Errorf("behind the link: %q, error %v", got, err)
	}
	if info, err := os.Lstat(link); err != nil || info.Mode()&os.ModeSymlink == 0 {
		t.Errorf("the link became %v, error %v", info, err)
	}

	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer read.Close()
	pipe := fmt.Sprintf("/proc/self/fd/%d", write.Fd())
	if _, err := os.Stat(pipe); err != nil {
		t.Skip(err)
	}
	if err := errors.Join(Write(pipe, []byte("through")), write.Close()); err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(read); string(got) != "through" || err != nil {
		t.Errorf("out of the pipe: %q, error %v", got, err)
	}

	missing := filepath.Join(dir, "none", "x")
	if err := Write(missing, nil); err == nil || !strings.Contains(err.Error(), "write "+missing+": ") {
		t.Errorf("without a folder: %v", err)
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
