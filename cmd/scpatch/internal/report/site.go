// SPDX-License-Identifier: BSD-3-Clause

package report

import (
	"encoding/binary"
	"fmt"
	"sync"

	"github.com/ianlancetaylor/demangle"
	"github.com/scpatch/scpatch/ppc64"
	"github.com/scpatch/scpatch/sites"
	"github.com/scpatch/scpatch/sites/errkind"
	"github.com/scpatch/scpatch/sites/image"
	"golang.org/x/arch/ppc64/ppc64asm"
)

// Sites are the sites of one file, with what becomes of each.
type Sites interface {
	Keys() int // of the file
	Decided() []sites.Decision
	Site(i int) Site
	Outline(i int) Site // without the instructions in GNU assembler syntax, which take long
}

// allSites returns all sites in words.
func allSites(s Sites) []Site {
	v := make([]Site, len(s.Decided()))
	for i := range v {
		v[i] = s.Site(i)
	}
	return v
}

// ObjectSites are the sites of an object, as planned.
type ObjectSites struct{ *sites.Plan }

// Keys implements [Sites].
func (p ObjectSites) Keys() int { return len(p.Object.Keys) }

// Decided implements [Sites].
func (p ObjectSites) Decided() []sites.Decision { return p.Decisions }

// ImageSites are the sites of a linked kernel image.
type ImageSites struct{ *image.Plan }

// Keys implements [Sites].
func (p ImageSites) Keys() int { return p.Plan.Keys }

// Decided implements [Sites].
func (p ImageSites) Decided() []sites.Decision { return p.Decisions }

// NumAdded returns 0: the table of an image stays as it is.
func (p ImageSites) NumAdded() int { return 0 }

// A Site is one site of a plan in words, as list, the diff and the log print
// it. The names are demangled, except Symbol. It does not refer to the file.
type Site struct {
	Section  string       `json:"section"`
	Offset   uint64       `json:"offset"` // bytes from the start of the section
	Function string       `json:"function,omitempty"`
	Symbol   string       `json:"symbol,omitempty"` // the function's symbol as in the object
	FuncOff  uint64       `json:"function_offset"`  // bytes from the function's symbol
	Key      string       `json:"key"`
	Target   string       `json:"target"` // what the key initially holds: a symbol, NULL, or ?
	Tail     bool         `json:"tail"`
	NoTOC    bool         `json:"notoc"`
	Form     sites.Form   `json:"form"`
	Cost     int          `json:"cost"` // instructions to the target and back, negative if unknown
	Proof    string       `json:"proof,omitempty"`
	Reason   sites.Reason `json:"reason,omitempty"` // why the form is neither direct nor constant
	Why      string       `json:"why,omitempty"`
	Done     bool         `json:"done"`   // nothing had to be done
	Listed   bool         `json:"listed"` // it is in the table of sites afterwards
	Before   [2]string    `json:"before"` // branch and slot in GNU assembler syntax
	After    [2]string    `json:"after"`
}

// Outline implements [Sites].
func (p ObjectSites) Outline(i int) Site {
	o := p.Object
	s, d := &o.Sites[i], &p.Decisions[i]
	fn, off := o.FuncName(s)
	return Site{
		Section: o.SectionName(s), Offset: s.Off,
		Function: demangle.Filter(fn), Symbol: fn, FuncOff: off,
		Key: demangle.Filter(o.Keys[s.Key].Name), Target: targetText(o, o.Keys[s.Key].Target),
		Tail: s.Tail, NoTOC: s.NoTOC(), Form: d.Form, Cost: int(d.Cost), Proof: d.Proof(),
		Reason: d.Reason, Why: d.Why(), Done: d.Done, Listed: d.Listed || s.Entry >= 0 || s.User >= 0,
	}
}

// Site implements [Sites].
func (p ObjectSites) Site(i int) Site {
	o := p.Object
	s, d := &o.Sites[i], &p.Decisions[i]
	v := p.Outline(i)
	code := o.File.Section(int(s.Section)).Data()
	slot := "" // a tail site has none: other code follows
	if w, err := ppc64.Load(code, s.Off+4); err == nil && !s.Tail && (s.Slot != sites.SlotNone || !s.NoTOC()) {
		slot = asm(w, "")
	}
	v.Before = [2]string{asm(s.Word, callee(o, s)), slot}
	v.After = v.Before
	if d.Form == sites.Keep {
		return v
	}
	v.After[0] = asm(d.Word, notocText(p.CalleeName(i), s.NoTOC()))
	if d.Slot != 0 {
		v.After[1] = asm(d.Slot, "")
	}
	return v
}

