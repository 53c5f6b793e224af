// SPDX-License-Identifier: BSD-3-Clause

// Package image sends the static-call sites of a linked kernel image home, in
// place: the image that the kernel's normal link makes, which does not use a
// patched vmlinux.o.
//
//	entry of .static_call_sites ──addr──► bl __SCT__name; nop
//	                            ──key───► __SCK__name ──► function
//
//	bl __SCT__name  becomes  bl function, at its local entry
//	                         nop or blr       the key holds NULL
//	                         li r3,0          it holds __static_call_return0
//
// Nothing but the branch words changes: an image is one link unit, whose TOC
// pointer is in r2 on both sides of each call, and no section moves. The sites
// are those of the table, and what a key holds is read from the key, in a
// relocatable kernel from the dynamic relocation against it. The table stays: the
// run time makes the calls follow their keys from then on.
//
// A site whose branch goes to its trampoline by way of a linker's stub is kept:
// the trampoline is out of reach, and once the stub's address is gone from the
// branch nothing could lead back to it.
package image
