// SPDX-License-Identifier: BSD-3-Clause

package sites

import (
	"debug/elf"
	"slices"

	"github.com/scpatch/scpatch/elfrw"
	"github.com/scpatch/scpatch/reloc"
	"github.com/scpatch/scpatch/sites/errkind"
)

// shfRelaLivepatch marks relocations that the kernel applies when the object that a
// livepatch patches is loaded (Documentation/livepatch/module-elf-format.rst).
const shfRelaLivepatch = 0x00100000

// relaTables are the relocations of each section of a file. Nearly every
// section has one SHT_RELA section. A livepatch module has more for one
// section: one for the module loader, and others that the kernel applies later.
type relaTables struct {
	f      *elfrw.File
	edited []int32             // by section: the SHT_RELA section that may be edited, 0 without one
	all    map[int]reloc.Table // sections that have more than one table: the edited table, followed by the others
}

func findRelas(f *elfrw.File) (relaTables, error) {
	r := relaTables{f: f, edited: make([]int32, f.NumSections())}
	others := map[int][]int{}
	for i := 1; i < f.NumSections(); i++ {
		if f.SectionType(i) != elf.SHT_RELA {
			continue
		}
		s := f.Section(i)
		of, late := int(s.Info), s.Has(shfRelaLivepatch)
		switch prev := int(r.edited[of]); {
		case s.Size == 0 && (int(s.Link) != f.Symtab().Index || late || prev != 0):
		case !late && (prev == 0 || f.Section(prev).Size == 0):
			r.edited[of] = int32(i)
		default:
			others[of] = append(others[of], i)
		}
	}
	for of, list := range others {
		joined, err := r.editedTable(of)
		if err != nil {
			return r, err
		}
		joined = slices.Clip(joined)
		for _, i := range list {
			t, err := newTable(f.Section(i))
			if err != nil {
				return r, err
			}
			joined = append(joined, t...)
		}
		if r.all == nil {
			r.all = map[int]reloc.Table{}
		}
		r.all[of] = joined
	}
	return r, nil
}

func newTable(s elfrw.Section) (reloc.Table, error) {
	t, err := reloc.NewTable(s.Data())
	if err != nil {
		return nil, errkind.BadELF.Errorf("section %v: %w", s, err)
	}
	return t, nil
}

// editedTable returns the relocations of section sec that may be edited.
func (r *relaTables) editedTable(sec int) (reloc.Table, error) {
	i := int(r.edited[sec])
	if i == 0 {
		return nil, nil
	}
	t, err := reloc.NewTable(r.f.SectionData(i))
	if err != nil {
		return newTable(r.f.Section(i)) // the error with the section's name
	}
	return t, nil
}

// table returns all relocations of section sec, those that may be edited first.
func (r *relaTables) table(sec int) (reloc.Table, error) {
	if t, ok := r.all[sec]; ok {
		return t, nil
	}
	return r.editedTable(sec)
}

// inOrder reports whether the relocations of section sec are in order of place, as far as
// elfrw has looked.
func (r *relaTables) inOrder(sec int) bool {
	return r.all[sec] == nil && r.f.RelasInOrder(int(r.edited[sec]))
}

// has reports whether section sec has relocations.
func (r *relaTables) has(sec int) bool { return r.edited[sec] != 0 || r.all[sec] != nil }

// isEdited reports whether relocation i of section sec may be edited.
func (r *relaTables) isEdited(sec, i int) bool {
	if r.all[sec] == nil {
		return true // quick, because every site asks
	}
	t, _ := r.editedTable(sec) // findRelas has read it
	return i < t.Len()
}
