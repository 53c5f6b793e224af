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
	m, err := v.textmap(secs)
	if err != nil {
		return err
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
			if !verdict.Proven {
				v.fault(&sites[i].site, "restores r2 without a save: %s", verdict.Reason)
			}
		}
	}
	return nil
}

// tell passes what is known of addresses on.
func (v *verifier) tell(known []uint64, note func(sec int, off uint64)) {
	for _, at := range known {
		if s, off, ok := v.code(at); ok {
			note(s.Index, off)
		}
	}
}

func (v *verifier) textmap(secs []int) (*textmap.Map, error) {
	if v.object {
		return textmap.Read(v.file, secs)
	}
	return textmap.ReadImage(v.file, secs, v.toc)
}
