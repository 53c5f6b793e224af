// SPDX-License-Identifier: BSD-3-Clause

package verify

import (
	"cmp"
	"debug/elf"
	"fmt"
	"slices"
	"strings"

	"github.com/scpatch/scpatch/elfrw"
	"github.com/scpatch/scpatch/ppc64"
	"github.com/scpatch/scpatch/sites/errkind"
	"github.com/scpatch/scpatch/sites/layout"
)

// A Runtime is what changes keys while the program runs.
type Runtime = layout.Runtime

const (
	Inline     = layout.Inline     // patches the sites that the table names
	Trampoline = layout.Trampoline // patches trampolines or keys
	None       = layout.None       // nothing: no key ever changes
)

// Options are facts that the file cannot show. Without Module and User, the
// code runs where its record says; without a record, in the kernel image.
type Options struct {
	Runtime   Runtime
	Module    bool // the code runs in a kernel module; a linked module is recognized without this
	User      bool // the code runs in user space
	EntrySize int  // size in bytes of an entry of the kernel's table, 8 or 16; 0: found from the table

	// AllowUnpatched accepts calls to trampolines even if nothing says that
	// they were meant to stay.
	AllowUnpatched bool

	// PACATOC is the offset from r13 of the kernel's TOC pointer: a number in
	// bytes, or a symbol of the file that has it. A slot of the kernel image
	// may load r2 from there. If it is empty, no slot may.
	PACATOC string
}

// A Fault is an error at a site, or in a table entry that leads to no site.
type Fault struct {
	Section string // name
	Off     uint64 // bytes from the start of the section
	Symbol  string // the function that contains it, empty if unknown
	FuncOff uint64 // bytes from the function; from the section without one
	Key     string // without __SCK__, empty if unknown
	Kind    errkind.Kind
	What    string // what is wrong, as in the message
}

// String names the place and says what is wrong.
func (f *Fault) String() string {
	return fmt.Sprintf("section %q: %s+0x%x: %s", f.Section, errkind.Printable(f.Symbol), f.FuncOff, f.What)
}

// A Report is what Verify found.
type Report struct {
	Sites  int // number of entries of tables, sites that only the record names, and other calls to stubs and trampolines
	Direct int // how many of these do not go through the key
	Faults []Fault

	// Unknown says that there are keys or trampolines, but neither a table nor
	// a record, so patched calls cannot be seen.
	Unknown bool
}

// Verify compares every site of an object or an image with its key. An error
// means that the file cannot be checked; wrong sites are the Faults of the
// Report.
func Verify(f *elfrw.File, opts Options) (*Report, error) {
	p, err := open(f, opts)
	if err != nil {
		return nil, err
	}
	records, known, err := p.records()
	if err != nil {
		return nil, err
	}
	v := &verifier{program: p, recorded: records, seen: map[place]uint64{}, targets: map[uint64]*target{}, paca: -1}
	if opts.PACATOC != "" && p.kernel() {
		if v.paca, err = layout.PACATOC(f, opts.PACATOC); err != nil {
			return nil, err
		}
	}
	if err := v.findCells(); err != nil {
		return nil, err
	}
	tables, err := v.tables()
	if err != nil {
		return nil, err
	}
	slices.SortStableFunc(tables, userFirst)
	entries := 0
	for _, t := range tables {
		entries += v.table(t)
	}
	if entries == 0 && v.needsTable() && p.tramps > 0 {
		return nil, errkind.NoTable.Errorf("no entry of a site table, but %d trampolines (first %s): the patched object may not have been linked", p.tramps, errkind.Printable(p.first))
	}
	v.checkCells()
	v.recordedSites()
	v.stubCalls()
	v.unlistedCalls()
	if err := v.prove(); err != nil {
		return nil, err
	}
	unknown := !known && (entries == 0 || v.sites == 0) // entries may be of stubs only
	if unknown && len(v.faults) == 0 {
		if err := v.nothingKnown(entries); err != nil {
			return nil, err
		}
	}
	return v.report(unknown && v.traces > 0), nil
}

