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
	"github.com/scpatch/scpatch/elfrw"
	"github.com/scpatch/scpatch/ppc64"
)

// An imageFile is a kernel image to be changed, with its symbols by name.
type imageFile struct {
	t    *testing.T
	b    []byte
	f    *elfrw.File
	syms map[string]elfrw.Symbol
}

func readImage(t *testing.T, path string) *imageFile {
	b := clitest.ReadFile(t, path)
	f, err := elfrw.New(b)
	if err != nil {
		t.Fatal(err)
	}
	im := &imageFile{t, bytes.Clone(b), f, map[string]elfrw.Symbol{}}
	for i := 1; i < f.NumSymbols(); i++ {
		s := f.Symbol(i)
		im.syms[string(f.SymbolName(s))] = s
	}
	return im
}

// memory returns the bytes from a symbol on.
func (im *imageFile) memory(name string, off uint64) []byte {
	s, ok := im.syms[name]
	if !ok {
		im.t.Fatalf("no symbol %s", name)
	}
	sec := im.f.Section(s.Section)
	return im.b[sec.Off+s.Value-sec.Addr+off:]
}

// branch turns a word into a call of an address.
func (im *imageFile) branch(function string, off, to uint64) {
	w, err := ppc64.Word(0x48000001).WithDisplacement(int64(to - im.syms[function].Value - off))
	if err != nil {
		im.t.Fatal(err)
	}
	w.Put(im.memory(function, off))
}

func (im *imageFile) local(name string) uint64 {
	s := im.syms[name]
	l, err := ppc64.LocalEntryOf(s.Other)
	if err != nil || s.Section == 0 {
		im.t.Fatalf("symbol %s: %v", name, err)
	}
	return s.Value + l.Offset()
}

// The sites of gcc-p8-O2-update.o.
var updateSites = []struct {
	function string
	off      uint64
	key      string
}{
	{"u_call", 0x20, "u_op"}, {"u_call", 0x30, "u_hook"}, {"u_call", 0x40, "u_zero"}, {"u_call_fixed", 0x18, "u_fixed"},
}

// TestPatchKernelImage patches an image in which the sites of a patched object
// were sent back to their trampolines. The image must again be what it was,
// byte for byte. It uses both linkers and both sizes of entries, at a fixed
// address and relocatable.
func TestPatchKernelImage(t *testing.T) {
	for linker := range kernelLinkers {
		for _, size := range []string{"--entry-size=8", "--entry-size=16"} {
			for base, link := range map[string][]string{"0xc000000000000000": nil, "0": {"-pie"}} {
				t.Run(linker+"/"+size+"/"+base, func(t *testing.T) {
					path := linkKernel(t, linker, base, []string{size}, link)
					im := readImage(t, path)
					want := bytes.Clone(im.b)
					for _, s := range updateSites {
						im.branch(s.function, s.off, im.local("__SCT__"+s.key))
					}
					if bytes.Equal(im.b, want) {
						t.Fatal("there is nothing to do")
					}
					clitest.WriteFile(t, path, im.b)
					if out, stderr, code := runCommand("list", path); code != cli.ExitDone || !strings.Contains(out, "4 sites, 4 keys: 2 direct, 2 constant, 0 kept\n") {
						t.Errorf("list: exit %d\n%s%s", code, out, stderr)
					}
					for _, what := range []string{"patched", "nothing to do"} {
						if _, stderr, code := runCommand("-v", path); code != cli.ExitDone || !strings.Contains(stderr, what) {
							t.Fatalf("exit %d, want %q\n%s", code, what, stderr)
						}
						if !bytes.Equal(clitest.ReadFile(t, path), want) {
							t.Fatal("the image is not what the object's patch made of it")
						}
					}
					if _, stderr, code := runCommand("verify", path); code != cli.ExitDone {
						t.Errorf("verify: exit %d\n%s", code, stderr)
					}
				})
			}
		}
	}
}

