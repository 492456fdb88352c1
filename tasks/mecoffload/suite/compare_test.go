package suite

import (
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/graphrl/graphrl/rl"
	"github.com/graphrl/graphrl/tasks/mecoffload"
)

// made returns a comparison with given average accuracies, [world][subject][seed].
func made(subjects []Subject, accuracy [][][]float64) *Comparison {
	c := &Comparison{Subjects: subjects, groups: make(map[place]*group), bounds: make(map[World]BoundValues)}
	for i, bySubject := range accuracy {
		w := World{Scenario: "dynamic", Devices: 6 + 4*i, Servers: 2, Slot: shortSlot}
		c.Worlds = append(c.Worlds, w)
		c.bounds[w] = BoundValues{AllExits: Bound{0.8, 0.9, 0}, LastExit: Bound{0.9, 0.4, 0}}
		for k, scores := range bySubject {
			g := &group{}
			for _, s := range scores {
				g.rows = append(g.rows, mecoffload.Row{Accuracy: s, SSP: 2 * s})
			}
			c.groups[place{w, subjects[k]}] = g
		}
	}
	return c
}

var (
	grle   = Subject{"GRLE", "tuned"}
	grl    = Subject{"GRL", "tuned"}
	lt     = Subject{"GRLE-LT", "tuned"}
	random = Subject{Name: "random"}
)

func near(t *testing.T, what string, got, want float64) {
	t.Helper()
	if !(math.Abs(got-want) < 1e-12) {
		t.Errorf("%s is %v, want %v", what, got, want)
	}
}

func TestIntervals(t *testing.T) {
	c := made([]Subject{grle, grl}, [][][]float64{
		{{0.6, 0.7, 0.8}, {0.1, 0.2, 0.3}},
		{{0.5, 0.5, 0.5}, {0.5, 0.25, 0.5}},
	})
	estimate := func(e rl.Estimate, err error) rl.Estimate {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		if !(e.Low <= e.Value && e.Value <= e.High) {
			t.Errorf("%v lies outside its interval", e)
		}
		return e
	}
	a, b := c.Worlds[0], c.Worlds[1]
	mean := estimate(c.Mean(a, grle, Accuracy()))
	near(t, "mean", mean.Value, 0.7)
	if !(mean.Low >= 0.6-1e-12 && mean.High <= 0.8+1e-12 && mean.Low < mean.High) {
		t.Errorf("interval %v does not lie among the scores", mean)
	}
	// Constant scores have no uncertainty.
	constant := estimate(c.Mean(b, grle, Accuracy()))
	near(t, "lower end", constant.Low, 0.5)
	near(t, "upper end", constant.High, 0.5)
	// With the same difference on every stream, its interval is far narrower than the means'.
	d := estimate(c.Difference(a, grle, grl, Accuracy()))
	for _, v := range []float64{d.Low, d.Value, d.High} {
		near(t, "paired difference", v, 0.5)
	}
	near(t, "difference in both worlds", estimate(c.MeanDifference(grle, grl, Accuracy())).Value, (0.5+0.25/3)/2)
	near(t, "difference in SSP", estimate(c.MeanDifference(grle, grl, SSP())).Value, 0.5+0.25/3)
	near(t, "ratio", estimate(c.Ratio(a, grle, grl, Accuracy())).Value, 3.5)
	// Trim six values to four: the smallest and the largest of {.5 .5 .5 .6 .7 .8} go.
	near(t, "IQM", estimate(c.IQM(grle, Accuracy())).Value, (0.5+0.5+0.6+0.7)/4)
	// In world a every run is better; in b six of nine pairs are ties and three are wins.
	near(t, "probability of improvement", estimate(c.Improvement(grle, grl, Accuracy())).Value, (1+(3+6*0.5)/9)/2)
	near(t, "that of the other", estimate(c.Improvement(grl, grle, Accuracy())).Value, 1-(1+(3+6*0.5)/9)/2)
	near(t, "share of the bound of all exits", estimate(c.Share(grle)).Value, (0.7+0.5)/2/0.8)
	near(t, "share of the bound of the last exit", estimate(c.Share(grl)).Value, (0.2+1.25/3)/2/0.4)
	if again := estimate(c.Mean(a, grle, Accuracy())); again != mean {
		t.Errorf("asked twice: %v and %v", mean, again)
	}
}

