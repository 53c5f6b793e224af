// SPDX-License-Identifier: BSD-3-Clause

package verify

import (
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// A kernelCase is testdata/kernel.S with something else in it.
type kernelCase struct {
	name       string
	edits      []string // what is replaced by what
	opts       Options
	site, what string // the fault; without a site an error; nothing: it is right
}

// The call that the linker has seen to is of no plan.
var paca = Options{PACATOC: "16", AllowUnpatched: true}

// kernelFaults are of the linked image.
var kernelFaults = []kernelCase{
	{"nothing", nil, paca, "", ""},
	{"PACATOC of a symbol", nil, Options{PACATOC: "paca_offset", AllowUnpatched: true}, "", ""},
	{"PACATOC of no symbol", nil, Options{PACATOC: "nobody"}, "", "nobody"},
	{"no PACATOC", nil, Options{AllowUnpatched: true}, "v_paca+0x14", "a run time has no place for a restore"},
	{"another PACATOC", nil, Options{PACATOC: "24", AllowUnpatched: true}, "v_paca+0x14", "a run time has no place for a restore"},
	{"another base", []string{"ld 2,16(13)", "ld 2,16(12)"}, paca, "v_paca+0x14", "a run time has no place for a restore"},
	{"another register", []string{"ld 2,16(13)", "ld 3,16(13)"}, paca, "v_paca+0x14", "a run time has no place for a restore"},
	{"another load", []string{"ld 2,16(13)", "lwa 2,16(13)"}, paca, "v_paca+0x14", "a run time has no place for a restore"},
	{"no load", []string{"ld 2,16(13)", "std 2,16(13)"}, paca, "v_paca+0x14", "a run time has no place for a restore"},
}

func TestKernelFaults(t *testing.T) {
	testKernel(t, kernelFaults, "bfd", "lld")
}

// testKernel checks cases, each linked by all linkers, or the object where there
// are none.
func testKernel(t *testing.T, cases []kernelCase, by ...string) {
	source, err := os.ReadFile(filepath.Join("testdata", "kernel.S"))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range cases {
		text := strings.NewReplacer(c.edits...).Replace(string(source))
		for i := 0; i < len(c.edits); i += 2 {
			if !strings.Contains(string(source), c.edits[i]) {
				t.Errorf("%s: no %q", c.name, c.edits[i])
			}
		}
		object := assemble(t, text)
		if len(by) == 0 {
			t.Run(c.name, func(t *testing.T) { c.check(t, object) })
		}
		for _, linker := range by {
			t.Run(linker+"/"+c.name, func(t *testing.T) { c.check(t, linkKernel(t, linker, object)) })
		}
	}
}

func (c *kernelCase) check(t *testing.T, b []byte) {
	r, err := check(b, c.opts)
	switch {
	case c.what == "" && err == nil:
		for i := range r.Faults {
			t.Errorf("%v", &r.Faults[i])
		}
	case c.site == "":
		if err == nil || !like(err.Error(), c.what) {
			t.Errorf("%v, want %s", err, c.what)
		}
	case err != nil:
		t.Fatal(err)
	default:
		wantFault(t, r, c.site, c.what)
	}
}

// linkKernel links a kernel image.
func linkKernel(t *testing.T, linker string, object []byte) []byte {
	dir := build(t, fmt.Sprintf("verify-%s-%x", linker, sha256.Sum256(object)), func(dir string) {
		if err := os.WriteFile(filepath.Join(dir, "x.o"), object, 0o644); err != nil {
			t.Fatal(err)
		}
		execute(t, dir, slices.Concat(linkers[linker], []string{
			"-nostdlib", "-static", "-Wl,-e,v_direct,-Ttext=0x10010000,--section-start=.far=0x20000000", "x.o", "-o", "image",
		})...)
	})
	return readFile(t, filepath.Join(dir, "image"))
}
