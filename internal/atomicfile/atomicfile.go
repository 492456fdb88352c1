// Package atomicfile writes files whole or not at all.
package atomicfile

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
)

// Write writes a whole file or, if it fails or the process dies, nothing. Of several writers at a time,
// on this machine or on others that share the folder, the last one's file remains.
func Write(name string, data []byte) error {
	temp := fmt.Sprintf("%s.%x.tmp", name, rand.Uint64())
	f, err := os.Create(temp)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	err = errors.Join(err, f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(temp, name)
	}
	if err != nil {
		os.Remove(temp)
	}
	return err
}
