// SPDX-License-Identifier: BSD-3-Clause

package e2e

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/scpatch/scpatch/elfrw"
	"github.com/scpatch/scpatch/ppc64/tooltest"
	"github.com/scpatch/scpatch/sites"
)

// TestCorpus walks the directory SCPATCH_CORPUS. Every relocatable ppc64le
// object in it, a file or a member of an archive, must be written back byte for
// byte, be the same after a section is added and removed again, keep everything
// that an edit does not name, and go through Find, MakePlan and Apply without a
// panic. SCPATCH_CORPUS_MIN is the least number of objects. One of every
// SCPATCH_CORPUS_PEERS objects is passed to readelf, eu-elflint and the
// linkers, both unchanged and edited.
func TestCorpus(t *testing.T) {
	tooltest.Long(t, "make corpus-check")
	dir := os.Getenv("SCPATCH_CORPUS")
	if dir == "" {
		tooltest.Missing(t, "SCPATCH_CORPUS is not set; see make corpus-check")
	}
	least := 1
	if s := os.Getenv("SCPATCH_CORPUS_MIN"); s != "" {
		var err error
		if least, err = strconv.Atoi(s); err != nil {
			t.Fatalf("SCPATCH_CORPUS_MIN: %v", err)
		}
	}
	c := &corpus{t: t, kinds: make(map[string]int), refused: make(map[string]int)}
	if s := os.Getenv("SCPATCH_CORPUS_PEERS"); s != "" {
		tooltest.Need(t, "powerpc64le-linux-gnu-readelf", "eu-elflint", "powerpc64le-linux-gnu-ld.bfd", "ld.lld", "powerpc64le-linux-gnu-objcopy", "llvm-objcopy")
		var err error
		if c.every, err = strconv.Atoi(s); err != nil || c.every < 1 {
			t.Fatalf("SCPATCH_CORPUS_PEERS: %q", s)
		}
		c.peers = newPeers(t)
	}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && strings.HasPrefix(d.Name(), ".") && path != dir:
			return filepath.SkipDir // files of the package manager
		case !d.Type().IsRegular():
			return nil
		}
		return c.file(path)
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, kind := range slices.Sorted(maps.Keys(c.kinds)) {
		t.Logf("%7d %s", c.kinds[kind], kind)
	}
	for _, why := range slices.Sorted(maps.Keys(c.refused)) {
		t.Logf("%7d refused: %s", c.refused[why], why)
	}
	if c.peers != nil {
		c.peers.ask()
		for _, who := range slices.Sorted(maps.Keys(c.peers.accepted)) {
			t.Logf("%7d accepted by %s", c.peers.accepted[who], who)
		}
		for _, who := range slices.Sorted(maps.Keys(c.peers.identical)) {
			t.Logf("%7d of %d byte-identical after a copy by %s", c.peers.identical[who], c.peers.tried, who)
		}
	}
	t.Logf("%d objects, %d bytes", c.objects, c.bytes)
	if c.objects < least {
		t.Errorf("saw %d objects, expected at least %d", c.objects, least)
	}
}

// A corpus is what TestCorpus has seen so far.
type corpus struct {
	t       *testing.T
	objects int
	bytes   int64
	kinds   map[string]int
	refused map[string]int // by the error of sites.Find or MakePlan, without numbers
	peers   *peers         // nil: none
	every   int            // they get one of so many objects
}

func (c *corpus) file(path string) error {
	data, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	if !bytes.HasPrefix(data, []byte(archiveMagic)) {
		c.object(path, "files", data)
		return nil
	}
	c.kinds["archives"]++
	err = eachMember(data, func(name string, member []byte) {
		c.object(fmt.Sprintf("%s(%s)", path, name), "archive members", member)
	})
	if err != nil {
		c.t.Errorf("%s: %v", path, err)
	}
	return nil
}

// object checks one object and skips anything else.
func (c *corpus) object(name, from string, data []byte) {
	if !isRelocatablePPC64LE(data) {
		return
	}
	c.objects++
	c.bytes += int64(len(data))
	c.kinds[from]++
	if err := structure(data); err != nil {
		c.t.Errorf("%s: structure: %v", name, err)
	}
	defer func() {
		if p := recover(); p != nil {
			c.t.Errorf("%s: panic: %v\n%s", name, p, debug.Stack())
		}
	}()
	f, err := elfrw.New(data)
	if err != nil {
		c.t.Errorf("%s: %v", name, err)
		return
	}
	c.census(f)
	c.same(name, data, f.Edit())
	c.undo(name, data, f)
	c.edit(name, data, f)

	object, err := sites.Find(f)
	if err != nil {
		c.refuse("Find", err)
		return
	}
	plan, err := sites.MakePlan(object, sites.Options{})
	if err != nil {
		c.refuse("MakePlan", err)
		return
	}
	edit, err := plan.Apply()
	if err != nil {
		c.t.Errorf("%s: Apply: %v", name, err)
		return
	}
	if len(object.Sites) > 0 {
		c.kinds["with sites"]++
	}
	if !plan.Changes() {
		c.same(name, data, edit)
	}
}

