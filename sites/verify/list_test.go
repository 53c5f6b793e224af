// SPDX-License-Identifier: BSD-3-Clause

package verify

import (
	"debug/elf"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/scpatch/scpatch/elfrw"
	"github.com/scpatch/scpatch/ppc64"
)

// line describes a site: its place, the key and its target, and what the code
// does.
func (x *Seen) line() string {
	s := fmt.Sprintf("%s+0x%x: %s = %s: %v", x.Symbol, x.FuncOff, x.Key, x.Target, x.Form)
	if x.Callee != "" {
		s += " of " + x.Callee
	}
	if x.HasSlot {
		s += ", slot " + x.Slot.String()
	}
	for _, f := range []struct {
		set  bool
		name string
	}{{x.Tail, "tail"}, {x.NoTOC, "notoc"}, {x.Listed, "listed"}, {x.Recorded, "recorded"}} {
		if f.set {
			s += ", " + f.name
		}
	}
	return s
}

const recordList = `
v_direct+0x14: direct = f_hidden: direct of f_hidden, slot nop, recorded
v_pc+0xc: pc = f_single: direct of f_single, slot .long 0x386303e8, notoc, recorded
v_null+0x14: null = NULL: constant, slot nop, recorded
v_save+0x14: save = f_hidden: save-stub of __SCS__save, slot ld r2,24(r1), recorded
v_proven+0x18: proven = f_hidden: stack of __SCJ__proven, slot ld r2,24(r1), recorded
v_kept+0x14: kept = f_hidden: keep of __SCT__kept, slot ld r2,24(r1), recorded
v_again+0x14: again = f_hidden: linker of __SCT__again, slot ld r2,24(r1), recorded
v_named+0x14: named = f_hidden: direct of f_hidden, slot nop, recorded
v_dropped+0x14: dropped = ?: direct of f_hidden, slot nop, recorded
v_listed+0x18: listed = f_hidden: stack of __SCJ__listed, slot ld r2,24(r1), listed, recorded
v_shadow+0x14: shadow = f_hidden: shadow of __SCX__shadow, slot nop, recorded
v_tail+0x8: tail = f_hidden: direct of f_hidden, tail, recorded
`

const formsList = `
v_stack+0x18: stack = f_hidden: stack of f_hidden, slot ld r2,24(r1), listed
v_out+0x18: out = ext: stack of __SCJ__out, slot ld r2,24(r1), listed
v_null+0x18: null = NULL: constant, slot ld r2,24(r1), listed
v_ret0+0x18: ret0 = __static_call_return0: constant, slot ld r2,24(r1), listed
v_got+0x18: got = ext: stack of __SCJ__got, slot ld r2,24(r1), listed
v_direct+0x14: direct = f_hidden: direct of f_hidden, slot nop, listed
v_foreign+0x14: foreign = ext: direct of ext, slot ld r2,24(r1), listed
v_clobber+0x14: clobber = f_clobber: direct of f_clobber, slot ld r2,24(r1), listed
v_kept+0x14: kept = ext: keep of __SCT__kept, slot ld r2,24(r1), listed
v_pc+0xc: pc = f_single: direct of f_single, slot .long 0x386303e8, notoc, listed
v_pcout+0xc: pcout = ext: save-stub of __SCN__pcout, slot .long 0x386303e8, notoc, listed
v_twice+0x1c: twice = ext: stack of __SCJ__twice, slot ld r2,24(r1), listed
v_tail+0x8: tail = f_hidden: direct of f_hidden, tail, listed
v_pctail+0x0: pctail = f_single: direct of f_single, tail, notoc, listed
v_pcnull+0x0: pcnull = NULL: constant, tail, notoc, listed
`

// kernelList is the list for kernel.S with unlisted calls to trampolines.
const kernelList = `
v_direct+0x14: direct = f_target: direct of f_target, slot nop, listed
v_paca+0x14: paca = f_target: direct of f_target, slot .long 0xe84d0010, listed
v_null+0x14: null = NULL: constant, slot nop, listed
v_zero+0x14: zero = __static_call_return0: constant, slot nop, listed
v_through+0x14: direct = f_target: keep of __SCT__direct, slot nop
v_single+0x14: single = f_single: direct of f_other+0xc, slot nop, listed
v_far+0x14: far = f_target: direct of way_out, slot nop, listed
v_linker+0x14: linker = f_target: keep of __SCT__linker, slot ld r2,24(r1)
v_one+0xc: one = f_single: direct of f_single, slot nop, listed
v_tail+0x4: tail = f_single: keep of __SCT__tail (local entry), tail
v_tailnull+0x4: tailnull = NULL: constant, tail, listed
`

