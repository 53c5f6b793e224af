// SPDX-License-Identifier: BSD-3-Clause

package elfrw_test

import (
	"bytes"
	"compress/zlib"
	"debug/elf"
	"encoding/binary"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"

	"github.com/scpatch/scpatch/elfrw"
)

const (
	ax = elf.SHF_ALLOC | elf.SHF_EXECINSTR
	wa = elf.SHF_ALLOC | elf.SHF_WRITE

	shfExclude     = elf.SectionFlag(0x80000000)
	shtAddrsig     = elf.SectionType(0x6fff4c03)
	shtCallGraph12 = elf.SectionType(0x6fff4c02)
	shtUnknown     = elf.SectionType(0x6fff4c42)
)

func local(t elf.SymType) uint8  { return elf.ST_INFO(elf.STB_LOCAL, t) }
func global(t elf.SymType) uint8 { return elf.ST_INFO(elf.STB_GLOBAL, t) }

// code returns n words that all differ.
func code(n int) []byte {
	var b []byte
	for i := range n {
		b = binary.LittleEndian.AppendUint32(b, 0x38600000|uint32(i)) // li r3,i
	}
	return b
}

// basic is an object with code, data, relocations that are not sorted, and
// local and global symbols.
func basic() *object {
	o := &object{}
	text := o.add(sec{name: ".text", flags: ax, align: 16, data: code(16)})
	o.syms = []sym{
		{info: local(elf.STT_SECTION), section: text},
		{name: "here", info: local(elf.STT_FUNC), section: text, value: 8, size: 8},
		{name: "four", info: local(elf.STT_NOTYPE), abs: true, value: 4},
		{name: "main", info: global(elf.STT_FUNC), other: 0x60, section: text, size: 64},
		{name: "__SCT__op", info: global(elf.STT_FUNC)},
		{name: "weak", info: elf.ST_INFO(elf.STB_WEAK, elf.STT_OBJECT), section: 3, value: 8, size: 8},
	}
	o.rela(text,
		rel(40, 5, elf.R_PPC64_REL24, 0), rel(8, 5, elf.R_PPC64_REL24, 0), rel(20, 1, elf.R_PPC64_REL24, 8),
		rel(20, 4, elf.R_PPC64_ENTRY, 0), rel(12, 6, elf.R_PPC64_TOC16_HA, -4), rel(60, 0, elf.R_PPC64_NONE, 0),
	)
	data := o.add(sec{name: ".data", flags: wa, align: 8, data: []byte("0123456789abcdef")})
	o.rela(data, rel(0, 4, elf.R_PPC64_ADDR64, 0), rel(8, 2, elf.R_PPC64_ADDR64, 4))
	o.add(sec{name: ".bss", typ: elf.SHT_NOBITS, flags: wa, align: 256, size: 4096})
	o.add(sec{name: ".note", typ: elf.SHT_NOTE, align: 4, data: []byte("odd"), gap: 5})
	return o
}

// many has n sections of code, each with a symbol and relocations.
func many(n int) *object {
	o := &object{}
	for i := range n {
		o.add(sec{name: fmt.Sprintf(".text.f%d", i), flags: ax, align: 4, data: code(2)})
		o.sym(sym{name: fmt.Sprintf("f%d", i), info: local(elf.STT_FUNC), section: i + 1, size: 8})
	}
	o.sym(sym{name: "out", info: global(elf.STT_NOTYPE)})
	o.sym(sym{name: "last", info: global(elf.STT_FUNC), section: n, size: 8})
	for _, i := range []int{1, n / 2, n} {
		o.rela(i, rel(0, i, elf.R_PPC64_REL24, 0), rel(4, n+1, elf.R_PPC64_REL24, 0), rel(4, n+2, elf.R_PPC64_REL24, 0))
	}
	return o
}

func grouped() *object {
	o := basic()
	group := func(sig uint32, members ...uint32) {
		o.add(sec{name: ".group", typ: elf.SHT_GROUP, align: 4, entsize: 4, link: linkSymtab, info: sig, data: words(append([]uint32{1}, members...)...)})
	}
	in := o.add(sec{name: ".text.in", flags: ax | elf.SHF_GROUP, align: 4, data: code(3)})
	r := o.rela(in, rel(0, 5, elf.R_PPC64_REL24, 0))
	o.secs[r-1].flags |= elf.SHF_GROUP
	group(4, uint32(in), uint32(r))
	alone := o.add(sec{name: ".data.in", flags: wa | elf.SHF_GROUP, align: 8, data: make([]byte, 8)})
	group(2, uint32(alone))
	o.add(sec{name: ".llvm_addrsig", typ: shtAddrsig, flags: shfExclude, align: 1, link: linkSymtab, data: []byte{2, 4, 0x85, 0, 6}})
	return o
}

// profiled has LLVM's call graph in its current and its old form.
func profiled() *object {
	o := basic()
	graph := o.add(sec{name: ".llvm.call-graph-profile", typ: 0x6fff4c09, flags: shfExclude, align: 1, entsize: 8, link: linkSymtab, data: make([]byte, 16)})
	var rel []byte
	for i, sym := range []uint32{2, 4, 5, 2} {
		rel = append(append(rel, u64(uint64(i)/2*8)...), words(0, sym)...)
	}
	o.add(sec{name: ".rel.llvm.call-graph-profile", typ: elf.SHT_REL, flags: elf.SHF_INFO_LINK, align: 8, entsize: 16, link: linkSymtab, info: uint32(graph), data: rel})
	o.add(sec{name: ".llvm.call-graph-profile", typ: shtCallGraph12, flags: shfExclude, align: 8, entsize: 16, link: linkSymtab, data: words(2, 4, 100, 0, 5, 2, 7, 0)})
	return o
}

