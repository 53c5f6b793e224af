// SPDX-License-Identifier: BSD-3-Clause

package elfrw_test

import (
	"bytes"
	"debug/elf"
	"hash/fnv"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"sync/atomic"
	"testing"

	"github.com/scpatch/scpatch/elfrw"
)

// eachEditable runs a test on the shapes and objects whose size may change, and on the
// corpus if it was fetched.
func eachEditable(t *testing.T, test func(*testing.T, []byte)) {
	run := func(t *testing.T, data []byte) {
		f, err := elfrw.New(data)
		if err != nil || f.Header().Shstrndx == 0 || f.Signed() || f.NumSymbols() == 0 || elf.Type(f.Header().Type) != elf.ET_REL {
			return
		}
		test(t, data)
	}
	eachSmall(t, run)
	eachObject(t, run)
	eachOfCorpus(t, run)
}

// eachOfCorpus runs a test on a few hundred objects below the directory SCPATCH_CORPUS, if
// that is set (make corpus-check).
func eachOfCorpus(t *testing.T, test func(*testing.T, []byte)) {
	dir := os.Getenv("SCPATCH_CORPUS")
	if dir == "" {
		return
	}
	var paths []string
	err := filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error {
		if ext := filepath.Ext(path); ext == ".o" || ext == ".ko" {
			paths = append(paths, path)
		}
		return err
	})
	if err != nil || len(paths) == 0 {
		t.Fatalf("no objects in %s: %v", dir, err)
	}
	for i := 0; i < len(paths); i += 1 + len(paths)/500 {
		data, err := os.ReadFile(paths[i])
		if err != nil {
			t.Fatal(err)
		}
		t.Run(paths[i][len(dir):], func(t *testing.T) { test(t, data) })
	}
}

// seeded returns a generator seeded with the test's name alone.
func seeded(t *testing.T) *rand.Rand {
	seed := fnv.New64a()
	seed.Write([]byte(t.Name()))
	return rand.New(rand.NewPCG(seed.Sum64(), 3))
}

// TestRemoveEverySymbol removes the symbols that nothing refers to, all together and
// each alone.
func TestRemoveEverySymbol(t *testing.T) {
	removed, refused := 0, 0
	eachEditable(t, func(t *testing.T, data []byte) {
		all := newObjectEditor(t, data)
		for i := range all.syms {
			if !all.removeSymbol(i) {
				refused++
				continue
			}
			removed++
			if removed%3 == 0 {
				one := newObjectEditor(t, data)
				one.removeSymbol(i)
				one.layout()
			}
		}
		all.layout()
	})
	if removed < fewer(100, 20) || refused < fewer(100, 20) {
		t.Errorf("%d symbols removed, %d refused", removed, refused)
	}
}

// TestRemoveEverySection removes each section alone, and as many as possible
// together.
func TestRemoveEverySection(t *testing.T) {
	removed, refused := 0, 0
	eachEditable(t, func(t *testing.T, data []byte) {
		all := newObjectEditor(t, data)
		r := seeded(t)
		for _, i := range r.Perm(len(all.secs)) {
			one := newObjectEditor(t, data)
			if !one.removeSection(i) {
				refused++
			} else {
				removed++
				one.layout()
			}
			all.removeSection(i)
		}
		all.layout()
	})
	if removed < fewer(100, 20) || refused < fewer(100, 20) {
		t.Errorf("%d sections removed, %d refused", removed, refused)
	}
}

// inverse makes an edit and another one that takes it back, and expects the
// input.
func inverse(t *testing.T, data []byte, edit, back func(e *elfrw.Edit, f *elfrw.File) error) {
	t.Helper()
	at := data
	for _, step := range []func(*elfrw.Edit, *elfrw.File) error{edit, back} {
		f, err := elfrw.New(at)
		if err != nil {
			t.Fatal(err)
		}
		e := f.Edit()
		if err := step(e, f); err != nil {
			t.Fatal(err)
		}
		at = image(t, e)
	}
	if !bytes.Equal(at, data) {
		t.Errorf("%d bytes came back as %d", len(data), len(at))
	}
}

