// SPDX-License-Identifier: BSD-3-Clause

package kind_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"
	"testing"

	"github.com/scpatch/scpatch/elfrw"
	"github.com/scpatch/scpatch/sites/kind"
)

func TestOf(t *testing.T) {
	system := func(err error) error { return &fs.PathError{Op: "open", Path: "x", Err: err} }
	plain := errors.New("plain")
	for _, c := range []struct {
		err  error
		want kind.Kind
		io   bool
	}{
		{nil, kind.None, false},
		{plain, kind.None, false},
		{kind.BadKey.Errorf("what: %w", plain), kind.BadKey, false},
		{fmt.Errorf("where: %w", kind.BadKey.Wrap(plain)), kind.BadKey, false},
		{kind.BadTable.Wrap(kind.BadKey.Wrap(plain)), kind.BadKey, false},
		{kind.BadTable.Wrap(&elfrw.FormatError{}), kind.BadELF, false},
		{fmt.Errorf("x: %w", elfrw.ErrNotELF64LE), kind.NotELF64LE, false},
		{kind.Archive.Errorf("%w: an archive", elfrw.ErrNotELF64LE), kind.Archive, false},
		{fmt.Errorf("x: %w", &elfrw.ArchiveError{}), kind.Archive, false},
		{elfrw.ErrSigned, kind.SignedModule, false},
		{elfrw.ErrChanged, kind.FileChanged, true},
		{system(elfrw.ErrNotRegular), kind.NotRegular, true},
		{system(syscall.ENOENT), kind.NoSuchFile, true},
		{system(syscall.ENOTDIR), kind.NoSuchFile, true},
		{system(syscall.EACCES), kind.PermissionDenied, true},
		{fmt.Errorf("x: %w", syscall.ENOSPC), kind.IOError, true},
		{system(plain), kind.IOError, true},
		{&os.LinkError{Op: "rename", Old: "x", New: "y", Err: plain}, kind.IOError, true},
		{&os.SyscallError{Syscall: "read", Err: plain}, kind.IOError, true},
		{errors.Join(context.Canceled, nil), kind.Interrupted, true},
	} {
		got := kind.Of(c.err)
		if got != c.want || got.IO() != c.io {
			t.Errorf("%v: %v, IO %v, want %v, %v", c.err, got, got.IO(), c.want, c.io)
		}
	}
	if err := kind.BadKey.Wrap(nil); err != nil {
		t.Errorf("Wrap(nil) is %v", err)
	}
	if err := kind.BadKey.Wrap(plain); !errors.Is(err, plain) || err.Error() != "plain" {
		t.Errorf("Wrap changed the error to %v", err)
	}
}

// TestAll wants each kind once, from the first to the last, with a name of its own.
func TestAll(t *testing.T) {
	all := kind.All()
	seen := map[string]bool{"": true}
	for i, k := range all {
		if int(k) != int(kind.None)+1+i || seen[k.String()] {
			t.Errorf("kind %d is %v", i, k)
		}
		seen[k.String()] = true
	}
	if len(all) == 0 || all[0] != kind.BadUsage || all[len(all)-1] != kind.R2NotSaved {
		t.Errorf("all kinds are %v", all)
	}
}

func TestPrintable(t *testing.T) {
	for name, want := range map[string]string{
		"": "", "f.cold": "f.cold", "größe": "größe",
		"a\nb": `"a\nb"`, "a\x1b[31m": `"a\x1b[31m"`, `a"b`: `"a\"b"`, "a\u202eb": `"a\u202eb"`, "\xff": `"\xff"`,
	} {
		if got := kind.Printable(name); got != want {
			t.Errorf("%q: %s, want %s", name, got, want)
		}
	}
}
