// SPDX-License-Identifier: BSD-3-Clause

package cli

import (
	"os/exec"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/scpatch/scpatch/cmd/scpatch/internal/clitest"
)

// TestPackages compares the table of packages in docs/architecture.md with their
// imports. A package may import only packages below it.
func TestPackages(t *testing.T) {
	const module = "github.com/scpatch/scpatch/"
	cmd := exec.Command("go", "list", "-f", `{{.ImportPath}}{{range .Imports}} {{.}}{{end}}`, "./...")
	cmd.Dir = clitest.RepoPath(".")
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	imports := map[string][]string{}
	for line := range strings.Lines(string(out)) {
		fields := strings.Fields(line)
		name := strings.TrimPrefix(fields[0], module)
		if name == "ppc64/tooltest" || name == "cmd/scpatch/e2e" || path.Base(name) == "clitest" {
			continue // for tests
		}
		own := []string{}
		for _, f := range fields[1:] {
			if p, ok := strings.CutPrefix(f, module); ok {
				own = append(own, path.Base(p))
			}
		}
		slices.Sort(own)
		imports[name] = own
	}
	text := string(clitest.ReadFile(t, clitest.RepoPath("docs", "architecture.md")))
	row := regexp.MustCompile("(?m)^\\| `([a-z0-9/]+)` \\| ((?:`[a-z0-9]+`(?:, )?)*) ?\\|")
	quoted := regexp.MustCompile("[a-z0-9]+")
	var below []string // from the bottom upwards
	rows := row.FindAllStringSubmatch(text, -1)
	for _, m := range slices.Backward(rows) {
		want := quoted.FindAllString(m[2], -1)
		for _, p := range want {
			if !slices.Contains(below, p) {
				t.Errorf("%s imports %s, which does not stand below it", m[1], p)
			}
		}
		slices.Sort(want)
		if got, ok := imports[m[1]]; !ok || !slices.Equal(got, want) {
			t.Errorf("%s imports %v, and the table says %v", m[1], got, want)
		}
		delete(imports, m[1])
		below = append(below, path.Base(m[1]))
	}
	for p := range imports {
		t.Errorf("the table lacks %s", p)
	}
}
