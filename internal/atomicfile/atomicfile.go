// Package atomicfile writes files whole or not at all.
package atomicfile

import (
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
)

// Write writes a whole file or, if it fails or the process dies, nothing. Of several writers at a time,
// on this machine or on others that share the folder, the last one's file remains. A symbolic link
// stays one: the file that it names is written. A device or a pipe, such as /dev/stdout, is written
// to and never replaced. Errors name the file.
func Write(name string, data []byte) error {
	info, err := os.Stat(name)
	switch {
	case err == nil && info.IsDir():
		return fmt.Errorf("write %s: is a directory", name)
	case err == nil && !info.Mode().IsRegular():
		return writeTo(name, os.O_WRONLY, data)
	case err == nil:
		if name, err = filepath.EvalSymlinks(name); err != nil {
			return err
		}
	}
	temp := fmt.Sprintf("%s.%x.tmp", name, rand.Uint64())
	err = writeTo(temp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, data)
	if err == nil {
		err = os.Rename(temp, name)
	}
	if err == nil {
		return nil
	}
	os.Remove(temp)
	// The name of the temporary file tells nobody anything.
	var path *fs.PathError
	if errors.As(err, &path) {
		return &fs.PathError{Op: "write", Path: name, Err: path.Err}
	}
	var link *os.LinkError
	if errors.As(err, &link) {
		return &fs.PathError{Op: "write", Path: name, Err: link.Err}
	}
	return err
}

// writeTo writes data to the file that flag opens.
func writeTo(name string, flag int, data []byte) error {
	f, err := os.OpenFile(name, flag, 0o666)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if flag&os.O_CREATE != 0 { // devices and pipes have nothing to sync
		err = errors.Join(err, f.Sync())
	}
	return errors.Join(err, f.Close())
}
