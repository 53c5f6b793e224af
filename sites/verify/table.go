// SPDX-License-Identifier: BSD-3-Clause

package verify

import (
	"debug/elf"
	"math"
	"strings"

	"github.com/scpatch/scpatch/elfrw"
	"github.com/scpatch/scpatch/sites/errkind"
	"github.com/scpatch/scpatch/sites/layout"
)

// A table is a range of addresses with entries.
type table struct {
	from, to uint64
	size     uint64 // of an entry, in bytes
	user     bool   // the table of user space
	sec      int    // the section that is the table; 0 if it is part of a section
}

// A site is a branch in a table or a record, or a call to a stub or trampoline that is
// in neither.
type site struct {
	at    uint64 // address of the branch
	key   uint64 // address of the key
	stub  uint64 // stub of the entry; 0 without one
	entry uint64 // address of the entry; 0 without one
	flags uint64
	user  bool
	rec   *recorded // nil without one
}

func (s *site) tail() bool { return s.flags&layout.FlagTail != 0 }

// tables finds the tables of sites: by their sections, and in an image also by the
// symbols around them.
func (v *verifier) tables() ([]table, error) {
	p := v.program
	var all []table
	for i := 1; i < p.file.NumSections(); i++ {
		s := p.file.Section(i)
		name := s.NameString()
		if name != layout.KernelTable && name != layout.UserTable || !s.Loaded() {
			continue
		}
		if !s.Is(elf.SHT_PROGBITS) {
			return nil, errkind.BadTable.Errorf("section %v: a site table has type SHT_PROGBITS, but this is %v", s, elf.SectionType(s.Type))
		}
		t := table{from: p.address[i], to: p.address[i] + s.Size, user: name == layout.UserTable, sec: i}
		v.setEntrySize(&t, s)
		all = append(all, t)
	}
	if len(all) > 0 || p.object {
		return all, nil
	}
	t, err := p.between(layout.TableStart, layout.TableStop)
	switch {
	case err != nil:
		return nil, err
	case t.to == 0:
		return nil, nil
	}
	t.user = v.opts.User
	v.setEntrySize(&t, elfrw.Section{})
	v.bounded = true
	return []table{t}, nil
}

// between returns the table between two symbols of an image, or an empty one without them.
// The bytes of the table are in one section.
func (p *program) between(start, stop string) (t table, err error) {
	for i := range p.symbols {
		switch s := &p.symbols[i]; s.name {
		case start:
			t.from = s.addr
		case stop:
			t.to = s.addr
		}
	}
	if t.to <= t.from {
		return table{}, nil
	}
	s, _, ok := p.locate(t.from)
	if !ok || s.Data() == nil || t.to > p.address[s.Index]+s.Size {
		return table{}, errkind.BadTable.Errorf("the table between %s and %s is in no section", start, stop)
	}
	return t, nil
}

// cut returns an error if the end of a table is missing, as a relocation after it
// shows, or the symbol that a linker puts there.
func (v *verifier) cut(t table) error {
	if v.object {
		if v.isRelocated(t.sec, t.to-t.from, math.MaxUint64) {
			return errkind.BadTable.Errorf("a relocation passes the end of the table")
		}
		return nil
	}
	for i := range v.symbols {
		if x := &v.symbols[i]; t.user && x.name == layout.TableStop && x.section == t.sec && x.addr != t.to {
			return errkind.BadTable.Errorf("the table ends at 0x%x, and %s is 0x%x", t.to, x.name, x.addr)
		}
	}
	return nil
}

// setEntrySize chooses between the two forms of the kernel's table by the option, by
// the section's header, or by what the first entry points at.
func (v *verifier) setEntrySize(t *table, s elfrw.Section) {
	switch {
	case t.user:
		t.size = layout.EntrySize
	case v.opts.EntrySize != 0:
		t.size = uint64(v.opts.EntrySize)
	case s.Entsize == 8 || s.Entsize == 16:
		t.size = s.Entsize
	default:
		t.size = 16
		if !v.plausible(*t) {
			t.size = 8
			if !v.plausible(*t) {
				t.size = 16
			}
		}
	}
}

// plausible reports whether the first entry has a key. Its site is in the same place in
// both forms.
func (v *verifier) plausible(t table) bool {
	s, err := v.entry(t, t.from)
	return err == nil && v.checkKey(&s) == nil
}

// entry decodes an entry.
func (v *verifier) entry(t table, at uint64) (site, error) {
	p := v.program
	s := site{entry: at, user: t.user}
	var ok bool
	if s.at, ok = p.s32(at); !ok {
		return s, errkind.BadTable.Errorf("the address of the site cannot be read")
	}
	if t.user {
		if s.stub, ok = p.s32(at + layout.StubField); !ok {
			return s, errkind.BadTable.Errorf("the address of the stub cannot be read")
		}
		c := p.doubleword(at + layout.UserKeyField)
		if !c.known {
			return s, errkind.BadTable.Errorf("the address of the key cannot be read")
		}
		s.key = c.addr
	} else {
		field := at + layout.KeyField(int(t.size))
		if t.size == 8 {
			s.key, ok = p.s32(field)
		} else {
			s.key, ok = p.s64(field)
			if stub, known := p.s32(at + layout.StubField); !known || stub != at+layout.StubField {
				s.stub, ok = stub, ok && known
			}
		}
		if !ok {
			return s, errkind.BadTable.Errorf("the address of the key cannot be read")
		}
	}
	s.flags = s.key & layout.FlagMask
	s.key &^= layout.FlagMask
	return s, nil
}

// checkPlace wants the site to be a word of code.
func (v *verifier) checkPlace(s *site) error {
	if s.at%4 != 0 {
		return errkind.BadTable.Errorf("the entry points at 0x%x, which is not a multiple of 4", s.at)
	}
	if _, ok := v.word(s.at); !ok {
		return errkind.BadTable.Errorf("the entry points at %s, which is not code", v.name(s.at))
	}
	return nil
}

// checkKey wants the key to be data, and to have the name of a key if there are names.
// A module that has no access to the key names the trampoline instead. Where no run
// time reads the table, that is harmless, and the key is the trampoline's. The table
// of user space is always read.
func (v *verifier) checkKey(s *site) error {
	if s.key%8 != 0 {
		return errkind.BadTable.Errorf("the entry's key is at 0x%x, which is not a multiple of 8", s.key)
	}
	name := v.names[s.key]
	if x := v.externalAt(s.key); x != nil {
		name = x.name
	}
	switch {
	case strings.HasPrefix(name, layout.KeyPrefix):
	case strings.HasPrefix(name, layout.TrampPrefix) && v.opts.Module:
		return nil
	case strings.HasPrefix(name, layout.TrampPrefix) && !s.user && (v.opts.User || v.opts.Runtime != Inline):
		s.key = v.keyNamed(strings.TrimPrefix(name, layout.TrampPrefix))
		return nil
	case v.keys || v.foreign(s.key):
		return errkind.BadTable.Errorf("the entry's key is %s, which is not a key", v.name(s.key))
	}
	if v.foreign(s.key) {
		return nil
	}
	if sec, off, ok := v.locate(s.key); !ok || sec.Has(elf.SHF_EXECINSTR) || sec.Size-off < 8 {
		return errkind.BadTable.Errorf("the entry's key is %s, which is not data", v.name(s.key))
	}
	return nil
}
