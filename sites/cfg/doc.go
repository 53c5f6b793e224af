// SPDX-License-Identifier: BSD-3-Clause

// Package cfg finds in an ELF file what package tocsave needs to know about
// the functions around calls, and asks it for proofs.
//
// # Model
//
//	            Read, of some sections                Prove, of some calls
//	elfrw.File ───────────────────────► Map ───────────────────────────────► verdicts
//	                                     │  ▲                  tocsave.Func
//	                                     │  └── Saves: what the caller knows of stubs
//	                                     └─► HasLSDA
//
// A proof is only as good as the list of the ways into a function. The
// instructions show only some of these ways; the others are in other sections.
// Read goes through those once, for all functions of the requested sections:
//
//	symbols                  functions and their local entries; entries within them
//	branches                 from another function or section, by relocation or by
//	                         decoding the section
//	addresses                any other relocation of a loaded section against a place
//	                         in the text: labels, jump tables, tables of labels
//	.eh_frame and exception  landing pads; what else the unwinder knows
//	tables
//	Linux                    __jump_table, __ex_table, __*_fixup and the alternatives
//
// Each section has sorted lists of what was found. Prove takes the part that
// lies in a function, makes a tocsave.Func of it, and analyses each function
// once. Where symbols overlap, every function that covers a call must prove it.
//
// # Where indirect branches go
//
// A bctr with a frame is a switch or a computed goto. Its targets are known if
// all addresses that they can be computed from are tables:
//
//	in .rodata, distances from the table's start: the relocation of an element P is
//	    S + A - P, so its target is S + A - (P - table). The references to the
//	    table show what it is; if only this function refers to it, only its bctr
//	    goes there
//	in the text, after the bctr: see tocsave.TextTable
//	in data, addresses
//
// If code has the address of any other place in the function, that place may be
// the base that distances are added to, as in goto *(&&base + table[i]), whose
// table the assembler has made without a relocation. The same is true where an
// instruction finds its own address. The bctr then has unknown targets.
//
// # What is not understood
//
// Nothing is guessed. If something does not have a known form, nothing is
// proven for the code that it may concern, and only for that: the functions
// that an entry of .eh_frame names by its relocations, and those that the
// section of its exception table names; the entry of __ex_table or
// __jump_table; the place, the function, or the range of text. An entry of
// .eh_frame that names nothing may belong to any function that no other entry
// covers. R_PPC64_NONE does not count as a relocation: ld.bfd leaves one for
// each that it drops, at an unrelated place. Only relocations in a format that
// is not read prevent all proofs in a file. Read fails only if the object
// contradicts itself.
//
// # Linked images
//
// A linked image has no relocations of its code. ReadImage goes through all
// code, for branches between sections and functions, and for addresses that the
// code computes from the TOC pointer or from its own address, or loads from the
// TOC. The two halves of an address belong together if the registers lead from
// one to the other. A jump table at such an address is recognized because its
// elements lead into the text. Addresses in data are those in the dynamic
// linker's relocations, and any eight bytes that could be an address. Symbols
// enclose Linux's tables.
//
// # Cost
//
// If no sections are asked for, nothing is read. Otherwise there is one pass
// over the symbols and over the relocations of the loaded sections, a second
// and a third pass over these relocations if there are jump tables, and one
// over .eh_frame and over the words of the sections in question. Everything is
// linear except for sorting the results. If functions, tables or exception
// tables overlap so much that it would not be linear, nothing is proven.
package cfg
