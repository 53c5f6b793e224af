// SPDX-License-Identifier: BSD-3-Clause

package elfrw_test

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/scpatch/scpatch/elfrw"
	"github.com/scpatch/scpatch/ppc64/tooltest"
)

const (
	arMagic   = "!<arch>\n"
	thinMagic = "!<thin>\n"
)

// arMember is a member with its header; size is that of data unless it is given.
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

// arIndex is the content of an index with numbers of this width.
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

// withLocal is the object with another section and another local symbol, as an
// image, and its bytes.
func withLocal(t testing.TB, data []byte, size int) (*elfrw.Image, []byte) {
	return imageOf(t, data, func(e *elfrw.Edit) error {
		sec, err := e.AddSection(elfrw.NewSection{Name: ".added", Type: elf.SHT_PROGBITS, Data: make([]byte, size)})
		if err != nil {
			return err
		}
		_, err = e.AddSymbol(elfrw.NewSymbol{Name: "added_local", Section: sec})
		return errors.Join(err, second(e.AddSymbol(elfrw.NewSymbol{Name: "added_undefined", Bind: elf.STB_GLOBAL})))
	})
}

func second(_ int, err error) error { return err }

func imageOf(t testing.TB, data []byte, edit func(*elfrw.Edit) error) (*elfrw.Image, []byte) {
	t.Helper()
	f, err := elfrw.New(data)
	if err != nil {
		t.Fatal(err)
	}
	e := f.Edit()
	if err := edit(e); err != nil {
		t.Fatal(err)
	}
	m, err := e.Layout()
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if _, err := m.WriteTo(&b); err != nil {
		t.Fatal(err)
	}
	return m, b.Bytes()
}

