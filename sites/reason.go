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
	ClobbersTOC       Reason = "clobbers-toc"
	CallerNoTOC       Reason = "caller-no-toc"
	CallerUnknown     Reason = "caller-unknown"
	NotAnnotated      Reason = "not-annotated"
	AlternativeCode   Reason = "alternative-code"
	SiteDiscardable   Reason = "site-discardable"
)

var reasonTexts = map[Reason]string{
	KeyMissing:        "this object has no symbol for the key: what it holds is unknown",
	KeyUndefined:      "the key is defined in another object: what it holds is unknown",
	KeyAmbiguous:      "several local keys have this name, and nothing says which one the trampoline means",
	KeyReplaceable:    "the key is weak, common or in a group: the linker may take another definition",
	KeyConstant:       "the key holds a number that no relocation explains",
	KeyOdd:            "the key's first doubleword has a relocation other than R_PPC64_ADDR64",
	KeyMayChange:      "the key may change at run time, and then only the trampoline is right here",
	TargetNoSymbol:    "the key points at a place with no local function symbol, so its local entry is unknown",
	TargetOffset:      "the key points into the middle of a symbol",
	TargetWeak:        "the target is a weak undefined symbol: it may be NULL after the link",
	TargetNotFunction: "the target is not a function in code of this object",
	TargetDiscardable: "the target is local to a group that the linker may discard",
	TargetTrampoline:  "the target is a trampoline itself: a direct call of it would be a site of another key",
	TailOtherUnit:     "a tail call has no slot for a restore, and the target may be in another link unit",
	NoSlot:            "no slot follows the bl, and a restore of r2 may be needed there",
	ClobbersTOC:       "the target may change r2 (local entry 1), and nothing here would restore it",
	CallerNoTOC:       "the calling function has one entry point: r2 may be its caller's",
	CallerUnknown:     "no function symbol covers the site, so what r2 holds there is unknown",
	NotAnnotated:      "found by decoding only: no relocation and no table entry proves that this is code",
	SiteDiscardable:   "the site is in a group that the linker may discard, so no table entry may point at it",
	AlternativeCode:   "the section holds alternative code, which runs elsewhere than it lies",
}

// Text is the reason in a sentence.
func (r Reason) Text() string { return reasonTexts[r] }