// TestPatchKernelImageRefused checks the errors for invalid images, and the
// reasons for sites that stay. The file must not change.
func TestPatchKernelImageRefused(t *testing.T) {
	path := linkKernel(t, "bfd", "0xc000000000000000", []string{"--entry-size=16"}, nil)
	sound := readImage(t, path)
	for _, s := range updateSites {
		sound.branch(s.function, s.off, sound.local("__SCT__"+s.key))
	}
	for _, c := range []struct {
		name   string
		change func(im *imageFile)
		args   []string
		code   int
		want   string
	}{
		{"sound", func(*imageFile) {}, nil, cli.ExitDone, ""},
		{"another callee", func(im *imageFile) { im.branch("u_call", 0x20, im.local("__SCT__u_fixed")) }, nil, cli.ExitInput,
			`section ".text": u_call+0x20: calls __SCT__u_fixed, but the key is u_op`},
		{"another function", func(im *imageFile) { im.branch("u_call", 0x20, im.local("t_add")) }, nil, cli.ExitInput, "calls t_add, but the key is u_op"},
		{"no call", func(im *imageFile) { ppc64.Word(0x38600001).Put(im.memory("u_call", 0x40)) }, nil, cli.ExitInput, "found .long 0x38600001: not a call, and not what key u_zero makes of one"},
		{"a tail call", func(im *imageFile) { im.memory("u_call", 0x20)[0] &^= 1 }, nil, cli.ExitInput, "the table says tail call false, found b "},
		{"a stub of the linker", func(im *imageFile) { im.branch("u_call", 0x20, im.syms["u_call"].Value+0x20) }, nil, cli.ExitKept,
			"1 of 4 sites stays on its trampoline: tramp-far"},
		{"a key that points nowhere", func(im *imageFile) { im.memory("__SCK__u_op", 0)[0] += 4 }, nil, cli.ExitKept, "target-no-symbol"},
		{"a far target", func(im *imageFile) {
			const far = 0xc000000004000000
			binary.LittleEndian.PutUint64(im.memory("__SCK__u_op", 0), far)
			binary.LittleEndian.PutUint64(im.symbolEntry("t_inc")[8:], far)
		}, nil, cli.ExitKept, "1 of 4 sites stays on its trampoline: target-far: the target is out of a branch's reach (first: u_call+0x20)"},
		{"a target that may change r2", func(im *imageFile) { im.symbolEntry("t_inc")[5] = 1 << 5 }, nil, cli.ExitKept, "1 of 4 sites stays on its trampoline: clobbers-toc"},
		{"a caller without a TOC pointer", func(im *imageFile) { im.symbolEntry("u_call")[5] = 1 << 5 }, nil, cli.ExitKept, "1 of 4 sites stays on its trampoline: caller-no-toc"},
		{"neither has a TOC pointer", func(im *imageFile) {
			im.symbolEntry("u_call")[5], im.symbolEntry("t_inc")[5] = 1<<5, 1<<5
		}, nil, cli.ExitDone, ""},
		{"no entry", func(im *imageFile) {
			stop := im.symbolEntry("__stop_static_call_sites")
			binary.LittleEndian.PutUint64(stop[8:], im.syms["__start_static_call_sites"].Value)
		}, nil, cli.ExitInput, "only relocatable objects (ET_REL), and kernel images with a table of sites, can be patched"},
		{"half an entry", func(im *imageFile) {
			stop := im.symbolEntry("__stop_static_call_sites")
			binary.LittleEndian.PutUint64(stop[8:], im.syms["__stop_static_call_sites"].Value-4)
		}, nil, cli.ExitInput, "bytes of table are not a multiple of 16"},
		{"an entry twice", func(im *imageFile) {
			copy(im.memory("__start_static_call_sites", 0)[16:20], moved(im.memory("__start_static_call_sites", 0)[:4], -16))
		}, nil, cli.ExitInput, "two entries of the table name the site at"},
		{"a key that is none", func(im *imageFile) { im.memory("__start_static_call_sites", 8)[0] += 8 }, nil, cli.ExitInput, "entry 0 of the table: there is no key at 0x"},
		{"a site in data", func(im *imageFile) {
			at := im.memory("__start_static_call_sites", 0)
			binary.LittleEndian.PutUint32(at, uint32(im.syms["__SCK__u_op"].Value-im.syms["__start_static_call_sites"].Value))
		}, nil, cli.ExitInput, "is not in code"},
		{"user space", func(*imageFile) {}, []string{"--user"}, cli.ExitInput, "can be patched is a kernel image"},
		{"trampolines", func(*imageFile) {}, []string{"--runtime=trampoline"}, cli.ExitInput, "--runtime inline"},
		{"required", func(*imageFile) {}, []string{"--require=direct"}, cli.ExitInput, "u_call+0x30: the form is constant, and --require allows only direct"},
	} {
		t.Run(c.name, func(t *testing.T) {
			im := &imageFile{t, bytes.Clone(sound.b), sound.f, sound.syms}
			c.change(im)
			path := filepath.Join(t.TempDir(), "vmlinux")
			clitest.WriteFile(t, path, im.b)
			_, stderr, code := runCommand(append(c.args, path)...)
			if code != c.code || !strings.Contains(stderr, c.want) {
				t.Errorf("exit %d, want %d and %q\n%s", code, c.code, c.want, stderr)
			}
			if got := clitest.ReadFile(t, path); code == cli.ExitInput != bytes.Equal(got, im.b) {
				t.Errorf("exit %d, and the file changed: %v", code, !bytes.Equal(got, im.b))
			}
		})
	}
}

// symbolEntry returns a symbol's entry of the symbol table.
func (im *imageFile) symbolEntry(name string) []byte {
	return im.b[im.f.Symtab().Off+uint64(im.syms[name].Index)*elf.Sym64Size:]
}

// moved returns a self-relative field of four bytes, adjusted for another
// place.
func moved(field []byte, by int32) []byte {
	return binary.LittleEndian.AppendUint32(nil, uint32(int32(binary.LittleEndian.Uint32(field))+by))
}
