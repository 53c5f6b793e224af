// SPDX-License-Identifier: BSD-3-Clause

package e2e

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/scpatch/scpatch/cmd/scpatch/internal/clitest"
	"github.com/scpatch/scpatch/elfrw"
	"github.com/scpatch/scpatch/ppc64/tooltest"
	"github.com/scpatch/scpatch/sites"
)

// A largeSize is the size of a large object: the number of calls, in functions
// of 1,000 each; the number of those that go through a trampoline; and the
// number of keys, all with equally many sites.
type largeSize struct {
	relocs, sites, keys int
}

// The large object.
var millionSize = largeSize{relocs: 1_000_000, sites: 100_000, keys: 10_000}

const (
	largeCalls = 1000 // calls in each function
	largeOuter = 1000 // undefined functions
	largeTramp = 32   // bytes of a trampoline
	largeFunc  = 4 * (5 + 2*largeCalls + 4)
	largeKey   = 16 // bytes of a key
)

// A large is a large object with its known properties.
type large struct {
	size  largeSize
	data  []byte
	sites map[uint64]int // key by offset in .text
	left  int            // R_PPC64_REL24 relocations after patching, without those of constants
}

// millionObject returns the large object, made once.
var millionObject = sync.OnceValue(func() *large { return largeObject(millionSize) })

