// Package atomicfile writes files whole or not at all.
package atomicfile

import (
	"errors"
	"os"
)

// Write writes a whole file or, if it fails or the process dies, nothing.
func Write(name string, data []byte) error {
	temp := name + ".tmp"
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
