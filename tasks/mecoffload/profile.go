package mecoffload

import (
	"embed"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/graphrl/graphrl/internal/strictyaml"
)

//go:embed profiles/*.yaml
var profileFiles embed.FS

// DefaultProfile names the built-in profile. Its figures are this project's own and illustrative.
const DefaultProfile = "vgg16-cifar10"

// Profile describes a CNN with early exits and the servers that run it: the accuracy of each exit
// and the time of an inference up to it. Profiles are YAML files that you can replace with your own
// measurements:
//
//	name: my-network
//	accuracy: [0.71, 0.80, 0.84]          # one per exit, increasing, in (0, 1]
//	servers:                              # one entry per kind of server
//	  - name: jetson
//	    times: [1.2ms, 2.9ms, 5.1ms]      # one per exit, increasing
//
// A scenario with more servers than the profile lists repeats the list cyclically: server n has the
// times of entry n mod len(Servers).
type Profile struct {
	Name string `yaml:"name"`
	// Accuracy is the share of correct answers phi_l at each exit [L].
	Accuracy []float64 `yaml:"accuracy,flow"`
	// Servers are the kinds of server, in the order in which they repeat.
	Servers []ServerProfile `yaml:"servers"`
}

// ServerProfile is one kind of server.
type ServerProfile struct {
	Name string `yaml:"name"`
	// Times is the nominal inference time tau_l up to each exit [L] with the whole server free for
	// it.
	Times []Seconds `yaml:"times,flow"`
}

// Exits returns the number of exits L.
func (p Profile) Exits() int { return len(p.Accuracy) }

// Time returns the nominal inference time tau_{n,l} in seconds of server n up to exit l.
func (p Profile) Time(n, l int) float64 { return float64(p.Servers[n%len(p.Servers)].Times[l]) }

// Times writes tau_{n,l} of the given number of servers to dst [N x L], growing it if necessary.
func (p Profile) Times(servers int, dst []float64) []float64 {
	dst = dst[:0]
	for n := range servers {
		for l := range p.Exits() {
			dst = append(dst, p.Time(n, l))
		}
	}
	return dst
}

// Validate reports the first invalid value and its key.
func (p Profile) Validate() error {
	if p.Name == "" {
		return strictyaml.Invalid("name", "is missing")
	}
	if len(p.Accuracy) == 0 {
		return strictyaml.Invalid("accuracy", "want the accuracy of at least one exit")
	}
	last := 0.0
	for l, a := range p.Accuracy {
		key := fmt.Sprintf("accuracy[%d]", l)
		if !(a > 0 && a <= 1) {
			return strictyaml.Invalid(key, "the accuracy %v of exit %d is not in (0, 1]", a, l+1)
		}
		if !(a > last) {
			return strictyaml.Invalid(key,
				"the accuracy %v of exit %d does not exceed the %v of the exit before it", a, l+1, last)
		}
		last = a
	}
	if len(p.Servers) == 0 {
		return strictyaml.Invalid("servers", "want at least one server")
	}
	for n, s := range p.Servers {
		if len(s.Times) != len(p.Accuracy) {
			return strictyaml.Invalid(fmt.Sprintf("servers[%d].times", n), "%d times for %d exits",
				len(s.Times), len(p.Accuracy))
		}
		last := Seconds(0)
		for l, t := range s.Times {
			key := fmt.Sprintf("servers[%d].times[%d]", n, l)
			if t > maxSpan {
				return strictyaml.Invalid(key, "%v for exit %d is more than %v", t, l+1,
					Seconds(maxSpan))
			}
			if !(t > last) {
				return strictyaml.Invalid(key,
					"exit times must be positive and increase: exit %d has %v after %v", l+1, t, last)
			}
			last = t
		}
	}
	return nil
}

// maxSpan bounds every time in a profile or a scenario, in seconds. A longer time is a mistake in
// the unit.
const maxSpan = 3600.0

// ParseProfile reads a profile from YAML. Errors name filename and the line.
func ParseProfile(data []byte, filename string) (Profile, error) {
	var p Profile
	if err := strictyaml.Unmarshal(data, filename, &p, func() error { return p.Validate() }); err != nil {
		return Profile{}, fmt.Errorf("mecoffload: profile %w", err)
	}
	return p, nil
}

// LoadProfile reads a profile: a file if the name ends in .yaml or has a slash, else a built-in.
func LoadProfile(nameOrFile string) (Profile, error) {
	data, filename, err := readConfig(profileFiles, "profiles", nameOrFile)
	if err != nil {
		return Profile{}, fmt.Errorf("mecoffload: profile %w", err)
	}
	return ParseProfile(data, filename)
}

// ProfileNames lists the built-in profiles.
func ProfileNames() []string { return builtinNames(profileFiles, "profiles") }

// readConfig returns the YAML of a built-in or a file, and the name to use for it in errors.
func readConfig(builtins fs.FS, dir, nameOrFile string) (data []byte, filename string, err error) {
	if isFile(nameOrFile) {
		data, err = os.ReadFile(nameOrFile)
		return data, nameOrFile, err
	}
	filename = nameOrFile + ".yaml"
	data, err = fs.ReadFile(builtins, path.Join(dir, filename))
	if err != nil {
		return nil, "", fmt.Errorf("%q is not known: choose one of %s, or name a .yaml file",
			nameOrFile, strings.Join(builtinNames(builtins, dir), ", "))
	}
	return data, filename, nil
}

func builtinNames(builtins fs.FS, dir string) []string {
	entries, err := fs.ReadDir(builtins, dir)
	if err != nil {
		return nil // the folder is embedded at build time
	}
	names := make([]string, len(entries))
	for i, e := range entries {
		names[i] = strings.TrimSuffix(e.Name(), ".yaml")
	}
	return names
}

// isFile reports whether the name of a profile or scenario is a file's rather than a built-in's.
func isFile(name string) bool {
	ext := filepath.Ext(name)
	return ext == ".yaml" || ext == ".yml" || strings.ContainsRune(name, os.PathSeparator) || strings.ContainsRune(name, '/')
}

// LastExit returns p without its earlier exits.
func (p Profile) LastExit() Profile {
	last := p.Exits() - 1
	p.Accuracy = p.Accuracy[last:]
	servers := make([]ServerProfile, len(p.Servers))
	for i, s := range p.Servers {
		servers[i] = ServerProfile{s.Name, s.Times[last:]}
	}
	p.Servers = servers
	return p
}
