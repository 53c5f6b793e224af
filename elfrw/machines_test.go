// SPDX-License-Identifier: BSD-3-Clause

package elfrw_test

import (
	"bytes"
	"debug/elf"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/scpatch/scpatch/elfrw"
	"github.com/scpatch/scpatch/ppc64/tooltest"
)

const machineSource = `
int out(int); extern int far;
static int here(int x) { return out(x) + 1; }
int unused_one = 4;
int (*table[])(int) = { out, here };
__attribute__((section(".text.own"))) int first(int x) { return here(x) + out(far); }
`

// TestMachines edits an object for every machine that the compiler supports and that has
// ELF64 little-endian files.
func TestMachines(t *testing.T) {
	tooltest.Need(t, "clang", "ld.lld", "llvm-readelf")
	for target, machine := range map[string]struct {
		elf.Machine
		word uint32 // a relocation of eight bytes
	}{
		"x86_64-linux-gnu":        {elf.EM_X86_64, uint32(elf.R_X86_64_64)},
		"aarch64-linux-gnu":       {elf.EM_AARCH64, uint32(elf.R_AARCH64_ABS64)},
		"riscv64-linux-gnu":       {elf.EM_RISCV, uint32(elf.R_RISCV_64)},
		"mips64el-linux-gnuabi64": {elf.EM_MIPS, uint32(elf.R_MIPS_64)},
		"powerpc64le-linux-gnu":   {elf.EM_PPC64, uint32(elf.R_PPC64_ADDR64)},
	} {
		t.Run(target, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			object := compile(t, dir, target)
			f, err := elfrw.New(object)
			if err != nil {
				t.Fatal(err)
			}
			if m := elf.Machine(f.Header().Machine); m != machine.Machine {
				t.Fatalf("the machine is %v", m)
			}
			inverse(t, object,
				func(e *elfrw.Edit, _ *elfrw.File) error {
					_, err := e.AddSymbol(elfrw.NewSymbol{Name: "local_one", Section: 1})
					return err
				},
				func(e *elfrw.Edit, f *elfrw.File) error { return e.RemoveSymbol(f.FirstGlobal() - 1) })

			o := newObjectEditor(t, object)
			number := func(name string) int {
				s, ok := f.SymbolByName(name)
				if !ok {
					t.Fatalf("no symbol %s", name)
				}
				return s.Index
			}
			o.addSymbol(elfrw.NewSymbol{Name: "a_local", Section: 1})
			o.setSymbol(number("first"), func(s *elfrw.NewSymbol) { s.Name = "last" })
			if !o.removeSymbol(number("unused_one")) {
				t.Error("a symbol that nothing refers to stays")
			}
			own, _ := f.SectionByName(".text.own")
			o.renameSection(own.Index, ".text.mine")
			sec := o.addSection(elfrw.NewSection{Name: ".data.words", Type: elf.SHT_PROGBITS, Flags: wa, Addralign: 8, Data: make([]byte, 16)})
			o.addRelas(sec, elfrw.Rela{Symbol: number("out"), Type: machine.word}, elfrw.Rela{Off: 8, Symbol: number("first"), Type: machine.word, Addend: 4})
			out := o.layout()
			path := filepath.Join(dir, "out.o")
			if err := os.WriteFile(path, out, 0o600); err != nil {
				t.Fatal(err)
			}
			if list := runTool(t, "llvm-readelf", "-rsSW", path); !strings.Contains(list, "last + 4") || strings.Contains(list, "unused_one") {
				t.Errorf("llvm-readelf sees\n%s", list)
			}
			runTool(t, "ld.lld", "-r", "-o", path+"2", path)
		})
	}
}

