// SPDX-License-Identifier: BSD-3-Clause

package elfrw_test

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/scpatch/scpatch/elfrw"
)

const (
	arMagic   = "!<arch>\n"
	thinMagic = "!<thin>\n"
)

// arMember returns a member with its header; size is that of data unless given.
func arMember(name, data string, size ...string) string {
	text := fmt.Sprint(len(data))
	if len(size) > 0 {
		text = size[0]
	}
	m := fmt.Sprintf("%-16s%-12s%-6s%-6s%-8s%-10s`\n%s", name, "1700000000", "12", "34", "100644", text, data)
	if len(data)%2 != 0 {
		m += "\n"
	}
	return m
}

// arIndex returns the content of an index with numbers of this width.
func arIndex(width int, offsets []uint64, names string) string {
	var b []byte
	for _, v := range append([]uint64{uint64(len(offsets))}, offsets...) {
		if width == 8 {
			b = binary.BigEndian.AppendUint64(b, v)
		} else {
			b = binary.BigEndian.AppendUint32(b, uint32(v))
		}
	}
	return string(b) + names
}

func newArchive(t testing.TB, data []byte) *elfrw.Archive {
	t.Helper()
	a, err := elfrw.NewArchive(data)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// symbolsOf lists the index as "name member".
func symbolsOf(a *elfrw.Archive) (list []string) {
	for name, i := range a.Symbols() {
		list = append(list, name+" "+a.Member(i).Name)
	}
	return list
}

// malformed lists archives that are rejected, with place and reason.
var malformed = []struct {
	name, data string
	off        uint64
	want       string
}{
	{"empty", "", 0, "magic at 0x0"},
	{"other magic", "!<arcx>\n", 0, "magic at 0x0"},
	{"short header", arMagic + "x.o/    ", 8, "header at 0x8: 0x8 bytes are left, want 0x3c"},
	{"no end of a header", arMagic + strings.Replace(arMember("x.o/", "text"), "`\n", "``", 1), 66, "ar_fmag at 0x42"},
	{"size of letters", arMagic + arMember("x.o/", "text", "4x"), 56, `ar_size at 0x38: "4x" is not a decimal number`},
	{"no size", arMagic + arMember("x.o/", "text", ""), 56, `"" is not a decimal number`},
	{"negative size", arMagic + arMember("x.o/", "text", "-4"), 56, `"-4" is not a decimal number`},
	{"size with a plus", arMagic + arMember("x.o/", "text", "+4"), 56, `"+4" is not a decimal number`},
	{"too large", arMagic + arMember("x.o/", "text", "5"), 56, "is 5, but only 4 bytes follow"},
	{"largest", arMagic + arMember("x.o/", "text", "9999999999"), 56, "only 4 bytes follow"},
	{"second member", arMagic + arMember("x.o/", "odd") + arMember("y.o/", "text", "5"), 120, "ar_size at 0x78"},
	{"no name", arMagic + arMember("", "text"), 8, `ar_name at 0x8: "" is no name`},
	{"BSD name", arMagic + arMember("#1/4", "x.o\x00text"), 8, `"#1/4": BSD archives are not supported`},
	{"BSD index", arMagic + arMember("__.SYMDEF", "text"), 8, "BSD archives"},
	{"BSD sorted index", arMagic + arMember("__.SYMDEF SORTED", "text"), 8, "BSD archives"},
	{"long name without a table", arMagic + arMember("/0", "text"), 8, `is "/0", but the table of long names has 0x0 bytes`},
	{"long name past the table", arMagic + arMember("//", "x.o/\n") + arMember("/5", "text"), 74, "has 0x5 bytes"},
	{"long name without an end", arMagic + arMember("//", "x.o/") + arMember("/0", "text"), 72, "no end of a line"},
	{"long name of no number", arMagic + arMember("//", "x.o/\n") + arMember("/x", "text"), 74, `"/x" is no name`},
	{"empty long name", arMagic + arMember("//", "/\n") + arMember("/0", "text"), 70, `"/" is no name`},
	{"long name with NUL", arMagic + arMember("//", "a\x00b/\n") + arMember("/0", "text"), 74, "is no name"},
	{"long name that begins with NUL", arMagic + arMember("//", "\x00b/\n") + arMember("/0", "text"), 72, "is no name"},
	{"COFF's map", arMagic + arMember("/<ECSYMBOLS>/", "text"), 8, "is no name"},
	{"two tables", arMagic + arMember("//", "") + arMember("//", ""), 68, "comes twice"},
	{"two indices", arMagic + arMember("/", "") + arMember("/", ""), 68, "is not the first member"},
	{"two indices of two forms", arMagic + arMember("/", "") + arMember("/SYM64/", ""), 68, "is not the first member"},
	{"late index", arMagic + arMember("x.o/", "") + arMember("/", ""), 68, "is not the first member"},
	{"index after names", arMagic + arMember("//", "") + arMember("/", ""), 68, "is not the first member"},
	{"short index", arMagic + arMember("/", "abc"), 68, "has 3 bytes"},
	{"short 64-bit index", arMagic + arMember("/SYM64/", "1234567"), 68, "has 7 bytes"},
	{"index that counts too many", arMagic + arMember("/", "\x00\x00\x00\x02\x00\x00\x00\x44"), 68, "counts 2 symbols in 0x8 bytes"},
	{"index that counts very many", arMagic + arMember("/SYM64/", "\xff\xff\xff\xff\xff\xff\xff\xff"), 68, "counts 18446744073709551615 symbols"},
	{"index of nothing", arMagic + arMember("/", arIndex(4, []uint64{84}, "abc\x00")) + arMember("x.o/", "text"), 72, "entry 0 names 0x54, where no member begins"},
	{"index of itself", arMagic + arMember("/", arIndex(4, []uint64{8}, "abc\x00")) + arMember("x.o/", "text"), 72, "entry 0 names 0x8"},
	{"index with a name that does not end", arMagic + arMember("/", arIndex(4, []uint64{82, 82}, "a\x00")) + arMember("x.o/", "text"), 76, "the name of entry 1 does not end"},
	{"origin in a whole archive", arMagic + arMember("//", "x.o/\n") + arMember("/0:8", "text"), 74, `"/0:8" is no name`},
	{"origin of no number", thinMagic + arMember("//", "x.o/\n") + arMember("/0:x", "", "4"), 74, `"/0:x" is no name`},
	{"thin with a table that is too long", thinMagic + arMember("//", "x.o/\n", "7"), 56, "only 6 bytes follow"},
}

func TestArchiveMalformed(t *testing.T) {
	for _, c := range malformed {
		t.Run(c.name, func(t *testing.T) {
			_, err := elfrw.NewArchive([]byte(c.data))
			var bad *elfrw.ArchiveError
			if !errors.As(err, &bad) || bad.Off != c.off || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error is %v, want %q at 0x%x", err, c.want, c.off)
			}
		})
	}
}

