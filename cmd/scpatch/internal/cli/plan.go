// SPDX-License-Identifier: BSD-3-Clause

package cli

import (
	"debug/elf"

	"github.com/scpatch/scpatch/cmd/scpatch/internal/report"
	"github.com/scpatch/scpatch/elfrw"
	"github.com/scpatch/scpatch/sites"
	"github.com/scpatch/scpatch/sites/image"
)

// A filePlan is the plan for one file: an object or a linked kernel image.
type filePlan interface {
	report.Sites
	NumAdded() int // entries of the table
	Changes() bool
	Apply() (*elfrw.Edit, error)
	Check(out *elfrw.File) error
}

// makePlan finds the sites of a file and decides what becomes of each.
func makePlan(f *elfrw.File, opts sites.Options) (filePlan, error) {
	if isLinked(f) {
		p, err := image.MakePlan(f, opts)
		if err != nil {
			return nil, err
		}
		return report.ImageSites{Plan: p}, nil
	}
	o, err := sites.Find(f)
	if err != nil {
		return nil, err
	}
	p, err := sites.MakePlan(o, opts)
	if err != nil {
		return nil, err
	}
	return report.ObjectSites{Plan: p}, nil
}

// isLinked reports whether a file is a program, a library or a kernel image.
func isLinked(f *elfrw.File) bool {
	typ := elf.Type(f.Header().Type)
	return typ == elf.ET_EXEC || typ == elf.ET_DYN
}
