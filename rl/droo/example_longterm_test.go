package droo_test

import (
	"fmt"
	"log"

	"github.com/graphrl/graphrl/rl"
	"github.com/graphrl/graphrl/rl/droo"
)

// A shop has up to three items in store. Every slot a customer offers a price between 0 and 1, and
// the shop sells an item (1) or keeps it (0). With probability 0.3 a new item arrives after that.
type offer struct {
	stock int
	price float64
}

// shop is the critic for one slot, and predicts the stock that a decision leaves.
type shop struct{}

func (shop) Score(o offer, d *droo.Decisions, dst []float64) error {
	for k := range dst {
		dst[k] = 0
		if d.Candidate(k)[0] == 1 && o.stock > 0 {
			dst[k] = o.price
		}
	}
	return nil
}

func (shop) AfterstateSize(offer) int { return 1 }

func (s shop) Predict(o offer, d *droo.Decisions, rewards []float64, dst []float32) error {
	for k := range dst {
		dst[k] = float32(o.stock - min(o.stock, int(d.Candidate(k)[0])))
	}
	return s.Score(o, d, rewards)
}

// stockValue is V: a number for each stock. With more stocks a network would take its place.
type stockValue [4]float64

func (v *stockValue) Values(stocks []float32, k int, dst []float64) error {
	for i := range k {
		dst[i] = v[int(stocks[i])]
	}
	return nil
}

func (v *stockValue) TrainTD(stocks []float32, k int, targets []float64) (loss float64, err error) {
	for i := range k {
		e := targets[i] - v[int(stocks[i])]
		v[int(stocks[i])] += 0.01 * e
		loss += e * e / float64(k)
	}
	return loss, nil
}

// undecided is an actor that never learns: with one binary decision both candidates can be tried.
type undecided struct{}

func (undecided) Scores(offer) (droo.Scores, error) {
	return droo.Scores{Rows: 1, Options: 1, Logits: []float32{0}}, nil
}
func (undecided) Train([]droo.Sample[offer]) (float64, error) { return 0, nil }

type offerCodec struct{}

func (offerCodec) Copy(dst *offer, src offer) { *dst = src }
func (offerCodec) Encode(dst []float64, o offer) []float64 {
	return append(dst, float64(o.stock), o.price)
}
func (offerCodec) Decode(o *offer, src []float64) error {
	if len(src) != 2 {
		return fmt.Errorf("%d numbers are no offer", len(src))
	}
	*o = offer{int(src[0]), src[1]}
	return nil
}

// A one-slot critic sells at any price. The long-term critic learns the value of an item in store,
// and waits.
func ExampleLongTerm() {
	value := &stockValue{3, 3, 3, 3} // optimistic start, so that everything gets tried
	longTerm, err := droo.NewLongTerm(shop{}, value, droo.DefaultLongTermConfig())
	if err != nil {
		log.Fatal(err)
	}
	earn := func(critic droo.Critic[offer]) float64 {
		learner, err := droo.New(undecided{}, new(droo.KBest), critic, offerCodec{}, droo.DefaultConfig())
		if err != nil {
			log.Fatal(err)
		}
		rng, stock, sum := rl.NewRand(1, 0), 0, 0.0
		const slots, last = 8000, 4000
		for slot := range slots {
			o := offer{stock, rng.Float64()}
			decision, err := learner.Decide(o)
			if err != nil {
				log.Fatal(err)
			}
			reward := 0.0
			if decision[0] == 1 && stock > 0 {
				reward = o.price
				stock--
			}
			if critic == droo.Critic[offer](longTerm) {
				if err := longTerm.Executed(o, decision); err != nil {
					log.Fatal(err)
				}
				if _, _, err := longTerm.Observe(rl.Transition[offer]{Reward: reward}); err != nil {
					log.Fatal(err)
				}
			}
			if rng.Float64() < 0.3 {
				stock = min(stock+1, 3)
			}
			if slot >= slots-last {
				sum += reward / last
			}
		}
		return sum
	}
	fmt.Printf("for one slot:      %.2f per slot\n", earn(shop{}))
	fmt.Printf("in the long term:  %.2f per slot\n", earn(longTerm))
	fmt.Println("an item in store is worth something:", value[1] > value[0]+0.1)
	// Output:
	// for one slot:      0.14 per slot
	// in the long term:  0.21 per slot
	// an item in store is worth something: true
}
