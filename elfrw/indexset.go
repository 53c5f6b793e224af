// SPDX-License-Identifier: BSD-3-Clause

package elfrw

import "iter"

// An indexSet is a set of indices.
type indexSet struct {
	in []bool
	n  int // how many are set
}

func (s *indexSet) has(i int) bool { return i < len(s.in) && s.in[i] }

func (s *indexSet) add(i int) {
	for i >= len(s.in) {
		s.in = append(s.in, false)
	}
	if !s.in[i] {
		s.in[i] = true
		s.n++
	}
}

// all visits the indices in ascending order.
func (s *indexSet) all() iter.Seq[int] {
	return func(yield func(int) bool) {
		for i, in := range s.in {
			if in && !yield(i) {
				return
			}
		}
	}
}

// A chain lists the members of each owner, for example the symbols of each section. Two
// arrays hold what the file says; a map holds what an edit adds. A member that gets
// another owner stays in its old list and may be in its new one twice, so callers must
// ask the member for its owner.
type chain struct {
	first, next []int32 // by owner, by member: the next member plus one
	more        map[int][]int
}

func newChain(owners, members int) *chain {
	return &chain{first: make([]int32, owners), next: make([]int32, members)}
}

// prepend adds a member before the others, while the chain is built.
func (c *chain) prepend(owner, member int) {
	c.next[member] = c.first[owner]
	c.first[owner] = int32(member + 1)
}

func (c *chain) add(owner, member int) {
	if c.more == nil {
		c.more = map[int][]int{}
	}
	c.more[owner] = append(c.more[owner], member)
}

// of visits the members of an owner.
func (c *chain) of(owner int) iter.Seq[int] {
	return func(yield func(int) bool) {
		if owner < len(c.first) {
			for m := c.first[owner]; m != 0; m = c.next[m-1] {
				if !yield(int(m - 1)) {
					return
				}
			}
		}
		for _, m := range c.more[owner] {
			if !yield(m) {
				return
			}
		}
	}
}
