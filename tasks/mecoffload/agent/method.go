package agent

import (
	"fmt"
	"strings"
)

// Method names a learning method.
type Method string

// The methods of the comparison. DROO: Huang, Bi and Zhang, IEEE TMC 2020. GRLE, GRL and DROOE: Li,
// Iosifidis and Zhang, GLOBECOM 2022. The long-term critic (-LT) is this project's addition.
const (
	DROO    Method = "DROO"     // MLP actor, last exit only
	DROOE   Method = "DROOE"    // MLP actor, all exits
	GRL     Method = "GRL"      // graph actor, last exit only
	GRLE    Method = "GRLE"     // graph actor, all exits
	DROOELT Method = "DROOE-LT" // DROOE with the long-term critic
	GRLELT  Method = "GRLE-LT"  // GRLE with the long-term critic
)

// Methods returns all learning methods, in the order of tables.
func Methods() []Method { return []Method{GRLELT, GRLE, GRL, DROOE, DROO, DROOELT} }

// traits are the differences between methods; everything else is shared.
type traits struct {
	graph      bool // actor: graph neural network, else MLP
	earlyExits bool
	longTerm   bool
}

func (m Method) traits() (traits, error) {
	switch m {
	case DROO:
		return traits{}, nil
	case DROOE:
		return traits{earlyExits: true}, nil
	case GRL:
		return traits{graph: true}, nil
	case GRLE:
		return traits{graph: true, earlyExits: true}, nil
	case DROOELT:
		return traits{earlyExits: true, longTerm: true}, nil
	case GRLELT:
		return traits{graph: true, earlyExits: true, longTerm: true}, nil
	}
	return traits{}, fmt.Errorf("mecoffload: unknown method %q: want one of %s", m,
		strings.Trim(fmt.Sprint(Methods()), "[]"))
}

// DefaultRecipe returns the name of the method's default recipe: tuned for the methods with the
// long-term critic, paper for the paper's methods. Tuned is better for all of them, and the only
// one that works for many devices and servers (docs/decisions/0006).
func (m Method) DefaultRecipe() string {
	if t, err := m.traits(); err == nil && t.longTerm {
		return "tuned"
	}
	return "paper"
}

// ParseMethod returns the method with a name, ignoring case.
func ParseMethod(name string) (Method, error) {
	for _, m := range Methods() {
		if strings.EqualFold(name, string(m)) {
			return m, nil
		}
	}
	_, err := Method(name).traits()
	return "", err
}

// Graph reports whether the method's network is a graph network, which fits any number of devices,
// servers and exits.
func (m Method) Graph() bool {
	t, err := m.traits()
	return err == nil && t.graph
}

// Validate reports an unknown method.
func (m Method) Validate() error {
	_, err := m.traits()
	return err
}
