package lydroo

import (
	"strings"
	"testing"
)

// What no machine holds is refused before it is allocated.
func TestMemoryIsChecked(t *testing.T) {
	for name, change := range map[string]func(*Config){
		"hidden": func(c *Config) {
			c.Hidden = []int{1 << 14, 1 << 14, 1 << 14, 1 << 14, 1 << 14, 1 << 14, 1 << 14, 1 << 14}
		},
		"graph":      func(c *Config) { c.Method, c.GraphHidden, c.GraphRounds = LyDROOGraph, 1<<14, 1<<4 },
		"batch_size": func(c *Config) { c.BatchSize, c.MemorySize, c.Users = 1<<20, 1<<20, 1000 },
		"candidates": func(c *Config) { c.Candidates, c.Users, c.MemorySize = 1<<20, 1000, 1<<20 },
	} {
		c := DefaultConfig(LyDROO)
		change(&c)
		if _, err := NewTraining(c); err == nil || !strings.Contains(err.Error(), "of memory, give or take a fourth") {
			t.Errorf("%s: %v", name, err)
		}
	}
}
