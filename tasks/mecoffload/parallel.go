package mecoffload

import (
	"runtime"
	"sync"
)

// parallelWork is how many links make it worth while to share them between processors.
const parallelWork = 1 << 15

// parallel calls do for ranges that together are 0..n-1, side by side if the n items with so many
// links each are many. What do writes for an item must not depend on other items.
func parallel(n, links int, do func(first, end int)) {
	workers := min(runtime.GOMAXPROCS(0), n*links/parallelWork)
	if workers <= 1 {
		do(0, n)
		return
	}
	var wait sync.WaitGroup
	for w := range workers {
		wait.Go(func() { do(w*n/workers, (w+1)*n/workers) })
	}
	wait.Wait()
}
