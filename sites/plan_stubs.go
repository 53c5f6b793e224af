// SPDX-License-Identifier: BSD-3-Clause

package sites

import (
	"maps"
	"slices"
)

// needStubs plans the stubs of a decision: the one that its branch names, and the one
// that its table entry names.
func (d *decider) needStubs(s *Site, dec *Decision) {
	if dec.Stub != noStub {
		dec.Target = int32(d.needStub(int(s.Key), dec.Stub))
	}
	if out := d.fallbackStub(s, dec); out != noStub {
		d.needStub(int(s.Key), out)
	}
	if d.env.shortens && (dec.Stub.stub() == StubSave || dec.Listed && !s.NoTOC()) && !d.isReadOnly(int(s.Key)) {
		d.patchableStubs[int(s.Key)] = true
	}
}

// listPatchableStubs adds the stubs that save r2 to the table. If the key holds a function
// of this unit, the run time makes the stub branch straight to it. A call to the stub is
// then nearly as good as a direct one, without a proof.
func (d *decider) listPatchableStubs() {
	if t := d.table(); t != nil {
		for i := range t.Entries {
			if e := &t.Entries[i]; e.OfStub {
				delete(d.patchableStubs, int(e.Key))
			}
		}
	}
	for _, key := range slices.Sorted(maps.Keys(d.patchableStubs)) {
		if d.Object.isPatchableStub(key) {
			d.PatchableStubs = append(d.PatchableStubs, key)
		}
	}
}

// needStub returns the symbol of a stub's entry, or plans the stub and returns
// 0.
func (d *decider) needStub(key int, e StubEntry) int {
	if sym := d.Object.stubSymbol(key, e); sym != 0 {
		return sym
	}
	if d.stubs == nil {
		d.stubs = make([]uint8, len(d.Object.Keys))
	}
	d.stubs[key] |= 1 << e.stub()
	return 0
}

// listStubs lists the stubs that needStub has planned.
func (d *decider) listStubs() {
	for key, kinds := range d.stubs {
		for kind := StubSave; kind <= StubShadow; kind++ {
			if kinds>>kind&1 != 0 {
				d.Stubs = append(d.Stubs, Stub{key, kind})
			}
		}
	}
}
