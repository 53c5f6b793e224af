// SPDX-License-Identifier: BSD-3-Clause

package elfrw_test

import (
	"bytes"
	"debug/elf"
	"fmt"
	"log"
	"os"

	"github.com/scpatch/scpatch/elfrw"
)

const exampleObject = "../testdata/obj/gcc-p8-O2-update.o"

// The relocations of a section: where, of which type, and against which symbol.
func Example_readRelocations() {
	f, err := elfrw.Open(exampleObject)
	if err != nil {
		log.Fatal(err)
	}
	defer f.Close()
	text, _ := f.SectionByName(".text")
	rela, _ := f.RelaSection(text.Index)
	for _, r := range f.Relas(rela.Index) {
		if typ := elf.R_PPC64(r.Type); typ == elf.R_PPC64_REL24 {
			fmt.Printf("0x%x %v %s\n", r.Off, typ, f.SymbolName(f.Symbol(r.Symbol)))
		}
	}
	// Output:
	// 0x40 R_PPC64_REL24 __SCT__u_op
	// 0x50 R_PPC64_REL24 __SCT__u_hook
	// 0x60 R_PPC64_REL24 __SCT__u_zero
	// 0xb8 R_PPC64_REL24 __SCT__u_fixed
}

// laidOut writes the result of an edit into memory and opens it. For files, use
// Image.WriteTemp and Temp.Commit.
func laidOut(edit *elfrw.Edit) *elfrw.File {
	image, err := edit.Layout()
	if err != nil {
		log.Fatal(err)
	}
	var out bytes.Buffer
	if _, err := image.WriteTo(&out); err != nil {
		log.Fatal(err)
	}
	f, err := elfrw.New(out.Bytes())
	if err != nil {
		log.Fatal(err)
	}
	return f
}

// Add a section. Everything else in the object stays.
func Example_addSection() {
	f, err := elfrw.Open(exampleObject)
	if err != nil {
		log.Fatal(err)
	}
	defer f.Close()
	edit := f.Edit()
	if _, err := edit.AddSection(elfrw.NewSection{
		Name: ".note.example", Type: elf.SHT_PROGBITS, Addralign: 1, Data: []byte("made by an example\n"),
	}); err != nil {
		log.Fatal(err)
	}
	written := laidOut(edit)
	added, _ := written.SectionByName(".note.example")
	fmt.Printf("%d sections, before %d\n%s", written.NumSections(), f.NumSections(), added.Data())
	// Output:
	// 18 sections, before 17
	// made by an example
}

// Rename a symbol. Relocations refer to it by number, so they stay.
func ExampleEdit_RenameSymbol() {
	f, err := elfrw.Open(exampleObject)
	if err != nil {
		log.Fatal(err)
	}
	defer f.Close()
	s, ok := f.SymbolByName("u_call")
	if !ok {
		log.Fatal("no such symbol")
	}
	edit := f.Edit()
	if err := edit.RenameSymbol(s.Index, "my_call"); err != nil {
		log.Fatal(err)
	}
	written := laidOut(edit)
	_, was := written.SymbolByName("u_call")
	s, is := written.SymbolByName("my_call")
	fmt.Println(was, is, s.Type(), s.Bind())
	// Output: false true STT_FUNC STB_GLOBAL
}

// Symbol returns the current fields, and SetSymbol takes the new ones. A hidden symbol
// cannot be used from another library or program.
func ExampleEdit_SetSymbol() {
	f, err := elfrw.Open(exampleObject)
	if err != nil {
		log.Fatal(err)
	}
	defer f.Close()
	s, ok := f.SymbolByName("u_call")
	if !ok {
		log.Fatal("no such symbol")
	}
	edit := f.Edit()
	fields := edit.Symbol(s.Index)
	fields.Other |= uint8(elf.STV_HIDDEN)
	if err := edit.SetSymbol(s.Index, fields); err != nil {
		log.Fatal(err)
	}
	written, _ := laidOut(edit).SymbolByName("u_call")
	fmt.Println(s.Visibility(), written.Visibility())
	// Output: STV_DEFAULT STV_HIDDEN
}

// A symbol that a relocation names cannot be removed; the relocation must go
// first.
func ExampleEdit_RemoveSymbol() {
	f, err := elfrw.Open(exampleObject)
	if err != nil {
		log.Fatal(err)
	}
	defer f.Close()
	edit := f.Edit()
	s, _ := f.SymbolByName("t_inc")
	fmt.Println(edit.RemoveSymbol(s.Index))

	for section := range f.Sections() {
		for i, r := range f.Relas(section.Index) {
			if r.Symbol != s.Index {
				continue
			}
			if err := edit.DropRela(section.Index, i); err != nil {
				log.Fatal(err)
			}
		}
	}
	fmt.Println(edit.RemoveSymbol(s.Index))
	fmt.Println(f.NumSymbols() - laidOut(edit).NumSymbols())
	// Output:
	// symbol 26 "t_inc" cannot be removed: section ".rela.data.rel" refers to it
	// <nil>
	// 1
}

// Remove a section. Its relocations and symbols go with it, and all others are
// renumbered.
func ExampleEdit_RemoveSection() {
	f, err := elfrw.Open(exampleObject)
	if err != nil {
		log.Fatal(err)
	}
	defer f.Close()
	section, _ := f.SectionByName(".discard.addressable")
	edit := f.Edit()
	if err := edit.RemoveSection(section.Index); err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%d sections, before %d\n", laidOut(edit).NumSections(), f.NumSections())
	// Output: 15 sections, before 17
}

