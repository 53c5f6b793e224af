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
