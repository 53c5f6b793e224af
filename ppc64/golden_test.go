// SPDX-License-Identifier: BSD-3-Clause

package ppc64

import (
	"encoding/hex"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// golden is a line of testdata/opcodes.txt.
type golden struct {
	w, suffix Word
	text      string // as GNU as reads it
	objdump   string // as objdump prints it
}

// readGolden returns the lines of the golden file.
func readGolden(t testing.TB) []golden {
	t.Helper()
	data, err := os.ReadFile("testdata/opcodes.txt")
	if err != nil {
		t.Fatal(err)
	}
	var all []golden
	for line := range strings.Lines(string(data)) {
		if strings.HasPrefix(line, "#") {
			continue
		}
		cols := strings.Split(strings.TrimSpace(line), " | ")
		g := golden{text: cols[1], objdump: cols[len(cols)-1]}
		for i, f := range strings.Fields(cols[0]) {
			v, err := hex.DecodeString(f)
			if err != nil || len(v) != WordSize {
				t.Fatalf("%q: bad word %q", line, f)
			}
			w := Word(v[0])<<24 | Word(v[1])<<16 | Word(v[2])<<8 | Word(v[3])
			if i == 0 {
				g.w = w
			} else {
				g.suffix = w
			}
		}
		all = append(all, g)
	}
	return all
}

// code returns the golden words as the text of a section.
func code(gs []golden) []byte {
	var b []byte
	for _, g := range gs {
		b = append(b, make([]byte, g.w.Len())...)
		g.w.Put(b[len(b)-g.w.Len():])
		if g.w.IsPrefix() {
			g.suffix.Put(b[len(b)-WordSize:])
		}
	}
	return b
}

func TestGoldenWalk(t *testing.T) {
	gs := readGolden(t)
	i, next := 0, uint64(0)
	err := Walk(code(gs), func(off uint64, w, suffix Word) bool {
		if off != next || w != gs[i].w || suffix != gs[i].suffix {
			t.Errorf("%#x: %08x %08x, want %#x: %s", off, uint32(w), uint32(suffix), next, gs[i].text)
		}
		next += uint64(w.Len())
		i++
		return true
	})
	if err != nil || i != len(gs) {
		t.Errorf("%d of %d instructions: %v", i, len(gs), err)
	}
}

func TestGoldenString(t *testing.T) {
	named := map[Word]bool{Nop: true, Cror15: true, Cror31: true, RestoreTOC: true, SaveTOC: true, Blr: true, Li3Zero: true}
	for _, g := range readGolden(t) {
		if named[g.w] || g.w.IsBranch() && !g.w.AA() {
			if diff := cmp.Diff(g.text, g.w.String()); diff != "" {
				t.Error(diff)
			}
			delete(named, g.w)
		} else if !strings.HasPrefix(g.w.String(), ".long 0x") {
			t.Errorf("%s: String gives %v", g.text, g.w)
		}
	}
	if len(named) > 0 {
		t.Errorf("named words that the golden file lacks: %v", named)
	}
}

var branchText = regexp.MustCompile(`^(b\S*)\s(?:.*,)?(\.?)([+-]?)(0x[0-9a-f]+)$`)

// TestGoldenBranch decodes every branch with a displacement, and encodes it
// again from nothing but its text.
func TestGoldenBranch(t *testing.T) {
	n := 0
	for _, g := range readGolden(t) {
		m := branchText.FindStringSubmatch(g.text)
		if m == nil {
			if g.w.IsBranch() || g.w.IsCondBranch() {
				t.Errorf("%s: not understood by the test", g.text)
			}
			continue
		}
		n++
		disp, err := strconv.ParseInt(m[3]+m[4], 0, 64)
		if err != nil {
			t.Fatal(err)
		}
		if disp >= 1<<31 { // objdump has 32 bits for an absolute target
			disp -= 1 << 32
		}
		name := strings.TrimRight(m[1], "+-")
		aa, lk := m[2] == "", strings.HasSuffix(strings.TrimSuffix(name, "a"), "l") || name == "bcl"
		if g.w.Displacement() != disp || g.w.AA() != aa || g.w.LK() != lk {
			t.Errorf("%s: displacement %#x, AA %v, LK %v", g.text, g.w.Displacement(), g.w.AA(), g.w.LK())
		}
		if g.w.IsBranch() && !aa {
			if w, err := Branch(disp, lk); w != g.w || err != nil {
				t.Errorf("%s: Branch gives %v, %v", g.text, w, err)
			}
		}
		base := g.w &^ maskLI
		if g.w.IsCondBranch() {
			base = g.w &^ maskBD
		}
		if w, err := base.WithDisplacement(disp); w != g.w || err != nil {
			t.Errorf("%s: WithDisplacement gives %v, %v", g.text, w, err)
		}
	}
	if n < 25 {
		t.Errorf("only %d branches", n)
	}
}

// fieldsOf names the operands of some instructions in the order of their text.
var fieldsOf = map[string]string{
	"addi": "RT RA SI", "addis": "RT RA SI", "li": "RT SI", "lis": "RT SI", "mulli": "RT RA SI",
	"subfic": "RT RA SI", "addic": "RT RA SI", "addic.": "RT RA SI",
	"cmpwi": "RA SI", "cmplwi": "RA UI",
	"ori": "RA RS UI", "oris": "RA RS UI", "xori": "RA RS UI", "xoris": "RA RS UI", "andi.": "RA RS UI",
	"add": "RT RA RB", "add.": "RT RA RB", "subf": "RT RA RB", "mulld": "RT RA RB", "divdu": "RT RA RB",
	"or": "RA RS RB", "and": "RA RS RB", "sld": "RA RS RB", "mr": "RA RS", "mr.": "RA RS", "extsw": "RA RS",
	"neg": "RT RA", "cmpd": "RA RB", "mflr": "RT", "mtlr": "RS", "mtctr": "RS", "mfctr": "RT", "mfcr": "RT",
	"ldx": "RT RA RB", "stdx": "RS RA RB", "stdux": "RS RA RB", "ldux": "RT RA RB", "stwcx.": "RS RA RB",
	"pld": "RT D34 RA", "pstd": "RS D34 RA", "plwz": "RT D34 RA", "pstw": "RS D34 RA", "paddi": "RT RA D34", "pli": "RT D34",
	"ld": "RT DS RA", "std": "RS DS RA", "stdu": "RS DS RA", "lwa": "RT DS RA",
	"lwz": "RT D RA", "stw": "RS D RA", "stb": "RS D RA", "lq": "RT DQ RA",
}

func (g golden) field(name string) int64 {
	w := g.w
	if w.IsPrefix() {
		w = g.suffix
	}
	switch name {
	case "RT", "RS":
		return int64(w.RT())
	case "RA":
		return int64(w.RA())
	case "RB":
		return int64(w.RB())
	case "SI", "D":
		return w.SI()
	case "UI":
		return int64(w.UI())
	case "DS":
		return w.DS()
	case "DQ":
		return w.DQ()
	}
	return D34(g.w, g.suffix)
}

func TestGoldenFields(t *testing.T) {
	seen := map[string]bool{}
	for _, g := range readGolden(t) {
		name, rest, _ := strings.Cut(g.text, " ")
		spec, ok := fieldsOf[name]
		if !ok || g.w.PrefixR() && g.w.IsPrefix() {
			continue
		}
		seen[name] = true
		var want, got []int64
		for _, op := range strings.FieldsFunc(rest, func(r rune) bool { return strings.ContainsRune(",()", r) }) {
			v, err := strconv.ParseInt(strings.TrimPrefix(op, "r"), 0, 64)
			if err != nil {
				t.Fatalf("%s: %v", g.text, err)
			}
			want = append(want, v)
		}
		for _, f := range strings.Fields(spec) {
			got = append(got, g.field(f))
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: text -, fields +\n%s", g.text, diff)
		}
	}
	if len(seen) != len(fieldsOf) {
		t.Errorf("the golden file has only %d of %d mnemonics: %v", len(seen), len(fieldsOf), seen)
	}
}

func TestGoldenD34(t *testing.T) {
	for _, g := range readGolden(t) {
		if typ := g.w.PrefixType(); !g.w.IsPrefix() || typ != Prefix8LS && typ != PrefixMLS {
			continue
		}
		d := D34(g.w, g.suffix)
		p, s := g.w&^maskPrefixD34|Word(d>>16)&maskPrefixD34, g.suffix&^0xffff|Word(uint16(d))
		if p != g.w || s != g.suffix || d < -1<<33 || d >= 1<<33 {
			t.Errorf("%s: %#x makes %08x %08x", g.text, d, uint32(p), uint32(s))
		}
	}
}
