// SPDX-License-Identifier: BSD-3-Clause

package report

import (
	"bytes"
	"io"
	"slices"
	"strings"
	"unicode/utf8"
)

// gap is the number of blanks between the columns of a table.
const gap = 2

// shorten shortens a text to n characters by cutting out its middle.
func shorten(text string, n int) string {
	if utf8.RuneCountInString(text) <= n {
		return text
	}
	r := []rune(text)
	head := n / 2
	return string(r[:head]) + "…" + string(r[len(r)-(n-head-1):])
}

// leastColumn is the smallest width to which a column is shortened.
const leastColumn = 10

// A grid holds the widths of the columns of a table. The last cell of a row may
// be wider than its column, because nothing follows it.
type grid struct {
	names []int // columns of names, which may be shortened
	inner []int // by column, the width of the widest cell that is followed by another one
	last  []int // by column, the width of the widest cell that ends its row
	most  int   // the largest width of a name
}

func newGrid(rows [][]string, names []int) *grid {
	g := &grid{names: names}
	for _, row := range rows {
		for len(g.inner) < len(row) {
			g.inner, g.last = append(g.inner, 0), append(g.last, 0)
		}
		for i, cell := range row {
			widest := &g.inner[i]
			if i == len(row)-1 {
				widest = &g.last[i]
			}
			*widest = max(*widest, utf8.RuneCountInString(cell))
			g.most = max(g.most, *widest)
		}
	}
	return g
}

// cut returns the width to which a cell of column i is shortened.
func (g *grid) cut(i, width int) int {
	if slices.Contains(g.names, i) {
		return min(width, g.most)
	}
	return width
}

// width returns the width of the widest row.
func (g *grid) width() (widest int) {
	start := 0
	for i := range g.inner {
		widest = max(widest, start+g.cut(i, g.last[i]))
		start += g.cut(i, g.inner[i]) + gap
	}
	return widest
}

// writeTable prints a table whose first row is its head. On a terminal that is too
// narrow, names are shortened, the longest first. by gives the colour of each cell in
// the column coloured.
func (s Screen) writeTable(out io.Writer, rows [][]string, names []int, coloured int, by func(string) colour) {
	for i, row := range rows {
		for len(row) > 0 && row[len(row)-1] == "" {
			row = row[:len(row)-1]
		}
		rows[i] = row
	}
	g := newGrid(rows, names)
	for s.width > 0 && g.most > leastColumn && g.width() > s.width {
		g.most--
	}
	var text bytes.Buffer
	for n, row := range rows {
		start := 0
		for i, cell := range row {
			most, blanks := g.most, 0
			if i == len(row)-1 {
				most = max(most, s.width-start)
			}
			if slices.Contains(names, i) {
				cell = shorten(cell, most)
			}
			if i < len(row)-1 {
				column := g.cut(i, g.inner[i]) + gap
				start += column
				blanks = column - utf8.RuneCountInString(cell)
			}
			switch {
			case n == 0:
				cell = s.paint(bold, cell)
			case i == coloured:
				cell = s.paint(by(cell), cell)
			}
			text.WriteString(cell)
			text.WriteString(strings.Repeat(" ", blanks))
		}
		text.WriteByte('\n')
	}
	_, _ = text.WriteTo(out)
}