func newArchive(t testing.TB, data []byte) *elfrw.Archive {
	t.Helper()
	a, err := elfrw.NewArchive(data)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// replaced is the archive with some members replaced.
func replaced(t testing.TB, a *elfrw.Archive, images map[int]*elfrw.Image) []byte {
	t.Helper()
	e := a.Edit()
	for i, m := range images {
		if err := e.Replace(i, m); err != nil {
			t.Fatal(err)
		}
	}
	m, err := e.Layout()
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if n, err := m.WriteTo(&b); err != nil || n != m.Size() || int(n) != b.Len() {
		t.Fatalf("%d bytes of %d, %v", n, m.Size(), err)
	}
	return b.Bytes()
}

// symbolsOf lists the index as "name member".
func symbolsOf(a *elfrw.Archive) (list []string) {
	for name, i := range a.Symbols() {
		list = append(list, name+" "+a.Member(i).Name)
	}
	return list
}

// malformed are archives that are refused, with where and why.
var malformed = []struct {
	name, data string
	off        uint64
	want       string
}{
	{"empty", "", 0, "magic at 0x0"},
	{"other magic", "!<arcx>\n", 0, "magic at 0x0"},
	{"short header", arMagic + "x.o/    ", 8, "header at 0x8: 0x8 bytes are left, want 0x3c"},
	{"no end of a header", arMagic + strings.Replace(arMember("x.o/", "text"), "`\n", "``", 1), 66, "ar_fmag at 0x42"},
	{"size of letters", arMagic + arMember("x.o/", "text", "4x"), 56, `ar_size at 0x38: "4x" is no decimal number`},
	{"no size", arMagic + arMember("x.o/", "text", ""), 56, `"" is no decimal`},
	{"negative size", arMagic + arMember("x.o/", "text", "-4"), 56, `"-4" is no decimal`},
	{"size with a plus", arMagic + arMember("x.o/", "text", "+4"), 56, `"+4" is no decimal`},
	{"too large", arMagic + arMember("x.o/", "text", "5"), 56, "is 5, but only 4 bytes follow"},
	{"largest", arMagic + arMember("x.o/", "text", "9999999999"), 56, "only 4 bytes follow"},
	{"second member", arMagic + arMember("x.o/", "odd") + arMember("y.o/", "text", "5"), 120, "ar_size at 0x78"},
	{"no name", arMagic + arMember("", "text"), 8, `ar_name at 0x8: "" is no name`},
	{"BSD name", arMagic + arMember("#1/4", "x.o\x00text"), 8, `"#1/4": archives in the form of BSD are not read`},
	{"BSD index", arMagic + arMember("__.SYMDEF", "text"), 8, "form of BSD"},
	{"BSD sorted index", arMagic + arMember("__.SYMDEF SORTED", "text"), 8, "form of BSD"},
	{"long name without a table", arMagic + arMember("/0", "text"), 8, `is "/0", but the table of long names has 0x0 bytes`},
	{"long name past the table", arMagic + arMember("//", "x.o/\n") + arMember("/5", "text"), 74, "has 0x5 bytes"},
	{"long name without an end", arMagic + arMember("//", "x.o/") + arMember("/0", "text"), 72, "no end of a line"},
	{"long name of no number", arMagic + arMember("//", "x.o/\n") + arMember("/x", "text"), 74, `"/x" is no name`},
	{"empty long name", arMagic + arMember("//", "/\n") + arMember("/0", "text"), 70, `"/" is no name`},
	{"long name with NUL", arMagic + arMember("//", "a\x00b/\n") + arMember("/0", "text"), 74, "is no name"},
	{"COFF's map", arMagic + arMember("/<ECSYMBOLS>/", "text"), 8, "is no name"},
	{"two tables", arMagic + arMember("//", "") + arMember("//", ""), 68, "comes twice"},
	{"two indices", arMagic + arMember("/", "") + arMember("/", ""), 68, "is not the first member"},
	{"two indices of two forms", arMagic + arMember("/", "") + arMember("/SYM64/", ""), 68, "is not the first member"},
	{"late index", arMagic + arMember("x.o/", "") + arMember("/", ""), 68, "is not the first member"},
	{"index behind names", arMagic + arMember("//", "") + arMember("/", ""), 68, "is not the first member"},
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

// TestArchiveTruncated wants no part of an archive to be taken for a whole one,
// except at the ends of members.
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
	// An archive of nothing; and behind the member that the index names, without and
	// with its pad byte.
	first := len(whole) - len(arMember("y.o/", "text"))
	if want := []int{len(arMagic), first - 1, first, len(whole)}; !slices.Equal(good, want) {
		t.Errorf("accepted are the first %v bytes, want %v", good, want)
	}
}

// TestArchiveOdd reads what is unusual, and writes it back as it was.
func TestArchiveOdd(t *testing.T) {
	for name, c := range map[string]struct {
		data  string
		names []string
	}{
		"nothing":          {arMagic, nil},
		"thin, nothing":    {thinMagic, nil},
		"empty index":      {arMagic + arMember("/", ""), nil},
		"index of none":    {arMagic + arMember("/", "\x00\x00\x00\x00") + arMember("x.o/", ""), []string{"x.o"}},
		"no slash":         {arMagic + arMember("x.o", "odd") + arMember("y z", "text"), []string{"x.o", "y z"}},
		"no last pad byte": {arMagic + strings.TrimSuffix(arMember("x.o/", "odd"), "\n"), []string{"x.o"}},
		"other pad byte":   {arMagic + arMember("x.o/", "odd\x00"[:3]) + arMember("y.o/", "odd") + "", []string{"x.o", "y.o"}},
		"blank header":     {arMagic + "//" + strings.Repeat(" ", 46) + "6         `\nx.o/\n\n" + arMember("/0", "text"), []string{"x.o"}},
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

// TestArchiveReplace makes members longer, shorter, odd and even, with indices of
// both widths, and compares every byte.
func TestArchiveReplace(t *testing.T) {
	object := basic().build()
	even := object
	if len(even)%2 != 0 {
		even = append(bytes.Clone(object), 0)
	}
	odd := append(bytes.Clone(even), 0)
	same := func(*elfrw.Edit) error { return nil }
	evenImage, _ := imageOf(t, even, same)
	oddImage, _ := imageOf(t, odd, same)
	build := func(width int, b, c string, pad string) string {
		name := map[int]string{0: "", 4: "/", 8: "/SYM64/"}[width]
		at := func(offsets []uint64) string {
			if width == 0 {
				return ""
			}
			return arMember(name, arIndex(width, offsets, "one\x00two\x00three\x00four\x00"))
		}
		members := []string{arMember("//", "a_rather_long_name.o/\nx"), arMember("a.o/", "unread"), arMember("/0", b), arMember("c.o/", c), arMember("d.o/", string(odd))}
		if pad != "" {
			for i, data := range []string{b, c} {
				if len(data)%2 != 0 {
					m := &members[i+2]
					*m = strings.TrimSuffix(*m, "\n") + pad
				}
			}
		}
		var heads []uint64
		head := uint64(len(arMagic) + len(at(make([]uint64, 4))))
		for _, m := range members {
			heads = append(heads, head)
			head += uint64(len(m))
		}
		return arMagic + at([]uint64{heads[4], heads[1], heads[3], heads[2]}) + strings.Join(members, "")
	}
	for _, width := range []int{0, 4, 8} {
		for name, c := range map[string]struct{ b, c, newB, newC string }{
			"even to odd":  {string(even), string(even), string(odd), string(even)},
			"odd to even":  {string(odd), string(even), string(even), string(odd)},
			"both odd":     {string(odd), string(odd), string(odd), string(odd)},
			"from text":    {"", "text", string(odd), string(even)},
			"from odd one": {"x", "text", string(odd), string(odd)},
			"much longer":  {strings.Repeat("x", 100001), "", string(even), string(odd)},
		} {
			t.Run(fmt.Sprint(width, " ", name), func(t *testing.T) {
				image := func(s string) *elfrw.Image {
					if s == string(odd) {
						return oddImage
					}
					return evenImage
				}
				// The names of the index stay because the others define them, too.
				in := build(width, c.b, c.c, "")
				e := newArchive(t, []byte(in)).Edit()
				if err := errors.Join(e.Replace(1, image(c.newB)), e.Replace(2, image(c.newC))); err != nil {
					t.Fatal(err)
				}
				m, err := e.Layout()
				if err != nil {
					t.Fatal(err)
				}
				var out bytes.Buffer
				if _, err := m.WriteTo(&out); err != nil {
					t.Fatal(err)
				}
				want := build(width, c.newB, c.newC, "")
				if width == 0 && out.String() != want {
					t.Errorf("the output differs from what it has to be")
				}
				got, wanted := newArchive(t, out.Bytes()), newArchive(t, []byte(want))
				for i := range wanted.NumMembers() {
					g, w := got.Member(i), wanted.Member(i)
					if g.Name != w.Name || !bytes.Equal(g.Header, w.Header) || !bytes.Equal(g.Data, w.Data) {
						t.Errorf("member %d: %q, want %q; %d bytes, want %d", i, g.Header, w.Header, len(g.Data), len(w.Data))
					}
				}
			})
		}
	}
	t.Run("same size", func(t *testing.T) {
		in := arMagic + arMember("x.o/", string(odd), fmt.Sprintf("0%d", len(odd)))
		if out := replaced(t, newArchive(t, []byte(in)), map[int]*elfrw.Image{0: oddImage}); string(out) != in {
			t.Error("the text of a size has changed")
		}
	})
	t.Run("other pad bytes", func(t *testing.T) {
		in := build(0, string(odd), string(odd), "\x00")
		out := replaced(t, newArchive(t, []byte(in)), map[int]*elfrw.Image{1: oddImage})
		if string(out) != in {
			t.Error("a pad byte has changed")
		}
	})
}

func TestArchiveRefuse(t *testing.T) {
	image, _ := withLocal(t, basic().build(), 1)
	thin := newArchive(t, []byte(thinMagic+arMember("x.o/", "", "4")))
	if err := thin.Edit().Replace(0, image); err == nil {
		t.Error("a member of a thin archive was replaced")
	}
	e := newArchive(t, []byte(arMagic+arMember("x.o/", "text"))).Edit()
	if e.Replace(1, image) == nil || e.Replace(-1, image) == nil {
		t.Error("a member that is none was replaced")
	}
	if err := e.Replace(0, image); err != nil {
		t.Fatal(err)
	}
	if e.Replace(0, image) == nil {
		t.Error("a member was replaced twice")
	}
	// Pages that nobody touches: none of this is in memory.
	gigabyte := make([]byte, 1<<30)
	huge, err := elfrw.New(basic().build())
	if err != nil {
		t.Fatal(err)
	}
	h := huge.Edit()
	for range 10 {
		if _, err := h.AddSection(elfrw.NewSection{Name: ".huge", Type: elf.SHT_PROGBITS, Data: gigabyte}); err != nil {
			t.Fatal(err)
		}
	}
	if image, err = h.Layout(); err != nil {
		t.Fatal(err)
	}
	e = newArchive(t, []byte(arMagic+arMember("x.o/", "text"))).Edit()
	if err := e.Replace(0, image); err == nil || !strings.Contains(err.Error(), "does not fit in its header") {
		t.Errorf("%d bytes: error is %v", image.Size(), err)
	}
	if err := elfrw.IndexHead(4, 1<<32-2); err != nil {
		t.Error(err)
	}
	if err := elfrw.IndexHead(8, 1<<32); err != nil {
		t.Error(err)
	}
	if err := elfrw.IndexHead(4, 1<<32); err == nil || !strings.Contains(err.Error(), "at 0x100000000, and the index") {
		t.Errorf("error is %v", err)
	}
}

// TestArchiveCompare has an archive read back that is not the one that was written.
func TestArchiveCompare(t *testing.T) {
	object := string(basic().build())
	build := func(first, second, name string, of uint64) string {
		index := arMember("/", arIndex(4, []uint64{of}, name+"\x00"))
		return arMagic + index + arMember("a.o/", first) + arMember(second, object)
	}
	const head = uint64(len(arMagic)) + 60 + 12 // of the first member
	in := newArchive(t, []byte(build("text", "b.o/", "abc", head)))
	image, b := withLocal(t, []byte(object), 1)
	e := in.Edit()
	if err := e.Replace(1, image); err != nil {
		t.Fatal(err)
	}
	m, err := e.Layout()
	if err != nil {
		t.Fatal(err)
	}
	object = string(b)
	for name, c := range map[string]struct{ out, want string }{
		"another member": {build("TEXT", "b.o/", "abc", head), "member 0: the output has other bytes"},
		"another name":   {build("text", "c.o/", "abc", head), "member 1: the output has another header"},
		"another symbol": {build("text", "b.o/", "abd", head), "entry 0 of the output differs from the plan"},
		"of another":     {build("text", "b.o/", "abc", head+64), "entry 0 of the output differs from the plan"},
		"no symbol":      {arMagic + arMember("a.o/", "text") + arMember("b.o/", object), "the output has 0 symbols, not the planned"},
		"one too many":   {build("text", "b.o/", "abc", head) + arMember("c.o/", ""), "the output has 3 members, the input 2"},
	} {
		if err := m.Compare(newArchive(t, []byte(c.out))); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error is %v, want %s", name, err, c.want)
		}
	}
}

// TestArchiveWrite writes an archive as any output: whole, with the mode of the old
// one, and not if what is read back, or the input, is not as it was.
func TestArchiveWrite(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "lib.a")
	data := arMagic + arMember("a.o/", string(basic().build())) + arMember("b.o/", string(bulky()))
	if err := os.WriteFile(path, []byte(data), 0o640); err != nil {
		t.Fatal(err)
	}
	open := func() (*elfrw.Archive, *elfrw.ArchiveImage, []byte) {
		a, err := elfrw.OpenArchive(path)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { a.Close() })
		image, b := withLocal(t, a.Member(0).Data, 77)
		e := a.Edit()
		if err := e.Replace(0, image); err != nil {
			t.Fatal(err)
		}
		m, err := e.Layout()
		if err != nil {
			t.Fatal(err)
		}
		return a, m, b
	}
	a, m, b := open()
	stop := errors.New("stop")
	if _, err := m.WriteTemp(path, a.Info(), func(*elfrw.Archive) error { return stop }); !errors.Is(err, stop) {
		t.Errorf("error is %v", err)
	}
	holds(t, dir, "lib.a")
	temp, err := m.WriteTemp(path, a.Info(), func(out *elfrw.Archive) error {
		if !bytes.Equal(out.Member(0).Data, b) || !bytes.Equal(out.Member(1).Data, bulky()) {
			return errors.New("other members than those that were written")
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := temp.Commit(); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode() != 0o640 || info.Size() != m.Size() {
		t.Errorf("%v, %v", info, err)
	}
	a, m, _ = open()
	if err := os.Truncate(path, 4096); err != nil {
		t.Fatal(err)
	}
	if _, err := m.WriteTemp(path, a.Info(), nil); !errors.Is(err, elfrw.ErrChanged) {
		t.Errorf("error is %v", err)
	}
	if err := a.Guard(func() error { _ = bytes.Clone(a.Member(1).Data); return nil }); !errors.Is(err, elfrw.ErrChanged) {
		t.Errorf("error is %v", err)
	}
	holds(t, dir, "lib.a")
	if _, err := elfrw.OpenArchive(filepath.Join(dir, "none.a")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("error is %v", err)
	}
}

// manyMembers is an archive of n members with as many symbols; every tenth member is
// the object.
func manyMembers(n int, object []byte) []byte {
	offsets, names := make([]uint64, n), strings.Repeat("symbol_with_a_name\x00", n)
	var members bytes.Buffer
	at := uint64(len(arMagic) + len(arMember("/", arIndex(4, offsets, names))))
	for i := range n {
		offsets[i] = at + uint64(members.Len())
		data := "text"
		if i%10 == 0 {
			data = string(object)
		}
		members.WriteString(arMember(fmt.Sprint(i, ".o/"), data))
	}
	return []byte(arMagic + arMember("/", arIndex(4, offsets, names)) + members.String())
}

// TestArchiveMany replaces every tenth of 100,000 members, and wants that to take ten
// times as long as of 10,000, and not a hundred times.
func TestArchiveMany(t *testing.T) {
	const n = 100_000
	image, small := withLocal(t, basic().build(), 3)
	_, old := withLocal(t, basic().build(), 0)
	took := map[int]time.Duration{}
	for _, n := range []int{n / 10, n} {
		data := manyMembers(n, old)
		for range 3 { // the least is what the machine was not busy with other things
			start := time.Now()
			a := newArchive(t, data)
			images := map[int]*elfrw.Image{}
			for i := 0; i < n; i += 10 {
				images[i] = image
			}
			out := newArchive(t, replaced(t, a, images))
			next := 0
			for name, i := range out.Symbols() {
				if name != "symbol_with_a_name" || i != next {
					t.Fatalf("symbol %d is %q of member %d", next, name, i)
				}
				next++
			}
			if d := time.Since(start); took[n] == 0 || d < took[n] {
				took[n] = d
			}
			if m := out.Member(n - 10); next != n || m.Name != fmt.Sprint(n-10, ".o") || !bytes.Equal(m.Data, small) {
				t.Errorf("%d symbols, member %q", next, m.Name)
			}
		}
	}
	if took[n] > 40*took[n/10] {
		t.Errorf("%d members took %v, %d %v", n, took[n], n/10, took[n/10])
	}
}

// run runs a program in a directory, and returns what it prints.
func run(t *testing.T, dir, program string, args ...string) string {
	t.Helper()
	cmd := exec.Command(program, args...)
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s %q: %v\n%s", program, args, err, out)
	}
	return string(out)
}

// archivers make archives of the files of a directory.
var archivers = map[string][]string{
	"powerpc64le-linux-gnu-ar rcs":  nil,
	"powerpc64le-linux-gnu-ar rcsU": nil, // with times, owners and modes
	"powerpc64le-linux-gnu-ar rcSU": nil, // without an index
	"llvm-ar rcs":                   nil,
	"llvm-ar rcsU":                  nil,
	"llvm-ar rcs --format=gnu":      nil,
}

// peerObjects puts objects with names of many lengths, and a file that is none, in
// a directory.
func peerObjects(t *testing.T, dir string) (names []string) {
	for name, from := range map[string]string{
		"u.o":                "gcc-p8-O2-update.o",
		"fifteen_chars.o":    "gcc-p8-O2-targets.o",
		"sixteen_chars_.o":   "clang-p8-O2-sites.o",
		"a name with space":  "clang-p8-O2-cxx_a.o",
		"odd.o":              "gcc-p8-O2-sites_main.o",
		"a_very_long_name.o": "gcc-p8-O2-small-debug.o",
	} {
		b, err := os.ReadFile(filepath.Join("../testdata/obj", from))
		if err != nil {
			t.Fatal(err)
		}
		if name == "odd.o" && len(b)%2 == 0 {
			b = append(b, 0)
		}
		if err := os.WriteFile(filepath.Join(dir, name), b, 0o640); err != nil {
			t.Fatal(err)
		}
		names = append(names, name)
	}
	if err := os.WriteFile(filepath.Join(dir, "readme.txt"), []byte("text"), 0o600); err != nil {
		t.Fatal(err)
	}
	names = append(names, "readme.txt")
	slices.Sort(names)
	return names
}

// TestArchivePeers has both archivers make archives, replaces members, and has the
// archivers and linkers read the result.
func TestArchivePeers(t *testing.T) {
	const gnu = "powerpc64le-linux-gnu-"
	tooltest.Need(t, gnu+"ar", gnu+"nm", gnu+"ranlib", gnu+"ld.bfd", "llvm-ar", "ld.lld")
	for how := range archivers {
		t.Run(how, func(t *testing.T) {
			dir := t.TempDir()
			names := peerObjects(t, dir)
			command := strings.Fields(how)
			run(t, dir, command[0], slices.Concat(command[1:], []string{"lib.a"}, names)...)
			data, err := os.ReadFile(filepath.Join(dir, "lib.a"))
			if err != nil {
				t.Fatal(err)
			}
			a := newArchive(t, data)
			if got := strings.Fields(strings.ReplaceAll(run(t, dir, gnu+"ar", "t", "lib.a"), "a name with space", "a_name")); len(got) != a.NumMembers() {
				t.Fatalf("ar lists %d members, not %d", len(got), a.NumMembers())
			}
			if out := replaced(t, a, nil); !bytes.Equal(out, data) {
				t.Error("without an edit, the archive changes")
			}
			images, whole := map[int]*elfrw.Image{}, bytes.Buffer{}
			for i := range a.NumMembers() {
				m := a.Member(i)
				if m.Name != "readme.txt" && m.Name != "u.o" {
					images[i], m.Data = withLocal(t, m.Data, 5+i)
				}
				whole.Write(m.Data)
			}
			out := replaced(t, a, images)
			if err := os.WriteFile(filepath.Join(dir, "out.a"), out, 0o600); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(symbolsOf(a), symbolsOf(newArchive(t, out))); diff != "" {
				t.Errorf("the symbols differ:\n%s", diff)
			}
			// Names, dates, modes and owners.
			stamps := func(lib string) string { return dropSizes(run(t, dir, gnu+"ar", "tv", lib)) }
			if diff := cmp.Diff(stamps("lib.a"), stamps("out.a")); diff != "" {
				t.Errorf("ar tv differs:\n%s", diff)
			}
			for _, ar := range []string{gnu + "ar", "llvm-ar"} {
				if got := run(t, dir, ar, "p", "out.a"); got != whole.String() {
					t.Errorf("%s takes %d bytes out, not %d", ar, len(got), whole.Len())
				}
			}
			if !a.HasIndex() {
				return
			}
			var listed []string
			for line := range strings.Lines(run(t, dir, gnu+"nm", "-s", "out.a")) {
				if name, member, ok := strings.Cut(strings.TrimSuffix(line, "\n"), " in "); ok {
					listed = append(listed, name+" "+member)
				}
			}
			if diff := cmp.Diff(symbolsOf(a), listed); diff != "" {
				t.Errorf("nm -s lists others than the input has:\n%s", diff)
			}
			// An index that ar makes anew is the one that is there.
			ranlib := map[bool][]string{true: {"llvm-ar", "s"}, false: {gnu + "ranlib", "-U"}}[command[0] == "llvm-ar"]
			run(t, dir, "cp", "out.a", "again.a")
			run(t, dir, ranlib[0], append(ranlib[1:], "again.a")...)
			again, err := os.ReadFile(filepath.Join(dir, "again.a"))
			if err != nil {
				t.Fatal(err)
			}
			checkIndexAgain(t, out, again)
			run(t, dir, gnu+"ranlib", "-t", "out.a")
			touched, err := os.ReadFile(filepath.Join(dir, "out.a"))
			if err != nil {
				t.Fatal(err)
			}
			checkIndexAgain(t, out, touched)
			for _, ld := range []string{gnu + "ld.bfd", "ld.lld"} {
				link := func(lib string) string {
					run(t, dir, ld, "-m", "elf64lppc", "-r", "-u", "u_call", "-o", "linked.o", lib)
					return run(t, dir, gnu+"nm", "-j", "--defined-only", "linked.o")
				}
				before, after := link("lib.a"), link("out.a")
				less := strings.ReplaceAll(after, "added_local\n", "")
				if less == after || less != before || !strings.Contains(before, "u_call\n") {
					t.Errorf("%s: before -, after +:\n%s", ld, cmp.Diff(before, after))
				}
			}
		})
	}
}

// checkIndexAgain wants an archive and what an archiver makes of it to have equal
// bytes, except for the date of the index.
func checkIndexAgain(t *testing.T, out, again []byte) {
	t.Helper()
	out, again = bytes.Clone(out), bytes.Clone(again)
	for _, b := range [][]byte{out, again} {
		copy(b[len(arMagic)+16:], strings.Repeat(" ", 32))
	}
	if !bytes.Equal(out, again) {
		a, b := newArchive(t, out), newArchive(t, again)
		t.Errorf("made anew the index differs:\n%s", cmp.Diff(symbolsOf(a), symbolsOf(b)))
	}
}

// dropSizes leaves out the third column of ar tv.
func dropSizes(listing string) string {
	var b strings.Builder
	for line := range strings.Lines(listing) {
		f := strings.Fields(line)
		fmt.Fprintln(&b, append(f[:2:2], f[3:]...))
	}
	return b.String()
}

// TestArchiveNewGlobals replaces a member by one that defines other global symbols:
// the index becomes the one that an archiver makes.
func TestArchiveNewGlobals(t *testing.T) {
	const gnu = "powerpc64le-linux-gnu-"
	tooltest.Need(t, gnu+"ar", gnu+"ranlib")
	dir := t.TempDir()
	names := peerObjects(t, dir)
	run(t, dir, gnu+"ar", slices.Concat([]string{"rcs", "lib.a"}, names)...)
	data, err := os.ReadFile(filepath.Join(dir, "lib.a"))
	if err != nil {
		t.Fatal(err)
	}
	a := newArchive(t, data)
	targets, err := os.ReadFile("../testdata/obj/gcc-p8-O2-ret0.o")
	if err != nil {
		t.Fatal(err)
	}
	other, _ := imageOf(t, targets, func(*elfrw.Edit) error { return nil })
	images := map[int]*elfrw.Image{}
	for i := range a.NumMembers() {
		m := a.Member(i)
		switch m.Name {
		case "u.o":
			images[i] = other
		case "fifteen_chars.o", "readme.txt":
			if m.Name == "readme.txt" {
				m.Data = targets
			}
			images[i], _ = imageOf(t, m.Data, func(e *elfrw.Edit) error {
				return second(e.AddSymbol(elfrw.NewSymbol{Name: "added_by_" + m.Name, Bind: elf.STB_GLOBAL, Section: 1}))
			})
		}
	}
	out := replaced(t, a, images)
	run(t, dir, "cp", "lib.a", "again.a")
	if err := os.WriteFile(filepath.Join(dir, "again.a"), out, 0o600); err != nil {
		t.Fatal(err)
	}
	run(t, dir, gnu+"ranlib", "again.a")
	again, err := os.ReadFile(filepath.Join(dir, "again.a"))
	if err != nil {
		t.Fatal(err)
	}
	checkIndexAgain(t, out, again)
	if syms := symbolsOf(newArchive(t, out)); !slices.Contains(syms, "added_by_fifteen_chars.o fifteen_chars.o") || slices.Contains(syms, "u_call u.o") {
		t.Errorf("symbols are %q", syms)
	}
}

// TestArchiveThinPeers reads thin archives, and one with a member in another archive.
func TestArchiveThinPeers(t *testing.T) {
	const gnu = "powerpc64le-linux-gnu-"
	for _, ar := range []string{gnu + "ar", "llvm-ar"} {
		t.Run(ar, func(t *testing.T) {
			tooltest.Need(t, ar)
			dir := t.TempDir()
			names := peerObjects(t, dir)
			run(t, dir, ar, slices.Concat([]string{"rcsT", "lib.a"}, names)...)
			a, err := elfrw.OpenArchive(filepath.Join(dir, "lib.a"))
			if err != nil {
				t.Fatal(err)
			}
			defer a.Close()
			var got []string
			for i := range a.NumMembers() {
				got = append(got, a.Member(i).Name)
			}
			if !a.Thin() || !slices.Equal(got, names) || len(symbolsOf(a)) < 20 {
				t.Errorf("thin %v, members %q, symbols %q", a.Thin(), got, symbolsOf(a))
			}
		})
	}
}

// TestArchiveLibraries reads the libraries of the cross compiler.
func TestArchiveLibraries(t *testing.T) {
	const gnu = "powerpc64le-linux-gnu-"
	tooltest.Need(t, gnu+"ar", gnu+"nm")
	var libs []string
	for _, pattern := range []string{"/usr/powerpc64le-linux-gnu/lib/lib*.a", "/usr/lib/gcc-cross/powerpc64le-linux-gnu/*/lib*.a"} {
		found, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		libs = append(libs, found...)
	}
	if len(libs) == 0 {
		tooltest.Missing(t, "there are no libraries of a cross compiler")
	}
	members, symbols := 0, 0
	for _, lib := range libs {
		head := make([]byte, len(arMagic))
		if f, err := os.Open(lib); err == nil {
			f.Read(head)
			f.Close()
		}
		if !elfrw.IsArchive(head) {
			continue // a linker script
		}
		a, err := elfrw.OpenArchive(lib)
		if err != nil {
			t.Errorf("%s: %v", lib, err)
			continue
		}
		var names strings.Builder
		for i := range a.NumMembers() {
			fmt.Fprintln(&names, a.Member(i).Name)
		}
		if got := run(t, "", gnu+"ar", "t", lib); got != names.String() {
			t.Errorf("%s: ar lists other members", lib)
		}
		var index strings.Builder
		for name, i := range a.Symbols() {
			fmt.Fprintf(&index, "%s in %s\n", name, a.Member(i).Name)
			symbols++
		}
		_, got, _ := strings.Cut(run(t, "", gnu+"nm", "-s", lib), "Archive index:\n")
		if got, _, _ = strings.Cut(got, "\n\n"); got != strings.TrimSuffix(index.String(), "\n") {
			t.Errorf("%s: nm -s lists other symbols", lib)
		}
		members += a.NumMembers()
		a.Close()
	}
	if members < 1000 || symbols < 5000 {
		t.Errorf("%d members, %d symbols", members, symbols)
	}
}

// FuzzArchive wants no panic, an error that says where, and what is accepted to come
// back as it was, and with one member replaced.
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
