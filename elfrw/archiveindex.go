// SPDX-License-Identifier: BSD-3-Clause

package elfrw

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"fmt"
	"iter"
	"math"
	"slices"
)

// An arIndex is the symbol index: the number of symbols, for each the offset of
// the header of the member that defines it, and their names. Numbers are
// big-endian.
type arIndex struct {
	part  arPart
	width int // of a number, in bytes: 4, or 8 (/SYM64/); 0 if there is no index
	n     int // symbols
}

// An arSymbol is an entry of the index.
type arSymbol struct {
	name   []byte
	member int
}

// HasIndex reports whether the archive has a symbol index.
func (a *Archive) HasIndex() bool { return a.index.width != 0 }

// Symbols visits the symbols of the index, each with the number of its member,
// in the order of the index.
func (a *Archive) Symbols() iter.Seq2[string, int] {
	return func(yield func(string, int) bool) {
		for s := range a.symbols() {
			if !yield(string(s.name), s.member) {
				return
			}
		}
	}
}

func (a *Archive) symbols() iter.Seq[arSymbol] {
	return func(yield func(arSymbol) bool) {
		x := &a.index
		names := a.file.data[x.names():x.part.end]
		for i := range x.n {
			end := bytes.IndexByte(names, 0)
			member, _ := a.memberAt(x.number(a.file.data, i+1))
			if !yield(arSymbol{names[:end], member}) {
				return
			}
			names = names[end+1:]
		}
	}
}

// names returns the offset of the names.
func (x *arIndex) names() uint64 {
	if x.n == 0 {
		return x.part.end
	}
	return x.part.begin + uint64(x.width)*uint64(x.n+1)
}

// number reads number i of the index: the first counts the symbols.
func (x *arIndex) number(data []byte, i int) uint64 {
	b := data[x.part.begin+uint64(x.width*i):]
	if x.width == 8 {
		return binary.BigEndian.Uint64(b)
	}
	return uint64(binary.BigEndian.Uint32(b))
}

// checkIndex checks the index once, so that Symbols needs no error.
func (a *Archive) checkIndex() error {
	x, data := &a.index, a.file.data
	if x.part.size() == 0 {
		return nil // an archive without symbols
	}
	most := x.part.size() / uint64(x.width)
	if most == 0 {
		return arBad(x.part.begin, "symbol index", "has %d bytes", x.part.size())
	}
	n := x.number(data, 0)
	if n > most-1 {
		return arBad(x.part.begin, "symbol index", "counts %d symbols in 0x%x bytes", n, x.part.size())
	}
	x.n = int(n)
	names := data[x.names():x.part.end]
	for i := range x.n {
		at := x.part.begin + uint64(x.width*(i+1))
		off := x.number(data, i+1)
		if _, ok := a.memberAt(off); !ok {
			return arBad(at, "symbol index", "entry %d names 0x%x, where no member begins", i, off)
		}
		end := bytes.IndexByte(names, 0)
		if end < 0 {
			return arBad(at, "symbol index", "the name of entry %d does not end", i)
		}
		names = names[end+1:]
	}
	return nil
}

// layOutIndex adds the splices for the index.
func (m *ArchiveImage) layOutIndex(replaced []int) error {
	a := m.a
	if !a.HasIndex() {
		return nil
	}
	x, old := &a.index, a.file.data[a.index.part.begin:a.index.part.end]
	m.index = slices.Collect(a.symbols())
	changed, err := m.redefined(replaced)
	if err != nil {
		return err
	}
	if len(changed) == 0 { // then only the offsets change
		new := bytes.Clone(old)
		m.splices = append(m.splices, arSplice{off: x.part.begin, del: x.part.size(), ins: new})
		return m.putHeads(new, 0)
	}
	m.index = updated(m.index, changed)
	new := make([]byte, x.width*(len(m.index)+1))
	for _, s := range m.index {
		new = append(append(new, s.name...), 0)
	}
	if len(new)%2 != 0 {
		new = append(new, 0) // as ar does it
	}
	size := uint64(len(new))
	if size > maxArSize {
		return fmt.Errorf("a symbol index of %d bytes does not fit in its header", size)
	}
	m.resize(x.part, size)
	m.splices = append(m.splices, arSplice{off: x.part.begin, del: a.after(x.part.end) - x.part.begin, ins: new})
	return m.putHeads(new, a.grows(x.part, size))
}

