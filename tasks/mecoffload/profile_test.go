package mecoffload

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/google/go-cmp/cmp"
)

func TestDefaultProfile(t *testing.T) {
	got, err := LoadProfile(DefaultProfile)
	if err != nil {
		t.Fatal(err)
	}
	want := Profile{
		Name:     "vgg16-cifar10",
		Accuracy: []float64{0.64, 0.77, 0.85, 0.90, 0.93},
		Servers: []ServerProfile{
			{"fast", []Seconds{0.00055, 0.00105, 0.0016, 0.00215, 0.0026}},
			{"slow", []Seconds{0.00085, 0.0016, 0.0024, 0.0032, 0.0039}},
		},
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("-want +got:\n%s", d)
	}
	if d := cmp.Diff([]string{"vgg16-cifar10"}, ProfileNames()); d != "" {
		t.Error(d)
	}
	// Servers beyond the listed ones repeat the list.
	for n := range 20 {
		if got.Time(n, 3) != got.Time(n%2, 3) {
			t.Errorf("server %d takes %v", n, got.Time(n, 3))
		}
	}
	data, err := yaml.Marshal(got)
	if err != nil {
		t.Fatal(err)
	}
	back, err := ParseProfile(data, "echo.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(got, back); d != "" {
		t.Errorf("-written +read:\n%s", d)
	}
}

func TestLoadProfileFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "mine.yml")
	doc := "name: mine\naccuracy: [0.5]\nservers:\n- name: one\n  times: [1500us]\n"
	if err := os.WriteFile(file, []byte(doc), 0o600); err != nil {
		t.Fatal(err)
	}
	p, err := LoadProfile(file)
	if err != nil || p.Time(3, 0) != 0.0015 {
		t.Errorf("%+v, %v", p, err)
	}
	_, err = LoadProfile("resnet")
	if err == nil || !strings.Contains(err.Error(), "vgg16-cifar10") {
		t.Errorf("an unknown name does not list the known ones: %v", err)
	}
}

func TestProfileErrors(t *testing.T) {
	const head = "name: a\naccuracy: [0.5, 0.6]\n"
	const good = head + "servers:\n- name: s\n  times: [1ms, 2ms]\n"
	errorCases{
		"":                                    "f.yaml: name: is missing",
		good + "gpu: yes":                     "f.yaml:6: gpu: unknown key: want one of name, accuracy, servers",
		good + "- name: s\n  clock: 1":        "f.yaml:7: servers[1].clock: unknown key: want one of name, times",
		"name: a":                             "f.yaml: accuracy: ",
		"name: a\naccuracy: []":               "f.yaml:2: accuracy: ",
		"name: a\naccuracy: [0.5, 0.4]":       "f.yaml:2: accuracy[1]: the accuracy 0.4 of exit 2 does not exceed",
		"name: a\naccuracy:\n- 0.5\n- 50\n":   "f.yaml:4: accuracy[1]: the accuracy 50 of exit 2 is not in (0, 1]",
		"name: a\naccuracy: [.nan]":           "f.yaml:2: accuracy[0]: ",
		head:                                  "f.yaml: servers: want at least one server",
		head + "servers: []":                  "f.yaml:3: servers: want at least one server",
		good + "- name: t\n  times: [1ms]":    "f.yaml:7: servers[1].times: 1 times for 2 exits",
		good + "- name: t":                    "f.yaml:6: servers[1].times: 0 times for 2 exits",
		good + "- times:\n  - 2ms\n  - 1ms\n": "f.yaml:8: servers[1].times[1]: exit times must be positive and increase: exit 2 has 1ms after 2ms",
		good + "- times: [0s, 1ms]":           "f.yaml:6: servers[1].times[0]: exit times must be positive",
		good + "- times: [1ms, 2h]":           "f.yaml:6: servers[1].times[1]: 7200000ms for exit 2 is more than 3600000ms",
		"name: a\naccuracy: !x\ny":            "f.yaml:2: accuracy: tags such as !x are not supported",
		good + "- times: [1, 2]":              `f.yaml:6: servers[1].times[0]: "1" is not a duration`,
	}.check(t, func(doc string) error {
		_, err := ParseProfile([]byte(doc), "f.yaml")
		return err
	})
}

func FuzzProfile(f *testing.F) {
	data, err := profileFiles.ReadFile("profiles/" + DefaultProfile + ".yaml")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data)
	f.Add([]byte("name: a\naccuracy: [0.5]\nservers: [{times: [1ms]}]"))
	f.Add([]byte("name: a\naccuracy: [0.5]\nservers: [{times: [1ms, 2ms]}]"))
	f.Fuzz(func(t *testing.T, data []byte) {
		p, err := ParseProfile(data, "fuzz.yaml")
		if err != nil {
			return
		}
		if err := p.Validate(); err != nil {
			t.Fatalf("accepted what is not valid: %v", err)
		}
		if p.Time(100, p.Exits()-1) <= 0 {
			t.Fatal("an inference takes no time")
		}
	})
}
