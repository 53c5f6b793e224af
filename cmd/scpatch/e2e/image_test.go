// SPDX-License-Identifier: BSD-3-Clause

package e2e

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"path/filepath"
	"strings"
	"testing"

	"github.com/scpatch/scpatch/cmd/scpatch/internal/cli"
	"github.com/scpatch/scpatch/cmd/scpatch/internal/clitest"
	"github.com/scpatch/scpatch/ppc64"
	"github.com/scpatch/scpatch/ppc64/tooltest"
)

var kernelLinkers = map[string][]string{
	"bfd": {"powerpc64le-linux-gnu-ld.bfd", "-no-warn-rwx-segments"},
	"lld": {"ld.lld", "-m", "elf64lppc", "-z", "norelro"},
}

// linkKernel links a patched object like a kernel image.
func linkKernel(t *testing.T, linker, base string, patch, link []string) string {
	t.Helper()
	tooltest.Need(t, "powerpc64le-linux-gnu-ld.bfd", "ld.lld")
	dir := t.TempDir()
	for _, o := range []string{"update", "targets", "ret0"} {
		copyFile(t, clitest.RepoPath("testdata", "obj", "gcc-p8-O2-"+o+".o"), filepath.Join(dir, o+".o"))
	}
	if patch != nil {
		scpatch(t, mode{args: patch}, filepath.Join(dir, "update.o"))
	}
	script := strings.ReplaceAll(string(clitest.ReadFile(t, filepath.Join("testdata", "kernel.lds"))), "BASE", base)
	clitest.WriteFile(t, filepath.Join(dir, "kernel.lds"), []byte(script))
	command := append([]string{}, kernelLinkers[linker]...)
	command = append(command, link...)
	execute(t, dir, append(command, "-T", "kernel.lds", "-o", "vmlinux", "update.o", "targets.o", "ret0.o"))
	return filepath.Join(dir, "vmlinux")
}

// TestVerifyKernelImage verifies an image whose table has no section of its
// own, at a fixed address and relocatable, with entries of both sizes, and an
// image that was linked from unpatched objects.
func TestVerifyKernelImage(t *testing.T) {
	const fixed = "0xc000000000000000"
	for linker := range kernelLinkers {
		for _, size := range []string{"--entry-size=8", "--entry-size=16"} {
			for _, shape := range []struct {
				name, base string
				link       []string
			}{
				{"fixed", fixed, nil},
				{"relocatable", "0", []string{"-pie"}},
			} {
				t.Run(linker+"/"+size+"/"+shape.name, func(t *testing.T) {
					image := linkKernel(t, linker, shape.base, []string{size}, shape.link)
					checkLinked(t, image, 4, 2)
				})
			}
		}
		t.Run(linker+"/unpatched", func(t *testing.T) {
			image := linkKernel(t, linker, fixed, nil, nil)
			_, stderr, code := runCommand("verify", image)
			if code != cli.ExitInput || !strings.Contains(stderr, "no entry of a site table, but 4 trampolines (first __SCT__u_op): the patched object may not have been linked") {
				t.Errorf("exit %d\n%s", code, stderr)
			}
			_, stderr, code = runCommand("verify", "--runtime=trampoline", image)
			if n := strings.Count(stderr, "[not-patched]\n"); code != cli.ExitInput || n != 4 {
				t.Errorf("exit %d, %d calls\n%s", code, n, stderr)
			}
			if stdout, stderr, code := runCommand("verify", "--runtime=trampoline", "--allow-unpatched", image); code != cli.ExitDone {
				t.Errorf("exit %d\n%s%s", code, stdout, stderr)
			}
		})
	}
}