// TestArchiveTruncated checks that no part of an archive is taken for a whole
// one, except at the ends of members.
func TestArchiveTruncated(t *testing.T) {
	whole := arMagic + arMember("/", arIndex(4, []uint64{156}, "abc\x00")) + arMember("//", "a_long_name.o/\n") + arMember("/0", "odd") + arMember("y.o/", "text")
	newArchive(t, []byte(whole))
	ends := map[int]bool{len(whole): true}
	for n := range len(whole) {
		_, err := elfrw.NewArchive([]byte(whole[:n]))
		ends[n] = err == nil
	}
	var good []int
	for n := range len(whole) + 1 {
		if ends[n] {
			good = append(good, n)
		}
	}
	// An empty archive, and cuts after the member that the index names, without and
	// with its pad byte.
	first := len(whole) - len(arMember("y.o/", "text"))
	if want := []int{len(arMagic), first - 1, first, len(whole)}; !slices.Equal(good, want) {
		t.Errorf("accepted are the first %v bytes, want %v", good, want)
	}
}

// TestArchiveOdd reads unusual archives and writes them back unchanged.
func TestArchiveOdd(t *testing.T) {
	for name, c := range map[string]struct {
		data  string
		names []string
	}{
		"nothing":             {arMagic, nil},
		"thin, nothing":       {thinMagic, nil},
		"empty index":         {arMagic + arMember("/", ""), nil},
		"index of none":       {arMagic + arMember("/", "\x00\x00\x00\x00") + arMember("x.o/", ""), []string{"x.o"}},
		"symbol with no name": {arMagic + arMember("/", arIndex(4, []uint64{78}, "\x00")) + arMember("x.o/", ""), []string{"x.o"}},
		"no slash":            {arMagic + arMember("x.o", "odd") + arMember("y z", "text"), []string{"x.o", "y z"}},
		"no last pad byte":    {arMagic + strings.TrimSuffix(arMember("x.o/", "odd"), "\n"), []string{"x.o"}},
		"other pad byte":      {arMagic + arMember("x.o/", "odd\x00"[:3]) + arMember("y.o/", "odd") + "", []string{"x.o", "y.o"}},
		"blank header":        {arMagic + "//" + strings.Repeat(" ", 46) + "6         `\nx.o/\n\n" + arMember("/0", "text"), []string{"x.o"}},
		"names with no slash": {arMagic + arMember("//", "x.o\nyy.o/\n") + arMember("/0", "text") + arMember("/4", "") + arMember("/5", ""),
			[]string{"x.o", "yy.o", "y.o"}},
		"one name twice": {arMagic + arMember("x.o/", "one") + arMember("x.o/", "two"), []string{"x.o", "x.o"}},
		"leading zeros":  {arMagic + arMember("x.o/", "odd", "003") + arMember("y.o/", ""), []string{"x.o", "y.o"}},
		"thin": {thinMagic + arMember("//", "dir/x.o/\n/abs/lib.a/\n") + arMember("/0", "", "1234567") + arMember("/9:68", "", "1") + arMember("y.o/", "", "3"),
			[]string{"dir/x.o", "/abs/lib.a", "y.o"}},
	} {
		t.Run(name, func(t *testing.T) {
			a := newArchive(t, []byte(c.data))
			var names []string
			for i := range a.NumMembers() {
				names = append(names, a.Member(i).Name)
			}
			if !slices.Equal(names, c.names) {
				t.Errorf("names are %q, want %q", names, c.names)
			}
			if out := replaced(t, a, nil); string(out) != c.data {
				t.Errorf("comes back as %q", out)
			}
			if a.Thin() != strings.HasPrefix(c.data, thinMagic) {
				t.Errorf("thin is %v", a.Thin())
			}
		})
	}
	thin := newArchive(t, []byte(thinMagic+arMember("//", "l.a/\n")+arMember("/0:68", "", "1")))
	if m := thin.Member(0); m.Origin != 68 || m.Data != nil {
		t.Errorf("%+v", m)
	}
}

