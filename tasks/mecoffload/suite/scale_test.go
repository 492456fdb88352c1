package suite

import (
	"context"
	"testing"
)

// Suite scale ends with a city; methods learn with 14 devices, and large networks are measured on few
// slots.
func TestScale(t *testing.T) {
	s, err := New("scale", Options{Slots: 80, Seeds: 1})
	if err != nil {
		t.Fatal(err)
	}
	most := 0
	for _, c := range s.Cells {
		most = max(most, c.Scenario.Devices)
		if c.Recipe == nil {
			continue
		}
		if large := c.Scenario.Devices > 14; large != (c.Train != nil) || large && c.Train.Devices != 14 {
			t.Errorf("%v learns in %+v", c, c.Train)
		}
		if c.Scenario.Devices != 1001 {
			continue
		}
		r, err := c.run(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		if row := r.Rows[0]; row.Devices != 1001 || row.Slots != c.Window || row.Accuracy < 0.4 {
			t.Errorf("%v: %+v", c, row)
		}
	}
	if most < 99_000 {
		t.Errorf("the largest network has %d devices", most)
	}
}