func words(w ...uint32) []byte {
	var b []byte
	for _, v := range w {
		b = binary.LittleEndian.AppendUint32(b, v)
	}
	return b
}

func compressed() *object {
	o := basic()
	var b bytes.Buffer
	binary.Write(&b, binary.LittleEndian, elf.Chdr64{Type: uint32(elf.COMPRESS_ZLIB), Size: 5000, Addralign: 1})
	z := zlib.NewWriter(&b)
	z.Write(bytes.Repeat([]byte("debug"), 1000))
	z.Close()
	o.add(sec{name: ".debug_str", flags: elf.SHF_COMPRESSED, align: 8, data: b.Bytes()})
	return o
}

// zdebug has debug information compressed by GNU's older convention, with a
// relocation that refers to the uncompressed content.
func zdebug() *object {
	o := basic()
	var b bytes.Buffer
	b.WriteString("ZLIB")
	binary.Write(&b, binary.BigEndian, uint64(5000))
	z := zlib.NewWriter(&b)
	z.Write(bytes.Repeat([]byte("debug"), 1000))
	z.Close()
	info := o.add(sec{name: ".zdebug_info", align: 1, data: b.Bytes()})
	o.rela(info, rel(4990, 1, elf.R_PPC64_ADDR64, 0))
	return o
}

// empties has sections without bytes that share an offset, at the end of one
// with bytes and at the beginning of the next.
func empties() *object {
	o := basic()
	o.add(sec{name: ".empty1", flags: wa, align: 1})
	o.add(sec{name: ".empty2", flags: ax, align: 4})
	o.add(sec{name: ".rela.empty2", typ: elf.SHT_RELA, align: 8, entsize: 24, link: linkSymtab, info: 8})
	o.add(sec{name: ".bss2", typ: elf.SHT_NOBITS, flags: wa, align: 8, size: 64})
	o.add(sec{name: ".empty3", flags: wa, align: 1})
	o.add(sec{name: ".tail", align: 1, data: []byte("tail")})
	return o
}

// signature returns what ends a signed kernel module, with n bytes of
// signature.
func signature(n int) []byte {
	b := bytes.Repeat([]byte{0x30}, n)
	b = append(b, 0, 0, 2, 0, 0, 0, 0, 0)
	b = binary.BigEndian.AppendUint32(b, uint32(n))
	return append(b, "~Module signature appended~\n"...)
}

func with(o *object, edit func(*object)) *object { edit(o); return o }

// small and large are the shapes that tests run over.
var small = map[string]*object{
	"basic":      basic(),
	"many":       many(50),
	"merged":     with(grouped(), func(o *object) { o.merged = true }),
	"shndx":      with(basic(), func(o *object) { o.shndx = true }),
	"first":      with(basic(), func(o *object) { o.first = true }),
	"middle":     with(grouped(), func(o *object) { o.headers = 4 }),
	"shuffled":   with(grouped(), func(o *object) { o.order = []int{12, 3, 11, 7, 14, 1, 6, 2, 9, 5, 4, 10, 13} }),
	"groups":     grouped(),
	"profiled":   profiled(),
	"compressed": compressed(),
	"zdebug":     zdebug(),
	"nosymbols":  {bare: true, secs: []sec{{name: ".text", typ: elf.SHT_PROGBITS, flags: ax, align: 4, data: code(4)}}},
	"signed":     with(basic(), func(o *object) { o.trailer = signature(100) }),
	"trailer":    with(basic(), func(o *object) { o.trailer = []byte("what is this?") }),
	"empties":    empties(),
	"oddtable":   with(basic(), func(o *object) { o.odd = 3 }),
	"aligned":    with(basic(), func(o *object) { o.add(sec{name: ".big", align: 4096, data: make([]byte, 100), gap: 7}) }),
	"everything": with(empties(), func(o *object) {
		o.headers, o.merged, o.shndx, o.trailer = 6, true, true, []byte{1, 2, 3}
		o.order = []int{11, 8, 9, 10, 4, 12, 1, 3}
	}),
}

var large = map[string]func() []byte{
	"xindex":   sync.OnceValue(func() []byte { return many(65_300).build() }),
	"boundary": sync.OnceValue(func() []byte { return many(65_270).build() }), // 65,277 sections with the tables
	"wide":     sync.OnceValue(func() []byte { return with(many(65_290), func(o *object) { o.first, o.merged = true, true }).build() }),
}

// eachShape runs a test over the shapes, small and large.
func eachShape(t *testing.T, test func(*testing.T, []byte)) {
	eachSmall(t, test)
	eachLarge(t, test)
}

func eachSmall(t *testing.T, test func(*testing.T, []byte)) {
	for _, name := range slices.Sorted(maps.Keys(small)) {
		t.Run(name, func(t *testing.T) { test(t, small[name].build()) })
	}
}

func eachLarge(t *testing.T, test func(*testing.T, []byte)) {
	for _, name := range sample(t, slices.Sorted(maps.Keys(large)), 1) {
		t.Run(name, func(t *testing.T) { test(t, large[name]()) })
	}
}

// eachObject runs a test over the objects of testdata that open.
func eachObject(t *testing.T, test func(*testing.T, []byte)) {
	paths, err := filepath.Glob("../testdata/obj/*.*o")
	if err != nil || len(paths) == 0 {
		t.Fatalf("no objects: %v", err)
	}
	paths = sample(t, paths, 12)
	opened := 0
	for _, path := range paths {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := elfrw.New(data); err != nil {
			continue
		}
		opened++
		t.Run(filepath.Base(path), func(t *testing.T) { test(t, data) })
	}
	if opened < len(paths)*fewer(3, 2)/4 {
		t.Errorf("only %d of %d objects open", opened, len(paths))
	}
}
