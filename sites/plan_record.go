// SPDX-License-Identifier: BSD-3-Clause

package sites

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"github.com/scpatch/scpatch/sites/errkind"
	"github.com/scpatch/scpatch/sites/layout"
)

// toRecord lists the sites for which the object's records differ from the plan.
func (p *Plan) toRecord() ([]int32, error) {
	was, err := p.Object.records()
	if err == nil {
		err = p.sameAsBefore(was)
	}
	if err != nil || p.NoRecord {
		return nil, err
	}
	sites := make([]int32, 0, len(p.Decisions)-min(len(was), len(p.Decisions)))
	for i := range p.Decisions {
		s := &p.Object.Sites[i]
		if r, ok := was[addr{int(s.Section), s.Off}]; ok && r == p.recorded(i) {
			continue
		}
		if s.Off > math.MaxUint32 {
			return nil, errkind.BadCall.Wrap(p.Object.at(int(s.Section), s.Off, -1, "the section is larger than 4 GiB"))
		}
		sites = append(sites, int32(i))
	}
	return sites, nil
}

// sameAsBefore rejects an object that an earlier run has patched for another place: it
// would then be right for neither. It also rejects a change from the run time none,
// because the calls can no longer be found, and from inline to none, because the table
// would still name the calls.
func (p *Plan) sameAsBefore(was map[addr]recorded) error {
	var first addr
	found := false
	for at, r := range was {
		if r.place == p.Place && (r.runtime != None || p.Runtime == None) && (r.runtime != Inline || p.Runtime != None) {
			continue
		}
		if !found || cmp.Or(cmp.Compare(at.sec, first.sec), cmp.Compare(at.off, first.off)) < 0 {
			first, found = at, true
		}
	}
	if !found {
		return nil
	}
	r := was[first]
	return errkind.AlreadyPatched.Wrap(p.Object.at(first.sec, first.off, -1, "the call to %s was patched for %s, with --runtime %s", errkind.Printable(r.key), placeWords(r.place), r.runtime))
}

// placeWords also accepts unknown values, which a record of another version may have.
func placeWords(p Place) string {
	switch p {
	case Kernel:
		return "the kernel image"
	case Module:
		return "a module (--module)"
	case User:
		return "user space (--user)"
	}
	return fmt.Sprintf("place %d", uint8(p))
}

func (p *Plan) recorded(i int) recorded {
	return recorded{p.recordForm(i), p.Object.Keys[p.Object.Sites[i].Key].Name, p.Place, p.Runtime}
}

// recordForm returns the form of a site for a record, where forms have the same
// numbers. A site that stays on the stub of an earlier run is not on its
// trampoline.
func (p *Plan) recordForm(i int) layout.RecordForm {
	s, d := &p.Object.Sites[i], &p.Decisions[i]
	if d.Form == Keep && s.Tramp >= 0 {
		switch p.Object.Tramps[s.Tramp].Entry {
		case StubSave, StubNoTOC:
			return layout.RecordSaveStub
		case StubJump:
			return layout.RecordStack
		case StubShadow:
			return layout.RecordShadow
		}
	}
	return layout.RecordForm(d.Form)
}

// recordKeys returns the keys of sites, each once, in order. For each key, it sets its
// index in the result in numbers.
func (p *Plan) recordKeys(sites, numbers []int32) []int32 {
	for _, site := range sites {
		numbers[p.Object.Sites[site].Key] = -1
	}
	keys := make([]int32, 0, min(len(sites), len(numbers)))
	for _, site := range sites {
		if key := p.Object.Sites[site].Key; numbers[key] < 0 {
			numbers[key] = 0
			keys = append(keys, key)
		}
	}
	slices.Sort(keys)
	for i, key := range keys {
		numbers[key] = int32(i)
	}
	return keys
}

// recordTargets returns, for each of n keys, the symbol of the function that direct calls
// among the sites go to: the linker may drop the key, and verify must still have something
// to compare the calls with. The symbol is 0 if there is no such call, or if another
// object's definition may replace the function.
func (p *Plan) recordTargets(n int, sites, numbers []int32) []int32 {
	targets := make([]int32, n)
	for _, site := range sites {
		d, target := &p.Decisions[site], &targets[numbers[p.Object.Sites[site].Key]]
		if d.Form == Direct && *target != d.Target && !p.Object.givesWay(p.Object.File.Symbol(int(d.Target))) {
			*target = d.Target
		}
	}
	return targets
}

func recordFlags(s *Site, d *Decision) (flags uint8) {
	if s.Tail {
		flags |= layout.RecordTail
	}
	if s.NoTOC() {
		flags |= layout.RecordNoTOC
	}
	if d.Listed {
		flags |= layout.RecordListed
	}
	if s.Odd {
		flags |= layout.RecordOther
	}
	if s.Slot != SlotNone && !s.NoTOC() {
		flags |= layout.RecordSlot
	}
	return flags
}
