// SPDX-License-Identifier: BSD-3-Clause

package tocsave

import (
	"debug/elf"

	"github.com/scpatch/scpatch/ppc64"
)

// mark says what is special about a word of the function.
type mark uint16

const (
	leader      mark = 1 << iota // a block begins here; it has a stored state
	queued                       // in the worklist
	jumps                        // in Func.Jumps
	relocated                    // a relocation changes the word
	pltSeq                       // in an inline PLT sequence (ELFv2 §3.6)
	pltCall                      // its bctrl
	noTOC                        // the relocation of a call is of a NOTOC kind
	losesSlot                    // a call that may return again after 24(r1) has changed
	landing                      // in Func.LandingPads
	savesCall                    // in Func.Saves
	restoresTOC                  // in Func.Restores
	patchable                    // in Func.Patched
	wanted                       // a verdict is asked for
)

// analysis is the data-flow analysis of one function. Places are in words from
// its start.
type analysis struct {
	f      *Func
	code   []byte // of the function
	entry  uint32
	marks  []mark
	index  []int32 // of a leader in states; -1 before it is reached
	states []state
	queue  []uint32
	pads   []uint32
	atPads *state // the state at landing pads; nil before the first call
	stop   why    // why nothing can be proven

	toLabels bool // an indirect branch without known targets is reached,
	noFrame  bool // and one without a frame

	mtlr *bool // the function has an mtlr; see setsLR

	record  bool // states are settled, as far as is known: record the effects and give the verdicts
	effects []effect
	edges   []edge

	found map[uint32]Verdict
}

// newAnalysis checks the extent and marks the places in the lists of f.
func newAnalysis(f *Func) (*analysis, why) {
	if f.Start%ppc64.WordSize != 0 || f.End > uint64(len(f.Code)) || f.Start >= f.End || f.End-f.Start < f.Entry.Offset()+ppc64.WordSize {
		return nil, why{cause: noExtent}
	}
	words := (f.End - f.Start) / ppc64.WordSize
	if words > maxWords {
		return nil, why{cause: tooLarge}
	}
	a := &analysis{f: f, code: f.Code[f.Start:f.End], entry: uint32(f.Entry.Offset() / ppc64.WordSize)}
	a.marks, a.index = make([]mark, words), make([]int32, words)
	a.markRelocs()
	for _, off := range f.Saves {
		a.mark(off, savesCall)
	}
	for _, off := range f.Restores {
		a.mark(off, restoresTOC)
	}
	for _, off := range f.Patched {
		a.mark(off, patchable)
	}
	for _, off := range f.Entries {
		a.mark(off, leader)
	}
	for _, off := range f.Labels {
		a.mark(off, leader)
	}
	for _, off := range f.LandingPads {
		if a.mark(off, leader|landing) {
			w, _ := a.wordAt(off)
			a.pads = append(a.pads, w)
		}
	}
	for from, targets := range f.Jumps {
		if a.mark(from, jumps) {
			for _, off := range targets {
				a.mark(off, leader)
			}
		}
	}
	if !a.markBranches() {
		return nil, why{cause: tooLarge}
	}
	return a, why{}
}

// wordAt turns an offset in the section into a place in the function.
func (a *analysis) wordAt(off uint64) (uint32, bool) {
	rel := off - a.f.Start
	return uint32(rel / ppc64.WordSize), off >= a.f.Start && rel%ppc64.WordSize == 0 && rel/ppc64.WordSize < uint64(len(a.marks))
}

func (a *analysis) offset(word uint32) uint64 { return a.f.Start + ppc64.WordSize*uint64(word) }

func (a *analysis) mark(off uint64, m mark) bool {
	w, ok := a.wordAt(off)
	if ok {
		a.marks[w] |= m
	}
	return ok
}

