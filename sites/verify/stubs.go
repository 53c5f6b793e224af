// SPDX-License-Identifier: BSD-3-Clause

package verify

import (
	"debug/elf"
	"strings"

	"github.com/scpatch/scpatch/ppc64"
	"github.com/scpatch/scpatch/sites/errkind"
	"github.com/scpatch/scpatch/sites/layout"
)

var stubPrefixes = []string{layout.SaveStubPrefix, layout.JumpStubPrefix, layout.NoTOCStubPrefix}

// stubName returns the name of the key in a stub's name.
func stubName(name string) (string, bool) {
	for _, prefix := range stubPrefixes {
		if key, ok := strings.CutPrefix(name, prefix); ok && key != "" {
			return key, true
		}
	}
	return "", false
}

// stubCalls checks the unlisted calls to stubs. Because the stub makes the
// save, such a call always goes through its key, and there is nothing to patch.
func (v *verifier) stubCalls() {
	stubs := map[uint64]string{}
	for i := range v.symbols {
		if s := &v.symbols[i]; s.section != 0 && s.typ != elf.STT_SECTION {
			if key, ok := stubName(s.name); ok {
				stubs[s.addr] = key
			}
		}
	}
	if len(stubs) == 0 {
		return
	}
	v.branches(func(at uint64, w ppc64.Word, to uint64) {
		key, ok := stubs[to]
		if !ok || v.listed(at) || v.record(at) != nil {
			return
		}
		if _, inside := v.around(at); inside { // the assembler's padding branches over itself
			v.stubCall(at, w, to, key)
		}
	})
}

// branches visits the relative branches of all code with their targets.
func (v *verifier) branches(visit func(at uint64, w ppc64.Word, to uint64)) {
	for start, sec := range v.memory.Sections() {
		if !sec.IsCode() {
			continue
		}
		// What follows a truncated instruction is never executed.
		_ = ppc64.Walk(sec.Data(), func(off uint64, w, _ ppc64.Word) bool {
			if at := start + off; w.IsBranch() && !w.AA() {
				visit(at, w, v.branchAt(at, w).to)
			}
			return true
		})
	}
}

// unlistedCalls finds the calls to trampolines, direct or through a linker's stub,
// that are neither in a table nor in a record: they were not patched. In a kernel
// image, all calls have to be in the table: when a key comes to hold a function of a
// module, no run time patches other calls, and nothing restores r2 after them, unless
// the linker's stub saves r2 and the slot loads it (ELFv2 §2.2.1). A caller that
// keeps no TOC pointer needs no restore.
func (v *verifier) unlistedCalls() {
	v.trampolineCalls(func(at uint64, w ppc64.Word, tramp string, saves bool) {
		rec := v.record(at)
		if rec != nil && !v.needsTable() {
			return
		}
		slot, _ := v.word(at + ppc64.WordSize)
		s := site{at: at, key: v.keyNamed(strings.TrimPrefix(tramp, layout.TrampPrefix))}
		restored := saves && w.LK() && slot == ppc64.RestoreTOC || v.caller(&s, v.branchAt(at, w)).noTOC
		if rec == nil {
			v.sites++
		}
		switch {
		case v.needsTable() && !restored:
			v.fault(&s, errkind.NotListed.Errorf("calls %s, but no entry of the table names the call", errkind.Printable(tramp)))
		case rec == nil && !v.opts.AllowUnpatched:
			v.fault(&s, errkind.NotPatched.Errorf("calls %s: nothing says that it was patched, or was meant to stay", errkind.Printable(tramp)))
		}
	})
}

