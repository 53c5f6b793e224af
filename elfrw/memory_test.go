// SPDX-License-Identifier: BSD-3-Clause

package elfrw

import (
	"bytes"
	"debug/elf"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestMemory places the sections of an object, looks up every address around
// their ends, and compares each answer with a linear scan.
func TestMemory(t *testing.T) {
	objects, err := filepath.Glob("../testdata/obj/*.o")
	if err != nil || len(objects) == 0 {
		t.Fatal("no objects", err)
	}
	for _, path := range objects {
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		f, err := New(b)
		if errors.Is(err, ErrNotELF64LE) {
			continue
		} else if err != nil {
			t.Fatal(err)
		}
		addrs := make([]uint64, f.NumSections())
		next := uint64(0x1000)
		for i := len(addrs) - 1; i > 0; i-- { // from the last to the first
			addrs[i] = next
			next += f.Section(i).Size + uint64(i%3) // some touch
		}
		m, err := f.MemoryAt(addrs)
		if err != nil {
			t.Fatal(path, err)
		}
		in, end := 0, uint64(0)
		for i := 1; i < len(addrs); i++ {
			s := f.Section(i)
			takes := s.Has(elf.SHF_ALLOC) && s.Size > 0 && (s.Type != uint32(elf.SHT_NOBITS) || !s.Has(elf.SHF_TLS))
			if takes {
				in++
				end = max(end, addrs[i]+s.Size)
			}
			for _, off := range []uint64{0, s.Size - 1} {
				if s.Size == 0 {
					continue
				}
				got, at, ok := m.Locate(addrs[i] + off)
				if ok != takes || ok && (got.Index != i || at != off) {
					t.Errorf("%s: section %v+0x%x: found %v in %v+0x%x", path, s, off, ok, got, at)
				}
			}
			want := s.Data()
			if got := m.Bytes(addrs[i], s.Size); takes && !bytes.Equal(got, want) {
				t.Errorf("%s: section %v has other bytes", path, s)
			}
			if takes && (m.Bytes(addrs[i], s.Size+1) != nil || m.Bytes(addrs[i]+1, s.Size) != nil) {
				t.Errorf("%s: section %v: bytes past its end", path, s)
			}
		}
		if m.End() != end {
			t.Errorf("%s: ends at 0x%x, want 0x%x", path, m.End(), end)
		}
		if _, _, ok := m.Locate(0xfff); ok {
			t.Errorf("%s: something before the first section", path)
		}
		last := uint64(0)
		for at, s := range m.Sections() {
			if in--; at < last || at != addrs[s.Index] {
				t.Errorf("%s: section %v at 0x%x, after 0x%x", path, s, at, last)
			}
			last = at
		}
		if in != 0 {
			t.Errorf("%s: %d sections were not visited", path, in)
		}
	}
}

func TestMemoryRefuses(t *testing.T) {
	b, err := os.ReadFile("../testdata/obj/gcc-p8-O2-sites.o")
	if err != nil {
		t.Fatal(err)
	}
	f, err := New(b)
	if err != nil {
		t.Fatal(err)
	}
	text, _ := f.SectionByName(".text")
	data, _ := f.SectionByName(".toc")
	for _, c := range []struct {
		at   uint64 // of .toc; .text is at 0x1000
		want string
	}{
		{0x1000 + text.Size, ""},
		{0x1000 + text.Size - 1, "overlap in memory"},
		{0x1000 - data.Size, ""},
		{0x1000 - data.Size + 1, "overlap in memory"},
		{-data.Size - 1, ""},
		{1 - data.Size, `".toc" passes the end of memory`},
	} {
		addrs, next := make([]uint64, f.NumSections()), uint64(1<<32)
		for i := range addrs {
			addrs[i] = next
			next += f.Section(i).Size
		}
		addrs[text.Index], addrs[data.Index] = 0x1000, c.at
		_, err := f.MemoryAt(addrs)
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf(".toc at 0x%x: %v, want %q", c.at, err, c.want)
		}
	}
}
