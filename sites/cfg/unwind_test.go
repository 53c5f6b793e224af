// SPDX-License-Identifier: BSD-3-Clause

package cfg

import (
	"debug/elf"
	"encoding/binary"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/scpatch/scpatch/elfrw"
)

func TestLEB128(t *testing.T) {
	continued := func(n int, last byte) []byte {
		b := make([]byte, n+1)
		for i := range n {
			b[i] = 0x80
		}
		b[n] = last
		return b
	}
	const unsigned, signed = false, true
	for _, tt := range []struct {
		name   string
		bytes  []byte
		signed bool
		want   uint64
		err    error
	}{
		{"one byte", []byte{0x7f}, unsigned, 127, nil},
		{"one byte, signed", []byte{0x3f}, signed, 63, nil},
		{"-1", []byte{0x7f}, signed, math.MaxUint64, nil},
		{"-64", []byte{0x40}, signed, math.MaxUint64 - 63, nil},
		{"three bytes", []byte{0xe5, 0x8e, 0x26}, unsigned, 624485, nil},
		{"three bytes, signed", []byte{0xc0, 0xbb, 0x78}, signed, math.MaxUint64 - 123455, nil},
		{"the sign at bit 62", continued(8, 0x40), signed, 3 << 62, nil},
		{"bit 62", continued(8, 0x40), unsigned, 1 << 62, nil},
		{"bit 63", continued(9, 1), unsigned, 1 << 63, nil},
		{"bit 64", continued(9, 2), unsigned, 0, errUnknown},
		{"the sign at bit 63", continued(9, 0x7f), signed, 1 << 63, nil},
		{"eleven bytes", continued(10, 0), unsigned, 0, errUnknown},
		{"eleven bytes, signed", continued(10, 0), signed, 0, errUnknown},
		{"cut short", []byte{0x80}, unsigned, 0, errCut},
	} {
		c := cursor{data: tt.bytes, end: uint64(len(tt.bytes))}
		got := c.leb128(tt.signed)
		if got != tt.want || (c.err == nil) != (tt.err == nil) || tt.err != nil && !strings.Contains(c.err.Error(), tt.err.Error()) {
			t.Errorf("%s: %#x, %v; want %#x, %v", tt.name, got, c.err, tt.want, tt.err)
		}
	}
}

// entry returns an entry of .eh_frame. id is its second field: 0 in a CIE, the
// distance to the CIE in an FDE.
func entry(id, body string) string {
	return fmt.Sprintf("\n .long 2f-1f\n1: .long %s\n %s\n2:", id, body)
}

// cieOf returns a CIE. ra is the column of the return address.
func cieOf(version, augmentation, ra, data string) string {
	return "\n.Lcie:" + entry("0", fmt.Sprintf(".byte %s; .string \"%s\"; %s; %s", version, augmentation, ra, data))
}

const factors = ".uleb128 4; .sleb128 -8"

// plain is a CIE of most compilers, with code addresses relative to the field.
var plain = cieOf("1", "zR", factors+"; .byte 65", ".uleb128 1; .byte 0x1b")

// absolute is one with addresses of 8 bytes.
var absolute = cieOf("1", "zR", factors+"; .byte 65", ".uleb128 1; .byte 0")

func fde(body string) string { return entry("1b-.Lcie", body) }

