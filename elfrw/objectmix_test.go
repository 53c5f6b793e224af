// SPDX-License-Identifier: BSD-3-Clause

package elfrw_test

import (
	"bytes"
	"debug/elf"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/scpatch/scpatch/elfrw"
)

// TestObjectMix makes random edits of every kind and compares the output with
// the reading. The next edits start from that output.
func TestObjectMix(t *testing.T) {
	made := map[string]int{}
	eachEditable(t, func(t *testing.T, data []byte) {
		r := seeded(t)
		for range 4 {
			at := data
			for range 3 {
				o := newObjectEditor(t, at)
				for range r.IntN(25) {
					made[o.step(r)]++
				}
				at = o.layout()
			}
		}
	})
	for _, kind := range mixKinds {
		if made[kind] == 0 {
			t.Errorf("%s: never done", kind)
		}
	}
}

// live returns a random index that has not been removed, 0 for none.
func live[T comparable](o *objectEditor, r *rand.Rand, list []T, ok func(T) bool) int {
	for range 10 {
		if i := 1 + r.IntN(max(1, len(list)-1)); i < len(list) && !o.gone[list[i]] && (ok == nil || ok(list[i])) {
			return i
		}
	}
	return 0
}

// step makes a random edit and returns its kind.
func (o *objectEditor) step(r *rand.Rand) string {
	o.t.Helper()
	kind := mixKinds[r.IntN(len(mixKinds))]
	done := false
	switch kind {
	case "remove symbol":
		done = o.removeSymbol(r.IntN(len(o.syms)))
	case "remove section":
		done = o.removeSection(r.IntN(len(o.secs)))
	case "set symbol":
		if i := live(o, r, o.syms, nil); i > 0 {
			sec := live(o, r, o.secs, nil)
			o.setSymbol(i, func(s *elfrw.NewSymbol) {
				s.Name, s.Value, s.Size = fmt.Sprintf("renamed_%d", r.IntN(9)), uint64(r.IntN(99)), uint64(r.IntN(99))
				s.Section, s.Shndx = sec, 0
				if sec == 0 {
					s.Shndx = elf.SHN_COMMON
				}
			})
			done = true
		}
	case "rebind":
		if i := live(o, r, o.syms, nil); i > 0 && !o.opaque(nil) {
			o.setSymbol(i, func(s *elfrw.NewSymbol) { s.Bind = (s.Bind + 1) % 3 })
			done = true
		}
	case "add symbol":
		bind := elf.SymBind(r.IntN(3))
		if done = bind != elf.STB_LOCAL || !o.opaque(nil); done {
			o.addSymbol(elfrw.NewSymbol{Name: "new_symbol"[:r.IntN(11)], Bind: bind, Section: live(o, r, o.secs, nil), Value: uint64(r.IntN(99))})
		}
	case "add section":
		s := elfrw.NewSection{Name: ".new.section"[:r.IntN(13)], Type: elf.SHT_PROGBITS, Flags: wa, Addralign: 1 << r.IntN(8), Data: make([]byte, r.IntN(50))}
		s.Group = live(o, r, o.secs, isGroup)
		if r.IntN(4) == 0 {
			s.Type, s.Size, s.Data = elf.SHT_NOBITS, uint64(len(s.Data)), nil
		}
		o.addSection(s)
		done = true
	case "add group":
		o.addSection(elfrw.NewSection{Name: ".group", Type: elf.SHT_GROUP, Info: uint32(live(o, r, o.syms, nil)), Data: words(1)})
		done = true
	case "add relocation":
		if i := live(o, r, o.secs, func(s *rsec) bool { return plainData(s) && len(s.data) > 0 }); i > 0 {
			rela := elfrw.Rela{Off: uint64(r.IntN(len(o.secs[i].data))), Symbol: live(o, r, o.syms, nil), Type: uint32(r.IntN(200))}
			if !o.hasRel(o.secs[i]) {
				rela.Addend = 3
			}
			o.addRelas(i, rela)
			done = true
		}
	case "rename section":
		if i := live(o, r, o.secs, nil); i > 0 && elf.SectionType(o.secs[i].hdr.Type) != elf.SHT_NULL {
			o.renameSection(i, fmt.Sprintf(".renamed.%d", r.IntN(9)))
			done = true
		}
	case "set section":
		done = o.setSomeSection(r)
	}
	if !done {
		return "nothing"
	}
	return kind
}

func isGroup(s *rsec) bool { return elf.SectionType(s.hdr.Type) == elf.SHT_GROUP }

func plainData(s *rsec) bool { return elf.SectionType(s.hdr.Type) == elf.SHT_PROGBITS && !s.noData }

func (o *objectEditor) hasRel(s *rsec) bool {
	return slices.ContainsFunc(o.secs, func(r *rsec) bool { return elf.SectionType(r.hdr.Type) == elf.SHT_REL && r.info == s && !o.gone[r] })
}

// setSomeSection changes a section's content, type, alignment, flags and group.
func (o *objectEditor) setSomeSection(r *rand.Rand) bool {
	o.t.Helper()
	relocated := func(s *rsec) bool {
		return slices.ContainsFunc(o.secs, func(r *rsec) bool { return r.info == s && !o.gone[r] })
	}
	i := live(o, r, o.secs, func(s *rsec) bool { return plainData(s) && !relocated(s) })
	if i == 0 {
		return false
	}
	s, m := o.e.Section(i), o.secs[i]
	data := bytes.Repeat([]byte{byte(r.IntN(256))}, r.IntN(100))
	s.Data, s.Flags, s.Addralign, s.Entsize = data, s.Flags^elf.SHF_WRITE, 1<<r.IntN(7), uint64(r.IntN(9))
	s.Flags &^= elf.SHF_COMPRESSED
	s.Group = live(o, r, o.secs, isGroup)
	if i < o.f.NumSections() && r.IntN(4) == 0 {
		s.Type, s.Data, s.Size = elf.SHT_NOBITS, nil, uint64(len(data))
	}
	o.must(o.e.SetSection(i, s))
	for _, g := range o.secs {
		if isGroup(g) {
			if g != o.secs[s.Group] {
				g.members = slices.DeleteFunc(g.members, func(x *rsec) bool { return x == m })
			} else if !slices.Contains(g.members, m) {
				g.members = append(g.members, m)
			}
		}
	}
	if s.Group != 0 {
		s.Flags |= elf.SHF_GROUP
	} else {
		s.Flags &^= elf.SHF_GROUP
	}
	m.hdr.Type, m.hdr.Flags, m.hdr.Addralign, m.hdr.Entsize, m.hdr.Size = uint32(s.Type), uint64(s.Flags), s.Addralign, s.Entsize, s.Size
	m.data = string(s.Data)
	return true
}