// TestBPF edits relocations without addends (SHT_REL), as objects for BPF have.
func TestBPF(t *testing.T) {
	tooltest.Need(t, "clang", "llvm-readelf")
	object := compile(t, t.TempDir(), "bpfel")
	o := newObjectEditor(t, object)
	o.addSymbol(elfrw.NewSymbol{Name: "a_local", Section: 1})
	own, _ := o.f.SectionByName(".text.own")
	out, _ := o.f.SymbolByName("out")
	err := o.e.AddRelas(own.Index, elfrw.Rela{Symbol: out.Index, Addend: 8})
	if err == nil || !strings.Contains(err.Error(), "an addend of 8: in SHT_REL it is in the place to relocate") {
		t.Errorf("AddRelas: %v", err)
	}
	const call = 10 // R_BPF_64_32
	o.addRelas(own.Index, elfrw.Rela{Off: 8, Symbol: out.Index, Type: call})
	for i := range o.syms {
		o.removeSymbol(i)
	}
	o.layout()

	rel, ok := o.f.SectionByName(".rel.text.own")
	if !ok {
		t.Fatal("no .rel.text.own")
	}
	relas := func(f *elfrw.File) (all []elfrw.Rela) {
		for _, r := range f.Relas(rel.Index) {
			all = append(all, r)
		}
		return all
	}
	was := relas(o.f)
	if len(was) < 2 {
		t.Fatalf("relocations: %v", was)
	}
	far, _ := o.f.SymbolByName("far")
	added := elfrw.Rela{Off: 16, Symbol: far.Index, Type: 1}
	d := newEditor(t, object)
	local := d.addSymbol(elfrw.NewSymbol{Name: "a_local", Section: own.Index, Bind: elf.STB_LOCAL})
	d.must(d.e.InsertRela(rel.Index, 1, added))
	b, err := d.e.Relas(rel.Index)
	d.must(err)
	d.must(b.Retarget(0, local, call))
	d.must(b.Drop(len(was) - 1))
	if err := b.Set(1, elfrw.Rela{Addend: 1}); err == nil {
		t.Error("Set accepts an addend")
	}
	image, err := d.e.Layout()
	d.must(err)
	path := filepath.Join(t.TempDir(), "out.o")
	var buf bytes.Buffer
	_, err = image.WriteTo(&buf)
	d.must(err)
	d.must(os.WriteFile(path, buf.Bytes(), 0o600))
	f, err := elfrw.New(buf.Bytes())
	d.must(err)
	want := append([]elfrw.Rela{{Off: was[0].Off, Symbol: o.f.FirstGlobal(), Type: call}, added}, was[1:len(was)-1]...)
	for i := range want[1:] {
		if want[1+i].Symbol >= o.f.FirstGlobal() { // a_local is before it now
			want[1+i].Symbol++
		}
	}
	if got := relas(f); !slices.Equal(got, want) {
		t.Errorf("relocations %v, want %v", got, want)
	}
	if list := runTool(t, "llvm-readelf", "-rW", path); !strings.Contains(list, "a_local") {
		t.Errorf("llvm-readelf sees\n%s", list)
	}

	inverse(t, object,
		func(e *elfrw.Edit, _ *elfrw.File) error { return e.InsertRela(rel.Index, 1, elfrw.Rela{Symbol: 1}) },
		func(e *elfrw.Edit, _ *elfrw.File) error {
			e.Compact()
			return e.DropRela(rel.Index, 1)
		})
}

// TestOtherMachines checks the error for files that are not supported.
func TestOtherMachines(t *testing.T) {
	tooltest.Need(t, "clang")
	for target, want := range map[string]string{
		"i386-linux-gnu":      "not an ELF64 little-endian file: class is ELFCLASS32",
		"armv7-linux-gnueabi": "not an ELF64 little-endian file: class is ELFCLASS32",
		"powerpc64-linux-gnu": "not an ELF64 little-endian file: data encoding is ELFDATA2MSB",
		"s390x-linux-gnu":     "not an ELF64 little-endian file: data encoding is ELFDATA2MSB",
	} {
		if _, err := elfrw.New(compile(t, t.TempDir(), target)); err == nil || err.Error() != want {
			t.Errorf("%s: error is %v", target, err)
		}
	}
}

func compile(t *testing.T, dir, target string) []byte {
	t.Helper()
	path := filepath.Join(dir, "in.o")
	cmd := exec.Command("clang", "-target", target, "-O1", "-c", "-x", "c", "-o", path, "-")
	cmd.Stdin = strings.NewReader(machineSource)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("clang for %s: %v\n%s", target, err, out)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// runTool runs a tool that must succeed and returns its output.
func runTool(t *testing.T, tool string, args ...string) string {
	t.Helper()
	var stderr bytes.Buffer
	cmd := exec.Command(tool, args...)
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil || stderr.Len() > 0 {
		t.Errorf("%s %v: %v\n%s", tool, args, err, stderr.Bytes())
	}
	return string(out)
}
