// SPDX-License-Identifier: BSD-3-Clause

package elfrw

import (
	"errors"
	"testing"
)

// WithoutTmpfile makes a test behave as on a file system without O_TMPFILE.
func WithoutTmpfile(t *testing.T) {
	was := tmpfile
	tmpfile = 0
	t.Cleanup(func() { tmpfile = was })
}

// Tmpfile reports whether O_TMPFILE is tried.
func Tmpfile() bool { return tmpfile != 0 }

// WithoutLocks makes a test behave as on a file system without flock.
func WithoutLocks(t *testing.T) {
	was := flock
	flock = func(int, int) error { return errors.ErrUnsupported }
	t.Cleanup(func() { flock = was })
}

// TempName returns the temporary name of the output for a path.
var TempName = tempName

// IndexHead makes an index of one symbol of a member at offset head, with numbers of
// width bytes.
func IndexHead(width int, head uint64) error {
	a := &Archive{members: []arMember{{head: head}}, index: arIndex{width: width}}
	m := &ArchiveImage{a: a, index: make([]arSymbol, 1)}
	return m.putHeads(make([]byte, 2*width), 0)
}

// Compare is the check of an archive that was read back.
func (m *ArchiveImage) Compare(out *Archive) error { return m.compare(out) }
