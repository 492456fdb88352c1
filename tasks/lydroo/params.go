package lydroo

import (
	"fmt"
	"math"
)

// Params are the constants of the network, equal for all users. Start from [PaperParams].
type Params struct {
	V            float64 // weight of the rate against the queues, in Mbit
	PowerLimit   float64 // mean power of a user in the long run, W
	EnergyWeight float64 // weight of the energy queues in the objective

	Bandwidth float64 // of the uplink, MHz
	Noise     float64 // receiver noise power, W
	Overhead  float64 // bits sent per bit of task data, v_u >= 1
	MaxPower  float64 // transmit power of a user, W

	MaxFrequency float64 // of a user's processor, MHz
	CyclesPerBit float64 // processor cycles per bit of task data
	Capacitance  float64 // energy of a frame at frequency f is Capacitance f^3, J/MHz^3
}

// energyScale is the factor nu between energy in J and the energy queues, which makes them as large
// as the data queues in Mbit: they are in mJ.
const energyScale = 1000

// PaperParams returns the constants of Bi, Huang, Wang and Zhang, "Lyapunov-Guided Deep
// Reinforcement Learning for Stable Online Computation Offloading in Mobile-Edge Computing
// Networks", IEEE TWC 20(11), 2021, as their published code has them.
func PaperParams() Params {
	return Params{
		V: 20, PowerLimit: 0.08, EnergyWeight: 10,
		Bandwidth: 2, Noise: 2e6 * math.Pow(10, -17.4) * 1e-3, Overhead: 1.1, MaxPower: 0.1,
		MaxFrequency: 300, CyclesPerBit: 100, Capacitance: 1e-8,
	}
}

// Check reports the first invalid constant.
func (p Params) Check() error {
	for _, c := range []struct {
		name  string
		value float64
	}{
		{"PowerLimit", p.PowerLimit}, {"EnergyWeight", p.EnergyWeight}, {"Bandwidth", p.Bandwidth}, {"Noise", p.Noise},
		{"Overhead", p.Overhead}, {"MaxPower", p.MaxPower}, {"MaxFrequency", p.MaxFrequency},
		{"CyclesPerBit", p.CyclesPerBit}, {"Capacitance", p.Capacitance},
	} {
		if !(c.value > 0) || math.IsInf(c.value, 0) {
			return fmt.Errorf("lydroo: parameter %s is %v: it must be positive and finite", c.name, c.value)
		}
	}
	if !(p.V >= 0) || math.IsInf(p.V, 0) {
		return fmt.Errorf("lydroo: parameter V is %v: it must be finite and at least 0", p.V)
	}
	return nil
}
