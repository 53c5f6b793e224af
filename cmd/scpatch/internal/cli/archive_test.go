// SPDX-License-Identifier: BSD-3-Clause

package cli

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/scpatch/scpatch/cmd/scpatch/internal/clitest"
	"github.com/scpatch/scpatch/elfrw"
	"github.com/scpatch/scpatch/sites"
)

// TestCheckMembers has members read back that are not what was planned, and one that
// is no object any more.
func TestCheckMembers(t *testing.T) {
	member := func(name string, data []byte) string {
		pad := strings.Repeat("\n", len(data)%2)
		return fmt.Sprintf("%-16s%-12d%-6d%-6d%-8s%-10d`\n%s%s", name, 0, 0, 0, "644", len(data), data, pad)
	}
	object := clitest.ReadFile(t, clitest.RepoPath("testdata", "obj", "gcc-p8-O2-update.o"))
	f, err := elfrw.New(object)
	if err != nil {
		t.Fatal(err)
	}
	plan, err := makePlan(f, sites.Options{})
	if err != nil {
		t.Fatal(err)
	}
	image, err := new(patcher).apply(plan)
	if err != nil {
		t.Fatal(err)
	}
	var patched bytes.Buffer
	if _, err := image.WriteTo(&patched); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		second []byte
		want   string
	}{
		{patched.Bytes(), ""},
		{object, "y.o: "},
		{[]byte("text"), "y.o: not an ELF64 little-endian file"},
	} {
		a, err := elfrw.NewArchive([]byte("!<arch>\n" + member("x.o/", object) + member("y.o/", c.second)))
		if err != nil {
			t.Fatal(err)
		}
		err = checkMembers(a, map[int]filePlan{1: plan})
		if (err == nil) != (c.want == "") || err != nil && !strings.HasPrefix(err.Error(), c.want) {
			t.Errorf("error is %v, want %q", err, c.want)
		}
	}
}
