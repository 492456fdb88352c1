package parallel_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/graphrl/graphrl/examples/internal/parallel"
)

// Pieces that say how far they are, again and again and at the same time, add up to the whole.
func TestProgress(t *testing.T) {
	var out bytes.Buffer
	p := parallel.NewProgress(&out, "training", "steps", 4, 25)
	if err := parallel.For(4, func(i int) error {
		show := p.Of(i)
		for done := 5; done <= 25; done += 5 {
			show(done)
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	p.End()
	if lines := strings.Split(strings.TrimSpace(out.String()), "\n"); len(lines) != 10 || !strings.Contains(lines[9], "100/100 steps") {
		t.Errorf("%q", out.String())
	}
}
