// SPDX-License-Identifier: BSD-3-Clause

package sites

import (
	"crypto/sha256"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/scpatch/scpatch/ppc64/tooltest"
)

// assemble makes an object from assembly with the macros of
// testdata/src/sc_asm.h. SCPATCH_ASSEMBLED names a directory that caches the
// objects between test runs.
func assemble(t *testing.T, text string) []byte {
	t.Helper()
	kept := os.Getenv("SCPATCH_ASSEMBLED")
	if kept != "" {
		kept = filepath.Join(kept, fmt.Sprintf("%x.o", sha256.Sum256([]byte(text))))
		if b, err := os.ReadFile(kept); err == nil {
			return b
		}
	}
	as := tooltest.Path(t, "powerpc64le-linux-gnu-as")
	obj := filepath.Join(t.TempDir(), "x.o")
	cmd := exec.Command(as, "-mpower10", "-I", filepath.Join("..", "testdata", "src"), "-o", obj)
	cmd.Stdin = strings.NewReader(".include \"sc_asm.h\"\n.text\n" + text)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	b, err := os.ReadFile(obj)
	if err != nil {
		t.Fatal(err)
	}
	if kept != "" && os.WriteFile(kept+".new", b, 0o644) == nil {
		_ = os.Rename(kept+".new", kept)
	}
	return b
}

// The pieces of the sources below.
const (
	foreignKey = "key op, target\n" // target is undefined and may be in any unit
	ownTarget  = ".hidden target\nfunc target\nblr\nendfunc target\n"
	caller     = "func caller\nframe\nbl __SCT__op\nnop\nunframe\nendfunc caller\n"
	savedFirst = "func caller\nframe\nstd 2,24(1)\nbl __SCT__op\nnop\nunframe\nendfunc caller\n"
	twice      = "func caller\nframe\nmr 31,1\nbl __SCT__op\nnop\nneg 3,3\nld 0,0(1)\nstdux 0,1,3\nbl other\nnop\nmr 1,31\nunframe\nendfunc caller\n"
	tailCaller = "func caller\nb __SCT__op\nendfunc caller\n"
	selfTramp  = `	.pushsection .text.sct,"ax",@progbits
	.globl __SCT__op
	.protected __SCT__op
	.type __SCT__op,@function
__SCT__op:
	mflr 0
	bcl 20,31,1f
1:	mflr 12
	mtlr 0
	addis 2,12,(.TOC.-1b)@ha
	addi 2,2,(.TOC.-1b)@l
	addis 12,2,__SCK__op@toc@ha
	ld 12,__SCK__op@toc@l(12)
	mtctr 12
	bctr
	.size __SCT__op,.-__SCT__op
	.popsection
`
	// savedFirst as an earlier version patched it, without the branch.
	listedBefore = `	.text
	.globl caller
	.type caller,@function
caller:
	addis 2,12,.TOC.-caller@ha
	addi 2,2,.TOC.-caller@l
	.localentry caller,.-caller
	frame
	std 2,24(1)
.Lsite:
	SITE
	ld 2,24(1)
	unframe
	.size caller,.-caller
	.section .text.unlikely.static_call,"ax",@progbits
	.balign 16
	.type __SCS__op,@function
	.type __SCJ__op,@function
__SCS__op:
	std 2,24(1)
__SCJ__op:
	nop
	addis 12,2,__SCK__op@got@ha
	ld 12,__SCK__op@got@l(12)
	ld 12,0(12)
	cmpdi 12,0
	beqlr
	mtctr 12
	bctr
	.size __SCS__op,.-__SCS__op
	.size __SCJ__op,.-__SCJ__op
	.section static_call_sites,"aw",@progbits
	.long .Lsite-.,__SCJ__op-.
	.quad __SCK__op
	.long __SCJ__op-.,__SCJ__op-.
	.quad __SCK__op
	.text
`
	// Likewise notocCaller with a key that held NULL; there is no relocation.
	noTOCListed = `	.text
	.localentry caller,1
	.globl caller
	.type caller,@function
caller:
	mflr 0
	std 0,16(1)
	stdu 1,-48(1)
.Lsite:
	nop
	addi 1,1,48
	ld 0,16(1)
	mtlr 0
	blr
	.size caller,.-caller
	.section .text.unlikely.static_call,"ax",@progbits
	.balign 16
	.localentry __SCN__op,1
	.type __SCN__op,@function
__SCN__op:
	pld 12,__SCK__op@got@pcrel
	ld 12,0(12)
	cmpdi 12,0
	beqlr
	mtctr 12
	bctr
	.size __SCN__op,.-__SCN__op
	.section static_call_sites,"aw",@progbits
	.long .Lsite-.,__SCN__op-.
	.quad __SCK__op+2
	.section .text.sct,"ax",@progbits
`
	trampNull   = "tramp op\n.protected __SCT__op\n"
	notocCaller = "	.localentry caller,1\n	.type caller,@function\n	.globl caller\ncaller:\n	mflr 0\n	std 0,16(1)\n	stdu 1,-48(1)\n	bl __SCT__op@notoc\n	addi 1,1,48\n	ld 0,16(1)\n	mtlr 0\n	blr\n	.size caller,.-caller\n"
)
