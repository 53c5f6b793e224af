// SPDX-License-Identifier: BSD-3-Clause

package cli

import (
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"unicode"

	"github.com/scpatch/scpatch/cmd/scpatch/internal/clitest"
	"github.com/scpatch/scpatch/ppc64/tooltest"
)

var (
	inlineLink = regexp.MustCompile(`\]\(\s*<?([^)\s>]+)>?[^)]*\)`)
	namedLink  = regexp.MustCompile(`(?m)^ {0,3}\[[^]]+\]:\s+<?([^\s>]+)`)
	htmlLink   = regexp.MustCompile(`(?:href|src)="([^"]+)"`)
	codeSpan   = regexp.MustCompile("`[^`\n]*`")
	heading    = regexp.MustCompile(`^#{1,6} +(.*?) *#*$`)
	elsewhere  = regexp.MustCompile(`^(?:[a-z][a-z0-9+.-]*:|//)`)
)

// prose splits a document into its headings and the text that may contain links,
// without fenced and indented code. It fails if a fence is not closed.
func prose(doc string) (headings []string, text string, err error) {
	var b strings.Builder
	fence := ""
	for line := range strings.Lines(doc) {
		line = strings.TrimRight(line, "\n")
		trimmed := strings.TrimLeft(line, " ")
		switch {
		case fence != "":
			if strings.TrimRight(trimmed, " ") == fence {
				fence = ""
			}
		case strings.HasPrefix(trimmed, "```"):
			fence = "```"
		case strings.HasPrefix(line, "    "):
		default:
			if m := heading.FindStringSubmatch(line); m != nil {
				headings = append(headings, m[1])
			}
			b.WriteString(line + "\n")
		}
	}
	if fence != "" {
		err = fmt.Errorf("a block of code is not closed")
	}
	return headings, b.String(), err
}

// anchors returns the names that GitHub gives to headings.
func anchors(headings []string) map[string]bool {
	names := map[string]bool{}
	for _, h := range headings {
		h = regexp.MustCompile(`\[([^]]*)\]\([^)]*\)`).ReplaceAllString(h, "$1")
		name := strings.Map(func(r rune) rune {
			switch {
			case r == ' ':
				return '-'
			case r == '-', r == '_', unicode.IsLetter(r), unicode.IsDigit(r):
				return unicode.ToLower(r)
			}
			return -1
		}, h)
		first := name
		for n := 1; names[name]; n++ {
			name = fmt.Sprintf("%s-%d", first, n)
		}
		names[name] = true
	}
	return names
}

