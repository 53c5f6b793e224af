// SPDX-License-Identifier: BSD-3-Clause

package cli

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"

	"github.com/scpatch/scpatch/elfrw"
	"golang.org/x/sys/unix"
)

// expandArgs replaces @FILE among the arguments by the contents of the file. After
// the -- of compile, it is left to the compiler.
func expandArgs(args []string) ([]string, error) {
	rest := len(args)
	if i := slices.Index(args, "--"); i >= 0 && args[0] == "compile" {
		rest = i
	}
	words, ends := expandFiles(args[:rest])
	if !ends {
		return nil, fmt.Errorf("more than %d files of arguments: one of them may name itself", mostFiles)
	}
	return append(words, args[rest:]...), nil
}

// addRecursive adds the option of commands that look into directories.
func (c *common) addRecursive() {
	c.flags.BoolVarP(&c.recursive, "recursive", "r", false, "for a directory, process the ppc64le objects and archives below it")
}

// expand replaces directories by the files below them if --recursive is given.
func (c *common) expand(paths []string) (files []string) {
	if !c.recursive {
		return paths
	}
	for _, path := range paths {
		if info, err := os.Stat(path); err != nil || !info.IsDir() {
			files = append(files, path)
			continue
		}
		n := len(files)
		if files = below(path, files); len(files) == n {
			c.log.WithField("file", path).Warn("the directory has no object and no archive for ppc64le")
		}
	}
	return files
}

// below appends the files below a directory that are objects or archives for ppc64le,
// in the order of their names. It does not follow symbolic links. Files that cannot
// be read are included, so that opening them reports the error.
func below(dir string, files []string) []string {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return append(files, dir)
	}
	for _, e := range entries {
		path := filepath.Join(dir, e.Name())
		switch {
		case e.IsDir():
			files = below(path, files)
		case e.Type().IsRegular() && isForUs(path):
			files = append(files, path)
		}
	}
	return files
}

// isForUs reports whether a file is a relocatable object for ppc64le, or an
// archive with one, or cannot be read.
func isForUs(path string) bool {
	head, err := readHead(path)
	switch {
	case err != nil:
		return true
	case !elfrw.IsArchive(head):
		return isObjectForUs(head)
	}
	a, err := elfrw.OpenArchive(path)
	if err != nil {
		return true
	}
	defer a.Close()
	found := false
	err = a.Guard(func() error {
		for i := 0; i < a.NumMembers() && !found; i++ {
			m := a.Member(i)
			head := m.Data
			if a.Thin() {
				// A missing member says nothing about the others.
				head, _ = readHead(memberPath(path, m))
			}
			found = isObjectForUs(head)
		}
		return nil
	})
	return found || err != nil
}

// headSize is the number of bytes that tell files apart: up to e_machine.
const headSize = 20

// readHead reads the first bytes of a regular file. It returns none for any other
// file, and does not wait for a FIFO.
func readHead(path string) ([]byte, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() {
		return nil, err
	}
	head := make([]byte, headSize)
	n, err := io.ReadFull(f, head)
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		err = nil
	}
	return head[:n], err
}

// isObjectForUs reports whether a file that begins with head is a relocatable
// object for ppc64le.
func isObjectForUs(head []byte) bool {
	return len(head) >= headSize && bytes.HasPrefix(head, []byte("\x7fELF\x02\x01")) && // ELFCLASS64, ELFDATA2LSB
		bytes.HasPrefix(head[16:], []byte("\x01\x00\x15\x00")) // ET_REL, EM_PPC64
}
