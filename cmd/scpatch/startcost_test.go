// SPDX-License-Identifier: BSD-3-Clause

package main

import (
	"bytes"
	"errors"
	"io"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
)

// TestE2EStartCosts counts the instructions by which the run time makes the
// calls of a program short when it starts, and when it finds that it may not:
// what a call that is linked through its key costs before main. The everyday form
// has one thousand calls.
func TestE2EStartCosts(t *testing.T) {
	w := newWorkshop(t)
	sizes := []int{1, 2}
	if full() {
		sizes = []int{1, 10, 100}
	}
	first, before := 0, 0
	w.patched("part.o", "gcc-p8-O2", "count_start.c", "-fPIE", "-DPART")
	w.patched("main.o", "gcc-p8-O2", "count_start.c", "-fPIE")
	t.Log("\n| calls | instructions before main | for each call |\n|---|---|---|")
	for i, n := range sizes {
		w.link("bfd", slices.Concat([]string{"-pie", "main.o"}, slices.Repeat([]string{"part.o"}, n), []string{"-o", "program"})...)
		count := w.executed(t, 1)
		if i == 0 {
			first, before = n, count
			t.Logf("| %d | %d | |", 1000*n, count)
			continue
		}
		each := (count - before) / (1000 * (n - first))
		t.Logf("| %d | %d | %d |", 1000*n, count, each)
		if each < 20 || each > 400 {
			t.Errorf("%d instructions for each call", each)
		}
		first, before = n, count
	}
}

// executed counts the instructions of the program, which exits with a status.
func (w *workshop) executed(t *testing.T, status int) int {
	t.Helper()
	words := slices.Concat(w.run, []string{"-singlestep", "-d", "exec,nochain", "./program"})
	cmd := exec.Command(words[0], words[1:]...)
	cmd.Dir = w.dir
	pipe, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	n, buffer := 0, make([]byte, 1<<20)
	for err == nil {
		var got int
		got, err = pipe.Read(buffer)
		n += bytes.Count(buffer[:got], []byte("\n"))
	}
	if !errors.Is(err, io.EOF) {
		t.Fatal(err)
	}
	var exit *exec.ExitError
	if err := cmd.Wait(); !errors.As(err, &exit) || exit.ExitCode() != status {
		t.Fatalf("%s: %v, want status %d", filepath.Join(w.dir, "program"), err, status)
	}
	return n
}
