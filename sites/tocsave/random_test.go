// SPDX-License-Identifier: BSD-3-Clause

package tocsave

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/scpatch/scpatch/ppc64"
	"github.com/scpatch/scpatch/ppc64/tooltest"
)

// TestRandomPrograms compares the analysis with executions: it generates
// functions, walks them with concrete values and random branches, and checks r2
// and 24(r1) at each proven call, and r1 at each call with a frame. Calls
// return a second time, from other calls and after an alloca whose memory the
// program has written.
func TestRandomPrograms(t *testing.T) {
	n := 30000
	if tooltest.Brief() {
		n = 3000
	}
	r := rand.New(rand.NewPCG(1, 2))
	checked, provenCalls, again, frames := 0, 0, 0, 0
	for i := range n {
		text := randomProgram(r)
		p := assemble(t, text)
		f := p.fn()
		var labels []uint64
		for _, name := range sortedKeys(p.labels) {
			if p.at(name) < f.End {
				labels = append(labels, p.at(name))
			}
		}
		f.Jumps = map[uint64][]uint64{}
		var calls []uint64
		for off := f.Start + 8; off < f.End; off += 4 {
			switch w, _ := ppc64.Load(f.Code, off); {
			case w == 0x4e800420 && r.IntN(4) > 0:
				f.Jumps[off] = labels
			case w.IsBranch() && w.LK():
				calls = append(calls, off)
			}
		}
		ok := map[uint64]Verdict{}
		for j, v := range Analyse(f, calls) {
			ok[calls[j]] = v
			if v.Proven {
				provenCalls++
			}
		}
		if len(ok) == 0 {
			continue
		}
		for range 30 {
			m := newMachine(r, f)
			bad := m.walk(ok)
			checked, again, frames = checked+m.checked, again+m.again, frames+m.frames
			if bad != "" {
				t.Fatalf("program %d:\n%s\n%s\npath %x", i, text, bad, m.path)
			}
		}
	}
	t.Logf("%d proven calls, made %d times, %d second returns; %d calls with a frame", provenCalls, checked, again, frames)
	if provenCalls < n/20 || checked < n/4 || again < n/40 || frames < n/4 {
		t.Errorf("only %d proven calls, made %d times, %d second returns; %d calls with a frame", provenCalls, checked, again, frames)
	}
}

