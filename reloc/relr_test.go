// SPDX-License-Identifier: BSD-3-Clause

package reloc

import (
	"encoding/binary"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"testing"

	"github.com/scpatch/scpatch/ppc64/tooltest"
)

func TestRelr(t *testing.T) {
	for _, c := range []struct {
		entries []uint64
		want    []uint64
	}{
		{nil, nil},
		{[]uint64{0x1000}, []uint64{0x1000}},
		{[]uint64{0x1000, 0x2000}, []uint64{0x1000, 0x2000}},
		{[]uint64{0x1000, 1 | 1<<1 | 1<<3 | 1<<63}, []uint64{0x1000, 0x1008, 0x1018, 0x1008 + 62*8}},
		{[]uint64{0x1000, 1, 1 | 1<<1}, []uint64{0x1000, 0x1008 + 63*8}},
		{[]uint64{1 | 1<<2, 0x20}, []uint64{8, 0x20}},
	} {
		var d []byte
		for _, e := range c.entries {
			d = binary.LittleEndian.AppendUint64(d, e)
		}
		for _, rest := range []int{0, 7} {
			if got := slices.Collect(Relr(append(d, make([]byte, rest)...))); !slices.Equal(got, c.want) {
				t.Errorf("%#x: got %#x, want %#x", c.entries, got, c.want)
			}
		}
		for n := range c.want {
			var got []uint64
			for a := range Relr(d) {
				if len(got) == n {
					break
				}
				got = append(got, a)
			}
			if !slices.Equal(got, c.want[:n]) {
				t.Errorf("%#x: the first %d are %#x, want %#x", c.entries, n, got, c.want[:n])
			}
		}
	}
}

// readobjRelr matches the line of llvm-readobj for a relative relocation. In the form of
// llvm-readelf, that line has changed between versions 14 and 19.
var readobjRelr = regexp.MustCompile(`(?m)^ *0x([0-9A-F]+) R_PPC64_RELATIVE`)

// TestRelrPeer compares with what llvm-readobj finds in what ld.lld packs.
func TestRelrPeer(t *testing.T) {
	tooltest.Need(t, "powerpc64le-linux-gnu-as", "ld.lld", "llvm-readobj", "llvm-objcopy")
	dir := t.TempDir()
	source := "\t.abiversion 2\n\t.data\n\t.balign 8\nx:\n"
	for i := range 300 {
		source += "\t.quad x+" + strconv.Itoa(i) + "\n\t.skip " + strconv.Itoa(i%5/4*1024+i%3/2*8) + "\n"
	}
	if err := os.WriteFile(filepath.Join(dir, "x.s"), []byte(source), 0o600); err != nil {
		t.Fatal(err)
	}
	run := func(words ...string) []byte {
		t.Helper()
		cmd := exec.Command(words[0], words[1:]...)
		cmd.Dir = dir
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%v: %v\n%s", words, err, out)
		}
		return out
	}
	run("powerpc64le-linux-gnu-as", "-o", "x.o", "x.s")
	run("ld.lld", "-shared", "--pack-dyn-relocs=relr", "-o", "x.so", "x.o")
	run("llvm-objcopy", "-O", "binary", "--only-section=.relr.dyn", "x.so", "relr")
	var want []uint64
	for _, m := range readobjRelr.FindAllSubmatch(run("llvm-readobj", "-r", "x.so"), -1) {
		a, err := strconv.ParseUint(string(m[1]), 16, 64)
		if err != nil {
			t.Fatal(err)
		}
		want = append(want, a)
	}
	d, err := os.ReadFile(filepath.Join(dir, "relr"))
	if err != nil {
		t.Fatal(err)
	}
	if got := slices.Collect(Relr(d)); len(want) < 250 || !slices.Equal(got, want) {
		t.Errorf("got %d addresses, llvm-readobj has %d:\n%#x\n%#x", len(got), len(want), got, want)
	}
}
