// SPDX-License-Identifier: BSD-3-Clause

package elfrw

import (
	"errors"
	"io/fs"
	"os"

	"golang.org/x/sys/unix"
)

// Replaceable returns an error if a rename would replace a file that its owner
// made read-only, or a device.
func Replaceable(path string) error {
	if err := unix.Access(path, unix.W_OK); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return &fs.PathError{Op: "write", Path: path, Err: err}
	}
	if info, err := os.Stat(path); err == nil && !info.Mode().IsRegular() {
		return &fs.PathError{Op: "write", Path: path, Err: ErrNotRegular}
	}
	return nil
}

// WriteFile writes a file that is not an ELF file, completely or not at all, as
// [Image.WriteTemp] and [Temp.Commit] do. It follows a symbolic link, and an
// existing file keeps its mode. If it fails, an
// existing file is as it was.
func WriteFile(path string, data []byte) error {
	if err := Replaceable(path); err != nil {
		return err
	}
	path, err := destination(path)
	if err != nil {
		return err
	}
	like, err := os.Stat(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	t, err := createTemp(path)
	if err != nil {
		return err
	}
	if _, err = t.out.Write(data); err == nil {
		err = setAttributes(t.out, like)
	}
	if err != nil {
		return errors.Join(err, t.Discard())
	}
	return t.Commit()
}