func sortedKeys(m map[string]uint64) (keys []string) {
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// randomProgram generates a function that is likely to save r2 and make calls.
func randomProgram(r *rand.Rand) string {
	reg := func() int { return []int{1, 2, 7, 8, 9, 30, 31}[r.IntN(7)] }
	base := func() int { return []int{1, 1, 1, 7, 8, 9, 30, 31}[r.IntN(8)] }
	low := func() int { return []int{7, 8, 9, 30, 31}[r.IntN(5)] }
	disp := func() int { return []int{0, 8, 16, 24, 24, 24, 32, 40, 28, 20, -8, -64, 64}[r.IntN(13)] }
	label := func() string { return fmt.Sprintf("l%d", r.IntN(6)) }
	kinds := []func() string{
		func() string { return "bl f" }, func() string { return "bl f" }, func() string { return "bl f" },
		func() string { return "std r2,24(r1)" }, func() string { return "std r2,24(r1)" },
		func() string { return "ld r2,24(r1)" },
		func() string { return "bctrl\nld r2,24(r1)" },
		func() string { return "bctrl" },
		func() string { return "bl f@notoc" },
		func() string { return fmt.Sprintf("mr r%d,r2", low()) },
		func() string { return fmt.Sprintf("mr r%d,r1", low()) },
		func() string { return fmt.Sprintf("mr r%d,r%d", reg(), reg()) },
		func() string { return fmt.Sprintf("ori r%d,r%d,0", reg(), reg()) },
		func() string { return fmt.Sprintf("std r%d,%d(r%d)", reg(), disp()&^3, base()) },
		func() string { return fmt.Sprintf("std r%d,24(r1)", low()) },
		func() string { return fmt.Sprintf("stw r%d,%d(r%d)", reg(), disp(), base()) },
		func() string { return fmt.Sprintf("stbu r%d,%d(r%d)", reg(), disp(), low()) },
		func() string { return fmt.Sprintf("ld r%d,%d(r%d)", low(), disp()&^3, base()) },
		func() string { return fmt.Sprintf("addi r%d,r%d,%d", low(), base(), disp()) },
		func() string { return fmt.Sprintf("li r%d,%d", low(), disp()) },
		func() string { return fmt.Sprintf("add r%d,r%d,r%d", low(), base(), low()) },
		func() string { return fmt.Sprintf("subf r%d,r%d,r%d", low(), low(), base()) },
		func() string { return fmt.Sprintf("rldicr r%d,r%d", low(), base()) },
		func() string { return fmt.Sprintf("stdx r%d,r%d,r%d", reg(), base(), low()) },
		func() string { return fmt.Sprintf("stvx r%d,r%d,r%d", reg(), base(), low()) },
		func() string { return fmt.Sprintf("stdux r%d,r1,r%d", low(), low()) },
		func() string { return "stdu r1,-64(r1)" },
		func() string { return fmt.Sprintf("addi r1,r%d,%d", base(), 32*r.IntN(4)) },
		func() string { return fmt.Sprintf("mr r1,r%d", low()) },
		func() string { return "ld r1,0(r1)" },
		func() string { return fmt.Sprintf("pstd r%d,%d(r%d)", reg(), disp(), base()) },
		func() string { return fmt.Sprintf("paddi r%d,r%d,%d", low(), base(), disp()) },
		func() string { return "sc" },
		func() string { return "beql f" },
		func() string { return "beqlr" },
		func() string { return "bctr" },
	}
	var b strings.Builder
	if r.IntN(8) > 0 {
		b.WriteString("stdu r1,-96(r1)\n")
	}
	if r.IntN(2) > 0 {
		b.WriteString("std r2,24(r1)\n")
	}
	n := 4 + r.IntN(16)
	at := map[int]string{}
	for i := range 6 {
		at[r.IntN(n)] += fmt.Sprintf("l%d:\n", i)
	}
	for i := range n {
		b.WriteString(at[i])
		switch r.IntN(10) {
		case 0:
			fmt.Fprintf(&b, "beq %s\n", label())
		case 1:
			fmt.Fprintf(&b, "%s %s\n", []string{"b", "bdnz", "bdnz", "bl", "beql"}[r.IntN(5)], label())
		default:
			// Prefer the first kinds, which are the interesting ones.
			b.WriteString(kinds[min(r.IntN(len(kinds)), r.IntN(len(kinds)*2))]() + "\n")
		}
	}
	return b.String() + "blr\n"
}

const (
	ownTOC = 0x0123456789abcd00
	stack  = uint64(0x7fff_0000_0000) // r1 at the entry
	depth  = 1 << 20
)

// machine executes a function.
type machine struct {
	r       *rand.Rand
	f       *Func
	gpr     [32]uint64
	mem     map[uint64]byte
	lr      uint64 // an address in the function, or 0
	path    []uint64
	checked int
	frames  int
	again   int
	proven  map[uint64]Verdict
	calls   []*made // calls that may return again
	failed  string

	returned bool // a call has just returned again
	over     bool // the program does something invalid
}

// A made is a call that may return again, with the registers that a callee
// preserves.
type made struct {
	pc, next uint64
	gpr      [32]uint64
}

func newMachine(r *rand.Rand, f *Func) *machine {
	m := &machine{r: r, f: f, mem: map[uint64]byte{}}
	for i := range m.gpr {
		m.gpr[i] = m.fresh()
	}
	m.gpr[1], m.gpr[2] = stack, ownTOC
	return m
}

// fresh returns a value that is unrelated to the stack.
func (m *machine) fresh() uint64 {
	if m.r.IntN(3) == 0 {
		return -uint64(16 * m.r.IntN(20))
	}
	return 1<<40 + m.r.Uint64N(1<<30)<<8
}

// store writes memory. If it writes the slot of a call that may return again
// through a register other than r1, no real program has that address, so that
// call does not return again.
func (m *machine) store(addr uint64, v uint64, size int, base uint32) {
	if base != 1 {
		m.calls = slices.DeleteFunc(m.calls, func(c *made) bool {
			return addr < c.gpr[1]+32 && c.gpr[1]+24 < addr+uint64(size)
		})
	}
	for i := range size {
		m.mem[addr+uint64(i)] = byte(v >> (8 * i))
	}
}

func (m *machine) load(addr uint64) (v uint64) {
	for i := range uint64(8) {
		v |= uint64(m.mem[addr+i]) << (8 * i)
	}
	return v
}

func inStack(v uint64) bool { return v > stack-depth && v <= stack+depth }

// walk executes up to 200 instructions. It stops early if the program does
// something invalid: r1 outside the stack, a return to nowhere.
func (m *machine) walk(ok map[uint64]Verdict) string {
	m.proven = ok
	pc, last, lr := m.f.Start+m.f.Entry.Offset(), uint64(0), uint64(0)
	for range 200 {
		if v, is := ok[pc-4]; is && !v.Entered && last != pc-4 && lr != pc {
			return fmt.Sprintf("%#x is entered from %#x", pc, last)
		}
		w, err := ppc64.Load(m.f.Code, pc)
		if err != nil || pc >= m.f.End || pc < m.f.Start {
			return ""
		}
		m.path = append(m.path, pc)
		sp := m.gpr[1]
		if ok[pc].Frame {
			m.frames++
			if sp > stack-32 {
				return fmt.Sprintf("call at %#x: r1 = entry %+d", pc, int64(sp-stack))
			}
		}
		if ok[pc].Proven {
			m.checked++
			if got := m.load(sp + 24); m.gpr[2] != ownTOC || got != ownTOC || sp > stack-32 {
				return fmt.Sprintf("call at %#x: r2 = %#x, 24(r1) = %#x, r1 = entry %+d", pc, m.gpr[2], got, int64(sp-stack))
			}
		}
		lr = m.lr
		next, goOn := m.step(pc, w)
		if m.failed != "" {
			return m.failed
		}
		// Popping a frame ends the calls made from it.
		m.calls = slices.DeleteFunc(m.calls, func(c *made) bool { return c.gpr[1] < m.gpr[1] })
		last = pc
		if m.returned {
			last, m.returned = next-4, false
		}
		if m.gpr[1] < sp && sp < stack && m.r.IntN(2) == 0 { // alloca, and then a signal handler that jumps back
			m.junk(sp)
			if to, ok := m.second(); ok {
				next, last, m.returned = to, to-4, false
			}
		}
		if !goOn || m.over || m.gpr[1] > stack || m.gpr[1] < stack-depth {
			return ""
		}
		pc = next
	}
	return ""
}

// junk writes the memory that was the slot before r1 moved down.
func (m *machine) junk(sp uint64) {
	for i := range uint64(8) {
		m.mem[sp+24+i] = 0x55
	}
}

// second makes a call return again.
func (m *machine) second() (next uint64, ok bool) {
	if len(m.calls) == 0 {
		return 0, false
	}
	m.returned = true
	c := m.calls[m.r.IntN(len(m.calls))]
	m.gpr = c.gpr
	m.clobber(0x1ff9)
	if w, _ := ppc64.Load(m.f.Code, c.pc); w.IsRegBranch() {
		m.gpr[2] = m.fresh()
	}
	m.lr = 0
	if w, _ := ppc64.Load(m.f.Code, c.next); w == ppc64.RestoreTOC && m.load(m.gpr[1]+24) != ownTOC {
		m.over = true // the original program loads a wrong r2
	}
	if v := m.proven[c.pc]; v.Proven {
		m.again++
		if got := m.load(m.gpr[1] + 24); got != ownTOC {
			m.failed = fmt.Sprintf("call at %#x returns again: 24(r1) = %#x", c.pc, got)
		}
	}
	return c.next, true
}

func (m *machine) step(pc uint64, w ppc64.Word) (uint64, bool) {
	next := pc + uint64(w.Len())
	if w.IsBranch() || w.IsCondBranch() || w.IsRegBranch() {
		return m.branch(pc, next, w)
	}
	if w.IsPrefix() {
		suffix, _ := ppc64.Load(m.f.Code, pc+4)
		addr := m.base(suffix.RA()) + uint64(ppc64.D34(w, suffix))
		if suffix.Opcode() == 14 { // paddi
			m.gpr[suffix.RT()] = addr
		} else {
			m.store(addr, m.gpr[suffix.RS()], 8, suffix.RA())
		}
		return next, true
	}
	rt, ra, rb := w.RT(), w.RA(), w.RB()
	switch w.Opcode() {
	case 14: // addi
		m.gpr[rt] = m.base(ra) + uint64(w.SI())
	case 17: // sc
		m.clobber(0x1ff9)
		return m.called(pc, next)
	case 24: // ori
		m.gpr[ra] = m.gpr[rt] | w.UI()
	case 30: // rldicr ra,rs,0,59
		m.gpr[ra] = m.gpr[rt] &^ 15
	case 36, 37: // stw
		m.store(m.base(ra)+uint64(w.D()), m.gpr[rt], 4, ra)
	case 38, 39: // stb, stbu
		addr := m.base(ra) + uint64(w.D())
		m.store(addr, m.gpr[rt], 1, ra)
		if w.Opcode() == 39 {
			m.gpr[ra] = addr
		}
	case 58: // ld
		addr := m.base(ra) + uint64(w.DS())
		v := m.load(addr)
		if inStack(v) && !(ra == 1 && w.DS() == 0) {
			v = m.fresh() // an address loaded from memory is that of a local variable
		}
		m.gpr[rt] = v
	case 62: // std, stdu
		addr := m.base(ra) + uint64(w.DS())
		m.store(addr, m.gpr[rt], 8, ra)
		if w.XODS() == 1 {
			m.gpr[ra] = addr
		}
	case 31:
		switch addr := m.base(ra) + m.gpr[rb]; w.XO() {
		case 149: // stdx
			m.store(addr, m.gpr[rt], 8, ra)
		case 181: // stdux
			if size := m.gpr[ra] - addr; ra == 1 && (size < 32 || size > 4096) {
				return 0, false // not an allocation
			}
			m.store(addr, m.gpr[rt], 8, ra)
			m.gpr[ra] = addr
		case 231: // stvx
			m.store(addr&^15, m.r.Uint64(), 8, ra)
			m.store(addr&^15+8, m.r.Uint64(), 8, ra)
		case 266: // add
			m.gpr[rt] = m.gpr[ra] + m.gpr[rb]
		case 40: // subf
			m.gpr[rt] = m.gpr[rb] - m.gpr[ra]
		case 444: // or
			m.gpr[ra] = m.gpr[rt] | m.gpr[rb]
		default:
			panic(fmt.Sprintf("%08x", uint32(w)))
		}
	default:
		panic(fmt.Sprintf("%08x", uint32(w)))
	}
	return next, true
}

func (m *machine) base(r uint32) uint64 {
	if r == 0 {
		return 0
	}
	return m.gpr[r]
}

func (m *machine) clobber(regs uint32) {
	for i := range m.gpr {
		if regs>>i&1 != 0 {
			m.gpr[i] = m.fresh()
		}
	}
}

func (m *machine) branch(pc, next uint64, w ppc64.Word) (uint64, bool) {
	if !w.BranchesAlways() && m.r.IntN(2) == 0 {
		return next, true
	}
	typ := uint32(0)
	for _, r := range m.f.Relocs {
		if r.Off == pc {
			typ = r.Type()
		}
	}
	target := pc + uint64(w.Displacement())
	switch {
	case w.IsRegBranch() && !w.LK() && w.XO() == 16: // blr
		return m.lr, m.lr != 0
	case w.IsRegBranch() && !w.LK(): // bctr
		to := m.f.Jumps[pc]
		if len(to) == 0 {
			return 0, false
		}
		return to[m.r.IntN(len(to))], true
	case !w.LK():
		return target, typ == 0
	case !w.IsRegBranch() && typ == 0: // bl within the function
		if target == next {
			return next, true
		}
		m.lr = next
		return target, true
	case w.IsRegBranch(): // bctrl
		m.gpr[2] = m.fresh()
	case m.gpr[2] != ownTOC && m.r.IntN(2) == 0: // the linker's stub
		m.store(m.gpr[1]+24, m.gpr[2], 8, 1)
	}
	if typ == 116 && m.r.IntN(2) == 0 { // NOTOC
		m.gpr[2] = m.fresh()
	}
	m.clobber(0x1ff9)
	m.lr = 0
	return m.called(pc, next)
}

// called continues after a call, which may return again, or another call may
// return instead.
func (m *machine) called(pc, next uint64) (uint64, bool) {
	m.calls = append(m.calls, &made{pc, next, m.gpr})
	if m.r.IntN(4) == 0 {
		return m.second()
	}
	return next, true
}