// Put the address of a function into a word of data. AddRelas adds a section
// for the relocation if there is none.
func ExampleEdit_AddRelas() {
	f, err := elfrw.Open(exampleObject)
	if err != nil {
		log.Fatal(err)
	}
	defer f.Close()
	edit := f.Edit()
	hooks, err := edit.AddSection(elfrw.NewSection{
		Name: ".data.hooks", Type: elf.SHT_PROGBITS, Flags: elf.SHF_ALLOC | elf.SHF_WRITE, Addralign: 8, Data: make([]byte, 8),
	})
	if err != nil {
		log.Fatal(err)
	}
	hook, err := edit.AddSymbol(elfrw.NewSymbol{Name: "my_hook", Bind: elf.STB_GLOBAL})
	if err != nil {
		log.Fatal(err)
	}
	if err := edit.AddRelas(hooks, elfrw.Rela{Off: 0, Symbol: hook, Type: uint32(elf.R_PPC64_ADDR64)}); err != nil {
		log.Fatal(err)
	}
	written := laidOut(edit)
	rela, _ := written.SectionByName(".rela.data.hooks")
	for _, r := range written.Relas(rela.Index) {
		fmt.Printf("0x%x %v %s\n", r.Off, elf.R_PPC64(r.Type), written.SymbolName(written.Symbol(r.Symbol)))
	}
	// Output: 0x0 R_PPC64_ADDR64 my_hook
}

// Set the OS/ABI in the ELF header.
func ExampleEdit_SetHeader() {
	f, err := elfrw.Open(exampleObject)
	if err != nil {
		log.Fatal(err)
	}
	defer f.Close()
	edit := f.Edit()
	h := f.Header()
	h.Ident[elf.EI_OSABI] = byte(elf.ELFOSABI_LINUX)
	if err := edit.SetHeader(h); err != nil {
		log.Fatal(err)
	}
	fmt.Println(elf.OSABI(laidOut(edit).Header().Ident[elf.EI_OSABI]))
	// Output: ELFOSABI_LINUX
}

// Redirect a call to another function. The branch word stays: the relocation
// names the target.
func Example_retargetCall() {
	f, err := elfrw.Open(exampleObject)
	if err != nil {
		log.Fatal(err)
	}
	defer f.Close()
	edit := f.Edit()
	// The function is in another object. If the symbol already exists, use its
	// number.
	callee, err := edit.AddSymbol(elfrw.NewSymbol{Name: "my_function", Bind: elf.STB_GLOBAL})
	if err != nil {
		log.Fatal(err)
	}
	text, _ := f.SectionByName(".text")
	rela, _ := f.RelaSection(text.Index)
	for i, r := range f.Relas(rela.Index) {
		if string(f.SymbolName(f.Symbol(r.Symbol))) != "__SCT__u_op" {
			continue
		}
		r.Symbol = callee
		if err := edit.SetRela(rela.Index, i, r); err != nil {
			log.Fatal(err)
		}
	}
	written := laidOut(edit)
	for _, r := range written.Relas(rela.Index) {
		if elf.R_PPC64(r.Type) == elf.R_PPC64_REL24 {
			fmt.Printf("0x%x %s\n", r.Off, written.SymbolName(written.Symbol(r.Symbol)))
			break
		}
	}
	// Output:
	// 0x40 my_function
}

// Add a section to a member of an archive. With files, use OpenArchive and
// WriteTemp.
func Example_replaceMember() {
	object, err := os.ReadFile(exampleObject)
	if err != nil {
		log.Fatal(err)
	}
	const header = "%-16s%-12d%-6d%-6d%-8o%-10d`\n"
	data := "!<arch>\n" +
		fmt.Sprintf(header, "notes/", 0, 0, 0, 0o644, 6) + "notes\n" +
		fmt.Sprintf(header, "update.o/", 0, 0, 0, 0o644, len(object)) + string(object)

	a, err := elfrw.NewArchive([]byte(data))
	if err != nil {
		log.Fatal(err)
	}
	f, err := elfrw.New(a.Member(1).Data)
	if err != nil {
		log.Fatal(err)
	}
	e := f.Edit()
	if _, err := e.AddSection(elfrw.NewSection{Name: ".build", Type: elf.SHT_PROGBITS, Data: []byte("42")}); err != nil {
		log.Fatal(err)
	}
	member, err := e.Layout()
	if err != nil {
		log.Fatal(err)
	}
	edit := a.Edit()
	if err := edit.Replace(1, member); err != nil {
		log.Fatal(err)
	}
	image, err := edit.Layout()
	if err != nil {
		log.Fatal(err)
	}
	var out bytes.Buffer
	if _, err := image.WriteTo(&out); err != nil {
		log.Fatal(err)
	}
	written, err := elfrw.NewArchive(out.Bytes())
	if err != nil {
		log.Fatal(err)
	}
	for i := range written.NumMembers() {
		was, is := a.Member(i), written.Member(i)
		fmt.Printf("%s: %d bytes more\n", is.Name, len(is.Data)-len(was.Data))
	}
	// Output:
	// notes: 0 bytes more
	// update.o: 80 bytes more
}
