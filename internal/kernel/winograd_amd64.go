//go:build !purego

package kernel

func (c congruence) apply(squares, channels int, x, y Grid) {
	if active == isaGo {
		c.applyGo(squares, channels, x, y)
		return
	}
	from, to := &x.Data[0], &y.Data[0]
	switch c {
	case winogradInput:
		winogradInputKernel(squares, channels, from, x.Row, x.Col, x.Next, to, y.Row, y.Col, y.Next)
	case winogradFilter:
		winogradFilterKernel(squares, channels, from, x.Row, x.Col, x.Next, to, y.Row, y.Col, y.Next)
	case winogradOutput:
		winogradOutputKernel(squares, channels, from, x.Row, x.Col, x.Next, to, y.Row, y.Col, y.Next)
	case winogradInputBackward:
		winogradInputBackwardKernel(squares, channels, from, x.Row, x.Col, x.Next, to, y.Row, y.Col, y.Next)
	case winogradFilterBackward:
		winogradFilterBackwardKernel(squares, channels, from, x.Row, x.Col, x.Next, to, y.Row, y.Col, y.Next)
	case winogradOutputBackward:
		winogradOutputBackwardKernel(squares, channels, from, x.Row, x.Col, x.Next, to, y.Row, y.Col, y.Next)
	}
}
