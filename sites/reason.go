// SPDX-License-Identifier: BSD-3-Clause

package sites

import (
	"fmt"
)

// A Reason says why a site is neither direct nor a constant; with the form Keep,
// why it stays on its trampoline. Each has a short name that does not change.
type Reason uint8

// The reasons. docs/messages.md explains each at length, under its name.
const (
	NoReason          Reason = iota // none: the site is direct or a constant
	KeyMissing                      // the object calls the trampoline but has no symbol for the key
	KeyUndefined                    // another object defines the key
	KeyWeak                         // the key is a weak undefined symbol: after the link there may be none
	KeyAmbiguous                    // it is not known which key the trampoline means
	KeyReplaceable                  // the key is weak, common, in a group or in a merged section, or other link units see it: it may be defined elsewhere
	KeyConstant                     // the bytes of the key are not zero, and no relocation explains them
	KeyOdd                          // the first doubleword of the key has a relocation other than R_PPC64_ADDR64
	KeyMayChange                    // the key may change while the program runs, and the run time does not repatch the site, or only with a restore of r2
	TargetNoSymbol                  // the key points at code where no local function symbol starts, so the local entry is unknown
	TargetOffset                    // the key points into the middle of a symbol
	TargetWeak                      // the target is a weak undefined symbol, which may be NULL after the link
	TargetNotFunction               // the target is data, or not in a section of code
	TargetDiscardable               // the target is a local function of a section group, which the linker may discard
	TargetTrampoline                // the key holds the trampoline of another static call
	TargetPreemptible               // the caller keeps no TOC pointer, and the call may go through the PLT of its own unit
	TailOtherUnit                   // a tail call has no slot for a restore, and its target may be in another link unit
	NoSlot                          // no word that could become a restore of r2 follows the call
	TargetFar                       // in a linked image, the target is out of reach of a branch
	TrampFar                        // in a linked image, the site calls neither its trampoline nor a known stub of a linker that leads there
	ClobbersTOC                     // the target may change r2 (local entry 1), and nothing at this site would restore it
	CallerNoTOC                     // the calling function has one entry point, so r2 may be its caller's
	CallerUnknown                   // neither a function symbol nor .eh_frame covers the site, so it is not known what r2 holds
	CallForm                        // the call is in a form or a relocation section that scpatch does not rewrite
	NotAnnotated                    // the site was found only by decoding: no relocation and no table entry proves that it is code
	AlternativeCode                 // the kernel copies the code of this section over other code when it starts
	SaveNotProven                   // nothing proves that 24(r1) holds r2 at the call
	SlotEntered                     // something other than the call leads to the word after it
	NoFrame                         // at the call, r1 does not provably point to a stack frame of the calling function
	FormExcluded                    // the options exclude the forms that would be sound
	TrampUndefined                  // the trampoline is defined in another object, or does not take r2 from its caller
	TrampReplaceable                // another object or link unit may define the trampoline, but not the key
	TrampImported                   // a module calls a trampoline of the kernel or of another module
	TrampNeedsTOC                   // the trampoline needs its caller's r2 or r12
	TrampSlotless                   // a call to the trampoline in this object has no slot
	LinkerUnknown                   // only ld.bfd and lld are known to save r2 before a function with local entry 1
	NoPACA                          // the code may run without the PACA, in real mode or before it is set up
	SiteListed                      // the module's table lists the site without a stub, so the run time would leave it as it is
	ShadowPlace                     // the form Shadow is only for user space
	ShadowUnwinds                   // the object has exception tables, and nothing can unwind through a stub of the form Shadow
	SiteDiscardable                 // the site is in a section group, which the linker may discard, so no table may name it
	TableOnly                       // Options.TableOnly was set: the site is patched in the linked image
	KeptBefore                      // in a linked file, the record says that the site was left on its trampoline
	NoRecord                        // in a linked file, neither a table of sites nor scpatch's record names the call
)

// A reasonText is the name of a reason, and the reason in a sentence.
type reasonText struct{ name, text string }

