package checkpoints

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"runtime/debug"
	"unicode/utf8"
)

// formatVersion counts incompatible changes of the checkpoint format.
const formatVersion = 1

// Manifest describes the content of a checkpoint. [Save] sets Format, Version, Data and Checksum,
// its caller the rest.
type Manifest struct {
	Format       int    `json:"format"`          // version of the checkpoint format
	Version      string `json:"graphrl_version"` // release that wrote it, from Go's build information
	Method       string `json:"method"`          // name of the learning method
	Architecture string `json:"architecture"`    // fingerprint of the networks
	Step         int64  `json:"step"`            // progress of the run, not negative
	// Config is the configuration of the run, any JSON; Load returns it compact.
	Config   json.RawMessage `json:"config,omitempty"`
	Data     DataFile        `json:"data"`
	Checksum string          `json:"checksum"` // hexadecimal SHA-256 of this manifest without it
}

// DataFile names the safetensors file that belongs to a manifest.
type DataFile struct {
	File   string `json:"file"`   // base name
	Bytes  int64  `json:"bytes"`  // size
	SHA256 string `json:"sha256"` // of the whole file, in hexadecimal
}

// dataFile describes a data file. Its name contains its content's hash, so saving one step twice
// never writes to the file in use.
func dataFile(step, size int64, sum [sha256.Size]byte) DataFile {
	return DataFile{
		File:   fmt.Sprintf("state-%d-%x.safetensors", step, sum[:8]),
		Bytes:  size,
		SHA256: hex.EncodeToString(sum[:]),
	}
}

// dataPattern matches the names made by dataFile, for filepath.Match.
const dataPattern = "state-*-????????????????.safetensors"

// encodeManifest writes m with its checksum.
func encodeManifest(m Manifest) ([]byte, error) {
	if m.Step < 0 {
		return nil, fmt.Errorf("step %d is negative", m.Step)
	}
	if !utf8.ValidString(m.Method) || !utf8.ValidString(m.Architecture) || !utf8.Valid(m.Config) {
		return nil, errors.New("method, architecture and config must be UTF-8")
	}
	m.Checksum = ""
	b, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(b)
	m.Checksum = hex.EncodeToString(sum[:])
	b, err = json.MarshalIndent(m, "", "  ")
	return append(b, '\n'), err
}

// decodeManifest reads exactly what encodeManifest wrote: encoding the result again must give the
// same bytes, including the checksum. That also rules out unknown, missing and repeated fields.
func decodeManifest(b []byte) (Manifest, error) {
	var version struct {
		Format int `json:"format"`
	}
	if err := json.Unmarshal(b, &version); err != nil {
		return Manifest{}, fmt.Errorf("%w: %w", err, ErrDamaged)
	}
	if version.Format > formatVersion {
		return Manifest{}, fmt.Errorf("written by a newer graphrl, in format %d where this one reads %d: update graphrl", version.Format, formatVersion)
	}
	var m Manifest
	if err := json.Unmarshal(b, &m); err != nil {
		return Manifest{}, fmt.Errorf("%w: %w", err, ErrDamaged)
	}
	var config bytes.Buffer
	if len(m.Config) > 0 {
		if err := json.Compact(&config, m.Config); err != nil {
			return Manifest{}, fmt.Errorf("%w: %w", err, ErrDamaged)
		}
		m.Config = config.Bytes()
	}
	again, err := encodeManifest(m)
	if err != nil {
		return Manifest{}, fmt.Errorf("%w: %w", err, ErrDamaged)
	}
	if m.Format != formatVersion || !bytes.Equal(again, b) {
		return Manifest{}, fmt.Errorf("changed since it was written: %w", ErrDamaged)
	}
	// The name must be one that dataFile makes: it may not lead out of the directory.
	var sum [sha256.Size]byte
	if n, err := hex.Decode(sum[:], []byte(m.Data.SHA256)); err != nil || n != len(sum) || m.Data != dataFile(m.Step, m.Data.Bytes, sum) {
		return Manifest{}, fmt.Errorf("names a data file of another checkpoint: %w", ErrDamaged)
	}
	return m, nil
}

// version returns the version of this module in the running program, "(devel)" when it is unknown.
func version() string {
	const module = "github.com/graphrl/graphrl"
	info, ok := debug.ReadBuildInfo()
	if ok && info.Main.Path == module && info.Main.Version != "" {
		return info.Main.Version
	}
	if ok {
		for _, dep := range info.Deps {
			if dep.Path == module {
				return dep.Version
			}
		}
	}
	return "(devel)"
}
