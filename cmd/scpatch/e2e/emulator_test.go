// SPDX-License-Identifier: BSD-3-Clause

package e2e

import (
	"bufio"
	"bytes"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// instructions runs a program in the emulator and returns how many instructions
// it executed: each is a translation block of its own, and the emulator writes a
// line for each block that runs. With addresses of its own for the program (-R), which
// qemu 10 else takes from the host at random, two runs are the same: the dynamic
// linker's work depends on them. The program must exit with status.
func instructions(t *testing.T, dir string, emulator, program []string, status int) int {
	t.Helper()
	log, to, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	words := slices.Concat(emulator, []string{singleBlocks(t, emulator[0]), "-R", "1024G", "-d", "exec,nochain", "-D", "/dev/fd/3"}, program)
	cmd := exec.Command(words[0], words[1:]...)
	cmd.Dir = dir
	cmd.ExtraFiles = []*os.File{to}
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	to.Close()
	n, lines := 0, bufio.NewScanner(log)
	for lines.Scan() {
		if bytes.HasPrefix(lines.Bytes(), []byte("Trace ")) {
			n++
		}
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); cmd.ProcessState == nil || cmd.ProcessState.ExitCode() != status {
		t.Fatalf("%s: %v, want status %d\n%s", strings.Join(words, " "), err, status, &stderr)
	}
	if n == 0 {
		t.Fatalf("%s: no instruction in the log", strings.Join(words, " "))
	}
	return n
}

// singleBlocks returns the option that makes every instruction a translation
// block of its own: -one-insn-per-tb, which before qemu 8.1 was -singlestep.
// qemu 10 knows the old name no more.
func singleBlocks(t *testing.T, emulator string) string {
	t.Helper()
	help, err := exec.Command(emulator, "-h").Output()
	if err != nil {
		t.Fatal(err)
	}
	for _, option := range []string{"-one-insn-per-tb", "-singlestep"} {
		if bytes.Contains(help, []byte("\n"+option+" ")) {
			return option
		}
	}
	t.Fatalf("%s knows no way to count instructions", emulator)
	return ""
}
