// SPDX-License-Identifier: BSD-3-Clause

package elfrw

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// A Temp is a complete, checked output that has no name yet. Exactly one of
// Commit and Discard ends it.
type Temp struct {
	path string   // where Commit puts it
	out  *os.File // the file
	name string   // its temporary name, if it needs one
}

// WriteTemp writes the image to a temporary file in the directory of path. The
// file gets the mode of like and, where the process may set it, its ownership
// (nil: 0666 less the umask). WriteTemp then opens the file like any other
// input, unless it is an unchanged copy. If check is not nil, it is called with
// that File, which it must not keep.
//
// If path is a symbolic link, it is followed and the file that it leads to is
// replaced. It is an error if something exists there that is not a regular
// file.
//
// The file has no name until Commit, so nothing is left behind whatever happens
// to the process (O_TMPFILE; on a file system without that, it has a hidden
// name, .scpatch-*, from the start).
func (m *Image) WriteTemp(path string, like os.FileInfo, check func(*File) error) (*Temp, error) {
	return m.f.writeTemp(path, like, m.writeFile, func(out *os.File) error { return m.reread(out, check) })
}

// writeTemp writes an output made from f to a temporary file and has it read
// back.
func (f *File) writeTemp(path string, like os.FileInfo, write, reread func(out *os.File) error) (*Temp, error) {
	path, err := destination(path)
	if err != nil {
		return nil, err
	}
	t, err := createTemp(path)
	if err != nil {
		return nil, err
	}
	err = f.Guard(func() error {
		if err := write(t.out); err != nil {
			return err
		}
		if f.src != nil { // the output takes its place in memory
			f.src.release()
		}
		if err := setAttributes(t.out, like); err != nil {
			return err
		}
		return reread(t.out)
	})
	if changed := f.Changed(); changed != nil {
		err = changed // any other error is a consequence
	}
	if err != nil {
		return nil, errors.Join(err, t.Discard())
	}
	return t, nil
}

// destination follows symbolic links. It is an error if anything but a regular
// file exists there.
func destination(path string) (string, error) {
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, os.ErrNotExist):
		if link, err := os.Lstat(path); err == nil && link.Mode().Type() == os.ModeSymlink {
			return "", &os.PathError{Op: "open", Path: path, Err: errors.New("the symbolic link is dangling")}
		}
		return path, nil
	case err != nil:
		return "", err
	case !info.Mode().IsRegular():
		return "", &os.PathError{Op: "open", Path: path, Err: ErrNotRegular}
	}
	return filepath.EvalSymlinks(path)
}

// writeFile writes the image. The kernel copies long ranges.
func (m *Image) writeFile(out *os.File) error { return m.write(newFileWriter(m.f, out)) }

func newFileWriter(f *File, out *os.File) *writer {
	w := newWriter(f, out)
	if f.src != nil {
		w.file = out
	}
	return w
}

// copyRange copies n bytes at offset off of in to the current position of out.
// It returns how many bytes the kernel copied: fewer if it cannot do so for
// this pair of files.
func copyRange(out, in *os.File, off, n uint64) (done uint64, err error) {
	for done < n {
		at := int64(off + done)
		k, err := unix.CopyFileRange(int(in.Fd()), &at, int(out.Fd()), nil, int(n-done), 0)
		switch {
		case err == unix.EINTR:
			continue
		case err == unix.ENOSPC || err == unix.EDQUOT || err == unix.EIO || err == unix.EFBIG:
			return done, &os.PathError{Op: "copy_file_range", Path: out.Name(), Err: err}
		case err != nil || k == 0:
			return done, nil //nolint:nilerr // the caller writes what the kernel does not copy
		}
		done += uint64(k)
	}
	return done, nil
}

func setAttributes(out *os.File, like os.FileInfo) error {
	if like == nil {
		return nil
	}
	var now unix.Stat_t
	if err := unix.Fstat(int(out.Fd()), &now); err != nil {
		return &os.PathError{Op: "fstat", Path: out.Name(), Err: err}
	}
	mode := like.Mode() & (os.ModePerm | os.ModeSetuid | os.ModeSetgid | os.ModeSticky)
	if uid, gid, ok := owner(like); ok && (uid != now.Uid || gid != now.Gid) {
		switch err := out.Chown(int(uid), int(gid)); {
		case errors.Is(err, unix.EPERM):
			// If the process may not give the file away, the file keeps the
			// process's owner, as with any tool that writes a new file. Then it
			// must not be setuid or setgid either.
			mode &^= os.ModeSetuid | os.ModeSetgid
		case err != nil:
			return err
		}
	}
	return out.Chmod(mode)
}

// reread maps the output and opens it.
func (m *Image) reread(out *os.File, check func(*File) error) error {
	return remap(out, m.size, func(data []byte) error {
		if m.Unchanged() && check == nil {
			return nil // a copy of what New accepted
		}
		f, err := New(data)
		if err != nil {
			return fmt.Errorf("the output cannot be read back: %w", err)
		}
		if check == nil {
			return nil
		}
		return check(f)
	})
}

// remap maps the output and passes it to read.
func remap(out *os.File, size uint64, read func(data []byte) error) (err error) {
	src := &source{file: out}
	if err := src.mapFile(); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, src.unmap()) }()
	if uint64(len(src.data)) != size {
		return fmt.Errorf("the output has %d bytes, not the planned %d", len(src.data), size)
	}
	return read(src.data)
}

var _ io.WriterTo = (*Image)(nil)
