// SPDX-License-Identifier: BSD-3-Clause

package tocsave

import (
	"debug/elf"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/scpatch/scpatch/ppc64"
	"github.com/scpatch/scpatch/reloc"
)

// program is a function in the small assembly language of the tests: the syntax
// of GNU as, a subset of its instructions, "name:" for a place, and after a "|"
// the expected verdict: "yes", or the reason.
//
// Branches to names that are not places have relocations: R_PPC64_REL24, or
// R_PPC64_REL24_NOTOC for name@notoc. "{SEQ}", "{CALL}" and "{CALLN}" before an
// instruction are the markers of an inline PLT sequence, "{X}" is a relocation
// that changes the word.
type program struct {
	code   []byte
	labels map[string]uint64
	relocs []reloc.Rela
	calls  []uint64
	want   []string
	source []string // for GNU as, one instruction a line
	places []uint64 // of these lines
}

// forms lists the instructions: the fixed bits, and where the operands go.
var forms = map[string]struct {
	word     ppc64.Word
	operands string
}{
	"nop":     {0x60000000, ""},
	"blr":     {0x4e800020, ""},
	"bctr":    {0x4e800420, ""},
	"bctrl":   {0x4e800421, ""},
	"beqlr":   {0x4d820020, ""},
	"trap":    {0x7fe00008, ""},
	"sc":      {0x44000002, ""},
	"rfid":    {0x4c000024, ""},
	"ld":      {58 << 26, "T DS A"},
	"ldu":     {58<<26 | 1, "T DS A"},
	"std":     {62 << 26, "T DS A"},
	"stdu":    {62<<26 | 1, "T DS A"},
	"lwz":     {32 << 26, "T D A"},
	"stw":     {36 << 26, "T D A"},
	"stb":     {38 << 26, "T D A"},
	"stbu":    {39 << 26, "T D A"},
	"stmw":    {47 << 26, "T D A"},
	"addi":    {14 << 26, "T A I"},
	"addis":   {15 << 26, "T A I"},
	"addic":   {12 << 26, "T A I"},
	"li":      {14 << 26, "T I"},
	"ori":     {24 << 26, "A T I"},
	"mr":      {31<<26 | 444<<1, "A TB"},
	"or":      {31<<26 | 444<<1, "A T B"},
	"add":     {31<<26 | 266<<1, "T A B"},
	"subf":    {31<<26 | 40<<1, "T A B"},
	"rldicr":  {30<<26 | 0x6e4, "A T"}, // the other operands are fixed: rldicr RA,RS,0,59
	"cmpd":    {31<<26 | 1<<21, "A B"},
	"stdx":    {31<<26 | 149<<1, "T A B"},
	"stdux":   {31<<26 | 181<<1, "T A B"},
	"ldx":     {31<<26 | 21<<1, "T A B"},
	"stvx":    {31<<26 | 231<<1, "T A B"},
	"stxvd2x": {31<<26 | 972<<1, "T A B"},
	"mtctr":   {0x7c0903a6, "T"},
	"mflr":    {0x7c0802a6, "T"},
	"b":       {18 << 26, "L"},
	"bl":      {18<<26 | 1, "L"},
	"beq":     {0x41820000, "l"},
	"bdnz":    {0x42000000, "l"},
	"beql":    {0x41820001, "l"},
	"bcl":     {0x429f0001, "l"}, // bcl 20,31
	".long":   {0, "W"},
	"pld":     {0x04000000, "pe4 T D A"},
	"pstd":    {0x04000000, "pf4 T D A"},
	"paddi":   {0x06000000, "p38 T A I"},
}

var asmLine = regexp.MustCompile(`^(?:\{(\w+)\} *)?(\.?\w+) *(.*)$`)

