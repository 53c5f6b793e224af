// SPDX-License-Identifier: BSD-3-Clause

package sites

import (
	"encoding"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/scpatch/scpatch/sites/errkind"
)

// TestWords parses every name of an option, a form and a reason back, and rejects
// others.
func TestWords(t *testing.T) {
	for _, r := range []Runtime{Inline, Trampoline, None} {
		if got, err := ParseRuntime(r.String()); err != nil || got != r {
			t.Errorf("run time %v: %v, %v", r, got, err)
		}
	}
	if _, err := ParseRuntime("never"); err == nil || err.Error() != `unknown run time "never": want inline, trampoline or none` {
		t.Error(err)
	}
	for _, l := range []FinalLinker{AnyLinker, BFD, LLD, OtherLinker} {
		if got, err := ParseLinker(l.String()); err != nil || got != l {
			t.Errorf("linker %v: %v, %v", l, got, err)
		}
	}
	if _, err := ParseLinker("gold"); err == nil || err.Error() != `unknown linker "gold": want any, bfd, lld or other` {
		t.Error(err)
	}

	again := func(word encoding.TextMarshaler, read encoding.TextUnmarshaler) {
		t.Helper()
		text, err := word.MarshalText()
		if err != nil {
			t.Fatal(err)
		}
		if err := read.UnmarshalText(text); err != nil || reflect.ValueOf(read).Elem().Interface() != word {
			t.Errorf("%s: %v, %v", text, read, err)
		}
		if err := read.UnmarshalText([]byte("x" + string(text))); err == nil {
			t.Errorf("x%s was read as %v", text, read)
		}
	}
	forms := Forms()
	for i, f := range forms {
		if int(f) != i {
			t.Errorf("form %v is number %d", f, i)
		}
		again(f, new(Form))
	}
	if len(forms) != len(formNames) {
		t.Errorf("%d forms, %d names", len(forms), len(formNames))
	}
	all := Reasons()
	for i, r := range all {
		if int(r) != i+1 || r.Text() == "" {
			t.Errorf("reason %v is number %d: %q", r, i, r.Text())
		}
		again(r, new(Reason))
	}
	if len(all) != len(reasons)-1 {
		t.Errorf("%d reasons of %d", len(all), len(reasons)-1)
	}

	got, err := ParseForms("stack,linker", RestoreForms())
	if diff := cmp.Diff([]Form{Stack, Linker}, got); err != nil || diff != "" {
		t.Errorf("%v, %s", err, diff)
	}
	for _, list := range []string{"", "stack,", "stack,direct", "stick"} { // direct restores nothing
		if got, err := ParseForms(list, RestoreForms()); err == nil || !strings.HasSuffix(err.Error(), "want some of stack, paca, save-stub, linker, shadow") {
			t.Errorf("%q: %v, %v", list, got, err)
		}
	}
	for _, c := range []struct{ got, want string }{
		{TargetUnknown.String(), "unknown"}, {TargetNull.String(), "NULL"}, {TargetReturn0.String(), "return 0"}, {TargetFunc.String(), "function"},
		{errkind.Printable("name"), "name"}, {errkind.Printable("na\nme"), `"na\nme"`}, {errkind.Printable(`na"me`), `"na\"me"`},
		{(&Decision{Reason: NoSlot}).Why(), NoSlot.Text()},
		{(&Decision{Reason: NoSlot, words: &words{detail: "here"}}).Why(), NoSlot.Text() + " (here)"},
		{(&Decision{}).Proof() + (&Decision{}).Detail(), ""},
	} {
		if c.got != c.want {
			t.Errorf("%s, want %s", c.got, c.want)
		}
	}
}

