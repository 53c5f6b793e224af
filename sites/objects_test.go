// SPDX-License-Identifier: BSD-3-Clause

package sites

import (
	"bytes"
	"debug/elf"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"sort"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/scpatch/scpatch/elfrw"
)

var update = flag.Bool("update", false, "rewrite the golden files")

const objDir = "../testdata/obj"

// memory returns the bytes of a committed object, which tests may change.
func memory(t testing.TB, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(objDir, name))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func plan(b []byte, opts Options) (*Plan, error) {
	f, err := elfrw.New(b)
	if err != nil {
		return nil, err
	}
	o, err := Find(f)
	if err != nil {
		return nil, err
	}
	return MakePlan(o, opts)
}

// apply returns the output of a plan.
func apply(t testing.TB, p *Plan) []byte {
	t.Helper()
	e, err := p.Apply()
	if err != nil {
		t.Fatal(err)
	}
	if p.Object.File.Signed() && !e.Empty() {
		e.StripSignature()
	}
	m, err := e.Layout()
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if _, err := m.WriteTo(&out); err != nil {
		t.Fatal(err)
	}
	f, err := elfrw.New(out.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Check(f); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

var combinations = []struct {
	name string
	opts Options
}{
	{"inline kernel", Options{Runtime: Inline, Place: Kernel}},
	{"inline module", Options{Runtime: Inline, Place: Module}},
	{"inline user", Options{Runtime: Inline, Place: User}},
	{"trampoline kernel", Options{Runtime: Trampoline, Place: Kernel}},
	{"trampoline kernel whole-program", Options{Runtime: Trampoline, Place: Kernel, WholeProgram: true}},
	{"trampoline kernel paca", Options{Runtime: Trampoline, Place: Kernel, PACATOC: "16"}},
	{"trampoline user", Options{Runtime: Trampoline, Place: User}},
	{"trampoline user linker", Options{Runtime: Trampoline, Place: User, Restore: []Form{Linker}}},
	{"inline user bfd shadow", Options{Runtime: Inline, Place: User, Linker: BFD, AllowShadow: true, ShadowStack: "S"}},
	{"none kernel", Options{Runtime: None, Place: Kernel}},
	{"none module", Options{Runtime: None, Place: Module}},
	{"none user", Options{Runtime: None, Place: User}},
}

// TestPlans compares the plans for every committed object with golden files,
// one for each combination of options. They have a line for each object,
// followed by one for each site. It also patches each object and plans the
// output again, which must leave nothing to do. -update writes the files.
func TestPlans(t *testing.T) {
	names, err := filepath.Glob(filepath.Join(objDir, "*"))
	if err != nil || len(names) == 0 {
		t.Fatalf("no objects: %v", err)
	}
	dir := filepath.Join("testdata", "plans")
	if *update {
		if err := os.RemoveAll(dir); err != nil {
			t.Fatal(err)
		}
		if err := os.MkdirAll(dir, 0o777); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range combinations {
		t.Run(c.name, func(t *testing.T) {
			var got strings.Builder
			for _, path := range names {
				name := filepath.Base(path)
				p, err := plan(memory(t, name), c.opts)
				fmt.Fprintf(&got, "%s: %s\n", name, summary(p, err))
				if err == nil {
					writeSites(&got, p)
					again(t, name, p, c.opts)
				}
			}
			golden := filepath.Join(dir, strings.ReplaceAll(c.name, " ", "-")+".golden")
			if *update {
				if err := os.WriteFile(golden, []byte(got.String()), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(got.String(), "\n")); d != "" {
				t.Errorf("plans differ from %s (-want +got):\n%s", golden, d)
			}
		})
	}
}

// writeSites writes a line for each site of a plan, and one for the added
// stubs.
func writeSites(w io.Writer, p *Plan) {
	for i := range p.Decisions {
		s, d := &p.Object.Sites[i], &p.Decisions[i]
		place, off := p.Object.FuncName(s)
		if s.Func == 0 {
			place, off = p.Object.SectionName(s), s.Off
		}
		fmt.Fprintf(w, "\t%s+0x%x %s: %v", place, off, p.Object.Keys[s.Key].Name, d.Form)
		if callee := p.CalleeName(i); callee != "" {
			fmt.Fprintf(w, " %s", callee)
		} else {
			fmt.Fprintf(w, " %v", d.Word)
		}
		if d.Slot != 0 {
			fmt.Fprintf(w, "; %v", d.Slot)
		}
		if d.Cost >= 0 {
			fmt.Fprintf(w, "; cost %d", d.Cost)
		}
		if d.Done {
			fmt.Fprint(w, "; done")
		}
		if d.Listed {
			fmt.Fprint(w, "; listed")
		}
		if out := p.fallbackStub(s, d); out != noStub {
			fmt.Fprintf(w, " with %s", stubPrefixes[out])
		}
		if d.Reason != NoReason {
			fmt.Fprintf(w, "; %v", d.Reason)
		}
		if d.Form == Keep && d.Detail() != "" {
			fmt.Fprintf(w, " (%s)", d.Detail())
		}
		if d.Proof() != "" {
			fmt.Fprintf(w, "; %s", d.Proof())
		}
		fmt.Fprintln(w)
	}
	var stubs []string
	for _, st := range p.Stubs {
		stubs = append(stubs, stubPrefixes[st.Kind]+p.Object.Keys[st.Key].Name)
	}
	for _, key := range p.PatchableStubs {
		stubs = append(stubs, stubPrefixes[StubJump]+p.Object.Keys[key].Name+" listed")
	}
	if len(stubs) > 0 {
		fmt.Fprintf(w, "\tadds %s\n", strings.Join(stubs, ", "))
	}
}

func summary(p *Plan, err error) string {
	if err != nil {
		return "error: " + err.Error()
	}
	if len(p.Decisions) == 0 {
		return "no sites"
	}
	n, reasons := map[Form]int{}, map[string]int{}
	listed := 0
	for _, d := range p.Decisions {
		n[d.Form]++
		if d.Form == Keep {
			reasons[d.Reason.String()]++
		}
		if d.Listed {
			listed++
		}
	}
	s := fmt.Sprintf("%d sites, %d direct, %d constant", len(p.Decisions), n[Direct], n[Constant])
	for _, f := range RestoreForms() {
		if n[f] > 0 {
			s += fmt.Sprintf(", %d %s", n[f], f)
		}
	}
	var keys []string
	for r := range reasons {
		keys = append(keys, r)
	}
	sort.Strings(keys)
	for _, r := range keys {
		s += fmt.Sprintf(", %d %s", reasons[r], r)
	}
	return fmt.Sprintf("%s; %d listed", s, listed)
}

// again patches, and plans the output with the same options.
func again(t *testing.T, name string, p *Plan, opts Options) {
	t.Helper()
	out := apply(t, p)
	second, err := plan(out, opts)
	if err != nil {
		t.Errorf("%s: planning the output again: %v", name, err)
		return
	}
	if second.Changes() {
		t.Errorf("%s: the output is not left as it is: %s", name, summary(second, nil))
	}
	for i := range p.Decisions {
		s, d := &p.Object.Sites[i], &p.Decisions[i]
		if d.Target != 0 && (d.Form == Keep || d.Form == Constant) {
			t.Errorf("%s: site %d, which is %v, has the target %s", name, i, d.Form, p.Object.name(int(d.Target)))
		}
		if !d.Listed {
			continue
		}
		n := slices.IndexFunc(second.Object.Sites, func(x Site) bool { return x.compare(int(s.Section), s.Off) == 0 })
		if n < 0 || second.entryOf(&second.Object.Sites[n]) < 0 {
			t.Errorf("%s: site %d is not in the table", name, i)
		} else if e := second.table().Entries[second.entryOf(&second.Object.Sites[n])]; e.Section != s.Section || e.Off != s.Off ||
			e.Flags&FlagTail != 0 != s.Tail || e.Flags&FlagNoTOC != 0 != (s.NoTOC() && opts.Place == User) {
			t.Errorf("%s: the entry of site %d is %+v", name, i, e)
		}
	}
	if !p.Changes() && !bytes.Equal(out, p.Object.File.Bytes()) {
		t.Errorf("%s: nothing was planned, and the output differs", name)
	}
}

// TestTableOrder checks the rules for a new table: sorted by place, one entry
// per site, flags WA.
func TestTableOrder(t *testing.T) {
	for _, size := range []int{8, 16} {
		p, err := plan(memory(t, "gcc-p8-O2-sites.o"), Options{EntrySize: size})
		if err != nil {
			t.Fatal(err)
		}
		f, err := elfrw.New(apply(t, p))
		if err != nil {
			t.Fatal(err)
		}
		sec, ok := f.SectionByName(tableName)
		if !ok {
			t.Fatal("no table")
		}
		if got, want := elf.SectionFlag(sec.Flags), elf.SHF_ALLOC|elf.SHF_WRITE; got != want {
			t.Errorf("flags %v, want %v", got, want)
		}
		if want := uint64(size / 2); sec.Addralign != want || sec.Entsize != uint64(size) {
			t.Errorf("alignment %d, entry size %d, want %d and %d", sec.Addralign, sec.Entsize, want, size)
		}
		if want := uint64(size * len(p.Decisions)); sec.Size != want {
			t.Errorf("0x%x bytes, want 0x%x", sec.Size, want)
		}
		o, err := Find(f)
		if err != nil {
			t.Fatal(err)
		}
		for i := 1; i < len(o.Table.Entries); i++ {
			a, b := o.Table.Entries[i-1], o.Table.Entries[i]
			if a.Section > b.Section || a.Section == b.Section && a.Off >= b.Off {
				t.Errorf("entry %d is not after entry %d", i, i-1)
			}
		}
	}
}

// TestFixedKeys checks the proof that a key never changes on objects with known
// answers.
func TestFixedKeys(t *testing.T) {
	whole := Options{Runtime: Trampoline, Place: Kernel, WholeProgram: true}
	for _, c := range []struct {
		object, key string
		opts        Options
		why         string // empty: fixed
	}{
		{"gcc-p8-O2-update.o", "u_op", whole, "u_set+0x28: R_PPC64_TOC16_HA: refers to it"},
		{"gcc-p8-O2-update.o", "u_fixed", whole, ""},
		{"clang-p8-O2-update.o", "u_zero", whole, "refers to it"},
		{"clang-p8-O2-update.o", "u_fixed", whole, ""},
		// Through a section anchor: the displacement of u_op's key is in the
		// instruction, and cannot be told from that of u_fixed's.
		{"gcc-p8-O2-large-update.o", "u_fixed", whole, "section \".toc\": +0x0: R_PPC64_ADDR64: refers to its section"},
		{"gcc-p8-O2-sites.o", "inc", whole, ""},
		{"gcc-p8-O2-sites.o", "inc", Options{Runtime: Trampoline}, "by the name __SCK__inc"},
	} {
		f, err := elfrw.New(memory(t, c.object))
		if err != nil {
			t.Fatal(err)
		}
		o, err := Find(f)
		if err != nil {
			t.Fatal(err)
		}
		env, err := newEnvironment(o, c.opts)
		if err != nil {
			t.Fatal(err)
		}
		r, err := o.findReferences(env, c.opts.WholeProgram)
		if err != nil {
			t.Fatal(err)
		}
		found := false
		for i, k := range o.Keys {
			if k.Name != c.key {
				continue
			}
			found = true
			if why := r.why[i]; why == "" != (c.why == "") || !strings.Contains(why, c.why) {
				t.Errorf("%s: key %s may change because %q, want %q", c.object, c.key, why, c.why)
			}
		}
		if !found {
			t.Errorf("%s: no key %s", c.object, c.key)
		}
	}
}

// TestKeyAmongCode puts the keys into a section of code, which may compute
// their addresses from a distance that the assembler has resolved, without a
// relocation.
func TestKeyAmongCode(t *testing.T) {
	p := newMutableFile(t, "gcc-p8-O2-sites.o")
	_, i := p.symbol("__SCK__inc")
	sec := p.f.Section(p.f.Symbol(i).Section)
	p.put64(p.header(sec.NameString(), 8), sec.Flags|uint64(elf.SHF_EXECINSTR))
	gp, err := plan(p.b, Options{Runtime: Trampoline, Place: Kernel, WholeProgram: true})
	if err != nil {
		t.Fatal(err)
	}
	for i := range gp.Decisions {
		s, d := &gp.Object.Sites[i], &gp.Decisions[i]
		if gp.Object.Keys[s.Key].Name == "inc" && (d.Form == Direct || d.Form == Constant) {
			t.Errorf("site %d of inc is %v", i, d.Form)
		}
	}
}

// TestLocalKeyStripped removes the names of two local keys. Their trampolines,
// which are local too, must not get a global key with that name.
func TestLocalKeyStripped(t *testing.T) {
	p := newMutableFile(t, "asm-samename.o")
	for i := range p.f.NumSymbols() {
		if s := p.f.Symbol(i); string(p.f.SymbolName(s)) == "__SCK__sn" {
			p.put32(p.section(".symtab").Off+uint64(i)*24, 0)
		}
	}
	for _, c := range combinations {
		opts := c.opts
		opts.NoRecord = true
		gp, err := plan(p.b, opts)
		if err != nil {
			t.Fatal(err)
		}
		if len(gp.Decisions) == 0 || gp.NumAdded() != 0 || len(gp.Stubs) != 0 || gp.Changes() {
			t.Errorf("%s: %d sites, %d added, %d stubs", c.name, len(gp.Decisions), gp.NumAdded(), len(gp.Stubs))
		}
		for i := range gp.Decisions {
			if d := &gp.Decisions[i]; d.Form != Keep || d.Reason != KeyMissing || d.Listed {
				t.Errorf("%s: site %d: %v, %v", c.name, i, d.Form, d.Reason)
			}
		}
	}
}