// TestList lists the sites of images.
func TestList(t *testing.T) {
	dir := buildForms(t)
	_, record := buildRecord(t)
	source, err := os.ReadFile(filepath.Join("testdata", "kernel.S"))
	if err != nil {
		t.Fatal(err)
	}
	edits := append(unlist("through, 2", "tail, 1"), "\tb f_single", "\tb __SCT__tail", `"bl __SCT__through"`, `"bl __SCT__direct"`, `"bl f_single"`, `"bl f_other+4"`,
		"__SCJ__far", "way_out", `caller far, 0, "bl f_target"`, `caller far, 0, "bl way_out"`, "table_end:", ".long v_direct.site-.,0\n.quad __SCK__direct-.\n.long 0")
	kernel := assemble(t, strings.NewReplacer(edits...).Replace(string(source)))
	for linker := range linkers {
		for _, c := range []struct {
			name string
			b    []byte
			opts Options
			want string
		}{
			{"record", record[linker], Options{}, recordList},
			{"forms", readFile(t, filepath.Join(dir, linker+".exe")), Options{User: true}, formsList},
			{"kernel", kernelLink.image(t, linker, kernel), Options{}, kernelList},
		} {
			f, err := elfrw.New(c.b)
			if err != nil {
				t.Fatal(err)
			}
			l, err := List(f, c.opts)
			if err != nil {
				t.Errorf("%s: %s: %v", linker, c.name, err)
				continue
			}
			d := newMutableFile(t, c.b)
			got, at := "\n", uint64(0)
			for i := range l.Sites {
				x := &l.Sites[i]
				got += x.line() + "\n"
				fn := d.symbol(x.Symbol)
				addr := d.file.Section(x.Section).Addr + x.Off
				if w, _ := ppc64.Load(d.at(x.Symbol, int64(x.FuncOff)), 0); addr != fn.Value+x.FuncOff || addr < at || w != x.Word {
					t.Errorf("%s: %s: section %s+0x%x, word %v: %s", linker, c.name, x.Section, x.Off, x.Word, x.line())
				}
				at = addr
			}
			if got != c.want {
				t.Errorf("%s: %s:%swant%s", linker, c.name, got, c.want)
			}
			user, keys := c.name != "kernel", strings.Count(c.want, "\n")-1
			if !user {
				keys-- // direct is there twice
			}
			if l.User != user || l.Keys != keys {
				t.Errorf("%s: %s: user space %v, %d keys", linker, c.name, l.User, l.Keys)
			}
		}
	}
}

// TestListErrors wants an error, not a list, for a file that cannot be read.
func TestListErrors(t *testing.T) {
	dir := buildForms(t)
	_, record := buildRecord(t)
	exe := readFile(t, filepath.Join(dir, "bfd.exe"))
	for name, c := range map[string]struct {
		b    []byte
		do   func(d *mutableFile)
		want string
	}{
		"machine":  {exe, func(d *mutableFile) { d.b[18] = 0 }, "want EM_PPC64"},
		"record":   {record["bfd"], func(d *mutableFile) { d.at("rec_head", 0)[0] = 0 }, "no record of static calls"},
		"table":    {exe, func(d *mutableFile) { d.header(".static_call_sites", shType)[0] = byte(elf.SHT_NOTE) }, "a site table has type SHT_PROGBITS"},
		"no code":  {exe, func(d *mutableFile) { d.add("entry_direct", 0, 4, d.distance("v_direct.site", "v_data")) }, "which is not code"},
		"odd site": {exe, func(d *mutableFile) { d.add("entry_direct", 0, 4, 2) }, "which is not a multiple of 4"},
	} {
		d := newMutableFile(t, c.b)
		c.do(d)
		f, err := elfrw.New(d.b)
		if err != nil {
			t.Fatal(err)
		}
		if l, err := List(f, Options{User: true}); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, %v, want %s", name, l, err, c.want)
		}
	}
}
