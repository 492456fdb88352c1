// Package parallel runs work that falls into independent pieces, such as seeds or folds, on all processors,
// and shows how far it is.
package parallel

import (
	"errors"
	"runtime"
	"sync"
)

// For calls work(0) to work(n-1), at most GOMAXPROCS of them at a time, and returns their errors joined.
func For(n int, work func(i int) error) error {
	errs := make([]error, n)
	slots := make(chan struct{}, runtime.GOMAXPROCS(0))
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			errs[i] = work(i)
		})
	}
	all.Wait()
	return errors.Join(errs...)
}
