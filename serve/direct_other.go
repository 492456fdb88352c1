//go:build !linux

package serve

import (
	"net"
	"time"
)

// directly returns c.
func directly(c net.Conn) net.Conn { return c }

// nap sleeps at least for d.
func nap(d time.Duration) { time.Sleep(d) }
