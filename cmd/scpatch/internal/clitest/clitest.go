// SPDX-License-Identifier: BSD-3-Clause

// Package clitest is shared by the tests of the command. It gives access to the
// files of the repository and to the blocks of its documents.
package clitest

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// root is the directory of go.mod, above the one where the tests start. It may
// be empty when the test binary runs as scpatch, which can be in any directory.
var root = func() string {
	dir, err := os.Getwd()
	for err == nil && dir != "/" {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir
		}
		dir = filepath.Dir(dir)
	}
	return ""
}()

// RepoPath returns the path of a file of the repository.
func RepoPath(elem ...string) string {
	if root == "" {
		panic("no go.mod above the directory of the tests")
	}
	return filepath.Join(append([]string{root}, elem...)...)
}

// ReadFile returns the contents of a file.
func ReadFile(t testing.TB, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// WriteFile writes a file.
func WriteFile(t testing.TB, path string, b []byte) {
	t.Helper()
	if err := os.WriteFile(path, b, 0o644); err != nil {
		t.Fatal(err)
	}
}

// InObjects changes to a directory with a copy of the repository's objects.
func InObjects(t *testing.T) {
	t.Helper()
	dir := t.TempDir()
	if err := os.CopyFS(filepath.Join(dir, "testdata", "obj"), os.DirFS(RepoPath("testdata", "obj"))); err != nil {
		t.Fatal(err)
	}
	t.Chdir(filepath.Join(dir, "testdata", "obj"))
}

// Doc returns a document of the repository.
func Doc(t *testing.T, elem ...string) string {
	t.Helper()
	return string(ReadFile(t, RepoPath(elem...)))
}

// Fenced returns the blocks of a document that are marked with a language.
func Fenced(doc, language string) (blocks []string) {
	for {
		_, rest, ok := strings.Cut(doc, "\n```"+language+"\n")
		if !ok {
			return blocks
		}
		block, after, _ := strings.Cut(rest, "```\n")
		blocks, doc = append(blocks, block), after
	}
}

// Matches compares an output with one in which "..." stands for any lines.
func Matches(got, want string) bool {
	var re strings.Builder
	re.WriteString(`^`)
	for _, line := range strings.Split(want, "\n") {
		if line == "..." {
			re.WriteString(`(?:.*\n)*`)
		} else if line != "" || want != "" {
			re.WriteString(regexp.QuoteMeta(line) + `\n`)
		}
	}
	re.WriteString(`$`)
	return regexp.MustCompile(re.String()).MatchString(got)
}

// FilesBelow returns the files below a directory and their permissions.
func FilesBelow(t testing.TB, dir string) map[string]fs.FileMode {
	t.Helper()
	files := map[string]fs.FileMode{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		name, err := filepath.Rel(dir, path)
		files[name] = info.Mode()
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// InDirectory returns a new directory with these files.
func InDirectory(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	Fill(t, dir, files)
	return dir
}

// Fill writes files into a directory.
func Fill(t *testing.T, dir string, files map[string]string) {
	t.Helper()
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
			t.Fatal(err)
		}
		WriteFile(t, path, []byte(text))
	}
}

// Full reports whether SCPATCH_FULL=1 asks for the long form of a test.
func Full() bool { return os.Getenv("SCPATCH_FULL") == "1" }
