// SPDX-License-Identifier: BSD-3-Clause

package sites

import (
	"fmt"

	"github.com/scpatch/scpatch/sites/cfg"
)

// proof returns what is known about a site.
func (d *decider) proof(s *Site) (proof, error) {
	err := d.prove()
	return *d.proofOf(s), err
}

// proofOf returns what prove has found out about a site.
func (d *decider) proofOf(s *Site) *proof { return &d.proofs[s.number] }

// prove fills in the proofs of all sites with a slot when it is first called.
func (d *decider) prove() error {
	if d.proofs != nil {
		return nil
	}
	o := d.Object
	d.proofs = make([]proof, len(o.Sites))
	text, err := d.text()
	if err != nil {
		return err
	}
	var asked []*Site
	for i := range o.Sites {
		if s := &o.Sites[i]; d.hasSlot(s) {
			if near, err := d.around(s); err != nil {
				return err
			} else if near.refused == NoReason {
				asked = append(asked, s)
			}
		}
	}
	d.ask(text, asked)
	return nil
}

// ask fills in the proofs of the given sites, which are in order of place.
func (d *decider) ask(text *cfg.Map, asked []*Site) {
	for len(asked) > 0 {
		sec, n := asked[0].Section, 0
		var calls []uint64
		for ; n < len(asked) && asked[n].Section == sec; n++ {
			calls = append(calls, asked[n].Off)
		}
		for j, v := range text.Prove(int(sec), calls) {
			p := proof{asked: true, proven: v.Proven, frame: v.Frame, entered: v.Entered, again: v.Again, reason: v.Reason}
			if v.Proven {
				p.reason = fmt.Sprintf("r2 is saved at +%#x", d.inFunction(asked[j], v.At))
			}
			*d.proofOf(asked[j]) = p
		}
		asked = asked[n:]
	}
}

// inFunction turns an offset in a site's section into one from its function.
func (d *decider) inFunction(s *Site, off uint64) uint64 {
	if s.Func != 0 {
		off -= d.Object.File.Symbol(int(s.Func)).Value
	}
	return off
}
