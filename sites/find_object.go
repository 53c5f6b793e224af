// SPDX-License-Identifier: BSD-3-Clause

package sites

import (
	"debug/elf"

	"github.com/scpatch/scpatch/elfrw"
	"github.com/scpatch/scpatch/sites/errkind"
	"github.com/scpatch/scpatch/sites/layout"
)

// newObject checks that the file is one that scpatch may work on.
func newObject(f *elfrw.File) (*Object, error) {
	if err := layout.CheckMachine(f); err != nil {
		return nil, err
	}
	h := f.Header()
	if typ := elf.Type(h.Type); typ != elf.ET_REL {
		return nil, errkind.WrongType.Errorf("file type is %v: only relocatable objects (ET_REL) can be patched", typ)
	}
	if err := layout.CheckABI(f); err != nil {
		return nil, err
	}
	if err := layout.CheckRelocations(f); err != nil {
		return nil, err
	}
	ir, fat, err := layout.IR(f)
	if err != nil {
		return nil, err
	}
	relas, err := findRelas(f)
	if err != nil {
		return nil, err
	}
	o := &Object{File: f, fat: fat, ir: ir, relas: relas, funcs: funcIndex{}}
	for i := 1; i < f.NumSections(); i++ {
		switch f.SectionType(i) {
		case elf.SHT_NULL, elf.SHT_GROUP, elf.SHT_SYMTAB, elf.SHT_STRTAB, elf.SHT_SYMTAB_SHNDX, elf.SHT_RELA:
			continue
		}
		switch s := f.Section(i); {
		case s.Named(tableName):
			o.tables.kernel = append(o.tables.kernel, i)
		case s.Named(userTable):
			o.tables.user = append(o.tables.user, i)
		case s.Named(layout.UserCells):
			o.tables.cells = append(o.tables.cells, i)
		case s.Named(trampKeyName):
			o.tables.trampKeys = append(o.tables.trampKeys, i)
		case s.Named(layout.RecordSection):
			o.tables.records = append(o.tables.records, i)
		case h.Flags&3 == 0 && s.Named(".opd"):
			return nil, errkind.WrongMachine.Errorf("section %v: function descriptors: this is an ELFv1 object (compile with -mabi=elfv2)", s)
		case s.Named(".gnu.linkonce.this_module"):
			o.isModule = true
		}
	}
	return o, nil
}
