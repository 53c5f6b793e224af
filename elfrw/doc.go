// SPDX-License-Identifier: BSD-3-Clause

// Package elfrw opens, edits and writes ELF64 little-endian files, and changes
// only what it is asked to change.
//
// # Model
//
//	        Open/New                Edit                  Layout
//	bytes ───────────► File ───────────────► Edit ───────────────► Image ──► WriteTemp, Commit
//	(mapped)           read-only view        a list of splices     the same, in their places
//
// A [File] is a view of bytes that are never written. Section headers, symbols
// and relocations are decoded in place, each time they are asked for. So
// opening a file costs one pass over the section headers and no allocation for
// any of them.
//
// An [Edit] collects changes. Every change is a splice: it removes so many
// bytes at a file offset and inserts others. To the writer, replacing an
// instruction, retargeting or dropping a relocation, growing a string table and
// appending a section are all the same thing.
//
// [Edit.Layout] turns the splices into an [Image]; what lies between two
// splices is copied. The splices of one section form a part. The output is the
// parts in file order, with copies between them. Only what must move moves.
// When a section grows, what follows it in the file is shifted: each stretch up
// to the next part by a multiple of the largest alignment in it. So every
// section keeps its offset modulo its alignment, and the bytes between sections
// stay the same. A section that shrinks leaves zeros behind and nothing moves.
// Only where [Edit.RemoveSection] removes a section does the file close up, so
// a section that was added and removed again leaves no trace. Without an edit
// the output is the input.
//
//	input    │ehdr│ .text │pad│ .rela.text │ .symtab │ .strtab │ shdrs │ signature │
//	output   │====│==x=x==│===│=====x======│=========│=========+++++++++++=======++│===│
//	              x replaced     + new strings, sections and headers
//
// Layout returns an error for an edit of bytes that belong to two sections, and
// for one that would change the size of a file with segments.
//
// What follows the last section and the section headers (the signature of a
// kernel module is there) stays at the end of the file. An edit would
// invalidate a module's signature, so Layout returns [ErrSigned] unless
// [Edit.StripSignature] was called.
//
// [Image.WriteTemp] writes an Image to a file without a name in the directory
// of the destination, opens what it has written, and lets the caller check it;
// [Temp.Commit] gives it the name. If the process is killed meanwhile, nothing
// is left, except between the two system calls of Commit, link and rename: then
// a file .scpatch-* stays, which the next Commit for the same destination
// removes. If two processes reach that point for the same destination, one gets
// [ErrChanged].
//
// # Archives
//
// An [Archive] is a view of an ar archive, whole or thin, in the form that GNU ar
// and llvm-ar write for ELF. [New] takes the Data of a member as it is. An
// [ArchiveEdit] replaces members by Images; headers, order, pad bytes and all other
// members stay byte for byte, and the index of symbols names the new offsets. If a new
// member defines other global symbols, the index is made anew as ar does it. What is
// not read is an error: archives in the form of BSD, and members that no tool for ELF
// writes.
//
//	bytes ──► Archive ──► ArchiveEdit ──► ArchiveImage ──► WriteTemp, Commit
//	          Member.Data    ▲ Replace
//	               └─► New ──┴─► File, Edit, Image
//
// # A file that changes while it is read
//
// The input is mapped. [File.Changed] notices another size, another time of
// modification, or another file under the name; WriteTemp calls it when it has
// written everything. If the file was truncated, an access to pages of the
// mapping that are gone is a fault. [File.Guard] turns it into an error. [Open]
// and WriteTemp guard themselves; code that reads a File's bytes directly must
// wrap the access in Guard.
//
// # Symbols
//
// Symbols keep their order. A new local symbol goes after the last local one
// (the gABI requires local symbols first), which changes the indices of the
// global ones. Layout then renumbers every reference: relocations, section
// groups, SHT_SYMTAB_SHNDX and LLVM's address-significance table. If a section
// of another type is linked to the symbol table, Layout returns an error that
// names it. Until Layout, a new symbol has a provisional index, see
// [Edit.AddSymbol]. When the first symbol needs a section number of 65,280 or
// more, Layout adds the SHT_SYMTAB_SHNDX for it.
//
// # What uses debug/elf, and what does not
//
// The types and constants are those of debug/elf, and [File.ELF] gives its view
// of the same bytes for what it is good at (DWARF, notes, dynamic tables).
// Parsing does not use debug/elf, for three reasons:
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
// The tests compare the two readings with each other.
package elfrw
