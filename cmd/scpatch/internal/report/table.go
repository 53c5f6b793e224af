// SPDX-License-Identifier: BSD-3-Clause

package report

import (
	"fmt"
	"io"
	"strconv"

	"github.com/scpatch/scpatch/sites"
	"github.com/scpatch/scpatch/sites/kind"
)

// WriteTable prints the sites of a file as a table, for people.
func WriteTable(out io.Writer, to Screen, path string, file Sites) {
	views, decided := allSites(file), file.Decided()
	_, program := file.(*seenSites)
	fmt.Fprintf(out, "%s: %d sites, %d keys: %s\n", kind.Printable(path), len(views), file.Keys(), Counts(decided))
	if len(views) == 0 {
		return
	}
	rows := [][]string{{"SECTION", "FUNCTION", "KEY", "TARGET", "FORM", "COST", "BECOMES", "BECAUSE"}}
	for i := range views {
		s := &views[i]
		becomes, because, cost := s.After[0], s.Proof, "-"
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
			fmt.Sprintf("%s+0x%x", kind.Printable(s.Section), s.Offset), s.where(),
			kind.Printable(s.Key), kind.Printable(s.Target), s.Form.String(), cost, kind.Printable(becomes),
		}
		if because != "" {
			row = append(row, because)
		}
		rows = append(rows, row)
	}
	to.writeTable(out, rows, []int{0, 1, 2, 3, 6}, "FORM", formColour) // SECTION to TARGET, BECOMES
	for _, k := range Kept(decided) {
		fmt.Fprintf(out, "%s: %s (%d)\n", k.Reason, views[k.first].Why, k.Count)
	}
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
