// SPDX-License-Identifier: BSD-3-Clause

package tocsave

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/scpatch/scpatch/ppc64"
	"github.com/scpatch/scpatch/ppc64/tooltest"
)

// A rule is a function, the other fields of its Func by the names of places,
// and the verdicts.
type rule struct {
	name    string
	text    string
	unknown string
	pads    string
	saves   string
	patched string
	jumps   map[string]string
	entry   ppc64.LocalEntry // 0: as fn sets it
}

const frame = "stdu r1,-96(r1)\n"
const saved = frame + "std r2,24(r1)\n"

var rules = []rule{
	{name: "saved", text: saved + "bl f | yes"},
	{name: "not saved", text: frame + "bl f | no save of r2"},
	{name: "saved in the caller's frame", text: `
s:		std r2,24(r1)
		stdu r1,-96(r1)
		bl f | save before the frame exists at {s}`},
	{name: "no frame", text: `
s:		std r2,24(r1)
		bl f | save before the frame exists at {s}`},
	{name: "a frame too small to have the slot", text: `
		stdu r1,-16(r1)
s:		std r2,24(r1)
		bl f | save before the frame exists at {s}`},
	{name: "saved again after the frame", text: "std r2,24(r1)\n" + saved + "bl f | yes"},
	{name: "other slots", text: frame + "std r2,16(r1)\nstd r2,32(r1)\nstw r2,24(r1)\nbl f | no save of r2"},
	{name: "other register", text: frame + "std r3,24(r1)\nbl f | no save of r2"},
	{name: "calls keep it", text: saved + "bl f | yes\nnop\nbl g | yes\nnop\nbl h | yes"},
	{name: "a leaf loop", text: saved + `
l:		bl f | yes
		nop
		bdnz l
		bl g | yes`},

	// Other values of r2.
	{name: "bctrl", text: saved + `
c:		bctrl
		bl f | r2 is not restored after the indirect call at {c}`},
	{name: "bctrl with its restore", text: saved + "bctrl\nld r2,24(r1)\nbl f | yes"},
	{name: "bctrl with a restore and no save", text: frame + `
		bctrl
l:		ld r2,24(r1)
		bl f | r2 is loaded from 24(r1) without a save at {l}`},
	{name: "call with another unit's r2", text: saved + `
t:		bctrl
		bl f | r2 is not restored after the indirect call at {t}
		ld r2,24(r1)
		bl f | the call at {t} may return again after 24(r1) has changed`},
	{name: "save of another unit's r2", text: saved + `
t:		bctrl
		std r2,24(r1)
		ld r2,24(r1)
		bl f | the call at {t} may return again after 24(r1) has changed`},
	{name: "r2 computed", text: saved + "w:\naddi r2,r12,8\nbl f | r2 is changed at {w}"},
	{name: "r2 loaded", text: saved + "w:\nld r2,40(r1)\nbl f | r2 is changed at {w}"},
	{name: "r2 from the slot again", text: saved + "ld r2,40(r1)\nld r2,24(r1)\nbl f | yes"},
	{name: "lmw", text: saved + "w:\n.long 0xb8430000\nbl f | r2 is changed at {w}"},
	{name: "padding ori r2,r2,0", text: saved + "ori r2,r2,0\nbl f | yes"},
	{name: "padding or 1,1,1", text: saved + "or r1,r1,r1\nor r2,r2,r2\nbl f | yes"},
	{name: "ori that is no padding", text: saved + "w:\nori r2,r2,1\nbl f | r2 is changed at {w}"},
	{name: "cmpd of r1 and r2", text: saved + "cmpd r1,r2\nbl f | yes"},
	{name: "an opcode that nobody knows", text: saved + "w:\n.long 0x14410000\nbl f | r2 is changed at {w}"},
	{name: "NOTOC", text: saved + `
n:		bl g@notoc | the call at {n} may return again after 24(r1) has changed
		bl f | the callee at {n} may change r2 (NOTOC)`},
	{name: "NOTOC and a restore", text: saved + "bl g@notoc | yes\nld r2,24(r1)\nbl f | yes"},
	{name: "system call", text: saved + "mr r7,r2\nt:\nsc\nstd r7,24(r1)\nbl f | the call at {t} may return again after 24(r1) has changed"},

	// Entries.
	{name: "local entry 0", entry: 9, text: saved + "bl f | the function has one entry: r2 may be its caller's"},
	{name: "local entry 1", entry: 1, text: saved + "bl f | the function has local entry 1: r2 is not its own"},

	// Copies.
	{name: "copy", text: frame + "mr r7,r2\nstd r7,24(r1)\nbl f | yes"},
	{name: "copy of a copy", text: frame + "mr r7,r2\nori r8,r7,0\nstd r8,24(r1)\nbl f | yes"},
	{name: "a copy that the linker changes", text: frame + "{X} ori r7,r2,0\nstd r7,24(r1)\nbl f | no save of r2"},
	{name: "copy changed", text: frame + "mr r7,r2\nli r7,0\nstd r7,24(r1)\nbl f | no save of r2"},
	{name: "copy loaded over", text: frame + "mr r7,r2\nldu r7,8(r9)\nstd r7,24(r1)\nbl f | no save of r2"},
	{name: "copy used as a base with update", text: frame + "mr r7,r2\nstbu r9,8(r7)\nstd r7,24(r1)\nbl f | no save of r2"},
	{name: "copy over a call", text: frame + "mr r7,r2\nbl g\nstd r7,24(r1)\nbl f | no save of r2"},
	{name: "an address over a call", text: saved + "addi r12,r1,24\nbl g\nstd r9,0(r12)\nbl f | yes"},
	{name: "copy made after bctrl", text: frame + "bctrl\nmr r7,r2\nstd r7,24(r1)\nbl f | r2 is not restored after the indirect call at +0xc"},
	{name: "r2 from a copy", text: saved + "mr r7,r2\nli r2,0\nmr r2,r7\nbl f | yes"},
	{name: "copy out of the slot", text: saved + "ld r7,24(r1)\nstd r3,24(r1)\nstd r7,24(r1)\nbl f | yes"},
	{name: "copy on one path", text: frame + `
		beq l
		mr r7,r2
l:		std r7,24(r1)
		bl f | no save of r2`},

	// r1 moves.
	{name: "alloca", text: saved + "m:\nstdux r0,r1,r9\nbl f | alloca moves r1 at {m}"},
	{name: "alloca of known size", text: saved + "m:\nstdu r0,-64(r1)\nbl f | alloca moves r1 at {m}"},
	{name: "saved after alloca", text: saved + "stdux r0,r1,r9\nstd r2,24(r1)\nbl f | yes"},
	{name: "alloca in a loop", text: saved + `
l:		bl f | alloca moves r1 at {m}
m:		stdux r0,r1,r9
		bdnz l`},
	{name: "saved and alloca in a loop", text: saved + `
l:		std r2,24(r1)
t:		bl f | the call at {t} may return again after 24(r1) has changed
		stdux r0,r1,r9
		bdnz l`},
	{name: "frame by stdux", text: "stdux r1,r1,r0\nstd r2,24(r1)\nbl f | yes"},
	{name: "frame popped", text: saved + "m:\naddi r1,r1,96\nbl f | r1 is changed at {m}"},
	{name: "popped, and saved in the caller's frame", text: saved + "addi r1,r1,96\ns:\nstd r2,24(r1)\nbl f | save before the frame exists at {s}"},
	{name: "popped by mr", text: "mr r11,r1\n" + saved + "mr r1,r11\ns:\nstd r2,24(r1)\nbl f | save before the frame exists at {s}"},
	{name: "r1 loaded", text: saved + "ld r1,0(r1)\ns:\nstd r2,24(r1)\nbl f | save before the frame exists at {s}"},
	{name: "r1 from elsewhere", text: saved + "mr r1,r9\ns:\nstd r2,24(r1)\nbl f | save before the frame exists at {s}"},
	{name: "new frame after that", text: saved + "mr r1,r9\nstdu r1,-64(r1)\nstd r2,24(r1)\nbl f | yes"},
	{name: "new frame too small", text: saved + "mr r1,r9\nstdu r1,-16(r1)\ns:\nstd r2,24(r1)\nbl f | save before the frame exists at {s}"},
	{name: "frame by stdux, popped", text: "stdux r1,r1,r0\naddi r1,r1,96\ns:\nstd r2,24(r1)\nbl f | save before the frame exists at {s}"},
	{name: "part of a frame back", text: saved + "addi r1,r1,32\nstd r2,24(r1)\nbl f | yes"},
	{name: "variable array given back", text: saved + `
		mr r31,r1
		stdux r0,r1,r9
		mr r1,r31
		std r2,24(r1)
		bl f | yes`},
	{name: "probed frame", text: `
l:		stdu r1,-4096(r1)
		bdnz l
		stdu r1,-96(r1)
		std r2,24(r1)
		bl f | yes`},

	// Stores.
	{name: "store over the slot", text: saved + "s:\nstd r3,24(r1)\nbl f | 24(r1) may be overwritten at {s}"},
	{name: "store over its last byte", text: saved + "s:\nstb r3,31(r1)\nbl f | 24(r1) may be overwritten at {s}"},
	{name: "store over its begin", text: saved + "s:\nstd r3,20(r1)\nbl f | 24(r1) may be overwritten at {s}"},
	{name: "stores beside it", text: saved + "std r3,16(r1)\nstd r3,32(r1)\nstb r3,23(r1)\nstw r3,20(r1)\nbl f | yes"},
	{name: "stmw over it", text: saved + "s:\nstmw r20,0(r1)\nbl f | 24(r1) may be overwritten at {s}"},
	{name: "stmw short of it", text: saved + "stmw r26,0(r1)\nbl f | yes"},
	{name: "store through any register", text: saved + "std r3,24(r9)\nstdx r3,r9,r10\nbl f | yes"},
	{name: "store through an alias", text: saved + "mr r9,r1\ns:\nstd r3,24(r9)\nbl f | 24(r1) may be overwritten at {s}"},
	{name: "store through an alias, beside it", text: saved + "addi r9,r1,8\nstd r3,24(r9)\nbl f | yes"},
	{name: "store through an alias of an alias", text: saved + "addi r9,r1,32\naddi r9,r9,-8\ns:\nstd r3,0(r9)\nbl f | 24(r1) may be overwritten at {s}"},
	{name: "save through an alias", text: frame + "mr r31,r1\nstd r2,24(r31)\nbl f | yes"},
	{name: "save through what may be one", text: frame + `
		beq l
		mr r31,r1
l:		std r2,24(r31)
		bl f | no save of r2`},
	{name: "restore through what may be one", text: saved + "beq l\nmr r31,r1\nl:\nld r2,24(r31)\nbl f | r2 is changed at {l}"},
	{name: "save through what is one, or may be", text: frame + `
		mr r31,r1
		beq n
		beq x
		li r31,0
x:		nop
n:		std r2,24(r31)
		bl f | no save of r2`},
	{name: "alias from before the frame", text: "addi r9,r1,-96\n" + saved + "s:\nstd r3,24(r9)\nbl f | 24(r1) may be overwritten at {s}"},
	{name: "alias from before the frame, beside it", text: "mr r9,r1\n" + saved + "std r3,-8(r9)\nbl f | yes"},
	{name: "alias of an unknown offset", text: saved + "add r9,r1,r10\ns:\nstd r3,64(r9)\nbl f | 24(r1) may be overwritten at {s}"},
	{name: "alias by arithmetic", text: saved + "rldicr r9,r1\ns:\nstd r3,64(r9)\nbl f | 24(r1) may be overwritten at {s}"},
	{name: "alias by a relocated addition", text: saved + "{X} addi r9,r1,0\ns:\nstd r3,64(r9)\nbl f | 24(r1) may be overwritten at {s}"},
	{name: "alias on one path", text: saved + `
		beq l
		addi r9,r1,24
l:		std r3,0(r9)
		bl f | 24(r1) may be overwritten at {l}`},
	{name: "alias on one path, beside the slot", text: saved + `
		beq l
		addi r9,r1,32
l:		std r3,0(r9)
		bl f | yes`},
	{name: "two aliases on two paths", text: saved + `
		addi r9,r1,32
		beq l
		addi r9,r1,64
l:		std r3,0(r9)
		bl f | 24(r1) may be overwritten at {l}`},
	{name: "alias that walks", text: saved + `
		addi r9,r1,40
l:		stbu r3,1(r9)
		bdnz l
		bl f | 24(r1) may be overwritten at {l}`},
	{name: "alias gone", text: saved + "mr r9,r1\nld r9,40(r3)\nstd r3,24(r9)\nbl f | yes"},
	{name: "alias in a volatile register over a call", text: saved + "mr r9,r1\nbl g | yes\nstd r3,24(r9)\nbl f | yes"},
	{name: "alias in another over a call", text: saved + "mr r31,r1\nt:\nbl g | the call at {t} may return again after 24(r1) has changed\nstd r3,24(r31)\nbl f | the call at {t} may return again after 24(r1) has changed"},
	{name: "back chain", text: saved + "ld r9,0(r1)\ns:\nstd r3,-8(r9)\nbl f | 24(r1) may be overwritten at {s}"},
	{name: "frame pointer over alloca", text: saved + "mr r31,r1\nstdux r0,r1,r9\nstd r2,24(r1)\ns:\nstd r3,24(r31)\nbl f | 24(r1) may be overwritten at {s}"},
	{name: "frame of the round before", text: saved + `
l:		stdux r0,r1,r10
		std r2,24(r1)
s:		std r3,-40(r31)
		bl f | 24(r1) may be overwritten at {s}
		mr r31,r1
		bdnz l`},
	{name: "frame of the round before, where paths meet", text: saved + `
		beq l
		stdu r1,-64(r1)
l:		std r2,24(r1)
s:		std r3,-40(r31)
		bl f | 24(r1) may be overwritten at {s}
		mr r31,r1
		stdu r1,-64(r1)
		bdnz l`},
	{name: "indexed", text: saved + "s:\nstdx r3,r1,r9\nbl f | 24(r1) may be overwritten at {s}"},
	{name: "indexed by r1", text: saved + "s:\nstdx r3,r9,r1\nbl f | 24(r1) may be overwritten at {s}"},
	{name: "indexed by a number", text: saved + "li r9,48\nstxvd2x r0,r1,r9\nstvx r0,r1,r9\nbl f | yes"},
	{name: "indexed by a bad number", text: saved + "li r9,24\ns:\nstdx r3,r1,r9\nbl f | 24(r1) may be overwritten at {s}"},
	{name: "indexed by two numbers", text: saved + "li r9,48\nbeq l\nli r9,64\nl:\nstdx r3,r1,r9\nbl f | 24(r1) may be overwritten at {l}"},
	{name: "indexed, aligned down", text: saved + "li r9,33\ns:\nstvx r0,r1,r9\nbl f | 24(r1) may be overwritten at {s}"},
	{name: "relocated displacement", text: saved + "mr r9,r1\ns:\n{X} std r3,0(r9)\nbl f | 24(r1) may be overwritten at {s}"},
	{name: "prefixed store", text: saved + "s:\npstd r3,24(r1)\nbl f | 24(r1) may be overwritten at {s}"},
	{name: "prefixed store beside it", text: saved + "pstd r3,64(r1)\nbl f | yes"},
	{name: "prefixed move of r1", text: saved + "m:\npaddi r1,r1,-32\nbl f | r1 is changed at {m}"},
	{name: "a suffix that looks like a kill", text: saved + ".long 0x04000000\n.long 0xf8610018\nbl f | 24(r1) may be overwritten at +0x10"},
	{name: "a suffix that looks like a bctr", text: saved + ".long 0x05000000\n.long 0x4e800420\nbl f | yes"},
	{name: "a suffix that looks like a save", text: frame + ".long 0x05000000\nstd r2,24(r1)\nbl f | no save of r2"},

	// Paths.
	{name: "one path without a save", text: frame + `
		beq l
s:		std r2,24(r1)
		bl g | yes
		nop
l:		bl f | path from +0xc has no save`},
	{name: "both paths save", text: frame + `
		beq l
		std r2,24(r1)
		b m
l:		std r2,24(r1)
m:		bl f | yes`},
	{name: "backward path without a save", text: frame + `
		b e
l:		bl f | path from {x} has no save
e:		std r3,40(r1)
x:		bdnz l
		std r2,24(r1)
		b l`},
	{name: "shrink-wrapped", text: `
		beq l
		stdu r1,-96(r1)
		std r2,24(r1)
		bl f | yes
		addi r1,r1,96
l:		blr`},
	{name: "dead padding", text: saved + `
		b l
		li r2,0
		stdu r1,-8(r1)
l:		bl f | yes`},
	{name: "return", text: saved + "beqlr\nbl f | yes\nblr\nbl g | not reached from the function's entry"},
	{name: "return from interrupt", text: saved + "rfid\nbl g | not reached from the function's entry"},
	{name: "tail call", text: saved + "beq l\naddi r1,r1,96\nb g\nl:\nbl f | yes"},
	{name: "trap goes on", text: frame + `
		beq l
x:		trap
l:		std r2,24(r1)
		trap
		bl f | yes`},
	{name: "not a call", text: saved + "b g | not a bl\nbctrl | not reached from the function's entry"},
	{name: "a constant in the place of a call", text: saved + "nop | yes\nld r2,24(r1)\nli r3,0 | yes\nld r2,24(r1)\nbl f | yes"},
	{name: "not saved before a constant", text: frame + "nop | no save of r2\nli r3,1 | not a bl"},
	{name: "what a constant does not do", text: frame + `
		mr r7,r2
		nop | no save of r2
		std r7,24(r1)
		bl f | no save of r2`},
	{name: "own address", text: saved + "bl l | not a bl\nl:\nmflr r3\nbl f | yes"},
	{name: "own address by bcl", text: saved + "bcl l\nl:\nmflr r3\nbl f | yes"},
	{name: "subroutine", text: saved + `
		bl l | yes
e:		bl f | it is not known what 24(r1) holds where the function is entered at {e}
		blr
l:		bl g | it is not known what 24(r1) holds where the function is entered at {l}`},
	{name: "conditional call", text: saved + "mr r9,r1\nt:\nbeql f\nstd r3,24(r9)\nbl f | the call at {t} may return again after 24(r1) has changed"},
	{name: "recursion", text: "e:\n" + saved + "bl e | yes\nbl f | yes"},

	{name: "jump to the global entry", text: saved + ".long 0x4182fff0\nbl f | yes"},

	// Indirect branches.
	{name: "jump table", jumps: map[string]string{"j": "x y"}, text: saved + `
j:		bctr
		.long 0
x:		bl f | yes
y:		bl g | yes`},
	{name: "jump table before the save", jumps: map[string]string{"j": "x y"}, text: frame + `
j:		bctr
x:		std r2,24(r1)
		bl f | yes
y:		bl g | path from {j} has no save`},
	{name: "a jump by LR", text: saved + `
		.long 0x7d2803a6
		bl f | indirect branch at {j} has unknown targets
j:		blr`},
	{name: "a conditional jump by LR", text: saved + `
		.long 0x7d2803a6
		bl f | indirect branch at {j} has unknown targets
j:		beqlr`},
	{name: "a return without the frame", text: saved + "bl f | yes\naddi r1,r1,96\n.long 0x7c0803a6\nblr"},
	{name: "unknown targets", text: saved + `
		bl f | indirect branch at {j} has unknown targets
j:		bctr
		bl g | indirect branch at {j} has unknown targets`},
	{name: "indirect tail call", text: saved + "bl f | yes\naddi r1,r1,96\nbctr"},
	{name: "indirect tail call with another r2", text: saved + "bl f | indirect branch at {j} has unknown targets\nbctrl\naddi r1,r1,96\nj:\nbctr"},
	{name: "unreached indirect branch", text: saved + "bl f | yes\nblr\nbctr"},
	{name: "relocated branch into the function", jumps: map[string]string{"j": "l"}, text: frame + `
		beq m
j:		b somewhere
m:		std r2,24(r1)
l:		bl f | path from {j} has no save`},
	{name: "asm goto", jumps: map[string]string{"j": "l"}, text: frame + `
j:		nop
		std r2,24(r1)
		bl f | yes
l:		bl g | path from {j} has no save`},
	{name: "asm goto after the save", jumps: map[string]string{"j": "l"}, text: saved + `
j:		nop
		blr
l:		bl g | yes`},
	{name: "fault before and after the effect", jumps: map[string]string{"j": "l"}, text: frame + `
j:		std r2,24(r1)
		blr
l:		bl g | path from {j} has no save`},

	// Other entries.
	{name: "unknown entry", unknown: "l", text: saved + "bl f | yes\nnop\nl:\nbl g | it is not known what 24(r1) holds where the function is entered at {l}"},
	{name: "the function's own entry is not unknown", unknown: "e", text: "e:\n" + saved + "bl f | yes"},
	{name: "saved after an unknown entry", unknown: "l", text: saved + "blr\nl:\nstd r2,24(r1)\nbl g | it is not known what 24(r1) holds where the function is entered at {l}"},
	{name: "landing pad", pads: "p", text: saved + "bl f | yes\nblr\np:\nbl g | landing pad at {p}"},
	{name: "landing pad that saves", pads: "p", text: saved + "bl f | yes\nblr\np:\nstd r2,24(r1)\nbl g | yes"},
	{name: "landing pad of code before the frame", pads: "p", text: "bl f | no save of r2\nblr\np:\nstd r2,24(r1)\nbl g | save before the frame exists at {p}"},
	{name: "landing pad that joins", pads: "p", text: saved + "p:\nbl f | landing pad at {p}"},
	{name: "landing pad with a frame pointer", pads: "p", text: saved + "mr r31,r1\nbctrl\nblr\np:\nstd r2,24(r1)\nstd r3,40(r31)\nt:\nbl g | the call at {t} may return again after 24(r1) has changed\nstd r3,24(r31)\nbl g | the call at {t} may return again after 24(r1) has changed"},
	{name: "landing pad without a call", pads: "p", text: saved + "blr\np:\nbl g | not reached from the function's entry"},
	// Second returns.
	{name: "a call and then alloca", text: saved + "t:\nbl f | the call at {t} may return again after 24(r1) has changed\nnop\nstdu r1,-64(r1)"},
	{name: "after a call and in front of alloca", text: saved + "t:\nbl f | the call at {t} may return again after 24(r1) has changed\nnop\nbl g | the call at {t} may return again after 24(r1) has changed\nstdu r1,-64(r1)\nbl h | the call at {t} may return again after 24(r1) has changed"},
	{name: "saved after the call", text: saved + "bl f | yes\nstd r2,24(r1)\naddi r1,r1,96"},
	{name: "alloca on another path", text: saved + "beq l\nbl f | yes\nb m\nl:\na:\nstdu r1,-64(r1)\nbl g | alloca moves r1 at {a}\nm:\naddi r1,r1,96"},
	{name: "alloca in a loop", text: saved + "l:\na:\nbl f | alloca moves r1 at +0x14\nstdu r1,-64(r1)\nbdnz l"},
	{name: "alloca and no call after it", text: saved + "beq l\nblr\nl:\nt:\nbl f | the call at {t} may return again after 24(r1) has changed\nstdu r1,-64(r1)\nb l2\nl2:\nb l2"},
	{name: "another frame, and a call from there", text: saved + "t:\nbl f | the call at {t} may return again after 24(r1) has changed\naddi r1,r1,96\nstdu r1,-64(r1)\nstd r2,24(r1)\nbl g | yes"},
	{name: "another frame, and no call from there", text: saved + "bl f | yes\naddi r1,r1,96\nstdu r1,-64(r1)\nstd r2,24(r1)"},
	{name: "another value in the slot", text: saved + "t:\nbl f | the call at {t} may return again after 24(r1) has changed\nstd r3,24(r1)\nbl g | the call at {t} may return again after 24(r1) has changed"},
	{name: "another value for a while", text: saved + "bl f | yes\nstd r3,24(r1)\nld r4,24(r1)\nstd r2,24(r1)\nbl g | yes"},
	{name: "sc returns again", text: saved + "t:\nsc\nbl f | the call at {t} may return again after 24(r1) has changed\nstd r3,24(r1)\nbl g | the call at {t} may return again after 24(r1) has changed"},
	{name: "a restore after the call", text: saved + "t:\nbctrl\nld r2,24(r1)\nbl f | the call at {t} may return again after 24(r1) has changed\nstd r2,24(r1)\nu:\nbl g | the call at {u} may return again after 24(r1) has changed\nstdu r1,-64(r1)\nstd r2,24(r1)\nbl g | yes"},
	{name: "alloca in a landing pad", pads: "p", text: saved + "t:\nbl f | the call at {t} may return again after 24(r1) has changed\naddi r1,r1,96\nblr\np:\nstdu r1,-64(r1)\nbl g | landing pad at {p}"},
	{name: "leaves with the frame", text: saved + "t:\nbl f | the call at {t} may return again after 24(r1) has changed\nb far"},
	{name: "leaves without the frame", text: saved + "bl f | yes\naddi r1,r1,96\nb far"},
	{name: "a landing pad with calls", pads: "p", text: saved + "bl f | yes\naddi r1,r1,96\nblr\np:\nbctrl\nld r2,24(r1)\nbl g | landing pad at {p}\nbl h | landing pad at {p}"},
	{name: "a call that saves", saves: "t", text: frame + "t:\nbl stub | no save of r2\nld r2,24(r1)\nbl f | yes"},
	{name: "a call that saves, where the frame is not known", saves: "t", text: frame + "beq l\nld r1,0(r1)\nl:\nt:\nbl stub | no save of r2\nld r2,24(r1)\nbl f | yes"},
	{name: "a call that saves another r2", saves: "t", text: frame + "bctrl\nt:\nbl stub | r2 is not restored after the indirect call at +0xc\nl:\nld r2,24(r1)\nbl f | r2 is loaded from 24(r1) without a save at {l}"},

	{name: "patched", patched: "n", text: saved + "bl f | yes\nnop\nn:\nnop\nbl f | the code at {n} may be patched"},
	{name: "patched to be a save", patched: "n", text: frame + "mr r7,r2\nn:\nnop\nstd r7,24(r1)\nbl f | no save of r2"},
	{name: "saved after what is patched", patched: "n", text: frame + "n:\nnop\nstd r2,24(r1)\nbl f | yes"},
	{name: "a call that is patched", patched: "n", text: saved + "n:\nbl f | the code at {n} may be patched"},

	// Inline PLT sequences: the linker may turn them into bl f; nop.
	{name: "inline PLT sequence", text: frame + `
		{SEQ} std r2,24(r1)
		{SEQ} mtctr r12
		{CALL} bctrl
		ld r2,24(r1)
		bl f | no save of r2`},
	{name: "inline PLT sequence after a save", text: saved + `
		{SEQ} std r2,24(r1)
		{SEQ} mtctr r12
		{CALL} bctrl
		ld r2,24(r1)
		bl f | yes`},

	{name: "inline PLT sequence without a TOC", text: saved + `
c:		{CALLN} bctrl
		bl f | the callee at {c} may change r2 (NOTOC)`},
	{name: "inline PLT sequence with another r2", text: saved + `
c:		bctrl
		{CALL} bctrl
		ld r2,24(r1)
		bl f | r2 is not restored after the indirect call at {c}`},

	// The end.
	{name: "falls off the end", text: saved + "bl f | yes"},
	{name: "prefix at the end", text: saved + "bl f | yes\n.long 0x04000000"},
}