// same checks that an edit without changes returns the input.
func (c *corpus) same(name string, data []byte, edit *elfrw.Edit) {
	image, err := edit.Layout()
	if err != nil {
		c.t.Errorf("%s: Layout: %v", name, err)
		return
	}
	var out bytes.Buffer
	out.Grow(len(data))
	n, err := image.WriteTo(&out)
	switch {
	case err != nil:
		c.t.Errorf("%s: WriteTo: %v", name, err)
	case n != int64(len(data)) || n != image.Size():
		c.t.Errorf("%s: wrote %d bytes of %d, Size says %d", name, n, len(data), image.Size())
	case !bytes.Equal(out.Bytes(), data):
		c.t.Errorf("%s: the output differs from the input", name)
	case !image.Unchanged():
		c.t.Errorf("%s: the output is the input, Unchanged says otherwise", name)
	}
}

// undo adds a dummy section and removes it from the output.
func (c *corpus) undo(name string, data []byte, f *elfrw.File) {
	if f.Header().Shstrndx == 0 {
		return
	}
	e := f.Edit()
	// A module would lose its signature.
	signed := f.Signed()
	e.StripSignature()
	added, err := e.AddSection(elfrw.NewSection{Name: ".dummy", Type: elf.SHT_PROGBITS, Addralign: 16, Data: []byte("a dummy section")})
	if err != nil {
		c.t.Errorf("%s: AddSection: %v", name, err)
		return
	}
	with, err := imageBytes(e)
	if err != nil {
		c.t.Errorf("%s: with a section: %v", name, err)
		return
	}
	g, err := elfrw.New(with)
	if err != nil {
		c.t.Errorf("%s: with a section: %v", name, err)
		return
	}
	e = g.Edit()
	if err := e.RemoveSection(added); err != nil {
		c.t.Errorf("%s: RemoveSection: %v", name, err)
		return
	}
	back, err := imageBytes(e)
	switch {
	case err != nil:
		c.t.Errorf("%s: without the section: %v", name, err)
	case signed && bytes.Equal(data[:len(data)-len(f.Trailer())], back):
		c.kinds["added to and taken from again, but for the signature"]++
	case bytes.Equal(back, data):
		c.kinds["added to and taken from again"]++
	default:
		c.t.Errorf("%s: with a section and without it again it is another file: %d bytes, was %d", name, len(back), len(data))
	}
}

// edit adds to an object and passes the output to the peers.
func (c *corpus) edit(name string, data []byte, f *elfrw.File) {
	if f.Header().Shstrndx == 0 {
		return
	}
	out, locals, err := addEverything(f)
	if err == nil {
		err = sameUnnamed(data, out, locals)
	}
	if err != nil {
		c.t.Errorf("%s: with a section, symbols and relocations: %v", name, err)
		return
	}
	c.kinds["edited"]++
	if c.peers != nil && c.objects%c.every == 0 {
		c.peers.add(data, out)
	}
}

// imageBytes returns the output of an edit.
func imageBytes(e *elfrw.Edit) ([]byte, error) {
	image, err := e.Layout()
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	out.Grow(int(image.Size()))
	_, err = image.WriteTo(&out)
	return out.Bytes(), err
}

// refuse counts an error about an object that cannot be patched.
func (c *corpus) refuse(step string, err error) {
	var place *sites.PlaceError
	if errors.As(err, &place) {
		err = place.Err
	}
	digits := func(r rune) rune {
		if r >= '0' && r <= '9' {
			return 'N'
		}
		return r
	}
	c.refused[step+": "+strings.Map(digits, err.Error())]++
}

