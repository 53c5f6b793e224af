// SPDX-License-Identifier: BSD-3-Clause

package elfrw_test

import (
	"debug/elf"
	"hash/fnv"
	"math/rand/v2"
	"testing"

	"github.com/scpatch/scpatch/elfrw"
)

// A mixer makes random edits.
type mixer struct {
	*editor
	pick   func(n int) int // 0 <= pick(n) < n
	bytes  map[[2]int]bool // words that were replaced
	others map[int]bool    // symbols whose st_other was set
	noLocals,
	noNames bool
	fixed bool // the file cannot change its size
}

func newMixer(d *editor, pick func(int) int) *mixer {
	return &mixer{
		editor: d, pick: pick, bytes: map[[2]int]bool{}, others: map[int]bool{},
		noLocals: d.f.NumSymbols() == 0 || hasUnknown(d.f),
		noNames:  d.f.NumSections() == 0 || d.f.Header().Shstrndx == 0,
		fixed:    elf.Type(d.f.Header().Type) != elf.ET_REL || d.f.Header().Phnum > 0,
	}
}

func (x *mixer) one(list []int) (int, bool) {
	if len(list) == 0 {
		return 0, false
	}
	return list[x.pick(len(list))], true
}

// rela is a relocation of section target.
func (x *mixer) rela(target int) elf.Rela64 {
	n, size := x.f.NumSymbols()+len(x.news), len(x.m.secs[target].data)
	if target < x.f.NumSections() {
		size = int(min(x.f.Section(target).Size, 64))
	}
	if size == 0 {
		return rel(0, x.pick(n), elf.R_PPC64_NONE, 0)
	}
	return rel(uint64(x.pick(size)), x.pick(n), elf.R_PPC64(x.pick(250)), int64(x.pick(9)-4))
}

// relaOf is a relocation for relocation section sec.
func (x *mixer) relaOf(sec int) elf.Rela64 { return x.rela(int(x.f.Section(sec).Info)) }

// step makes one edit, or none if the file has nothing for it.
func (x *mixer) step() {
	x.t.Helper()
	kind := x.pick(9)
	if x.fixed && kind > 2 && kind != 6 {
		return
	}
	switch kind {
	case 0:
		x.replaceWord()
	case 1, 2:
		if sec, ok := x.one(x.relas(1)); ok {
			if i := x.pick(x.entries(sec)); !x.m.secs[sec].relas[i].used {
				x.setRela(sec, i, x.relaOf(sec))
			}
		}
	case 3:
		if sec, ok := x.one(x.relas(1)); ok {
			if i := x.pick(x.entries(sec)); !x.m.secs[sec].relas[i].used {
				x.dropRela(sec, i)
			}
		}
	case 4:
		if sec, ok := x.one(x.relas(0)); ok && x.f.NumSymbols() > 0 {
			x.insertRela(sec, x.pick(x.entries(sec)+1), x.relaOf(sec))
		}
	case 5:
		if sec, ok := x.one(x.plain(0)); ok && !x.f.Section(sec).Compressed() {
			x.appendData(sec, make([]byte, 1+x.pick(40)))
		}
	case 6:
		if n := x.f.NumSymbols(); n > 1 {
			if i := 1 + x.pick(n-1); !x.others[i] {
				x.others[i] = true
				x.setOther(i, uint8(x.pick(8)<<5))
			}
		}
	case 7:
		if x.f.NumSymbols() > 0 {
			bind := elf.SymBind(x.pick(3))
			if bind == elf.STB_LOCAL && x.noLocals {
				return
			}
			x.addSymbol(elfrw.NewSymbol{Name: "new_symbol"[:x.pick(11)], Bind: bind, Section: x.pick(len(x.m.secs)), Value: uint64(x.pick(100))})
		}
	case 8:
		x.addRandomSection()
	}
}

func (x *mixer) replaceWord() {
	sec, ok := x.one(x.plain(4))
	if !ok {
		return
	}
	i := x.pick(int(x.f.Section(sec).Size / 4))
	if x.bytes[[2]int{sec, i}] {
		return
	}
	x.bytes[[2]int{sec, i}] = true
	x.replace(sec, 4*uint64(i), []byte{byte(x.pick(256)), 1, 2, 3})
}

func (x *mixer) addRandomSection() {
	if x.noNames {
		return
	}
	target := x.pick(len(x.m.secs))
	typ := elf.SectionType(x.m.secs[target].hdr.Type)
	shrinks := typ == elf.SHT_RELA || typ == elf.SHT_REL
	if target > 0 && !shrinks && x.f.NumSymbols() > 0 && x.pick(2) == 0 {
		x.addRela(target, x.rela(target), x.rela(target))
		return
	}
	x.addSection(elfrw.NewSection{
		Name: ".new.section"[:x.pick(13)], Type: elf.SHT_PROGBITS, Flags: wa,
		Addralign: 1 << x.pick(8), Data: make([]byte, x.pick(50)),
	})
}

// TestRandom makes random edits, and then more to the output.
func TestRandom(t *testing.T) {
	run := func(t *testing.T, data []byte) {
		t.Parallel()
		seed := fnv.New64a()
		seed.Write([]byte(t.Name()))
		r := rand.New(rand.NewPCG(seed.Sum64(), 1))
		for range fewer(6, 2) {
			out := data
			for range 3 {
				d := newEditor(t, out)
				x := newMixer(d, r.IntN)
				for range r.IntN(30) {
					x.step()
				}
				d.e.StripSignature()
				out = d.layout()
			}
			newEditor(t, out).layout()
		}
	}
	eachSmall(t, run)
	eachObject(t, run)
}
