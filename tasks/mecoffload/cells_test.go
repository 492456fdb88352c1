package mecoffload

import (
	"math/rand/v2"
	"slices"
	"testing"
)

// ringLinks is a random observation of a scenario with a reach.
func ringLinks(rng *rand.Rand, devices, servers, reach int) Observation {
	o := randomLinks(rng, devices, servers, reach, 2)
	sc := Scenario{Devices: devices, Servers: servers, Reach: reach}
	for i := range devices {
		sc.reach(i, o.Reach[i*reach:][:reach])
	}
	return o
}

// Cells share out devices and servers, a device keeps its k best links into the cell that has most of
// them, and a part holds what the whole says about it.
func TestCells(t *testing.T) {
	rng := rand.New(rand.NewPCG(9311, 1))
	for range 60 {
		reach := 2 + rng.IntN(12)
		k, kinds, count := 1+rng.IntN(reach/2), 1+rng.IntN(4), 1+rng.IntN(5)
		servers := count*(reach+kinds) + rng.IntN(9)
		o := ringLinks(rng, 5*servers, servers, reach)
		c, s := NewCells(count, servers, kinds), LinkSelection{}
		got, err := s.Within(o, k, c)
		if err != nil {
			t.Fatal(err)
		}
		if !c.Apart() || c.Count() != count {
			t.Fatalf("%d servers, reach %d, %d links: %d cells, apart: %v", servers, reach, k, c.Count(), c.Apart())
		}
		devices, next := 0, 0
		var part Observation
		for cell := range count {
			first, end := c.Servers(cell)
			if first != next || first%kinds != 0 || end-first < reach {
				t.Fatalf("cell %d has the servers %d to %d", cell, first, end)
			}
			next = end
			c.Part(&got, cell, &part)
			if err := part.Validate(); err != nil {
				t.Fatal(err)
			}
			for at, device := range c.Devices(cell) {
				checkHome(t, &o, &part, int(device), at, first, end, k)
			}
			if !slices.Equal(part.Backlog, o.Backlog[first:end]) || !slices.Equal(part.Capacity, o.Capacity[first:end]) {
				t.Fatal("other servers")
			}
			devices += part.Devices
		}
		if devices != o.Devices || next != servers {
			t.Fatalf("%d of %d devices and %d of %d servers are in cells", devices, o.Devices, next, servers)
		}
	}
}

// checkHome compares device `at` of a cell, which has the servers from first to end, with the whole.
func checkHome(t *testing.T, o, part *Observation, device, at, first, end, k int) {
	t.Helper()
	var inside Observation // the device alone, with its links into the cell
	other := 0
	for j := range o.Links {
		if server := o.ServerOf(device, j); server >= first && server < end {
			inside.Reach = append(inside.Reach, int32(server))
			inside.Rate = append(inside.Rate, o.Rate[device*o.Links+j])
		} else {
			other++
		}
	}
	inside.Devices, inside.Servers, inside.Exits, inside.Links = 1, o.Servers, o.Exits, len(inside.Reach)
	inside.Bits, inside.Deadline, inside.ID = o.Bits[device:device+1], o.Deadline[device:device+1], o.ID[device:device+1]
	inside.Capacity, inside.Backlog = o.Capacity, o.Backlog
	if inside.Links < other {
		t.Fatalf("device %d has %d links into its cell and %d out of it", device, inside.Links, other)
	}
	want, err := new(LinkSelection).Best(inside, k)
	if err != nil {
		t.Fatal(err)
	}
	for j := range k {
		if int(want.Reach[j]) != part.ServerOf(at, j)+first || want.Rate[j] != part.Rate[at*k+j] {
			t.Fatalf("device %d: link %d of the best %d", device, j, k)
		}
	}
	if part.ID[at] != o.ID[device] || part.Bits[at] != o.Bits[device] || part.Deadline[at] != o.Deadline[device] {
		t.Fatalf("device %d is another in its cell", device)
	}
}

// Where cells cannot be, nothing is lost: the observation is that of Best.
func TestNotApart(t *testing.T) {
	rng := rand.New(rand.NewPCG(9312, 1))
	far := ringLinks(rng, 100, 20, 6)
	all, _ := reachingAll(far, make([]int32, far.Devices))
	for name, c := range map[string]struct {
		o     Observation
		k     int
		cells *Cells
	}{
		"too few links into cells": {far, 5, NewCells(3, 20, 1)},
		"all in reach":             {all, 4, NewCells(3, 20, 1)},
		"other servers":            {far, 2, NewCells(3, 24, 1)},
		"no selection":             {far, 0, NewCells(3, 20, 1)},
	} {
		var got, want LinkSelection
		a, err := got.Within(c.o, c.k, c.cells)
		if err != nil {
			t.Fatal(err)
		}
		b, err := want.Best(c.o, c.k)
		if err != nil || c.cells.Apart() || !slices.Equal(a.Reach, b.Reach) || !slices.Equal(a.Rate, b.Rate) {
			t.Errorf("%s: %v, apart: %v", name, err, c.cells.Apart())
		}
	}
	if got := NewCells(9, 10, 4).Count(); got != 3 {
		t.Errorf("9 cells of 10 servers of 4 kinds are %d", got)
	}
	bad := ringLinks(rng, 100, 20, 6)
	bad.Reach[17] = 20
	if _, err := new(LinkSelection).Within(bad, 2, NewCells(2, 20, 1)); err == nil {
		t.Error("a link leads out of the world, and nobody complains")
	}
	if _, err := new(LinkSelection).Best(bad, 2); err == nil {
		t.Error("a link leads out of the world, and the selection does not see it")
	}
	bad.Rate = bad.Rate[1:]
	if _, err := new(LinkSelection).Within(bad, 2, NewCells(2, 20, 1)); err == nil {
		t.Error("rates are missing, and nobody complains")
	}
}
