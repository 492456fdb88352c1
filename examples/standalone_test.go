// Package examples holds programs that use the library as anybody outside of it would.
package examples

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// Each example compiles when its folder is copied into a separate module.
func TestExamplesCompileOnTheirOwn(t *testing.T) {
	root, err := filepath.Abs("..")
	if err != nil {
		t.Fatal(err)
	}
	mod, err := os.ReadFile(filepath.Join(root, "go.mod"))
	if err != nil {
		t.Fatal(err)
	}
	sum, err := os.ReadFile(filepath.Join(root, "go.sum"))
	if err != nil {
		t.Fatal(err)
	}
	folders, err := filepath.Glob("*/main.go")
	if err != nil || len(folders) == 0 {
		t.Fatal("no examples", err)
	}
	// The versions that graphrl itself has; a user's `go mod tidy` finds them by the network.
	requires := string(mod)[strings.Index(string(mod), "\nrequire"):]
	for _, main := range folders {
		name := filepath.Dir(main)
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			files, err := filepath.Glob(filepath.Join(name, "*.go"))
			if err != nil {
				t.Fatal(err)
			}
			text := "module example.com/" + name + "\n\ngo 1.26\n\nrequire github.com/graphrl/graphrl v0.0.0\n\n" +
				"replace github.com/graphrl/graphrl => " + root + "\n" + requires
			write(t, filepath.Join(dir, "go.mod"), []byte(text))
			write(t, filepath.Join(dir, "go.sum"), sum)
			for _, file := range files {
				if strings.HasSuffix(file, "_test.go") {
					continue
				}
				data, err := os.ReadFile(file)
				if err != nil {
					t.Fatal(err)
				}
				write(t, filepath.Join(dir, filepath.Base(file)), data)
			}
			build := exec.Command("go", "build", "-mod=mod", "-o", os.DevNull, ".")
			build.Dir = dir
			build.Env = append(os.Environ(), "GOFLAGS=", "GOWORK=off")
			if out, err := build.CombinedOutput(); err != nil {
				t.Errorf("%v\n%s", err, out)
			}
		})
	}
}

func write(t *testing.T, name string, data []byte) {
	t.Helper()
	if err := os.WriteFile(name, data, 0o644); err != nil {
		t.Fatal(err)
	}
}