// markRelocs marks the words that relocations change. The offset of a
// half-word field may lie within the word.
func (a *analysis) markRelocs() {
	for _, r := range a.f.Relocs {
		var m mark
		switch elf.R_PPC64(r.Type()) {
		case elf.R_PPC64_PLTSEQ, elf.R_PPC64_PLTSEQ_NOTOC:
			m = pltSeq
		case elf.R_PPC64_PLTCALL:
			m = pltCall
		case elf.R_PPC64_PLTCALL_NOTOC:
			m = pltCall | noTOC
		case elf.R_PPC64_REL24_NOTOC, elf.R_PPC64_REL24_P9NOTOC:
			m = relocated | noTOC
		default:
			if r.Fills() {
				m = relocated
			}
		}
		a.mark(r.Off&^(ppc64.WordSize-1), m)
	}
}

// markBranches marks branch targets as leaders. It returns false if there are
// too many leaders.
func (a *analysis) markBranches() bool {
	a.marks[a.entry] |= leader
	for i := range uint32(len(a.marks)) {
		if t, ok := a.target(i, a.load(i)); ok {
			a.marks[t] |= leader
		}
	}
	n := 0
	for i, m := range a.marks {
		if a.index[i] = -1; m&leader != 0 {
			n++
		}
	}
	return n <= maxStates
}

func (a *analysis) load(word uint32) ppc64.Word {
	w, _ := ppc64.Load(a.code, ppc64.WordSize*uint64(word)) // there are len(marks) whole words
	return w
}

// target returns the place that a branch goes to by its displacement, if it is
// in the function.
func (a *analysis) target(word uint32, w ppc64.Word) (uint32, bool) {
	if !w.IsBranch() && !w.IsCondBranch() || w.AA() || a.marks[word]&relocated != 0 {
		return 0, false
	}
	t, ok := a.wordAt(a.offset(word) + uint64(w.Displacement()))
	if t == 0 && a.entry != 0 { // the global entry computes r2 again, so this is a call
		return 0, false
	}
	return t, ok
}

// solve runs the analysis until nothing changes, and gives the verdicts. It
// returns the reason why nothing can be proven, if there is one.
func (a *analysis) solve() why {
	a.begin()
	a.run()
	if len(a.f.Labels) > 0 {
		// r1 has to be known in terms of one place on all paths from there. So this
		// starts again, and the paths from the labels come first. If no indirect branch
		// of the function leads to them, code elsewhere does.
		for i := range a.index {
			a.index[i] = -1
		}
		a.states, a.atPads = a.states[:0], nil
		held := a.toLabels
		a.toLabels = false
		a.begin()
		a.enterLabels(held)
		a.run()
	}
	a.seconds()
	return a.stop
}

// begin enters the function where it can be entered.
func (a *analysis) begin() {
	first := state{trusted: true, slotWhy: why{cause: noSave}}
	if first.own = a.f.Entry.UsesTOC(); !first.own {
		first.ownWhy.cause = notTOC(a.f.Entry)
	}
	first.regs[ppc64.RegSP] = value{kind: at}
	if a.f.Part {
		first.held, first.regs[ppc64.RegSP] = true, value{kind: anywhere}
	}
	a.flow(a.entry, &first, a.entry)
	framed := make(map[uint64]bool, len(a.f.Framed))
	for _, off := range a.f.Framed {
		framed[off] = true
	}
	for _, off := range a.f.Entries {
		a.enter(off, framed[off])
	}
}

// enter starts at a place where only frame is known.
func (a *analysis) enter(off uint64, frame bool) {
	if w, ok := a.wordAt(off); ok && w != 0 && w != a.entry {
		s := unknown(why{entered, ppc64.WordSize * w})
		s.held = frame
		a.flow(w, &s, w)
	}
}

// enterLabels enters every label, for an indirect branch. Once the states are
// settled, this changes nothing.
func (a *analysis) enterLabels(frame bool) {
	if a.toLabels && (frame || a.noFrame) {
		return
	}
	a.toLabels, a.noFrame = true, !frame
	for _, off := range a.f.Labels {
		a.enter(off, frame)
	}
}