// TestVerifyKernelFaults makes faults that only a kernel image can have.
func TestVerifyKernelFaults(t *testing.T) {
	image := linkKernel(t, "bfd", "0xc000000000000000", []string{"--entry-size=16"}, nil)
	sound := clitest.ReadFile(t, image)
	f, err := elf.NewFile(bytes.NewReader(sound))
	if err != nil {
		t.Fatal(err)
	}
	syms, err := f.Symbols()
	if err != nil {
		t.Fatal(err)
	}
	// place returns the file offset of a symbol's memory, and that of its entry
	// in the symbol table.
	place := func(name string) (at, entry uint64) {
		for i, s := range syms {
			if s.Name == name {
				sec := f.Sections[s.Section]
				return sec.Offset + s.Value - sec.Addr, f.SectionByType(elf.SHT_SYMTAB).Offset + uint64(i+1)*elf.Sym64Size
			}
		}
		t.Fatalf("no symbol %s", name)
		return 0, 0
	}
	// call replaces the third instruction of a function by a branch to a
	// symbol.
	call := func(b []byte, from, to string, link ppc64.Word) {
		at, _ := place(from)
		n, _ := place(to)
		w, err := (0x48000000 | link).WithDisplacement(int64(n) - int64(at+8))
		if err != nil {
			t.Fatal(err)
		}
		w.Put(b[at+8:])
	}
	const paca = ppc64.Word(0xe84d0010) // ld r2,16(r13)
	for _, c := range []struct {
		name string
		do   func(b []byte)
		args []string
		want string
	}{
		{"the PACA's TOC pointer", func(b []byte) { at, _ := place("u_call"); paca.Put(b[at+0x24:]) }, []string{"--paca-toc=16"}, ""},
		{"another offset", func(b []byte) { at, _ := place("u_call"); paca.Put(b[at+0x24:]) }, []string{"--paca-toc=24"},
			"u_call+0x20: no slot follows the call, found .long 0xe84d0010: a run time has no place for a restore"},
		{"no offset", func(b []byte) { at, _ := place("u_call"); paca.Put(b[at+0x24:]) }, nil,
			"u_call+0x20: no slot follows the call"},
		{"a table that ends where it begins", func(b []byte) {
			_, start := place("__start_static_call_sites")
			_, stop := place("__stop_static_call_sites")
			copy(b[stop+8:stop+16], b[start+8:start+16])
		}, nil, "no entry of a site table, but 4 trampolines"},
		{"a table of zeros", func(b []byte) {
			start, _ := place("__start_static_call_sites")
			stop, _ := place("__stop_static_call_sites")
			clear(b[start:stop])
		}, nil, "the entry points at"},
		{"a table cut short", func(b []byte) {
			_, stop := place("__stop_static_call_sites")
			binary.LittleEndian.PutUint64(b[stop+8:], binary.LittleEndian.Uint64(b[stop+8:])-4)
		}, nil, "bytes are not a multiple of"},
		{"another target in the key", func(b []byte) {
			at, _ := place("__SCK__u_op")
			binary.LittleEndian.PutUint64(b[at:], binary.LittleEndian.Uint64(b[at:])+16)
		}, nil, "u_call+0x20: calls t_inc (local entry), but the key holds t_inc+0x10"},
		{"a call that the table lacks", func(b []byte) { call(b, "t_inc", "__SCT__u_op", 1) }, nil,
			"t_inc+0x8: calls __SCT__u_op, but no entry of the table names the call"},
		{"a tail call that the table lacks", func(b []byte) { call(b, "t_inc", "__SCT__u_op", 0) }, nil,
			"t_inc+0x8: calls __SCT__u_op, but no entry of the table names the call"},
		{"such a call in another kernel", func(b []byte) { call(b, "t_inc", "__SCT__u_op", 1) }, []string{"--runtime=trampoline"},
			"t_inc+0x8: calls __SCT__u_op: nothing says that it was patched, or was meant to stay"},
		{"such a call, allowed", func(b []byte) { call(b, "t_inc", "__SCT__u_op", 1) }, []string{"--runtime=trampoline", "--allow-unpatched"}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := append([]byte{}, sound...)
			c.do(b)
			path := filepath.Join(t.TempDir(), "vmlinux")
			clitest.WriteFile(t, path, b)
			_, stderr, code := runCommand(append([]string{"verify"}, append(c.args, path)...)...)
			if want := c.want; code == cli.ExitDone != (want == "") || !strings.Contains(stderr, want) {
				t.Errorf("exit %d, want %q\n%s", code, want, stderr)
			}
		})
	}
}
