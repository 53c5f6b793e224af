// SPDX-License-Identifier: BSD-3-Clause

package elfrw_test

import (
	"bytes"
	"debug/elf"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/scpatch/scpatch/elfrw"
)

// withLocal returns the object with another section and another local symbol,
// as an image and as bytes.
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

// replaced returns the archive with some members replaced.
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
				// The names in the index stay because other members define
				// them, too.
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
				// The old and the new symbols are the same if both are objects.
				objects := len(c.b) >= len(object) && len(c.c) >= len(object)
				if (width == 0 || objects) && out.String() != want {
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
	// Nothing touches these pages, so none of this is in memory.
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
	// The largest that fits. The odd size comes from the trailer.
	const largest = 9_999_999_999
	trailed := with(basic(), func(o *object) { o.trailer = make([]byte, 7) }).build()
	if huge, err = elfrw.New(trailed); err != nil {
		t.Fatal(err)
	}
	sized := func(last int) *elfrw.Image {
		h := huge.Edit()
		for i := range 10 {
			data := gigabyte
			if i == 9 {
				data = data[:last]
			}
			if _, err := h.AddSection(elfrw.NewSection{Name: ".huge", Type: elf.SHT_PROGBITS, Data: data}); err != nil {
				t.Fatal(err)
			}
		}
		image, err := h.Layout()
		if err != nil {
			t.Fatal(err)
		}
		return image
	}
	image = sized(largest - int(sized(8).Size()) + 8)
	if err := e.Replace(0, image); err != nil || image.Size() != largest {
		t.Errorf("%d bytes: error is %v", image.Size(), err)
	}
	if err := elfrw.IndexHead(4, 1<<32-1); err != nil {
		t.Error(err)
	}
	if err := elfrw.IndexHead(8, 1<<32); err != nil {
		t.Error(err)
	}
	if err := elfrw.IndexHead(4, 1<<32); err == nil || !strings.Contains(err.Error(), "at 0x100000000, and the symbol index") {
		t.Errorf("error is %v", err)
	}
}

// TestArchiveCompare reads back an archive that is not the one written.
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
	if err := m.Compare(newArchive(t, []byte(build("text", "b.o/", "abc", head)))); err != nil {
		t.Errorf("what was written: %v", err)
	}
	for name, c := range map[string]struct{ out, want string }{
		"another member": {build("TEXT", "b.o/", "abc", head), "member 0: the output has other bytes"},
		"another name":   {build("text", "c.o/", "abc", head), "member 1: the output has another header"},
		"another date":   {strings.Replace(build("text", "b.o/", "abc", head), "a.o/            17", "a.o/            16", 1), "member 0: the output has another header"},
		"a symbol more": {arMagic + arMember("/", arIndex(4, []uint64{head + 8, head + 8}, "abc\x00abd\x00")) + arMember("a.o/", "text") + arMember("b.o/", object),
			"entry 1 of the output differs from the plan"},
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

// TestArchiveIndex replaces a member by one that defines other symbols.
func TestArchiveIndex(t *testing.T) {
	object := basic().build()
	const (
		size = 4 + 3*4 + len("main\x00weak\x00text\x00") + 1
		a    = uint64(len(arMagic) + 60 + size)
		b    = a + 64
	)
	index := arIndex(4, []uint64{b, b, a}, "main\x00weak\x00text\x00\x00")
	in := newArchive(t, []byte(arMagic+arMember("/", index)+arMember("a.o/", "text")+arMember("b.o/", string(object))))
	symbol := func(bind elf.SymBind, name string) func(*elfrw.Edit) error {
		return func(e *elfrw.Edit) error {
			return second(e.AddSymbol(elfrw.NewSymbol{Name: name, Bind: bind, Section: 1}))
		}
	}
	for name, c := range map[string]struct {
		edit func(*elfrw.Edit) error
		want []string
	}{
		"the same":       {symbol(elf.STB_LOCAL, "local"), []string{"main b.o", "weak b.o", "text a.o"}},
		"without a name": {symbol(elf.STB_GLOBAL, ""), []string{"main b.o", "weak b.o", "text a.o"}},
		"one more":       {symbol(elf.STB_GLOBAL, "more"), []string{"text a.o", "main b.o", "weak b.o", "more b.o"}},
		"one less": {func(e *elfrw.Edit) error {
			s := e.Symbol(6)
			s.Bind = elf.STB_LOCAL
			return e.SetSymbol(6, s)
		}, []string{"text a.o", "main b.o"}},
		"another name": {func(e *elfrw.Edit) error { return e.RenameSymbol(6, "week") }, []string{"text a.o", "main b.o", "week b.o"}},
	} {
		t.Run(name, func(t *testing.T) {
			image, _ := imageOf(t, object, c.edit)
			if got := symbolsOf(newArchive(t, replaced(t, in, map[int]*elfrw.Image{1: image}))); !slices.Equal(got, c.want) {
				t.Errorf("the symbols are %q, want %q", got, c.want)
			}
		})
	}
}

// TestArchiveWrite writes an archive like any output: whole, with the mode of
// the old one, and not at all if the check or the input fails.
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

// manyMembers returns an archive of n members and n symbols; every tenth member is
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

// TestArchiveMany replaces every tenth of 100,000 members, and reads all of them again.
func TestArchiveMany(t *testing.T) {
	n := fewer(100_000, 10_000)
	image, small := withLocal(t, basic().build(), 3)
	_, old := withLocal(t, basic().build(), 0)
	a := newArchive(t, manyMembers(n, old))
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
	if m := out.Member(n - 10); next != n || m.Name != fmt.Sprint(n-10, ".o") || !bytes.Equal(m.Data, small) {
		t.Errorf("%d symbols, member %q", next, m.Name)
	}
}
