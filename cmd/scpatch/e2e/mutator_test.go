// SPDX-License-Identifier: BSD-3-Clause

package e2e

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
)

// A mutator changes a valid object in a reproducible way. It knows the tables
// of the file, and changes each kind of field in turn: random bytes would
// mostly hit code and names.
type mutator struct {
	object *structureCheck
	kinds  []mutation
}

// A mutation changes one thing and says what.
type mutation struct {
	kind string
	make func(r *rand.Rand, b []byte) (out []byte, what string)
}

// A field is a number in the file.
type field struct {
	name string
	off  uint64
	size int
}

// newMutator returns a mutator for an object that structure accepts.
func newMutator(data []byte) (*mutator, error) {
	if err := structure(data); err != nil {
		return nil, err
	}
	s, err := readStructure(data)
	if err != nil {
		return nil, err
	}
	m := &mutator{object: s}
	m.add("header", layoutOf(0, "e_ident:16 e_type:2 e_machine:2 e_version:4 e_entry:8 e_phoff:8 e_shoff:8 e_flags:4 "+
		"e_ehsize:2 e_phentsize:2 e_phnum:2 e_shentsize:2 e_shnum:2 e_shstrndx:2"))
	var headers, symbols, relas, groups, extended, strings []field
	const section = "sh_name:4 sh_type:4 sh_flags:8 sh_addr:8 sh_offset:8 sh_size:8 sh_link:4 sh_info:4 sh_addralign:8 sh_entsize:8"
	for i, h := range s.sections {
		headers = append(headers, layoutOf(s.hdr.Shoff+64*uint64(i), section)...)
		switch h.Type {
		case 2: // SHT_SYMTAB
			symbols = append(symbols, records(h.Off, h.Size, "st_name:4 st_info:1 st_other:1 st_shndx:2 st_value:8 st_size:8")...)
		case 3: // SHT_STRTAB
			strings = append(strings, records(h.Off, h.Size, "byte:1")...)
		case 4: // SHT_RELA
			relas = append(relas, records(h.Off, h.Size, "r_offset:8 r_type:4 r_sym:4 r_addend:8")...)
		case 17: // SHT_GROUP
			groups = append(groups, records(h.Off, h.Size, "word:4")...)
		case 18: // SHT_SYMTAB_SHNDX
			extended = append(extended, records(h.Off, h.Size, "word:4")...)
		}
	}
	m.add("section header", headers)
	m.add("symbol", symbols)
	m.add("string", strings)
	m.add("relocation", relas)
	m.add("group", groups)
	m.add("extended index", extended)
	m.addContents()
	return m, nil
}

// layoutOf returns the fields "name:size" that follow one another from an
// offset on.
func layoutOf(off uint64, spec string) (fields []field) {
	for word := range bytes.FieldsSeq([]byte(spec)) {
		name, size, _ := bytes.Cut(word, []byte(":"))
		n := 0
		fmt.Sscan(string(size), &n)
		fields = append(fields, field{string(name), off, n})
		off += uint64(n)
	}
	return fields
}

// records returns the fields of a table's entries.
func records(off, size uint64, spec string) (fields []field) {
	for end := off + size; off < end; off = fields[len(fields)-1].off + uint64(fields[len(fields)-1].size) {
		fields = append(fields, layoutOf(off, spec)...)
	}
	return fields
}

func (m *mutator) add(kind string, fields []field) {
	if len(fields) == 0 {
		return
	}
	m.kinds = append(m.kinds, mutation{kind, func(r *rand.Rand, b []byte) ([]byte, string) {
		f := fields[r.IntN(len(fields))]
		return b, fmt.Sprintf("%s at 0x%x: %s", f.name, f.off, m.change(r, b, f))
	}})
}

// change gives a field another value: a neighbouring one, the value of a
// similar field, a limit, or a random one.
func (m *mutator) change(r *rand.Rand, b []byte, f field) string {
	n := min(f.size, 8)
	at := b[f.off+uint64(r.IntN(f.size-n+1)):][:n]
	var raw [8]byte
	copy(raw[:], at)
	old := binary.LittleEndian.Uint64(raw[:])
	sections := uint64(len(m.object.sections))
	values := []uint64{
		0, 1, old + 1, old - 1, old + 4, old + 8, old << 1, old >> 1, old ^ 1<<r.IntN(8*n), ^old, 1<<(8*n-1) - 1, 1 << (8*n - 1), 1<<(8*n) - 1,
		r.Uint64(), r.Uint64N(old + 2), sections, sections - 1, r.Uint64N(sections), uint64(len(m.object.syms)), r.Uint64N(uint64(len(m.object.syms) + 1)),
		uint64(len(b)), uint64(len(b)) - old, r.Uint64N(uint64(len(b))), 0xff00, 0xffff, 0xfff1, 1<<32 - 1, 1 << 63,
	}
	now := values[r.IntN(len(values))]
	binary.LittleEndian.PutUint64(raw[:], now)
	copy(at, raw[:n])
	return fmt.Sprintf("0x%x for 0x%x", now, old)
}

