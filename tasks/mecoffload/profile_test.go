package mecoffload

import (
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/google/go-cmp/cmp"
	"github.com/graphrl/graphrl/internal/strictyaml"
	"pgregory.net/rapid"
)

func TestIllustrativeProfile(t *testing.T) {
	got, err := LoadProfile(IllustrativeProfile)
	if err != nil {
		t.Fatal(err)
	}
	want := Profile{
		Name:     "illustrative",
		Accuracy: []float64{0.64, 0.77, 0.85, 0.90, 0.93},
		Servers: []ServerProfile{
			{Name: "fast", Times: []Seconds{0.00055, 0.00105, 0.0016, 0.00215, 0.0026}},
			{Name: "slow", Times: []Seconds{0.00085, 0.0016, 0.0024, 0.0032, 0.0039}},
		},
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("-want +got:\n%s", d)
	}
	if d := cmp.Diff([]string{"illustrative", "vgg16-cifar10"}, ProfileNames()); d != "" {
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

// The measured profile says where its figures come from, and has a distribution for each time.
func TestMeasuredBuiltin(t *testing.T) {
	p, err := LoadProfile(VGG16Profile)
	if err != nil {
		t.Fatal(err)
	}
	m := p.Measured
	if m == nil || m.Machine == "" || m.Commit == "" || m.Network == "" || m.Threads != 1 || m.Images != 5000 || m.Runs < 300 {
		t.Errorf("measured: %+v", m)
	}
	if p.Name != VGG16Profile || p.Exits() != 5 {
		t.Errorf("%s has %d exits", p.Name, p.Exits())
	}
	for _, s := range p.Servers {
		for l, row := range s.Samples {
			if len(row) != 20 || !(row[0] < s.Times[l] && s.Times[l] < row[19]) {
				t.Errorf("%s, exit %d: mean %v of %v", s.Name, l+1, s.Times[l], row)
			}
		}
		if len(s.Samples) != p.Exits() {
			t.Errorf("%s has samples of %d exits", s.Name, len(s.Samples))
		}
	}
}

const sampledProfile = `name: sampled
accuracy: [0.5, 0.6]
servers:
  - name: measured
    times: [1ms, 2ms]
    samples:
      - [0.5ms, 1ms, 1.5ms]
      - [1.5ms, 1.5ms, 1.5ms, 1.5ms, 4ms]
  - name: assumed
    times: [3ms, 4ms]
measured:
  machine: some processor
  threads: 1
  images: 5000
`

// A profile with samples survives writing and reading, and keeps the last exit's.
func TestSampledProfile(t *testing.T) {
	p, err := ParseProfile([]byte(sampledProfile), "f.yaml")
	if err != nil {
		t.Fatal(err)
	}
	data, err := strictyaml.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	back, err := ParseProfile(data, "back.yaml")
	if d := cmp.Diff(p, back); err != nil || d != "" {
		t.Errorf("%v, -written +read:\n%s", err, d)
	}
	last := p.LastExit()
	if err := last.Validate(); err != nil || len(last.Servers[0].Samples) != 1 || len(last.Servers[0].Samples[0]) != 5 {
		t.Errorf("%+v, %v", last, err)
	}
}

// What a profile without samples was written as must not change: digests of results cover it.
func TestProfileWithoutSamplesIsWrittenAsBefore(t *testing.T) {
	p := Profile{Name: "a", Accuracy: []float64{0.5}, Servers: []ServerProfile{{Name: "s", Times: []Seconds{0.001}}}}
	yaml, err := strictyaml.Marshal(p)
	if want := "name: a\naccuracy: [0.5]\nservers:\n- name: s\n  times: [1ms]\n"; err != nil || string(yaml) != want {
		t.Errorf("%q, %v", yaml, err)
	}
	text, err := json.Marshal(p)
	if want := `{"Name":"a","Accuracy":[0.5],"Servers":[{"Name":"s","Times":[0.001]}]}`; err != nil || string(text) != want {
		t.Errorf("%s, %v", text, err)
	}
}

// Real times are draws from the samples: each as often as the others, where there are some and the
// scenario is uncertain about times.
func TestSimulatorDrawsSamples(t *testing.T) {
	p, err := ParseProfile([]byte(sampledProfile), "f.yaml")
	if err != nil {
		t.Fatal(err)
	}
	sc, err := LoadScenario("dynamic")
	if err != nil {
		t.Fatal(err)
	}
	const slots, seed = 2000, 8101
	for _, jitter := range []float64{0, 0.25} {
		sc.Jitter = jitter
		sim, err := NewSimulator(sc, p)
		if err != nil {
			t.Fatal(err)
		}
		obs, err := sim.Reset(seed)
		if err != nil {
			t.Fatal(err)
		}
		counts := map[float64]int{}
		draws, sum, least, most := 0, 0.0, 2.0, 0.0
		for range slots {
			for i := range obs.Devices {
				_, short := sim.Luck(i, 0, 0)
				_, long := sim.Luck(i, 0, 1)
				if short < 1 && long > 1 {
					t.Fatalf("a short time %v up to exit 1 and a long one %v up to exit 2 from one draw", short, long)
				}
				counts[math.Round(long*1e6)/1e6]++
				_, assumed := sim.Luck(i, 1, 0)
				sum, least, most, draws = sum+long, min(least, assumed), max(most, assumed), draws+1
			}
			next, err := sim.Step(make(Action, obs.Devices))
			if err != nil {
				t.Fatal(err)
			}
			obs = next.Observation
		}
		if jitter == 0 {
			if counts[1] != draws || least != 1 || most != 1 {
				t.Errorf("without jitter: %v of %d, assumed %v to %v", counts, draws, least, most)
			}
			continue
		}
		// 28,000 draws of 2.0 with probability 1/5: 5 standard deviations are 0.012.
		if share := float64(counts[2]) / float64(draws); len(counts) != 2 || math.Abs(share-0.2) > 0.012 {
			t.Errorf("%v of %d draws, want a fifth of them 2 and the others 0.75", counts, draws)
		}
		if mean := sum / float64(draws); math.Abs(mean-1) > 0.015 {
			t.Errorf("mean %v, want 1", mean)
		}
		if least < 0.75 || least > 0.76 || most > 1.25 || most < 1.24 {
			t.Errorf("the server without samples: %v to %v, want 0.75 to 1.25", least, most)
		}
	}
}

// P(luck <= x) and the range agree with the draws, measured or assumed.
func TestLuck(t *testing.T) {
	p, err := ParseProfile([]byte(sampledProfile), "f.yaml")
	if err != nil {
		t.Fatal(err)
	}
	rapid.Check(t, func(t *rapid.T) {
		k := p.Luck(rapid.IntRange(0, 5).Draw(t, "server"), rapid.IntRange(0, 1).Draw(t, "exit"), rapid.SampledFrom([]float64{0, 0.3}).Draw(t, "jitter"))
		x := rapid.Float64Range(0, 3).Draw(t, "x")
		const draws = 3000
		low, high := k.Range()
		below, sum := 0.0, 0.0
		for i := range draws {
			v := k.At((float64(i) + 0.5) / draws)
			if v < low-1e-12 || v > high+1e-12 {
				t.Fatalf("%v is not in [%v, %v]", v, low, high)
			}
			if sum += v / draws; v <= x {
				below += 1. / draws
			}
		}
		if math.Abs(sum-1) > 1e-9 || math.Abs(below-k.Below(x)) > 1./draws && x != low && x != high {
			t.Fatalf("mean %v, %v of the draws are up to %v, want %v", sum, below, x, k.Below(x))
		}
	})
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
		"":                                      "f.yaml: name: is missing",
		good + "gpu: yes":                       "f.yaml:6: gpu: unknown key: want one of name, accuracy, servers, measured",
		good + "- name: s\n  clock: 1":          "f.yaml:7: servers[1].clock: unknown key: want one of name, times, samples",
		"name: a":                               "f.yaml: accuracy: ",
		"name: a\naccuracy: []":                 "f.yaml:2: accuracy: ",
		"name: a\naccuracy: [0.5, 0.4]":         "f.yaml:2: accuracy[1]: the accuracy 0.4 of exit 2 does not exceed",
		"name: a\naccuracy:\n- 0.5\n- 50\n":     "f.yaml:4: accuracy[1]: the accuracy 50 of exit 2 is not in (0, 1]",
		"name: a\naccuracy: [.nan]":             "f.yaml:2: accuracy[0]: ",
		head:                                    "f.yaml: servers: want at least one server",
		head + "servers: []":                    "f.yaml:3: servers: want at least one server",
		good + "- name: t\n  times: [1ms]":      "f.yaml:7: servers[1].times: 1 times for 2 exits",
		good + "- name: t":                      "f.yaml:6: servers[1].times: 0 times for 2 exits",
		good + "- times:\n  - 2ms\n  - 1ms\n":   "f.yaml:8: servers[1].times[1]: exit times must be positive and increase: exit 2 has 1ms after 2ms",
		good + "- times: [0s, 1ms]":             "f.yaml:6: servers[1].times[0]: exit times must be positive",
		good + "- times: [1ms, 2h]":             "f.yaml:6: servers[1].times[1]: 7200000ms for exit 2 is more than 3600000ms",
		"name: a\naccuracy: !x\ny":              "f.yaml:2: accuracy: tags such as !x are not supported",
		good + "  samples: [[1ms]]":             "f.yaml:6: servers[0].samples: 1 rows for 2 exits",
		good + "  samples: [[1ms], []]":         "f.yaml:6: servers[0].samples[1]: want at least one time",
		good + "  samples: [[1ms], [0s, 4ms]]":  "f.yaml:6: servers[0].samples[1]: want times above 0",
		good + "  samples: [[1ms], [3ms, 1ms]]": "f.yaml:6: servers[0].samples[1]: want times above 0 and up to 3600000ms, in ascending order",
		good + "  samples: [[1ms], [1ms, 2ms]]": "f.yaml:6: servers[0].samples[1]: their mean 1.5ms is not the 2ms of exit 2",
		good + "measured: {runs: -1}":           "f.yaml:6: measured.runs: -1 is negative",
		good + "measured: {pause: -1ms}":        "f.yaml:6: measured.pause: -1ms is negative",
		good + "measured: {gpu: x}":             "f.yaml:6: measured.gpu: unknown key",
		good + "- times: [1, 2]":                `f.yaml:6: servers[1].times[0]: "1" is not a duration`,
	}.check(t, func(doc string) error {
		_, err := ParseProfile([]byte(doc), "f.yaml")
		return err
	})
}

func FuzzProfile(f *testing.F) {
	data, err := profileFiles.ReadFile("profiles/" + IllustrativeProfile + ".yaml")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data)
	f.Add([]byte("name: a\naccuracy: [0.5]\nservers: [{times: [1ms]}]"))
	f.Add([]byte("name: a\naccuracy: [0.5]\nservers: [{times: [1ms, 2ms]}]"))
	f.Add([]byte(sampledProfile))
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
		if k := p.Luck(100, p.Exits()-1, 0.5); !(k.At(0) > 0) || !(k.At(math.Nextafter(1, 0)) >= k.At(0)) {
			t.Fatalf("luck from %v to %v", k.At(0), k.At(math.Nextafter(1, 0)))
		}
	})
}
