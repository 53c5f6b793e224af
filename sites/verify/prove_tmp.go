// SPDX-License-Identifier: BSD-3-Clause

package verify

import (
	"github.com/scpatch/scpatch/ppc64"
	"github.com/scpatch/scpatch/sites/tocsave"
)

func (v *verifier) proveImage(sec int, calls []uint64) []tocsave.Verdict {
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
		verdicts[i] = tocsave.Analyse(fn, []uint64{off})[0]
	}
	return verdicts
}
