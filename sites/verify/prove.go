// SPDX-License-Identifier: BSD-3-Clause

package verify

import (
	"slices"

	"github.com/scpatch/scpatch/sites/textmap"
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
	if len(secs) == 0 {
		return nil
	}
	slices.Sort(secs)
	prove := v.proveImage
	if v.object {
		m, err := textmap.Read(v.file, secs)
		if err != nil {
			return err
		}
		prove = m.Prove
	}
	for _, sec := range secs {
		sites := bySection[sec]
		calls := make([]uint64, len(sites))
		for i, s := range sites {
			calls[i] = s.off
		}
		for i, verdict := range prove(sec, calls) {
			if !verdict.Proven {
				v.fault(&sites[i].site, "restores r2 without a save: %s", verdict.Reason)
			}
		}
	}
	return nil
}