// FuzzArchive checks that nothing panics, that an error says where, and that an
// accepted archive comes back unchanged, and with one member replaced.
func FuzzArchive(f *testing.F) {
	for _, c := range malformed {
		f.Add([]byte(c.data), uint8(0))
	}
	object := string(basic().build())
	for _, magic := range []string{arMagic, thinMagic} {
		f.Add([]byte(magic+arMember("/", arIndex(4, []uint64{164, 164}, "a\x00b\x00"))+arMember("//", "a_long_name.o/\n\n")+arMember("/0", object)), uint8(1))
		f.Add([]byte(magic+arMember("/SYM64/", arIndex(8, []uint64{90}, "abc\x00"))+arMember("x.o/", "odd")+arMember("y.o/", object)), uint8(3))
	}
	f.Fuzz(func(t *testing.T, data []byte, which uint8) {
		a, err := elfrw.NewArchive(data)
		if err != nil {
			var bad *elfrw.ArchiveError
			if !errors.As(err, &bad) || bad.Off > uint64(len(data)) {
				t.Fatalf("error is %v", err)
			}
			return
		}
		if out := replaced(t, a, nil); !bytes.Equal(out, data) {
			t.Fatal("it comes back changed")
		}
		symbolsOf(a)
		if a.Thin() || a.NumMembers() == 0 {
			return
		}
		i := int(which) % a.NumMembers()
		from := []byte(object)
		if _, err := elfrw.New(a.Member(i).Data); err == nil {
			from = a.Member(i).Data
		}
		file, err := elfrw.New(from)
		if err != nil {
			t.Fatal(err)
		}
		e := file.Edit()
		e.AddSection(elfrw.NewSection{Name: ".added", Type: elf.SHT_PROGBITS, Data: make([]byte, which)})
		e.AddSymbol(elfrw.NewSymbol{Name: "added", Bind: elf.SymBind(which & 1), Section: 1})
		image, err := e.Layout()
		if err != nil {
			return
		}
		var want bytes.Buffer
		if _, err := image.WriteTo(&want); err != nil {
			t.Fatal(err)
		}
		out := newArchive(t, replaced(t, a, map[int]*elfrw.Image{i: image}))
		for k := range a.NumMembers() {
			was, is, content := a.Member(k), out.Member(k), a.Member(k).Data
			if k == i {
				content = want.Bytes()
			}
			if was.Name != is.Name || !bytes.Equal(was.Header[:48], is.Header[:48]) || !bytes.Equal(is.Data, content) {
				t.Fatalf("member %d was %q, is %q", k, was.Header, is.Header)
			}
		}
	})
}
