// Package mecoffload decides, slot by slot, which edge server runs each device's CNN inference and at which of the network's early exits.
package mecoffload
