// SPDX-License-Identifier: BSD-3-Clause

package cfg

import (
	"debug/elf"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/scpatch/scpatch/elfrw"
	"github.com/scpatch/scpatch/ppc64"
	"github.com/scpatch/scpatch/ppc64/tooltest"
)

// tocOf returns the TOC pointer of an image: the value of .TOC., or the start
// of .got plus 0x8000 (ELFv2 §3.3).
func tocOf(f *elfrw.File) uint64 {
	for i := 1; i < f.NumSymbols(); i++ {
		if s := f.Symbol(i); string(f.SymbolName(s)) == ".TOC." && !s.Undefined() {
			return s.Value
		}
	}
	s, _ := f.SectionByName(".got")
	return s.Addr + 0x8000
}

func readImage(t *testing.T, path string) *object {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	f, err := elfrw.New(b)
	if err != nil {
		t.Fatal(err)
	}
	o := &object{name: path, file: f}
	for i := 1; i < f.NumSections(); i++ {
		if s := f.Section(i); s.Is(elf.SHT_PROGBITS) && s.Has(elf.SHF_EXECINSTR) {
			o.secs = append(o.secs, i)
		}
	}
	if o.m, err = ReadImage(f, o.secs, tocOf(f)); err != nil {
		t.Fatal(err)
	}
	return o
}

// imageSites returns the verdict on every bl that a nop or a restore follows.
func (o *object) imageSites() (all []site) {
	for _, sec := range o.secs {
		t := o.m.secs[sec]
		var calls []uint64
		for off := uint64(0); off+8 <= uint64(len(t.code)); off += 4 {
			w, _ := ppc64.Load(t.code, off)
			slot, _ := ppc64.Load(t.code, off+4)
			if w.IsBranch() && w.LK() && slot.IsNop() {
				calls = append(calls, off)
			}
		}
		for i, v := range o.m.Prove(sec, calls) {
			s := site{sec: sec, off: calls[i], Verdict: v}
			for fn := range t.places.Covering(s.off) {
				s.fn = &t.funcs[fn.ID]
			}
			all = append(all, s)
		}
	}
	return all
}

// images lists ways to link testdata/library.cc.
var images = []struct {
	name string
	args []string
}{
	{"static", []string{"-static"}},
	{"static-lld", []string{"-static", "-fuse-ld=lld", "-B/usr/lib/llvm-14/bin"}},
	{"pie", []string{"-pie", "-fPIE"}},
}

// TestRunImages patches the proven calls of linked programs and runs them.
func TestRunImages(t *testing.T) {
	tooltest.Long(t, "make soundness")
	cxx := tooltest.Path(t, crossCXX)
	tooltest.Path(t, emulator)
	dir := t.TempDir()
	for _, image := range images {
		exe, patched := filepath.Join(dir, image.name), filepath.Join(dir, "patched")
		build(t, cxx, append([]string{"-std=c++17", "-O2", "-o", exe, "testdata/library.cc"}, image.args...)...)
		want := execute(t, exe)
		o := readImage(t, exe)
		for _, tt := range []struct {
			name   string
			choose func(*object, site) bool
			same   bool
		}{{"proven", proven, true}, {"control", saves, false}} {
			if !tt.same && image.name == "pie" {
				continue // too small to fail
			}
			out := slices.Clone(o.file.Bytes())
			n, all := 0, o.imageSites()
			for _, s := range all {
				if !tt.choose(o, s) {
					continue
				}
				n++
				if err := ppc64.Replace(out, o.file.Section(s.sec).Off+s.off+4, ppc64.RestoreTOC, ppc64.Nop, ppc64.Cror15, ppc64.Cror31); err != nil {
					t.Fatal(err)
				}
			}
			if err := os.WriteFile(patched, out, 0o777); err != nil {
				t.Fatal(err)
			}
			if got := execute(t, patched); (got == want) != tt.same {
				t.Errorf("%s: %s: %d calls: same output: %v\n%.2000s", image.name, tt.name, n, got == want, got)
			}
			if n == 0 {
				t.Errorf("%s: %s: no calls", image.name, tt.name)
			}
			t.Logf("%s: %s: %d of %d calls", image.name, tt.name, n, len(all))
		}
	}
}

// nameAt returns a function that names a call by its function, the function's
// size, and the distance.
func (o *object) nameAt() func(s site) string {
	type extent struct {
		sec        int
		start, end uint64
	}
	names := map[extent]string{}
	for i := 1; i < o.file.NumSymbols(); i++ {
		s := o.file.Symbol(i)
		if p, ok := o.m.symbolPlace(s); ok && s.Size > 0 && s.Type() == elf.STT_FUNC {
			name, _, _ := strings.Cut(string(o.file.SymbolName(s)), "@")
			names[extent{p.sec, p.off, p.off + s.Size}] = name
		}
	}
	return func(s site) string {
		return fmt.Sprintf("%s,%#x+%#x", names[extent{s.sec, s.fn.start, s.fn.end}], s.fn.end-s.fn.start, s.off-s.fn.start)
	}
}

