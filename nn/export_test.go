package nn

// Trust makes a trainer's steps take gradients for finite, without a check, until check is called.
func Trust(t *Trainer) (check func()) {
	steps := t.Tape.steps
	sums, parts := make([]*bool, len(steps)), make(map[*part][]*bool)
	for i := range steps {
		sums[i], steps[i].diverged = steps[i].diverged, nil
		if p, ok := steps[i].op.(*part); ok {
			parts[p], p.diverged = p.diverged, nil
		}
	}
	return func() {
		for i := range steps {
			steps[i].diverged = sums[i]
		}
		for p, watching := range parts {
			p.diverged = watching
		}
	}
}
