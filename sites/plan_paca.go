// SPDX-License-Identifier: BSD-3-Clause

package sites

import (
	"debug/elf"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/scpatch/scpatch/ppc64"
)

// pacaForm tries bl X; ld r2,PACATOC(r13), where X is the trampoline.
func (d *decider) pacaForm(s *Site, _ proof) (Decision, Reason) {
	o := d.Object
	switch {
	case d.paca < 0 || !d.allows(PACA):
		return Decision{}, FormExcluded
	case s.Tramp < 0 || o.Tramps[s.Tramp].Entry != noStub:
		return Decision{}, TrampUndefined
	case !d.hasPACA(s):
		return Decision{}, NoPACA
	}
	// A trampoline that is defined elsewhere is still in the kernel image. If it had
	// local entry 1, no linker would accept this slot.
	tramp := o.File.Symbol(int(o.Tramps[s.Tramp].Sym))
	if l, err := ppc64.LocalEntryOf(tramp.Other); err != nil || !l.PreservesR2() {
		return Decision{}, TrampNeedsTOC
	}
	cost := int32(-1)
	if c := o.readTramp(int(s.Tramp)); c.known {
		cost = 1 + c.steps
	}
	return Decision{
		Form: PACA, Target: int32(tramp.Index), Word: branchWord(s), Slot: restorePACA(d.paca),
		Cost: cost, words: d.say(fmt.Sprintf("the PACA holds r2 at %d(r13)", d.paca), ""),
	}, NoReason
}

// Sections of code that runs after the PACA is set up, and in virtual mode.
// .init.text is not among them: it has prom_init and the first steps of early_setup.
var pacaSections = []string{".text", ".sched.text", ".spinlock.text", ".cpuidle.text", ".irqentry.text", ".softirqentry.text"}

// Kernel code that is in one of these sections but runs in real mode, or before or
// without the PACA: by the names of source files, if the object has them, and of
// functions.
var (
	pacalessFiles = []string{"book3s_hv_rm_", "book3s_hv_ras", "book3s_hv_hmi", "prom_init", "mce", "machine_kexec", "early"}
	pacalessFuncs = []string{"kvmppc_rm_", "kvmppc_realmode_", "kvmppc_hv_", "realmode_", "machine_check_", "mce_", "prom_", "early_", "kexec_"}
)

// hasPACA reports whether a site is in code that runs with the PACA.
func (d *decider) hasPACA(s *Site) bool {
	o := d.Object
	sec := o.SectionName(s)
	if !slices.Contains(pacaSections, sec) && !strings.HasPrefix(sec, ".text.") || s.Func == 0 {
		return false
	}
	if d.files == nil {
		d.files = o.sourceFiles()
	}
	file := d.files[int(s.Func)]
	starts := func(name string) func(string) bool {
		return func(prefix string) bool { return strings.HasPrefix(name, prefix) }
	}
	return !slices.ContainsFunc(pacalessFiles, starts(file)) && !slices.ContainsFunc(pacalessFuncs, starts(o.name(int(s.Func))))
}

// sourceFiles maps the functions around sites to the name of their source file, if the
// STT_FILE symbol before a local one gives it; in an object with one source file, that
// holds for the global ones too.
func (o *Object) sourceFiles() map[int]string {
	around := map[int]bool{}
	for i := range o.Sites {
		around[int(o.Sites[i].Func)] = true
	}
	files, file, n := map[int]string{}, "", 0
	for i := 1; i < o.File.NumSymbols(); i++ {
		switch s := o.File.Symbol(i); {
		case s.Type() == elf.STT_FILE:
			file = path.Base(string(o.File.SymbolName(s)))
			n++
		case around[i] && (s.Bind() == elf.STB_LOCAL || n == 1):
			files[i] = file
		}
	}
	return files
}
