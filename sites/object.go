// SPDX-License-Identifier: BSD-3-Clause

package sites

import (
	"cmp"
	"debug/elf"
	"iter"
	"math/bits"

	"github.com/scpatch/scpatch/elfrw"
	"github.com/scpatch/scpatch/ppc64"
	"github.com/scpatch/scpatch/reloc"
	"github.com/scpatch/scpatch/sites/kind"
	"github.com/scpatch/scpatch/sites/layout"
)

// Names; see package layout.
const (
	TrampPrefix = layout.TrampPrefix
	KeyPrefix   = layout.KeyPrefix
	Return0Name = layout.Return0Name

	tableName    = layout.KernelTable
	userTable    = layout.UserTable
	trampKeyName = ".static_call_tramp_key"
)

// An Object is what Find saw in one relocatable file. Nothing in it refers to
// what will be done; that is the Plan's.
type Object struct {
	File   *elfrw.File
	Sites  []Site // by section and offset
	Keys   []Key
	Tramps []Tramp
	Table  *Table // the existing .static_call_sites, nil without one
	User   *Table // the existing static_call_sites of user space, nil without one

	isModule    bool          // the file is a linked kernel module
	fat         bool          // the object has a second copy of its code:
	ir          elfrw.Section // see layout.IR
	tables      tables        // the sections of that name
	relas       []int32       // by section: its SHT_RELA section
	tramps      symbolRanks   // the symbols of Tramps
	keys        symbolRanks   // the symbols of Keys: the number of one is that of the key
	watched     symbolSet     // symbols that a relocation at a site may name
	byAddr      map[addr]int  // see trampsByAddr
	orders      []order       // by section: whether its relocations are in order of place
	funcs       funcIndex
	keyAddrs    map[addr]int      // see keysByAddr
	coldParents map[string]tocUse // see namedUsesTOC

	trampCodes []*trampCode        // by trampoline, see readTramp
	inReach    map[int]bool        // see keysInReach
	program    *bool               // see forProgram
	stubs      map[stubName]int    // see stubSymbol
	keyTramps  map[int]int         // see trampoline
	neverNull  map[int]bool        // see canBeNull
	tocRelas   map[addr]reloc.Rela // see cellKey
}

// tables are the sections with the names of tables.
type tables struct{ kernel, user, trampKeys, records []int }

// An addr is a place in a relocatable object: a byte offset in a section.
type addr struct {
	sec int
	off uint64
}

// A Tramp is a trampoline, a symbol __SCT__name, or an entry of a stub that an
// earlier run has added.
type Tramp struct {
	Sym   int32
	Key   int32     // index in Object.Keys; always valid
	Entry StubEntry // noStub for a trampoline
}

// A Site is a branch to a trampoline, or one that the site table names. An
// object may have very many: its fields are no larger than they must be.
type Site struct {
	Off     uint64     // bytes from the start of the section
	Section int32      // section index
	Key     int32      // index in Object.Keys
	Tramp   int32      // index in Object.Tramps, -1 where only a table names the site
	Word    ppc64.Word // the branch
	Behind  ppc64.Word // the word in the slot, 0 with SlotNone

	// Rela is the index of the site's relocation in the SHT_RELA section of
	// its section, -1 where the assembler resolved the branch or a constant
	// has replaced it. Type and Sym are the relocation's.
	Rela int32
	Type uint32
	Sym  int32

	Entry   int32 // index of its entry in Object.Table, -1 without one
	User    int32 // the same in Object.User
	Func    int32 // index of the symbol of the enclosing function, 0 where unknown
	Slot    SlotState
	Tail    bool // b, not bl
	Decoded bool // found by decoding alone: no relocation and no table names it

	noTOC bool // see findNoTOC
}

// compare compares the site's place with another.
func (s *Site) compare(sec int, off uint64) int {
	return cmp.Or(cmp.Compare(int(s.Section), sec), cmp.Compare(s.Off, off))
}

// NoTOC reports whether the caller keeps no TOC pointer (R_PPC64_REL24_NOTOC).
func (s *Site) NoTOC() bool { return s.noTOC || s.Type == uint32(elf.R_PPC64_REL24_NOTOC) }

// A SlotState says what follows the branch.
type SlotState uint8

const (
	SlotNone    SlotState = iota // end of section, another instruction, or a relocation of its own
	SlotNop                      // nop
	SlotCror                     // cror 15,15,15 or cror 31,31,31
	SlotRestore                  // ld r2,24(r1)
	SlotPACA                     // ld r2,D(r13)
)