func TestOneSeedHasNoInterval(t *testing.T) {
	c := made([]Subject{grle, grl}, [][][]float64{{{0.6}, {0.3}}})
	e, err := c.Mean(c.Worlds[0], grle, Accuracy())
	if err != nil || e.Value != 0.6 || !math.IsNaN(e.Low) || !math.IsNaN(e.High) {
		t.Errorf("%v %v", e, err)
	}
	r, err := c.Ratio(c.Worlds[0], grle, grl, Accuracy())
	if err != nil || r.Value != 2 {
		t.Errorf("%v %v", r, err)
	}
}

func TestReference(t *testing.T) {
	paper := Subject{"GRLE", "paper"}
	c := made([]Subject{paper, grle, grl, random}, [][][]float64{{{1}, {1}, {1}, {1}}})
	for s, want := range map[Subject]Subject{grl: grle, {"GRL", "paper"}: paper, random: grle, grle: grle} {
		if got, ok := c.Reference(s); !ok || got != want {
			t.Errorf("%v is compared with %v, want %v", s, got, want)
		}
	}
	if _, ok := c.Reference(Subject{"GRL", "other"}); ok {
		t.Error("a reference of a recipe without one")
	}
	if _, ok := made([]Subject{grl, random}, [][][]float64{{{1}, {1}}}).Reference(random); ok {
		t.Error("a reference without GRLE")
	}
}

// What level of accuracy can be reached depends on the servers: claims about it are of one profile.
func TestLevelClaimsAreOfOneProfile(t *testing.T) {
	c := made([]Subject{lt}, [][][]float64{{{0.8}}, {{0.8}}, {{0.7}}})
	for name, want := range map[string]bool{mecoffload.IllustrativeProfile: true, "mine": false} {
		c.Suite.Cells = []Cell{{Profile: mecoffload.Profile{Name: name}}}
		claims, err := c.Claims()
		if err != nil {
			t.Fatal(err)
		}
		got := slices.ContainsFunc(claims, func(c Claim) bool { return strings.Contains(c.Text, "0.67") })
		if got != want {
			t.Errorf("profile %s: a claim about 0.67: %v, want %v", name, got, want)
		}
	}
}

func TestClaims(t *testing.T) {
	subjects := []Subject{lt, grle, grl, random}
	// The claims are about the third world: 14 devices.
	judge := func(last [][]float64) map[string]bool {
		t.Helper()
		c := made(subjects, [][][]float64{
			{{0.8, 0.8}, {0.7, 0.7}, {0.4, 0.4}, {0.1, 0.1}},
			{{0.8, 0.8}, {0.7, 0.7}, {0.4, 0.4}, {0.1, 0.1}},
			last,
		})
		claims, err := c.Claims()
		if err != nil {
			t.Fatal(err)
		}
		holds := make(map[string]bool)
		for i, claim := range claims {
			if claim.Text == "" || claim.Measured == "" {
				t.Errorf("empty claim %+v", claim)
			}
			holds[[]string{"3.41", "0.67", "GRLE>GRL", "GRLE>random", "LT>GRLE", "LT>random"}[i]] = claim.Holds
		}
		if len(claims) != 6 {
			t.Errorf("%d claims: %+v", len(claims), claims)
		}
		return holds
	}
	for claim, holds := range judge([][]float64{{0.68, 0.68}, {0.6, 0.6}, {0.15, 0.15}, {0.1, 0.1}}) {
		if !holds {
			t.Errorf("%s should hold", claim)
		}
	}
	// Lower by more than the interval, and lower within it.
	got := judge([][]float64{{0.5, 0.3}, {0.4, 0.5}, {0.15, 0.15}, {0.6, 0.6}})
	for claim, want := range map[string]bool{"3.41": false, "0.67": false, "GRLE>GRL": true, "GRLE>random": false, "LT>GRLE": true, "LT>random": false} {
		if got[claim] != want {
			t.Errorf("%s: holds %v, want %v", claim, got[claim], want)
		}
	}
}
