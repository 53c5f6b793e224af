// SPDX-License-Identifier: BSD-3-Clause

package sites

import (
	"debug/elf"
	"fmt"

	"github.com/scpatch/scpatch/ppc64"
)

// A Form is what is done with a site.
type Form string

const (
	Keep     Form = "keep"     // the site stays on its trampoline
	Direct   Form = "direct"   // a branch to the target itself; the linker does the TOC work
	Constant Form = "constant" // the branch becomes what the target would return
)

// A Decision is what a Plan says of one site.
type Decision struct {
	Form   Form
	Target int        // symbol, with Direct
	Word   ppc64.Word // the branch word afterwards
	Slot   ppc64.Word // the slot afterwards, 0 if the site has none
	Done   bool       // the site is so already, nothing changes
	Listed bool       // the site belongs in .static_call_sites

	Reason Reason // with Keep
	Detail string // what the reason found, if there is more to say
}

// A Plan says for each site of an object what will be done, and why or why not.
// The same object and options make the same plan.
type Plan struct {
	Object *Object
	Options
	Decisions []Decision // for Object.Sites, in their order
	EntrySize int        // of the table, in bytes
	Added     []Entry    // what is to be added to the table, sorted by place
}

// MakePlan decides. An error means that the object contradicts itself or the
// options.
func MakePlan(o *Object, opts Options) (*Plan, error) {
	if o.isModule {
		switch opts.Place {
		case Kernel:
			opts.Place = Module
		case User:
			return nil, fmt.Errorf("a linked kernel module cannot run in user space")
		}
		opts.WholeProgram = true
	}
	p := &Plan{Object: o, Options: opts, Decisions: make([]Decision, len(o.Sites))}
	if err := p.chooseEntrySize(); err != nil {
		return nil, err
	}
	d := decider{Plan: p}
	for i := range o.Sites {
		s := &o.Sites[i]
		now, err := o.current(s)
		if err != nil {
			return nil, err
		}
		dec, err := d.decide(s)
		if err != nil {
			return nil, err
		}
		if err := d.reconcile(s, now, &dec); err != nil {
			return nil, err
		}
		dec.Listed = p.listed(s, dec)
		p.Decisions[i] = dec
		if dec.Listed && s.Entry < 0 {
			p.Added = append(p.Added, p.entry(s))
		}
	}
	return p, nil
}

func (p *Plan) chooseEntrySize() error {
	want, t := p.Options.EntrySize, p.Object.Table
	switch {
	case want != 0 && want != 8 && want != 16:
		return fmt.Errorf("an entry of the site table has 8 or 16 bytes, not %d", want)
	case t != nil && want != 0 && want != t.EntrySize:
		return p.Object.at(t.Section, 0, -1, "entries have %d bytes, asked for were %d", t.EntrySize, want)
	case t != nil:
		p.EntrySize = t.EntrySize
	case want != 0:
		p.EntrySize = want
	default:
		p.EntrySize = 16
	}
	return nil
}

// A decider holds what decisions share.
type decider struct {
	*Plan
	refs    *references
	entered map[int]map[uint64]bool // see slotEntered
}

// decide chooses the form of a site as if it were on its trampoline.
func (d *decider) decide(s *Site) (Decision, error) {
	o := d.Object
	key := &o.Keys[s.Key]
	switch {
	case s.Decoded:
		return keep(s, NotAnnotated), nil
	case isAlternative(o.File.Section(s.Section)):
		return keep(s, AlternativeCode), nil
	case d.writesTable() && o.inComdat(s.Section):
		return keep(s, SiteDiscardable), nil
	case key.Target.Kind == TargetUnknown:
		return keep(s, key.Target.Why), nil
	}
	// May the site leave its trampoline? (Sites of a key that never changes
	// always may.)
	fixed, detail, err := d.fixed(s.Key)
	if err != nil {
		return Decision{}, err
	}
	hasSlot := s.Slot != SlotNone
	switch {
	case fixed:
	case d.Runtime == Inline && d.Place == Kernel:
		// The run time patches the branch, and once the key has left the
		// kernel the slot: there has to be one. (Of a site that is a constant
		// already nobody can tell whether it was called without TOC.)
		if !hasSlot && !s.Tail && !s.NoTOC() && s.Word.IsBranch() {
			return keep(s, NoSlot), nil
		}
	default:
		dec := keep(s, KeyMayChange)
		dec.Detail = detail
		return dec, nil
	}
	switch key.Target.Kind {
	case TargetNull:
		if s.Tail {
			return constant(s, ppc64.Blr), nil
		}
		return constant(s, ppc64.Nop), nil
	case TargetReturn0:
		if !s.Tail {
			return constant(s, ppc64.Li3Zero), nil
		}
	}
	if r := d.refuseDirect(s, key.Target.Sym); r != "" {
		return keep(s, r), nil
	}
	return direct(s, key.Target.Sym), nil
}

// fixed reports whether a key provably never changes; if not, because of what.
func (d *decider) fixed(key int) (bool, string, error) {
	if d.Runtime == None {
		return true, "", nil
	}
	if d.Runtime == Inline && d.Place == Kernel {
		return false, "", nil // makes no difference: every site is repatched
	}
	if d.refs == nil {
		r, err := d.Object.findReferences(d.Options)
		if err != nil {
			return false, "", err
		}
		d.refs = r
	}
	detail := d.refs.why[key]
	return detail == "", detail, nil
}

