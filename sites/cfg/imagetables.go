// SPDX-License-Identifier: BSD-3-Clause

package cfg

import (
	"bytes"
	"encoding/binary"
	"maps"
	"slices"
	"strings"
)

// noEntries are Linux's tables whose pointers are never followed. Some hold
// distances, each from its own field, so they look like jump tables.
var noEntries = map[string]bool{
	"mcount_loc": true, "kprobe_blacklist": true, "static_call_sites": true,
	"__bug_table": true, "__ksymtab": true, "__ksymtab_gpl": true, "__tracepoints_ptrs": true,
}

// kernelTables reads the tables of a Linux image, which are between two symbols or in
// their own sections.
func (im *image) kernelTables() {
	ranges := im.boundedRanges()
	for start, s := range im.memory.Sections() {
		switch useOf(s) {
		case useNone, useUnwinding:
			im.skipped = append(im.skipped, span{start, start + s.Size})
		case usePairs, useFixups:
			if ranges[s.NameString()] == nil {
				ranges[s.NameString()] = &span{start, start + s.Size}
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(ranges)) {
		if r := *ranges[name]; r.start < r.end {
			im.kernelTable(name, r)
		}
	}
	im.skipped = mergeSpans(im.skipped)
}

// boundedRanges returns what lies between __start_NAME and __stop_NAME, by NAME, the
// name of the section in an object.
func (im *image) boundedRanges() map[string]*span {
	ranges := map[string]*span{}
	for i := 1; i < im.f.NumSymbols(); i++ {
		s := im.f.Symbol(i)
		name := im.f.SymbolName(s)
		rest, start := bytes.CutPrefix(name, []byte("__start_"))
		if !start {
			var stop bool
			if rest, stop = bytes.CutPrefix(name, []byte("__stop_")); !stop {
				continue
			}
		}
		if s.Undefined() || len(rest) > 64 {
			continue
		}
		r := ranges[string(rest)]
		if r == nil {
			r = &span{}
			ranges[string(rest)] = r
		}
		if start {
			r.start = s.Value
		} else {
			r.end = s.Value
		}
	}
	return ranges
}

// kernelTable reads one of the tables, or skips what is not one.
func (im *image) kernelTable(name string, r span) {
	switch {
	case noEntries[name]:
		im.skipped = append(im.skipped, r)
		return
	case name != "__jump_table" && name != "__ex_table" && (!strings.HasPrefix(name, "__") || !strings.HasSuffix(name, "_fixup")):
		return
	}
	data := im.bytes(r.start)
	if uint64(len(data)) < r.end-r.start {
		im.fail("%s is not in one section", name)
		return
	}
	data = data[:r.end-r.start]
	switch name {
	case "__jump_table":
		im.imagePairs(name, r.start, data, 16)
		im.skipped = append(im.skipped, r)
	case "__ex_table":
		im.imagePairs(name, r.start, data, 8)
		im.skipped = append(im.skipped, r)
	default:
		im.imageFixups(name, r.start, data)
	}
}

// imagePairs reads pairs of distances, each from its own field.
func (im *image) imagePairs(name string, addr uint64, data []byte, size int) {
	pair := func(i int) (from, to place, ok bool) {
		field := func(i int) (place, bool) {
			p, ok := im.at(addr + uint64(i) + uint64(int64(int32(binary.LittleEndian.Uint32(data[i:])))))
			return p, ok && im.secs[p.sec] != nil
		}
		from, ok = field(i)
		to, ok2 := field(i + 4)
		return from, to, ok && ok2
	}
	fits := func(size int) bool {
		for i := 0; i+size <= len(data); i += size {
			if _, _, ok := pair(i); !ok {
				return false
			}
		}
		return len(data)%size == 0
	}
	if name == "__ex_table" && !fits(size) {
		size = 12
	}
	if !fits(size) {
		im.fail("%s is not understood", name)
		return
	}
	for i := 0; i+size <= len(data); i += size {
		from, to, _ := pair(i)
		im.jump(from, to)
		if name == "__jump_table" { // a branch may become a nop
			im.jump(from, place{from.sec, from.off + 4})
		}
	}
}

// imageFixups reads the places that Linux patches when it boots.
func (im *image) imageFixups(name string, addr uint64, data []byte) {
	at := func(entry, field int) (place, bool) {
		p, ok := im.at(addr + uint64(entry) + binary.LittleEndian.Uint64(data[field:]))
		return p, ok && im.secs[p.sec] != nil
	}
	if !strings.HasSuffix(name, "ftr_fixup") {
		if len(data)%8 != 0 {
			im.fail("%s is not understood", name)
			return
		}
		for i := 0; i+8 <= len(data); i += 8 {
			p, ok := at(i, i)
			if !ok {
				im.fail("%s is not understood", name)
				return
			}
			im.patch(p, 4)
		}
		return
	}
	if len(data)%fixupSize != 0 {
		im.fail("%s is not understood", name)
		return
	}
	for i := 0; i < len(data); i += fixupSize {
		begin, ok := at(i, i+fixupCode)
		end, _ := at(i, i+fixupEnd)
		if !ok || begin.sec != end.sec {
			im.fail("%s is not understood", name)
			return
		}
		alternative := binary.LittleEndian.Uint64(data[i+fixupAlt:]) != binary.LittleEndian.Uint64(data[i+fixupAlt+8:])
		im.feature(begin, end, alternative)
	}
}