// TestUnwinding reads an .eh_frame of the functions f, g and h, which have 48
// bytes each and a proven call each, c1, c2 and c3.
func TestUnwinding(t *testing.T) {
	const f40 = ".long f-.; .long 40; .byte 0"
	const bad = `section ".eh_frame"`
	const noCIE = ": an entry without a CIE"
	version4 := func(sizes string) string {
		return cieOf("4", "zR", ".byte "+sizes+"; "+factors+"; .uleb128 65", ".uleb128 1; .byte 0x1b")
	}
	for _, tt := range []struct {
		name, frame string
		want        map[string]string // the start of the reasons of those that are not proven
	}{
		{"relative to the field", plain + fde(f40), nil},
		{"addresses of 8 bytes", absolute + fde(".quad f; .quad 40; .byte 0"), nil},
		{"no augmentation", cieOf("1", "", factors+"; .byte 65", "") + fde(".quad f; .quad 40"), nil},
		{"a personality", cieOf("1", "zPLR", factors+"; .byte 65", ".uleb128 7; .byte 0x1b; .long personality-.; .byte 0xff, 0x1b") + fde(f40), nil},
		{"no personality", cieOf("1", "zPLR", factors+"; .byte 65", ".uleb128 3; .byte 0xff, 0xff, 0x1b") + fde(f40), nil},
		{"a personality of unknown encoding", cieOf("1", "zPLR", factors+"; .byte 65", ".uleb128 7; .byte 0x5b; .long 0; .byte 0xff, 0x1b") + fde(f40),
			map[string]string{"c1": bad}},
		{"no exception table", cieOf("1", "zLR", factors+"; .byte 65", ".uleb128 2; .byte 0, 0x1b") + fde(".long f-.; .long 40; .uleb128 8; .quad 0"), nil},
		{"version 1 has a return address of one byte", cieOf("1", "zR", factors+"; .byte 0x81", ".uleb128 1; .byte 0x1b") + fde(f40), nil},
		{"version 3 has a LEB128 one", cieOf("3", "zR", factors+"; .byte 0xc1, 0", ".uleb128 1; .byte 0x1b") + fde(f40), nil},
		{"version 2", cieOf("2", "zR", factors+"; .byte 65", ".uleb128 1; .byte 0x1b") + fde(f40), map[string]string{"c1": bad}},
		{"version 4", version4("8, 0") + fde(f40), nil},
		{"version 4, addresses of 4 bytes", version4("4, 0") + fde(f40), map[string]string{"c1": bad}},
		{"version 4, with segments", version4("8, 4") + fde(f40), map[string]string{"c1": bad}},
		{"an augmentation without an end", "\n.Lcie:" + entry("0", ".byte 1, 0x7a, 0x52, 4, 120, 65, 1, 0x1b") + fde(f40), map[string]string{"c1": bad}},
		{"augmentation data of a CIE past its end", cieOf("1", "zR", factors+"; .byte 65", ".uleb128 2; .byte 0x1b") + fde(f40), map[string]string{"c1": bad}},
		{"augmentation data of a CIE too short", cieOf("1", "zRL", factors+"; .byte 65", ".uleb128 1; .byte 0x1b, 0xff") + fde(f40), map[string]string{"c1": bad}},
		{"augmentation data of an FDE past its end", plain + fde(".long f-.; .long 40; .uleb128 2; .byte 0"), map[string]string{"c1": bad}},
		{"an empty range", plain + fde(".long f-.; .long 0; .byte 0"), map[string]string{"c1": bad + "+0x11: an entry that extends past the code"}},
		{"a range past the code", plain + fde(".long f-.; .long 1000; .byte 0"), map[string]string{"c1": bad}},
		{"a range past the last address", absolute + fde(".quad g; .quad -8; .byte 0"), map[string]string{"c2": bad}},
		{"the end of one input", plain + "\n .long 0\n" + plain[len("\n.Lcie:"):] + fde(".long f-.; .long 1000; .byte 0"), map[string]string{"c1": bad}},
		{"a relocation at the end of one input", plain + fde(f40) + "\n .reloc ., R_PPC64_REL32, f\n .long 0",
			map[string]string{"c1": bad + "+0x22: relocations of something that is not a pointer"}},
		{"an entry of 3 bytes", "\n .long 3\n .byte 0, 0, 0" + plain + fde(f40), map[string]string{"c1": bad + "+0x0: not understood"}},
		{"an entry of 4 bytes", "\n .long 4, 0" + plain + fde(f40), nil},
		{"an entry of 64 bits", "\n .long -1" + plain + fde(f40), map[string]string{"c1": bad + "+0x0: not understood"}},
		{"the last entry past the end", plain + "\n .reloc ., R_PPC64_REL32, f\n .long 8", map[string]string{"c1": bad + "+0x11: not understood"}},
		{"no CIE", plain + entry("4", f40), map[string]string{"c1": bad + "+0x11" + noCIE}},
		{"no CIE and nothing that names the code", "\n .long 8, 0x100, 0" + plain + fde(".long f-.; .long 48; .byte 0"),
			map[string]string{"c2": bad + "+0x0" + noCIE, "c3": bad + "+0x0" + noCIE}},
		// The exception tables of entries that are not read may name any place as
		// a landing pad. Here they name f.
		{"exception tables that are not read", cieOf("1", "zX", factors+"; .byte 65", ".uleb128 1; .byte 0") +
			fde(".long g-.; .long 40; .uleb128 4; .long .Lt-.") + fde(".long g-.; .long 40; .uleb128 4; .long .Lt-.") +
			"\n .section .gcc_except_table,\"a\",@progbits\n.Lt: .quad f",
			map[string]string{"c1": bad + "+0x11" + noCIE, "c2": bad + "+0x11" + noCIE}},
		{"two sections", plain + fde(f40) + "\n .section .eh_frame,\"a\",@progbits,unique,1" +
			strings.ReplaceAll(plain+fde(".long g-.; .long 1000; .byte 0"), ".Lcie", ".Lcie2"), map[string]string{"c2": bad}},
		{"a section without content, and one that covers f", "\n .section .eh_frame,\"a\",@nobits,unique,1\n .zero 8\n .section .eh_frame,\"a\",@progbits,unique,2" +
			plain + fde(".long f-.; .long 48; .byte 0"), map[string]string{"c2": bad + " has no content", "c3": bad + " has no content"}},
	} {
		checkReasons(t, tt.name, unwound(t, tt.frame), tt.want)
	}

	// A compressed section may describe anything.
	b := unwound(t, plain+fde(f40))
	s, _ := newFile(t, b).SectionByName(".eh_frame")
	flags := b[newFile(t, b).Header().Shoff+64*uint64(s.Index)+8:]
	binary.LittleEndian.PutUint64(flags, binary.LittleEndian.Uint64(flags)|uint64(elf.SHF_COMPRESSED))
	all := bad + " has no content"
	checkReasons(t, "compressed", b, map[string]string{"c1": all, "c2": all, "c3": all})
}

