//go:build !unix

package cli

import "time"

func processUse() (cpu time.Duration, memory int64, ok bool) { return 0, 0, false }
