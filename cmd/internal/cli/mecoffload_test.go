package cli

import (
	"testing"

	"github.com/graphrl/graphrl/tasks/mecoffload/experiment"
)

// Only worlds of more than four million links that flags ask for get a reach by themselves.
func TestReachOfLargeWorlds(t *testing.T) {
	for _, c := range []struct{ devices, servers, reach, want int }{
		{14, 2, -1, 0},
		{1000, 140, -1, 0},
		{10_000, 200, -1, 0},
		{10_000, 1400, -1, cityReach},
		{100_000, 14_000, -1, cityReach},
		{10_000, 1400, 0, 0}, // all of them, by --reach 0
		{10_000, 1400, 40, 40},
	} {
		f := WorldFlags{Devices: &c.devices, Servers: &c.servers}
		if c.reach >= 0 {
			f.Reach = &c.reach
		}
		cfg := experiment.Config{}
		if err := f.Apply(&cfg); err != nil {
			t.Fatal(err)
		}
		if got := cfg.Scenario.Reach; got != c.want {
			t.Errorf("%d devices, %d servers: a reach of %d, want %d", c.devices, c.servers, got, c.want)
		}
	}
}
