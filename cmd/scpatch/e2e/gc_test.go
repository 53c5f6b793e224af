// SPDX-License-Identifier: BSD-3-Clause

package e2e

import (
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/scpatch/scpatch/cmd/scpatch/internal/cli"
	"github.com/scpatch/scpatch/elfrw"
	"github.com/scpatch/scpatch/sites/layout"
)

// TestE2ECollect links a patched object so that the linker drops unused
// sections, both directly and after other tools have processed it. The entries
// of live code must stay. If the linker does not keep sections for __start_
// symbols, unused code must go, with its entries.
func TestE2ECollect(t *testing.T) {
	w := newWorkshop(t)
	const gnu = "powerpc64le-linux-gnu-"
	w.object("p.o", "gcc-p8-O2", "usc_gc.c", "-fPIE", "-ffunction-sections", "-fvisibility=hidden")
	scpatch(t, mode{"inline", []string{"--user", "--require=stack,save-stub"}}, filepath.Join(w.dir, "p.o"))
	linkers := slices.Clone(w.linkerNames())
	if _, err := exec.LookPath(gnu + "ld.gold"); err == nil {
		linkers = append(linkers, "gold")
	}
	for _, c := range []struct {
		tool    string
		collect bool // the tool that joins tables keeps them together
	}{
		{"cp p.o q.o", true},
		{gnu + "objcopy p.o q.o", true},
		{gnu + "strip -g -o q.o p.o", true},
		{gnu + "strip --strip-unneeded -o q.o p.o", true},
		{gnu + "objcopy --rename-section .text.gc_used=.text.foo p.o q.o", true},
		{"llvm-objcopy p.o q.o", true},
		{"llvm-objcopy --strip-unneeded p.o q.o", true},
		{gnu + "ld -r -o q.o p.o", false},
		{"ld.lld -r -o q.o p.o", false},
		{gnu + "ld -r --gc-sections -e main -o q.o p.o", true},
	} {
		execute(t, w.dir, strings.Fields(c.tool))
		for _, linker := range linkers {
			for _, flags := range []string{"", "-Wl,--gc-sections", "-Wl,--gc-sections,-z,start-stop-gc"} {
				stop := strings.Contains(flags, "start-stop") || linker == "lld"
				link := w.linkers[linker]
				if linker == "gold" {
					if strings.Contains(flags, "start-stop") {
						continue
					}
					link = append(slices.Clone(w.linkers["bfd"]), "-fuse-ld=gold")
				}
				name := strings.Join([]string{c.tool, linker, flags}, "; ")
				execute(t, w.dir, slices.Concat(link, strings.Fields(flags), []string{"-pie", "q.o", "-o", "program"}))
				if got := w.execute(t, "./program"); got != "2\n1001\n" {
					t.Errorf("%s: printed %q", name, got)
				}
				if _, errs, code := runCommand("verify", "--user", filepath.Join(w.dir, "program")); code != cli.ExitDone {
					t.Errorf("%s: verify: %s", name, errs)
				}
				unused, entries := collected(t, filepath.Join(w.dir, "program"))
				// The used call and its stub; the stubs are in one section.
				if entries == 0 || flags != "" && stop && c.collect && (unused || entries != 3) {
					t.Errorf("%s: %d entries, gc_unused is there: %v", name, entries, unused)
				}
			}
		}
	}
}

// TestE2ELostTable drops the table of a patched object. The program must report
// that, and its calls must be correct.
func TestE2ELostTable(t *testing.T) {
	w := newWorkshop(t)
	w.object("p.o", "gcc-p8-O2", "usc_gc.c", "-fPIE", "-ffunction-sections")
	scpatch(t, mode{"inline", []string{"--user"}}, filepath.Join(w.dir, "p.o"))
	for _, c := range []struct{ tool, want string }{
		{"cp p.o q.o", "2\n1001\n"},
		{"powerpc64le-linux-gnu-objcopy --rename-section static_call_cells=foo p.o q.o", "2\n1001\n"}, // the stubs go through their keys
		{"powerpc64le-linux-gnu-objcopy --rename-section static_call_sites=foo p.o q.o",
			"static call (all): calls are patched, but section static_call_sites is gone; they stay on the way through their keys\n2\n1001\n"},
	} {
		execute(t, w.dir, strings.Fields(c.tool))
		for _, linker := range w.linkerNames() {
			for _, flags := range []string{"-pie", "-Wl,--gc-sections"} {
				w.link(linker, flags, "q.o", "-o", "program")
				got := string(execute(t, w.dir, []string{"sh", "-c", strings.Join(w.run, " ") + " ./program 2>&1"}))
				if got != c.want {
					t.Errorf("%s, %s %s: printed %q, want %q", c.tool, linker, flags, got, c.want)
				}
			}
		}
	}
}

// collected reports whether a program has the unused function, and how many
// entries its table.
func collected(t *testing.T, path string) (unused bool, entries uint64) {
	f, err := elfrw.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if s, ok := f.SectionByName(layout.UserTable); ok {
		entries = s.Size / layout.EntrySize
	}
	for i := 1; i < f.NumSymbols(); i++ {
		unused = unused || string(f.SymbolName(f.Symbol(i))) == "gc_unused"
	}
	return unused, entries
}
