// SPDX-License-Identifier: BSD-3-Clause

package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// mutantSource is a small object with a table, sites with and without
// relocations, and keys of each kind.
const mutantSource = "asm-annot16.o"

// TestTruncatedFiles gives the command a small object cut at every length: exit
// code, message, and the file as it was.
func TestTruncatedFiles(t *testing.T) {
	whole := readFile(t, repoPath("testdata", "obj", mutantSource))
	path := filepath.Join(t.TempDir(), "cut.o")
	step := 1
	if testing.Short() {
		step = 7
	}
	for n := 0; n < len(whole); n += step {
		code, message := patchBytes(t, path, whole[:n])
		if code != exitInput || !strings.HasPrefix(message, "scpatch: "+path+": ") {
			t.Errorf("%d of %d bytes: exit %d, %q", n, len(whole), code, message)
		}
	}
}

// TestMutants changes every byte of a small object, one at a time, with
// SCPATCH_FULL=1 in two ways, with -short every seventh byte.
// What is refused is left as it is, with a message; what is accepted is patched
// so that a second run finds nothing to do. Nothing else may happen.
func TestMutants(t *testing.T) {
	whole := readFile(t, repoPath("testdata", "obj", mutantSource))
	dir := t.TempDir()
	path := filepath.Join(dir, "mutant.o")
	flips, step := []byte{0xff}, 1
	if os.Getenv("SCPATCH_FULL") == "1" {
		flips = append(flips, 0x01)
	}
	if testing.Short() {
		step = 7
	}
	accepted, refused := 0, 0
	for i := 0; i < len(whole); i += step {
		for _, flip := range flips {
			mutant := bytes.Clone(whole)
			mutant[i] ^= flip
			code, message := patchBytes(t, path, mutant)
			switch code {
			case exitInput:
				refused++
				if message == "" {
					t.Errorf("byte 0x%x ^ 0x%x: refused without a message", i, flip)
				}
			case exitDone, exitKept:
				accepted++
				once := readFile(t, path)
				if again, message := patchBytes(t, path, once); again != code || !bytes.Equal(once, readFile(t, path)) {
					t.Errorf("byte 0x%x ^ 0x%x: a second run changes the file, or exits with %d: %s", i, flip, again, message)
				}
			default:
				t.Errorf("byte 0x%x ^ 0x%x: exit %d, %s", i, flip, code, message)
			}
		}
	}
	if refused == 0 || accepted == 0 {
		t.Errorf("%d accepted, %d refused", accepted, refused)
	}
	if names, err := os.ReadDir(dir); err != nil || len(names) != 1 {
		t.Errorf("%d files left, %v", len(names), err)
	}
	t.Logf("%d mutants: %d accepted, %d refused", accepted+refused, accepted, refused)
}

// patchBytes patches a file of those bytes. If the file is refused it must
// still have them.
func patchBytes(t *testing.T, path string, b []byte) (int, string) {
	t.Helper()
	writeFile(t, path, b)
	var stdout, stderr bytes.Buffer
	code := run([]string{"--quiet", path}, &stdout, &stderr)
	if code > exitKept && !bytes.Equal(readFile(t, path), b) {
		t.Errorf("exit %d, and the file was changed: %s", code, &stderr)
	}
	return code, stderr.String()
}
