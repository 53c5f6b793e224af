// SPDX-License-Identifier: BSD-3-Clause

package elfrw

import (
	"os"
	"path/filepath"
	"testing"
)

// TestWriteFile replaces an existing file, through a symbolic link, and keeps
// its mode. It leaves anything but a regular file alone.
func TestWriteFile(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	if err := WriteFile("new", []byte("one")); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod("new", 0o640); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("new", "link"); err != nil {
		t.Fatal(err)
	}
	if err := WriteFile("link", []byte("two")); err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile("new")
	info, statErr := os.Lstat("new")
	if err != nil || statErr != nil || string(got) != "two" || info.Mode() != 0o640 {
		t.Errorf("%q %v, mode %v %v", got, err, info.Mode(), statErr)
	}
	if info, err := os.Lstat("link"); err != nil || info.Mode().Type() != os.ModeSymlink {
		t.Errorf("the link: %v", err)
	}
	for _, path := range []string{dir, "/dev/null", filepath.Join("missing", "file")} {
		if err := WriteFile(path, []byte("three")); err == nil {
			t.Errorf("%s: no error", path)
		}
	}
	all, err := os.ReadDir(".")
	if err != nil || len(all) != 2 {
		t.Errorf("%v %v: want new and link", all, err)
	}
}
