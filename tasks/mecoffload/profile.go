package mecoffload

import (
	"embed"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path"
	"path/filepath"
	"slices"
	"sort"
	"strings"

	"github.com/graphrl/graphrl/internal/strictyaml"
)

//go:embed profiles/*.yaml
var profileFiles embed.FS

const (
	// IllustrativeProfile names the built-in profile whose figures are this project's own, not measured.
	IllustrativeProfile = "illustrative"
	// VGG16Profile names the built-in profile of a network of this project; [Profile.Measured] says
	// how it was measured.
	VGG16Profile = "vgg16-cifar10"

	// DefaultProfile names the built-in profile of a configuration that names none.
	DefaultProfile = VGG16Profile
)

// Profile describes a CNN with early exits and the servers that run it: the accuracy of each exit
// and the time of an inference up to it. Profiles are YAML files that you can replace with your own
// measurements:
//
//	name: my-network
//	accuracy: [0.71, 0.80, 0.84]          # one per exit, increasing, in (0, 1]
//	servers:                              # one entry per kind of server
//	  - name: jetson
//	    times: [1.2ms, 2.9ms, 5.1ms]      # one per exit, increasing
//	    samples:                          # optional: equally likely times, a row per exit
//	      - [1.1ms, 1.1ms, 1.4ms]
//	      - [2.7ms, 2.9ms, 3.1ms]
//	      - [4.8ms, 5.0ms, 5.5ms]
//
// A scenario with more servers than the profile lists repeats the list cyclically: server n has the
// times of entry n mod len(Servers).
type Profile struct {
	Name string `yaml:"name"`
	// Accuracy is the share of correct answers phi_l at each exit [L].
	Accuracy []float64 `yaml:"accuracy,flow"`
	// Servers are the kinds of server, in the order in which they repeat.
	Servers []ServerProfile `yaml:"servers"`
	// Measured says how the figures were measured; nil if they were not.
	Measured *Provenance `yaml:"measured,omitempty" json:",omitempty"`
}

// Provenance says where and how the figures of a profile were measured.
type Provenance struct {
	Network string `yaml:"network,omitempty"`
	Machine string `yaml:"machine,omitempty"` // processor and system
	Cores   int    `yaml:"cores,omitempty"`   // of the machine
	Threads int    `yaml:"threads,omitempty"` // of one inference
	Commit  string `yaml:"commit,omitempty"`  // of this module
	Date    string `yaml:"date,omitempty"`
	Images  int    `yaml:"images,omitempty"` // that the accuracies are of
	Runs    int    `yaml:"runs,omitempty"`   // timed inferences of each exit, for each kind of server
	// Pause is the time before each inference for which the server had nothing to do.
	Pause Seconds `yaml:"pause,omitempty"`
}

// ServerProfile is one kind of server.
type ServerProfile struct {
	Name string `yaml:"name"`
	// Times is the nominal inference time tau_l up to each exit [L] with the whole server free for
	// it.
	Times []Seconds `yaml:"times,flow"`
	// Samples are measured times up to each exit [L], ascending and equally likely. Their mean is
	// that exit's entry in Times. The simulator draws from them; see [Profile.Luck].
	Samples [][]Seconds `yaml:"samples,flow,omitempty" json:",omitempty"`
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
		if err := s.check(fmt.Sprintf("servers[%d]", n), len(p.Accuracy)); err != nil {
			return err
		}
	}
	return p.Measured.check()
}

func (m *Provenance) check() error {
	if m == nil {
		return nil
	}
	for i, v := range []int{m.Cores, m.Threads, m.Images, m.Runs} {
		if v < 0 {
			key := []string{"cores", "threads", "images", "runs"}[i]
			return strictyaml.Invalid("measured."+key, "%d is negative", v)
		}
	}
	if m.Pause < 0 {
		return strictyaml.Invalid("measured.pause", "%v is negative", m.Pause)
	}
	return nil
}