// trampolineCalls visits the calls to trampolines that no table lists, with the
// trampoline's name, and whether r2 is saved on the way.
func (v *verifier) trampolineCalls(visit func(at uint64, w ppc64.Word, tramp string, saves bool)) {
	if v.traces == 0 {
		return
	}
	type way struct {
		tramp string // empty if there is none
		saves bool
	}
	ways := map[uint64]way{} // by their first address
	v.branches(func(at uint64, w ppc64.Word, to uint64) {
		// Outside of ordinary code, a branch that does not set LR is a stub's
		// jump.
		if v.ordinary(to) || v.listed(at) || !w.LK() && !v.ordinary(at) {
			return
		}
		x, ok := ways[to]
		if !ok {
			x.tramp, x.saves = v.leadsToTrampoline(at, to)
			ways[to] = x
		}
		if x.tramp != "" {
			visit(at, w, x.tramp, x.saves)
		}
	})
}

// ordinary reports whether code belongs to a function that is neither a trampoline,
// under any name, nor a linker's stub.
func (v *verifier) ordinary(at uint64) bool {
	if _, ok := v.entries[at]; ok {
		return false
	}
	fn, ok := v.around(at)
	return ok && fn.size > 0 && !isLinkerStub(fn.name) && !strings.HasPrefix(fn.name, layout.TrampPrefix)
}

// leadsToTrampoline returns the name of the trampoline that a branch leads to, and
// whether r2 is saved on the way. A linker's stub branches to the trampoline, and so
// goes through its key; for a distant trampoline it jumps through an address in a
// table.
func (v *verifier) leadsToTrampoline(at, to uint64) (name string, saves bool) {
	if name, ok := v.trampolineAt(to); ok {
		return name, false
	}
	if v.object {
		return "", false
	}
	m := v.start(v.ownTOC(at))
	m.pc, m.lr = to, value{kind: returnTo}
	o := v.run(m, goal{every: true, any: true})
	switch {
	case o.ending == elsewhere:
		name, ok := v.trampolineAt(o.at)
		if !ok {
			return "", false
		}
		return name, o.m.saved
	case o.ending != through:
		return "", false
	}
	// Without a trampoline on the path, this is one of scpatch's stubs whose
	// name is gone.
	if o.tramp && strings.HasPrefix(v.names[o.m.ctr.n], layout.KeyPrefix) {
		return layout.TrampPrefix + v.keyName(o.m.ctr.n), o.m.saved
	}
	if c := v.doubleword(o.m.ctr.n); c.known {
		if name, ok := v.trampolineAt(c.addr); ok {
			return name, o.m.saved
		}
	}
	return "", false
}

// trampolineAt returns the name of the trampoline around an address.
func (v *verifier) trampolineAt(at uint64) (string, bool) {
	if x := v.external(at); x != nil {
		return x.name, strings.HasPrefix(x.name, layout.TrampPrefix)
	}
	if name, ok := v.entries[at]; ok {
		return name, true
	}
	fn, ok := v.around(at)
	if !ok || !strings.HasPrefix(fn.name, layout.TrampPrefix) {
		return "", false
	}
	return fn.name, true
}

// stubCall checks one call. Its key is the one that the stub loads, whose name
// the stub must have.
func (v *verifier) stubCall(at uint64, w ppc64.Word, stub uint64, key string) {
	v.sites++
	s := site{at: at}
	if !w.LK() {
		s.flags = layout.FlagTail
	}
	m := v.start(v.caller(&s, v.branchAt(at, w)).toc)
	m.pc, m.lr = stub, value{kind: returnTo}
	s.key = v.loadsFrom(m)
	switch {
	case s.key == 0:
		v.fault(&s, errkind.BadStub.Errorf("calls %s, which does not go through a key", v.name(stub)))
	case !sameKey(v.keyName(s.key), key):
		v.fault(&s, errkind.BadStub.Errorf("calls %s, which goes through %s", v.name(stub), v.name(s.key)))
	default:
		v.checkSite(&s)
	}
}

// loadsFrom returns the doubleword that code jumps through, or another unit's
// trampoline that it jumps to; 0 if there is neither.
func (v *verifier) loadsFrom(m machine) uint64 {
	switch o := v.run(m, goal{every: true}); {
	case o.ending == through:
		return o.m.ctr.n
	case o.ending == elsewhere && v.isTrampoline(o.at):
		return o.at
	}
	return 0
}
