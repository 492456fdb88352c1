//go:build !race

package gnntest

const raceEnabled = false