// check reports what is invalid in the times of a server; at is its key.
func (s ServerProfile) check(at string, exits int) error {
	if len(s.Times) != exits {
		return strictyaml.Invalid(at+".times", "%d times for %d exits", len(s.Times), exits)
	}
	last := Seconds(0)
	for l, t := range s.Times {
		key := fmt.Sprintf("%s.times[%d]", at, l)
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
	if len(s.Samples) != 0 && len(s.Samples) != exits {
		return strictyaml.Invalid(at+".samples", "%d rows for %d exits", len(s.Samples), exits)
	}
	for l, row := range s.Samples {
		key := fmt.Sprintf("%s.samples[%d]", at, l)
		switch {
		case len(row) == 0:
			return strictyaml.Invalid(key, "want at least one time")
		case !(row[0] > 0 && row[len(row)-1] <= maxSpan) || !slices.IsSorted(row):
			return strictyaml.Invalid(key, "want times above 0 and up to %v, in ascending order", Seconds(maxSpan))
		}
		// Rounding to nanoseconds shows in short times.
		if mean := meanSeconds(row); math.Abs(float64(mean-s.Times[l])) > 0.01*float64(s.Times[l])+2e-9 {
			return strictyaml.Invalid(key, "their mean %v is not the %v of exit %d in times", mean, s.Times[l], l+1)
		}
	}
	return nil
}

// Luck is the distribution of a real inference time divided by its nominal one. Its mean is 1.
type Luck struct {
	uniform  Interval[float64]
	measured []float64 // ascending, equally likely; none: uniform
}

// Luck returns the distribution for a server and an exit in a scenario with the given jitter. Measured
// times replace an assumed jitter. A jitter of 0 means that inferences take their nominal time.
func (p Profile) Luck(server, exit int, jitter float64) Luck {
	luck := Luck{uniform: Interval[float64]{1 - jitter, 1 + jitter}}
	if samples := p.Servers[server%len(p.Servers)].Samples; jitter > 0 && len(samples) > 0 {
		sum := 0.0
		for _, s := range samples[exit] {
			sum += float64(s)
		}
		for _, s := range samples[exit] {
			luck.measured = append(luck.measured, float64(s)*float64(len(samples[exit]))/sum)
		}
	}
	return luck
}

// At returns the value that a fraction u in [0, 1) of all draws lies below.
func (k *Luck) At(u float64) float64 {
	if n := len(k.measured); n > 0 {
		return k.measured[int(u*float64(n))]
	}
	return k.uniform.at(u)
}

// Range returns the lowest and the highest value.
func (k *Luck) Range() (low, high float64) {
	if n := len(k.measured); n > 0 {
		return k.measured[0], k.measured[n-1]
	}
	return k.uniform.Low, k.uniform.High
}

// Measured returns the measured values, ascending and equally likely, or nil if all values of
// [Luck.Range] are equally likely.
func (k *Luck) Measured() []float64 { return k.measured }

// Below returns the probability that a value is at most x.
func (k *Luck) Below(x float64) float64 {
	if n := len(k.measured); n > 0 {
		return float64(sort.Search(n, func(i int) bool { return k.measured[i] > x })) / float64(n)
	}
	return uniformBelow(k.uniform, x)
}

// lucks returns the distributions of the given number of servers [N x L].
func (p Profile) lucks(servers int, jitter float64) []Luck {
	var all []Luck
	for n := range servers {
		if n >= len(p.Servers) { // kinds repeat
			all = append(all, all[(n-len(p.Servers))*p.Exits():][:p.Exits()]...)
			continue
		}
		for l := range p.Exits() {
			all = append(all, p.Luck(n, l, jitter))
		}
	}
	return all
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
		servers[i] = ServerProfile{s.Name, s.Times[last:], s.Samples[min(last, len(s.Samples)):]}
	}
	p.Servers = servers
	return p
}
