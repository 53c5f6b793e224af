// SPDX-License-Identifier: BSD-3-Clause

package e2e

import (
	"bytes"
	"debug/elf"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/scpatch/scpatch/cmd/scpatch/internal/cli"
	"github.com/scpatch/scpatch/cmd/scpatch/internal/clitest"
	"github.com/scpatch/scpatch/ppc64/tooltest"
	"github.com/scpatch/scpatch/sites"
)

// kernelDir returns the directory where make kernel-object leaves a real
// kernel.
func kernelDir(t *testing.T) string {
	dir := os.Getenv("SCPATCH_KERNEL")
	if dir == "" {
		tooltest.Missing(t, "SCPATCH_KERNEL names no kernel build; see make kernel-check")
	}
	return dir
}

// TestKernelImage patches a real vmlinux.o. Every call to a trampoline that its
// relocations show must be found, patched and listed in the table.
func TestKernelImage(t *testing.T) {
	tooltest.Long(t, "make kernel-check")
	in := filepath.Join(kernelDir(t), "vmlinux.o")
	calls := trampolineCalls(t, in)
	if len(calls) < 1500 {
		t.Fatalf("%d calls to trampolines, facts of this configuration say about 1,800", len(calls))
	}
	plan := listJSON(t, in, nil)
	if len(plan) != len(calls) {
		t.Errorf("%d sites, the relocations show %d", len(plan), len(calls))
	}
	forms := map[sites.Form]int{}
	for _, s := range plan {
		forms[s.Form]++
		if s.Form == sites.Keep || !s.Listed {
			t.Errorf("%s+0x%x: %s %s, listed %v", s.Section, s.Offset, s.Form, s.Reason, s.Listed)
		}
	}
	out := patchCopy(t, in)
	if left := trampolineCalls(t, out); len(left) != 0 {
		t.Errorf("%d calls to trampolines are left, the first at %s", len(left), left[0])
	}
	f, err := elf.Open(out)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if s := f.Section(".static_call_sites"); s == nil || s.Size != uint64(16*len(calls)) {
		t.Errorf("the table is %+v, want %d entries", s, len(calls))
	}
	linkable(t, out)
	t.Logf("%d sites: %v", len(plan), forms)
}

// TestKernelModules patches real modules. No site may stay on its trampoline,
// and the table must list all, including those of the kernel's keys.
func TestKernelModules(t *testing.T) {
	tooltest.Long(t, "make kernel-check")
	modules, err := filepath.Glob(filepath.Join(kernelDir(t), "modules", "*.ko"))
	if err != nil || len(modules) == 0 {
		t.Fatalf("no modules: %v", err)
	}
	total, forms := 0, map[sites.Form]int{}
	for _, in := range modules {
		calls := trampolineCalls(t, in)
		plan := listJSON(t, in, nil)
		if len(plan) != len(calls) {
			t.Errorf("%s: %d sites, the relocations show %d", in, len(plan), len(calls))
		}
		out := patchCopy(t, in)
		for _, s := range listJSON(t, out, nil) {
			if s.Form == sites.Keep || !s.Listed {
				t.Errorf("%s: %s+0x%x: %s %s, in the table: %v", in, s.Section, s.Offset, s.Form, s.Reason, s.Listed)
			}
			forms[s.Form]++
		}
		if _, stderr, code := runCommand("verify", out); code != cli.ExitDone {
			t.Errorf("%s: verify: exit %d\n%s", in, code, stderr)
		}
		linkable(t, out)
		total += len(plan)
	}
	if total < 100 {
		t.Errorf("%d sites in %d modules", total, len(modules))
	}
	t.Logf("%d sites in %d modules: %v", total, len(modules), forms)
}

// trampolineCalls lists the calls to trampolines by relocation alone.
func trampolineCalls(t *testing.T, path string) (calls []string) {
	t.Helper()
	for at, callee := range callRelocations(t, path) {
		if strings.HasPrefix(callee, sites.TrampPrefix) {
			calls = append(calls, fmt.Sprintf("%s+0x%x %s", at.section, at.off, callee))
		}
	}
	slices.Sort(calls)
	return calls
}

// patchCopy patches a copy of a file, twice, and returns its path.
func patchCopy(t *testing.T, in string) string {
	t.Helper()
	out := filepath.Join(t.TempDir(), filepath.Base(in))
	copyFile(t, in, out)
	scpatch(t, mode{name: "kernel", args: []string{"--strip-signature"}}, out)
	once := clitest.ReadFile(t, out)
	scpatch(t, mode{name: "kernel"}, out)
	if !bytes.Equal(once, clitest.ReadFile(t, out)) {
		t.Errorf("%s: a second run changed the file", in)
	}
	return out
}

// linkable checks that both linkers accept an object and readelf does not
// complain.
func linkable(t *testing.T, path string) {
	t.Helper()
	tooltest.Need(t, "powerpc64le-linux-gnu-ld", "powerpc64le-linux-gnu-readelf", "ld.lld")
	dir := t.TempDir()
	execute(t, ".", []string{"powerpc64le-linux-gnu-ld", "-r", "-o", filepath.Join(dir, "bfd.o"), path})
	execute(t, ".", []string{"ld.lld", "-m", "elf64lppc", "-r", "-o", filepath.Join(dir, "lld.o"), path})
	if out := execute(t, ".", []string{"powerpc64le-linux-gnu-readelf", "-SsrW", path}); bytes.Contains(out, []byte("Warning")) {
		t.Errorf("readelf warns of %s", path)
	}
}
