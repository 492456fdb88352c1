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

func TestRecipeValidatesTimePrice(t *testing.T) {
	r := PaperRecipe()
	r.TimePrice = -0.1
	if err := r.Validate(); err == nil {
		t.Error("a negative price of server time is valid")
	}
}
