package mecoffload

import (
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

const samplesCSV = `image,Exit,correct,latency_ms,server
a,1,1,1.0,fast
a,2,1,2.0,fast
b,1,0,1.2,fast
b,2,1,2.2,fast
a,1,1,3.0,slow
a,2,1,5.0,slow
`

func TestMeasuredProfile(t *testing.T) {
	samples, err := ReadSamples(strings.NewReader(samplesCSV), "x.csv")
	if err != nil {
		t.Fatal(err)
	}
	m, err := MeasuredSamples("mine", samples)
	if err != nil {
		t.Fatal(err)
	}
	want := Profile{Name: "mine", Accuracy: []float64{2. / 3, 1}, Servers: []ServerProfile{
		{"fast", []Seconds{1.1e-3, 2.1e-3}, [][]Seconds{{1e-3, 1.2e-3}, {2e-3, 2.2e-3}}},
		{"slow", []Seconds{3e-3, 5e-3}, [][]Seconds{{3e-3}, {5e-3}}},
	}}
	if diff := cmp.Diff(want, m.Profile); diff != "" || len(m.Notes) != 0 {
		t.Error(diff, m.Notes)
	}
	if want := 0.1 / 1.1; math.Abs(m.Jitter-want) > 1e-9 {
		t.Errorf("jitter %v, want %v", m.Jitter, want)
	}
	semicolons := strings.NewReplacer(",", ";", ".", ",").Replace(samplesCSV)
	if again, err := ReadSamples(strings.NewReader(semicolons), "x.csv"); err != nil || !cmp.Equal(samples, again) {
		t.Errorf("semicolons: %v, %v", again, err)
	}
}

// Many measurements become equally likely times with their mean and, up to the width of a part,
// their quantiles.
func TestCondensed(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		all := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) Seconds {
			return Seconds(rapid.Float64Range(1e-6, 1).Draw(t, "s"))
		}), 1, 500).Draw(t, "times")
		got := condensed(all)
		if want := min(len(all), maxSamples); len(got) != want || !slices.IsSorted(got) {
			t.Fatalf("%d times, want %d in ascending order: %v", len(got), want, got)
		}
		if mean := meanSeconds(all); math.Abs(float64(mean-meanSeconds(got))) > 2e-9 {
			t.Fatalf("mean %v, want %v", meanSeconds(got), mean)
		}
		sorted := slices.Sorted(slices.Values(all))
		for k, v := range got {
			low, high := sorted[k*len(all)/len(got)], sorted[((k+1)*len(all)-1)/len(got)]
			if v < low-1e-9 || v > high+1e-9 {
				t.Fatalf("time %d is %v, want one from %v to %v", k, v, low, high)
			}
		}
	})
}

// An exit that takes longer and knows no more is left out, and it is said why.
func TestUselessExit(t *testing.T) {
	samples := []Sample{{"s", 0, true, 1e-3}, {"s", 0, false, 1e-3}, {"s", 1, true, 2e-3}, {"s", 1, false, 2e-3}, {"s", 2, true, 3e-3}}
	m, err := MeasuredSamples("mine", samples)
	if err != nil || m.Profile.Exits() != 2 || len(m.Notes) != 1 || !strings.Contains(m.Notes[0], "exit 2") {
		t.Errorf("%+v, error %v", m, err)
	}
	if _, err := MeasuredSamples("mine", samples[2:3]); err == nil || !strings.Contains(err.Error(), "no sample of exit 1") {
		t.Errorf("a missing exit: %v", err)
	}
	if _, err := MeasuredSamples("mine", nil); err == nil {
		t.Error("no samples: no error")
	}
}

func TestSamplesThatAreWrong(t *testing.T) {
	const header = "exit,correct,latency_ms\n"
	for text, want := range map[string]string{
		"":                      "empty",
		header:                  "not a single row",
		"exit,correct\n1,1\n":   "latency_ms",
		header + "0,1,1\n":      "line 2: exit",
		header + "1.5,1,1\n":    "line 2: exit",
		header + "1,maybe,1\n":  "line 2: correct",
		header + "1,1,-1\n":     "line 2: latency_ms",
		header + "1,1,NaN\n":    "line 2: latency_ms",
		header + "1,1,1\n1,1\n": "line 3",
	} {
		if _, err := ReadSamples(strings.NewReader(text), "x.csv"); err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "x.csv") {
			t.Errorf("%q: error %v, want one about %q", text, err, want)
		}
	}
}

// FuzzSamples: any file is rejected or gives a valid profile.
func FuzzSamples(f *testing.F) {
	f.Add([]byte(samplesCSV))
	f.Add([]byte("exit;correct;latency_ms\n1;true;0,5\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		samples, err := ReadSamples(strings.NewReader(string(data)), "fuzz")
		if err != nil {
			return
		}
		m, err := MeasuredSamples("fuzz", samples)
		if err != nil {
			return
		}
		if err := m.Profile.Validate(); err != nil || !(m.Jitter >= 0 && m.Jitter < 1) {
			t.Fatalf("jitter %v, %v", m.Jitter, err)
		}
	})
}