// TestImageLikeObjects compares the verdicts on linked programs, where
// everything has to be found in instructions and data, with those on the
// objects, which have relocations. Nothing may be proven that is not proven in
// the objects, and most of that has to be.
func TestImageLikeObjects(t *testing.T) {
	tooltest.Long(t, "make soundness")
	cxx := tooltest.Path(t, crossCXX)
	dir := t.TempDir()
	const yes, no = 1, 2
	known := map[string]int{}
	for _, lib := range []string{libcLibs + "/libc.a", gccLibs + "/libstdc++.a", gccLibs + "/libgcc_eh.a"} {
		for _, o := range library(t, lib) {
			name := o.nameAt()
			for _, s := range o.analyse() {
				if s.fn == nil {
					continue
				}
				if s.Proven {
					known[name(s)] |= yes
				} else {
					known[name(s)] |= no
				}
			}
		}
	}
	for _, image := range images[:2] {
		exe := filepath.Join(dir, image.name)
		build(t, cxx, append([]string{"-std=c++17", "-O2", "-o", exe, "testdata/library.cc"}, image.args...)...)
		o := readImage(t, exe)
		name := o.nameAt()
		both, lost := 0, 0
		for _, s := range o.imageSites() {
			if s.fn == nil {
				continue
			}
			switch k := known[name(s)]; {
			case s.Proven && k == no:
				t.Errorf("%s: %s: proven in the image, not in the object", image.name, name(s))
			case s.Proven && k == yes:
				both++
			case k == yes:
				lost++
			}
		}
		t.Logf("%s: %d calls proven, %d only in the object", image.name, both, lost)
		if both < 20*lost || both < 1000 {
			t.Errorf("%s: %d calls proven, %d only in the object", image.name, both, lost)
		}
	}
}

// TestImageCode tests calls, jump tables and computed branches in images of
// both linkers, and high parts of addresses that are kept in a vector register.
func TestImageCode(t *testing.T) {
	gcc := tooltest.Path(t, crossC)
	dir := t.TempDir()
	obj, exe := filepath.Join(dir, "a.o"), filepath.Join(dir, "exe")
	source := `
	begin callee
	finish callee
	.globl unsized
	unsized: blr
	begin main
	save
	bl puts
	nop
	call c1
	bl unsized
	nop
	call c2
	bl _setjmp
	nop
	call c3
	finish main
	begin other
	save
	call c4
	addis 9,2,.Ltab@toc@ha
	addi 9,9,.Ltab@toc@l
	lwax 10,9,3
	add 9,9,10
	mtctr 9
	bctr
.La:	call c5
.Lb:	call c6
	finish other
	begin computed
	save
	addis 9,2,.Lbase@toc@ha
	addi 9,9,.Lbase@toc@l
	mtctr 9
	bctr
.Lbase:	call c7
	finish computed
	begin hidden
	save
	beq .Lfar
	addis 9,2,.Ltab2@toc@ha
	addi 9,9,.Ltab2@toc@l
	lwax 10,9,3
	add 9,9,10
	mtctr 9
	bctr
.Lc:	addis 9,2,.Lfar@toc@ha
	mtvsrd 32,9
	b 1f
1:	mfvsrd 10,32
	b 2f
2:	addi 10,10,.Lfar@toc@l
	mtctr 10
	bctr
.Lfar:	call c8
	finish hidden
	begin back
	save
	beq .Lback
	addis 9,2,.Ltab3@toc@ha
	addi 9,9,.Ltab3@toc@l
	lwax 10,9,3
	add 9,9,10
	mtctr 9
	bctr
.Ld:	addis 9,2,.Lback@toc@ha
	mtvsrd 0,9
	b 1f
1:	mfvsrd 10,0
	addi 10,10,.Lback@toc@l
	mtctr 10
	bctr
.Lback:	call c9
	finish back
	begin half
	save
	beq .Lhalf
	addis 9,2,.Ltab4@toc@ha
	addi 9,9,.Ltab4@toc@l
	lwax 10,9,3
	add 9,9,10
	mtctr 9
	bctr
.Le:	addis 9,2,.Lhalf@toc@ha
	mtvsrdd 0,8,9
	b 1f
1:	mfvsrld 10,0
	addi 10,10,.Lhalf@toc@l
	mtctr 10
	bctr
.Lhalf:	call c10
	finish half
	.section .rodata
	.balign 4
.Ltab:	.long .La-.Ltab, .Lb-.Ltab, 0x7fffffff
.Ltab2:	.long .Lc-.Ltab2, 0x7fffffff
.Ltab3:	.long .Ld-.Ltab3, 0x7fffffff
.Ltab4:	.long .Le-.Ltab4, 0x7fffffff
`
	if err := os.WriteFile(obj, assembleSource(t, source), 0o666); err != nil {
		t.Fatal(err)
	}
	want := map[string]string{
		"c1": "yes", "c2": "yes", "c3": "yes", "c4": "yes", "c5": "yes", "c6": "yes", "c7": "indirect branch",
		"c8": "indirect branch", "c9": "indirect branch", "c10": "indirect branch",
	}
	lld := []string{"-fuse-ld=lld", "-B/usr/lib/llvm-14/bin"}
	for _, args := range [][]string{
		{"-pie"}, {"-no-pie"}, {"-shared"}, {"-static"}, {"-pie", "-Wl,-z,now"}, {"-no-pie", "-Wl,--no-toc-optimize"}, append(lld, "-pie"), append(lld, "-no-pie"), append(lld, "-static"),
	} {
		build(t, gcc, append([]string{"-o", exe, obj}, args...)...)
		o := readImage(t, exe)
		places := o.places()
		for name, want := range want {
			p := places[name]
			v := o.m.Prove(p.sec, []uint64{p.off - o.file.Section(p.sec).Addr})[0]
			got := v.Reason
			if v.Proven {
				got = "yes"
			}
			if !strings.HasPrefix(got, want) {
				t.Errorf("%q: %s: %q, want %q", args, name, got, want)
			}
		}
	}
}

