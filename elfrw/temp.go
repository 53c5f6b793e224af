// SPDX-License-Identifier: BSD-3-Clause

package elfrw

import (
	"errors"
	"fmt"
	"hash/fnv"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// createTemp creates a file in the directory of path, with the default mode
// (0666 less the umask).
func createTemp(path string) (*Temp, error) {
	t := &Temp{path: path, out: createUnnamed(filepath.Dir(path), path)}
	if t.out != nil {
		return t, nil
	}
	name := tempName(path)
	err := t.take(name, func() (err error) {
		if t.out, err = os.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o666); err != nil {
			return err
		}
		t.name = name
		return nil
	})
	if err != nil {
		return nil, err
	}
	// Another process may have taken it for a leftover before it was locked.
	if err := t.lock(); err != nil || !t.named(name) {
		return nil, errors.Join(t.busy(), t.out.Close())
	}
	return t, nil
}

// flock is a variable for the tests.
var flock = unix.Flock

// lock shows others that a process is using the file. A file system without locks is
// no reason to fail: if nobody can lock the file, nobody takes it for a leftover.
func (t *Temp) lock() error {
	if err := flock(int(t.out.Fd()), unix.LOCK_EX|unix.LOCK_NB); errors.Is(err, unix.EWOULDBLOCK) {
		return t.busy()
	}
	return nil
}

// take makes a file with the temporary name. If a killed process has left one,
// take replaces it. If several processes try at the same time, one gets the
// name.
func (t *Temp) take(name string, create func() error) error {
	err := create()
	if !errors.Is(err, os.ErrExist) {
		return err
	}
	// Without O_NONBLOCK, opening a FIFO of that name would wait for a writer.
	old, err := os.OpenFile(name, os.O_RDONLY|unix.O_NONBLOCK, 0)
	if errors.Is(err, os.ErrNotExist) {
		return t.busy()
	}
	if err != nil {
		return err
	}
	defer old.Close()
	left := &Temp{path: t.path, out: old}
	if err := flock(int(old.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil || !left.named(name) {
		return t.busy()
	}
	if err := os.Remove(name); err != nil {
		return err
	}
	if err := create(); !errors.Is(err, os.ErrExist) {
		return err
	}
	return t.busy()
}

// named reports whether the name refers to the file.
func (t *Temp) named(name string) bool {
	is, err := t.out.Stat()
	if err != nil {
		return false
	}
	there, err := os.Lstat(name)
	return err == nil && os.SameFile(is, there)
}

func (t *Temp) busy() error {
	return fmt.Errorf("%w: %s is being replaced by another process", ErrChanged, t.path)
}

// tmpfile is a variable for the tests.
var tmpfile = unix.O_TMPFILE

// createUnnamed creates a file without a name. It returns nil if the file
// system does not allow that, or if there is no /proc.
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

// tempName is the name that the output for path has before it is renamed. It is always
// the same, so that the next process that writes the file finds the leftover of a
// killed one.
func tempName(path string) string {
	dir, base := filepath.Split(path)
	sum := fnv.New64a()
	sum.Write([]byte(base))
	return filepath.Join(dir, fmt.Sprintf(".scpatch-%016x", sum.Sum64()))
}

// procName returns a name by which a file without one can be linked (open(2),
// O_TMPFILE).
func procName(f *os.File) string { return fmt.Sprintf("/proc/self/fd/%d", f.Fd()) }

// Commit gives the file a temporary name and renames it to its destination. The
// temporary name is needed because link(2) does not replace a file. If the file cannot
// be renamed, the destination is as it was and the new file is gone; ErrChanged means
// that another process writes to the same destination.
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
	if t.name != "" {
		return nil
	}
	if err := t.lock(); err != nil {
		return err
	}
	name := tempName(t.path)
	err := t.take(name, func() error {
		for {
			switch err := unix.Linkat(unix.AT_FDCWD, procName(t.out), unix.AT_FDCWD, name, unix.AT_SYMLINK_FOLLOW); err {
			case nil:
				return nil
			case unix.EINTR:
			default:
				return &os.LinkError{Op: "link", Old: t.path, New: name, Err: err}
			}
		}
	})
	if err == nil {
		t.name = name
	}
	return err
}

// Discard removes the file. It removes the name first: once the file is closed
// and its lock is gone, the name may already belong to another process. An error says
// that the name could not be removed, or the file not be closed.
func (t *Temp) Discard() error {
	var err error
	if t.name != "" {
		err = os.Remove(t.name)
	}
	return errors.Join(err, t.out.Close())
}
