// SPDX-License-Identifier: BSD-3-Clause

package main

import (
	"debug/elf"

	"github.com/scpatch/scpatch/elfrw"
	"github.com/scpatch/scpatch/sites"
	"github.com/scpatch/scpatch/sites/image"
)

// A work is the plan of one file: of an object, or of a linked kernel image.
type work struct {
	decisions []sites.Decision
	keys      int // of the file
	added     int // entries of the table
	changes   func() bool
	apply     func() (*elfrw.Edit, error)
	check     func(*elfrw.File) error
	view      func(i int) siteView
	linked    bool // a program: nothing can be changed
}

// plan finds the sites of a file and decides what becomes of each.
func plan(f *elfrw.File, opts sites.Options) (*work, error) {
	switch elf.Type(f.Header().Type) {
	case elf.ET_EXEC, elf.ET_DYN:
		p, err := image.MakePlan(f, opts)
		if err != nil {
			return nil, err
		}
		return &work{
			p.Decisions, p.Keys, 0, p.Changes, p.Apply, p.Check,
			func(i int) siteView { return newImageView(p, i) }, false,
		}, nil
	}
	o, err := sites.Find(f)
	if err != nil {
		return nil, err
	}
	p, err := sites.MakePlan(o, opts)
	if err != nil {
		return nil, err
	}
	return &work{
		p.Decisions, len(o.Keys), p.NumAdded(), p.Changes, p.Apply, p.Check,
		func(i int) siteView { return newSiteView(p, i) }, false,
	}, nil
}

// views shows all sites.
func (w *work) views() []siteView {
	v := make([]siteView, len(w.decisions))
	for i := range v {
		v[i] = w.view(i)
	}
	return v
}
