// SPDX-License-Identifier: BSD-3-Clause

package elfrw_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/scpatch/scpatch/elfrw"
)

// TestGuard reads bytes after another process truncated the file.
func TestGuard(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.o")
	data := bulky()
	names := map[string]int{string(data[80_000:80_100]): 1}
	for name, read := range map[string]func(f *elfrw.File) error{
		"load":    func(f *elfrw.File) error { f.Section(f.NumSections() - 1).NameBytes(); return nil },
		"symbol":  func(f *elfrw.File) error { _ = f.Symbol(1); return nil },
		"copy":    func(f *elfrw.File) error { _ = bytes.Clone(f.Bytes()); return nil },
		"string":  func(f *elfrw.File) error { _ = string(f.Bytes()); return nil },
		"compare": func(f *elfrw.File) error { bytes.Equal(f.Bytes(), data); return nil },
		"index":   func(f *elfrw.File) error { bytes.IndexByte(f.Bytes(), 0xfe); return nil },
		"map":     func(f *elfrw.File) error { _ = names[string(f.Bytes()[70_000:70_100])]; return nil },
		"elf":     func(f *elfrw.File) error { _, err := f.ELF(); return err },
		"edit":    func(f *elfrw.File) error { return f.Edit().ReplaceBytes(1, 0, code(1), code(1)) },
	} {
		t.Run(name, func(t *testing.T) {
			f := put(t, path, data)
			if err := f.Guard(func() error { return read(f) }); err != nil {
				t.Fatalf("before: %v", err)
			}
			if err := os.Truncate(path, 0); err != nil {
				t.Fatal(err)
			}
			if err := f.Guard(func() error { return read(f) }); !errors.Is(err, elfrw.ErrChanged) || !strings.Contains(err.Error(), "was truncated") {
				t.Errorf("error is %v", err)
			}
		})
	}
}

// TestGuardWritten runs code that trusts what it has read before, on a file
// that is written to in between.
func TestGuardWritten(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.o")
	f := put(t, path, bulky())
	read := func() error {
		before := f.Bytes()[4]
		if err := os.WriteFile(path, bytes.Repeat([]byte{0}, len(bulky())), 0o666); err != nil {
			return err
		}
		if err := os.Chtimes(path, time.Time{}, time.Unix(1, 0)); err != nil { // regardless of the clock's resolution
			return err
		}
		if f.Bytes()[4] != before {
			panic("an index out of range")
		}
		return nil
	}
	if err := f.Guard(read); !errors.Is(err, elfrw.ErrChanged) {
		t.Errorf("error is %v", err)
	}
}

// TestGuardElse checks that any other panic and any error are passed on.
func TestGuardElse(t *testing.T) {
	f := put(t, filepath.Join(t.TempDir(), "a.o"), bulky())
	g, err := elfrw.New(bulky())
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range []*elfrw.File{f, g} {
		want := errors.New("want")
		if err := f.Guard(func() error { return want }); err != want {
			t.Errorf("error is %v", err)
		}
		for name, fn := range map[string]func() error{
			"value": func() error { panic("value") },
			"nil":   func() error { var p *int; *p = 1; return nil },
			"index": func() error { _ = f.Bytes()[len(f.Bytes())+f.NumSections()]; return nil },
		} {
			func() {
				defer func() {
					if recover() == nil {
						t.Errorf("%s: the panic was kept", name)
					}
				}()
				f.Guard(fn)
			}()
		}
	}
}

// TestGuardWrite truncates the input while the output is being checked, after
// which the image cannot be read; nothing is left behind.
func TestGuardWrite(t *testing.T) {
	for _, named := range []bool{false, true} {
		if named {
			elfrw.WithoutTmpfile(t)
		}
		dir := t.TempDir()
		path := filepath.Join(dir, "a.o")
		f := put(t, path, bulky())
		m := edited(t, f)
		_, err := m.WriteTemp(path, nil, func(*elfrw.File) error {
			if err := os.Truncate(path, 0); err != nil {
				t.Fatal(err)
			}
			_, err := f.ELF()
			return err
		})
		if !errors.Is(err, elfrw.ErrChanged) {
			t.Errorf("error is %v", err)
		}
		holds(t, dir, "a.o")
	}
}