// census counts the properties in which objects differ.
func (c *corpus) census(f *elfrw.File) {
	h := f.Header()
	c.kinds[fmt.Sprintf("e_flags %#x", h.Flags)]++
	if h.Shnum == 0 && f.NumSections() > 0 {
		c.kinds["more sections than e_shnum can say"]++
	}
	if f.NumSymbols() == 0 {
		c.kinds["without symbols"]++
	}
	if len(f.Trailer()) > 0 {
		c.kinds["bytes after the last section and header"]++
	}
	seen := make(map[string]bool)
	last := uint64(0)
	for i := 1; i < f.NumSections(); i++ {
		s := f.Section(i)
		switch {
		case s.Is(elf.SHT_GROUP):
			seen["with section groups"] = true
		case s.Is(elf.SHT_SYMTAB_SHNDX):
			seen["with SHT_SYMTAB_SHNDX"] = true
		case s.Compressed():
			seen["with compressed sections"] = true
		case s.Is(elf.SHT_RELA) && !s.Has(elf.SHF_INFO_LINK):
			seen["relocations without SHF_INFO_LINK"] = true
		}
		if s.Off < last {
			seen["sections out of file order"] = true
		}
		last = s.Off
		if i == int(h.Shstrndx) && i == int(f.Symtab().Link) {
			seen["one string table for symbols and sections"] = true
		}
	}
	for kind := range seen {
		c.kinds[kind]++
	}
}

// isRelocatablePPC64LE reports whether the bytes begin like an ELF64
// little-endian relocatable object for ppc64 of any ABI version.
func isRelocatablePPC64LE(data []byte) bool {
	le := binary.LittleEndian
	return len(data) >= 64 && string(data[:4]) == elf.ELFMAG &&
		data[elf.EI_CLASS] == byte(elf.ELFCLASS64) && data[elf.EI_DATA] == byte(elf.ELFDATA2LSB) &&
		elf.Type(le.Uint16(data[16:])) == elf.ET_REL && elf.Machine(le.Uint16(data[18:])) == elf.EM_PPC64
}

const (
	archiveMagic = "!<arch>\n"
	memberSize   = 60 // bytes of a member's header
)

// eachMember calls f with every member of an archive in the System V form, as
// bytes of the archive; the place distinguishes members of one name.
//
//	header: name[16] date[12] uid[6] gid[6] mode[8] size[10] "`\n"
//	"/": index of symbols   "//": long names   "/123": long name at byte 123
func eachMember(data []byte, f func(name string, member []byte)) error {
	var long []byte
	for off, nth := len(archiveMagic), 1; off < len(data); nth++ {
		if len(data)-off < memberSize || string(data[off+58:off+memberSize]) != "`\n" {
			return fmt.Errorf("member %d at byte %d: no header", nth, off)
		}
		header := data[off : off+memberSize]
		size, err := strconv.Atoi(strings.TrimRight(string(header[48:58]), " "))
		off += memberSize
		if err != nil || size < 0 || size > len(data)-off {
			return fmt.Errorf("member %d: its size %q is wrong", nth, header[48:58])
		}
		member := data[off : off+size]
		off += size + size&1 // headers are at even offsets
		name := strings.TrimRight(string(header[:16]), " ")
		switch {
		case name == "/" || name == "/SYM64/":
			continue
		case name == "//":
			long = member
			continue
		case strings.HasPrefix(name, "/"):
			at, err := strconv.Atoi(name[1:])
			if err != nil || at < 0 || at >= len(long) {
				return fmt.Errorf("member %d: its name %q is wrong", nth, name)
			}
			before, _, _ := bytes.Cut(long[at:], []byte("\n"))
			name = string(before)
		}
		f(fmt.Sprintf("%s, number %d", strings.TrimSuffix(name, "/"), nth), member)
	}
	return nil
}

func TestEachMember(t *testing.T) {
	member := func(name, data string) string {
		s := fmt.Sprintf("%-16s%-12d%-6d%-6d%-8o%-10d`\n%s", name, 0, 0, 0, 0o644, len(data), data)
		return s + strings.Repeat("\n", len(data)&1)
	}
	whole := archiveMagic + member("/", "index") + member("//", "a_long_name_of_a_member.o/\n") +
		member("one.o/", "1") + member("one.o/", "22") + member("/0", "333")
	var got []string
	collect := func(name string, member []byte) { got = append(got, name+"="+string(member)) }
	if err := eachMember([]byte(whole), collect); err != nil {
		t.Fatal(err)
	}
	want := []string{"one.o, number 3=1", "one.o, number 4=22", "a_long_name_of_a_member.o, number 5=333"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	for _, bad := range []string{
		whole + "x",
		archiveMagic + member("/7", ""),
		archiveMagic + member("/x", ""),
		strings.Replace(whole, "`\n", "``", 1),
		whole[:len(whole)-2],
		strings.Replace(archiveMagic+member("a/", "12"), "2         `", "2x        `", 1),
	} {
		if eachMember([]byte(bad), func(string, []byte) {}) == nil {
			t.Errorf("no error from %q", bad)
		}
	}
}