// TestInverse takes back edits in a second run, after which not a byte may
// differ.
func TestInverse(t *testing.T) {
	all := func(errs ...error) error {
		for _, err := range errs {
			if err != nil {
				return err
			}
		}
		return nil
	}
	second := func(_ int, err error) error { return err }
	// An unused name stays if it is the end of another one or occurs twice. The inverse
	// then has a different string table, so such names are skipped; there must be
	// others.
	var symbols, added, sections atomic.Int32
	t.Cleanup(func() {
		if symbols.Load() < int32(fewer(20, 5)) || added.Load() < int32(fewer(20, 5)) || sections.Load() < int32(fewer(3, 1)) {
			t.Errorf("renamed %d symbols and %d sections, and added symbols to %d objects", symbols.Load(), sections.Load(), added.Load())
		}
	})
	eachEditable(t, func(t *testing.T, data []byte) {
		f, err := elfrw.New(data)
		if err != nil {
			t.Fatal(err)
		}
		last := f.NumSymbols() - 1
		opaque := hasUnknown(f)
		t.Run("rename a symbol", func(t *testing.T) {
			was := string(f.SymbolName(f.Symbol(last)))
			if !wholeString(f.SymbolNames(), was, int(f.SymbolNameOff(last))) {
				return
			}
			symbols.Add(1)
			inverse(t, data,
				func(e *elfrw.Edit, _ *elfrw.File) error { return e.RenameSymbol(last, "another_name") },
				func(e *elfrw.Edit, _ *elfrw.File) error { return e.RenameSymbol(last, was) })
		})
		t.Run("set a symbol", func(t *testing.T) {
			inverse(t, data,
				func(e *elfrw.Edit, _ *elfrw.File) error {
					s := e.Symbol(last)
					s.Value, s.Size, s.Other, s.Type = s.Value+4, s.Size+4, s.Other^2, s.Type^1
					return e.SetSymbol(last, s)
				},
				func(e *elfrw.Edit, _ *elfrw.File) error {
					s := e.Symbol(last)
					s.Value, s.Size, s.Other, s.Type = s.Value-4, s.Size-4, s.Other^2, s.Type^1
					return e.SetSymbol(last, s)
				})
		})
		t.Run("add symbols", func(t *testing.T) {
			if opaque {
				return // symbols cannot be removed
			}
			if a, ok := f.SectionByName(".llvm_addrsig"); ok && bytes.Contains(a.Data(), []byte{0x85, 0}) {
				return // the table has a number in more bytes than necessary
			}
			added.Add(1)
			first := f.FirstGlobal()
			inverse(t, data,
				func(e *elfrw.Edit, _ *elfrw.File) error {
					return all(
						second(e.AddSymbol(elfrw.NewSymbol{Name: "local", Section: 1})),
						second(e.AddSymbol(elfrw.NewSymbol{Name: "global_one", Bind: elf.STB_GLOBAL, Section: 1})),
						second(e.AddSymbol(elfrw.NewSymbol{Name: "abs", Bind: elf.STB_WEAK, Shndx: elf.SHN_ABS, Value: 7})),
					)
				},
				func(e *elfrw.Edit, f *elfrw.File) error {
					n := f.NumSymbols()
					return all(e.RemoveSymbol(first), e.RemoveSymbol(n-1), e.RemoveSymbol(n-2))
				})
		})
		t.Run("rename a section", func(t *testing.T) {
			names := f.Section(int(f.Header().Shstrndx)).Data()
			for s := range f.Sections() {
				if s.Is(elf.SHT_PROGBITS) && s.Size > 0 && wholeString(names, s.NameString(), int(s.Name)) && aloneNamed(f, s) {
					sections.Add(1)
					inverse(t, data,
						func(e *elfrw.Edit, _ *elfrw.File) error { return e.RenameSection(s.Index, ".another") },
						func(e *elfrw.Edit, _ *elfrw.File) error { return e.RenameSection(s.Index, s.NameString()) })
					return
				}
			}
		})
		t.Run("set a section", func(t *testing.T) {
			for s := range f.Sections() {
				if s.Is(elf.SHT_PROGBITS) {
					change := func(e *elfrw.Edit, _ *elfrw.File) error {
						n := e.Section(s.Index)
						n.Flags ^= elf.SHF_WRITE
						n.Entsize ^= 8
						return e.SetSection(s.Index, n)
					}
					inverse(t, data, change, change)
					return
				}
			}
		})
		t.Run("set content", func(t *testing.T) {
			for s := range f.Sections() {
				if s.Is(elf.SHT_PROGBITS) && !s.Compressed() {
					inverse(t, data,
						func(e *elfrw.Edit, _ *elfrw.File) error {
							return e.SetData(s.Index, append(bytes.Clone(s.Data()), "longer"...))
						},
						func(e *elfrw.Edit, _ *elfrw.File) error { return e.SetData(s.Index, bytes.Clone(s.Data())) })
					return
				}
			}
		})
		t.Run("add a relocation", func(t *testing.T) {
			for s := range f.Sections() {
				if s.Is(elf.SHT_PROGBITS) && s.Size > 0 {
					r, old := f.RelaSection(s.Index)
					inverse(t, data,
						func(e *elfrw.Edit, _ *elfrw.File) error {
							return e.AddRelas(s.Index, elfrw.Rela{Symbol: last}, elfrw.Rela{Type: 1, Symbol: 0, Addend: -1})
						},
						func(e *elfrw.Edit, f *elfrw.File) error {
							if !old {
								return e.RemoveSection(f.NumSections() - 1)
							}
							e.Compact()
							n := int(r.Size / 24)
							return all(e.DropRela(r.Index, n), e.DropRela(r.Index, n+1))
						})
					return
				}
			}
		})
		t.Run("add a group", func(t *testing.T) {
			n := f.NumSections()
			inverse(t, data,
				func(e *elfrw.Edit, _ *elfrw.File) error {
					g, err := e.AddSection(elfrw.NewSection{Name: ".group", Type: elf.SHT_GROUP, Info: uint32(last), Data: words(1)})
					return all(err,
						second(e.AddSection(elfrw.NewSection{Name: ".member", Type: elf.SHT_PROGBITS, Group: g, Data: []byte{1}})),
						second(e.AddSection(elfrw.NewSection{Name: ".zeros", Type: elf.SHT_NOBITS, Flags: wa, Group: g, Size: 100, Addralign: 64})))
				},
				func(e *elfrw.Edit, _ *elfrw.File) error {
					return all(e.RemoveSection(n), e.RemoveSection(n+1), e.RemoveSection(n+2))
				})
		})
		t.Run("flags and ABI", func(t *testing.T) {
			change := func(e *elfrw.Edit, f *elfrw.File) error {
				h := f.Header()
				h.Flags ^= 1
				h.Ident[elf.EI_OSABI] ^= byte(elf.ELFOSABI_LINUX)
				h.Ident[elf.EI_ABIVERSION] ^= 1
				return e.SetHeader(h)
			}
			inverse(t, data, change, change)
		})
	})
}

