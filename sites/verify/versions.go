// SPDX-License-Identifier: BSD-3-Clause

package verify

import (
	"debug/elf"
	"encoding/binary"
	"strings"

	"github.com/scpatch/scpatch/elfrw"
)

// plainVersion gives a symbol with a version the form name@version. A default
// version has two @ where the symbol is defined, but one where it is used.
func plainVersion(name string) string { return strings.Replace(name, "@@", "@", 1) }

// sameKey reports whether two names may be those of one key: a name without a
// version may stand for any version.
func sameKey(a, b string) bool {
	x, xVersion, xHas := strings.Cut(a, "@")
	y, yVersion, yHas := strings.Cut(b, "@")
	return x == y && (!xHas || !yHas || xVersion == yVersion)
}

// addVersions adds their versions to the names of keys and trampolines of .dynsym
// (gABI, symbol versioning). Without them, two versions of a key have one name.
func (p *program) addVersions() {
	var versym []byte
	names := map[uint16]string{}
	for i := 1; i < p.file.NumSections(); i++ {
		switch s := p.file.Section(i); {
		case s.Is(elf.SHT_GNU_VERSYM):
			versym = s.Data()
		case s.Is(elf.SHT_GNU_VERNEED):
			readVersions(s, p.file, verneed, names)
		case s.Is(elf.SHT_GNU_VERDEF):
			readVersions(s, p.file, verdef, names)
		}
	}
	for i := range min(len(p.dynamic), len(versym)/2) {
		const hidden = 1 << 15
		s := &p.dynamic[i]
		version := names[binary.LittleEndian.Uint16(versym[2*i:])&^hidden]
		if version != "" && p.isOurs(s.name) {
			s.name += "@" + version
		}
	}
}

// A versionForm has the offsets of the fields of Elf64_Verneed or Elf64_Verdef,
// and of their entries.
type versionForm struct {
	size, aux, next           int // of the header
	auxSize, auxName, auxNext int
	index                     func(header, aux []byte) uint16
}

var (
	verneed = versionForm{16, 8, 12, 16, 8, 12, func(_, aux []byte) uint16 { return binary.LittleEndian.Uint16(aux[6:]) }}
	verdef  = versionForm{20, 12, 16, 8, 0, 4, func(header, _ []byte) uint16 { return binary.LittleEndian.Uint16(header[4:]) }}
)

const global = 1 // VER_NDX_GLOBAL: no version

// readVersions adds the versions in a section to names, by index. The first
// entry of a definition has its name; the others are the versions that it
// inherits from.
func readVersions(s elfrw.Section, f *elfrw.File, form versionForm, names map[uint16]string) {
	if int(s.Link) >= f.NumSections() {
		return
	}
	text := f.Section(int(s.Link)).Data()
	u32 := func(b []byte, off int) int { return int(binary.LittleEndian.Uint32(b[off:])) }
	d := s.Data()
	left := len(d) / form.auxSize // no two entries share bytes
	for at := 0; at+form.size+form.auxSize <= len(d); {
		header := d[at:]
		for aux := at + u32(header, form.aux); left > 0 && aux+form.auxSize <= len(d); {
			left--
			entry := d[aux:]
			index := form.index(header, entry)
			if name := u32(entry, form.auxName); index > global && names[index] == "" && name < len(text) {
				names[index] = cstring(text[name:])
			}
			step := u32(entry, form.auxNext)
			if step == 0 {
				break
			}
			aux += step
		}
		next := u32(header, form.next)
		if next == 0 {
			break
		}
		at += next
	}
}
