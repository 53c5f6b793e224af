// SPDX-License-Identifier: BSD-3-Clause

package tocsave

import (
	"bytes"
	"cmp"
	"debug/elf"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/scpatch/scpatch/ppc64"
	"github.com/scpatch/scpatch/reloc"
)

// An object is a relocatable file as the tests read it, with everything that a
// Func wants to know. It is a caller of this package in small.
type object struct {
	name  string
	file  *elf.File
	syms  []elf.Symbol // by their index
	secs  map[int]*text
	order []int
}

// text is a section with functions.
type text struct {
	index  int
	offset uint64 // in the file
	data   []byte
	relocs []reloc.Rela // by offset
	funcs  []*function  // by start
}

type function struct {
	Func
	name   string
	labels []uint64 // places whose address is in the object
}

// place is an offset in a section.
type place struct {
	sec int
	off uint64
}

func readObject(name string, b []byte) (*object, error) {
	f, err := elf.NewFile(bytes.NewReader(b))
	if err != nil {
		return nil, err
	}
	if f.Type != elf.ET_REL || f.Machine != elf.EM_PPC64 {
		return nil, fmt.Errorf("%s: %v for %v", name, f.Type, f.Machine)
	}
	o := &object{name: name, file: f, secs: map[int]*text{}}
	syms, err := f.Symbols()
	if err != nil && !errors.Is(err, elf.ErrNoSymbols) {
		return nil, err
	}
	o.syms = append([]elf.Symbol{{}}, syms...)
	for i, s := range f.Sections {
		if s.Type == elf.SHT_PROGBITS && s.Flags&elf.SHF_EXECINSTR != 0 {
			data, err := s.Data()
			if err != nil {
				return nil, err
			}
			o.secs[i] = &text{index: i, offset: s.Offset, data: data}
			o.order = append(o.order, i)
		}
	}
	o.functions()
	if err := o.references(); err != nil {
		return nil, err
	}
	o.branches()
	o.resolve()
	return o, o.landingPads()
}

// functions finds the functions by their symbols.
func (o *object) functions() {
	for _, s := range o.syms {
		t := o.secs[int(s.Section)]
		if typ := elf.ST_TYPE(s.Info); t == nil || typ != elf.STT_FUNC && typ != elf.STT_GNU_IFUNC || s.Size == 0 {
			continue
		}
		fn := &function{name: s.Name}
		fn.Code, fn.Start, fn.End = t.data, s.Value, s.Value+s.Size
		fn.Entry, _ = ppc64.LocalEntryOf(s.Other)
		t.funcs = append(t.funcs, fn)
	}
	defer func() { // a symbol within a function is an entry
		for _, s := range o.syms {
			if typ := elf.ST_TYPE(s.Info); typ == elf.STT_FUNC || typ == elf.STT_NOTYPE && elf.ST_BIND(s.Info) != elf.STB_LOCAL {
				o.at(place{int(s.Section), s.Value}, func(fn *function) { fn.Unknown = append(fn.Unknown, s.Value) })
			}
		}
	}()
	for _, t := range o.secs {
		slices.SortStableFunc(t.funcs, func(a, b *function) int {
			return cmp.Or(cmp.Compare(a.Start, b.Start), cmp.Compare(a.End, b.End))
		})
		t.funcs = slices.CompactFunc(t.funcs, func(a, b *function) bool { return a.Start == b.Start && a.End == b.End })
	}
}

// at calls f for the functions around a place.
func (o *object) at(p place, f func(fn *function)) {
	t := o.secs[p.sec]
	if t == nil {
		return
	}
	i, _ := slices.BinarySearchFunc(t.funcs, p.off+1, func(fn *function, off uint64) int { return cmp.Compare(fn.Start, off) })
	for i--; i >= 0 && p.off-t.funcs[i].Start < 1<<22; i-- {
		if p.off < t.funcs[i].End {
			f(t.funcs[i])
			if i == 0 || t.funcs[i-1].End <= t.funcs[i].Start {
				return
			}
		}
	}
}

func (o *object) target(r reloc.Rela) (place, bool) {
	if int(r.Sym()) >= len(o.syms) || r.Sym() == 0 {
		return place{}, false
	}
	s := o.syms[r.Sym()]
	if s.Section == elf.SHN_UNDEF || s.Section >= elf.SHN_LORESERVE {
		return place{}, false
	}
	return place{int(s.Section), s.Value + uint64(r.Addend)}, true
}

