// SPDX-License-Identifier: BSD-3-Clause

package verify

import (
	"slices"

	"github.com/scpatch/scpatch/ppc64"
	"github.com/scpatch/scpatch/reloc"
	"github.com/scpatch/scpatch/sites/tocsave"
)

// prove asks for the save of each site whose restore depends on it.
func (v *verifier) prove() error {
	bySection := map[int][]pending{}
	var secs []int
	for _, p := range v.pending {
		if _, ok := bySection[p.sec]; !ok {
			secs = append(secs, p.sec)
		}
		bySection[p.sec] = append(bySection[p.sec], p)
	}
	slices.Sort(secs)
	for _, sec := range secs {
		sites := bySection[sec]
		calls := make([]uint64, len(sites))
		for i, s := range sites {
			calls[i] = s.off
		}
		for i, verdict := range v.proveSection(sec, calls) {
			if !verdict.Proven {
				v.fault(&sites[i].site, "restores r2 without a save: %s", verdict.Reason)
			}
		}
	}
	return nil
}

// proveSection analyses the functions around calls.
func (v *verifier) proveSection(sec int, calls []uint64) []tocsave.Verdict {
	verdicts := make([]tocsave.Verdict, len(calls))
	base := v.address[sec]
	for i, off := range calls {
		f, ok := v.around(base + off)
		if !ok {
			verdicts[i] = tocsave.Verdict{Reason: "no function symbol covers it"}
			continue
		}
		l, _ := ppc64.LocalEntryOf(f.other)
		fn := &tocsave.Func{Code: v.file.Section(sec).Data(), Start: f.addr - base, End: f.addr - base + f.size, Entry: l}
		if v.object {
			v.relas[sec].within(fn.Start, f.size, func(r reloc.Rela) bool { fn.Relocs = append(fn.Relocs, r); return true })
		}
		verdicts[i] = tocsave.Analyse(fn, []uint64{off})[0]
	}
	return verdicts
}
