// SPDX-License-Identifier: BSD-3-Clause

package e2e

import (
	"bytes"
	"encoding/binary"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/scpatch/scpatch/cmd/scpatch/internal/cli"
	"github.com/scpatch/scpatch/cmd/scpatch/internal/clitest"
	"github.com/scpatch/scpatch/ppc64"
	"github.com/scpatch/scpatch/ppc64/tooltest"
)

// linkFarKernel links an image of 40 MB from objects patched with --table-only.
func linkFarKernel(t *testing.T, linker string, link []string) string {
	t.Helper()
	tooltest.Need(t, "powerpc64le-linux-gnu-gcc", "powerpc64le-linux-gnu-ld.bfd", "ld.lld")
	dir := t.TempDir()
	copyFile(t, filepath.Join("testdata", "far.S"), filepath.Join(dir, "far.S"))
	copyFile(t, clitest.RepoPath("testdata", "src", "sc_asm.h"), filepath.Join(dir, "sc_asm.h"))
	for name, define := range map[string]string{"begin.o": "-DBEGIN", "end.o": "-DEND"} {
		execute(t, dir, []string{"powerpc64le-linux-gnu-gcc", "-c", define, "far.S", "-o", name})
		scpatch(t, mode{args: []string{"--table-only"}}, filepath.Join(dir, name))
	}
	base := "0xc000000000000000"
	if len(link) > 0 {
		base = "0x10000"
	}
	script := strings.ReplaceAll(string(clitest.ReadFile(t, filepath.Join("testdata", "kernel.lds"))), "BASE", base)
	clitest.WriteFile(t, filepath.Join(dir, "kernel.lds"), []byte(script))
	command := append(append([]string{}, kernelLinkers[linker]...), link...)
	execute(t, dir, append(command, "-T", "kernel.lds", "-o", "vmlinux", "begin.o", "end.o"))
	return filepath.Join(dir, "vmlinux")
}

// TestFarKernelImage patches images in which sites do not reach their
// trampolines or their targets. The entry of such a site must name the linker's
// stub, and the site must call its target if that is in reach.
func TestFarKernelImage(t *testing.T) {
	tooltest.NoRace(t)
	for linker := range kernelLinkers {
		for shape, link := range map[string][]string{"fixed": nil, "relocatable": {"-pie"}} {
			t.Run(linker+"/"+shape, func(t *testing.T) {
				path := linkFarKernel(t, linker, link)
				out, stderr, code := runCommand("list", path)
				for _, want := range []string{
					"6 sites, 4 keys: 3 direct, 1 constant, 2 kept",
					" call_begin\\+0x14 +begin +near_begin +direct ",
					" call_begin\\+0x1c +end +near_end +keep .*target-far",
					" call_begin\\+0x24 +null_end +NULL +constant ",
					" call_begin\\+0x2c +crossed +near_begin +direct ",
					" call_end\\+0x14 +begin +near_begin +keep .*target-far",
					" call_end\\+0x1c +end +near_end +direct ",
				} {
					if code != cli.ExitDone || !regexp.MustCompile(want).MatchString(out) {
						t.Errorf("list: exit %d, want %s\n%s%s", code, want, out, stderr)
					}
				}
				for _, what := range []string{"patched", "nothing to do"} {
					if _, stderr, code := runCommand("-v", path); code != cli.ExitKept || !strings.Contains(stderr, what) {
						t.Fatalf("exit %d, want %q\n%s", code, what, stderr)
					}
				}
				if _, stderr, code := runCommand("verify", path); code != cli.ExitDone {
					t.Errorf("verify: exit %d\n%s", code, stderr)
				}
				im := readImage(t, path)
				unlisted := &imageFile{t, bytes.Clone(im.b), im.f, im.syms}
				text := unlisted.memory("call_begin", 0)
				w, _ := ppc64.Load(text, 0x1c) // another call through the same stub of the linker
				w, err := w.WithDisplacement(w.Displacement() - 0x18)
				if err != nil {
					t.Fatal(err)
				}
				w.Put(text[0x34:])
				clitest.WriteFile(t, path, unlisted.b)
				if _, stderr, code := runCommand("verify", path); code != cli.ExitInput || !strings.Contains(stderr, "call_begin+0x34: calls __SCT__end, but no entry of the table names the call") {
					t.Errorf("an unlisted call: verify: exit %d\n%s", code, stderr)
				}
				stubs := stubFields(im)
				if len(stubs) != 4 {
					t.Errorf("%d entries name a stub, want those of end, null_end, crossed at the begin, and begin at the end", len(stubs))
				}
				left := 0 // sites that have left the linker's stub
				for _, at := range stubs {
					b := bytes.Clone(im.b)
					binary.LittleEndian.PutUint32(b[at:], 0)
					clitest.WriteFile(t, path, b)
					if _, stderr, code := runCommand("verify", path); code != cli.ExitInput || !strings.Contains(stderr, "is out of reach, and the entry has no stub that leads there") {
						t.Errorf("without a stub: verify: exit %d\n%s", code, stderr)
					}
					switch _, stderr, code := runCommand(path); {
					case code == cli.ExitInput && strings.Contains(stderr, "is out of a branch's reach, and the site has left the linker's stub: patch the objects with --table-only"):
						left++
					case code != cli.ExitKept || !bytes.Equal(clitest.ReadFile(t, path), im.b):
						t.Errorf("without a stub: exit %d\n%s", code, stderr)
					}
					binary.LittleEndian.PutUint32(b[at:], binary.LittleEndian.Uint32(im.b[at:])+4)
					clitest.WriteFile(t, path, b)
					if _, stderr, code := runCommand("verify", path); code != cli.ExitInput || !strings.Contains(stderr, "the entry's stub ") {
						t.Errorf("another stub: verify: exit %d\n%s", code, stderr)
					}
					if _, stderr, code := runCommand(path); code != cli.ExitInput || !strings.Contains(stderr, "of its entry does not lead to the trampoline of ") {
						t.Errorf("another stub: exit %d\n%s", code, stderr)
					}
				}
				if left != 2 {
					t.Errorf("%d sites have left the linker's stub, want null_end and crossed", left)
				}
			})
		}
	}
}

// stubFields lists the file offsets of the entries' fields that name a stub.
func stubFields(im *imageFile) (at []uint64) {
	start, stop := im.syms["__start_static_call_sites"], im.syms["__stop_static_call_sites"]
	sec := im.f.Section(start.Section)
	for off := sec.Off + start.Value - sec.Addr; off < sec.Off+stop.Value-sec.Addr; off += 16 {
		if binary.LittleEndian.Uint32(im.b[off+4:]) != 0 {
			at = append(at, off+4)
		}
	}
	return at
}
