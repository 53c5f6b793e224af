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

// A sourceCase is a variant of a source in testdata.
type sourceCase struct {
	name  string
	edits []string             // pairs of old and new text
	do    func(d *mutableFile) // changes the object, or the image
	opts  Options
	both  bool // link with lld, too, and not only with ld.bfd

	// The faults, each "FUNCTION+OFFSET: " and a pattern for like, or "error: "
	// and the error.
	want []string

	unknown bool // nothing is known about the sites
	sites   int  // the number of sites, if it is to be checked
}

// A linking has the directory and the arguments for linking an object.
type linking struct {
	dir   string
	words []string
}

// testSource checks cases of a source, as objects if they are not linked.
func testSource(t *testing.T, file string, cases []sourceCase, link *linking) {
	b, err := os.ReadFile(filepath.Join("testdata", file))
	if err != nil {
		t.Fatal(err)
	}
	source := string(b)
	for _, c := range cases {
		for i := 0; i < len(c.edits); i += 2 {
			if !strings.Contains(source, c.edits[i]) {
				t.Errorf("%s: %s has no %q", c.name, file, c.edits[i])
			}
		}
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			object := assemble(t, strings.NewReplacer(c.edits...).Replace(source))
			if link == nil {
				c.check(t, object)
				return
			}
			for linker := range linkers {
				if linker == "bfd" || c.both {
					c.check(t, link.image(t, linker, object))
				}
			}
		})
	}
}

func (c *sourceCase) check(t *testing.T, b []byte) {
	t.Helper()
	if c.do != nil {
		d := newMutableFile(t, b)
		c.do(d)
		b = d.b
	}
	r, err := check(b, c.opts)
	var got []string
	if r != nil && c.sites != 0 && r.Sites != c.sites {
		t.Errorf("%d sites, want %d", r.Sites, c.sites)
	}
	if r != nil && r.Unknown != c.unknown {
		t.Errorf("unknown is %v", r.Unknown)
	}
	if err != nil {
		got = append(got, "error: "+err.Error())
	} else {
		for i := range r.Faults {
			_, text, _ := strings.Cut(r.Faults[i].String(), `": `)
			got = append(got, text)
		}
	}
	for i := range max(len(got), len(c.want)) {
		switch {
		case i >= len(got):
			t.Errorf("want %s", c.want[i])
		case i >= len(c.want):
			t.Errorf("%s", got[i])
		case strings.Contains(got[i], "()"):
			t.Errorf("an empty reason: %s", got[i])
		default:
			at, what, _ := strings.Cut(c.want[i], ": ")
			gotAt, gotWhat, _ := strings.Cut(got[i], ": ")
			if at != gotAt || !like(gotWhat, what) {
				t.Errorf("%s\nwant %s", got[i], c.want[i])
			}
		}
	}
}

// image links an object.
func (l *linking) image(t *testing.T, linker string, object []byte) []byte {
	t.Helper()
	words := strings.Join(l.words, " ")
	dir := build(t, fmt.Sprintf("verify-%s-%x", linker, sha256.Sum256(append([]byte(words), object...))), func(dir string) {
		name := filepath.Join(dir, "x.o")
		if err := os.WriteFile(name, object, 0o644); err != nil {
			t.Fatal(err)
		}
		in := l.dir
		if in == "" {
			in = dir
		}
		execute(t, in, slices.Concat(linkers[linker], []string{name}, l.words, []string{"-o", filepath.Join(dir, "image")})...)
	})
	return readFile(t, filepath.Join(dir, "image"))
}