// userFirst puts the tables of user space before others: a run time may rewrite the sites
// in them, even if another table lists them, too.
func userFirst(a, b table) int {
	switch {
	case a.user == b.user:
		return 0
	case a.user:
		return -1
	}
	return 1
}

// report returns the first fault of each site, and the counts.
func (v *verifier) report(unknown bool) *Report {
	r := &Report{Sites: v.sites, Direct: v.direct, Unknown: unknown}
	slices.SortStableFunc(v.faults, func(a, b placedFault) int { return cmp.Compare(a.at, b.at) })
	for i, f := range v.faults {
		if i == 0 || f.at != v.faults[i-1].at { // the other faults there follow from this one
			r.Faults = append(r.Faults, f.Fault)
		}
	}
	return r
}

// A verifier is one run of Verify.
type verifier struct {
	*program
	sites    int
	direct   int
	recorded []recorded       // by place
	seen     map[place]uint64 // site → entry
	targets  map[uint64]*target
	faults   []placedFault
	pending  []pending
	bounded  bool  // the kernel's linker script bounds the table by symbols
	paca     int64 // offset of the kernel's TOC pointer, -1 if no slot may load it
	// Addresses for the proof: calls to code that saves r2, and loads of r2 from the
	// PACA.
	saves, restores []uint64

	byName layout.Parents    // see parents
	tramps map[string]uint64 // see trampolineOf

	shadows map[string][]uint64 // see checkShadow

	cellTables []table // see findCells
}

type placedFault struct {
	at uint64
	Fault
}

// A place is a site in one of the two kinds of tables.
type place struct {
	at   uint64
	user bool
}

// A pending site is right if its save is proven, or if code on the way makes the save.
// In the latter case the function must have a frame for it, and nothing else may lead
// to the restore.
type pending struct {
	site  site
	sec   int
	off   uint64
	saved bool // code on the way makes the save
}

// await leaves a site to the proof.
func (v *verifier) await(s *site, saved bool) {
	if sec, off, ok := v.code(s.at); ok {
		v.pending = append(v.pending, pending{*s, sec.Index, off, saved})
	}
}

// needsTable reports whether all calls have to be in the table, as in a kernel
// image that the run time patches.
func (v *verifier) needsTable() bool {
	return !v.object && v.kernel() && v.opts.Runtime == Inline
}

// nothingKnown returns an error for a file that has neither a table nor a record, but
// must have had sites: nothing else shows a site that calls its target directly. It
// must have had sites if it has stubs, or trampolines that only the file itself can
// call and does not. In a file without local symbols, even these may have no names; the
// entries of a table may still name the stubs.
func (v *verifier) nothingKnown(entries int) error {
	switch {
	case v.opts.AllowUnpatched && v.traces > 0:
	case entries > 0:
		return errkind.NothingKnown.Errorf("the table of sites names stubs only, and no record names the sites that call them: nothing is known about the sites")
	case v.patched():
		return errkind.NothingKnown.Errorf("there are keys or trampolines, but neither a table of sites nor a record of them: nothing is known about the sites")
	case v.traces > 0:
	case !v.object && !v.locals:
		return errkind.NothingKnown.Errorf("there are neither symbols of the program's own, nor a table of sites, nor a record of them: nothing is known about the sites")
	}
	return nil
}

// patched reports whether the file has a stub, or a trampoline that other files
// cannot call.
func (v *verifier) patched() bool {
	exported := map[string]bool{}
	for i := range v.dynamic {
		if s := &v.dynamic[i]; s.section != 0 {
			name, _, _ := strings.Cut(s.name, "@")
			exported[name] = true
		}
	}
	for i := range v.symbols {
		s := &v.symbols[i]
		if s.section == 0 || !v.isOurs(s.name) || strings.HasPrefix(s.name, layout.KeyPrefix) {
			continue
		}
		name, _, _ := strings.Cut(s.name, "@")
		others := exported[name] || v.object && s.bind != elf.STB_LOCAL
		if !strings.HasPrefix(s.name, layout.TrampPrefix) || !others {
			return true
		}
	}
	return false
}