// notEntries are sections that name instructions without anything going there:
// unwinding, Linux's lists of places to trace, of warnings, of call sites.
var notEntries = map[string]bool{
	".eh_frame": true, "__mcount_loc": true, "__patchable_function_entries": true,
	"__bug_table": true, ".static_call_sites": true, "_kprobe_blacklist": true,
}

// references reads all relocations: what they say about the instructions, and
// which places inside functions have their address somewhere.
func (o *object) references() error {
	type reference struct {
		from place
		r    reloc.Rela
	}
	var refs []reference
	bases := map[int][]uint64{} // addresses of data, among them those of jump tables
	for _, s := range o.file.Sections {
		if s.Type != elf.SHT_RELA || int(s.Info) >= len(o.file.Sections) {
			continue
		}
		in := o.file.Sections[s.Info]
		if in.Flags&elf.SHF_ALLOC == 0 || notEntries[in.Name] || strings.HasPrefix(in.Name, ".gcc_except_table") {
			continue
		}
		b, err := s.Data()
		if err != nil {
			return err
		}
		table, err := reloc.NewTable(b)
		if err != nil {
			return err
		}
		t := o.secs[int(s.Info)]
		for i := range table.Len() {
			r := table.At(i)
			if t != nil {
				t.relocs = append(t.relocs, r)
			}
			if to, ok := o.target(r); ok {
				if o.secs[to.sec] == nil {
					bases[to.sec] = append(bases[to.sec], to.off)
				} else {
					refs = append(refs, reference{place{int(s.Info), r.Off}, r})
				}
			}
		}
		if t != nil {
			slices.SortStableFunc(t.relocs, func(a, b reloc.Rela) int { return cmp.Compare(a.Off, b.Off) })
			for _, fn := range t.funcs {
				lo, _ := slices.BinarySearchFunc(t.relocs, fn.Start, func(r reloc.Rela, off uint64) int { return cmp.Compare(r.Off, off) })
				hi, _ := slices.BinarySearchFunc(t.relocs, fn.End, func(r reloc.Rela, off uint64) int { return cmp.Compare(r.Off, off) })
				fn.Relocs = t.relocs[lo:hi]
			}
		}
	}
	for _, b := range bases {
		slices.Sort(b)
	}
	kernel := map[int]map[uint64]place{} // Linux's tables of pairs: the place at an offset
	for _, ref := range refs {
		to, _ := o.target(ref.r)
		switch name := o.file.Sections[ref.from.sec].Name; {
		case name == "__jump_table" || name == "__ex_table":
			if kernel[ref.from.sec] == nil {
				kernel[ref.from.sec] = map[uint64]place{}
			}
			kernel[ref.from.sec][ref.from.off] = to
			continue
		case strings.HasSuffix(name, "_fixup"):
			o.at(to, func(fn *function) { fn.Patched = append(fn.Patched, to.off) })
			continue
		}
		inText := o.secs[ref.from.sec] != nil
		switch typ := elf.R_PPC64(ref.r.Type()); {
		case inText && (ref.r.IsCall() || typ == elf.R_PPC64_REL14): // a call, or a branch between sections
			o.at(to, func(fn *function) {
				if to.off == fn.Start {
					return
				}
				if fn.Start <= ref.from.off && ref.from.off < fn.End && ref.from.sec == to.sec {
					fn.jump(ref.from.off, to.off)
				} else {
					fn.Unknown = append(fn.Unknown, to.off)
				}
			})
			continue
		case strings.HasPrefix(o.file.Sections[ref.from.sec].Name, ".rodata") && typ == elf.R_PPC64_REL32: // S + A - P is the distance from the table
			b := bases[ref.from.sec]
			if i, found := slices.BinarySearch(b, ref.from.off); found || i > 0 {
				if !found {
					i--
				}
				to.off -= ref.from.off - b[i]
			}
		}
		o.at(to, func(fn *function) {
			if to.off != fn.Start {
				fn.labels = append(fn.labels, to.off)
			}
		})
	}
	for _, pairs := range kernel { // code and where it goes: struct jump_entry, struct exception_table_entry
		for off, code := range pairs {
			to, ok := pairs[off+4]
			if !ok || off%8 != 0 {
				continue
			}
			o.at(to, func(fn *function) {
				if fn.Start <= code.off && code.off < fn.End && code.sec == to.sec {
					fn.jump(code.off, to.off)
				} else if to.off != fn.Start {
					fn.Unknown = append(fn.Unknown, to.off)
				}
			})
		}
	}
	return nil
}

func (fn *function) jump(from uint64, to ...uint64) {
	if fn.Jumps == nil {
		fn.Jumps = map[uint64][]uint64{}
	}
	fn.Jumps[from] = append(fn.Jumps[from], to...)
}

