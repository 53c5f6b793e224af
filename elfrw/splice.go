// SPDX-License-Identifier: BSD-3-Clause

package elfrw

import "slices"

// A splice replaces del bytes at a file offset by n new ones. An edit may have one or
// two for each site. Most insert a word or r_info, which is stored in the splice
// itself; anything longer is a body of the edit.
type splice struct {
	off    uint64
	word   uint64 // the new bytes, little-endian; with body the index of the body
	del, n uint8
	body   bool
	sym    bool // the bytes are r_info or relocations, with provisional symbol indices
}

// A body holds what does not fit into a splice.
type body struct {
	del uint64
	ins []byte
}

// splice adds a splice to the part for section s. It copies ins.
func (e *Edit) splice(s Section, off, del uint64, ins []byte) {
	e.addSplice(e.partAt(s), off, del, ins, false)
}

func (e *Edit) addSplice(p *part, off, del uint64, ins []byte, sym bool) {
	if len(ins) > 8 || del > 0xff {
		e.addBody(p, off, del, e.keep(ins), sym)
		return
	}
	var word [8]byte
	copy(word[:], ins)
	p.addWord(off, uint8(del), uint8(len(ins)), le.Uint64(word[:]), sym)
}

func (p *part) addWord(off uint64, del, n uint8, word uint64, sym bool) {
	p.splices = append(doubled(p.splices), splice{off: off, word: word, del: del, n: n, sym: sym})
}

// grow makes room for n more splices.
func (p *part) grow(n int) {
	if p.splices == nil {
		p.splices = make([]splice, 0, n) // make need not touch fresh memory; slices.Grow would clear it
	}
	p.splices = slices.Grow(p.splices, n)
}

// addBody adds a splice and keeps ins without copying it.
func (e *Edit) addBody(p *part, off, del uint64, ins []byte, sym bool) {
	p.splices = append(doubled(p.splices), splice{off: off, word: uint64(len(e.bodies)), body: true, sym: sym})
	e.bodies = append(doubled(e.bodies), body{del, ins})
}

// replace replaces all bytes of a section. What follows moves up if there are
// fewer.
func (e *Edit) replace(s Section, content []byte) {
	p := e.partAt(s)
	p.closes = true
	e.addBody(p, s.Off, s.Size, content, false)
}

// removed returns how many bytes of the input a splice removes.
func (e *Edit) removed(s *splice) uint64 {
	if s.body {
		return e.bodies[s.word].del
	}
	return uint64(s.del)
}

// inserted returns how many bytes a splice inserts.
func (e *Edit) inserted(s *splice) uint64 {
	if s.body {
		return uint64(len(e.bodies[s.word].ins))
	}
	return uint64(s.n)
}

// doubled makes room for another element. append's own growth wastes more
// memory on long slices.
func doubled[E any](s []E) []E {
	if len(s) == cap(s) {
		s = slices.Grow(s, len(s)+1)
	}
	return s
}
