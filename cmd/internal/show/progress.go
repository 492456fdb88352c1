package show

import (
	"fmt"
	"io"
	"os"
	"time"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"
)

// Progress shows the progress of a long task: with a bar on a terminal, elsewhere with a line for
// every tenth and at least every ten seconds.
type Progress struct {
	// Grace is an initial time without output: a task that ends within it needs no progress.
	Grace time.Duration

	out   io.Writer
	title string
	unit  string

	bar      *progressbar.ProgressBar // nil without a terminal
	terminal int                      // its file descriptor

	total, first, done int64
	begin, shown       time.Time
}

const (
	redraw    = 100 * time.Millisecond
	lineEvery = 10 * time.Second
	tenths    = 10
)

// NewProgress starts at done of total units, such as slots.
func NewProgress(out io.Writer, title, unit string, done, total int64) *Progress {
	now := time.Now()
	p := &Progress{out: out, title: title, unit: unit, total: total, first: done, done: done, begin: now, shown: now}
	if f, ok := out.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		p.terminal = int(f.Fd())
		p.bar = progressbar.NewOptions64(total,
			progressbar.OptionSetWriter(out),
			progressbar.OptionSetDescription(title),
			// the rate would include what was done before a run was resumed
			progressbar.OptionSetPredictTime(false),
			progressbar.OptionShowDescriptionAtLineEnd(),
			progressbar.OptionSetWidth(20),
			progressbar.OptionUseANSICodes(true),
			progressbar.OptionSetTheme(progressbar.ThemeASCII),
		)
	}
	return p
}

// Set sets the number of units done. When an update is due it shows that, with the result of note.
func (p *Progress) Set(done int64, note func() string) {
	now := time.Now()
	due := now.Sub(p.shown) >= redraw
	if p.bar == nil {
		due = now.Sub(p.shown) >= lineEvery || tenths*done/p.total > tenths*p.done/p.total
	}
	due = due || done == p.total
	p.done = done
	if due && now.Sub(p.begin) >= p.Grace {
		p.show(now, note)
	}
}

func (p *Progress) show(now time.Time, note func() string) {
	p.shown = now
	elapsed := now.Sub(p.begin).Seconds()
	rate := float64(p.done-p.first) / max(elapsed, 1e-9)
	text := fmt.Sprintf("%d/%d %s, %.0f/s", p.done, p.total, p.unit, rate)
	if left := p.total - p.done; left > 0 && rate > 0 {
		text += ", ETA " + time.Duration(float64(left)/rate*float64(time.Second)).Round(time.Second).String()
	}
	if note != nil {
		text += ", " + note()
	}
	if p.bar == nil {
		fmt.Fprintf(p.out, "%s %3d%%: %s\n", p.title, 100*p.done/p.total, text)
		return
	}
	text = p.title + " " + text
	// some terminals do not know their width
	if width, _, err := term.GetSize(p.terminal); err == nil && width > 0 {
		const bar = len(" 100% []   ") + 1              // at its narrowest, which progressbar sees to
		text = text[:min(len(text), max(0, width-bar))] // a line that wraps could not be drawn over
	}
	p.bar.Describe(text)
	p.bar.Set64(p.done)
}

// End completes the last line and begins a new one.
func (p *Progress) End() {
	if p.bar != nil && p.shown != p.begin {
		fmt.Fprintln(p.out)
	}
}