// run follows the program until no state changes.
func (a *analysis) run() {
	for len(a.queue) > 0 {
		w := a.queue[len(a.queue)-1]
		a.queue = a.queue[:len(a.queue)-1]
		a.marks[w] &^= queued
		a.block(w)
	}
}

// flow joins the state after the instruction at from into that of the leader at
// w.
func (a *analysis) flow(w uint32, s *state, from uint32) {
	if a.record {
		a.edges = append(a.edges, edge{from, w})
		return
	}
	if i := a.index[w]; i < 0 {
		a.index[w] = int32(len(a.states))
		a.states = append(a.states, *s)
		a.states[len(a.states)-1].from = ppc64.WordSize * from
	} else if !a.states[i].join(s, ppc64.WordSize*from) {
		return
	}
	if a.marks[w]&queued == 0 {
		a.marks[w] |= queued
		a.queue = append(a.queue, w)
	}
}

// block walks from a leader up to the next one, or to where nothing follows.
func (a *analysis) block(word uint32) {
	s := a.states[a.index[word]]
	s.begin(word)
	late := int64(-1) // a call that loses the slot, followed by a restore of r2 from it
	for {
		w := a.load(word)
		next := word + uint32(w.Len())/ppc64.WordSize
		if next > uint32(len(a.marks)) {
			return // a prefix at the end
		}
		if a.marks[word]&patchable != 0 {
			s.killSlot(why{patched, ppc64.WordSize * word})
			s.copies = 0
		}
		s.effect = 0
		if a.marks[word]&wanted != 0 && a.record {
			a.giveVerdict(word, w, &s)
		}
		follows := a.instruction(word, w, &s)
		a.note(word, next, &s, follows)
		if !follows || next >= uint32(len(a.marks)) {
			return
		}
		if late >= 0 { // after the restore that follows that call
			s.second(uint32(late))
			late = -1
		}
		if s.effect&effCall != 0 && (s.lost || a.marks[word]&losesSlot != 0) {
			s.lost, s.everLost = true, true
			if a.marks[next]&leader == 0 && a.load(next) == ppc64.RestoreTOC {
				late = int64(word)
			} else {
				s.second(word)
			}
		}
		if a.marks[next]&leader != 0 {
			a.flow(next, &s, word)
			return
		}
		word = next
	}
}

// instruction applies one instruction, and reports whether the next follows.
func (a *analysis) instruction(word uint32, w ppc64.Word, s *state) bool {
	m := a.marks[word]
	before := s
	if m&jumps != 0 {
		c := *s
		before = &c
	}
	follows := true
	switch {
	case w.IsBranch(), w.IsCondBranch(), w.IsRegBranch():
		if w.LK() {
			a.call(word, w, s)
		} else {
			return a.jump(word, w, s)
		}
	case m&wanted != 0 && isConstant(w):
		a.callee(word, false, s)
	case isReturnFromInterrupt(w):
		follows = false
	default:
		i := inst{w: w, word: word, relocated: m&relocated != 0, pltSeq: m&pltSeq != 0}
		if w.IsPrefix() {
			i.suffix = a.load(word + 1)
			i.relocated = i.relocated || a.marks[word+1]&relocated != 0
		}
		i.afterPLT = word > 0 && a.marks[word-1]&pltCall != 0
		s.step(&i)
		if w.Opcode() == opSC {
			s.effect |= effCall
		}
		if m&restoresTOC != 0 {
			s.set(ppc64.RegTOC, value{}, true, why{})
			s.trusted = true
		}
	}
	if m&jumps != 0 { // it may branch elsewhere before or after it takes effect
		for _, off := range a.f.Jumps[a.offset(word)] {
			if t, ok := a.wordAt(off); ok {
				a.flow(t, before, word)
				a.flow(t, s, word)
			}
		}
	}
	return follows
}

// isReturnFromInterrupt reports whether w is rfid, rfscv, rfebb or hrfid.
func isReturnFromInterrupt(w ppc64.Word) bool {
	if w.Opcode() != 19 {
		return false
	}
	switch w.XO() {
	case 18, 82, 146, 274:
		return true
	}
	return false
}
