// SPDX-License-Identifier: BSD-3-Clause

package e2e

import (
	"bufio"
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/scpatch/scpatch/ppc64"
)

// instructions runs a program in the emulator and returns how many instructions it
// executed: each is a separate translation block, and the emulator writes a line for
// each block that runs. -R gives the program fixed addresses, which qemu 10 otherwise
// takes from the host at random. Without it runs would differ, because the dynamic
// linker's work depends on addresses. The program must exit with status.
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

// executions counts what some code executes.
type executions struct {
	instructions, loads, stores int
	taken                       int // branches taken, including those to the link register
	indirect                    int // branches to the count register, which a processor must predict
}

func (e executions) minus(o executions) executions {
	return executions{e.instructions - o.instructions, e.loads - o.loads, e.stores - o.stores, e.taken - o.taken, e.indirect - o.indirect}
}

// per divides executions by the number of calls.
func (e executions) per(t *testing.T, n int) executions {
	t.Helper()
	for _, count := range []int{e.instructions, e.loads, e.stores, e.taken, e.indirect} {
		if count%n != 0 {
			t.Errorf("%+v in %d calls", e, n)
			break
		}
	}
	return executions{e.instructions / n, e.loads / n, e.stores / n, e.taken / n, e.indirect / n}
}

// executed runs a program like instructions, and returns what it executes from each
// odd marker to the next even one. The program must exit with 0. The emulator writes
// each instruction before it first runs, and again after a change.
func executed(t *testing.T, dir string, emulator, program []string, marker ppc64.Word) []executions {
	t.Helper()
	log := filepath.Join(t.TempDir(), "log")
	words := slices.Concat(emulator, []string{singleBlocks(t, emulator[0]), "-R", "1024G", "-d", "exec,nochain,in_asm", "-D", log}, program)
	cmd := exec.Command(words[0], words[1:]...)
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", strings.Join(words, " "), err, out)
	}
	f, err := os.Open(log)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	code := map[uint64]ppc64.Word{}
	var all []executions
	var now *executions
	var last uint64
	var word, suffix ppc64.Word
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		line := lines.Text()
		if at, rest, ok := strings.Cut(line, ":  "); ok && strings.HasPrefix(line, "0x") && len(rest) >= 8 {
			a, err := strconv.ParseUint(at[2:], 16, 64)
			w, err2 := strconv.ParseUint(rest[:8], 16, 32)
			if err != nil || err2 != nil {
				t.Fatalf("%s: %q", log, line)
			}
			code[a] = ppc64.Word(w)
			continue
		}
		field := strings.SplitN(line, "/", 3)
		if !strings.HasPrefix(line, "Trace ") || len(field) != 3 {
			continue
		}
		pc, err := strconv.ParseUint(field[1], 16, 64)
		if err != nil {
			t.Fatalf("%s: %q", log, line)
		}
		if now != nil && pc != last+uint64(word.Len()) {
			now.taken++
		}
		last, word, suffix = pc, code[pc], code[pc+ppc64.WordSize]
		switch {
		case word == marker && now == nil:
			all = append(all, executions{})
			now = &all[len(all)-1]
			continue
		case word == marker:
			now = nil
		}
		if now == nil {
			continue
		}
		now.instructions++
		if ppc64.Decode(word, 0).Op == ppc64.OpBcctr {
			now.indirect++
		}
		if a, ok := ppc64.Memory(word, suffix); ok && a.Store {
			now.stores++
		} else if ok {
			now.loads++
		}
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
	if now != nil {
		t.Fatal("a marker is missing")
	}
	return all
}

// singleBlocks returns the option that makes every instruction a separate
// translation block: -one-insn-per-tb, which was -singlestep before qemu 8.1.
// qemu 10 no longer has the old name.
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
