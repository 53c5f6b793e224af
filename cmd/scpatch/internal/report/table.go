// SPDX-License-Identifier: BSD-3-Clause

package report

import (
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/ianlancetaylor/demangle"
	"github.com/scpatch/scpatch/sites"
	"github.com/scpatch/scpatch/sites/errkind"
)

// WriteTable prints the sites of a file as a table, for people.
func WriteTable(out io.Writer, to Screen, path string, file Sites) {
	views, decided := allSites(file), file.Decided()
	all := file
	if c, ok := file.(*chosenSites); ok {
		all = c.Sites
	}
	_, program := all.(*seenSites)
	fmt.Fprintf(out, "%s: %s\n", errkind.Printable(path), heading(file))
	if len(views) == 0 {
		return
	}
	rows := [][]string{{"SECTION", "FUNCTION", "KEY", "TARGET", "FORM", "COST", "BECOMES", "BECAUSE"}}
	for i := range views {
		s := &views[i]
		becomes, because, cost := readable(s.After[0]), s.Proof, "-"
		switch {
		case s.Form == sites.Keep:
			because = s.Reason.String()
		case program && s.Listed:
			because = "in the table"
		case program:
		case s.Done:
			becomes += " (already there)"
		}
		if s.Cost >= 0 {
			cost = strconv.Itoa(s.Cost)
		}
		row := []string{
			fmt.Sprintf("%s+0x%x", errkind.Printable(s.Section), s.Offset), s.where(),
			errkind.Printable(s.Key), errkind.Printable(s.Target), s.Form.String(), cost, errkind.Printable(becomes), because,
		}
		rows = append(rows, row)
	}
	to.writeTable(out, rows, []int{0, 1, 2, 3, 6}, 4, formColour) // SECTION to TARGET, BECOMES; FORM
	for _, k := range Kept(decided) {
		fmt.Fprintf(out, "%s: %s (%d)\n", k.Reason, views[k.first].Why, k.Count)
	}
}

// readable returns an instruction with its operand demangled.
func readable(instruction string) string {
	mnemonic, operand, ok := strings.Cut(instruction, " ")
	if !ok {
		return instruction
	}
	name, mark, notoc := strings.Cut(operand, "@")
	if notoc {
		mark = "@" + mark
	}
	return mnemonic + " " + demangle.Filter(name) + mark
}

func formColour(form string) colour {
	switch form {
	case sites.Keep.String():
		return red
	case sites.Direct.String(), sites.Constant.String():
		return green
	}
	return yellow
}