// deadLinks follows the links of all documents below a directory to files and
// headings, but not to other sites. It returns the number of links, and errors for
// dead ones.
func deadLinks(t *testing.T, dir string) (followed int, dead []string) {
	t.Helper()
	documents := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && path != dir && (d.Name() == ".git" || d.Name() == "build") {
			return filepath.SkipDir
		}
		if !d.IsDir() && filepath.Ext(path) == ".md" {
			documents[path] = string(clitest.ReadFile(t, path))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for path, doc := range documents {
		name, _ := filepath.Rel(dir, path)
		wrong := func(format string, args ...any) { dead = append(dead, name+": "+fmt.Sprintf(format, args...)) }
		_, text, err := prose(doc)
		if err != nil {
			wrong("%v", err)
		}
		text = codeSpan.ReplaceAllString(text, "`")
		var links []string
		for _, re := range []*regexp.Regexp{inlineLink, namedLink, htmlLink} {
			for _, m := range re.FindAllStringSubmatch(text, -1) {
				links = append(links, m[1])
			}
		}
		for _, link := range links {
			if elsewhere.MatchString(link) {
				continue
			}
			followed++
			file, section, hasSection := strings.Cut(link, "#")
			to := path
			if file != "" {
				to = filepath.Join(filepath.Dir(path), filepath.FromSlash(file))
			}
			if outside, err := filepath.Rel(dir, to); err != nil || strings.HasPrefix(outside, "..") {
				wrong("the link %q leads out of the directory", link)
				continue
			}
			if _, err := os.Stat(to); err != nil {
				wrong("the link %q: no such file", link)
				continue
			}
			if !hasSection {
				continue
			}
			headings, _, _ := prose(documents[to])
			if !anchors(headings)[section] {
				wrong("the link %q: no such heading", link)
			}
		}
	}
	return followed, dead
}

// TestLinks follows the links of the documents in the repository.
func TestLinks(t *testing.T) {
	tooltest.NoRace(t)
	followed, dead := deadLinks(t, clitest.RepoPath())
	for _, d := range dead {
		t.Error(d)
	}
	if followed < 70 {
		t.Errorf("only %d links were followed", followed)
	}
}

// TestInstalledLinks follows the links of the documents that are installed. The manual
// page and the headers name documents, which must be there too.
func TestInstalledLinks(t *testing.T) {
	tooltest.NoRace(t)
	tooltest.Need(t, "make")
	stage, b := t.TempDir(), t.TempDir()
	clitest.WriteFile(t, filepath.Join(b, "scpatch"), nil) // -o scpatch: not built, because the documents do not need it
	cmd := exec.Command("make", "-s", "-o", "build", "install", "B="+b, "PREFIX=/usr", "DESTDIR="+stage)
	cmd.Dir = clitest.RepoPath()
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("make install: %v\n%s", err, out)
	}
	docs := filepath.Join(stage, "usr", "share", "doc", "scpatch")
	followed, dead := deadLinks(t, docs)
	for _, d := range dead {
		t.Error(d)
	}
	if followed < 70 {
		t.Errorf("only %d links were followed", followed)
	}
	named, document := 0, regexp.MustCompile(`\bdocs/[a-z_-]+\.md\b`)
	for name := range clitest.FilesBelow(t, stage) {
		if filepath.Ext(name) == ".md" {
			continue
		}
		for _, d := range document.FindAll(clitest.ReadFile(t, filepath.Join(stage, name)), -1) {
			named++
			if _, err := os.Stat(filepath.Join(docs, string(d))); err != nil {
				t.Errorf("%s names %s, which is not installed", name, d)
			}
		}
	}
	if named < 4 {
		t.Errorf("only %d documents are named by other files", named)
	}
}

// TestDeadLinks tests a document with every kind of wrong link.
func TestDeadLinks(t *testing.T) {
	dir := clitest.InDirectory(t, map[string]string{
		"a.md": "# A `b` [c](b.md)\n\n" +
			"[1](b.md) [2](b.md#in-b) [3](#a-b-c) [4](https://example.org/x#y) ![5](docs/p.png)\n" +
			"[6](c.md) [7](b.md#in-c) [8](#a) [9](../x.md) ![10](q.png) [11](docs#x)\n" +
			"[12]: b.md#in-b-1\n[13]: d.md\n<img src=\"r.png\">\n" +
			"`[14](no)`\n\n    [15](no)\n\n```\n[16](no)\n# Not\n```\n[17](#not)\n",
		"b.md":       "## In b\n\n## In b\n",
		"e.md":       "```\nnot closed\n",
		"docs/p.png": "",
	})
	followed, dead := deadLinks(t, dir)
	var want []string
	for _, link := range []string{"c.md", "b.md#in-c", "#a", "../x.md", "q.png", "docs#x", "d.md", "r.png", "#not"} {
		want = append(want, fmt.Sprintf("a.md: the link %q", link))
	}
	want = append(want, "e.md: a block of code is not closed")
	for _, w := range want {
		found := 0
		for _, d := range dead {
			if strings.HasPrefix(d, w) {
				found++
			}
		}
		if found != 1 {
			t.Errorf("%d findings for %s", found, w)
		}
	}
	if len(dead) != len(want) || followed != 15 {
		t.Errorf("%d links, found %q", followed, dead)
	}
}
