// SPDX-License-Identifier: BSD-3-Clause

package elfrw

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// A source is an open, mapped input file.
type source struct {
	file *os.File
	info os.FileInfo
	data []byte
}

func openSource(path string) (*source, error) {
	// O_NONBLOCK: opening a FIFO must not wait for a writer.
	file, err := os.OpenFile(path, os.O_RDONLY|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	src := &source{file: file}
	if err := src.mapFile(); err != nil {
		file.Close()
		return nil, err
	}
	return src, nil
}

func (s *source) mapFile() (err error) {
	if s.info, err = s.file.Stat(); err != nil {
		return err
	}
	if !s.info.Mode().IsRegular() {
		return &os.PathError{Op: "open", Path: s.file.Name(), Err: ErrNotRegular}
	}
	size := s.info.Size()
	if size == 0 {
		return nil // an empty mapping is an error; New says what is wrong
	}
	if s.data, err = unix.Mmap(int(s.file.Fd()), 0, int(size), unix.PROT_READ, unix.MAP_PRIVATE); err != nil {
		return &os.PathError{Op: "mmap", Path: s.file.Name(), Err: err}
	}
	return nil
}

// releaseMin is the size in bytes from which it pays to release a file.
const releaseMin = 8 << 20

// release tells the system that the pages of a large file that were read so far need not
// stay in the memory of the process. A page that is read again is mapped again.
func (s *source) release() {
	if len(s.data) >= releaseMin {
		_ = unix.Madvise(s.data, unix.MADV_DONTNEED) // only advice
	}
}

func (s *source) close() error { return errors.Join(s.unmap(), s.file.Close()) }

func (s *source) unmap() error {
	data := s.data
	s.data = nil
	if data == nil {
		return nil
	}
	return unix.Munmap(data)
}

// written reports whether the file that was opened has been written to since.
func (s *source) written() bool {
	now, err := s.file.Stat()
	return err == nil && s.differs(now)
}

func (s *source) differs(now fs.FileInfo) bool {
	return now.Size() != s.info.Size() || !now.ModTime().Equal(s.info.ModTime())
}

func (s *source) changed() error {
	now, err := s.file.Stat()
	if err != nil {
		return err
	}
	if s.differs(now) {
		return fmt.Errorf("%w: %s had %d bytes, and now has %d", ErrChanged, s.file.Name(), s.info.Size(), now.Size())
	}
	if named, err := os.Stat(s.file.Name()); err != nil || !os.SameFile(named, s.info) {
		return fmt.Errorf("%w: %s is now another file", ErrChanged, s.file.Name())
	}
	return nil
}

func owner(info os.FileInfo) (uid, gid uint32, ok bool) {
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return 0, 0, false
	}
	return st.Uid, st.Gid, true
}
