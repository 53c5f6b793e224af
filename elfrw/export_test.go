// SPDX-License-Identifier: BSD-3-Clause

package elfrw

import (
	"errors"
	"testing"
)

// WithoutTmpfile lets a test go the way of file systems without O_TMPFILE.
func WithoutTmpfile(t *testing.T) {
	was := tmpfile
	tmpfile = 0
	t.Cleanup(func() { tmpfile = was })
}

// Tmpfile reports whether a file without a name is tried.
func Tmpfile() bool { return tmpfile != 0 }

// WithoutLocks lets a test go the way of file systems that have no flock.
func WithoutLocks(t *testing.T) {
	was := flock
	flock = func(int, int) error { return errors.ErrUnsupported }
	t.Cleanup(func() { flock = was })
}

// TempName is where the output for a path is before it is renamed.
var TempName = tempName

// IndexHead makes an index of one symbol, of a member at an offset, with numbers of so
// many bytes.
func IndexHead(width int, head uint64) error {
	a := &Archive{members: []arMember{{head: head}}, index: arIndex{width: width}}
	m := &ArchiveImage{a: a, index: make([]arSymbol, 1)}
	return m.putHeads(make([]byte, 2*width), 0)
}

// Compare is the check of an archive that was read back.
func (m *ArchiveImage) Compare(out *Archive) error { return m.compare(out) }
