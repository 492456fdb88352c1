package agent

import (
	"encoding/json"
	"sync"

	"github.com/graphrl/graphrl/tasks/mecoffload"
)

// timePrices returns the price of a second of each server [N]: a share of its shadow price. Methods
// that use only the last exit pay the prices of the whole network too, so that all methods maximise
// the same objective.
//
// The reward of a slot ignores later slots. A method that maximises it spends server time on
// anything that adds to this slot, until backlogs are so long that deadlines ration them
// (docs/decisions/0014).
func timePrices(sc mecoffload.Scenario, p mecoffload.Profile, share float64) ([]float64, error) {
	shadow, err := shadowPrices.of(sc, p)
	if err != nil {
		return nil, err
	}
	prices := make([]float64, len(shadow))
	for n := range prices {
		prices[n] = shadow[n] * share
	}
	return prices, nil
}

// shadowPrices are those of the worlds that policies were made for lately. They take longer to compute
// than all else in a policy, and a service makes a policy for the same world at every reload, while
// requests wait.
var shadowPrices worldPrices

// mostWorlds bounds the prices that are kept.
const mostWorlds = 32

// worldPrices keeps shadow prices [N] by what they depend on.
type worldPrices struct {
	mu    sync.Mutex
	known map[string][]float64
}

// of returns the prices of a world. Callers must not change them.
func (w *worldPrices) of(sc mecoffload.Scenario, p mecoffload.Profile) ([]float64, error) {
	key, err := json.Marshal([]any{sc, p})
	if err != nil { // a number that JSON does not have, which is not valid either: the error says so
		return mecoffload.ShadowPrices(sc, p)
	}
	w.mu.Lock()
	prices, ok := w.known[string(key)]
	w.mu.Unlock()
	if ok {
		return prices, nil
	}
	if prices, err = mecoffload.ShadowPrices(sc, p); err != nil {
		return nil, err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.known == nil || len(w.known) >= mostWorlds {
		w.known = make(map[string][]float64)
	}
	w.known[string(key)] = prices
	return prices, nil
}
