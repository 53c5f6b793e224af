// SPDX-License-Identifier: BSD-3-Clause

package elfrw_test

import (
	"bytes"
	"debug/elf"
	"fmt"
	"log"
	"os"

	"github.com/scpatch/scpatch/elfrw"
	"github.com/scpatch/scpatch/reloc"
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
	table, err := reloc.NewTable(rela.Data())
	if err != nil {
		log.Fatal(err)
	}
	for i := range table.Len() {
		if r := table.At(i); r.IsCall() {
			symbol := f.Symbol(int(r.Sym()))
			fmt.Printf("0x%x %s %s\n", r.Off, r.TypeName(), f.SymbolName(symbol))
		}
	}
	// Output:
	// 0x40 R_PPC64_REL24 __SCT__u_op
	// 0x50 R_PPC64_REL24 __SCT__u_hook
	// 0x60 R_PPC64_REL24 __SCT__u_zero
	// 0xb8 R_PPC64_REL24 __SCT__u_fixed
}

// A new section, and what it costs: everything else in the object stays.
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
	image, err := edit.Layout()
	if err != nil {
		log.Fatal(err)
	}
	// Into memory here; Image.WriteTemp and Temp.Commit replace a file.
	var out bytes.Buffer
	if _, err := image.WriteTo(&out); err != nil {
		log.Fatal(err)
	}
	written, err := elfrw.New(out.Bytes())
	if err != nil {
		log.Fatal(err)
	}
	added, _ := written.SectionByName(".note.example")
	fmt.Printf("%d sections, before %d\n%s", written.NumSections(), f.NumSections(), added.Data())
	// Output:
	// 18 sections, before 17
	// made by an example
}

// A call goes to another function. The branch word stays: what it calls stands in
// the relocation.
func Example_retargetCall() {
	f, err := elfrw.Open(exampleObject)
	if err != nil {
		log.Fatal(err)
	}
	defer f.Close()
	edit := f.Edit()
	// A function of another object; if the symbol is there, its number will do.
	callee, err := edit.AddSymbol(elfrw.NewSymbol{Name: "my_function", Bind: elf.STB_GLOBAL})
	if err != nil {
		log.Fatal(err)
	}
	text, _ := f.SectionByName(".text")
	rela, _ := f.RelaSection(text.Index)
	table, err := reloc.NewTable(rela.Data())
	if err != nil {
		log.Fatal(err)
	}
	for i := range table.Len() {
		r := table.At(i)
		if !r.IsCall() || string(f.SymbolName(f.Symbol(int(r.Sym())))) != "__SCT__u_op" {
			continue
		}
		to := reloc.MakeRela(r.Off, uint32(callee), r.Type(), 0)
		if err := edit.SetRela(rela.Index, i, elf.Rela64(to)); err != nil {
			log.Fatal(err)
		}
	}
	image, err := edit.Layout()
	if err != nil {
		log.Fatal(err)
	}
	var out bytes.Buffer
	if _, err := image.WriteTo(&out); err != nil {
		log.Fatal(err)
	}
	written, err := elfrw.New(out.Bytes())
	if err != nil {
		log.Fatal(err)
	}
	rela, _ = written.RelaSection(text.Index)
	if table, err = reloc.NewTable(rela.Data()); err != nil {
		log.Fatal(err)
	}
	for i := range table.Len() {
		if r := table.At(i); r.IsCall() {
			fmt.Printf("0x%x %s\n", r.Off, written.SymbolName(written.Symbol(int(r.Sym()))))
			break
		}
	}
	// Output:
	// 0x40 my_function
}

// A member of an archive gets another section. OpenArchive and WriteTemp do the same
// with files.
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
