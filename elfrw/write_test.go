// SPDX-License-Identifier: BSD-3-Clause

package elfrw_test

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/scpatch/scpatch/elfrw"
	"golang.org/x/sys/unix"
)

// bulky is an object whose largest section is long enough for copy_file_range.
func bulky() []byte {
	o := basic()
	o.add(sec{name: ".rodata", align: 8, data: bytes.Repeat([]byte("rodata! "), 20_000)})
	return o.build()
}

// put writes a file and opens it.
func put(t *testing.T, path string, data []byte) *elfrw.File {
	t.Helper()
	if err := os.WriteFile(path, data, 0o644); err != nil {
		t.Fatal(err)
	}
	f, err := elfrw.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

// edited returns the image of an edit that moves what follows the code.
func edited(t *testing.T, f *elfrw.File) *elfrw.Image {
	t.Helper()
	e := f.Edit()
	if err := e.AppendData(1, []byte("grown")); err != nil {
		t.Fatal(err)
	}
	if _, err := e.AddSymbol(elfrw.NewSymbol{Name: "new"}); err != nil {
		t.Fatal(err)
	}
	m, err := e.Layout()
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func written(t *testing.T, m *elfrw.Image) []byte {
	t.Helper()
	var b bytes.Buffer
	if _, err := m.WriteTo(&b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// holds checks that a directory holds the named files and no others.
func holds(t *testing.T, dir string, names ...string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, e := range entries {
		got = append(got, e.Name())
	}
	if len(got) != len(names) {
		t.Fatalf("%s holds %q, want %q", dir, got, names)
	}
	for i := range got {
		if got[i] != names[i] {
			t.Fatalf("%s holds %q, want %q", dir, got, names)
		}
	}
}

func sameFile(t *testing.T, path string, want []byte) {
	t.Helper()
	if got, err := os.ReadFile(path); err != nil || !bytes.Equal(got, want) {
		t.Fatalf("%s is not what it should be (%d bytes, want %d; %v)", path, len(got), len(want), err)
	}
}

// bothWays runs a test with outputs that have no name until they are committed,
// and with outputs that have one from the start.
func bothWays(t *testing.T, test func(*testing.T)) {
	t.Helper()
	test(t)
	t.Run("named", func(t *testing.T) {
		elfrw.WithoutTmpfile(t)
		test(t)
	})
}

func TestReplace(t *testing.T) {
	bothWays(t, testReplace)
}

func testReplace(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "a.o")
	data := bulky()
	f := put(t, path, data)
	if err := os.Chmod(path, 0o640|fs.ModeSetgid); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	m := edited(t, f)
	want := written(t, m)
	checked := 0
	temp, err := m.WriteTemp(path, info, func(out *elfrw.File) error {
		checked++
		if !bytes.Equal(out.Bytes(), want) {
			t.Error("the check sees another output")
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	sameFile(t, path, data)
	if hasTmpfile(dir) && elfrw.Tmpfile() {
		holds(t, dir, "a.o") // nothing is left behind
	}
	if err := temp.Commit(); err != nil {
		t.Fatal(err)
	}
	sameFile(t, path, want)
	holds(t, dir, "a.o")
	if now, err := os.Stat(path); err != nil || now.Mode() != info.Mode() || checked != 1 {
		t.Errorf("mode %v, want %v, checked %d times, %v", now.Mode(), info.Mode(), checked, err)
	}
	if err := f.Changed(); !errors.Is(err, elfrw.ErrChanged) {
		t.Errorf("the input was replaced, Changed says %v", err)
	}

	// Renamed, then deleted.
	f, err = elfrw.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	m = edited(t, f)
	for _, commit := range []bool{true, false} {
		temp, err := m.WriteTemp(filepath.Join(dir, "b.o"), nil, nil)
		if err != nil {
			t.Fatal(err)
		}
		if commit {
			err = temp.Commit()
		} else {
			err = temp.Discard()
		}
		if err != nil {
			t.Fatal(err)
		}
		sameFile(t, filepath.Join(dir, "b.o"), written(t, m))
		holds(t, dir, "a.o", "b.o")
	}
}

func hasTmpfile(dir string) bool {
	fd, err := unix.Open(dir, unix.O_RDWR|unix.O_TMPFILE, 0o600)
	if err == nil {
		unix.Close(fd)
	}
	return err == nil
}

func TestReplaceFails(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "a.o")
	data := bulky()
	m := edited(t, put(t, path, data))
	stop := errors.New("stop")
	fails := func(path string, want error) {
		t.Helper()
		temp, err := m.WriteTemp(path, nil, func(*elfrw.File) error { return stop })
		if err == nil {
			err = temp.Commit()
		}
		if !errors.Is(err, want) {
			t.Errorf("%s: error is %v, want %v", path, err, want)
		}
		holds(t, dir, "a.o", "empty", "fifo", "full", "loop", "nowhere")
		sameFile(t, filepath.Join(dir, "a.o"), data)
	}
	in := func(name string) string { return filepath.Join(dir, name) }
	for _, err := range []error{
		os.Mkdir(in("empty"), 0o700), os.Mkdir(in("full"), 0o700), os.WriteFile(in("full/x"), nil, 0o600),
		unix.Mkfifo(in("fifo"), 0o600), os.Symlink("loop", in("loop")), os.Symlink("gone/gone", in("nowhere")),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	fails(path, stop)
	fails(in("new.o"), stop)
	fails(in("none/a.o"), fs.ErrNotExist)
	fails(in("a.o/b.o"), unix.ENOTDIR)
	var bad *fs.PathError
	for _, name := range []string{"empty", "full", "fifo", "loop", "nowhere", "/dev/null"} {
		path := name
		if !filepath.IsAbs(path) {
			path = in(name)
		}
		if temp, err := m.WriteTemp(path, nil, nil); !errors.As(err, &bad) {
			t.Errorf("%s: error is %v", name, err)
			if err == nil {
				temp.Discard()
			}
		}
	}
	holds(t, dir, "a.o", "empty", "fifo", "full", "loop", "nowhere")
}

func TestReplaceLink(t *testing.T) {
	dir := t.TempDir()
	real, link := filepath.Join(dir, "real.o"), filepath.Join(dir, "sub", "link.o")
	if err := os.Mkdir(filepath.Dir(link), 0o700); err != nil {
		t.Fatal(err)
	}
	put(t, real, bulky())
	if err := os.Symlink("../real.o", link); err != nil {
		t.Fatal(err)
	}
	f, err := elfrw.Open(link)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	m := edited(t, f)
	temp, err := m.WriteTemp(link, f.Info(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := temp.Commit(); err != nil {
		t.Fatal(err)
	}
	sameFile(t, real, written(t, m))
	holds(t, dir, "real.o", "sub")
	if to, err := os.Readlink(link); err != nil || to != "../real.o" {
		t.Errorf("the link leads to %q, %v", to, err)
	}
}

func TestOpenRefuses(t *testing.T) {
	dir := t.TempDir()
	fifo, empty := filepath.Join(dir, "fifo"), filepath.Join(dir, "empty")
	if err := errors.Join(unix.Mkfifo(fifo, 0o600), os.WriteFile(empty, nil, 0o600)); err != nil {
		t.Fatal(err)
	}
	var bad *fs.PathError
	for _, path := range []string{fifo, dir, "/dev/null", "/dev/zero", filepath.Join(dir, "none")} {
		if _, err := elfrw.Open(path); !errors.As(err, &bad) {
			t.Errorf("%s: error is %v", path, err)
		}
	}
	if _, err := elfrw.Open(empty); !errors.Is(err, elfrw.ErrNotELF64LE) {
		t.Errorf("an empty file: error is %v", err)
	}
}

// TestChanged changes the input while a File is open.
func TestChanged(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "a.o")
	data := bulky()
	for name, change := range map[string]func() error{
		"touched":   func() error { return os.Chtimes(path, time.Unix(1, 0), time.Unix(1, 0)) },
		"longer":    func() error { return os.Truncate(path, int64(len(data))+1) },
		"shorter":   func() error { return os.Truncate(path, 100) },
		"emptied":   func() error { return os.Truncate(path, 0) },
		"removed":   func() error { return os.Remove(path) },
		"renamed":   func() error { return os.Rename(path, path+"2") },
		"replaced":  func() error { return errors.Join(os.WriteFile(path+"3", data, 0o600), os.Rename(path+"3", path)) },
		"unchanged": func() error { return nil },
	} {
		t.Run(name, func(t *testing.T) {
			f := put(t, path, data)
			m := edited(t, f)
			if err := change(); err != nil {
				t.Fatal(err)
			}
			out := filepath.Join(t.TempDir(), "b.o")
			temp, err := m.WriteTemp(out, f.Info(), nil)
			if name == "unchanged" {
				if err != nil || f.Changed() != nil {
					t.Fatal(err, f.Changed())
				}
				err = temp.Commit()
				sameFile(t, out, written(t, m))
			}
			if name != "unchanged" && !errors.Is(err, elfrw.ErrChanged) || name == "unchanged" && err != nil {
				t.Errorf("error is %v", err)
			}
			if name != "unchanged" {
				holds(t, filepath.Dir(out))
			}
		})
	}
}

// TestLeftOver finds the temporary name taken: by the leftover of a killed
// process, which is removed, and by a process that is still running.
func TestLeftOver(t *testing.T) {
	bothWays(t, testLeftOver)
}

func testLeftOver(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "a.o")
	m := edited(t, put(t, path, bulky()))
	if err := os.WriteFile(elfrw.TempName(path), []byte("half of a file"), 0o666); err != nil {
		t.Fatal(err)
	}
	temp, err := m.WriteTemp(path, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := temp.Commit(); err != nil {
		t.Fatal(err)
	}
	sameFile(t, path, written(t, m))
	holds(t, dir, "a.o")

	// The process that holds the name is between link and rename.
	m = edited(t, put(t, path, bulky()))
	other, err := os.Create(elfrw.TempName(path))
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	if err := unix.Flock(int(other.Fd()), unix.LOCK_EX); err != nil {
		t.Fatal(err)
	}
	if temp, err = m.WriteTemp(path, nil, nil); err == nil {
		err = temp.Commit()
	}
	if !errors.Is(err, elfrw.ErrChanged) || !strings.Contains(err.Error(), "is being replaced by another process") {
		t.Errorf("error is %v", err)
	}
	sameFile(t, path, bulky())
	holds(t, dir, filepath.Base(elfrw.TempName(path)), "a.o")
}

// TestMeet writes many outputs for one name concurrently. Each is committed
// whole, or reports that another process is at work.
func TestMeet(t *testing.T) {
	bothWays(t, testMeet)
}

func testMeet(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "a.o")
	m := edited(t, put(t, filepath.Join(t.TempDir(), "in.o"), bulky()))
	want := written(t, m)
	var all sync.WaitGroup
	var met, done atomic.Int64
	for range 8 {
		all.Add(1)
		go func() {
			defer all.Done()
			for range fewer(200, 20) {
				temp, err := m.WriteTemp(path, nil, nil)
				if err == nil {
					err = temp.Commit()
				}
				switch {
				case err == nil:
					done.Add(1)
				case errors.Is(err, elfrw.ErrChanged):
					met.Add(1)
				default:
					t.Error(err)
					return
				}
			}
		}()
	}
	all.Wait()
	sameFile(t, path, want)
	holds(t, dir, "a.o")
	t.Logf("%d were committed, %d met another", done.Load(), met.Load())
}

// TestNoLocks writes two outputs for one name on a file system without locks.
// The second must not take the first for a leftover, or the first would rename
// a half-written second.
func TestNoLocks(t *testing.T) {
	elfrw.WithoutTmpfile(t)
	elfrw.WithoutLocks(t)
	dir := t.TempDir()
	path := filepath.Join(dir, "a.o")
	m := edited(t, put(t, path, bulky()))
	first, err := m.WriteTemp(path, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	if second, err := m.WriteTemp(path, nil, nil); !errors.Is(err, elfrw.ErrChanged) {
		t.Errorf("error of the second is %v", err)
		if err == nil {
			_ = second.Discard()
		}
	}
	if err := first.Commit(); err != nil {
		t.Fatal(err)
	}
	sameFile(t, path, written(t, m))
	holds(t, dir, "a.o")
}
