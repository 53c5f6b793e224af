// SPDX-License-Identifier: BSD-3-Clause

package cfg

import (
	"cmp"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/scpatch/scpatch/ppc64/tooltest"
)

// The libraries of Debian's cross toolchain.
const gccLibs = "/usr/lib/gcc-cross/powerpc64le-linux-gnu/12"
const libcLibs = "/usr/powerpc64le-linux-gnu/lib"

// library returns the objects of an archive.
func library(t testing.TB, path string) (all []*object) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		tooltest.Missing(t, err)
	}
	err = readArchive(b, func(name string, _ int, data []byte) error {
		o, err := readObject(name, data)
		if err == nil {
			all = append(all, o)
		}
		return err
	})
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	return all
}

// TestShares prints how many calls are proven in the archives and objects of
// the directory SCPATCH_LIBS, and why the others are not.
func TestShares(t *testing.T) {
	tooltest.Long(t, "go test ./sites/cfg with SCPATCH_LIBS")
	dir := os.Getenv("SCPATCH_LIBS")
	if dir == "" {
		tooltest.Missing(t, "SCPATCH_LIBS names no directory")
	}
	paths, err := filepath.Glob(filepath.Join(dir, "*.[ao]"))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range paths {
		t.Run(filepath.Base(path), func(t *testing.T) {
			var all []*object
			if strings.HasSuffix(path, ".o") {
				b, err := os.ReadFile(path)
				if err != nil {
					t.Fatal(err)
				}
				o, err := readObject(path, b)
				if err != nil {
					t.Fatal(err)
				}
				all = append(all, o)
			} else {
				all = library(t, path)
			}
			shares(t, all)
		})
	}
}

// shares prints one library's numbers; with SCPATCH_VERBOSE, every call too.
func shares(t *testing.T, all []*object) {
	n, proven, reasons := 0, 0, map[string]int{}
	stub := map[string]int{} // calls for which a stub that saves r2 would not help
	for _, o := range all {
		for _, s := range o.analyse() {
			switch {
			case !s.Frame:
				stub["no frame"]++
			case s.Entered:
				stub["slot entered"]++
			case s.Again:
				stub["a second return"]++
			}
			if n++; s.Proven {
				proven++
				continue
			}
			words := strings.Fields(s.Reason)
			for i, w := range words {
				if strings.HasPrefix(w, "+0x") {
					words[i] = "+N"
				}
			}
			reasons[strings.Join(words, " ")]++
			if os.Getenv("SCPATCH_VERBOSE") != "" && s.fn != nil {
				t.Logf("%s: %s+%#x: %s", o.name, o.functionName(s.sec, s.fn), s.off-s.fn.start, s.Reason)
			}
		}
	}
	t.Logf("%d of %d proven: %.1f %%", proven, n, 100*float64(proven)/float64(max(n, 1)))
	t.Logf("no stub helps: %v", stub)
	keys := slices.SortedFunc(maps.Keys(reasons), func(a, b string) int {
		return cmp.Or(cmp.Compare(reasons[b], reasons[a]), cmp.Compare(a, b))
	})
	for _, r := range keys {
		t.Logf("%7d  %s", reasons[r], r)
	}
}

// BenchmarkRead reads all objects of libstdc++.a and proves every bl of each
// function.
func BenchmarkRead(b *testing.B) {
	all := library(b, gccLibs+"/libstdc++.a")
	size := int64(0)
	for _, o := range all {
		size += int64(len(o.file.Bytes()))
	}
	b.SetBytes(size)
	b.ReportAllocs()
	for b.Loop() {
		for _, o := range all {
			m, err := Read(o.file, o.secs)
			if err != nil {
				b.Fatal(err)
			}
			o.m = m
			o.analyse()
		}
	}
}
