package mecoffload

import "errors"

// ObservationCodec encodes observations for replay memories and checkpoints.
type ObservationCodec struct{}

func (ObservationCodec) Copy(dst *Observation, src Observation) { src.CopyTo(dst) }

func (ObservationCodec) Encode(dst []float64, o Observation) []float64 {
	if o.Links > 0 { // before the devices, whose number is not negative
		dst = append(dst, -float64(o.Links))
	}
	dst = append(dst, float64(o.Devices), float64(o.Servers), float64(o.Exits))
	for _, server := range o.Reach {
		dst = append(dst, float64(server))
	}
	for _, s := range [][]float64{o.Bits, o.Deadline, o.Rate, o.Capacity, o.Backlog} {
		dst = append(dst, s...)
	}
	for _, id := range o.ID {
		dst = append(dst, float64(id))
	}
	return append(dst, o.EnergyPrice...)
}

func (ObservationCodec) Decode(o *Observation, src []float64) error {
	errShape := errors.New("not an observation: a wrong number of values")
	links := 0.0
	if len(src) > 0 && src[0] < 0 {
		links, src = -src[0], src[1:]
	}
	if len(src) < 3 {
		return errShape
	}
	m, n, l := src[0], src[1], src[2]
	for _, v := range []float64{m, n, l, links} {
		if !(v >= 0 && v <= MaxDevices) || v != float64(int(v)) {
			return errors.New("not an observation: its sizes are not counts")
		}
	}
	degree := n
	if links > 0 {
		degree = links
	}
	values := 3 + 3*m + m*(links+degree) + 2*n
	if size := float64(len(src)); size != values && size != values+m {
		return errShape
	}
	o.Devices, o.Servers, o.Exits, o.Links = int(m), int(n), int(l), int(links)
	src = src[3:]
	o.Reach = o.Reach[:0]
	for _, v := range src[:o.Devices*o.Links] {
		if !(v >= 0 && v < n) || v != float64(int32(v)) {
			return errors.New("not an observation: a link to what is no server")
		}
		o.Reach = append(o.Reach, int32(v))
	}
	src = src[o.Devices*o.Links:]
	take := func(dst []float64, count int) []float64 {
		dst = append(dst[:0], src[:count]...)
		src = src[count:]
		return dst
	}
	o.Bits, o.Deadline = take(o.Bits, o.Devices), take(o.Deadline, o.Devices)
	o.Rate = take(o.Rate, o.Devices*o.Degree())
	o.Capacity, o.Backlog = take(o.Capacity, o.Servers), take(o.Backlog, o.Servers)
	o.ID = o.ID[:0]
	for _, v := range src[:o.Devices] {
		if !(v >= 0 && v < MaxDevices) || v != float64(int(v)) {
			return errors.New("not an observation: an ID is not a count")
		}
		o.ID = append(o.ID, int(v))
	}
	o.EnergyPrice = append(o.EnergyPrice[:0], src[o.Devices:]...)
	return o.Validate()
}
