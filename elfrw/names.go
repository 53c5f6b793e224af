// SPDX-License-Identifier: BSD-3-Clause

package elfrw

import (
	"bytes"
	"debug/elf"
	"fmt"
	"slices"
)

// A stringTable is a string table of the output.
//
// Unused strings stay, except at the end, so that adding a name and removing it leaves
// no trace. The new name of something renamed is first looked up among the strings of
// the input, so that renaming it back restores the old offset.
type stringTable struct {
	sec    Section
	size   uint64            // so far
	names  map[string]uint32 // offsets of new names of renamed things; 0: not known
	unused []uint32          // offsets of names that were removed
}

// openStrings determines what the string tables of symbols and sections lose, and
// which names they need.
func (l *layout) openStrings() {
	l.symbolNames = l.newStringTable(l.f.strtab)
	l.sectionNames = l.symbolNames
	if l.f.strtab.Index != l.f.shstr.Index {
		l.sectionNames = l.newStringTable(l.f.shstr)
	}
	for i := range l.goneSymbols.all() {
		if i < l.f.NumSymbols() {
			l.symbolNames.drop(l.f.SymbolNameOff(i))
		}
	}
	for i := range l.goneSections.all() {
		if i < l.f.shnum {
			l.sectionNames.drop(l.f.Section(i).Name)
		}
	}
	for i, c := range l.changedSymbols {
		if c.renamed && !l.goneSymbols.has(i) {
			l.symbolNames.rename(l.f.SymbolNameOff(i), c.Name)
		}
	}
	for i, c := range l.changedSections {
		if c.renamed && !l.goneSections.has(i) {
			l.sectionNames.rename(l.f.Section(i).Name, c.Name)
		}
	}
	l.symbolNames.find()
	if l.sectionNames != l.symbolNames {
		l.sectionNames.find()
	}
	l.trim(l.symbolNames)
	if l.sectionNames != l.symbolNames {
		l.trim(l.sectionNames)
	}
}

func (l *layout) newStringTable(s Section) *stringTable {
	t := &stringTable{sec: s, size: s.Size}
	if p := l.edited(s.Index); p != nil {
		t.size += p.appended
	}
	return t
}

func (t *stringTable) drop(off uint32) {
	if off != 0 {
		t.unused = append(t.unused, off)
	}
}

func (t *stringTable) rename(off uint32, name string) {
	if t.names == nil {
		t.names = map[string]uint32{}
	}
	t.drop(off)
	if name != "" {
		t.names[name] = 0
	}
}

// find looks for the names among the strings of the input. One that is only the end of a
// longer string is not found.
func (t *stringTable) find() {
	data, off := t.sec.Data(), 0
	for left := len(t.names); left > 0 && off < len(data); {
		n := bytes.IndexByte(data[off:], 0)
		if at, wanted := t.names[string(data[off:off+n])]; wanted && at == 0 && n > 0 {
			t.names[string(data[off:off+n])] = uint32(off)
			left--
		}
		off += n + 1
	}
}

// trim removes unused names from the end of a string table, unless other sections
// use the table.
func (l *layout) trim(t *stringTable) {
	if len(t.unused) == 0 || l.edited(t.sec.Index) != nil || l.hasOtherStrings(t) {
		return
	}
	data := t.sec.Data()
	slices.Sort(t.unused)
	end, used := len(data), l.usedNames(t)
	for _, off := range slices.Backward(t.unused) {
		if int(off) >= end || data[off-1] != 0 {
			continue // the end of another one
		}
		if int(off) < used || int(off)+bytes.IndexByte(data[off:], 0)+1 != end {
			break
		}
		end = int(off)
	}
	if end < len(data) {
		l.splice(t.sec, t.sec.Off+uint64(end), uint64(len(data)-end), nil)
		l.partAt(t.sec).closes = true
		t.size = uint64(end)
	}
}

// hasOtherStrings reports whether a table has strings that belong to neither
// symbols nor sections.
func (l *layout) hasOtherStrings(t *stringTable) bool {
	for i := 1; i < l.f.shnum; i++ {
		s := l.f.Section(i)
		if int(s.Link) == t.sec.Index && i != l.f.symtab.Index && !s.Is(elf.SHT_NULL) && !l.goneSections.has(i) {
			return true
		}
	}
	return false
}

// usedNames returns the offset after the last string of a table that is still used as
// a name.
func (l *layout) usedNames(t *stringTable) int {
	last := uint32(0)
	for _, off := range t.names {
		last = max(last, off)
	}
	if t == l.symbolNames {
		for i := range l.f.NumSymbols() {
			if !l.goneSymbols.has(i) && !(l.changedSymbols[i] != nil && l.changedSymbols[i].renamed) {
				last = max(last, l.f.SymbolNameOff(i))
			}
		}
	}
	if t == l.sectionNames {
		for i := 1; i < l.f.shnum; i++ {
			if l.goneSections.has(i) || l.f.SectionType(i) == elf.SHT_NULL || l.changedSections[i] != nil && l.changedSections[i].renamed {
				continue
			}
			last = max(last, le.Uint32(l.f.headerBytes(i)[shName:]))
		}
	}
	return int(last) + bytes.IndexByte(t.sec.Data()[last:], 0) + 1
}

// put returns the offset of the new name of something renamed, and adds the
// name if necessary.
func (t *stringTable) put(l *layout, name string) (uint32, error) {
	if off := t.names[name]; off != 0 || name == "" {
		return off, nil
	}
	off, err := t.add(l, name)
	t.names[name] = off
	return off, err
}

// add appends a string and returns its offset.
func (t *stringTable) add(l *layout, name string) (uint32, error) {
	if name == "" {
		return 0, nil
	}
	off, size := t.size, t.size+uint64(len(name))+1
	if size > 1<<32-1 {
		return 0, fmt.Errorf("section %v: the string table passes 4 GiB", t.sec)
	}
	l.splice(t.sec, t.sec.Off+t.sec.Size, 0, append([]byte(name), 0))
	t.size = size
	return uint32(off), nil
}
