// SPDX-License-Identifier: BSD-3-Clause

package errkind_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"
	"testing"

	"github.com/scpatch/scpatch/elfrw"
	"github.com/scpatch/scpatch/sites/errkind"
)

func TestOf(t *testing.T) {
	system := func(err error) error { return &fs.PathError{Op: "open", Path: "x", Err: err} }
	plain := errors.New("plain")
	for _, c := range []struct {
		err  error
		want errkind.Kind
		io   bool
	}{
		{nil, errkind.None, false},
		{plain, errkind.None, false},
		{errkind.BadKey.Errorf("what: %w", plain), errkind.BadKey, false},
		{fmt.Errorf("where: %w", errkind.BadKey.Wrap(plain)), errkind.BadKey, false},
		{errkind.BadTable.Wrap(errkind.BadKey.Wrap(plain)), errkind.BadKey, false},
		{errkind.BadTable.Wrap(&elfrw.FormatError{}), errkind.BadELF, false},
		{fmt.Errorf("x: %w", elfrw.ErrNotELF64LE), errkind.NotELF64LE, false},
		{errkind.Archive.Errorf("%w: an archive", elfrw.ErrNotELF64LE), errkind.Archive, false},
		{fmt.Errorf("x: %w", &elfrw.ArchiveError{}), errkind.Archive, false},
		{elfrw.ErrSigned, errkind.SignedModule, false},
		{elfrw.ErrChanged, errkind.FileChanged, true},
		{system(elfrw.ErrNotRegular), errkind.NotRegular, true},
		{system(syscall.ENOENT), errkind.NoSuchFile, true},
		{system(syscall.ENOTDIR), errkind.NoSuchFile, true},
		{system(syscall.EACCES), errkind.PermissionDenied, true},
		{fmt.Errorf("x: %w", syscall.ENOSPC), errkind.IOError, true},
		{system(plain), errkind.IOError, true},
		{&os.LinkError{Op: "rename", Old: "x", New: "y", Err: plain}, errkind.IOError, true},
		{&os.SyscallError{Syscall: "read", Err: plain}, errkind.IOError, true},
		{errors.Join(context.Canceled, nil), errkind.Interrupted, true},
	} {
		got := errkind.Of(c.err)
		if got != c.want || got.IO() != c.io {
			t.Errorf("%v: %v, IO %v, want %v, %v", c.err, got, got.IO(), c.want, c.io)
		}
	}
	if err := errkind.BadKey.Wrap(nil); err != nil {
		t.Errorf("Wrap(nil) is %v", err)
	}
	if err := errkind.BadKey.Wrap(plain); !errors.Is(err, plain) || err.Error() != "plain" {
		t.Errorf("Wrap changed the error to %v", err)
	}
}

// TestAll checks that All has each kind once, in order, with a unique name.
func TestAll(t *testing.T) {
	all := errkind.All()
	seen := map[string]bool{"": true}
	for i, k := range all {
		if int(k) != int(errkind.None)+1+i || seen[k.String()] {
			t.Errorf("kind %d is %v", i, k)
		}
		seen[k.String()] = true
	}
	if len(all) == 0 || all[0] != errkind.BadUsage || all[len(all)-1] != errkind.R2NotSaved {
		t.Errorf("all kinds are %v", all)
	}
}

func TestPrintable(t *testing.T) {
	for name, want := range map[string]string{
		"": "", "f.cold": "f.cold", "größe": "größe",
		"a\nb": `"a\nb"`, "a\x1b[31m": `"a\x1b[31m"`, `a"b`: `"a\"b"`, "a\u202eb": `"a\u202eb"`, "\xff": `"\xff"`,
	} {
		if got := errkind.Printable(name); got != want {
			t.Errorf("%q: %s, want %s", name, got, want)
		}
	}
}