// TestImagePointers puts the address of a place after a save into the data of a
// position-independent program: as a pointer with either kind of relocation,
// and as a plain number, which cannot be a target.
func TestImagePointers(t *testing.T) {
	cc := tooltest.Path(t, crossC)
	tooltest.Path(t, "ld.lld")
	dir := t.TempDir()
	for _, c := range []struct {
		name, data string
		args       []string
		proven     bool
	}{
		{"relr", ".quad inner", []string{"-Wl,--pack-dyn-relocs=relr"}, false},
		{"rela", ".quad inner", nil, false},
		{"number", ".quad inner_number", nil, true},
		{"number-relr", ".quad inner_number", []string{"-Wl,--pack-dyn-relocs=relr"}, true},
	} {
		src, exe := filepath.Join(dir, c.name+".s"), filepath.Join(dir, c.name)
		text := `
	.abiversion 2
	.section .text.f,"ax",@progbits
	.globl _start
	.type _start,@function
_start:	addis 2,12,.TOC.-_start@ha
	addi 2,2,.TOC.-_start@l
	.localentry _start,.-_start
	mflr 0
	std 0,16(1)
	stdu 1,-32(1)
	std 2,24(1)
inner:	bl g
	nop
	addi 1,1,32
	blr
	.size _start,.-_start
	.type g,@function
g:	blr
	.size g,.-g
	.set inner_number, 0x20018
	.section .data.rel.ro,"aw",@progbits
	.balign 8
	.quad _start
	` + c.data + "\n"
		if err := os.WriteFile(src, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
		build(t, cc, append([]string{"-fuse-ld=lld", "-B/usr/lib/llvm-14/bin", "-pie", "-nostdlib", "-Wl,--section-start=.text.f=0x20000", "-o", exe, src}, c.args...)...)
		o := readImage(t, exe)
		n := 0
		for _, s := range o.imageSites() {
			if s.fn == nil || s.off != 0x18 {
				continue
			}
			n++
			if s.Proven != c.proven {
				t.Errorf("%s: proven: %v, %s", c.name, s.Proven, s.Reason)
			}
		}
		if n != 1 {
			t.Errorf("%s: %d calls", c.name, n)
		}
	}
}

// TestImageTables tests two adjacent jump tables of one function. The entries
// of the second, taken relative to the first, are not ways into the function.
func TestImageTables(t *testing.T) {
	clang := tooltest.Path(t, "clang")
	tooltest.Path(t, "ld.lld")
	dir := t.TempDir()
	const cases = `switch (x & 7) {
	case 0: s += call(s & 31, n - 1); break;
	case 1: s += 3; break;
	case 2: s ^= bias; break;
	case 3: s -= x; break;
	case 5: s += call(s & 31, n - 1); break;
	default: s *= 3;
	}
`
	src, exe := filepath.Join(dir, "tables.c"), filepath.Join(dir, "tables.so")
	text := "static volatile long bias = 7;\nlong call(long, long);\nlong f(long x, long n)\n{\n\tlong s = x;\n" + cases + cases + cases + "\treturn s;\n}\n"
	if err := os.WriteFile(src, []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
	build(t, clang, "--target=powerpc64le-linux-gnu", "-O0", "-fPIC", "-shared", "-nostdlib", "-fuse-ld=lld", "-o", exe, src)
	o := readImage(t, exe)
	n := 0
	for _, sec := range o.secs {
		var calls []uint64
		code := o.m.secs[sec].code
		for off := uint64(0); off+8 <= uint64(len(code)); off += 4 {
			if w, _ := ppc64.Load(code, off+4); w == ppc64.RestoreTOC {
				calls = append(calls, off)
			}
		}
		for i, v := range o.m.Prove(sec, calls) {
			if n++; v.Entered {
				t.Errorf("+0x%x: %s", calls[i], v.Reason)
			}
		}
	}
	if n != 6 {
		t.Errorf("%d calls", n)
	}
}