// newObject checks that the file is one that scpatch may work on.
func newObject(f *elfrw.File) (*Object, error) {
	h := f.Header()
	switch {
	case elf.Machine(h.Machine) != elf.EM_PPC64:
		return nil, kind.WrongMachine.Errorf("machine is %v, want EM_PPC64 (compile for powerpc64le)", elf.Machine(h.Machine))
	case elf.Type(h.Type) != elf.ET_REL:
		return nil, kind.WrongType.Errorf("file type is %v: only relocatable objects (ET_REL) can be patched", elf.Type(h.Type))
	case h.Flags&3 != 0 && h.Flags&3 != 2:
		return nil, kind.WrongMachine.Errorf("e_flags is 0x%x: ABI version %d, want 2 (compile with -mabi=elfv2)", h.Flags, h.Flags&3)
	}
	if err := layout.CheckRelocations(f); err != nil {
		return nil, err
	}
	ir, fat, err := layout.IR(f)
	if err != nil {
		return nil, err
	}
	o := &Object{File: f, fat: fat, ir: ir, relas: make([]int32, f.NumSections()), orders: make([]order, f.NumSections())}
	for i := 1; i < f.NumSections(); i++ {
		switch f.SectionType(i) {
		case elf.SHT_NULL, elf.SHT_GROUP, elf.SHT_SYMTAB, elf.SHT_STRTAB, elf.SHT_SYMTAB_SHNDX:
			continue
		}
		switch s := f.Section(i); {
		case s.Is(elf.SHT_RELA) && s.Size == 0 && (s.Link == 0 || int(s.Link) != f.Symtab().Index || o.relas[s.Info] != 0):
		case s.Is(elf.SHT_RELA):
			if prev := o.relas[s.Info]; prev != 0 && f.Section(int(prev)).Size > 0 && f.Section(int(s.Info)).Has(elf.SHF_ALLOC) {
				return nil, kind.BadELF.Errorf("section %v: a second relocation section of %v, the first is section %d", s, f.Section(int(s.Info)), prev)
			}
			o.relas[s.Info] = int32(i)
		case s.Named(tableName):
			o.tables.kernel = append(o.tables.kernel, i)
		case s.Named(userTable):
			o.tables.user = append(o.tables.user, i)
		case s.Named(trampKeyName):
			o.tables.trampKeys = append(o.tables.trampKeys, i)
		case s.Named(layout.RecordSection):
			o.tables.records = append(o.tables.records, i)
		case h.Flags&3 == 0 && s.Named(".opd"):
			return nil, kind.WrongMachine.Errorf("section %v: function descriptors, this is an ELFv1 object (compile with -mabi=elfv2)", s)
		case s.Named(".gnu.linkonce.this_module"):
			o.isModule = true
		}
	}
	return o, nil
}

// table returns the relocations of section sec.
func (o *Object) table(sec int) (reloc.Table, error) {
	i := int(o.relas[sec])
	if i == 0 {
		return nil, nil
	}
	t, err := reloc.NewTable(o.File.Section(i).Data())
	if err != nil {
		return nil, kind.BadELF.Errorf("section %v: %w", o.File.Section(i), err)
	}
	return t, nil
}

// relocated returns the sections that have relocations and satisfy want, in
// order.
func (o *Object) relocated(want func(elfrw.Section) bool) iter.Seq[elfrw.Section] {
	return func(yield func(elfrw.Section) bool) {
		for sec, rela := range o.relas {
			if rela == 0 {
				continue
			}
			if s := o.File.Section(sec); want(s) && !yield(s) {
				return
			}
		}
	}
}

func isCode(s elfrw.Section) bool {
	return s.Is(elf.SHT_PROGBITS) && s.Has(elf.SHF_ALLOC|elf.SHF_EXECINSTR)
}

// resolve returns the place that symbol + addend stands for, if that is in a
// section of this object.
func (o *Object) resolve(sym uint32, addend int64) (addr, bool) {
	if int(sym) >= o.File.NumSymbols() {
		return addr{}, false
	}
	s := o.File.Symbol(int(sym))
	return addr{s.Section, s.Value + uint64(addend)}, s.Section != 0
}

// name returns the name of a symbol; of a section symbol, the section's.
func (o *Object) name(sym int) string {
	s := o.File.Symbol(sym)
	if s.Type() == elf.STT_SECTION && s.Section != 0 {
		return o.File.Section(s.Section).NameString()
	}
	return string(o.File.SymbolName(s))
}

// A symbolSet is a set of symbol indices.
type symbolSet []uint64

func newSymbolSet(n int) symbolSet { return make(symbolSet, (n+63)/64) }

func (s symbolSet) add(i int)      { s[i/64] |= 1 << (i % 64) }
func (s symbolSet) has(i int) bool { return s[i/64]&(1<<(i%64)) != 0 }

// all gives the symbols of the set, in order.
func (s symbolSet) all() iter.Seq[int] {
	return func(yield func(int) bool) {
		for i, word := range s {
			for ; word != 0; word &= word - 1 {
				if !yield(i*64 + bits.TrailingZeros64(word)) {
					return
				}
			}
		}
	}
}

// symbolRanks numbers the symbols of a set, in their order.
type symbolRanks struct {
	symbolSet
	before []int32 // for each word of the set: how many symbols are before it
}

func newSymbolRanks(s symbolSet) symbolRanks {
	r := symbolRanks{s, make([]int32, len(s))}
	n := 0
	for i, word := range s {
		r.before[i] = int32(n)
		n += bits.OnesCount64(word)
	}
	return r
}

// of returns the number of symbol i, -1 if it is not in the set.
func (r symbolRanks) of(i int) int {
	if len(r.symbolSet) == 0 || !r.has(i) {
		return -1
	}
	return int(r.before[i/64]) + bits.OnesCount64(r.symbolSet[i/64]&(1<<(i%64)-1))
}
