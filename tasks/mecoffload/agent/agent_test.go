package agent

import (
	"slices"
	"testing"

	"github.com/graphrl/graphrl/tasks/mecoffload"
)

// Methods that see one slot pay the recipe's share of the shadow prices; last-exit methods pay the
// same as the others. With the long-term critic, V is the price of the rest.
func TestWhoPaysForServerTime(t *testing.T) {
	_, sc, p := builtin(t, "dynamic", nil)
	shadow, err := mecoffload.ShadowPrices(sc, p)
	if err != nil {
		t.Fatal(err)
	}
	for _, method := range Methods() {
		for _, share := range []float64{0, 0.4} {
			recipe := PaperRecipe()
			recipe.TimePrice = share
			a, err := New(Config{Method: method, Scenario: sc, Profile: p, Recipe: recipe})
			if err != nil {
				t.Fatal(err)
			}
			defer a.Close()
			var want []float64
			if share > 0 && a.value == nil {
				for _, price := range shadow {
					want = append(want, share*price)
				}
			}
			if got := a.Objective().Prices; !slices.Equal(got, want) {
				t.Errorf("%s with share %v: prices %v, want %v", method, share, got, want)
			}
		}
	}
}

// Prices that are kept are those of their own world: of every world that differs in anything that they
// depend on, and of those met before.
func TestPricesOfWorlds(t *testing.T) {
	_, sc, p := builtin(t, "dynamic", nil)
	slower := p
	slower.Servers = slices.Clone(p.Servers)
	slower.Servers[0].Times = slices.Clone(p.Servers[0].Times)
	type world struct {
		sc mecoffload.Scenario
		p  mecoffload.Profile
	}
	worlds := []world{{sc, p}}
	for i := range mostWorlds {
		busy := sc
		busy.Devices += i + 1
		worlds = append(worlds, world{busy, p})
	}
	worlds = append(worlds, world{sc, slower})
	var kept worldPrices
	for _, late := range []bool{false, true} {
		if late { // a profile that is changed in place is another one
			for l := range slower.Servers[0].Times {
				slower.Servers[0].Times[l] *= 2
			}
		}
		for _, w := range worlds {
			want, err := mecoffload.ShadowPrices(w.sc, w.p)
			if err != nil {
				t.Fatal(err)
			}
			if got, err := kept.of(w.sc, w.p); err != nil || !slices.Equal(got, want) {
				t.Fatalf("%d devices: prices %v, %v, want %v", w.sc.Devices, got, err, want)
			}
		}
	}
	if len(kept.known) > mostWorlds {
		t.Errorf("%d worlds are kept", len(kept.known))
	}
	sc.Devices = 0
	if _, err := kept.of(sc, p); err == nil {
		t.Error("a world without devices: no error")
	}
}

func TestRecipeValidatesTimePrice(t *testing.T) {
	r := PaperRecipe()
	r.TimePrice = -0.1
	if err := r.Validate(); err == nil {
		t.Error("a negative price of server time is valid")
	}
}
