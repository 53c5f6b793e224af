// SPDX-License-Identifier: BSD-3-Clause

package sites

import (
	"encoding"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestWords reads every word of an option, a form and a reason again, and no others.
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

	got, err := ParseForms("stack,linker", Restoring())
	if diff := cmp.Diff([]Form{Stack, Linker}, got); err != nil || diff != "" {
		t.Errorf("%v, %s", err, diff)
	}
	for _, list := range []string{"", "stack,", "stack,direct", "stick"} { // direct restores nothing
		if got, err := ParseForms(list, Restoring()); err == nil || !strings.HasSuffix(err.Error(), "want some of stack, paca, save-stub, linker, shadow") {
			t.Errorf("%q: %v, %v", list, got, err)
		}
	}
	for _, c := range []struct{ got, want string }{
		{TargetUnknown.String(), "unknown"}, {TargetNull.String(), "NULL"}, {TargetReturn0.String(), "return 0"}, {TargetFunc.String(), "function"},
		{printable("name"), "name"}, {printable("na\nme"), `"na\nme"`}, {printable(`na"me`), `"na\"me"`},
		{(&Decision{Reason: NoSlot}).Why(), NoSlot.Text()},
		{(&Decision{Reason: NoSlot, words: &words{detail: "here"}}).Why(), NoSlot.Text() + " (here)"},
		{(&Decision{}).Proof() + (&Decision{}).Detail(), ""},
	} {
		if c.got != c.want {
			t.Errorf("%s, want %s", c.got, c.want)
		}
	}
}
