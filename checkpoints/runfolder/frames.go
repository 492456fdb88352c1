package runfolder

import "errors"

// Frames is what trainings have in common that decide one frame after the other, learn from each,
// and need no goroutines: embed it in a [Run]. C is the configuration.
type Frames[C any] struct {
	cfg    C
	course Course
	step   func() error
}

// NewFrames returns a training at its first frame. step decides a frame and learns from it.
func NewFrames[C any](cfg C, course Course, step func() error) Frames[C] {
	return Frames[C]{cfg, course, step}
}

// Config returns the configuration.
func (f *Frames[C]) Config() C { return f.cfg }

// Frame returns the number of frames done.
func (f *Frames[C]) Frame() int { return int(f.course.Steps()) }

// Done reports whether all frames are done.
func (f *Frames[C]) Done() bool { return f.course.Done() }

// Position implements Run.
func (f *Frames[C]) Position() *Course { return &f.course }

// Step decides one frame and learns from it.
func (f *Frames[C]) Step() error {
	if f.Done() {
		return errors.New("runfolder: a frame beyond the end of the run")
	}
	if err := f.step(); err != nil {
		return err
	}
	f.course.Advance()
	return nil
}

// Close implements Run.
func (f *Frames[C]) Close() {}
