// SPDX-License-Identifier: BSD-3-Clause

package sites

import (
	"debug/elf"

	"github.com/scpatch/scpatch/sites/errkind"
	"github.com/scpatch/scpatch/sites/layout"
)

// An environment says what a Place and a Runtime mean for sites. It is made
// once from the Options. Code that depends on where an object runs checks these
// fields, not the Place.
type environment struct {
	// What the run time does.
	keysFixed   bool // it changes no key
	repatches   bool // it sets every listed site to what its key holds, at any time, and restores r2 from the PACA
	mayRepatch  bool // it writes the sites that the table lists
	moduleTable bool // it reads the table of a module
	shortens    bool // it may replace the nop of a stub by a branch to a function of the unit

	// The table that it reads.
	userTable bool        // static_call_sites, a section for each section of code
	stubField bool        // an entry names the stub that the site falls back to
	keyReloc  elf.R_PPC64 // of an entry's key
	entrySize int         // bytes

	// The stubs.
	cells   bool // they go through cells and not through keys; see package layout
	unwinds bool // .eh_frame has to describe them
	shadow  bool // threads can have a stack of return addresses

	// What the object becomes part of.
	image        bool // part of the kernel image: one unit, with each key beside its trampoline, and with the PACA
	loader       bool // a module: the loader finds missing keys by their trampolines, and takes local entry 1 for 0
	preempts     bool // another unit's definition may take precedence over one of default visibility
	kernelScript bool // the kernel's linker script gathers the sections, and drops .discard.*
}

// newEnvironment fails if the options contradict each other or the object's
// table.
func newEnvironment(o *Object, opts Options) (environment, error) {
	size, err := entrySize(o, opts)
	if err != nil {
		return environment{}, err
	}
	inline, user, module := opts.Runtime == Inline, opts.Place == User, opts.Place == Module
	cells := inline && module && size == layout.EntrySize
	env := environment{
		keysFixed:   opts.Runtime == None,
		repatches:   inline && opts.Place == Kernel,
		mayRepatch:  inline && (!module || cells),
		moduleTable: inline && module,
		shortens:    inline && user,

		userTable: user,
		stubField: user || cells,
		keyReloc:  keyRelocType(size),
		entrySize: size,

		cells:   cells,
		unwinds: user,
		shadow:  user,

		image:        opts.Place == Kernel,
		loader:       module,
		preempts:     user,
		kernelScript: !user,
	}
	if user {
		env.keyReloc = elf.R_PPC64_ADDR64
	}
	return env, nil
}

// entrySize returns the size of an entry of the table that is written.
func entrySize(o *Object, opts Options) (int, error) {
	want, t := opts.EntrySize, o.Table
	switch {
	case opts.Place == User:
		return userEntrySize, nil
	case want != 0 && want != 8 && want != 16:
		return 0, errkind.WrongOption.Errorf("an entry of the site table has 8 or 16 bytes, not %d", want)
	case t != nil && want != 0 && want != t.EntrySize:
		return 0, errkind.WrongOption.Wrap(o.at(t.Section, 0, -1, "entries have %d bytes, not the requested %d", t.EntrySize, want))
	case t != nil:
		return t.EntrySize, nil
	case want != 0:
		return want, nil
	}
	return layout.EntrySize, nil
}

// checkKeys rejects a table of the kernel image that names a trampoline instead of its
// key: the kernel looks up the key only for entries of modules.
func (env environment) checkKeys(o *Object) error {
	if !env.repatches || o.Table == nil {
		return nil
	}
	for i := range o.Table.Entries {
		if sym := int(o.Table.Entries[i].KeySym); o.tramps.Of(sym) >= 0 {
			sec, off := o.Table.place(i)
			return errkind.BadTable.Wrap(o.at(sec, off, -1, "entry %d names %s instead of the key, which is right only in a module (--module)", i, errkind.Printable(o.name(sym))))
		}
	}
	return nil
}
