// SPDX-License-Identifier: BSD-3-Clause

package cli

import (
	"fmt"
	"iter"
	"regexp"
	"strings"
	"testing"

	"github.com/scpatch/scpatch/cmd/scpatch/internal/clitest"
	"github.com/scpatch/scpatch/ppc64/tooltest"
)

// TestDuplicates wants no six lines of code that stand twice. Blank lines, comments,
// imports and lone punctuation do not count.
func TestDuplicates(t *testing.T) {
	tooltest.NoRace(t)
	seen, runs := map[string]string{}, 0
	for _, file := range allSources(t) {
		for run, line := range runsOfCode(string(clitest.ReadFile(t, file))) {
			at := fmt.Sprintf("%s:%d", file, line)
			if first, ok := seen[run]; ok {
				t.Errorf("%s: six lines that also stand at %s:\n%s", at, first, run)
			}
			seen[run] = at
			runs++
		}
	}
	if runs < 15000 {
		t.Errorf("only %d runs of six lines", runs)
	}
}

var (
	importBlock = regexp.MustCompile(`(?ms)^import \(.*?^\)$`)
	code        = regexp.MustCompile(`[A-Za-z0-9_]`)
)

// runsOfCode returns each six lines of code that follow one another, without the space
// around them, with the number of the first.
func runsOfCode(text string) iter.Seq2[string, int] {
	const length = 6
	text = importBlock.ReplaceAllStringFunc(text, func(s string) string { return strings.Repeat("\n", strings.Count(s, "\n")) })
	return func(yield func(string, int) bool) {
		var lines []string
		var numbers []int
		for i, line := range strings.Split(text, "\n") {
			line = strings.TrimSpace(line)
			if strings.HasPrefix(line, "//") || !code.MatchString(line) {
				continue
			}
			lines, numbers = append(lines, line), append(numbers, i+1)
			if n := len(lines); n >= length && !yield(strings.Join(lines[n-length:], "\n"), numbers[n-length]) {
				return
			}
		}
	}
}
