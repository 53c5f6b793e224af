// SPDX-License-Identifier: BSD-3-Clause

package sites

import (
	"debug/elf"
	"fmt"
	"strings"

	"github.com/scpatch/scpatch/elfrw"
	"github.com/scpatch/scpatch/ppc64"
	"github.com/scpatch/scpatch/reloc"
	"github.com/scpatch/scpatch/sites/kind"
)

// references says for each key why it may change at run time; empty for a key
// that provably never does.
type references struct {
	o       *Object
	why     []string
	keys    map[int][]keySpan // defined keys by section
	watched symbolSet         // symbols of the sections of keys
	first   map[int]reference // by key: the first reference that was found
	tramps  map[int][]int     // by key: symbols of its trampolines
}

// A reference is a relocation that may let code change a key.
type reference struct {
	sec     int
	rel     reloc.Rela
	section bool // through the section of the key
}

// A keySpan is the place of a defined key. Offsets are in bytes.
type keySpan struct {
	from, to uint64
	key      int
}

// findReferences proves that keys never change: nothing but a key's own
// definition, its own trampoline, and the site tables refers to it, and it
// cannot be reached by name from outside. Every relocation of a section that is
// loaded counts, but for .discard.* sections, where the static_call() macro
// leaves one itself. A distance within a section has no relocation: code of the
// key's own section may reach it so. That data holds one, as assembler source can
// make it hold (.long key - table), is not expected; compilers make none.
func (o *Object) findReferences(opts Options) (*references, error) {
	r := &references{
		o: o, why: make([]string, len(o.Keys)), keys: map[int][]keySpan{},
		first: map[int]reference{}, tramps: map[int][]int{},
	}
	for _, t := range o.Tramps {
		r.tramps[int(t.Key)] = append(r.tramps[int(t.Key)], int(t.Sym))
	}
	for i, k := range o.Keys {
		s := o.File.Symbol(int(k.Sym))
		if k.Sym == 0 || s.Section == 0 {
			r.why[i] = "it is not defined here"
			continue
		}
		if sec := o.File.Section(s.Section); sec.Has(elf.SHF_EXECINSTR) {
			r.why[i] = fmt.Sprintf("it is among the code of section %q, which can reach it without a relocation", sec.NameString())
			continue
		}
		r.keys[s.Section] = append(r.keys[s.Section], keySpan{s.Value, s.Value + max(s.Size, keySize), i})
	}
	r.watchSymbols(opts)
	for sec := range o.relocated(holdsReferences) {
		t, err := o.table(sec.Index)
		if err != nil {
			return nil, err
		}
		for i := range t.Len() {
			sym := t.Info(i) >> 32
			if sym >= uint64(o.File.NumSymbols()) {
				return nil, kind.BadELF.Wrap(o.at(sec.Index, t.Off(i), int64(t.At(i).Type()), "relocation %d: symbol %d of %d", i, sym, o.File.NumSymbols()))
			}
			if r.watched.has(int(sym)) {
				r.add(sec, t.At(i))
			}
		}
	}
	r.explain()
	return r, nil
}

// explain puts the references into words.
func (r *references) explain() {
	var secs []int
	for _, ref := range r.first {
		if isCode(r.o.File.Section(ref.sec)) {
			secs = append(secs, ref.sec)
		}
	}
	r.o.funcs.index(r.o.File, secs)
	for key, ref := range r.first {
		what := "refers to it"
		if ref.section {
			what = "refers to its section"
		}
		r.why[key] = r.o.at(ref.sec, ref.rel.Off, int64(ref.rel.Type()), "%s", what).Error()
	}
}

func holdsReferences(s elfrw.Section) bool {
	name := s.NameString()
	return s.Has(elf.SHF_ALLOC) && name != tableName && name != userTable && name != trampKeyName && !strings.HasPrefix(name, ".discard.")
}

// watchSymbols notes the symbols through which a key can be reached, and those
// keys that can be reached by a name from outside.
func (r *references) watchSymbols(opts Options) {
	o := r.o
	r.watched = newSymbolSet(o.File.NumSymbols())
	for i := 1; i < o.File.NumSymbols(); i++ {
		s := o.File.Symbol(i)
		spans, ok := r.keys[s.Section]
		if !ok || s.Section == 0 {
			continue
		}
		r.watched.add(i)
		if s.Bind() == elf.STB_LOCAL || opts.WholeProgram && (opts.Place != User || s.Visibility() != elf.STV_DEFAULT) {
			continue
		}
		for _, k := range spans {
			if k.from < s.Value+max(s.Size, 1) && s.Value < k.to && r.why[k.key] == "" {
				r.why[k.key] = fmt.Sprintf("other objects can reach it by the name %s", printable(o.name(i)))
			}
		}
	}
}

// add counts one relocation against a symbol of a section that holds keys.
func (r *references) add(sec elfrw.Section, rel reloc.Rela) {
	s := r.o.File.Symbol(int(rel.Sym()))
	spans, place := r.keys[s.Section], s.Value+uint64(rel.Addend)
	alone, anchor := false, false
	if s.Type() == elf.STT_SECTION {
		alone = len(spans) == 1 && r.ownSection(s.Section)
		// Section anchors: the code adds a displacement of its own to this.
		anchor = !alone && !finalAccess(sec, rel)
	}
	for _, k := range spans {
		hit := alone || anchor || k.from <= place && place < k.to
		if !hit || r.why[k.key] != "" || r.ownTrampoline(k.key, sec, rel) {
			continue
		}
		r.why[k.key] = "referred to"
		r.first[k.key] = reference{sec.Index, rel, anchor}
	}
}

// ownSection reports whether the one key of a section has it to itself.
func (r *references) ownSection(sec int) bool {
	k := r.keys[sec][0]
	return k.from == 0 && r.o.File.Section(sec).Size <= k.to
}

// finalAccess reports whether a relocation of code is one half of an access
// whose other half, the displacement, is in this very instruction: a load or a
// store, so that no other displacement comes on top; or the high half, which is
// of no use without a low one.
func finalAccess(sec elfrw.Section, rel reloc.Rela) bool {
	if !isCode(sec) {
		return false
	}
	switch elf.R_PPC64(rel.Type()) {
	case elf.R_PPC64_TOC16_HA:
		return true
	case elf.R_PPC64_TOC16_LO, elf.R_PPC64_TOC16_LO_DS:
		w, err := ppc64.Load(sec.Data(), rel.Off&^3)
		return err == nil && (w.Opcode() >= 32 && w.Opcode() <= 55 || w.Opcode() == 58 || w.Opcode() == 62)
	}
	return false
}

// ownTrampoline reports whether a relocation is part of a load of the key by
// its own trampoline.
func (r *references) ownTrampoline(key int, sec elfrw.Section, rel reloc.Rela) bool {
	if !isCode(sec) {
		return false
	}
	for _, t := range r.tramps[key] {
		s := r.o.File.Symbol(t)
		if s.Section != sec.Index || rel.Off < s.Value || rel.Off >= s.Value+s.Size {
			continue
		}
		w, err := ppc64.Load(sec.Data(), rel.Off&^3)
		const addis, ld, pld = 15, 58, 57
		switch {
		case err != nil:
			return false
		case w.Opcode() == addis || w.Opcode() == ld && w.XODS() == 0:
			return true
		case w.IsPrefix():
			suffix, err := ppc64.Load(sec.Data(), rel.Off+4)
			return err == nil && suffix.Opcode() == pld
		}
		return false
	}
	return false
}
