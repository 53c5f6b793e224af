// SPDX-License-Identifier: BSD-3-Clause

package e2e

import (
	"fmt"
	"maps"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// A matrixCompiler is a version of gcc or clang.
type matrixCompiler struct {
	name string // gcc-13
	kind string // gcc
	c    string // the commands for C
	cxx  string // and C++
}

const crossPrefix = "powerpc64le-linux-gnu-"

// matrixProcessors are the values of -mcpu, and the processors to emulate.
var matrixProcessors = []string{"power8", "power9", "power10", "power11"}

// hasPrefixed reports whether code for a processor uses prefixed instructions and keeps
// no TOC pointer.
func hasPrefixed(cpu string) bool { return cpu == "power10" || cpu == "power11" }

// matrixCompilers returns the installed compilers of the matrix, by their names in
// Debian.
func matrixCompilers() (found []matrixCompiler) {
	for _, v := range []int{12, 13, 14, 15, 16} {
		found = append(found, matrixCompiler{fmt.Sprintf("gcc-%d", v), "gcc", fmt.Sprintf("%sgcc-%d", crossPrefix, v), fmt.Sprintf("%sg++-%d", crossPrefix, v)})
	}
	for _, v := range []int{14, 19, 21, 22} {
		found = append(found, matrixCompiler{fmt.Sprintf("clang-%d", v), "clang", fmt.Sprintf("clang-%d", v), fmt.Sprintf("clang++-%d", v)})
	}
	return slices.DeleteFunc(found, func(c matrixCompiler) bool { return !hasTool(c.c) || !hasTool(c.cxx) })
}

// knows reports whether the compiler supports a processor. clang 14 silently accepts any
// name.
func (c matrixCompiler) knows(cpu string) bool {
	command := []string{c.c, "-mcpu=" + cpu, "-xc", "-dM", "-E", "/dev/null"}
	if c.kind == "clang" {
		command = append(command, "--target=powerpc64le-linux-gnu")
	}
	out, err := exec.Command(command[0], command[1:]...).Output()
	return err == nil && strings.Contains(string(out), " _ARCH_PWR"+strings.TrimPrefix(cpu, "power")+" ")
}

// matrixLinkers returns the commands of the installed linkers of the matrix, by name and
// version.
func matrixLinkers(t *testing.T) map[string][]string {
	driver := crossPrefix + "g++"
	found := map[string][]string{"bfd-" + linkerVersion(t, crossPrefix+"ld.bfd"): {driver, "-fuse-ld=bfd"}}
	for _, v := range []int{14, 19, 21, 22} {
		if dir := fmt.Sprintf("/usr/lib/llvm-%d/bin", v); hasTool(dir + "/ld.lld") {
			found[fmt.Sprintf("lld-%d", v)] = []string{driver, "-fuse-ld=lld", "-B" + dir}
		}
	}
	if hasTool("ld.mold") {
		if v := linkerVersion(t, "ld.mold"); !strings.HasPrefix(v, "1.") { // 1.10 does not know R_PPC64_REL32
			found["mold-"+v] = []string{driver, "-B/usr/libexec/mold"} // has ld
		}
	}
	return found
}

// linkerVersion returns the first word of a linker's --version that is a number.
func linkerVersion(t *testing.T, linker string) string {
	t.Helper()
	out, err := exec.Command(linker, "--version").Output()
	if err != nil {
		t.Fatalf("%s --version: %v", linker, err)
	}
	line, _, _ := strings.Cut(string(out), "\n")
	for _, w := range strings.Fields(line) {
		if w[0] >= '0' && w[0] <= '9' {
			parts := strings.Split(w, ".")
			return strings.Join(parts[:min(2, len(parts))], ".")
		}
	}
	t.Fatalf("%s --version: no version in %q", linker, line)
	return ""
}

// withTools returns the manifest with another compiler, processor and linkers.
func (m *manifest) withTools(c matrixCompiler, cpu string, linkers map[string][]string, emulated string) *manifest {
	w := &manifest{compilers: map[string][]string{}, linkers: maps.Clone(m.linkers), cells: m.cells}
	maps.Copy(w.linkers, linkers)
	for name, command := range m.compilers {
		command = slices.Clone(command)
		switch {
		case c.kind == "gcc" && command[0] == crossPrefix+"gcc", c.kind == "clang" && command[0] == "clang":
			command[0] = c.c
		case c.kind == "gcc" && command[0] == crossPrefix+"g++", c.kind == "clang" && command[0] == "clang++":
			command[0] = c.cxx
		default:
			w.compilers[name] = command
			continue
		}
		for i, word := range command {
			if strings.HasPrefix(word, "-mcpu=") && hasPrefixed(strings.TrimPrefix(word, "-mcpu=")) == hasPrefixed(cpu) {
				command[i] = "-mcpu=" + cpu
			}
		}
		w.compilers[name] = command
	}
	for _, word := range m.run {
		if slices.Contains(matrixProcessors, word) {
			word = emulated
		}
		w.run = append(w.run, word)
	}
	return w
}

// emulates returns the processor to emulate for cpu: power10 if the emulator does not
// know power11, which has no new instructions for programs.
func emulates(t *testing.T, emulator, cpu string) string {
	t.Helper()
	out, _ := exec.Command(emulator, "-cpu", "help").Output() // qemu 7.2 exits with 1
	known := strings.Fields(string(out))
	if !slices.Contains(known, "power10") {
		t.Fatalf("%s -cpu help does not list power10", emulator)
	}
	if cpu == "power11" && !slices.Contains(known, cpu) {
		return "power10"
	}
	return cpu
}

// suits returns the n-th of a cell's compilers of a kind whose code is for cpu. It
// returns "" if there is none, or if an object of the cell is not compiled, or is for
// another class of processors than the emulated one.
func (c *cell) suits(kind, cpu string, n int) string {
	for _, o := range c.objects {
		if o.committed || !hasPrefixed(cpu) && strings.Contains(o.compiler, "-p10-") {
			return ""
		}
	}
	if strings.HasPrefix(c.name, "count") { // they have a test of their own
		return ""
	}
	of := map[string][]string{"gcc": {"gcc-", "gxx-"}, "clang": {"clang-", "clangxx-"}}[kind]
	var names []string
	for _, name := range c.with {
		if (strings.HasPrefix(name, of[0]) || strings.HasPrefix(name, of[1])) && strings.Contains(name, "-p10-") == hasPrefixed(cpu) {
			names = append(names, name)
		}
	}
	if len(names) == 0 {
		return ""
	}
	return names[n%len(names)]
}

// links reports whether a cell is for a linker of the matrix.
func (c *cell) links(linker string) bool {
	kind, _, _ := strings.Cut(linker, "-")
	return slices.Contains(c.linkers, kind) || kind == "mold" && len(c.linkers) > 1
}