// table checks the entries of a table and returns their number.
func (v *verifier) table(t table) int {
	n := int((t.to - t.from) / t.size)
	if (t.to-t.from)%t.size != 0 {
		v.fault(&site{at: t.from}, errkind.BadTable.Errorf("0x%x bytes are not a multiple of %d, the size of an entry", t.to-t.from, t.size))
	}
	if err := v.cut(t); err != nil {
		v.fault(&site{at: t.from}, err)
	}
	for i := range n {
		v.tableEntry(t, t.from+uint64(i)*t.size)
	}
	return n
}

// tableEntry checks an entry of a table, and the site or the stub that it is for.
func (v *verifier) tableEntry(t table, at uint64) {
	v.sites++
	s, err := v.entry(t, at)
	if err == nil {
		err = v.checkPlace(&s)
	}
	if err != nil {
		v.fault(&site{at: at}, err)
		return
	}
	if first, ok := v.seen[place{s.at, s.user}]; ok {
		v.secondEntry(t, &s, first)
		return
	}
	v.seen[place{s.at, s.user}] = at
	if err := v.checkKey(&s); err != nil {
		v.fault(&s, err)
		return
	}
	if s.user && s.at == s.stub {
		v.sites--
		v.stubEntry(&s)
		return
	}
	s.rec = v.record(s.at)
	v.checkSite(&s)
}

// secondEntry checks an entry for a site that another one names.
func (v *verifier) secondEntry(t table, s *site, first uint64) {
	// Functions that a linker folded into one have equal entries.
	if f, err := v.entry(t, first); err == nil && !v.object && f.key == s.key && f.flags == s.flags && (s.user || f.stub == s.stub) {
		v.sites--
		if err := v.checkStub(s, v.target(s.key), v.caller(s, branch{})); s.user && err != nil {
			v.fault(s, err)
		}
		return
	}
	v.fault(s, errkind.BadTable.Errorf("two entries name the site, %s and %s", v.name(first), v.name(s.entry)))
}

// stubEntry checks an entry that describes a stub itself.
func (v *verifier) stubEntry(s *site) {
	if err := v.checkOwnStub(s); err != nil {
		v.fault(s, err)
	} else if v.record(s.at) != nil {
		v.fault(s, errkind.BadRecord.Errorf("the record says that a stub's own entry is a site"))
	} else if w, _ := v.word(s.at); w != ppc64.Nop {
		v.fault(s, errkind.BadStub.Errorf("expected nop, which a run time may turn into a branch, found %v", w))
	}
}

// fault adds a fault of a site.
func (v *verifier) fault(s *site, err error) {
	f := Fault{Kind: errkind.Of(err), What: err.Error(), Key: v.keyName(s.key)}
	if sec, off, ok := v.locate(s.at); ok {
		f.Section, f.Off, f.FuncOff = sec.NameString(), off, off
		if sec.IsCode() {
			if fn, ok := v.around(s.at); ok {
				f.Symbol, f.FuncOff = fn.name, s.at-fn.addr
			}
		}
	}
	v.faults = append(v.faults, placedFault{s.at, f})
}

// keyName returns the name of a key without its prefix.
func (v *verifier) keyName(key uint64) string {
	name := v.names[key]
	if x := v.external(key); x != nil {
		name = x.name
	}
	for _, prefix := range []string{layout.KeyPrefix, layout.TrampPrefix} {
		if n, ok := strings.CutPrefix(name, prefix); ok {
			return n
		}
	}
	return ""
}

// target returns what the key of a site holds; many sites share one.
func (v *verifier) target(key uint64) *target {
	t, ok := v.targets[key]
	if !ok {
		held := v.holds(key)
		t = &held
		v.targets[key] = t
	}
	return t
}

// slot returns the word after a branch; false if it cannot be the slot.
func (v *verifier) slot(s *site) (ppc64.Word, bool) {
	at := s.at + ppc64.WordSize
	sec, off, ok := v.code(at)
	if !ok {
		return 0, false
	}
	if v.object && v.isRelocated(sec.Index, off, off+ppc64.WordSize) {
		return 0, false
	}
	w, ok := v.word(at)
	return w, ok
}
