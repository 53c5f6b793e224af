// SPDX-License-Identifier: BSD-3-Clause

package cli

import (
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/scpatch/scpatch/cmd/scpatch/internal/clitest"
	"github.com/scpatch/scpatch/cmd/scpatch/internal/report"
	"github.com/scpatch/scpatch/ppc64/tooltest"
	"github.com/scpatch/scpatch/sites"
)

func schema(t *testing.T, name string) *jsonschema.Schema {
	t.Helper()
	c := jsonschema.NewCompiler()
	c.DefaultDraft(jsonschema.Draft2020)
	s, err := c.Compile(clitest.RepoPath("docs", "schema", name))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// validate checks every line of an output against a schema and returns the
// number of lines.
func validate(t *testing.T, s *jsonschema.Schema, output string) (n int) {
	t.Helper()
	for line := range strings.Lines(output) {
		v, err := jsonschema.UnmarshalJSON(strings.NewReader(line))
		if err == nil {
			err = s.Validate(v)
		}
		if err != nil {
			t.Errorf("%v\n%.300s", err, line)
		}
		n++
	}
	return n
}

// TestSchemas validates the output of list, compare and verify for every committed
// object.
func TestSchemas(t *testing.T) {
	tooltest.NoRace(t)
	list, compare, verify := schema(t, "list-1.json"), schema(t, "compare-1.json"), schema(t, "verify-1.json")
	objects, err := filepath.Glob(clitest.RepoPath("testdata", "obj", "*.o"))
	if err != nil {
		t.Fatal(err)
	}
	options := [][]string{nil, {"--runtime", "trampoline"}, {"--user", "--allow-shadow"}, {"--module"}, {"--runtime", "none", "--whole-program"}}
	var listings []string
	for _, opts := range options {
		out, _, _ := runCommand(slices.Concat([]string{"list", "--json"}, opts, objects)...)
		if n := validate(t, list, out); n < 30 {
			t.Fatalf("%v: %d objects were listed", opts, n)
		}
		name := filepath.Join(t.TempDir(), "listing")
		if err := os.WriteFile(name, []byte(out), 0o666); err != nil {
			t.Fatal(err)
		}
		listings = append(listings, name)
	}
	for _, opts := range [][]string{nil, {"--user"}, {"--module", "--allow-unpatched"}} {
		out, _, _ := runCommand(slices.Concat([]string{"verify", "--json"}, opts, objects)...)
		if n := validate(t, verify, out); n < 30 || opts == nil && strings.Count(out, `"kind":"not-patched"`) < 30 {
			t.Errorf("%v: %d objects were verified", opts, n)
		}
	}
	for i, new := range listings[1:] {
		out, said, code := runCommand("compare", "--json", listings[0], new)
		if code > ExitKept || said != "" || i == 0 && code != ExitKept {
			t.Errorf("%v: exit code %d: %s", options[i+1], code, said)
		}
		validate(t, compare, out)
	}
}

// TestSchemasRefuse changes one field of a valid output.
func TestSchemasRefuse(t *testing.T) {
	list := schema(t, "list-1.json")
	clitest.InObjects(t)
	out, _, _ := runCommand("list", "--json", "gcc-p8-O2-weak.o")
	for _, c := range [][2]string{
		{`"version":1`, `"version":2`},
		{`"file":"gcc-p8-O2-weak.o",`, ``},
		{`"form":"direct"`, `"form":"indirect"`},
		{`"form":"direct"`, `"form":"keep"`}, // without a reason
		{`"offset":60`, `"offset":-60`},
		{`"why":`, `"whyever":`},
		{`"tail":false`, `"tail":0`},
		{`"nop"]`, `"nop","nop"]`},
		{`"sites":[`, `"sites":["",`},
	} {
		if !strings.Contains(out, c[0]) {
			t.Fatalf("%s is not in %s", c[0], out)
		}
		v, err := jsonschema.UnmarshalJSON(strings.NewReader(strings.Replace(out, c[0], c[1], 1)))
		if err != nil {
			t.Fatal(err)
		}
		if list.Validate(v) == nil {
			t.Errorf("%s for %s is valid", c[1], c[0])
		}
	}
	verify := schema(t, "verify-1.json")
	out, _, _ = runCommand("verify", "--json", "gcc-p8-O2-update.o")
	for _, c := range [][2]string{
		{`"version":1`, `"version":2`},
		{`"checked":4`, `"checked":-4`},
		{`"unknown":true`, `"unknown":"true"`},
		{`"faults":[`, `"faults":["",`},
		{`"kind":"not-patched"`, `"kind":"Not patched"`},
		{`"what":`, `"whatever":`},
		{`"symbol":`, `"symbols":`}, // with a function
	} {
		if !strings.Contains(out, c[0]) {
			t.Fatalf("%s is not in %s", c[0], out)
		}
		v, err := jsonschema.UnmarshalJSON(strings.NewReader(strings.Replace(out, c[0], c[1], 1)))
		if err != nil {
			t.Fatal(err)
		}
		if verify.Validate(v) == nil {
			t.Errorf("%s for %s is valid", c[1], c[0])
		}
	}
}

// TestSchemasComplete compares the schemas with the types: they must have every
// field, and require those that are always printed.
func TestSchemasComplete(t *testing.T) {
	for _, c := range []struct {
		file string
		path []string
		typ  any
	}{
		{"list-1.json", nil, report.File{}},
		{"list-1.json", []string{"$defs", "site"}, report.Site{}},
		{"compare-1.json", nil, report.Comparison{}},
		{"compare-1.json", []string{"$defs", "pair"}, report.Pair{}},
		{"compare-1.json", []string{"$defs", "site"}, report.Site{}},
		{"verify-1.json", nil, report.Verdict{}},
		{"verify-1.json", []string{"$defs", "fault"}, report.Fault{}},
	} {
		var node map[string]any
		if err := json.Unmarshal([]byte(clitest.Doc(t, "docs", "schema", c.file)), &node); err != nil {
			t.Fatal(err)
		}
		for _, p := range c.path {
			node = node[p].(map[string]any)
		}
		var want, required []string
		for _, f := range reflect.VisibleFields(reflect.TypeOf(c.typ)) {
			if !f.IsExported() {
				continue
			}
			name, rest, _ := strings.Cut(f.Tag.Get("json"), ",")
			want = append(want, name)
			if rest != "omitempty" {
				required = append(required, name)
			}
		}
		var got, gotRequired []string
		for name := range node["properties"].(map[string]any) {
			got = append(got, name)
		}
		for _, r := range node["required"].([]any) {
			gotRequired = append(gotRequired, r.(string))
		}
		for _, l := range [][]string{want, required, got, gotRequired} {
			slices.Sort(l)
		}
		if diff := cmp.Diff([][]string{want, required}, [][]string{got, gotRequired}); diff != "" {
			t.Errorf("%s %v: the program has -, the schema has +:\n%s", c.file, c.path, diff)
		}
	}
	var list struct {
		Defs struct {
			Form struct{ Enum []sites.Form } `json:"form"`
		} `json:"$defs"`
	}
	var compare struct {
		Defs struct {
			Change struct{ Enum []report.Change } `json:"change"`
		} `json:"$defs"`
	}
	for name, v := range map[string]any{"list-1.json": &list, "compare-1.json": &compare} {
		if err := json.Unmarshal([]byte(clitest.Doc(t, "docs", "schema", name)), v); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff(sites.Forms(), list.Defs.Form.Enum); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(report.Changes(), compare.Defs.Change.Enum); diff != "" {
		t.Error(diff)
	}
}

// TestSchemasAlone checks that each schema needs no other file, so that any validator
// can use it. Definitions that two of them share must be equal.
func TestSchemasAlone(t *testing.T) {
	defined := map[string]any{}
	for _, name := range []string{"list-1.json", "compare-1.json", "verify-1.json"} {
		text := clitest.Doc(t, "docs", "schema", name)
		for _, m := range regexp.MustCompile(`"\$ref": *"([^"]*)"`).FindAllStringSubmatch(text, -1) {
			if !strings.HasPrefix(m[1], "#/$defs/") {
				t.Errorf("%s refers to %s", name, m[1])
			}
		}
		var s struct {
			Defs map[string]any `json:"$defs"`
		}
		if err := json.Unmarshal([]byte(text), &s); err != nil {
			t.Fatal(err)
		}
		for def, is := range s.Defs {
			if diff := cmp.Diff(defined[def], is); defined[def] != nil && diff != "" {
				t.Errorf("%s in %s differs from another schema:\n%s", def, name, diff)
			}
			defined[def] = is
		}
	}
	if len(defined) < 6 {
		t.Errorf("found %d definitions", len(defined))
	}
}