func newFile(t *testing.T, b []byte) *elfrw.File {
	t.Helper()
	f, err := elfrw.New(b)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// unwound returns an object with an .eh_frame of its own.
func unwound(t *testing.T, frame string) []byte {
	t.Helper()
	var text strings.Builder
	for i, name := range []string{"f", "g", "h"} {
		fmt.Fprintf(&text, "begin %s\n save\n call c%d\n finish %s\n", name, i+1, name)
	}
	return assembleSource(t, text.String()+".section .eh_frame,\"a\",@progbits\n"+frame)
}

func checkReasons(t *testing.T, name string, b []byte, want map[string]string) {
	t.Helper()
	o, err := readObject(name, b)
	if err != nil {
		t.Errorf("%s: %v", name, err)
		return
	}
	places := o.places()
	for call, p := range places {
		v := o.m.Prove(p.sec, []uint64{p.off})[0]
		if v.Proven != (want[call] == "") || !strings.HasPrefix(v.Reason, want[call]) {
			t.Errorf("%s: %s: %q, want %q", name, call, v.Reason, want[call])
		}
	}
	if len(places) == 0 {
		t.Errorf("%s: no calls", name)
	}
}

// TestExceptionBudget gives seven functions one large exception table. The tables
// that are read may have twice the size of the file and 1 MiB, which is enough for
// six of them.
func TestExceptionBudget(t *testing.T) {
	var text strings.Builder
	want := map[string]string{"c7": "its exception table: overlapping exception tables"}
	for i := 1; i <= 7; i++ {
		fmt.Fprintf(&text, ".cfi_startproc\n .cfi_lsda 0x1b,.Lsda\n begin f%d\n save\n call c%d\n finish f%d\n .cfi_endproc\n", i, i, i)
	}
	checkReasons(t, "budget", assembleSource(t, text.String()+`
	.section .gcc_except_table,"a",@progbits
.Lsda:	.byte 0xff, 0xff, 1
	.uleb128 0x40000
	.zero 0x40000`), want)
}

// TestUnwindingOfNothing links an entry for an address where nothing is. The first
// section, which begins with code that has no symbol, is not what it describes.
func TestUnwindingOfNothing(t *testing.T) {
	o := link(t, "nop\n nop\n begin f\n save\n call c1\n finish f\n begin callee\n finish callee\n .section .eh_frame,\"a\",@progbits\n"+
		plain+fde(".long 0x20000000; .long 8; .byte 0")+"\n .long 0", "-e", "f")
	if o.secs[0] != 1 {
		t.Fatalf("the code is in section %d", o.secs[0])
	}
	if got := o.m.secs[1].fdes; len(got) != 0 {
		t.Errorf("code that has an entry: %+v", got)
	}
}
