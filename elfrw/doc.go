// SPDX-License-Identifier: BSD-3-Clause

// Package elfrw opens, edits and writes ELF64 little-endian files without
// disturbing what was not asked for.
//
// # Model
//
//	        Open/New                Edit                  Layout
//	bytes ───────────► File ───────────────► Edit ───────────────► Image ──► WriteTemp, Commit
//	(mapped)           read-only view        a list of splices     the same, in their places
//
// A [File] is a view of bytes that are never written: section headers, symbols
// and relocations are decoded where they lie, each time they are asked for, so
// that opening costs one pass over the section headers and no allocation for
// each of them.
//
// An [Edit] collects changes. Every change is a splice: at a file offset, so
// many bytes go and such bytes come. Replacing an instruction, retargeting or
// dropping a relocation, growing a string table and appending a section are all
// the same thing to the writer.
//
// [Edit.Layout] turns the splices into an [Image]: whatever lies between two of
// them is copied. The splices of one section make a part; parts in file order,
// with copies between them, are the output. Only what has to move moves: when a
// section grows, whatever follows it in the file is shifted, each stretch up to
// the next part by a multiple of the largest alignment in it, so that every
// section keeps its offset modulo its alignment and the bytes between sections
// stay what they were. A section that shrinks leaves zeros behind and nothing
// moves; only where [Edit.RemoveSection] takes one away the file closes up, so that
// a section that was added and removed again leaves no trace. Without an edit the
// output is the input.
//
//	input    │ehdr│ .text │pad│ .rela.text │ .symtab │ .strtab │ shdrs │ signature │
//	output   │====│==x=x==│===│=====x======│=========│=========+++++++++++=======++│===│
//	              x replaced     + new strings, sections and headers
//
// Bytes that belong to two sections are not edited: Layout refuses to. So it
// does when a file with segments would change its size.
//
// Whatever follows the last section and the section headers (a kernel module
// carries its signature there) stays the last thing in the file. An edit would
// make a module's signature wrong: Layout refuses with [ErrSigned] unless
// [Edit.StripSignature] was called.
//
// [Image.WriteTemp] writes an Image to a file without a name in the directory of
// the destination, opens what it has written, and lets the caller look at it;
// [Temp.Commit] gives it the name. If the process is killed meanwhile nothing is
// left, except between the two system calls of Commit, link and rename: then a file
// .scpatch-* stays, which the next Commit for the same destination removes. Of two
// processes that come to that point for one destination one gets [ErrChanged].
//
// # A file that changes while it is read
//
// The input is mapped. [File.Changed] notices another size, another time of
// modification, or another file under the name, and WriteTemp asks it when it
// has written everything. Where pages of the mapping are gone, because someone
// truncated the file, an access to them is a fault: [File.Guard] makes an error
// of it. [Open] and WriteTemp guard themselves; who reads a File's bytes on his
// own account calls Guard around it.
//
// # Symbols
//
// Symbols keep their order. A new local symbol goes behind the last local one
// (the gABI wants local symbols first), which moves the indices of the global
// ones; Layout then renumbers every reference: relocations, section groups,
// SHT_SYMTAB_SHNDX and LLVM's address-significance table. A section of another
// type that is linked to the symbol table is refused by name. Until then a new
// symbol is known by a provisional index, see [Edit.AddSymbol]. When the first
// symbol needs a section number of 65,280 or more, Layout adds the
// SHT_SYMTAB_SHNDX for it.
//
// # What stands on debug/elf, and what does not
//
// The types and constants are debug/elf's, and [File.ELF] gives its view of the
// same bytes for whatever it is good at (DWARF, notes, dynamic tables). Parsing
// goes below it in three places, because there it cannot serve:
//
//   - it drops symbol 0, so that every index is off by one, and does not read
//     SHT_SYMTAB_SHNDX, so that a symbol in a section numbered 65,280 or more
//     has no section;
//   - it allocates for every section and every symbol, which on objects of
//     hundreds of thousands of sections costs several times the copying of
//     the file;
//   - it does not keep what a writer needs: where a header lies, what follows
//     the last section, string offsets.
//
// The tests hold the two readings against each other.
package elfrw