// assemble parses and assembles a program.
func assemble(t testing.TB, text string) *program {
	t.Helper()
	p := &program{labels: map[string]uint64{}}
	type fixup struct {
		off  uint64
		name string
		base string // subtracted from the place
	}
	var fixups []fixup
	for line := range strings.Lines(text) {
		line, want, judged := strings.Cut(strings.TrimSpace(line), "|")
		line = strings.TrimSpace(line)
		if name, rest, ok := strings.Cut(line, ":"); ok {
			p.labels[name] = uint64(len(p.code))
			line = strings.TrimSpace(rest)
		}
		m := asmLine.FindStringSubmatch(line)
		if m == nil {
			continue
		}
		form, ok := forms[m[2]]
		if !ok {
			t.Fatalf("no instruction %q", line)
		}
		off := uint64(len(p.code))
		if judged {
			p.calls = append(p.calls, off)
			p.want = append(p.want, strings.TrimSpace(want))
		}
		mark := map[string]elf.R_PPC64{
			"SEQ": elf.R_PPC64_PLTSEQ, "CALL": elf.R_PPC64_PLTCALL, "CALLN": elf.R_PPC64_PLTCALL_NOTOC, "X": elf.R_PPC64_TOC16_LO_DS,
		}
		if m[1] != "" {
			p.relocs = append(p.relocs, reloc.MakeRela(off, 1, uint32(mark[m[1]]), 0))
		}
		w, prefix := form.word, false
		args := strings.FieldsFunc(m[3], func(r rune) bool { return strings.ContainsRune(",() ", r) })
		for _, op := range strings.Fields(form.operands) {
			if op[0] == 'p' {
				w.Put(p.grow())
				n, _ := strconv.ParseUint(op[1:], 16, 32)
				w, prefix = ppc64.Word(n)<<24, true
				continue
			}
			if len(args) == 0 {
				t.Fatalf("%q: no operand %s", line, op)
			}
			arg := args[0]
			args = args[1:]
			n, err := strconv.ParseInt(strings.TrimPrefix(arg, "r"), 0, 64)
			switch op {
			case "T":
				w |= ppc64.Word(n) << 21
			case "A":
				w |= ppc64.Word(n) << 16
			case "B":
				w |= ppc64.Word(n) << 11
			case "TB":
				w |= ppc64.Word(n)<<21 | ppc64.Word(n)<<11
			case "I", "D":
				w |= ppc64.Word(uint16(n))
				if prefix && n < 0 {
					ppc64.Word(0x0603ffff).Put(p.code[off:])
				}
			case "DS":
				w |= ppc64.Word(uint16(n)) &^ 3
			case "W":
				to, base, difference := strings.Cut(arg, "-")
				if w = ppc64.Word(n); difference {
					err = nil
					fixups = append(fixups, fixup{off, to, base})
				}
			case "L", "l":
				err = nil
				fixups = append(fixups, fixup{off, arg, ""})
			}
			if err != nil {
				t.Fatalf("%q: %v", line, err)
			}
		}
		w.Put(p.grow())
		p.source, p.places = append(p.source, line), append(p.places, off)
	}
	for _, f := range fixups {
		name, notoc := strings.CutSuffix(f.name, "@notoc")
		target, ok := p.labels[name]
		switch w, _ := ppc64.Load(p.code, f.off); {
		case f.base != "":
			ppc64.Word(target - p.labels[f.base]).Put(p.code[f.off:])
		case ok:
			w, err := w.WithDisplacement(int64(target - f.off))
			if err != nil {
				t.Fatal(err)
			}
			w.Put(p.code[f.off:])
		case notoc:
			p.relocs = append(p.relocs, reloc.MakeRela(f.off, 1, uint32(elf.R_PPC64_REL24_NOTOC), 0))
		default:
			p.relocs = append(p.relocs, reloc.MakeRela(f.off, 1, uint32(elf.R_PPC64_REL24), 0))
		}
	}
	return p
}

func (p *program) grow() []byte {
	p.code = append(p.code, 0, 0, 0, 0)
	return p.code[len(p.code)-4:]
}

// fn returns the program as a function that uses the TOC. It adds the two
// instructions of the global entry, which the sources leave out.
func (p *program) fn() *Func {
	code := append(make([]byte, 8), p.code...)
	ppc64.Word(0x3c4c0000).Put(code) // addis r2,r12
	ppc64.Word(0x38420000).Put(code[4:])
	f := &Func{Code: code, End: uint64(len(code)), Entry: 3}
	for _, r := range p.relocs {
		r.Off += 8
		f.Relocs = append(f.Relocs, r)
	}
	return f
}

// at returns the offset of a place in the code of fn.
func (p *program) at(name string) uint64 { return p.labels[name] + 8 }

// check analyses f and compares the verdicts with the expected ones, in which
// {name} stands for a place.
func (p *program) check(t *testing.T, name string, f *Func) {
	t.Helper()
	var calls []uint64
	for _, off := range p.calls {
		calls = append(calls, off+8)
	}
	if len(calls) == 0 {
		t.Errorf("%s: no call", name)
	}
	for i, v := range Analyse(f, calls) {
		want := p.want[i]
		for label := range p.labels {
			want = strings.ReplaceAll(want, "{"+label+"}", fmt.Sprintf("+%#x", p.at(label)))
		}
		got := v.Reason
		if v.Proven {
			got = "yes"
			if w, err := ppc64.Load(f.Code, v.At); v.Reason != "" || err != nil || !w.IsBranch() && w.Opcode() != 62 {
				t.Errorf("%s: call at %#x: proven with reason %q, by %v at %#x", name, calls[i], v.Reason, w, v.At)
			}
		}
		if got != want {
			t.Errorf("%s: call at %#x: %q, want %q", name, calls[i], got, want)
		}
	}
}