// TestSay checks that a decision shares its words with the last one if they are the
// same.
func TestSay(t *testing.T) {
	var d decider
	first := d.say("proof", "detail")
	for _, c := range []struct {
		proof, detail string
		same          bool
	}{{"proof", "detail", true}, {"", "", false}, {"other", "detail", false}, {"other", "", false}, {"", "", false}, {"", "detail", false}} {
		w := d.say(c.proof, c.detail)
		if (w == first) != c.same {
			t.Errorf("%+v: %v", c, w)
		}
		if dec := (&Decision{words: w}); dec.Proof() != c.proof || dec.Detail() != c.detail {
			t.Errorf("%q, %q; want %q, %q", dec.Proof(), dec.Detail(), c.proof, c.detail)
		}
	}
}

// TestOptions checks the errors for options that contradict an object or each
// other, and the effect of valid ones.
func TestOptions(t *testing.T) {
	const (
		module = "	.section .gnu.linkonce.this_module,\"aw\"\n	.quad 0\n	.text\n"
		two    = "func second\nframe\nbl __SCT__elsewhere\nli 3,0\nunframe\nendfunc second\n"
		hidden = "key local, target, local\nlocaltramp local\nfunc third\nframe\nbl __SCT__local\nnop\nunframe\nendfunc third\n"
	)
	source := caller + foreignKey + trampNull
	for _, c := range []struct {
		name, text string
		opts       Options
		err        string
		place      Place
		size       int
		whole      bool
	}{
		{"kernel", source, Options{}, "", Kernel, 16, false},
		{"module", source, Options{Place: Module}, "", Module, 16, false},
		{"linked module", source + module, Options{}, "", Module, 16, true},
		{"linked module in user space", source + module, Options{Place: User}, "a linked kernel module cannot run in user space", 0, 0, false},
		{"entries of 8", source, Options{EntrySize: 8}, "", Kernel, 8, false},
		{"entries of 16", source, Options{EntrySize: 16}, "", Kernel, 16, false},
		{"entries of 4", source, Options{EntrySize: 4}, "an entry of the site table has 8 or 16 bytes, not 4", 0, 0, false},
		{"entries of another size in user space", source, Options{Place: User, EntrySize: 8}, "", User, 16, false},
		{"the table alone", source, Options{TableOnly: true}, "", Kernel, 16, false},
		{"the table alone, module", source, Options{TableOnly: true, Place: Module}, "the table alone is useful only in the kernel image, with --runtime inline", 0, 0, false},
		{"the table alone, trampolines", source, Options{TableOnly: true, Runtime: Trampoline}, "the table alone is useful only in the kernel image, with --runtime inline", 0, 0, false},
		{"a PACA in a module", source, Options{Place: Module, PACATOC: "16"}, "the PACA holds the TOC pointer of the kernel image, not of a module", 0, 0, false},
		{"required", source, Options{Require: []Form{Constant, Direct}}, "", Kernel, 16, false},
		{"required, the second site is not", source + two, Options{Require: []Form{Direct}}, `section ".text": second+0x14: R_PPC64_REL24: the form is keep, and --require allows only direct: ` + KeyMissing.Text(), 0, 0, false},
		{"required, one that has no relocation", source + hidden, Options{Require: []Form{Direct}}, `section ".text": third+0x14: the form is keep, and --require allows only direct: ` + NotAnnotated.Text(), 0, 0, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			p, err := plan(assemble(t, c.text), c.opts)
			switch {
			case c.err != "":
				if err == nil || err.Error() != c.err {
					t.Errorf("error is\n%v\nwant\n%s", err, c.err)
				}
			case err != nil:
				t.Error(err)
			case p.Place != c.place || p.env.entrySize != c.size || p.WholeProgram != c.whole:
				t.Errorf("%v, entries of %d bytes, whole program %v; want %v, %d, %v", p.Place, p.env.entrySize, p.WholeProgram, c.place, c.size, c.whole)
			}
		})
	}
	for size, want := range map[int]string{0: "", 16: "", 8: `section ".static_call_sites": +0x0: entries have 16 bytes, not the requested 8`} {
		if _, err := plan(memory(t, withTable), Options{EntrySize: size}); (err == nil) != (want == "") || err != nil && err.Error() != want {
			t.Errorf("entries of %d: %v", size, err)
		}
	}
}
