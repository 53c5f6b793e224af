// SPDX-License-Identifier: BSD-3-Clause

package sites

import (
	"debug/elf"
	"fmt"
	"strings"
	"testing"

	"github.com/scpatch/scpatch/elfrw"
)

// TestKeysApart counts the keys of trampolines that have one name.
func TestKeysApart(t *testing.T) {
	alone := "	.type __SCT__op,@function\n__SCT__op:\nnop\nbctr\n.size __SCT__op,.-__SCT__op\n" // names no key
	second := strings.ReplaceAll(caller, "caller", "second")
	two := strings.NewReplacer("caller", "second", "__op", "__two").Replace(caller)
	third := strings.NewReplacer("caller", "third", "__op", "__three").Replace(caller)
	place := "	.section .text.t,\"ax\"\nnop\n"
	for _, c := range []struct {
		name, text, other, objcopy string
		want                       []int // the key of each site
	}{
		{"a local trampoline that names no key, and calls elsewhere", caller + alone, second, "", []int{0, 1}},
		{"two names that become one", caller + two, ".text\n", "--redefine-sym __SCT__two=__SCT__op", []int{0, 0}},
		{"three local keys", caller + two + third + place + "localtramp op\nlocaltramp two\nlocaltramp three\nkey op, a, local\nkey two, b, local\nkey three, c, local\n", ".text\n", "", []int{0, 1, 2}},
	} {
		b := tool(t, strings.TrimSuffix(link, " B"), assemble(t, c.text), assemble(t, c.other))
		if c.objcopy != "" {
			b = tool(t, strip+" "+c.objcopy+" OBJ OUT", b)
		}
		f, err := elfrw.New(b)
		if err != nil {
			t.Fatal(err)
		}
		o, err := Find(f)
		if err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		var got []int
		for i := range o.Sites {
			got = append(got, int(o.Sites[i].Key))
		}
		if fmt.Sprint(got) != fmt.Sprint(c.want) {
			t.Errorf("%s: keys %v, want %v", c.name, got, c.want)
		}
	}
}

// TestTrampolineAmongData tests that the bytes of data do not name a trampoline's key.
func TestTrampolineAmongData(t *testing.T) {
	o, err := found(t, "key op, target, local\n.data\n__SCT__op: .quad __SCK__op\n.text\nkey two, target\n"+strings.ReplaceAll(caller, "__op", "__two"))
	if err != nil {
		t.Fatal(err)
	}
	for _, tr := range o.Tramps {
		if o.name(int(tr.Sym)) == TrampPrefix+"op" && o.Keys[tr.Key].Target.Why != KeyAmbiguous {
			t.Errorf("%+v", o.Keys[tr.Key])
		}
	}
}

// TestManyTrampolines finds every call in a section with hundreds of trampolines, most
// of which the assembler has resolved.
func TestManyTrampolines(t *testing.T) {
	const n = 520
	var text strings.Builder
	text.WriteString("	.space 0x10000\n")
	for i := range n {
		fmt.Fprintf(&text, "localtramp t%d\nkey t%d, target, local\n", i, i)
	}
	text.WriteString("func caller\n")
	for i := range n {
		fmt.Fprintf(&text, "bl __SCT__t%d\nnop\n", i)
	}
	o, err := found(t, text.String()+"endfunc caller\n")
	if err != nil {
		t.Fatal(err)
	}
	if len(o.Sites) != n {
		t.Fatalf("%d sites, want %d", len(o.Sites), n)
	}
	for i := range o.Sites {
		if s := &o.Sites[i]; !s.Decoded || o.Keys[s.Key].Name != fmt.Sprintf("t%d", i) {
			t.Errorf("site %d is of %s", i, o.Keys[s.Key].Name)
		}
	}
}

// withoutLast changes and drops the last symbol of an object, which must have that name.
func withoutLast(t *testing.T, text, name string, change func(sym []byte)) *Object {
	t.Helper()
	p := newMutableFile(t, text)
	if last := p.f.Symbol(p.f.NumSymbols() - 1); string(p.f.SymbolName(last)) != name {
		t.Fatalf("the last symbol is %s, not %s", p.f.SymbolName(last), name)
	}
	tab := p.f.Symtab()
	p.put64(p.header(".symtab", 32), tab.Size-elfrw.SymSize)
	change(p.b[tab.Off+tab.Size-elfrw.SymSize:])
	f, err := elfrw.New(p.b)
	if err != nil {
		t.Fatal(err)
	}
	o, err := Find(f)
	if err != nil {
		t.Fatal(err)
	}
	return o
}

// TestLastSymbol tests that what follows the last symbol is not read as another one.
func TestLastSymbol(t *testing.T) {
	cold := strings.ReplaceAll(caller, "caller", "hot.cold")
	o := withoutLast(t, cold+foreignKey+trampNull+"func hot\nblr\nendfunc hot\n", "hot", func([]byte) {})
	if _, known := o.callerUsesTOC(int(o.Sites[0].Func)); known {
		t.Error("the function of a cold part is known")
	}
	o = withoutLast(t, caller+foreignKey+trampNull+"leaf last\nblr\nendfunc last\n", "last", func(sym []byte) { sym[stShndx+1] = 0x70 })
	if len(o.Sites) != 1 {
		t.Errorf("%d sites", len(o.Sites))
	}
}

// TestNoLastName tests that a name after the last symbol is no way to a key.
func TestNoLastName(t *testing.T) {
	text := "key op, target, local\n" + caller + ".data\n.globl other\nother: .quad 0\n.text\n"
	whole, err := found(t, text)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		o    *Object
		want string
	}{{whole, "by the name other"}, {withoutLast(t, text, "other", func([]byte) {}), ""}} {
		p, err := MakePlan(c.o, Options{Runtime: Trampoline})
		if err != nil {
			t.Fatal(err)
		}
		r, err := c.o.findReferences(p.env, false)
		if err != nil {
			t.Fatal(err)
		}
		if why := r.why[0]; (c.want == "") != (why == "") || !strings.Contains(why, c.want) {
			t.Errorf("%q, want %q", why, c.want)
		}
	}
}

// TestNoTable finds no table in a section that holds no data.
func TestNoTable(t *testing.T) {
	p := newMutableFile(t, withTable)
	p.put32(p.header(tableRela, 4), uint32(elf.SHT_STRTAB))
	f, err := elfrw.New(p.b)
	if err != nil {
		t.Fatal(err)
	}
	if o, err := Find(f); err != nil || o.Table != nil {
		t.Errorf("%v, %v", o, err)
	}
}
