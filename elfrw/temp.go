// SPDX-License-Identifier: BSD-3-Clause

package elfrw

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// createTemp makes a file in the directory of path, with the mode of a file
// that a user creates.
func createTemp(path string) (*Temp, error) {
	dir := filepath.Dir(path)
	if out := createUnnamed(dir, path); out != nil {
		return &Temp{path: path, out: out}, nil
	}
	for {
		name := tempName(dir)
		out, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o666)
		switch {
		case err == nil:
			return &Temp{path: path, out: out, name: name}, nil
		case !errors.Is(err, os.ErrExist):
			return nil, err
		}
	}
}

// tmpfile is a variable for the tests.
var tmpfile = unix.O_TMPFILE

// createUnnamed makes a file without a name, or returns nil where the file
// system or a missing /proc does not allow it.
func createUnnamed(dir, path string) *os.File {
	fd, err := unix.Open(dir, unix.O_RDWR|tmpfile|unix.O_CLOEXEC, 0o666)
	if err != nil {
		return nil
	}
	out := os.NewFile(uintptr(fd), path)
	if _, err := os.Stat(procName(out)); err != nil {
		out.Close()
		return nil
	}
	return out
}

func tempName(dir string) string {
	return filepath.Join(dir, fmt.Sprintf(".scpatch-%08x", rand.Uint32()))
}

// procName is a name by which a file without one can be linked (open(2),
// O_TMPFILE).
func procName(f *os.File) string { return fmt.Sprintf("/proc/self/fd/%d", f.Fd()) }

// Commit renames the file to its destination, after it was given a temporary
// name for that: link(2) does not replace.
func (t *Temp) Commit() error {
	if err := t.link(); err != nil {
		return errors.Join(err, t.Discard())
	}
	if err := os.Rename(t.name, t.path); err != nil {
		return errors.Join(err, t.Discard())
	}
	return t.out.Close()
}

func (t *Temp) link() error {
	for t.name == "" {
		name := tempName(filepath.Dir(t.path))
		switch err := unix.Linkat(unix.AT_FDCWD, procName(t.out), unix.AT_FDCWD, name, unix.AT_SYMLINK_FOLLOW); err {
		case nil:
			t.name = name
		case unix.EEXIST, unix.EINTR:
		default:
			return &os.LinkError{Op: "link", Old: t.path, New: name, Err: err}
		}
	}
	return nil
}

// Discard removes the file.
func (t *Temp) Discard() error {
	err := t.out.Close()
	if t.name != "" {
		err = errors.Join(err, os.Remove(t.name))
	}
	return err
}