// addContents adds the mutations of section contents and of the file as a whole.
func (m *mutator) addContents() {
	var tables, full []int // sections
	for i, h := range m.object.sections {
		switch name := cString(m.object.names, h.Name); {
		case i == 0 || h.Type == 8 || h.Size == 0:
		case name == ".static_call_sites" || name == ".static_call_tramp_key" || name == ".discard.static_call_sites":
			tables = append(tables, i)
			fallthrough
		default:
			full = append(full, i)
		}
	}
	content := func(kind string, of []int) {
		if len(of) > 0 {
			m.kinds = append(m.kinds, mutation{kind, func(r *rand.Rand, b []byte) ([]byte, string) {
				i := of[r.IntN(len(of))]
				h := &m.object.sections[i]
				n := min(h.Size, 8)
				f := field{"content", h.Off + r.Uint64N(h.Size-n+1), int(n)}
				return b, fmt.Sprintf("section %d at 0x%x: %s", i, f.off, m.change(r, b, f))
			}})
		}
	}
	content("table", tables)
	content("section data", full)
	m.kinds = append(m.kinds,
		mutation{"truncation", func(r *rand.Rand, b []byte) ([]byte, string) {
			n := r.IntN(len(b))
			return b[:n], fmt.Sprintf("%d bytes", n)
		}},
		mutation{"exchanged headers", func(r *rand.Rand, b []byte) ([]byte, string) {
			i, k := r.IntN(len(m.object.sections)), r.IntN(len(m.object.sections))
			x, y := b[m.object.hdr.Shoff+64*uint64(i):][:64], b[m.object.hdr.Shoff+64*uint64(k):][:64]
			for j := range x {
				x[j], y[j] = y[j], x[j]
			}
			return b, fmt.Sprintf("%d and %d", i, k)
		}},
		mutation{"a stretch moved", func(r *rand.Rand, b []byte) ([]byte, string) {
			n := 1 + r.IntN(min(256, len(b)))
			from, to := r.IntN(len(b)-n+1), r.IntN(len(b)-n+1)
			copy(b[to:to+n], b[from:from+n])
			return b, fmt.Sprintf("%d bytes from 0x%x to 0x%x", n, from, to)
		}},
		mutation{"bytes put in", func(r *rand.Rand, b []byte) ([]byte, string) {
			at, n := r.IntN(len(b)+1), 1+r.IntN(64)
			return append(b[:at:at], append(make([]byte, n), b[at:]...)...), fmt.Sprintf("%d at 0x%x", n, at)
		}},
		mutation{"bytes taken out", func(r *rand.Rand, b []byte) ([]byte, string) {
			n := 1 + r.IntN(min(64, len(b)-1))
			at := r.IntN(len(b) - n + 1)
			return append(b[:at:at], b[at+n:]...), fmt.Sprintf("%d at 0x%x", n, at)
		}},
	)
}

// mutant makes mutant number n: one change, or sometimes a few of several
// kinds.
func (m *mutator) mutant(n int) (b []byte, what string) {
	r := rand.New(rand.NewPCG(uint64(n), 0x7363))
	b = bytes.Clone(m.object.data)
	k := m.kinds[n%len(m.kinds)]
	b, what = k.make(r, b)
	what = k.kind + ": " + what
	for r.IntN(6) == 0 && len(b) == len(m.object.data) {
		var more string
		k := m.kinds[r.IntN(len(m.kinds))]
		b, more = k.make(r, b)
		what += "; " + k.kind + ": " + more
	}
	return b, what
}

// cString returns the string at an offset of a table.
func cString(table []byte, off uint32) string {
	if int64(off) >= int64(len(table)) {
		return ""
	}
	s, _, _ := bytes.Cut(table[off:], []byte{0})
	return string(s)
}
