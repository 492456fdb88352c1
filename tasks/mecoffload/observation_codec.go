package mecoffload

import "errors"

// ObservationCodec encodes observations for replay memories and checkpoints.
type ObservationCodec struct{}

func (ObservationCodec) Copy(dst *Observation, src Observation) { src.CopyTo(dst) }

func (ObservationCodec) Encode(dst []float64, o Observation) []float64 {
	dst = append(dst, float64(o.Devices), float64(o.Servers), float64(o.Exits))
	for _, s := range [][]float64{o.Bits, o.Deadline, o.Rate, o.Capacity, o.Backlog} {
		dst = append(dst, s...)
	}
	for _, id := range o.ID {
		dst = append(dst, float64(id))
	}
	return dst
}

func (ObservationCodec) Decode(o *Observation, src []float64) error {
	errShape := errors.New("not an observation: a wrong number of values")
	if len(src) < 3 {
		return errShape
	}
	m, n, l := src[0], src[1], src[2]
	for _, v := range src[:3] {
		if !(v >= 0 && v <= MaxDevices) || v != float64(int(v)) {
			return errors.New("not an observation: its sizes are not counts")
		}
	}
	if float64(len(src)) != 3+3*m+m*n+2*n {
		return errShape
	}
	o.Devices, o.Servers, o.Exits = int(m), int(n), int(l)
	src = src[3:]
	take := func(dst []float64, count int) []float64 {
		dst = append(dst[:0], src[:count]...)
		src = src[count:]
		return dst
	}
	o.Bits, o.Deadline = take(o.Bits, o.Devices), take(o.Deadline, o.Devices)
	o.Rate = take(o.Rate, o.Devices*o.Servers)
	o.Capacity, o.Backlog = take(o.Capacity, o.Servers), take(o.Backlog, o.Servers)
	o.ID = o.ID[:0]
	for _, v := range src {
		if !(v >= 0 && v < MaxDevices) || v != float64(int(v)) {
			return errors.New("not an observation: an ID is not a count")
		}
		o.ID = append(o.ID, int(v))
	}
	return o.Validate()
}
