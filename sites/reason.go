// SPDX-License-Identifier: BSD-3-Clause

package sites

import (
	"fmt"
)

// A Reason is why a site stays on its trampoline. It has a short stable name.
type Reason uint8

const (
	NoReason Reason = iota
	KeyMissing
	KeyUndefined
	KeyAmbiguous
	KeyReplaceable
	KeyConstant
	KeyOdd
	KeyMayChange
	TargetNoSymbol
	TargetOffset
	TargetWeak
	TargetNotFunction
	TargetDiscardable
	TargetTrampoline
	TargetPreemptible
	TailOtherUnit
	NoSlot
	TargetFar
	TrampFar
	ClobbersTOC
	CallerNoTOC
	CallerUnknown
	CallForm
	NotAnnotated
	AlternativeCode
	SaveNotProven
	SlotEntered
	NoFrame
	FormExcluded
	TrampUndefined
	TrampReplaceable
	TrampImported
	TrampNeedsTOC
	TrampSlotless
	LinkerUnknown
	NoPACA
	SiteListed
	ShadowPlace
	ShadowUnwinds
	SiteDiscardable
	TableOnly
	KeptBefore
	NoRecord
)

// A reasonText is the name of a reason, and the reason in a sentence.
type reasonText struct{ name, text string }

var reasons = [...]reasonText{
	KeyMissing:        {"key-missing", "this object has no symbol for the key: what it holds is unknown"},
	KeyUndefined:      {"key-undefined", "the key is defined in another object: what it holds is unknown"},
	KeyAmbiguous:      {"key-ambiguous", "nothing says which key the trampoline means: local keys have its name, or its code names several"},
	KeyReplaceable:    {"key-replaceable", "the key is weak, common, in a group or in a merged section, or other link units see it: another one may take its place"},
	KeyConstant:       {"key-constant", "the key holds a number that no relocation explains"},
	KeyOdd:            {"key-odd", "the key's first doubleword has a relocation other than R_PPC64_ADDR64"},
	KeyMayChange:      {"key-may-change", "the key may change at run time"},
	TargetNoSymbol:    {"target-no-symbol", "the key points at a place with no local function symbol, so its local entry is unknown"},
	TargetOffset:      {"target-offset", "the key points into the middle of a symbol"},
	TargetWeak:        {"target-weak", "the target is a weak undefined symbol: it may be NULL after the link"},
	TargetNotFunction: {"target-not-function", "the target is not a function in code of this object"},
	TargetDiscardable: {"target-discardable", "the target is local to a group that the linker may discard"},
	TargetTrampoline:  {"target-trampoline", "the target is a trampoline itself: a direct call of it would be a site of another key"},
	TargetPreemptible: {"target-preemptible", "the call may go through the PLT of its own unit, which may enter the target where it needs its caller's r2"},
	TailOtherUnit:     {"tail-other-unit", "a tail call has no slot for a restore, and the target may be in another link unit"},
	NoSlot:            {"no-slot", "no slot follows the bl, and a restore of r2 may be needed there"},
	TargetFar:         {"target-far", "the target is out of a branch's reach"},
	TrampFar:          {"tramp-far", "the site reaches its trampoline through a linker's stub, to which nothing would lead back"},
	ClobbersTOC:       {"clobbers-toc", "the target may change r2 (local entry 1), and nothing here would restore it"},
	CallerNoTOC:       {"caller-no-toc", "the calling function has one entry point: r2 may be its caller's"},
	CallerUnknown:     {"caller-unknown", "neither a function symbol nor .eh_frame covers the site, so what r2 holds there is unknown"},
	CallForm:          {"call-form", "the call is no b or bl with R_PPC64_REL24 or R_PPC64_REL24_NOTOC, or its relocation is in a second relocation section"},
	NotAnnotated:      {"not-annotated", "found by decoding only: no relocation and no table entry proves that this is code"},
	AlternativeCode:   {"alternative-code", "the section holds alternative code, which runs elsewhere than it lies"},
	SaveNotProven:     {"save-not-proven", "nothing proves that 24(r1) holds r2 here"},
	SlotEntered:       {"slot-entered", "something else than the call leads to the slot: a restore there would run without it"},
	NoFrame:           {"no-frame", "the caller has no frame of its own here: a stub's save of r2 would go into its caller's"},
	FormExcluded:      {"form-excluded", "the forms that would be sound here are excluded"},
	TrampUndefined:    {"tramp-undefined", "the trampoline is not defined in this object, or not one that takes r2 from its caller"},
	TrampReplaceable:  {"tramp-replaceable", "another link unit may define the trampoline and be called in its place, but not this object's key"},
	TrampImported:     {"tramp-imported", "the key is not in this module: the module loader's stub saves r2 and restores it, so the site stays as it is"},
	TrampNeedsTOC:     {"tramp-needs-toc", "the trampoline needs its caller's r2 or r12: a linker's stub for local entry 1 would leave it neither"},
	TrampSlotless:     {"tramp-slotless", "a call of the trampoline has no slot: with local entry 1 a linker may let it pass and restore nothing"},
	LinkerUnknown:     {"linker-unknown", "only ld.bfd and lld are known to save r2 for local entry 1"},
	NoPACA:            {"no-paca", "the code may run without the PACA, in real mode or before it is set up"},
	SiteListed:        {"site-listed", "the table of the module lists the site without a stub: the run time would leave it as it is"},
	ShadowPlace:       {"shadow-place", "the stack of return addresses is user space's"},
	ShadowUnwinds:     {"shadow-unwinds", "the object has exception tables, and nothing can unwind through the stub"},
	SiteDiscardable:   {"site-discardable", "the site is in a group that the linker may discard, so no table entry may point at it"},
	TableOnly:         {"table-only", "only the table was asked for: the site is patched in the linked image"},
	KeptBefore:        {"kept-before", "the site was kept when its object was patched, whose listing says why"},
	NoRecord:          {"no-record", "nothing says that the site was patched or was to stay"},
}

// Reasons lists all reasons.
func Reasons() []Reason {
	list := make([]Reason, 0, len(reasons)-1)
	for r := NoReason + 1; int(r) < len(reasons); r++ {
		list = append(list, r)
	}
	return list
}

// String is the name of the reason; empty for NoReason.
func (r Reason) String() string { return reasons[r].name }

// MarshalText implements [encoding.TextMarshaler].
func (r Reason) MarshalText() ([]byte, error) { return []byte(r.String()), nil }

// Text is the reason in a sentence.
func (r Reason) Text() string { return reasons[r].text }

// UnmarshalText implements [encoding.TextUnmarshaler].
func (r *Reason) UnmarshalText(text []byte) error {
	for i := range reasons {
		if reasons[i].name == string(text) {
			*r = Reason(i)
			return nil
		}
	}
	return fmt.Errorf("unknown reason %q", text)
}