// largeObject makes a large object, the same one every time.
func largeObject(size largeSize) *large {
	const (
		secText = 1 + iota
		secRelaText
		secData
		secRelaData
		secSymtab
		secStrtab
		secShstrtab
		numSections
	)
	le := binary.LittleEndian
	m := &large{size: size, sites: make(map[uint64]int, size.sites), left: size.relocs}
	funcs, every := size.relocs/largeCalls, size.relocs/size.sites

	// Symbols: every second function is local, and keys refer to those by the
	// section.
	var symtab, strtab []byte
	symbols := make(map[string]uint32)
	strtab = append(strtab, 0)
	add := func(name string, bind elf.SymBind, typ elf.SymType, other uint8, sec uint16, value, size uint64) {
		symbols[name] = uint32(len(symtab) / elf.Sym64Size)
		off := 0
		if typ != elf.STT_SECTION && name != "" {
			off = len(strtab)
			strtab = append(append(strtab, name...), 0)
		}
		symtab = le.AppendUint32(symtab, uint32(off))
		symtab = append(symtab, elf.ST_INFO(bind, typ), other)
		symtab = le.AppendUint16(symtab, sec)
		symtab = le.AppendUint64(symtab, value)
		symtab = le.AppendUint64(symtab, size)
	}
	funcName := func(i int) string { return fmt.Sprintf("function_%04d", i) }
	funcOff := func(i int) uint64 { return uint64(size.keys)*largeTramp + uint64(i)*largeFunc }
	local := func(i int) bool { return i%2 == 1 }
	key := func(i int) string { return fmt.Sprintf("%skey_%05d", sites.KeyPrefix, i) }
	tramp := func(i int) string { return fmt.Sprintf("%skey_%05d", sites.TrampPrefix, i) }
	outer := func(i int) string { return fmt.Sprintf("outer_%04d", i) }
	const entry8 = 3 << 5 // st_other: the local entry is 8 bytes in (ELFv2 §3.4.1)

	add("", elf.STB_LOCAL, elf.STT_NOTYPE, 0, 0, 0, 0)
	add(".text", elf.STB_LOCAL, elf.STT_SECTION, 0, secText, 0, 0)
	add(".data", elf.STB_LOCAL, elf.STT_SECTION, 0, secData, 0, 0)
	for i := range funcs {
		if local(i) {
			add(funcName(i), elf.STB_LOCAL, elf.STT_FUNC, entry8, secText, funcOff(i), largeFunc)
		}
	}
	firstGlobal := len(symtab) / elf.Sym64Size
	for i := range funcs {
		if !local(i) {
			add(funcName(i), elf.STB_GLOBAL, elf.STT_FUNC, entry8, secText, funcOff(i), largeFunc)
		}
	}
	for i := range size.keys {
		add(tramp(i), elf.STB_GLOBAL, elf.STT_FUNC, entry8, secText, uint64(i)*largeTramp, largeTramp)
		add(key(i), elf.STB_GLOBAL, elf.STT_OBJECT, 0, secData, uint64(i)*largeKey, largeKey)
	}
	for i := range largeOuter {
		add(outer(i), elf.STB_GLOBAL, elf.STT_NOTYPE, 0, 0, 0, 0)
	}
	for _, name := range []string{".TOC.", sites.Return0Name} {
		add(name, elf.STB_GLOBAL, elf.STT_NOTYPE, 0, 0, 0, 0)
	}

	var text, relaText, relaData []byte
	rela := func(to *[]byte, off int, typ elf.R_PPC64, name string, addend uint64) {
		sym, ok := symbols[name]
		if !ok {
			panic("no symbol " + name)
		}
		*to = le.AppendUint64(*to, uint64(off))
		*to = le.AppendUint64(*to, elf.R_INFO(sym, uint32(typ)))
		*to = le.AppendUint64(*to, addend)
	}
	word := func(words ...uint32) {
		for _, w := range words {
			text = le.AppendUint32(text, w)
		}
	}
	setTOC := func() {
		rela(&relaText, len(text), elf.R_PPC64_REL16_HA, ".TOC.", 0)
		rela(&relaText, len(text)+4, elf.R_PPC64_REL16_LO, ".TOC.", 4)
		word(0x3c4c0000, 0x38420000) // addis r2,r12,0; addi r2,r2,0
	}
	for i := range size.keys {
		setTOC()
		rela(&relaText, len(text), elf.R_PPC64_TOC16_HA, key(i), 0)
		rela(&relaText, len(text)+4, elf.R_PPC64_TOC16_LO_DS, key(i), 0)
		word(0x3d820000, 0xe98c0000, // addis r12,r2,0; ld r12,0(r12)
			0x2c2c0000, 0x4d820020, // cmpdi r12,0; beqlr
			0x7d8903a6, 0x4e800420) // mtctr r12; bctr
	}
	nth := 0
	for range funcs {
		setTOC()
		word(0x7c0802a6, 0xf8010010, 0xf821ffe1) // mflr r0; std r0,16(r1); stdu r1,-32(r1)
		for range largeCalls {
			to := outer(nth % largeOuter)
			switch {
			case nth%every == 0:
				k := nth / every * 7919 % size.keys // a prime: every key in turn
				m.sites[uint64(len(text))] = k
				if k%5 < 2 {
					m.left--
				}
				to = tramp(k)
			case nth%2 == 0:
				to = funcName(nth % funcs)
			}
			rela(&relaText, len(text), elf.R_PPC64_REL24, to, 0)
			word(0x48000001, 0x60000000) // bl; nop
			nth++
		}
		word(0x38210020, 0xe8010010, 0x7c0803a6, 0x4e800020) // addi r1,r1,32; ld r0,16(r1); mtlr r0; blr
	}
	for i := range size.keys {
		off, to := i*largeKey, i%funcs
		switch i % 5 {
		case 0: // NULL
		case 1:
			rela(&relaData, off, elf.R_PPC64_ADDR64, sites.Return0Name, 0)
		default:
			if local(to) {
				rela(&relaData, off, elf.R_PPC64_ADDR64, ".text", funcOff(to))
			} else {
				rela(&relaData, off, elf.R_PPC64_ADDR64, funcName(to), 0)
			}
		}
	}

	sections := [numSections]struct {
		name string
		data []byte
		h    elf.Section64
	}{
		secText:     {".text", text, elf.Section64{Type: uint32(elf.SHT_PROGBITS), Flags: uint64(elf.SHF_ALLOC | elf.SHF_EXECINSTR), Addralign: 32}},
		secRelaText: {".rela.text", relaText, elf.Section64{Type: uint32(elf.SHT_RELA), Flags: uint64(elf.SHF_INFO_LINK), Link: secSymtab, Info: secText, Addralign: 8, Entsize: 24}},
		secData:     {".data", make([]byte, size.keys*largeKey), elf.Section64{Type: uint32(elf.SHT_PROGBITS), Flags: uint64(elf.SHF_ALLOC | elf.SHF_WRITE), Addralign: 8}},
		secRelaData: {".rela.data", relaData, elf.Section64{Type: uint32(elf.SHT_RELA), Flags: uint64(elf.SHF_INFO_LINK), Link: secSymtab, Info: secData, Addralign: 8, Entsize: 24}},
		secSymtab:   {".symtab", symtab, elf.Section64{Type: uint32(elf.SHT_SYMTAB), Link: secStrtab, Info: uint32(firstGlobal), Addralign: 8, Entsize: elf.Sym64Size}},
		secStrtab:   {".strtab", strtab, elf.Section64{Type: uint32(elf.SHT_STRTAB), Addralign: 1}},
		secShstrtab: {".shstrtab", nil, elf.Section64{Type: uint32(elf.SHT_STRTAB), Addralign: 1}},
	}
	names := []byte{0}
	for i := 1; i < numSections; i++ {
		sections[i].h.Name = uint32(len(names))
		names = append(append(names, sections[i].name...), 0)
	}
	sections[secShstrtab].data = names
	const headerSize = 64
	align := func(b []byte, n uint64) []byte { return append(b, make([]byte, -uint64(len(b))&(n-1))...) }
	out := make([]byte, headerSize, len(text)+len(relaText)+len(symtab)+len(strtab)+1<<20)
	headers := make([]byte, headerSize) // the null section's
	for i := 1; i < numSections; i++ {
		s := &sections[i]
		out = align(out, s.h.Addralign)
		s.h.Off, s.h.Size = uint64(len(out)), uint64(len(s.data))
		out = append(out, s.data...)
		headers = must(binary.Append(headers, le, &s.h))
	}
	out = align(out, 8)
	h := elf.Header64{
		Ident: [elf.EI_NIDENT]byte{0x7f, 'E', 'L', 'F', byte(elf.ELFCLASS64), byte(elf.ELFDATA2LSB), byte(elf.EV_CURRENT)},
		Type:  uint16(elf.ET_REL), Machine: uint16(elf.EM_PPC64), Version: uint32(elf.EV_CURRENT),
		Flags: 2, Shoff: uint64(len(out)), Ehsize: headerSize,
		Shentsize: headerSize, Shnum: numSections, Shstrndx: secShstrtab,
	}
	copy(out, must(binary.Append(nil, le, &h)))
	m.data = append(out, headers...)
	return m
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// TestWriteLarge writes the large objects of the benchmarks into a directory:
// the million, and those that show how the cost grows with relocations and with
// sites.
func TestWriteLarge(t *testing.T) {
	dir := os.Getenv("SCPATCH_LARGE")
	if dir == "" {
		return // not a test: make bench uses it to get the objects
	}
	if err := os.MkdirAll(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	clitest.WriteFile(t, filepath.Join(dir, "million.o"), millionObject().data)
	if os.Getenv("SCPATCH_SCALE") == "" {
		return
	}
	for _, n := range []int{10_000, 20_000, 50_000, 100_000, 200_000, 500_000, 1_000_000, 2_000_000, 5_000_000, 10_000_000} {
		size := largeSize{relocs: n, sites: 1000, keys: 100}
		clitest.WriteFile(t, filepath.Join(dir, fmt.Sprintf("scale-relocations-%d.o", n)), largeObject(size).data)
	}
	for _, n := range []int{100, 200, 500, 1000, 2000, 5000, 10_000, 20_000, 50_000, 100_000} {
		size := largeSize{relocs: 1_000_000, sites: n, keys: n / 10}
		clitest.WriteFile(t, filepath.Join(dir, fmt.Sprintf("scale-sites-%d.o", n)), largeObject(size).data)
	}
}

// TestMillion patches the large object and reads the result with debug/elf.
// Every site must be in the table with its key, and nothing may branch to a
// trampoline.
func TestMillion(t *testing.T) {
	tooltest.NoRace(t)
	m := millionObject()
	f, err := elfrw.New(m.data)
	if err != nil {
		t.Fatal(err)
	}
	object, err := sites.Find(f)
	if err != nil {
		t.Fatal(err)
	}
	if len(object.Sites) != m.size.sites || len(object.Keys) != m.size.keys {
		t.Fatalf("found %d sites of %d keys, want %d of %d", len(object.Sites), len(object.Keys), m.size.sites, m.size.keys)
	}
	plan, err := sites.MakePlan(object, sites.Options{})
	if err != nil {
		t.Fatal(err)
	}
	forms := make(map[sites.Form]int)
	for _, d := range plan.Decisions {
		forms[d.Form]++
	}
	constant := m.size.relocs - m.left
	if forms[sites.Constant] != constant || forms[sites.Direct] != m.size.sites-constant || len(plan.Added) != m.size.sites {
		t.Fatalf("plan: %v and %d entries, want %d constant and the rest direct, all in the table", forms, len(plan.Added), constant)
	}
	edit, err := plan.Apply()
	if err != nil {
		t.Fatal(err)
	}
	image, err := edit.Layout()
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if _, err := image.WriteTo(&out); err != nil {
		t.Fatal(err)
	}
	again, err := elfrw.New(out.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	if err := plan.Check(again); err != nil {
		t.Error(err)
	}
	checkMillion(t, m, out.Bytes())
}

// checkMillion reads the patched object with debug/elf.
func checkMillion(t *testing.T, m *large, out []byte) {
	t.Helper()
	f, err := elf.NewFile(bytes.NewReader(out))
	if err != nil {
		t.Fatal(err)
	}
	symbols, err := f.Symbols() // without symbol 0
	if err != nil {
		t.Fatal(err)
	}
	relocs := func(name string) []elf.Rela64 {
		s := f.Section(name)
		if s == nil {
			t.Fatalf("no section %q", name)
		}
		data, err := s.Data()
		if err != nil {
			t.Fatal(err)
		}
		r := make([]elf.Rela64, len(data)/24)
		if _, err := binary.Decode(data, binary.LittleEndian, r); err != nil {
			t.Fatal(err)
		}
		return r
	}
	type24 := 0
	for _, r := range relocs(".rela.text") {
		if elf.R_PPC64(elf.R_TYPE64(r.Info)) != elf.R_PPC64_REL24 {
			continue
		}
		type24++
		if name := symbols[elf.R_SYM64(r.Info)-1].Name; bytes.HasPrefix([]byte(name), []byte(sites.TrampPrefix)) {
			t.Fatalf(".text+%#x still branches to %s", r.Off, name)
		}
	}
	if type24 != m.left {
		t.Errorf("%d R_PPC64_REL24 relocations, want %d", type24, m.left)
	}

	const entrySize = 16
	table := f.Section(".static_call_sites")
	if table == nil || table.Size != uint64(entrySize*m.size.sites) {
		t.Fatalf("table %+v, want %d entries of %d bytes", table, m.size.sites, entrySize)
	}
	entries := relocs(".rela.static_call_sites")
	if len(entries) != 2*m.size.sites {
		t.Fatalf("%d relocations of the table, want %d", len(entries), 2*m.size.sites)
	}
	last := uint64(0)
	for i := 0; i < len(entries); i += 2 {
		addr, key := entries[i], entries[i+1]
		if addr.Off != uint64(i/2*entrySize) || elf.R_PPC64(elf.R_TYPE64(addr.Info)) != elf.R_PPC64_REL32 ||
			key.Off != addr.Off+8 || elf.R_PPC64(elf.R_TYPE64(key.Info)) != elf.R_PPC64_REL64 {
			t.Fatalf("entry %d: relocations %+v, %+v", i/2, addr, key)
		}
		site := symbols[elf.R_SYM64(addr.Info)-1].Value + uint64(addr.Addend)
		want, ok := m.sites[site]
		if !ok || i > 0 && site <= last {
			t.Fatalf("entry %d: .text+%#x after .text+%#x is no site, or not sorted", i/2, site, last)
		}
		last = site
		sym := symbols[elf.R_SYM64(key.Info)-1]
		if name := fmt.Sprintf("%skey_%05d", sites.KeyPrefix, want); sym.Name != name || key.Addend != 0 {
			t.Fatalf(".text+%#x: key %s%+d, want %s", site, sym.Name, key.Addend, name)
		}
	}
}
