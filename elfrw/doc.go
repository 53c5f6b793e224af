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
// An [Edit] collects changes. A section or a symbol keeps its number throughout
// an Edit, whatever else is added, changed or removed. [Edit.Layout] turns the
// Edit into an [Image]: there, every index has its final value.
//
//	add        AddSection, AddSymbol, AddRelas, InsertRela, AppendData
//	change     SetSection, SetSymbol, SetRela, SetData, SetHeader, ReplaceBytes
//	remove     RemoveSection, RemoveSymbol, DropRela
//
// To change a field, change it in what [Edit.Symbol] or [Edit.Section] returns,
// and give that to SetSymbol or SetSection. RenameSymbol and RenameSection are
// short for that.
//
// To the writer, all changes are splices: each removes bytes at a file offset
// and inserts others; what lies between two splices is copied. The splices of
// one section form a part. The output is the parts in file order, with copies
// between them. Only what must move moves. When a section grows, what follows
// it in the file is shifted: each stretch up to the next part by a multiple of
// the largest alignment in it, less the padding that it does not need. So every
// section keeps its offset modulo its alignment. When something is removed, the
// file closes up. So adding something and removing it again leaves no trace, if
// the file had nothing but alignment between its parts. Only dropped
// relocations leave zeros, and nothing moves, unless [Edit.Compact] was called.
// Without an edit the output is the input.
//
//	input    │ehdr│ .text │pad│ .rela.text │ .symtab │ .strtab │ shdrs │ signature │
//	output   │====│==x=x==│===│=====x======│=========│=========+++++++++++=======++│===│
//	              x replaced     + new strings, sections and headers
//
// A method rejects at once what cannot be done: an edit of something that does
// not exist, the removal of something that is referred to, or a change of size
// in a file with segments. Only conflicts between edits are left to Layout: two
// edits of the same bytes, and sections that share bytes.
//
// Any machine with ELF64 little-endian files will do. [New] rejects ELF32 and
// big-endian files with [ErrNotELF64LE]. A relocation without an addend
// (SHT_REL) is a Rela with the addend 0.
//
// What follows the last section and the section headers, such as the signature
// of a kernel module, stays at the end of the file. An edit would invalidate a
// module's signature, so Layout returns [ErrSigned] unless
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
// An [Archive] is a view of an ar archive, whole or thin, in the form that GNU ar and
// llvm-ar write for ELF. [New] takes the Data of a member as it is. An [ArchiveEdit]
// replaces members by Images; headers, order, pad bytes and all other members stay
// byte for byte, and the symbol index names the new offsets. If a new member defines
// different global symbols, the index is rebuilt as ar does it. BSD archives, and
// members that no ELF tool writes, are an error.
//
//	bytes ──► Archive ──► ArchiveEdit ──► ArchiveImage ──► WriteTemp, Commit
//	          Member.Data    ▲ Replace
//	               └─► New ──┴─► File, Edit, Image
//
// # A file that changes while it is read
//
// The input is mapped. [File.Changed] notices a different size or modification
// time, or another file under the name; WriteTemp calls it when it has written
// everything. If the file was truncated, an access to pages of the mapping that
// are gone is a fault. [File.Guard] turns it into an error. [Open] and
// WriteTemp guard themselves; code that reads a File's bytes directly must wrap
// the access in Guard.
//
// # Symbols
//
// Symbols keep their order. A new local symbol goes after the last local one
// (the gABI requires local symbols first), which changes the indices of the
// global ones; so does the removal of a symbol, or a binding that becomes local.
// Layout then renumbers every reference: relocations, section groups,
// SHT_SYMTAB_SHNDX, LLVM's address-significance table and its call graph. If a
// section of an unknown type is linked to the symbol table, such an edit is an
// error that names it. When the first symbol needs a section number of 65,280
// or more, Layout adds the SHT_SYMTAB_SHNDX for it.
//
// # Sections
//
// If sections are removed, those after them get lower numbers. Layout renumbers
// st_shndx, sh_link, sh_info, e_shstrndx, the members of groups and
// SHT_SYMTAB_SHNDX. The relocations of a removed section, and the symbols that
// it defines, go with it.
//
// # What uses debug/elf, and what does not
//
// The types and constants are those of debug/elf, and [File.ELF] returns its
// view of the same bytes for what it is good at (DWARF, notes, dynamic tables).
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