// refuseDirect says why a site may not branch to a function symbol.
//
// With a slot behind a bl the linker or the module loader sees to r2: a stub
// that saves it and the restore in the slot where they are needed, nothing
// where not (ELFv2 §3.6.4.1). Without one, the target must be of the same unit
// and leave r2 alone.
func (d *decider) refuseDirect(s *Site, target int) Reason {
	if s.NoTOC() {
		return "" // the caller keeps no TOC pointer, there is nothing to lose
	}
	o := d.Object
	if uses, known := o.callerUsesTOC(s.Func); !known {
		return CallerUnknown
	} else if !uses {
		return CallerNoTOC
	}
	sym := o.File.Symbol(target)
	local, _ := ppc64.LocalEntryOf(sym.Other) // findKeys refused the reserved value
	ours := o.sameUnit(target, d.Place)
	if s.Slot != SlotNone && (ours && local.PreservesR2() || !d.slotEntered(s)) {
		if !local.PreservesR2() && d.Place == Module {
			return ClobbersTOC // the module loader takes local entry 1 for 0
		}
		return ""
	}
	switch {
	case !ours && s.Tail:
		return TailOtherUnit
	case !ours:
		return NoSlot
	case !local.PreservesR2():
		return ClobbersTOC
	}
	return ""
}

// sameUnit reports whether a symbol provably is, after the link, of the link
// unit of this object.
func (o *Object) sameUnit(sym int, place Place) bool {
	s := o.File.Symbol(sym)
	switch {
	case s.Type() == elf.STT_GNU_IFUNC:
		return false // called through the PLT
	case place == Kernel:
		return true
	case s.Section == 0:
		return false
	case place == Module || s.Bind() == elf.STB_LOCAL:
		return true
	}
	return s.Visibility() != elf.STV_DEFAULT
}

// slotEntered reports whether a branch of the site's section goes to its slot:
// a restore there would then run without the call's save. In the kernel image
// the restore is the PACA's and right on every path.
func (d *decider) slotEntered(s *Site) bool {
	if d.Place == Kernel {
		return false
	}
	if d.entered == nil {
		d.entered = map[int]map[uint64]bool{}
	}
	to, ok := d.entered[s.Section]
	if !ok {
		to = map[uint64]bool{}
		d.entered[s.Section] = to
		// What follows a truncated instruction is no code that runs.
		_ = ppc64.Walk(d.Object.File.Section(s.Section).Data(), func(off uint64, w, _ ppc64.Word) bool {
			if (w.IsBranch() || w.IsCondBranch()) && !w.AA() && w.Displacement() != 0 {
				to[off+uint64(w.Displacement())] = true
			}
			return true
		})
	}
	return to[s.Off+4]
}

func keep(s *Site, r Reason) Decision {
	return Decision{Form: Keep, Reason: r, Word: s.Word, Slot: slotWord(s)}
}

func direct(s *Site, target int) Decision {
	w := s.Word
	if w.IsBranch() {
		w, _ = w.WithDisplacement(0) // the relocation says where to
	}
	return Decision{Form: Direct, Target: target, Word: w, Slot: cleanSlot(s)}
}

func constant(s *Site, w ppc64.Word) Decision {
	return Decision{Form: Constant, Word: w, Slot: cleanSlot(s)}
}

// slotWord is the slot as it stands, for what is kept.
func slotWord(s *Site) ppc64.Word {
	switch s.Slot {
	case SlotNop:
		return ppc64.Nop
	case SlotRestore:
		return ppc64.RestoreTOC
	}
	return 0
}

// cleanSlot is the slot of a site that leaves its trampoline: nop, which is
// what both linkers and the module loader accept; the linker writes the
// restore where one is needed.
func cleanSlot(s *Site) ppc64.Word {
	if s.Slot == SlotNone {
		return 0
	}
	return ppc64.Nop
}

// writesTable reports whether a run time will read .static_call_sites. In user
// space no run time patches a site that stays on its trampoline, and no other
// kind changes.
func (p *Plan) writesTable() bool { return p.Runtime == Inline && p.Place != User }

// listed reports whether a site belongs in the table.
func (p *Plan) listed(s *Site, d Decision) bool {
	if !p.writesTable() || s.Decoded {
		return false
	}
	switch d.Reason {
	case AlternativeCode, KeyAmbiguous, SiteDiscardable:
		return false
	}
	return s.Tail || s.NoTOC() || s.Slot != SlotNone
}

func (p *Plan) entry(s *Site) Entry {
	e := Entry{Section: s.Section, Off: s.Off, Key: s.Key, KeySym: p.Object.Keys[s.Key].Sym}
	if s.Tail {
		e.Flags |= FlagTail
	}
	return e
}

// Changes reports whether the plan would change the object.
func (p *Plan) Changes() bool {
	if len(p.Added) > 0 {
		return true
	}
	for i := range p.Decisions {
		if d := &p.Decisions[i]; d.Form != Keep && !d.Done {
			return true
		}
	}
	return false
}