// fn returns the function of a rule.
func (r rule) fn(p *program) *Func {
	f := p.fn()
	switch {
	case r.entry == 9: // the rule wants 0
		f.Entry = 0
	case r.entry != 0:
		f.Entry = r.entry
	}
	if !f.Entry.UsesTOC() {
		f.Start = 8
		f.Code = append(f.Code[:8:8], p.code...)
	}
	places := func(names string) (offs []uint64) {
		for _, name := range strings.Fields(names) {
			offs = append(offs, p.at(name))
		}
		return offs
	}
	f.Entries, f.LandingPads = places(r.unknown), places(r.pads)
	f.Saves, f.Patched = places(r.saves), places(r.patched)
	for from, to := range r.jumps {
		f.Jumps = map[uint64][]uint64{p.at(from): places(to)}
	}
	return f
}

func TestRules(t *testing.T) {
	for _, r := range rules {
		p := assemble(t, r.text)
		p.check(t, r.name, r.fn(p))
	}
}

// TestRulesAsm compares the test's own assembler with GNU as.
func TestRulesAsm(t *testing.T) {
	as, objcopy := tooltest.Path(t, "powerpc64le-linux-gnu-as"), tooltest.Path(t, "powerpc64le-linux-gnu-objcopy")
	var source strings.Builder
	var want []byte
	for _, r := range rules {
		p := assemble(t, r.text)
		for i, line := range p.source {
			fields := strings.Fields(asmLine.FindStringSubmatch(line)[2])
			form := forms[fields[0]]
			if strings.ContainsAny(form.operands, "LlW") || strings.Contains(form.operands, "p") || fields[0] == "stmw" {
				continue // distances; GNU as may put a nop before a prefix; stmw is for big-endian only
			}
			line = line[strings.Index(line, "}")+1:]
			if fields[0] == "rldicr" {
				line += ",0,59"
			}
			if strings.HasPrefix(fields[0], "stxv") || strings.HasPrefix(fields[0], "stv") {
				line = strings.Replace(line, " r0", " 0", 1)
			}
			source.WriteString(line + "\n")
			off := p.places[i]
			want = append(want, p.code[off:off+4]...)
		}
	}
	dir := t.TempDir()
	src, obj, out := filepath.Join(dir, "x.s"), filepath.Join(dir, "x.o"), filepath.Join(dir, "x")
	if err := os.WriteFile(src, []byte(source.String()), 0o666); err != nil {
		t.Fatal(err)
	}
	if msg, err := exec.Command(as, "-mpower10", "-mregnames", "-o", obj, src).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, msg)
	}
	if msg, err := exec.Command(objcopy, "-O", "binary", "-j", ".text", obj, out).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, msg)
	}
	got, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(source.String(), "\n")
	if len(got) != len(want) {
		t.Fatalf("%d bytes, as makes %d", len(want), len(got))
	}
	for i := 0; i < len(want); i += 4 {
		g, _ := ppc64.Load(got, uint64(i))
		w, _ := ppc64.Load(want, uint64(i))
		if g != w {
			t.Errorf("%s: %08x, as makes %08x", lines[i/4], uint32(w), uint32(g))
		}
	}
}
