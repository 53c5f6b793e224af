// SPDX-License-Identifier: BSD-3-Clause

package cli

import (
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/scpatch/scpatch/cmd/scpatch/internal/clitest"
	"github.com/scpatch/scpatch/cmd/scpatch/internal/report"
	"github.com/scpatch/scpatch/ppc64/tooltest"
	"github.com/scpatch/scpatch/sites"
	"github.com/scpatch/scpatch/sites/errkind"
)

// TestCatalogue checks that there is exactly one entry for every form, reason and kind
// of error, which says in a sentence what it is, why, and what to do, and has an
// example. TestConsole runs the examples.
func TestCatalogue(t *testing.T) {
	texts := map[string]string{} // what the example must show besides the name
	for _, f := range sites.Forms() {
		texts[f.String()] = "  " + f.String() + "  "
	}
	for _, r := range sites.Reasons() {
		if r.String() == "" || r.Text() == "" || texts[r.String()] != "" {
			t.Errorf("reason %d: name %q, text %q", r, r, r.Text())
		}
		texts[r.String()] = r.Text()
	}
	for _, k := range errkind.All() {
		if _, ok := texts[k.String()]; ok || k.String() == "" {
			t.Errorf("kind %d: name %q", k, k)
		}
		texts[k.String()] = "[" + k.String() + "]"
	}
	run := 0
	for _, e := range report.Catalogue() {
		text, ok := texts[e.Name]
		if !ok {
			t.Errorf("docs/messages.md explains %s, which is nothing or was there before", e.Name)
		}
		delete(texts, e.Name)
		if s := e.Summary(); !strings.HasSuffix(s, ".") || len(s) > 125 {
			t.Errorf("%s: %q is no summary", e.Name, s)
		}
		group, why, what := report.Group("reasons"), "\n\nWhy it stays: ", "\n\nWhat to do: "
		switch {
		case strings.HasPrefix(text, "["):
			group, why = "errors", "\n\nWhy not go on: "
		case strings.HasPrefix(text, " "):
			group, why, what = "forms", "\n\nWhen it is sound: ", "\n\nWhat it costs: "
		}
		if e.Group() != group {
			t.Errorf("%s is among the %s", e.Name, e.Group())
		}
		if !strings.Contains(e.Text, why) || !strings.Contains(e.Text, what) {
			t.Errorf("%s: why, or what to do, is missing", e.Name)
		}
		examples := clitest.Fenced(e.Text+"\n", "console")
		run += len(examples)
		examples = append(examples, clitest.Fenced(e.Text+"\n", "text")...)
		if len(examples) != 1 || !strings.Contains(examples[0], e.Name) && !strings.Contains(examples[0], text) {
			t.Errorf("%s: no example, or not one of it", e.Name)
		}
		if body := e.Body(); strings.ContainsAny(body, "`") || strings.Contains(body, "| ") {
			t.Errorf("%s: marks are left in\n%s", e.Name, body)
		}
	}
	for name := range texts {
		t.Errorf("docs/messages.md does not explain %s", name)
	}
	if run < 53 {
		t.Errorf("%d examples are run", run)
	}
}

// TestCatalogueIndex checks that the index of the document has every entry, in
// order. TestLinks follows its links.
func TestCatalogueIndex(t *testing.T) {
	_, index, ok := strings.Cut(clitest.Doc(t, "docs", "messages.md"), "\n## Index\n")
	index, _, _ = strings.Cut(index, "\n## ")
	if !ok {
		t.Fatal("docs/messages.md has no index")
	}
	var got, want []string
	for _, m := range regexp.MustCompile("\\[`([a-z0-9-]+)`\\]\\(#([a-z0-9-]+)\\)").FindAllStringSubmatch(index, -1) {
		if m[1] != m[2] {
			t.Errorf("the name %s leads to %s", m[1], m[2])
		}
		got = append(got, m[1])
	}
	for _, e := range report.Catalogue() {
		want = append(want, e.Name)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the entries have -, the index has +:\n%s", diff)
	}
}

var quoted = regexp.MustCompile("`([^`]+)`")

// messagesOf returns patterns for the messages in an entry's table.
func messagesOf(e report.Entry) (list []*regexp.Regexp) {
	for line := range strings.Lines(e.Text) {
		if !strings.HasPrefix(line, "| ") {
			continue
		}
		for _, m := range quoted.FindAllStringSubmatch(line, -1) {
			if strings.Contains(m[1], " ") && len(strings.ReplaceAll(m[1], "…", "")) > 8 {
				list = append(list, regexp.MustCompile(strings.ReplaceAll(regexp.QuoteMeta(m[1]), "…", ".*")))
			}
		}
	}
	return list
}

// TestErrorNames makes the commands fail on every object, and on one that is
// damaged in many ways. Each error must have a name, and be among the messages
// that the catalogue lists under it.
func TestErrorNames(t *testing.T) {
	entries := map[string][]*regexp.Regexp{}
	for _, e := range report.Catalogue() {
		entries[e.Name] = messagesOf(e)
	}
	clitest.InObjects(t)
	seen := map[string]int{}
	check := func(args ...string) {
		t.Helper()
		_, stderr, _ := runCommand(args...)
		for line := range strings.Lines(stderr) {
			if strings.HasPrefix(line, "scpatch: warning: ") || strings.HasPrefix(line, "Try ") {
				continue
			}
			text, name, _ := strings.Cut(strings.TrimSuffix(line, "]\n"), " [")
			for strings.Contains(name, " [") {
				more, rest, _ := strings.Cut(name, " [")
				text, name = text+" ["+more, rest
			}
			if !slices.ContainsFunc(entries[name], func(m *regexp.Regexp) bool { return m.MatchString(text) }) {
				t.Errorf("scpatch %s: the name is none, or its entry does not list the message:\n%s", strings.Join(args, " "), line)
			}
			seen[name]++
		}
	}
	objects, err := filepath.Glob("*.*o")
	if err != nil || len(objects) < 50 {
		t.Fatal(objects, err)
	}
	for _, o := range objects {
		check("-n", o)
		check("list", "--user", "--require", "constant", o)
		check("list", "--paca-toc", "5", o)
		check("verify", "--user", o)
		check("verify", o)
	}
	whole := clitest.ReadFile(t, "asm-annot16.o") // a table, and keys of each kind
	step := 3
	if tooltest.Brief() {
		step = 29
	}
	for i := 0; i < len(whole); i += step {
		if i%(8*step) == 0 {
			clitest.WriteFile(t, "damaged.o", whole[:i])
			check("-n", "damaged.o")
		}
		b := slices.Clone(whole)
		b[i] ^= 0xff
		clitest.WriteFile(t, "damaged.o", b)
		check("-n", "damaged.o")
		check("verify", "damaged.o")
	}
	check("nosuchfile")
	check(".")
	check("--nosuch")
	if len(seen) < 14 {
		t.Errorf("only these were met: %v", seen)
	}
}
