// SPDX-License-Identifier: BSD-3-Clause

package sites

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/scpatch/scpatch/ppc64/tooltest"
)

// tool runs a tool on an object in memory. In the command, "OBJ" and "OUT"
// stand for its input and output, and "A", "B", ... for other objects.
func tool(t *testing.T, command string, object []byte, others ...[]byte) []byte {
	t.Helper()
	words := strings.Fields(command)
	program := tooltest.Path(t, words[0])
	dir := t.TempDir()
	for i, b := range append([][]byte{object}, others...) {
		if err := os.WriteFile(filepath.Join(dir, append([]string{"OBJ"}, strings.Split("ABCDEF", "")...)[i]), b, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command(program, words[1:]...)
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", command, err, out)
	}
	b, err := os.ReadFile(filepath.Join(dir, "OUT"))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

const (
	link  = "powerpc64le-linux-gnu-ld -r -o OUT OBJ A B"
	strip = "powerpc64le-linux-gnu-objcopy"
)

// TestPairs checks which key a call belongs to if an object has several
// trampolines and keys of one name. Each key holds a function with the name of
// its file.
func TestPairs(t *testing.T) {
	file := func(name, key, tramp string) string {
		text := ".file \"" + name + ".c\"\n"
		if key != "" {
			text += "key op, " + name + ", " + key + "\nleaf " + name + ", local\nblr\nendfunc " + name + "\n"
		}
		if tramp != "" {
			text += strings.ReplaceAll(strings.Replace(selfTramp, "\t.protected __SCT__op\n", "", 1), ".globl", "."+tramp)
		}
		return text + strings.NewReplacer("caller", "call_"+name).Replace(caller)
	}
	alone := "	.type __SCT__op,@function\n__SCT__op:\nnop\nbctr\n.size __SCT__op,.-__SCT__op\n" // names no key
	toc := `	.section .toc,"aw"
.Lop:	.quad __SCK__op
	.text
	.type __SCT__op,@function
__SCT__op:
	addis 12,2,.Lop@toc@ha
	ld 12,.Lop@toc@l(12)
	ld 12,0(12)
	mtctr 12
	bctr
	.size __SCT__op,.-__SCT__op
`
	sizeless := func(code string) string {
		return "	.type __SCT__op,@function\n__SCT__op:\naddis 12,2,__SCK__op@toc@ha\nld 12,__SCK__op@toc@l(12)\n" + code
	}
	const change = "	.data\n	.quad __SCK__op\n	.text\n"
	for _, c := range []struct {
		name    string
		a, b    string // files, to be joined by ld -r
		objcopy string // after that
		want    string // for each caller: what its key holds, or the reason why that is unknown
	}{
		{"both local, twice", file("a", "local", "local"), file("b", "local", "local"), "", "call_a a call_b b"},
		{"both local, twice, and may change", file("a", "local", "local") + change, file("b", "local", "local") + change, "", "call_a a call_b b"},
		{"both local, twice, without STT_FILE", file("a", "local", "local"), file("b", "local", "local"), "-N a.c -N b.c", "call_a a call_b b"},
		{"both local, and an undefined call", file("a", "local", "local"), file("b", "", "globl"), "-L __SCT__op", "call_a a call_b key-undefined"},
		{"both local, both global", file("a", "local", "local"), file("b", "globl", "globl"), "", "call_a a call_b b"},
		{"both local, a call to the global one", file("a", "local", "local"), ".file \"b.c\"\n.globl __SCT__op\n" + strings.ReplaceAll(caller, "caller", "call_b"), "", "call_a a call_b key-missing"},
		{"local key, global trampoline", file("a", "local", "globl"), file("b", "", ""), "", "call_a a call_b a"},
		{"local key, weak trampoline", file("a", "local", "weak"), file("b", "", ""), "", "call_a key-ambiguous call_b key-ambiguous"},
		{"global key, local trampoline", file("a", "globl", "local"), file("b", "", ""), "", "call_a a call_b a"},
		{"made local", file("a", "globl", "globl"), file("b", "", ""), "-L __SCT__op -L __SCK__op", "call_a a call_b a"},
		{"key made local", file("a", "globl", "globl"), file("b", "", ""), "-L __SCK__op", "call_a a call_b a"},
		{"key made global", file("a", "local", "globl"), file("b", "", ""), "--globalize-symbol=__SCK__op", "call_a a call_b a"},
		{"code that names no key, global", file("a", "globl", "") + ".globl __SCT__op\n" + alone, file("b", "", ""), "", "call_a a call_b a"},
		{"code that names no key, local", file("a", "local", "") + alone, file("b", "", ""), "", "call_a key-ambiguous call_b key-missing"},
		{"code that names no key, global beside a local key", file("a", "local", "") + ".globl __SCT__op\n" + alone, file("b", "", ""), "", "call_a key-missing call_b key-missing"},
		{"code that names its key late", file("a", "local", "") + strings.Replace(alone, "nop\n", ".rept 16\nnop\n.endr\naddis 12,2,__SCK__op@toc@ha\nld 12,__SCK__op@toc@l(12)\nmtctr 12\n", 1), file("b", "", ""), "", "call_a a call_b key-missing"},
		{"code that names two keys", file("a", "local", "") + strings.Replace(alone, "nop\n", ".reloc .,R_PPC64_TOC16_HA,__SCK__op\nnop\n.reloc .,R_PPC64_TOC16_HA,__SCK__two\nnop\n", 1), file("b", "", ""), "", "call_a key-ambiguous call_b key-missing"},
		{"through .toc", file("a", "local", "") + toc, file("b", "local", "local"), "", "call_a a call_b b"},
		{"through .toc, by half an address", file("a", "local", "") + strings.Replace(toc, ".quad __SCK__op", ".reloc .,R_PPC64_ADDR32,__SCK__op\n	.quad 0", 1), file("b", "", ""), "", "call_a key-ambiguous call_b key-missing"},
		{"two global keys", file("a", "globl", "") + "key two, 0\n.globl __SCT__op\n" + alone, file("b", "", ""), "--redefine-sym __SCK__two=__SCK__op", "call_a key-ambiguous call_b key-ambiguous"},
		{"two global keys, of which the code names one", file("a", "globl", "globl") + "key two, 0\n", file("b", "", ""), "--redefine-sym __SCK__two=__SCK__op", "call_a a call_b a"},
		{"code without a size, and other code", file("a", "local", "") + sizeless("ld 12,0(12)\nmtctr 12\nbctr\n") + "addis 3,2,__SCK__two@toc@ha\nkey two, 0, local\n", file("b", "", ""), "", "call_a a call_b key-missing"},
		{"code without a size, with a second key", file("a", "local", "") + sizeless("addis 3,2,__SCK__two@toc@ha\nmtctr 12\nbctr\n") + "key two, 0, local\n", file("b", "", ""), "", "call_a key-ambiguous call_b key-missing"},
		{"code without a size or an end", file("a", "local", "") + sizeless(".rept 30\nnop\n.endr\n") + "addis 3,2,__SCK__two@toc@ha\nkey two, 0, local\n", file("b", "", ""), "", "call_a a call_b key-missing"},
		{"code without an end, with a second key in its last word", file("a", "local", "") + sizeless(".rept 29\nnop\n.endr\n") + "addis 3,2,__SCK__two@toc@ha\nkey two, 0, local\n", file("b", "", ""), "", "call_a key-ambiguous call_b key-missing"},
		{"code that only begins", file("a", "local", "") + "	.section .text.t,\"ax\"\n" + sizeless(""), file("b", "", ""), "", "call_a a call_b key-missing"},
		{"a place before the key", file("a", "local", "") + sizeless(".reloc .,R_PPC64_TOC16_HA,__SCK__op-8\nnop\nbctr\n") + "", file("b", "", ""), "", "call_a a call_b key-missing"},
		{"a relocation that does nothing", file("a", "local", "") + strings.Replace(alone, "nop\n", ".reloc .,R_PPC64_NONE,__SCK__op\nnop\n", 1), file("b", "", ""), "", "call_a key-ambiguous call_b key-missing"},
		{"the key's second half", file("a", "globl", "") + ".globl __SCT__op\n" + strings.Replace(alone, "nop\n", ".reloc .,R_PPC64_TOC16_HA,__SCK__op+8\nnop\n", 1), file("b", "", ""), "", "call_a a call_b a"},
		{"a trampoline among data", file("a", "local", "") + ".data\n.globl __SCT__two\n__SCT__two: .quad __SCK__op\n.text\n" + alone, file("b", "", ""), "", "call_a key-ambiguous call_b key-missing"},
		{"local key, global trampoline in a group", file("a", "local", "") + ".section .text.g,\"axG\",@progbits,__SCT__op,comdat\n.globl __SCT__op\n.type __SCT__op,@function\n__SCT__op: addis 12,2,__SCK__op@toc@ha\nld 12,__SCK__op@toc@l(12)\nmtctr 12\nbctr\n.size __SCT__op,.-__SCT__op\n.text\n", file("b", "", ""), "", "call_a key-ambiguous call_b key-ambiguous"},
		{"another key, and no trampoline", "key two, here, local\nleaf here, local\nblr\nendfunc here\n.globl __SCT__op\n.type __SCT__op,@function\n__SCT__op: addis 12,2,__SCK__two@toc@ha\nblr\n.size __SCT__op,.-__SCT__op\n" + caller, file("b", "", ""), "", "caller key-ambiguous call_b key-ambiguous"},
		{"another key", "key two, here, local\nleaf here, local\nblr\nendfunc here\n.globl __SCT__op\n.type __SCT__op,@function\n__SCT__op: addis 12,2,__SCK__two@toc@ha\nld 12,__SCK__two@toc@l(12)\nmtctr 12\nbctr\n.size __SCT__op,.-__SCT__op\n" + caller, file("b", "", ""), "", "caller here call_b here"},
		{"another key, elsewhere", ".globl __SCT__op\n.type __SCT__op,@function\n__SCT__op: addis 12,2,__SCK__two@toc@ha\nld 12,__SCK__two@toc@l(12)\nmtctr 12\nbctr\n.size __SCT__op,.-__SCT__op\n" + caller, file("b", "", ""), "", "caller key-undefined call_b key-undefined"},
		{"another name for it", file("a", "local", "local") + ".set __SCT__too,__SCT__op\n" + strings.NewReplacer("caller", "call_too", "__op", "__too").Replace(caller), file("b", "", ""), "", "call_a a call_too a call_b key-missing"},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := tool(t, strings.TrimSuffix(link, " B"), assemble(t, c.a), assemble(t, c.b))
			if c.objcopy != "" {
				b = tool(t, strip+" "+c.objcopy+" OBJ OUT", b)
			}
			p, err := plan(b, Options{Place: User, Runtime: Trampoline})
			if err != nil {
				t.Fatal(err)
			}
			got := ""
			for i := range p.Object.Sites {
				s := &p.Object.Sites[i]
				key := p.Object.Keys[s.Key]
				fn, _ := p.Object.FuncName(s)
				got += " " + fn + " "
				if key.Target.Kind == TargetFunc {
					got += p.Object.name(int(key.Target.Sym))
				} else {
					got += key.Target.Why.String()
				}
			}
			if got = strings.TrimSpace(got); got != c.want {
				t.Errorf("%s, want %s", got, c.want)
			}
			again(t, c.name, p, p.Options)
		})
	}
}
