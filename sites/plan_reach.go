// SPDX-License-Identifier: BSD-3-Clause

package sites

import (
	"slices"

	"github.com/scpatch/scpatch/elfrw"
	"github.com/scpatch/scpatch/reloc"
	"github.com/scpatch/scpatch/sites/internal/index"
)

// references says for each key why it may change at run time; empty for a key
// that provably never does. The proof goes by the list of "What may change a
// key" in docs/proof.md.
type references struct {
	o            *Object
	env          environment
	wholeProgram bool
	why          []string
	keys         map[int]*keySection // sections of defined keys
	watched      index.Set           // symbols of these sections
	seen         index.Set           // of them, those whose whole extent was counted
	tramps       map[int][]int       // by key: its trampolines
	places       map[int][]uint64    // see labels
}

// A keySection is a section with keys. Anything that reaches a key's first
// doubleword may change it.
type keySection struct {
	off  []uint64  // of the keys, in order
	key  []int     // their indices in Object.Keys
	next []int     // by number: the next key at or after it that nothing reaches yet
	all  reference // a reference that may reach any place of the section, if there is one
}

// A reference is something that may let code change a key.
type reference struct {
	sec  int // of a relocation, 0 without one
	rel  reloc.Rela
	what string
}

// extent returns what a reference to a symbol may reach: the bytes that the symbol
// covers. Without a size they are unknown, unless the symbol is a key.
func (r *references) extent(s elfrw.Symbol) (lo, hi uint64, ok bool) {
	size := s.Size
	if size < keySize {
		if r.o.keys.Of(s.Index) >= 0 {
			size = keySize
		}
	}
	return s.Value, s.Value + size, size > 0
}

// reach records a reference that reaches the bytes from lo to hi.
func (r *references) reach(k *keySection, lo, hi uint64, ref reference) {
	i, _ := slices.BinarySearch(k.off, max(lo, keySize-1)-(keySize-1))
	for i = k.follow(i); i < len(k.off) && k.off[i] < hi; i = k.follow(i) {
		r.why[k.key[i]] = r.text(ref)
		k.next[i] = i + 1
		i++
	}
}

// follow returns the first key at or after number i that nothing reaches yet.
func (k *keySection) follow(i int) int {
	end := i
	for k.next[end] != end {
		end = k.next[end]
	}
	for k.next[i] != i {
		i, k.next[i] = k.next[i], end
	}
	return end
}

// reachAll records a reference that may reach any place of the section.
func (r *references) reachAll(k *keySection, ref reference) {
	if k.all.what == "" {
		k.all = ref
	}
}

// text describes a reference in words.
func (r *references) text(ref reference) string {
	if ref.sec == 0 {
		return ref.what
	}
	return r.o.at(ref.sec, ref.rel.Off, int64(ref.rel.Type()), "%s", ref.what).Error()
}