// aloneNamed reports whether the relocations of a section, which are renamed with it, get
// their old name back: it must be a whole string as well.
func aloneNamed(f *elfrw.File, s elfrw.Section) bool {
	r, ok := f.RelaSection(s.Index)
	return !ok || wholeString(f.Section(int(f.Header().Shstrndx)).Data(), r.NameString(), int(r.Name))
}

// wholeString reports whether a name is a string of its own, and the first such
// one.
func wholeString(table []byte, name string, off int) bool {
	return name != "" && bytes.Index(table, append(append([]byte{0}, name...), 0)) == off-1
}

var mixKinds = []string{"remove symbol", "remove section", "set symbol", "rebind", "add symbol", "add section", "add relocation", "rename section", "set section", "add group"}

// TestBoundaryBack removes sections until their number fits into e_shnum again, and the
// numbers into st_shndx.
func TestBoundaryBack(t *testing.T) {
	for _, name := range sample(t, []string{"wide", "xindex"}, 1) {
		o := newObjectEditor(t, large[name]())
		if h := o.f.Header(); h.Shnum != 0 {
			t.Fatalf("%s: e_shnum is %d", name, h.Shnum)
		}
		for i := 100; i < 140; i++ {
			if !o.removeSection(i) {
				t.Fatalf("section %d stays", i)
			}
		}
		f, err := elfrw.New(o.layout())
		if err != nil {
			t.Fatal(err)
		}
		first := f.Section(0)
		if h := f.Header(); int(h.Shnum) != f.NumSections() || int(h.Shstrndx) >= f.NumSections() || first.Size != 0 || first.Link != 0 {
			t.Errorf("%s: %d sections, e_shnum is %d and e_shstrndx %d; the first header has %d and %d", name, f.NumSections(), h.Shnum, h.Shstrndx, first.Size, first.Link)
		}
		for s := range f.Symbols() {
			if s.Shndx == elf.SHN_XINDEX {
				t.Fatalf("%s: symbol %d has SHN_XINDEX", name, s.Index)
			}
		}
	}
}

// TestRebindExecutable changes bindings in a file that keeps its size. Its relocations are
// not checked: one is of a symbol that does not exist.
func TestRebindExecutable(t *testing.T) {
	o := basic()
	o.typ = elf.ET_EXEC
	o.secs[1].relas = append(o.secs[1].relas, rel(0, 65_536, elf.R_PPC64_REL24, 0))
	f, err := elfrw.New(o.build())
	if err != nil {
		t.Fatal(err)
	}
	e := f.Edit()
	s := e.Symbol(4)
	s.Bind = elf.STB_LOCAL
	if err := e.SetSymbol(4, s); err != nil {
		t.Fatal(err)
	}
	s = e.Symbol(2)
	s.Bind = elf.STB_GLOBAL
	if err := e.SetSymbol(2, s); err != nil {
		t.Fatal(err)
	}
	out, err := elfrw.New(image(t, e))
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for s := range out.Symbols() {
		names = append(names, string(out.SymbolName(s)))
	}
	if want := []string{"", "four", "main", "__SCT__op", "weak", "here"}; !slices.Equal(names, want) || out.FirstGlobal() != 4 {
		t.Errorf("symbols %q, the first global one is %d", names, out.FirstGlobal())
	}
	for i, r := range out.Relas(2) {
		if want := []int{4, 4, 1, 3, 5, 0, 65_536}[i]; r.Symbol != want {
			t.Errorf("relocation %d is of symbol %d, want %d", i, r.Symbol, want)
		}
	}
}
