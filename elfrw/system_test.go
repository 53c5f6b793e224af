// SPDX-License-Identifier: BSD-3-Clause

package elfrw_test

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/scpatch/scpatch/elfrw"
	"github.com/scpatch/scpatch/ppc64/tooltest"
	"golang.org/x/sys/unix"
)

func TestReplaceUnwritable(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "a.o")
	m := edited(t, put(t, path, bulky()))
	if err := errors.Join(os.Chmod(filepath.Dir(dir), 0o755), os.Chmod(dir, 0o555)); err != nil {
		t.Fatal(err)
	}
	defer os.Chmod(dir, 0o755)
	if os.Getuid() == 0 {
		asNobody(t, func() { unwritable(t, m, path) })
		return
	}
	unwritable(t, m, path)
}

// asNobody runs fn in a thread that has given up root's access to files and
// ends with its goroutine.
func asNobody(t *testing.T, fn func()) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread()
		if err := unix.Setfsuid(65534); err != nil {
			t.Error(err)
			return
		}
		fn()
	}()
	<-done
}

// TestReplaceOwner writes as another user than the owner: the output must not
// be setuid to the wrong one.
func TestReplaceOwner(t *testing.T) {
	if os.Getuid() != 0 {
		tooltest.Missing(t, "only root has files of two users")
	}
	dir := t.TempDir()
	path := filepath.Join(dir, "a.o")
	f := put(t, path, bulky())
	if err := errors.Join(os.Chmod(path, 0o755|fs.ModeSetuid|fs.ModeSetgid), os.Chmod(filepath.Dir(dir), 0o755), os.Chmod(dir, 0o777)); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	m := edited(t, f)
	asNobody(t, func() {
		temp, err := m.WriteTemp(path, info, nil)
		if err == nil {
			err = temp.Commit()
		}
		if err != nil {
			t.Error(err)
		}
	})
	now, err := os.Stat(path)
	if err != nil || now.Mode() != 0o755 {
		t.Errorf("mode is %v, %v", now.Mode(), err)
	}
	sameFile(t, path, written(t, m))
	holds(t, dir, "a.o")
}

func unwritable(t *testing.T, m *elfrw.Image, path string) {
	temp, err := m.WriteTemp(path, nil, nil)
	var bad *fs.PathError
	if !errors.Is(err, fs.ErrPermission) || !errors.As(err, &bad) {
		t.Errorf("error is %v", err)
	}
	if err == nil {
		temp.Discard()
	}
}

// TestReplaceFull writes to a file system that is too small.
func TestReplaceFull(t *testing.T) {
	dir := t.TempDir()
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, "size=64k"); err != nil {
		tooltest.Missing(t, fmt.Sprintf("mounting a tmpfs: %v", err))
	}
	defer unix.Unmount(dir, unix.MNT_DETACH)
	small := filepath.Join(dir, "small.o")
	data := basic().build()
	put(t, small, data)
	from := put(t, filepath.Join(t.TempDir(), "a.o"), bulky())
	if _, err := edited(t, from).WriteTemp(small, nil, nil); !errors.Is(err, unix.ENOSPC) {
		t.Errorf("error is %v", err)
	}
	holds(t, dir, "small.o")
	sameFile(t, small, data)
}
