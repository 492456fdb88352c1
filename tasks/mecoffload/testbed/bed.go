package testbed

import (
	"context"
	"errors"
	"fmt"
	"math"

	"github.com/graphrl/graphrl/nn/cnn/imagefolder"
	"github.com/graphrl/graphrl/tasks/earlyexit"
	"github.com/graphrl/graphrl/tasks/mecoffload"
)

// Bed is a set of edge servers that run on this machine.
type Bed struct {
	order     Order
	addresses []string
	processes []*Process // none for servers that run elsewhere
	times     [][]float64
}

// Start starts servers as processes of their own, which run the network of a checkpoint or a run
// folder. They end with Close, when ctx is done, and when this process ends.
func Start(ctx context.Context, network string, servers int, order Order) (*Bed, error) {
	b := &Bed{order: order}
	for range servers {
		p, err := StartProcess(ctx, network, order)
		if err != nil {
			b.Close()
			return nil, err
		}
		b.processes, b.addresses = append(b.processes, p), append(b.addresses, p.Address)
	}
	return b, nil
}

// Connect returns a bed of servers that run already, at the addresses given.
func Connect(addresses []string, order Order) *Bed { return &Bed{order: order, addresses: addresses} }

// Processes returns the servers that Start has started.
func (b *Bed) Processes() []*Process { return b.processes }

// Close stops the servers that Start has started.
func (b *Bed) Close() {
	for _, p := range b.processes {
		p.Stop()
	}
}

// Calibrate measures the mean processor time of an inference up to each exit on each server, in seconds, in
// the given number of rounds over all servers and exits, one inference at a time.
func (b *Bed) Calibrate(ctx context.Context, images []imagefolder.File, rounds int, progress func(done int)) error {
	if rounds < 1 || len(images) == 0 {
		return fmt.Errorf("testbed: calibration with %d rounds and %d images: want at least one of each", rounds, len(images))
	}
	b.times = make([][]float64, len(b.addresses))
	clients := make([]*Client, len(b.addresses))
	for n, address := range b.addresses {
		b.times[n], clients[n] = make([]float64, earlyexit.Exits), NewClient(address)
		defer clients[n].Close()
	}
	const warmUp = 3
	for round := -warmUp; round < rounds; round++ {
		for n, c := range clients {
			for e := range b.times[n] {
				h := Header{Exit: uint32(e), Deadline: math.MaxInt64}
				a, err := c.Send(ctx, h, images[(round+warmUp)%len(images)].Data, 0)
				if ctx.Err() != nil {
					err = context.Cause(ctx)
				}
				if err != nil {
					return fmt.Errorf("testbed: calibration: %w", err)
				}
				if round >= 0 {
					b.times[n][e] += float64(a.Compute) / 1e9 / float64(rounds)
				}
			}
		}
		if progress != nil && round >= 0 {
			progress(round + 1)
		}
	}
	return nil
}

// CalibrateBusy measures again in a short run of random decisions, because inferences take a little
// longer on a busy machine. The run is c.Slots long; an exit that it hardly meets keeps its time.
func (b *Bed) CalibrateBusy(ctx context.Context, c Config) error {
	c.Service, c.Progress = Padded, nil
	r, err := b.Run(ctx, mecoffload.NewRandom(c.Seed), c)
	if err != nil {
		return err
	}
	exits, err := networkExits(c.Profile, c.Exits)
	if err != nil {
		return err
	}
	const fewest = 5
	for n, times := range b.times {
		for l, e := range exits {
			sum, count := 0.0, 0.0
			for _, t := range r.Tasks {
				if t.Status != mecoffload.Dropped && t.Server == n && t.Exit == l {
					sum += t.Compute
					count++
				}
			}
			if count >= fewest {
				times[e] = sum / count
			}
		}
	}
	return nil
}

// Times returns what the last calibration has measured [N][L], in seconds.
func (b *Bed) Times() [][]float64 { return b.times }

// Kinds returns for each server how many times slower than this machine it is by the profile: the
// geometric mean over the exits of the profile's time over the measured one. exits are the network's
// exits that the profile has, counted from 0; nil: all.
func (b *Bed) Kinds(p mecoffload.Profile, exits []int) ([]float64, error) {
	if b.times == nil {
		return nil, errors.New("testbed: the servers are not calibrated")
	}
	exits, err := networkExits(p, exits)
	if err != nil {
		return nil, err
	}
	kinds := make([]float64, len(b.times))
	for n, times := range b.times {
		sum := 0.0
		for l, e := range exits {
			sum += math.Log(p.Time(n, l) / times[e])
		}
		kinds[n] = math.Exp(sum / float64(len(exits)))
	}
	return kinds, nil
}

// networkExits returns the network's exit for each one of a profile.
func networkExits(p mecoffload.Profile, exits []int) ([]int, error) {
	if exits == nil {
		for e := range earlyexit.Exits {
			exits = append(exits, e)
		}
	}
	if len(exits) != p.Exits() {
		return nil, fmt.Errorf("testbed: profile %q has %d exits, %d of the network were named: measure a profile with cmd/profile network, "+
			"and name the exits that it keeps", p.Name, p.Exits(), len(exits))
	}
	for i, e := range exits {
		if e < 0 || e >= earlyexit.Exits || i > 0 && e <= exits[i-1] {
			return nil, fmt.Errorf("testbed: exits %v: want ascending ones of the network's %d", exits, earlyexit.Exits)
		}
	}
	return exits, nil
}
