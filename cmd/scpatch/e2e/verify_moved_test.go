// SPDX-License-Identifier: BSD-3-Clause

package e2e

import (
	"encoding/binary"
	"path/filepath"
	"testing"

	"github.com/scpatch/scpatch/cmd/scpatch/internal/clitest"
	"github.com/scpatch/scpatch/ppc64/tooltest"
)

// TestE2ESpoiledMoves takes a dynamic relocation of the tables from a program, or moves it
// elsewhere. ld.bfd leaves the address in the place, too, where it is only a number.
func TestE2ESpoiledMoves(t *testing.T) {
	tooltest.Need(t, "powerpc64le-linux-gnu-gcc", "ld.lld")
	dir := buildSpoiled(t)
	kinds := []string{"bad-table", "not-listed", "bad-stub", "wrong-call"}
	spoiled := func(program string, n int, do func(s *spoiler)) {
		s := newSpoiler(t, clitest.ReadFile(t, filepath.Join(dir, program)))
		do(s)
		clitest.WriteFile(t, filepath.Join(dir, "spoiled"), s.b)
		wantSpoiled(t, filepath.Join(dir, "spoiled"), "", kinds)
		if t.Failed() {
			t.Fatalf("%s, relocation %d of the tables", program, n)
		}
	}
	for linker, packing := range map[string]string{"bfd": "-Wl,-z,pack-relative-relocs", "lld": "-Wl,--pack-dyn-relocs=relr"} {
		linkSpoiled(t, dir, linker, linker, "-pie", "main.o", "calls.o", "fixed.o")
		wantSpoiled(t, filepath.Join(dir, linker), "", nil)
		n := len(newSpoiler(t, clitest.ReadFile(t, filepath.Join(dir, linker))).movesOfTables())
		if n < 8 {
			t.Fatalf("%s: only %d relocations", linker, n)
		}
		for i := range n {
			spoiled(linker, i, func(s *spoiler) { binary.LittleEndian.PutUint64(s.movesOfTables()[i][8:], 0) })
			spoiled(linker, i, func(s *spoiler) {
				r := s.movesOfTables()[i]
				binary.LittleEndian.PutUint64(r, binary.LittleEndian.Uint64(r)+8)
			})
		}
		packed := linker + "-packed"
		linkSpoiled(t, dir, linker, packed, "-pie", packing, "main.o", "calls.o", "fixed.o")
		wantSpoiled(t, filepath.Join(dir, packed), "", nil)
		if got := newSpoiler(t, clitest.ReadFile(t, filepath.Join(dir, packed))).unpack(-1); got != n {
			t.Fatalf("%s: %d packed relocations, want %d", packed, got, n)
		}
		for i := range n {
			spoiled(packed, i, func(s *spoiler) { s.unpack(i) })
		}
	}
}

// inTable reports whether an address lies in a table of sites or of cells.
func (s *spoiler) inTable(at uint64) bool {
	for _, name := range []string{"static_call_sites", "static_call_cells"} {
		if sec := s.file.Section(name); at-sec.Addr < sec.Size {
			return true
		}
	}
	return false
}

// movesOfTables is the dynamic relocations of the tables.
func (s *spoiler) movesOfTables() [][]byte {
	var moves [][]byte
	rela := s.file.Section(".rela.dyn")
	for b := s.b[rela.Offset:][:rela.Size]; len(b) > 0; b = b[rela.Entsize:] {
		if s.inTable(binary.LittleEndian.Uint64(b)) {
			moves = append(moves, b[:rela.Entsize])
		}
	}
	return moves
}

// unpack drops the n-th relocation of the tables from SHT_RELR, and returns how many
// there are.
func (s *spoiler) unpack(n int) int {
	found, at := 0, uint64(0)
	relr := s.file.Section(".relr.dyn")
	for b := s.b[relr.Offset:][:relr.Size]; len(b) > 0; b = b[8:] {
		e := binary.LittleEndian.Uint64(b)
		if e&1 == 0 {
			if s.inTable(e) {
				if found == n {
					binary.LittleEndian.PutUint64(b, relr.Addr) // another doubleword
				}
				found++
			}
			at = e + 8
			continue
		}
		for j := range uint64(63) {
			if e>>(j+1)&1 != 0 && s.inTable(at+8*j) {
				if found == n {
					binary.LittleEndian.PutUint64(b, e&^(2<<j))
				}
				found++
			}
		}
		at += 63 * 8
	}
	return found
}
