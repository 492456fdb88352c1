package nn

import "math"

// Schedule gives the factor on the learning rate at a step, counted from 0.
type Schedule func(step int) float64

// LinearDecay falls from 1 to final over the given number of steps and stays there.
func LinearDecay(steps int, final float64) Schedule {
	return func(step int) float64 {
		return 1 + (final-1)*progress(step, steps)
	}
}

// CosineDecay falls from 1 to final along half a cosine over the given number of steps (Loshchilov
// and Hutter, ICLR 2017, without restarts) and stays there.
func CosineDecay(steps int, final float64) Schedule {
	return func(step int) float64 {
		return final + (1-final)*(1+math.Cos(math.Pi*progress(step, steps)))/2
	}
}

// StepDecay multiplies by factor every so many steps.
func StepDecay(every int, factor float64) Schedule {
	return func(step int) float64 {
		if every < 1 {
			return 1
		}
		return math.Pow(factor, float64(step/every))
	}
}

// Warmup rises linearly from 1/steps to 1 over the first steps, then follows next (nil: stays at
// 1), which counts from the end of the warm-up.
func Warmup(steps int, next Schedule) Schedule {
	return func(step int) float64 {
		if step < steps {
			return float64(step+1) / float64(steps)
		}
		if next == nil {
			return 1
		}
		return next(step - steps)
	}
}

func progress(step, steps int) float64 {
	if steps < 1 || step >= steps {
		return 1
	}
	return float64(max(step, 0)) / float64(steps)
}