var reasons = [...]reasonText{
	KeyMissing:        {"key-missing", "this object has no symbol for the key: its value is unknown"},
	KeyUndefined:      {"key-undefined", "the key is defined in another object: its value is unknown"},
	KeyWeak:           {"key-weak", "the key is a weak undefined symbol: there may be none after the link"},
	KeyAmbiguous:      {"key-ambiguous", "nothing says which key the trampoline means: local keys have its name, or its code names several"},
	KeyReplaceable:    {"key-replaceable", "the key is weak, common, in a group or in a merged section, or other link units see it: another definition may replace it"},
	KeyConstant:       {"key-constant", "the key holds a number that no relocation explains"},
	KeyOdd:            {"key-odd", "the key's first doubleword has a relocation other than R_PPC64_ADDR64"},
	KeyMayChange:      {"key-may-change", "the key may change at run time"},
	TargetNoSymbol:    {"target-no-symbol", "the key points at a place with no local function symbol, so its local entry is unknown"},
	TargetOffset:      {"target-offset", "the key points into the middle of a symbol"},
	TargetWeak:        {"target-weak", "the target is a weak undefined symbol: it may be NULL after the link"},
	TargetNotFunction: {"target-not-function", "the target is not a function in code of this object"},
	TargetDiscardable: {"target-discardable", "the target is local to a group that the linker may discard"},
	TargetTrampoline:  {"target-trampoline", "the target is a trampoline itself: a direct call to it would be a site of another key"},
	TargetPreemptible: {"target-preemptible", "the call may go through the PLT of its own unit, which may enter the target where it needs its caller's r2"},
	TailOtherUnit:     {"tail-other-unit", "a tail call has no slot for a restore, and the target may be in another link unit"},
	NoSlot:            {"no-slot", "no slot follows the bl, and a restore of r2 may be needed there"},
	TargetFar:         {"target-far", "the target is out of a branch's reach"},
	TrampFar:          {"tramp-far", "the site reaches its trampoline through a linker's stub, and could not be sent back to that stub"},
	ClobbersTOC:       {"clobbers-toc", "the target may change r2 (local entry 1), and nothing here would restore it"},
	CallerNoTOC:       {"caller-no-toc", "the calling function has one entry point: r2 may be its caller's"},
	CallerUnknown:     {"caller-unknown", "neither a function symbol nor .eh_frame covers the site, so it is not known what r2 holds there"},
	CallForm:          {"call-form", "the call is not a b or bl with R_PPC64_REL24 or R_PPC64_REL24_NOTOC, or its relocation is in a second relocation section"},
	NotAnnotated:      {"not-annotated", "found by decoding only: no relocation and no table entry proves that this is code"},
	AlternativeCode:   {"alternative-code", "the section holds alternative code, which the kernel copies elsewhere to run it"},
	SaveNotProven:     {"save-not-proven", "nothing proves that 24(r1) holds r2 here"},
	SlotEntered:       {"slot-entered", "something other than the call can reach the slot: a restore there would run without the call"},
	NoFrame:           {"no-frame", "the caller has no frame of its own here: a stub would save r2 in its caller's frame"},
	FormExcluded:      {"form-excluded", "the forms that would be sound here are excluded"},
	TrampUndefined:    {"tramp-undefined", "the trampoline is not defined in this object, or does not take r2 from its caller"},
	TrampReplaceable:  {"tramp-replaceable", "another object or link unit may replace the trampoline, but not this object's key"},
	TrampImported:     {"tramp-imported", "the key is not in this module: the module loader's stub saves r2 and restores it, so the site stays as it is"},
	TrampNeedsTOC:     {"tramp-needs-toc", "the trampoline needs its caller's r2 or r12: a linker's stub for local entry 1 preserves neither"},
	TrampSlotless:     {"tramp-slotless", "a call to the trampoline has no slot: with local entry 1 a linker may accept it and restore nothing"},
	LinkerUnknown:     {"linker-unknown", "only ld.bfd and lld are known to save r2 for local entry 1"},
	NoPACA:            {"no-paca", "the code may run without the PACA, in real mode or before it is set up"},
	SiteListed:        {"site-listed", "the table of the module lists the site without a stub: the run time would leave it as it is"},
	ShadowPlace:       {"shadow-place", "only user space has a stack of return addresses"},
	ShadowUnwinds:     {"shadow-unwinds", "the object has exception tables, and nothing can unwind through the stub"},
	SiteDiscardable:   {"site-discardable", "the site is in a group that the linker may discard, so no table entry may point to it"},
	TableOnly:         {"table-only", "only the table was requested: the site is patched in the linked image"},
	KeptBefore:        {"kept-before", "the site was kept when its object was patched; a listing of that object says why"},
	NoRecord:          {"no-record", "nothing says that the site was patched, or was meant to stay"},
}

// Reasons returns all reasons except NoReason, in the order of their constants.
func Reasons() []Reason {
	list := make([]Reason, 0, len(reasons)-1)
	for r := NoReason + 1; int(r) < len(reasons); r++ {
		list = append(list, r)
	}
	return list
}

// String returns the name of the reason, such as "key-missing", or "" for
// NoReason.
func (r Reason) String() string { return reasons[r].name }

// MarshalText implements [encoding.TextMarshaler].
func (r Reason) MarshalText() ([]byte, error) { return []byte(r.String()), nil }

// Text returns the reason in a sentence.
func (r Reason) Text() string { return reasons[r].text }

// UnmarshalText implements [encoding.TextUnmarshaler]. A name of no reason is an error.
func (r *Reason) UnmarshalText(text []byte) error {
	for i := range reasons {
		if reasons[i].name == string(text) {
			*r = Reason(i)
			return nil
		}
	}
	return fmt.Errorf("unknown reason %q", text)
}
