// SPDX-License-Identifier: BSD-3-Clause

package sites

// A Reason is the short stable name of why a site stays on its trampoline.
type Reason string

const (
	KeyMissing        Reason = "key-missing"
	KeyUndefined      Reason = "key-undefined"
	KeyAmbiguous      Reason = "key-ambiguous"
	KeyReplaceable    Reason = "key-replaceable"
	KeyConstant       Reason = "key-constant"
	KeyOdd            Reason = "key-odd"
	KeyMayChange      Reason = "key-may-change"
	TargetNoSymbol    Reason = "target-no-symbol"
	TargetOffset      Reason = "target-offset"
	TargetWeak        Reason = "target-weak"
	TargetNotFunction Reason = "target-not-function"
	TargetDiscardable Reason = "target-discardable"
	TargetTrampoline  Reason = "target-trampoline"
	TailOtherUnit     Reason = "tail-other-unit"
	NoSlot            Reason = "no-slot"
	TargetFar         Reason = "target-far"
	TrampFar          Reason = "tramp-far"
	ClobbersTOC       Reason = "clobbers-toc"
	CallerNoTOC       Reason = "caller-no-toc"
	CallerUnknown     Reason = "caller-unknown"
	NotAnnotated      Reason = "not-annotated"
	AlternativeCode   Reason = "alternative-code"
	SaveNotProven     Reason = "save-not-proven"
	SlotEntered       Reason = "slot-entered"
	FormExcluded      Reason = "form-excluded"
	TrampUndefined    Reason = "tramp-undefined"
	TrampImported     Reason = "tramp-imported"
	TrampNeedsTOC     Reason = "tramp-needs-toc"
	TrampSlotless     Reason = "tramp-slotless"
	LinkerUnknown     Reason = "linker-unknown"
	NoPACA            Reason = "no-paca"
	SiteListed        Reason = "site-listed"
	ShadowPlace       Reason = "shadow-place"
	ShadowUnwinds     Reason = "shadow-unwinds"
	SiteDiscardable   Reason = "site-discardable"
	TableOnly         Reason = "table-only"
)

var reasonTexts = map[Reason]string{
	KeyMissing:        "this object has no symbol for the key: what it holds is unknown",
	KeyUndefined:      "the key is defined in another object: what it holds is unknown",
	KeyAmbiguous:      "several local keys have this name, and nothing says which one the trampoline means",
	KeyReplaceable:    "the key is weak, common or in a group: the linker may take another definition",
	KeyConstant:       "the key holds a number that no relocation explains",
	KeyOdd:            "the key's first doubleword has a relocation other than R_PPC64_ADDR64",
	KeyMayChange:      "the key may change at run time",
	TargetNoSymbol:    "the key points at a place with no local function symbol, so its local entry is unknown",
	TargetOffset:      "the key points into the middle of a symbol",
	TargetWeak:        "the target is a weak undefined symbol: it may be NULL after the link",
	TargetNotFunction: "the target is not a function in code of this object",
	TargetDiscardable: "the target is local to a group that the linker may discard",
	TargetTrampoline:  "the target is a trampoline itself: a direct call of it would be a site of another key",
	TailOtherUnit:     "a tail call has no slot for a restore, and the target may be in another link unit",
	NoSlot:            "no slot follows the bl, and a restore of r2 may be needed there",
	TargetFar:         "the target is out of a branch's reach",
	TrampFar:          "the site reaches its trampoline through a linker's stub, to which nothing would lead back",
	ClobbersTOC:       "the target may change r2 (local entry 1), and nothing here would restore it",
	CallerNoTOC:       "the calling function has one entry point: r2 may be its caller's",
	CallerUnknown:     "no function symbol covers the site, so what r2 holds there is unknown",
	NotAnnotated:      "found by decoding only: no relocation and no table entry proves that this is code",
	SiteDiscardable:   "the site is in a group that the linker may discard, so no table entry may point at it",
	TableOnly:         "only the table was asked for: the site is patched in the linked image",
	SaveNotProven:     "nothing proves that 24(r1) holds r2 here",
	SlotEntered:       "a branch goes to the slot: a restore there would run without the call",
	FormExcluded:      "the forms that would be sound here are excluded",
	TrampUndefined:    "the trampoline is not defined in this object, or not one that takes r2 from its caller",
	TrampImported:     "the key is not in this module: the module loader's stub saves r2 and restores it, so the site stays as it is",
	TrampNeedsTOC:     "the trampoline needs its caller's r2 or r12: a linker's stub for local entry 1 would leave it neither",
	TrampSlotless:     "a call of the trampoline has no slot: with local entry 1 a linker may let it pass and restore nothing",
	LinkerUnknown:     "only ld.bfd and lld are known to save r2 for local entry 1",
	NoPACA:            "the code may run without the PACA, in real mode or before it is set up",
	SiteListed:        "the table of the module lists the site without a stub: the run time would leave it as it is",
	ShadowPlace:       "the stack of return addresses is user space's",
	ShadowUnwinds:     "the object has exception tables, and nothing can unwind through the stub",
	AlternativeCode:   "the section holds alternative code, which runs elsewhere than it lies",
}

// Text is the reason in a sentence.
func (r Reason) Text() string { return reasonTexts[r] }
