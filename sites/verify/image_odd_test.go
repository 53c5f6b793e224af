// SPDX-License-Identifier: BSD-3-Clause

package verify

import (
	"encoding/binary"
	"path/filepath"
	"strings"
	"testing"

	"github.com/scpatch/scpatch/elfrw"
	"github.com/scpatch/scpatch/sites/errkind"
)

var static = linking{words: strings.Fields("-nostdlib -static -Wl,-e,0")}

// TestPacked has dynamic relocations in a SHT_RELR section.
func TestPacked(t *testing.T) {
	object := assemble(t, string(readFile(t, filepath.Join("testdata", "cells.S"))))
	link := linking{words: strings.Fields("-nostdlib -pie -Wl,-e,v_one,--pack-dyn-relocs=relr")}
	b := link.image(t, "lld", object)
	newMutableFile(t, b).header(".relr.dyn", shType)
	r, err := check(b, inUser)
	if err != nil || len(r.Faults) > 0 || r.Sites != 2 {
		t.Errorf("%+v, %v", r, err)
	}
}

// TestPackedSize has as many packed relocations as there are doublewords, and one more.
func TestPackedSize(t *testing.T) {
	b := static.image(t, "bfd", assemble(t, "\t.text\nx_code:\tnop\n\t.data\n\t.balign 8\nx_places:\t.skip 512\n\t.section .packed,\"a\",@progbits\n\t.balign 8\nx_packed:\t.rept 100\n\t.quad 1\n\t.endr\n"))
	f, err := elfrw.New(b)
	if err != nil {
		t.Fatal(err)
	}
	room := 0
	for i := range f.NumSections() {
		room += len(f.Section(i).Data()) / 8
	}
	for more := range 2 {
		d := newMutableFile(t, b)
		d.header(".packed", shType)[0] = byte(elfrw.SHTRelr)
		words := d.at("x_packed", 0)
		for n := room + more; n > 0; n -= 64 { // a place, and up to 63 after it
			binary.LittleEndian.PutUint64(words, d.symbol("x_places").Value)
			binary.LittleEndian.PutUint64(words[8:], 1<<min(n, 64)-1)
			words = words[16:]
		}
		_, err := check(d.b, Options{})
		if tooMany := err != nil && strings.Contains(err.Error(), "more relocations than there are doublewords"); tooMany != (more > 0) {
			t.Errorf("%d more than %d: %v", more, room, err)
		}
	}
}

// TestSectionAfterLast has a function in a section that does not exist.
func TestSectionAfterLast(t *testing.T) {
	d := newMutableFile(t, readFile(t, filepath.Join(buildForms(t), "bfd.lib.so")))
	d.header(".symtab", shType)[0] = 1 // .dynsym stands for it
	sites := func() int {
		t.Helper()
		r, err := check(d.b, inUser)
		if err != nil {
			t.Fatal(err)
		}
		return r.Sites
	}
	want := sites()
	d.imported("v_direct")[6] = byte(len(d.file.Sections))
	if got := sites(); got != want {
		t.Errorf("%d sites, want %d", got, want)
	}
}

// TestLocals has programs without keys, some with symbols of their own.
func TestLocals(t *testing.T) {
	for _, c := range []struct {
		name, text string
		opts       Options
		known      bool
	}{
		{"global symbols only", "\t.text\n\t.globl f\nf:\tnop\n", Options{}, false},
		{"global symbols only, and unpatched calls allowed", "\t.text\n\t.globl f\nf:\tnop\n", Options{AllowUnpatched: true}, false},
		{"a local symbol", "\t.text\n\t.globl f\nf:\tnop\nx_local:\tnop\n", Options{}, true},
		{"a file's name", "\t.file \"x.c\"\n\t.text\n\t.globl f\nf:\tnop\n", Options{}, true},
	} {
		r, err := check(static.image(t, "bfd", assemble(t, c.text)), c.opts)
		switch {
		case !c.known && errkind.Of(err) != errkind.NothingKnown:
			t.Errorf("%s: %+v, %v", c.name, r, err)
		case c.known && (err != nil || r.Sites != 0 || r.Unknown):
			t.Errorf("%s: %+v, %v", c.name, r, err)
		}
	}
}

// TestFaultKey wants the key named in a fault, if there is one.
func TestFaultKey(t *testing.T) {
	d := newMutableFile(t, readFile(t, filepath.Join(buildForms(t), "bfd.exe")))
	d.branch("v_direct.site", "f_other", 8)
	d.add("entry_stack", 0, 4, 2)
	r, err := check(d.b, inUser)
	if err != nil {
		t.Fatal(err)
	}
	keys := map[string]string{}
	for i := range r.Faults {
		keys[r.Faults[i].Symbol] = r.Faults[i].Key
	}
	if key, ok := keys[""]; keys["v_direct"] != "direct" || key != "" || !ok {
		t.Errorf("keys by function: %v", keys)
	}
}