// Outline implements [Sites].
func (p ImageSites) Outline(i int) Site {
	s, d := &p.Sites[i], &p.Decisions[i]
	return Site{
		Section: p.File.Section(s.Section).NameString(), Offset: s.Off,
		Function: demangle.Filter(s.Function), Symbol: s.Function, FuncOff: s.FuncOff,
		Key: demangle.Filter(s.Key), Target: demangle.Filter(s.Target),
		Tail: s.Tail, Form: d.Form, Cost: int(d.Cost), Reason: d.Reason, Why: d.Why(), Done: d.Done, Listed: d.Listed,
	}
}

// Site implements [Sites]. Only the branch changes.
func (p ImageSites) Site(i int) Site {
	s, d := &p.Sites[i], &p.Decisions[i]
	sec := p.File.Section(s.Section)
	v := p.Outline(i)
	slot := ""
	if w, err := ppc64.Load(sec.Data(), s.Off+ppc64.WordSize); err == nil && !s.Tail {
		slot = asm(w, "")
	}
	v.Before = [2]string{asm(s.Word, s.Callee), slot}
	v.After = v.Before
	if d.Form != sites.Keep {
		v.After[0] = asm(d.Word, s.Becomes)
	}
	return v
}

// callee returns the name that a site's branch has now.
func callee(o *sites.Object, s *sites.Site) string {
	switch {
	case s.Tramp >= 0:
		return notocText(o.SymbolName(int(o.Tramps[s.Tramp].Sym)), s.NoTOC())
	case s.Rela >= 0:
		return notocText(o.SymbolName(int(s.Sym)), s.NoTOC())
	}
	return ""
}

func notocText(sym string, notoc bool) string {
	if notoc {
		return sym + "@notoc"
	}
	return sym
}

func targetText(o *sites.Object, t sites.Target) string {
	switch t.Kind {
	case sites.TargetNull:
		return "NULL"
	case sites.TargetUnknown:
		return "?"
	}
	return demangle.Filter(o.SymbolName(int(t.Sym)))
}

// decoding guards ppc64asm.Decode, which writes to a variable of its package.
var decoding sync.Mutex

// asm returns a word in GNU assembler syntax. A branch goes to the symbol, if
// there is one. For a call in another form, the symbol follows the text.
func asm(w ppc64.Word, symbol string) string {
	if w.IsBranch() && symbol != "" {
		if w.LK() {
			return "bl " + symbol
		}
		return "b " + symbol
	}
	if w.IsBranch() {
		return w.String()
	}
	var b [ppc64.WordSize]byte
	w.Put(b[:])
	decoding.Lock()
	inst, err := ppc64asm.Decode(b[:], binary.LittleEndian)
	decoding.Unlock()
	if err != nil {
		return w.String()
	}
	text := ppc64asm.GNUSyntax(inst, 0)
	if symbol != "" {
		text += " (" + symbol + ")"
	}
	return text
}

// where returns the place of a site, as messages print it.
func (s *Site) where() string {
	if s.Function == "" {
		return fmt.Sprintf("%s+0x%x", errkind.Printable(s.Section), s.Offset)
	}
	return fmt.Sprintf("%s+0x%x", errkind.Printable(s.Function), s.FuncOff)
}

// Sentence returns a site for the log, in the style of objtool's messages.
func (s *Site) Sentence() string {
	call := "call"
	if s.Tail {
		call = "tail call"
	}
	text := fmt.Sprintf("section %q: %s: %s to %s: %s", s.Section, s.where(), call, errkind.Printable(s.Key), s.Form)
	switch {
	case s.Form == sites.Keep:
		return text + ": " + s.Reason.String() + ": " + s.Why
	case s.Done:
		text += ", already done"
	default:
		text += ": " + s.After[0]
	}
	return text + s.because()
}

// because returns the proof of a site, as messages print it after the form.
func (s *Site) because() string {
	if s.Proof == "" {
		return ""
	}
	if s.Cost < 0 {
		return " (" + s.Proof + ")"
	}
	return fmt.Sprintf(" (cost %d; %s)", s.Cost, s.Proof)
}

// A KeptGroup holds the kept sites with one reason.
type KeptGroup struct {
	Reason sites.Reason
	Count  int
	first  int // index of the first site
}

// Kept groups the kept sites, in order of the first site with each reason. It
// leaves out sites that stay because of --table-only.
func Kept(decided []sites.Decision) (groups []KeptGroup) {
	at := map[sites.Reason]int{}
	for i := range decided {
		d := &decided[i]
		if d.Form != sites.Keep || d.Reason == sites.TableOnly {
			continue
		}
		g, ok := at[d.Reason]
		if !ok {
			g = len(groups)
			at[d.Reason] = g
			groups = append(groups, KeptGroup{Reason: d.Reason, first: i})
		}
		groups[g].Count++
	}
	return groups
}

// Warning says that the sites of a group stay, and why.
func (g *KeptGroup) Warning(all Sites) string {
	first := all.Outline(g.first)
	return fmt.Sprintf("%s: %s: %s (first: %s)", staying(g.Count, len(all.Decided())), g.Reason, first.Why, first.where())
}
