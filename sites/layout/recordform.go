// SPDX-License-Identifier: BSD-3-Clause

package layout

var recordForms = [...]string{
	RecordConstant: "constant",
	RecordDirect:   "direct",
	RecordStack:    "stack",
	RecordPACA:     "paca",
	RecordSaveStub: "save-stub",
	RecordLinker:   "linker",
	RecordShadow:   "shadow",
	RecordKeep:     "keep",
}

// String returns the name of the form, as in docs/forms.md.
func (f RecordForm) String() string { return recordForms[f] }