// branches finds what branches into a function from outside, without a
// relocation.
func (o *object) branches() {
	for _, sec := range o.order {
		t := o.secs[sec]
		for off := uint64(0); off+4 <= uint64(len(t.data)); off += 4 {
			w, _ := ppc64.Load(t.data, off)
			if !w.IsBranch() && !w.IsCondBranch() || w.AA() || w.Displacement() == 0 {
				continue
			}
			to := place{sec, off + uint64(w.Displacement())}
			o.at(to, func(fn *function) {
				if off < fn.Start || off >= fn.End {
					fn.Unknown = append(fn.Unknown, to.off)
				}
			})
		}
	}
}

// resolve gives the indirect branches their targets.
func (o *object) resolve() {
	for _, sec := range o.order {
		for _, fn := range o.secs[sec].funcs {
			if len(fn.labels) == 0 {
				continue
			}
			rest, resolved := []uint64(nil), map[uint64]bool{}
			for _, l := range fn.labels {
				w, err := ppc64.Load(fn.Code, l-4)
				if targets := fn.TextTable(l); l >= fn.Start+4 && err == nil && w == 0x4e800420 && len(targets) > 0 {
					fn.jump(l-4, targets...)
					resolved[l-4] = true
				} else {
					rest = append(rest, l)
				}
			}
			some := false
			for off := fn.Start; off < fn.End; off += 4 {
				if w, err := ppc64.Load(fn.Code, off); err == nil && w == 0x4e800420 && !resolved[off] && len(rest) > 0 {
					fn.jump(off, rest...)
					some = true
				}
			}
			if !some {
				fn.Unknown = append(fn.Unknown, rest...)
			}
		}
	}
}

// sites calls f for every bl with a relocation and a nop behind it, with its
// function or nil.
func (o *object) sites(f func(t *text, fn *function, r reloc.Rela)) {
	for _, sec := range o.order {
		t := o.secs[sec]
		for _, r := range t.relocs {
			w, err := ppc64.Load(t.data, r.Off)
			slot, err2 := ppc64.Load(t.data, r.Off+4)
			if err != nil || err2 != nil || r.Type() != uint32(elf.R_PPC64_REL24) || !w.IsBranch() || !w.LK() || !slot.IsNop() {
				continue
			}
			var in *function
			o.at(place{sec, r.Off}, func(fn *function) { in = fn })
			f(t, in, r)
		}
	}
}

// site is a bl; nop and what the analysis says about it.
type site struct {
	t  *text
	fn *function
	r  reloc.Rela
	Verdict
}

// analyse gives the verdict on every site.
func (o *object) analyse() (all []site) {
	o.sites(func(t *text, fn *function, r reloc.Rela) {
		if ReturnsTwice(o.syms[r.Sym()].Name) && fn != nil {
			fn.Twice = append(fn.Twice, r.Off)
		}
		all = append(all, site{t: t, fn: fn, r: r, Verdict: Verdict{Reason: "outside of all functions"}})
	})
	for i := 0; i < len(all); {
		j := i
		var calls []uint64
		for ; j < len(all) && all[j].fn == all[i].fn && all[j].t == all[i].t; j++ {
			calls = append(calls, all[j].r.Off)
		}
		if fn := all[i].fn; fn != nil {
			for k, v := range Analyse(&fn.Func, calls) {
				all[i+k].Verdict = v
			}
		}
		i = j
	}
	return all
}

// readArchive calls f for the members of an ar archive, with their offset.
func readArchive(b []byte, f func(name string, off int, data []byte) error) error {
	const magic, header = "!<arch>\n", 60
	if !bytes.HasPrefix(b, []byte(magic)) {
		return errors.New("not an archive")
	}
	var long []byte
	for off := len(magic); off+header <= len(b); {
		h := b[off : off+header]
		var size int
		if _, err := fmt.Sscan(string(h[48:58]), &size); err != nil || off+header+size > len(b) {
			return io.ErrUnexpectedEOF
		}
		data := b[off+header : off+header+size]
		name := strings.TrimRight(string(h[:16]), " ")
		switch name {
		case "//":
			long = data
		case "/", "/SYM64/":
		default:
			var at int
			if n, _ := fmt.Sscanf(name, "/%d", &at); n == 1 && at < len(long) {
				name, _, _ = strings.Cut(string(long[at:]), "/")
			}
			if err := f(strings.TrimSuffix(name, "/"), off+header, data); err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
		}
		off += header + size + size%2
	}
	return nil
}
