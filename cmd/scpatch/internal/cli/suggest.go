// SPDX-License-Identifier: BSD-3-Clause

package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"

	"github.com/spf13/pflag"
)

// suggest returns the known word that word was most likely meant to be: the
// only one that begins with it, or the closest. It returns "" if there is none.
func suggest(word string, known []string) string {
	var begins []string
	best, least := "", 3 // more than two mistakes make another word
	for _, k := range known {
		if len(word) >= 3 && strings.HasPrefix(k, word) {
			begins = append(begins, k)
		}
		d := distance(word, k)
		switch {
		case 2*d >= len(k): // too little of a short word would match
		case d < least:
			best, least = k, d
		case d == least:
			best = ""
		}
	}
	if len(begins) == 1 {
		return begins[0]
	}
	return best
}

// unknownName returns the error for a name that is not among those known. It
// suggests one, or says otherwise.
func unknownName(what, name string, known []string, otherwise string) error {
	if near := suggest(name, known); near != "" {
		return fmt.Errorf("%s %q; did you mean %s?", what, name, near)
	}
	return fmt.Errorf("%s %q: %s", what, name, otherwise)
}

// distance returns the number of insertions, deletions, replacements and swaps
// of neighbours that turn a into b.
func distance(a, b string) int {
	before, last := make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row := make([]int, len(b)+1)
		row[0] = i
		for j := 1; j <= len(b); j++ {
			replaced := last[j-1]
			if a[i-1] != b[j-1] {
				replaced++
			}
			row[j] = min(last[j]+1, row[j-1]+1, replaced)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last = last, row
	}
	return last[len(b)]
}

// suggestFlag adds a suggestion to the error about an unknown option.
func suggestFlag(flags *pflag.FlagSet, err error) error {
	var unknown *pflag.NotExistError
	if !errors.As(err, &unknown) || unknown.GetSpecifiedShortnames() != "" {
		return err
	}
	var names []string
	flags.VisitAll(func(f *pflag.Flag) { names = append(names, f.Name) })
	if name := suggest(unknown.GetSpecifiedName(), names); name != "" {
		return fmt.Errorf("%w; did you mean --%s?", err, name)
	}
	return err
}

// mistyped returns an error if a command is named in the place of a file, or if
// the first file is nearly a command: a user who only wanted to look must not
// get the other files patched. If such a file exists, it is a file.
func mistyped(files []string) error {
	for i, path := range files {
		near := path
		if i == 0 {
			near = suggest(path, append(commands, "help"))
		}
		if near != "help" && !slices.Contains(commands, near) {
			continue
		}
		if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
			continue
		}
		switch {
		case near == "help":
			return fmt.Errorf("%s: no such file; did you mean --help?", path)
		case path == near:
			return fmt.Errorf("%s: no such file; the command %s must be the first argument, before the options", path, near)
		default:
			return fmt.Errorf("%s: no such file; did you mean the command %s?", path, near)
		}
	}
	return nil
}
