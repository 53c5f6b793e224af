// SPDX-License-Identifier: BSD-3-Clause

package sites

import (
	"slices"

	"github.com/scpatch/scpatch/sites/errkind"
	"github.com/scpatch/scpatch/sites/layout"
)

// MakePlan decides what becomes of each site. An error means that the object
// contradicts itself or the options. See [Object] for the use by several
// goroutines.
func MakePlan(o *Object, opts Options) (*Plan, error) {
	if o.isModule {
		switch opts.Place {
		case Kernel:
			opts.Place = Module
		case User:
			return nil, errkind.WrongOption.Errorf("a linked kernel module cannot run in user space")
		}
		opts.WholeProgram = true
	}
	if opts.TableOnly && (opts.Place != Kernel || opts.Runtime != Inline) {
		return nil, errkind.WrongOption.Errorf("the table alone is useful only in the kernel image, with --runtime inline")
	}
	env, err := newEnvironment(o, opts)
	if err != nil {
		return nil, err
	}
	if err := env.checkKeys(o); err != nil {
		return nil, err
	}
	p := &Plan{Object: o, Options: opts, Decisions: make([]Decision, len(o.Sites)), env: env, marked: map[int]bool{}}
	p.cellsNear = env.cells && p.areCellsNear()
	d, err := newDecider(p)
	if err != nil {
		return nil, err
	}
	for i := range o.Sites {
		dec, open, err := d.decide(&o.Sites[i])
		if err != nil {
			return nil, err
		}
		p.Decisions[i] = dec
		if open {
			d.open = append(d.open, i)
		}
	}
	if err := d.restore(); err != nil {
		return nil, err
	}
	d.leaveSites()
	for i := range o.Sites {
		if err := d.finish(i); err != nil {
			return nil, err
		}
	}
	d.listStubs()
	d.listPatchableStubs()
	if o.fat && p.patched() {
		return nil, layout.FatLTO(o.ir)
	}
	if p.Record, err = p.toRecord(); err != nil {
		return nil, err
	}
	return p, d.required()
}

// leaveSites leaves sites on their trampolines if only the table was asked for.
func (d *decider) leaveSites() {
	for i := range d.Decisions {
		if dec := &d.Decisions[i]; d.TableOnly && d.Object.Sites[i].Tramp >= 0 && dec.Listed {
			*dec = keep(&d.Object.Sites[i], TableOnly)
			dec.Listed = true
		}
	}
}

// finish compares a decision with what the site does now, and enters it in the table.
func (d *decider) finish(i int) error {
	s, dec := &d.Object.Sites[i], &d.Decisions[i]
	now, err := d.Object.current(s)
	if err != nil {
		return errkind.BadTable.Wrap(err)
	}
	if err := d.reconcile(s, now, dec); err != nil {
		return errkind.AlreadyPatched.Wrap(err)
	}
	d.needStubs(s, dec)
	if dec.Form == Linker && !dec.Done {
		d.marked[int(dec.Target)] = true
	}
	if dec.Listed && d.entryOf(s) < 0 {
		if d.Added == nil {
			d.Added = make([]int32, 0, len(d.Decisions)-i)
		}
		d.Added = append(d.Added, int32(i))
	}
	return nil
}

// required returns an error if a site has a form that was not asked for.
func (p *Plan) required() error {
	if p.Require == nil {
		return nil
	}
	for i := range p.Decisions {
		s, d := &p.Object.Sites[i], &p.Decisions[i]
		if slices.Contains(p.Require, d.Form) {
			continue
		}
		why := ""
		if d.Reason != NoReason {
			why = ": " + d.Why()
		}
		return errkind.RequiredForm.Wrap(p.Object.at(int(s.Section), s.Off, siteType(s), "the form is %s, and --require allows only %s%s", d.Form, JoinForms(p.Require), why))
	}
	return nil
}
