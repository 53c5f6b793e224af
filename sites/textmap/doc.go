// SPDX-License-Identifier: BSD-3-Clause

// Package textmap finds out from an ELF file what package tocsave has to know
// about the functions around calls, and asks it.
//
// # Model
//
//	            Read, of some sections                Prove, of some calls
//	elfrw.File ───────────────────────► Map ───────────────────────────────► verdicts
//	                                     │  ▲                  tocsave.Func
//	                                     │  └── Saves: what the caller knows of stubs
//	                                     └─► HasLSDA
//
// A proof is worth what the list of the ways into a function is worth. The
// instructions show only some of them; the others are in other sections, which
// Read goes through once for all functions of the sections that it is asked for:
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
// For each section there are sorted lists of what was found. Prove takes the part
// that lies in a function, makes a tocsave.Func of it, and analyses each function
// once. Where symbols overlap, every function that covers a call has to prove it.
//
// # Where indirect branches go
//
// A bctr with a frame is a switch or a computed goto. Its targets are known if all
// addresses that it can be computed from are tables:
//
//	in .rodata, distances from the table's begin: the relocation of an element P is
//	    S + A - P, so that its target is S + A - (P - table); what the table is
//	    shows who refers to it. If only this function does, its bctr alone goes there
//	in the text, behind the bctr: see tocsave.TextTable
//	in data, addresses
//
// Where code has the address of any other place of the function, the place may be
// what distances are added to, as in goto *(&&base + table[i]), whose table the
// assembler has made without a relocation. The same holds where an instruction
// finds its own address. The bctr has unknown targets then.
//
// # What is not understood
//
// Nothing is guessed. What is not of the known form costs what it could be about,
// and no more: the functions that an entry of .eh_frame names by its relocations,
// and those that the section of its exception table names; the entry of __ex_table
// or __jump_table; the place, the function, or the stretch of text. An entry of
// .eh_frame that names nothing may be of any function that no other entry covers.
// R_PPC64_NONE is no relocation: ld.bfd leaves one for each that it drops, at a
// place that has nothing to do with it. Only relocations of a kind that is not read
// cost all of the file. Read fails only where the object contradicts itself.
//
// # Linked images
//
// ReadImage has no relocations of the code, and goes through all of it: for
// branches between sections and functions, and for the addresses that it computes
// from the TOC pointer (or from its own address, or loads from the TOC). Behind
// such an address a jump table shows itself: its elements lead into the text.
// Addresses in data are those of the dynamic linker's relocations, and any eight
// bytes that are one. Linux's tables lie between symbols.
//
// # Cost
//
// Without sections nothing is read. Else there is one pass over the symbols and
// over the relocations of the sections that are loaded, a second and a third one
// over these where there are jump tables, one over .eh_frame and over the words of
// the sections in question. Everything is linear but for sorting what was found;
// where functions, tables or exception tables overlap so that it would not be,
// nothing is proven.
package textmap
