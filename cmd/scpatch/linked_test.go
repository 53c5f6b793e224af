// SPDX-License-Identifier: BSD-3-Clause

package main

import (
	"debug/elf"
	"encoding/binary"
	"path/filepath"
	"strings"
	"testing"

	"github.com/scpatch/scpatch/ppc64"
	"github.com/scpatch/scpatch/sites"
)

// checkLinkedTable reads .static_call_sites of a linked program as the kernel's
// static_call_inline.c does: two self-relative fields, flags in the low bits of
// the key. Every entry must point at a key, and at a call of what the key holds
// or the constant in its place.
func checkLinkedTable(t *testing.T, program string, wantEntries, wantDirect int) {
	t.Helper()
	p := openProgram(t, program)
	table := p.file.Section(".static_call_sites")
	if table == nil {
		if wantEntries > 0 {
			t.Errorf("%s has no .static_call_sites, want %d entries", program, wantEntries)
		}
		return
	}
	data, err := table.Data()
	if err != nil {
		t.Fatal(err)
	}
	const size = 16
	entries, calls := 0, 0
	for off := 0; off+size <= len(data); off += size {
		at := table.Addr + uint64(off)
		site := at + uint64(int64(int32(binary.LittleEndian.Uint32(data[off:]))))
		raw := at + 8 + binary.LittleEndian.Uint64(data[off+8:])
		key, flags := raw&^3, raw&3
		entries++
		name, ok := p.keys[key]
		if !ok {
			t.Errorf("entry %d: no key at 0x%x", entries, key)
			continue
		}
		if flags&^sites.FlagTail != 0 {
			t.Errorf("entry %d (%s): flags %d", entries, name, flags)
		}
		if p.checkSite(t, site, key, name, flags&sites.FlagTail != 0) {
			calls++
		}
	}
	if entries != wantEntries {
		t.Errorf("%s: %d entries, want %d", program, entries, wantEntries)
	}
	if calls < wantDirect {
		t.Errorf("%s: %d entries point at a direct call of their target, planned were at least %d", program, calls, wantDirect)
	}
}

// A linkedProgram is a program as it will be in memory, before it is moved.
type linkedProgram struct {
	file    *elf.File
	keys    map[uint64]string // address → name of the key
	funcs   map[uint64]elf.Symbol
	dynamic map[uint64]uint64 // R_PPC64_RELATIVE: place → value
}

func openProgram(t *testing.T, path string) *linkedProgram {
	t.Helper()
	f, err := elf.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	p := &linkedProgram{f, map[uint64]string{}, map[uint64]elf.Symbol{}, map[uint64]uint64{}}
	syms, err := f.Symbols()
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range syms {
		switch {
		case strings.HasPrefix(s.Name, sites.KeyPrefix):
			p.keys[s.Value] = s.Name
		case elf.ST_TYPE(s.Info) == elf.STT_FUNC && s.Section != elf.SHN_UNDEF:
			p.funcs[s.Value] = s
		}
	}
	if dyn := f.Section(".rela.dyn"); dyn != nil {
		d, err := dyn.Data()
		if err != nil {
			t.Fatal(err)
		}
		for ; len(d) >= 24; d = d[24:] {
			if typ := binary.LittleEndian.Uint32(d[8:]); elf.R_PPC64(typ) == elf.R_PPC64_RELATIVE {
				p.dynamic[binary.LittleEndian.Uint64(d)] = binary.LittleEndian.Uint64(d[16:])
			}
		}
	}
	return p
}

// read returns n bytes of memory.
func (p *linkedProgram) read(t *testing.T, at uint64, n int) []byte {
	t.Helper()
	for _, s := range p.file.Progs {
		if s.Type == elf.PT_LOAD && at >= s.Vaddr && at+uint64(n) <= s.Vaddr+s.Memsz {
			b := make([]byte, n)
			if at < s.Vaddr+s.Filesz {
				if _, err := s.ReadAt(b, int64(at-s.Vaddr)); err != nil {
					t.Fatal(err)
				}
			}
			return b
		}
	}
	t.Fatalf("nothing is loaded at 0x%x", at)
	return nil
}

// checkSite looks at the words of one site. It reports whether they are a
// direct call of the function that the key holds.
func (p *linkedProgram) checkSite(t *testing.T, site, key uint64, name string, tail bool) bool {
	t.Helper()
	w, err := ppc64.Load(p.read(t, site, 4), 0)
	if err != nil {
		t.Fatal(err)
	}
	target, moved := p.dynamic[key]
	if !moved {
		target = binary.LittleEndian.Uint64(p.read(t, key, 8))
	}
	fn, known := p.funcs[target]
	switch {
	case w.IsBranch() && w.LK() == !tail:
		to := site + uint64(w.Displacement())
		local, err := ppc64.LocalEntryOf(fn.Other)
		if known && err == nil && (to == target+local.Offset() || to == target) {
			return true
		}
		other, ok := p.funcs[to]
		if known && !local.PreservesR2() && !strings.Contains(other.Name, sites.TrampPrefix) {
			return true // through a stub that saves r2, as it must be
		}
		// A trampoline, or a linker's stub: not a function under another name.
		if ok && !strings.Contains(other.Name, sites.TrampPrefix) && !strings.HasSuffix(other.Name, fn.Name) {
			t.Errorf("%s at 0x%x calls %s, the key holds %q (0x%x)", name, site, other.Name, fn.Name, target)
		}
		return false
	case target == 0 && (!tail && w == ppc64.Nop || tail && w == ppc64.Blr),
		fn.Name == sites.Return0Name && !tail && w == ppc64.Li3Zero:
		return false
	}
	t.Errorf("%s at 0x%x: found %v (tail %v), the key holds %q (0x%x)", name, site, w, tail, fn.Name, target)
	return false
}

// listedSites counts the sites of a cell's patched objects that are in the
// table, and those of them that must reach their target without a stub: direct
// calls of one unit with a TOC pointer.
func listedSites(t *testing.T, dir string, names []string, args []string) (listed, direct int) {
	t.Helper()
	for _, name := range names {
		for _, s := range listJSON(t, filepath.Join(dir, name), args) {
			if s.Listed {
				listed++
			}
			if s.Listed && s.Form == sites.Direct && !s.NoTOC {
				direct++
			}
		}
	}
	return listed, direct
}
