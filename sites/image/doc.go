// SPDX-License-Identifier: BSD-3-Clause

// Package image retargets the static-call branches of a linked vmlinux from
// trampoline to target, in place. It is for the image from the kernel's normal
// link, which does not use a patched vmlinux.o.
//
//	entry of .static_call_sites ──addr──► bl __SCT__name; nop
//	                            ──key───► __SCK__name ──► function
//
//	bl __SCT__name  becomes  bl function, at its local entry
//	                         nop or blr       the key holds NULL
//	                         li r3,0          it holds __static_call_return0
//
// Only the branch words and the stub fields of entries change (see below), and
// no section moves. An image is one link unit, so r2 holds the same TOC pointer
// on both sides of each call. The sites are those in the table. What a key
// holds is read from the key, or in a relocatable kernel from the dynamic
// relocation on it. The table stays, so the run time can make the calls follow
// their keys later.
//
// If a site reaches its trampoline only through a linker's stub, the stub's
// address goes into the stub field of its entry, because the run time needs it
// to make the site call the trampoline again. A site that calls anything else
// is kept.
package image
