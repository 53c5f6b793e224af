// SPDX-License-Identifier: BSD-3-Clause

package e2e

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/scpatch/scpatch/cmd/scpatch/internal/cli"
	"github.com/scpatch/scpatch/elfrw"
	"github.com/scpatch/scpatch/sites/layout"
)

// TestE2ERecord links two patched objects in every way in which linkers drop
// code. The record must have exactly the sites of the remaining code. Both
// objects have the same function in a group, of which one copy remains.
func TestE2ERecord(t *testing.T) {
	w := newWorkshop(t)
	live := []string{"main op", "other op", "twice op", "twice op"}
	all := append([]string{"dead_main op", "dead_other op"}, live...)
	for _, compiler := range []string{"gxx-p8-O2", "clangxx-p8-O2", "gxx-p10-O2"} {
		for _, part := range []string{"1", "2"} {
			w.object("part"+part+".o", compiler, "usc_record.cc", "-fPIE", "-ffunction-sections", "-DPART"+part)
		}
		for _, mode := range []string{"inline", "trampoline", "none"} {
			if mode == "inline" && compiler == "gxx-p10-O2" {
				continue // ld.bfd treats a PC-relative __start_ as a use of the first table
			}
			var objects []string
			for _, part := range []string{"1", "2"} {
				name := mode + part + ".o"
				copyFile(t, w.dir+"/part"+part+".o", w.dir+"/"+name)
				runScpatch(t, "--user", "--quiet", "--runtime", mode, w.dir+"/"+name)
				objects = append(objects, name)
			}
			for _, linker := range []string{"bfd", "lld"} {
				for _, c := range []struct {
					name   string
					joined bool // by ld -r before the link
					flag   string
					want   []string
				}{
					{"plain", false, "-pie", all},
					{"gc", false, "-Wl,--gc-sections,-z,start-stop-gc", live},
					{"joined", true, "-pie", all},
					{"joined, gc", true, "-Wl,--gc-sections,-z,start-stop-gc", live},
					{"compressed", false, "-Wl,--compress-debug-sections=zlib", all},
				} {
					t.Run(strings.Join([]string{compiler, mode, linker, c.name}, " "), func(t *testing.T) {
						in := objects
						if c.joined {
							execute(t, w.dir, slices.Concat(w.linkers[linker], []string{"-nostdlib", "-no-pie", "-r", "-o", "joined.o"}, objects))
							in = []string{"joined.o"}
						}
						w.link(linker, append([]string{"-pie", "-o", "prog", c.flag}, in...)...)
						if got := w.execute(t, "./prog"); got != "19\n" {
							t.Errorf("prints %q", got)
						}
						if got := recordOf(t, w.dir+"/prog"); !cmp.Equal(got, slices.Sorted(slices.Values(c.want))) {
							t.Errorf("the record has %q, want %q", got, c.want)
						}
						runScpatch(t, "verify", "--user", "--runtime", mode, w.dir+"/prog")
					})
				}
			}
		}
	}
}

// runScpatch runs a command that must succeed, but may keep sites.
func runScpatch(t *testing.T, args ...string) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	if code := cli.Run(args, &stdout, &stderr); code != cli.ExitDone && code != cli.ExitKept {
		t.Errorf("scpatch %q: exit code %d: %s%s", args, code, &stdout, &stderr)
	}
}

// recordOf lists the functions and keys of a linked program's record.
func recordOf(t *testing.T, path string) (list []string) {
	t.Helper()
	f, err := elfrw.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	names := map[uint64]string{}
	ends := map[uint64]uint64{}
	for i := range f.NumSymbols() {
		if s := f.Symbol(i); s.Size > 0 {
			names[s.Value], ends[s.Value] = string(f.SymbolName(s)), s.Value+s.Size
		}
	}
	for i := 1; i < f.NumSections(); i++ {
		s := f.Section(i)
		if !s.Named(layout.RecordSection) {
			continue
		}
		data, err := s.Uncompressed()
		if err != nil {
			t.Fatal(err)
		}
		all, err := layout.ReadRecords(data)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range all {
			for _, e := range r.Entries {
				if r.Base == 0 {
					continue
				}
				at, where := r.Base+uint64(e.Off), "nothing"
				for from, to := range ends {
					if from <= at && at < to {
						where = names[from]
					}
				}
				where = strings.NewReplacer("_Z9dead_maini", "dead_main", "_Z10dead_otheri", "dead_other", "_Z5otheri", "other", "_Z5twicei", "twice").Replace(where)
				list = append(list, where+" "+r.Keys[e.Key].Name)
			}
		}
	}
	slices.Sort(list)
	return list
}
