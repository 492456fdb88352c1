package svgtitle

import "testing"

func TestAdd(t *testing.T) {
	for _, c := range []struct{ svg, want string }{
		{`<?xml?><svg width="1"><g/></svg>`, `<?xml?><svg width="1" role="img"><title>a &lt; b</title><g/></svg>`},
		{`<p>`, `<p>`}, {`<svg`, `<svg`}, {``, ``},
	} {
		if got := string(Add([]byte(c.svg), "a < b")); got != c.want {
			t.Errorf("%q: %q, want %q", c.svg, got, c.want)
		}
	}
}
