package main

import (
	"fmt"
	"io/fs"
	"log"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
)

// disk is the mount point of the file systems, in the hammer's folder.
const disk = "disk"

// tryDisks lets runs meet full and read-only disks: small file systems in memory, which a process
// may mount in a namespace of its own. insideFlag tells that process so.
func tryDisks(dir string, args ...string) error {
	cmd := exec.Command("/proc/self/exe", append(args, "-"+insideFlag, dir)...)
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:  syscall.CLONE_NEWUSER | syscall.CLONE_NEWNS,
		UidMappings: []syscall.SysProcIDMap{{HostID: os.Getuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{HostID: os.Getgid(), Size: 1}},
	}
	if err := cmd.Start(); err != nil {
		fmt.Printf("full and read-only disks not tried: the system refuses a namespace to mount them in: %v\n", err)
		return nil
	}
	return cmd.Wait()
}

func (h *hammer) mount(flags uintptr, size int64) error {
	return syscall.Mount("tmpfs", filepath.Join(h.dir, disk), "tmpfs", flags, fmt.Sprintf("size=%d", size))
}

// fill lets runs of a kind meet a disk that is too small for them, then makes it read-only, then
// gives it room, and compares the results with a run that never met a full disk.
func (h *hammer) fill(k kind, tries int) (c count, err error) {
	whole := "whole-" + strings.ReplaceAll(k.name, " ", "-")
	if code, messages := h.finish(k.start(whole)); code != 0 {
		return c, fmt.Errorf("the run with room: code %d: %s", code, messages)
	}
	want, err := h.files(whole, k.same)
	if err != nil {
		return c, err
	}
	var size int64
	err = filepath.WalkDir(filepath.Join(h.dir, whole), func(_ string, d fs.DirEntry, err error) error {
		if info, e := d.Info(); err == nil && e == nil {
			size += info.Size() + 4096 // a file takes whole pages
		}
		return err
	})
	if err != nil {
		return c, err
	}
	for range tries {
		c.folders++
		if err := h.mount(0, 4096*(1+h.rng.Int64N(size/4096))); err != nil {
			return c, err
		}
		err := h.fillOne(k, want, &c)
		if e := syscall.Unmount(filepath.Join(h.dir, disk), 0); err != nil || e != nil {
			return c, fmt.Errorf("%v, unmount: %v", err, e)
		}
	}
	return c, nil
}

func (h *hammer) fillOne(k kind, want map[string]string, c *count) error {
	const run = disk + "/run"
	lose := func(when string, code int, messages string) {
		c.lost++
		log.Printf("%s, %s: code %d: %s", k.name, when, code, messages)
	}
	code, messages := h.finish(k.start(run))
	switch {
	case code == 1 && strings.Contains(messages, "no space left on device"):
		c.kills++
	case code != 0:
		lose("disk full", code, messages)
	}
	if err := h.mount(syscall.MS_REMOUNT|syscall.MS_RDONLY, 1<<30); err != nil {
		return err
	}
	empty := h.empty(k, run)
	args := k.resume(run)
	if empty {
		args = k.start(run)
	}
	switch code, messages := h.finish(args); {
	case code == 1 && strings.Contains(messages, "read-only file system"):
		c.refused++
	case code == 1 && empty:
		c.told++ // that the folder is there
	default:
		lose("read-only disk", code, messages)
	}
	if k.eval != nil && !empty {
		if code, messages := h.finish(k.eval(run)); code != 0 {
			lose("evaluation on a read-only disk", code, messages)
		}
	}
	if err := h.mount(syscall.MS_REMOUNT, 1<<30); err != nil {
		return err
	}
	if empty {
		if err := os.RemoveAll(filepath.Join(h.dir, run)); err != nil {
			return err
		}
	}
	if code, messages := h.finish(args); code != 0 {
		lose("disk with room", code, messages)
		return nil
	}
	return h.compare(k, run, want, c)
}
