package suite

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/graphrl/graphrl/internal/atomicfile"
)

// settingsFile is the file in a report's folder that records its settings.
const settingsFile = "settings.json"

// settings distinguish two runs of one suite.
type Settings struct {
	Suite string   `json:"suite"`
	Slots int64    `json:"slots"`
	Seeds []uint64 `json:"seeds"`
	Cells int      `json:"cells"`
	// Digest covers all cells: worlds, profile, methods, recipes, traces.
	Digest string `json:"digest"`
}

// settings returns the suite's settings.
func (s Suite) settings() (Settings, error) {
	sum := sha256.New()
	for _, c := range s.Cells {
		key, err := c.Key()
		if err != nil {
			return Settings{}, err
		}
		fmt.Fprintln(sum, key)
	}
	return Settings{s.Name, s.Slots, s.Seeds, len(s.Cells), hex.EncodeToString(sum.Sum(nil)[:16])}, nil
}

// ErrOtherSettings means that a folder has the report of other settings.
var ErrOtherSettings = errors.New("it has the report of other settings, which is never overwritten")

// ClaimFolder makes the existing folder dir the folder of the suite's report. It refuses a folder
// with the report of other settings.
func (s Suite) ClaimFolder(dir string) error {
	want, err := s.settings()
	if err != nil {
		return err
	}
	name := filepath.Join(dir, settingsFile)
	data, err := os.ReadFile(name)
	if errors.Is(err, fs.ErrNotExist) {
		if _, err := os.Stat(filepath.Join(dir, "results.json")); err == nil {
			return fmt.Errorf("suite: %s: %w, as far as one can tell: it has no %s", dir, ErrOtherSettings, settingsFile)
		}
		if data, err = json.MarshalIndent(want, "", " "); err != nil {
			return err
		}
		return atomicfile.Write(name, append(data, '\n'))
	}
	if err != nil {
		return fmt.Errorf("suite: %w", err)
	}
	var has Settings
	if err := json.Unmarshal(data, &has); err != nil {
		return fmt.Errorf("suite: %s: %w: %w", name, err, ErrOtherSettings)
	}
	if has.Digest != want.Digest {
		return fmt.Errorf("suite: %s: %w: %s, not %s", dir, ErrOtherSettings, has, want)
	}
	return nil
}

// String returns the settings that a reader would compare.
func (s Settings) String() string {
	return fmt.Sprintf("%d cells of %d slots with %d seeds (%.8s)", s.Cells, s.Slots, len(s.Seeds), s.Digest)
}
