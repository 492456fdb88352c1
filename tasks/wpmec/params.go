package wpmec

import (
	"fmt"
	"math"
)

// Params are the physical constants of the network, the same for every user. The zero value is not
// usable; start from [PaperParams].
type Params struct {
	Power        float64 // transmit power of the access point while it charges the users, W
	Efficiency   float64 // share of the received energy a user keeps, (0, 1]
	Capacitance  float64 // computing energy efficiency coefficient k of a user's processor, J s^2 / cycle^3
	CyclesPerBit float64 // processor cycles it takes to compute one bit, phi in the paper, o in the published code
	Noise        float64 // receiver noise power at the access point, W
	Bandwidth    float64 // bandwidth of the offloading channel, Hz
	Overhead     float64 // bits sent per bit of task data, v_u >= 1
}

// PaperParams returns the constants of Huang, Bi and Zhang, "Deep Reinforcement Learning for Online
// Computation Offloading in Wireless Powered Mobile-Edge Computing Networks", IEEE TMC 19(11),
// 2020, section 6.
func PaperParams() Params {
	return Params{
		Power:        3,
		Efficiency:   0.7,
		Capacitance:  1e-26,
		CyclesPerBit: 100,
		Noise:        1e-10,
		Bandwidth:    2e6,
		Overhead:     1.1,
	}
}

// rates are the three constants that the computation rates depend on. With a frame of length 1,
// harvesting time a, channel gain h and offloading time tau, a user of weight w adds
//
//	w * local * cbrt(h*a)                       when it computes locally, and
//	w * offload * tau * ln(1 + snr*h^2*a/tau)   when it offloads
//
// to the weighted sum (equations 2 and 3 of the paper), in bit/s.
type rates struct {
	local   float64 // eta1 / k^(1/3), bit/s
	offload float64 // epsilon = B / (v_u ln 2), bit/s
	snr     float64 // eta2 = u P / N0
}

func (p Params) rates() (rates, error) {
	for _, c := range []struct {
		name  string
		value float64
	}{
		{"Power", p.Power},
		{"Efficiency", p.Efficiency},
		{"Capacitance", p.Capacitance},
		{"CyclesPerBit", p.CyclesPerBit},
		{"Noise", p.Noise},
		{"Bandwidth", p.Bandwidth},
		{"Overhead", p.Overhead},
	} {
		if !(c.value > 0) || math.IsInf(c.value, 0) {
			return rates{}, fmt.Errorf("wpmec: parameter %s is %v: it must be positive and finite", c.name, c.value)
		}
	}
	return rates{
		local:   math.Cbrt(p.Efficiency*p.Power/p.Capacitance) / p.CyclesPerBit,
		offload: p.Bandwidth / (p.Overhead * math.Ln2),
		snr:     p.Efficiency * p.Power / p.Noise,
	}, nil
}
