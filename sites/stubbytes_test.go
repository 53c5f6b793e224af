// SPDX-License-Identifier: BSD-3-Clause

package sites

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/scpatch/scpatch/elfrw"
	"github.com/scpatch/scpatch/sites/layout"
	"github.com/scpatch/scpatch/sites/stub"
)

// TestStubBytes checks a stub and its metadata with objdump and readelf.
func TestStubBytes(t *testing.T) {
	for _, c := range []struct {
		name, text string
		opts       Options
		want       string
	}{
		{"user, key that may be elsewhere", caller + foreignKey, Options{Place: User}, `
std r2,24(r1) R_PPC64_NONE static_call_mark R_PPC64_NONE static_call_sites
nop
addis r12,r2,0 R_PPC64_TOC16_HA static_call_cells
ld r12,0(r12) R_PPC64_TOC16_LO_DS static_call_cells
mtctr r12
bctr
addis r12,r2,0 R_PPC64_TOC16_HA .data.rel.ro.static_call
ld r12,0(r12) R_PPC64_TOC16_LO_DS .data.rel.ro.static_call
ld r12,0(r12)
cmpdi r12,0
beqlr
mtctr r12
bctr`},
		{"user, hidden key that is never NULL", caller + foreignKey + ".hidden __SCK__op\n" + selfTramp, Options{Place: User}, `
std r2,24(r1) R_PPC64_NONE static_call_mark R_PPC64_NONE static_call_sites
nop
addis r12,r2,0 R_PPC64_TOC16_HA static_call_cells
ld r12,0(r12) R_PPC64_TOC16_LO_DS static_call_cells
mtctr r12
bctr
addis r12,r2,0 R_PPC64_TOC16_HA __SCK__op
ld r12,0(r12) R_PPC64_TOC16_LO_DS __SCK__op
mtctr r12
bctr`},
		{"user, key that its trampoline takes for the unit's, run time that patches trampolines", caller + foreignKey + trampNull, Options{Place: User, Runtime: Trampoline}, `
std r2,24(r1)
addis r12,r2,0 R_PPC64_TOC16_HA __SCK__op
ld r12,0(r12) R_PPC64_TOC16_LO_DS __SCK__op
cmpdi r12,0
beqlr
mtctr r12
bctr`},
		{"module", caller + foreignKey + trampNull, Options{Place: Module}, `
.long 0x0 R_PPC64_REL32 .toc
std r2,24(r1)
ld r12,0(r2) R_PPC64_TOC16_DS .toc
mtctr r12
bctr`},
		{"module with a .toc", caller + foreignKey + trampNull + ".section .toc,\"aw\"\n.balign 8\n.space 12\n", Options{Place: Module}, `
.long 0x0 R_PPC64_REL32 .toc+0x10
std r2,24(r1)
ld r12,0(r2) R_PPC64_TOC16_DS .toc+0x10
mtctr r12
bctr`},
		{"module with a .toc that just goes", caller + foreignKey + trampNull + ".section .toc,\"aw\"\n.balign 8\n.space 0xfef0\n", Options{Place: Module}, `
.long 0x0 R_PPC64_REL32 .toc+0xfef0
std r2,24(r1)
ld r12,0(r2) R_PPC64_TOC16_DS .toc+0xfef0
mtctr r12
bctr`},
		{"module with a large .toc", caller + foreignKey + trampNull + ".section .toc,\"aw\"\n.balign 8\n.space 0xfef8\n", Options{Place: Module}, `
.long 0x0 R_PPC64_REL32 .toc+0xfef8
std r2,24(r1)
addis r12,r2,0 R_PPC64_TOC16_HA .toc+0xfef8
ld r12,0(r12) R_PPC64_TOC16_LO_DS .toc+0xfef8
mtctr r12
bctr`},
		{"module with a very large .toc", caller + foreignKey + trampNull + ".section .toc,\"aw\"\n.balign 8\n.space 0x12340\n", Options{Place: Module}, `
.long 0x0 R_PPC64_REL32 .toc+0x12340
std r2,24(r1)
addis r12,r2,0 R_PPC64_TOC16_HA .toc+0x12340
ld r12,0(r12) R_PPC64_TOC16_LO_DS .toc+0x12340
mtctr r12
bctr`},
		{"module, run time that patches trampolines", caller + foreignKey + trampNull, Options{Place: Module, Runtime: Trampoline}, `
std r2,24(r1)
addis r12,r2,0 R_PPC64_TOC16_HA __SCK__op
ld r12,0(r12) R_PPC64_TOC16_LO_DS __SCK__op
cmpdi r12,0
beqlr
mtctr r12
bctr`},
		{"no TOC, run time", notocCaller + foreignKey, Options{Place: User}, `
pld r12,0 R_PPC64_NONE static_call_mark R_PPC64_PCREL34 static_call_cells
mtctr r12
bctr
pld r12,0 R_PPC64_GOT_PCREL34 __SCK__op
ld r12,0(r12)
cmpdi r12,0
beqlr
mtctr r12
bctr`},
		{"no TOC", notocCaller + foreignKey, Options{Place: User, Runtime: Trampoline}, `
pld r12,0 R_PPC64_GOT_PCREL34 __SCK__op
ld r12,0(r12)
cmpdi r12,0
beqlr
mtctr r12
bctr`},
		{"no TOC, key that its trampoline takes for the unit's", notocCaller + foreignKey + selfTramp, Options{Place: User, Runtime: Trampoline}, `
pld r12,0 R_PPC64_PCREL34 __SCK__op
mtctr r12
bctr`},
	} {
		t.Run(c.name, func(t *testing.T) {
			p, err := plan(assemble(t, c.text), c.opts)
			if err != nil {
				t.Fatal(err)
			}
			out := apply(t, p)
			if diff := cmp.Diff(strings.TrimSpace(c.want), stubText(t, out)); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
			f, err := elfrw.New(out)
			if err != nil {
				t.Fatal(err)
			}
			for i := 1; i < f.NumSymbols(); i++ {
				s := f.Symbol(i)
				if e := stubOf(s, f.SymbolName(s)); e != noStub && e != StubJump && s.Value%stub.Align != 0 {
					t.Errorf("%s begins at 0x%x", f.SymbolName(s), s.Value)
				}
			}
			if frames := countSections(f, ".eh_frame"); (frames == 1) != (c.opts.Place == User) {
				t.Errorf("%d sections .eh_frame", frames)
			}
		})
	}
}

func countSections(f *elfrw.File, name string) (n int) {
	for i := 1; i < f.NumSections(); i++ {
		if f.Section(i).NameString() == name {
			n++
		}
	}
	return n
}

// stubText returns the section of the stubs as objdump prints it, each
// instruction with its relocation.
func stubText(t *testing.T, object []byte) string {
	path := filepath.Join(t.TempDir(), "x.o")
	if err := os.WriteFile(path, object, 0o644); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command("powerpc64le-linux-gnu-objdump", "-dr", "--no-show-raw-insn", "-j", layout.StubSection, path).Output()
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for _, line := range strings.Split(string(out), "\n") {
		f := strings.Fields(line)
		switch {
		case len(f) == 3 && strings.HasPrefix(f[1], "R_PPC64_"):
			lines[len(lines)-1] += " " + f[1] + " " + f[2]
		case len(f) >= 2 && strings.HasPrefix(line, " ") && strings.HasSuffix(f[0], ":"):
			text, _, _ := strings.Cut(strings.Join(f[1:], " "), " #")
			lines = append(lines, text)
		}
	}
	for len(lines) > 0 && lines[0] == "nop" { // before the first stub
		lines = lines[1:]
	}
	return strings.Join(lines, "\n")
}
