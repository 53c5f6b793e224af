// SPDX-License-Identifier: BSD-3-Clause

package cli

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/scpatch/scpatch/cmd/scpatch/internal/clitest"
)

// hostileNames are the pieces of which names of symbols, sections and files are
// made here: they move the cursor of a terminal, end a line, write backwards,
// or are not text.
var hostileNames = []string{"\x1b[", "\r\n", "\xc2\x9b", "\xff\xfe", "\b\x7f", "\"\\", "\u202e", "\u2028", "</"}

// TestHostileNames checks that no name controls a terminal, or ends a line of a
// message or of JSON.
func TestHostileNames(t *testing.T) {
	dir := t.TempDir()
	for _, hostile := range hostileNames {
		for source, plain := range map[string]string{"gcc-p8-O2-weak.o": "w_", "asm-annot0.o": "an", "bad-addend.o": "te", "module.o": "mo"} {
			b := clitest.ReadFile(t, clitest.RepoPath("testdata", "obj", source))
			if len(hostile) > 2 {
				plain = threeBytes(b, plain)
			}
			evil := bytes.ReplaceAll(b, []byte(plain), []byte(hostile))
			evil = bytes.ReplaceAll(evil, []byte(".text\x00"), []byte("."+hostile+"ttt"[:4-len(hostile)]+"\x00"))
			path := filepath.Join(dir, "a"+strings.ReplaceAll(hostile, "/", "")+".o")
			clitest.WriteFile(t, path, evil)
			for _, args := range [][]string{
				{"-v", "-n", "--diff"}, {"-n", "--user", "-v"}, {"list"}, {"list", "--diff"}, {"list", "--json"}, {"verify"}, {"verify", "--json"},
				{"-v", "-n", "--log-format=json"}, {"-n", "--require=direct"},
			} {
				var stdout, stderr bytes.Buffer
				Run(append(args, path), &stdout, &stderr)
				what := fmt.Sprintf("%q in %s: %v", hostile, source, args)
				plainText(t, what, stdout.String())
				plainText(t, what, stderr.String())
				wantJSON := slices.Contains(args, "--json")
				for line := range strings.Lines(stdout.String()) {
					if wantJSON && !json.Valid([]byte(line)) {
						t.Errorf("%s: prints %q", what, line)
					}
				}
				for line := range strings.Lines(stderr.String()) {
					if slices.Contains(args, "--log-format=json") && !json.Valid([]byte(line)) || !strings.HasPrefix(line, "scpatch") && line[0] != '{' {
						t.Errorf("%s: says %q", what, line)
					}
				}
			}
		}
	}
}

// threeBytes returns a piece of a name with one more byte.
func threeBytes(b []byte, two string) string {
	i := bytes.Index(b, []byte(two))
	return string(b[i : i+3])
}

// plainText checks that a terminal would show every character of a text in its
// place.
func plainText(t *testing.T, what, text string) {
	t.Helper()
	if !utf8.ValidString(text) {
		t.Errorf("%s: %q is no UTF-8", what, text)
	}
	for _, r := range text {
		if r != '\n' && !unicode.IsPrint(r) {
			t.Errorf("%s: %q has %U", what, text, r)
			return
		}
	}
}

// TestImports checks that nothing in the program talks to a network. pflag imports net for options
// that hold addresses; net/url only formats file names. Only compile.go may start another program.
func TestImports(t *testing.T) {
	out, err := exec.Command("go", "list", "-deps", "-f", `{{if not .Standard}}{{.ImportPath}}: {{join .Imports " "}}{{end}}`, "github.com/scpatch/scpatch/cmd/scpatch").Output()
	if err != nil {
		t.Fatal(err)
	}
	seen := 0
	for line := range strings.Lines(string(out)) {
		pkg, imports, _ := strings.Cut(strings.TrimSpace(line), ": ")
		if pkg == "" {
			continue
		}
		seen++
		for _, i := range strings.Fields(imports) {
			if i == "plugin" || i == "os/exec" && path.Base(pkg) != "cli" || strings.HasPrefix(i, "net") && i != "net/url" && pkg != "github.com/spf13/pflag" {
				t.Errorf("%s imports %s", pkg, i)
			}
		}
	}
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range files {
		starts := bytes.Contains(clitest.ReadFile(t, name), []byte("\t\"os/exec\"\n"))
		if starts && name != "compile.go" && !strings.HasSuffix(name, "_test.go") {
			t.Errorf("%s imports os/exec", name)
		}
	}
	if seen < 8 {
		t.Errorf("only %d packages", seen)
	}
}
