// SPDX-License-Identifier: BSD-3-Clause

// Package stub generates the machine code of call stubs and their call-frame
// information. It knows instructions and relocations, but neither sites nor
// plans.
//
// A stub loads a function pointer, the key, and jumps to it:
//
//	Save     std r2,24(r1)     a call to it can be followed by ld r2,24(r1)
//	Jump     the same stub, entered after the save
//	NoTOC    PC-relative       for callers without a TOC pointer
//	Shadow   keeps LR on a stack of the thread's own, calls, and restores r2
//
// A [Code] holds several stubs one after another, with the relocations that fill
// in the addresses of keys. [Unwind] describes them to unwinders.
package stub
