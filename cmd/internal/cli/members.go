package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/graphrl/graphrl/internal/atomicfile"
	"github.com/graphrl/graphrl/internal/strictyaml"
)

// ComparisonFile lists the run folders in the folder of a comparison.
const ComparisonFile = "comparison.yaml"

// members is the content of ComparisonFile.
type members struct {
	Runs []string `yaml:"runs"`
}

func (m members) validate() error {
	if len(m.Runs) == 0 {
		return strictyaml.Invalid("runs", "there is none")
	}
	for i, name := range m.Runs {
		if name == "." || !filepath.IsLocal(name) || filepath.Base(name) != name {
			return strictyaml.Invalid(fmt.Sprintf("runs[%d]", i),
				"%q is not the name of a folder next to this file", name)
		}
	}
	return nil
}

// WriteMembers makes dir the folder of a comparison of the named run folders in it.
func WriteMembers(dir string, names []string) error {
	text, err := strictyaml.Marshal(members{names})
	if err != nil {
		return err
	}
	return atomicfile.Write(filepath.Join(dir, ComparisonFile), text)
}

// RunFolders returns the run folders in the folder of a comparison; comparison is false if dir is
// not such a folder.
func RunFolders(dir string) (folders []string, comparison bool, err error) {
	if info, err := os.Stat(dir); err == nil && !info.IsDir() {
		return nil, false, fmt.Errorf("%s is a file: name the folder of a run", dir)
	}
	file := filepath.Join(dir, ComparisonFile)
	data, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, false, nil
	}
	if err != nil {
		return nil, false, err
	}
	names, err := parseMembers(data, file)
	for _, name := range names {
		folders = append(folders, filepath.Join(dir, name))
	}
	return folders, true, err
}

func parseMembers(data []byte, file string) ([]string, error) {
	var m members
	err := strictyaml.Unmarshal(data, file, &m, func() error { return m.validate() })
	return m.Runs, err
}