// putHeads writes the number of symbols, and for each the offset of its member, into
// an index that is longer than the old one by grows bytes.
func (m *ArchiveImage) putHeads(index []byte, grows int64) error {
	width := m.a.index.width
	if len(index) < width {
		return nil // an empty index
	}
	put := func(i int, v uint64) bool {
		if width == 8 {
			binary.BigEndian.PutUint64(index[8*i:], v)
			return true
		}
		binary.BigEndian.PutUint32(index[4*i:], uint32(v))
		return v <= math.MaxUint32
	}
	heads := make([]uint64, len(m.a.members))
	shift := uint64(grows) // modulo 2^64
	for i, old := range m.a.members {
		heads[i] = old.head + shift
		if image := m.images[i]; image != nil {
			shift += uint64(m.a.grows(old.data, image.size))
		}
	}
	put(0, uint64(len(m.index)))
	for i, s := range m.index {
		if !put(i+1, heads[s.member]) {
			return fmt.Errorf("member %d would be at 0x%x, and the symbol index has 32 bits for that; one called /SYM64/ has 64", s.member, heads[s.member])
		}
	}
	return nil
}

// A redefinition is the difference between the global symbols of a new member
// and those of the old one.
type redefinition struct {
	gone map[string]bool
	add  [][]byte // in the order of the symbol table
}

// redefined returns the members whose global symbols differ from before.
func (m *ArchiveImage) redefined(replaced []int) (map[int]redefinition, error) {
	changed := map[int]redefinition{}
	var b bytes.Buffer
	for _, i := range replaced {
		b.Reset()
		if _, err := m.images[i].WriteTo(&b); err != nil {
			return nil, err
		}
		new, err := New(b.Bytes())
		if err != nil {
			return nil, fmt.Errorf("the new member %d cannot be read back: %w", i, err)
		}
		d := redefinition{gone: map[string]bool{}}
		if old, err := New(m.a.Member(i).Data); err == nil { // else it defined nothing
			for name := range globals(old) {
				d.gone[string(name)] = true
			}
		}
		for name := range globals(new) {
			if d.gone[string(name)] {
				delete(d.gone, string(name))
			} else {
				d.add = append(d.add, bytes.Clone(name))
			}
		}
		if len(d.gone) > 0 || len(d.add) > 0 {
			changed[i] = d
		}
	}
	return changed, nil
}

// globals visits the names of the symbols that a file defines for others. These
// are the ones that ar puts into an index.
func globals(f *File) iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		for i := max(1, f.FirstGlobal()); i < f.NumSymbols(); i++ {
			s := f.Symbol(i)
			if name := f.SymbolName(s); !s.Undefined() && len(name) > 0 && s.Bind() != elf.STB_LOCAL && !yield(name) {
				return
			}
		}
	}
}

// updated returns the index with the symbols that the members define now.
func updated(index []arSymbol, changed map[int]redefinition) []arSymbol {
	index = slices.DeleteFunc(index, func(s arSymbol) bool { return changed[s.member].gone[string(s.name)] })
	for i, d := range changed {
		for _, name := range d.add {
			index = append(index, arSymbol{name, i})
		}
	}
	// In the order of the members, as ar writes it; the sort is stable.
	slices.SortStableFunc(index, func(a, b arSymbol) int { return a.member - b.member })
	return index
}

// compareIndex compares the index of what was written with the one that was made.
func (m *ArchiveImage) compareIndex(out *Archive) error {
	i := 0
	for s := range out.symbols() {
		if i >= len(m.index) || s.member != m.index[i].member || !bytes.Equal(s.name, m.index[i].name) {
			return fmt.Errorf("the symbol index: entry %d of the output differs from the plan", i)
		}
		i++
	}
	if i != len(m.index) {
		return fmt.Errorf("the symbol index: the output has %d symbols, not the planned %d", i, len(m.index))
	}
	return nil
}
