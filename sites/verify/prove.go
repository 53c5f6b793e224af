// SPDX-License-Identifier: BSD-3-Clause

package verify

import (
	"slices"

	"github.com/scpatch/scpatch/ppc64"
	"github.com/scpatch/scpatch/sites/cfg"
	"github.com/scpatch/scpatch/sites/errkind"
)

// prove asks package cfg for a proof of the save at each pending site.
func (v *verifier) prove() error {
	bySection := map[int][]pending{}
	var secs []int
	for _, p := range v.pending {
		if _, ok := bySection[p.sec]; !ok {
			secs = append(secs, p.sec)
		}
		bySection[p.sec] = append(bySection[p.sec], p)
	}
	if len(secs) == 0 {
		return nil
	}
	slices.Sort(secs)
	m, err := v.controlFlow(secs)
	if err != nil {
		return errkind.BadELF.Wrap(err)
	}
	if !v.object {
		for _, sec := range secs {
			v.linkerSaves(sec)
		}
	}
	v.tell(v.saves, m.Saves)
	v.tell(v.restores, m.Restores)
	for _, sec := range secs {
		sites := bySection[sec]
		calls := make([]uint64, len(sites))
		for i, s := range sites {
			calls[i] = s.off
		}
		for i, verdict := range m.Prove(sec, calls) {
			p := &sites[i]
			_, known := m.UsesTOC(sec, p.off)
			switch {
			case !p.saved && !verdict.Proven:
				v.fault(&p.site, errkind.R2NotSaved.Errorf("restores r2 without a save: %s", verdict.Reason))
			case !known: // stripped: it is not known which function the site is in
			case verdict.Entered:
				v.fault(&p.site, errkind.R2NotSaved.Errorf("something other than the call may lead to the restore after it"))
			case !verdict.Frame:
				v.fault(&p.site, errkind.R2NotSaved.Errorf("r2 is saved where the function may have no frame of its own"))
			}
		}
	}
	return nil
}

// linkerSaves finds the calls in an image's section that go through a linker's stub
// that saves r2: the linker wrote the restore after them. Calls in a table do not
// count, because a run time may redirect them.
func (v *verifier) linkerSaves(sec int) {
	base, saves := v.address[sec], map[uint64]bool{}
	code := v.file.Section(sec).Data()
	// What follows a truncated instruction is never executed.
	_ = ppc64.Walk(code, func(off uint64, w, _ ppc64.Word) bool {
		if !w.IsBranch() || !w.LK() || w.AA() {
			return true
		}
		if next, err := ppc64.Load(code, off+ppc64.WordSize); err != nil || next != ppc64.RestoreTOC || v.listed(base+off) {
			return true
		}
		to := base + off + uint64(w.Displacement())
		saved, ok := saves[to]
		if !ok {
			m := v.start(v.ownTOC(base + off))
			m.pc, m.lr = to, value{kind: returnTo}
			// It does not matter where the stub goes after the save: r1 stays
			// the caller's.
			saved = v.run(m, goal{every: true}).m.saved
			saves[to] = saved
		}
		if saved {
			v.saves = append(v.saves, base+off)
		}
		return true
	})
}

// listed reports whether a table names a site.
func (v *verifier) listed(at uint64) bool {
	return v.seen[place{at, false}] != 0 || v.seen[place{at, true}] != 0
}

// tell passes the addresses in known to note.
func (v *verifier) tell(known []uint64, note func(sec int, off uint64)) {
	for _, at := range known {
		if s, off, ok := v.code(at); ok {
			note(s.Index, off)
		}
	}
}

// controlFlow reads the ways into the functions of these sections.
func (v *verifier) controlFlow(secs []int) (*cfg.Map, error) {
	if v.object {
		return cfg.Read(v.file, secs)
	}
	return cfg.ReadImage(v.file, secs, v.toc)
}
