package cli

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/graphrl/graphrl/cmd/internal/show"
)

// FrameRun is a run of one method, frame by frame. R is its result.
type FrameRun[R any] struct {
	Method string
	Frames int
	// Run executes it. It calls progress after each frame, with how well it goes.
	Run func(ctx context.Context, progress func(done int, value float64)) (*R, error)
	// Note puts that value in words.
	Note func(value float64) string
}

// Grace is the time that runs may take without showing progress, where they are a side matter.
const Grace = time.Second

// RunFrames executes runs one after the other and shows their progress, unless they take less than
// grace. If ctx ends, the error is its cause.
func RunFrames[R any](ctx context.Context, title string, grace time.Duration, runs []FrameRun[R], messages io.Writer) ([]*R, error) {
	total := 0
	for _, r := range runs {
		total += r.Frames
	}
	progress := show.NewProgress(messages, title, "frames", 0, int64(total))
	progress.Grace = grace
	defer progress.End()
	var results []*R
	before := 0 // frames of the completed runs
	for _, r := range runs {
		name := ""
		if len(runs) > 1 {
			name = r.Method + ", "
		}
		done, latest := 0, 0.0
		note := func() string { return name + r.Note(latest) }
		result, err := r.Run(ctx, func(frames int, value float64) {
			done, latest = frames, value
			progress.Set(int64(before+frames), note)
		})
		if ctx.Err() != nil {
			return nil, fmt.Errorf("%w in frame %d of %d of %s", context.Cause(ctx), done, r.Frames, r.Method)
		}
		if err != nil {
			return nil, err
		}
		before += r.Frames
		results = append(results, result)
	}
	return results, nil
}
