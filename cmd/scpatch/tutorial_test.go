// SPDX-License-Identifier: BSD-3-Clause

package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// The tests of this file do what docs/tutorial-plugin.md and docs/first-session.md
// tell a reader to do.

// A file of a tutorial is a block behind a line with nothing but its name.
var tutorialFile = regexp.MustCompile("(?ms)^`([\\w.-]+)`:\n\n```\\w+\n(.*?)^```$")

// writeFiles writes the files of a tutorial and returns their names.
func writeFiles(t *testing.T, doc, dir string) (names []string) {
	t.Helper()
	for _, m := range tutorialFile.FindAllStringSubmatch(doc, -1) {
		writeFile(t, filepath.Join(dir, m[1]), []byte(m[2]))
		names = append(names, m[1])
	}
	return names
}

// A step is a command of a document, and what the document says that it prints.
type step struct{ command, want string }

// steps reads the blocks of a document that are marked "console". A command that
// ends in a backslash goes on in the next line.
func steps(doc string) (all []step) {
	for _, block := range fenced(doc, "console") {
		for _, c := range strings.Split("\n"+block, "\n$ ")[1:] {
			command, want, _ := strings.Cut(c, "\n")
			for strings.HasSuffix(command, "\\") {
				var line string
				line, want, _ = strings.Cut(want, "\n")
				command += "\n" + line
			}
			all = append(all, step{command, strings.TrimRight(want, "\n")})
		}
	}
	return all
}

// session types the commands into one shell, and compares what each prints.
func session(t *testing.T, dir string, env []string, all []step) {
	t.Helper()
	const mark = "\x01 exit "
	var script strings.Builder
	for _, s := range all {
		fmt.Fprintf(&script, "%s\nprintf '\\001 exit %%d\\n' $?\n", s.command)
	}
	cmd := exec.Command("bash", "-c", "exec 2>&1; "+script.String())
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), env...)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	rest := string(out)
	for _, s := range all {
		got, after, ok := strings.Cut(rest, mark)
		if !ok {
			t.Fatalf("%s: no end in\n%s", s.command, rest)
		}
		var code string
		code, rest, _ = strings.Cut(after, "\n")
		want, wantCode := s.want, "0"
		if last := strings.TrimPrefix(want[strings.LastIndex(want, "\n")+1:], "[exit "); last != want[strings.LastIndex(want, "\n")+1:] {
			wantCode = strings.TrimSuffix(last, "]")
			want = strings.TrimRight(want[:strings.LastIndex(want, "\n")+1], "\n")
		}
		if !matches(got, want) || code != wantCode {
			t.Errorf("$ %s\nprints, and exits with %s,\n%s\nwhere the document has %s and\n%s", s.command, code, got, wantCode, want)
		}
	}
}

// TestE2ETutorialPlugin builds and runs the plug-in host.
func TestE2ETutorialPlugin(t *testing.T) {
	w := newWorkshop(t)
	requireTools(t, "make", "bash")
	doc := readDoc(t, "docs", "tutorial-plugin.md")
	dir := t.TempDir()
	if names := writeFiles(t, doc, dir); len(names) != 7 {
		t.Fatalf("found the files %v", names)
	}
	prefix := installed(t, w)
	session(t, dir, []string{"PREFIX=" + prefix, "PATH=" + filepath.Join(prefix, "bin") + ":" + os.Getenv("PATH")}, steps(doc))
}
