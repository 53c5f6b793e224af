// SPDX-License-Identifier: BSD-3-Clause

package cli

import (
	"os"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/scpatch/scpatch/cmd/scpatch/internal/clitest"
)

func TestObjectNames(t *testing.T) {
	t.Chdir(t.TempDir())
	for name, text := range map[string]string{
		"r":      "-c -o in.o\n",
		"quoted": `-c "-o" 'a b'\''s.o' c\ d.c`,
		"lines":  "-c '-oa\nb.o'\f''\v\"\"",
		"nested": "-O2 @r\n@empty a.c",
		"itself": "-c @itself",
		"empty":  " \n",
		"path":   `-c -o d\\x.o`,
	} {
		clitest.WriteFile(t, name, []byte(text))
	}
	if err := os.Mkdir("dir", 0o777); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mkfifo("fifo", 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		args string // separated by |
		want []string
	}{
		{"", nil},
		{"a.c|-o|a", nil},
		{"-c|-o|x.o|a.c", []string{"x.o"}},
		{"-c|a.c|-ox.o", []string{"x.o"}},
		{"--compile|--output|x.o|a.c", []string{"x.o"}},
		{"--compile|--output=a=b.o|a.c", []string{"a=b.o"}},
		{"-c|-o|x.o|-o|y.o", []string{"y.o"}},
		{"-o|-c|a.c", nil},
		{"-x|-c|a.c", nil},
		{"-c|a.c|d/b.x.cc|../n|-", []string{"a.o", "b.x.o", "n.o", "-.o"}},
		{"-c|-xc|-MF|a.d|-include|b.h|-D|-o|-MT|-o|-I.|-O2|a.c", []string{"a.o"}},
		{"-c|--|-o|a.c", []string{"-o.o", "a.o"}},
		{"-c|a.c|-o", []string{"a.o"}},
		{"@r|a.c", []string{"in.o"}},
		{"@nested|-o|last.o", []string{"last.o"}},
		{"@quoted", []string{"a b's.o"}},
		{"@lines", []string{"a\nb.o"}},
		{"@path", []string{`d\x.o`}},
		{"-c|@none|@dir|@fifo", []string{"@none.o", "@dir.o", "@fifo.o"}},
		{"-c|-o|@r", []string{"in.o"}}, // -o -c, -o in.o
	} {
		if diff := cmp.Diff(c.want, objectNames(strings.Split(c.args, "|"))); diff != "" {
			t.Errorf("%q: want -, got +:\n%s", c.args, diff)
		}
	}
	objectNames([]string{"@itself"}) // ends
}
