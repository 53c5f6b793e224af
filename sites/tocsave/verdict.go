// SPDX-License-Identifier: BSD-3-Clause

package tocsave

import "github.com/scpatch/scpatch/ppc64"

// want marks the calls.
func (a *analysis) want(calls []uint64) {
	a.found = make(map[uint32]Verdict, len(calls))
	for _, off := range calls {
		a.mark(off, wanted)
	}
}

// giveVerdict gives the verdict on a call from the state before it. If the word
// is reached both as an instruction and as the suffix of another, both must
// prove it.
func (a *analysis) giveVerdict(word uint32, w ppc64.Word, s *state) {
	v := Verdict{Proven: true, At: a.f.Start + uint64(s.save), Frame: s.held}
	v.Entered = word+1 >= uint32(len(a.marks)) || a.marks[word+1]&leader != 0
	v.Again = s.lost || a.marks[word]&losesSlot != 0
	var y why
	switch t, inside := a.target(word, w); {
	case !isConstant(w) && (!w.IsBranch() || !w.LK()) || inside && t == word+1:
		y = why{notCall, ppc64.WordSize * word}
	case !s.own:
		y = s.ownWhy
	case !s.slot:
		y = s.slotWhy
	case v.Again:
		y = why{again, ppc64.WordSize * word}
	}
	if y.cause != none {
		v.Proven, v.Reason, v.At = false, y.text(), a.f.Start+uint64(y.at)
	}
	if old, ok := a.found[word]; ok {
		frame := v.Frame && old.Frame
		if !old.Proven {
			v = old
		}
		v.Frame = frame
	}
	a.found[word] = v
}

// isConstant reports whether a word may replace a call that does nothing or
// returns 0. A run time may put the call back, so the word counts as one.
func isConstant(w ppc64.Word) bool { return w == ppc64.Nop || w == ppc64.Li3Zero }

// verdicts returns the verdicts in the order of the calls.
func (a *analysis) verdicts(calls []uint64) []Verdict {
	all := make([]Verdict, len(calls))
	for i, off := range calls {
		w, ok := a.wordAt(off)
		if !ok {
			all[i] = Verdict{Reason: why{cause: notCall}.text(), At: off, Entered: true}
			continue
		}
		v, ok := a.found[w]
		if !ok {
			v = Verdict{Reason: why{cause: notReached}.text(), At: off, Entered: true}
		}
		all[i] = v
	}
	return all
}
