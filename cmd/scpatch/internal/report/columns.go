// SPDX-License-Identifier: BSD-3-Clause

package report

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"unicode/utf8"
)

// gap is how many blanks stand between the columns of a table.
const gap = 2

// shorten cuts the middle out of a text of more than n characters.
func shorten(text string, n int) string {
	if utf8.RuneCountInString(text) <= n {
		return text
	}
	r := []rune(text)
	head := n / 2
	return string(r[:head]) + "…" + string(r[len(r)-(n-head-1):])
}

// leastColumn is how far a column is shortened.
const leastColumn = 10

// fit shortens the cells of a table in those columns which hold names of symbols,
// so that its rows fit the screen, as far as that goes: first what is widest.
func (s Screen) fit(rows [][]string, names []int) {
	if s.width == 0 || len(rows) == 0 {
		return
	}
	var widths []int
	for _, row := range rows {
		for i, cell := range row {
			if i == len(widths) {
				widths = append(widths, 0)
			}
			widths[i] = max(widths[i], utf8.RuneCountInString(cell))
		}
	}
	total := func(most int) int {
		n := gap * (len(widths) - 1)
		for i, w := range widths {
			if slices.Contains(names, i) {
				w = min(w, most)
			}
			n += w
		}
		return n
	}
	most := 0
	for _, w := range widths {
		most = max(most, w)
	}
	for most > leastColumn && total(most) > s.width {
		most--
	}
	for _, row := range rows {
		for _, i := range names {
			row[i] = shorten(row[i], most)
		}
	}
}

// writeTable prints a table whose first row is its head. On a terminal the columns
// of names are shortened to fit, and one column is coloured by its words.
func (s Screen) writeTable(out io.Writer, rows [][]string, names []int, coloured string, by func(string) colour) {
	s.fit(rows, names)
	var text bytes.Buffer
	w := tabwriter.NewWriter(&text, 0, 8, gap, ' ', 0)
	for _, row := range rows {
		fmt.Fprintln(w, strings.Join(row, "\t"))
	}
	w.Flush()
	if !s.colours() {
		_, _ = text.WriteTo(out)
		return
	}
	head, _ := text.ReadString('\n')
	fmt.Fprintln(out, s.paint(bold, strings.TrimSuffix(head, "\n")))
	at := strings.Index(head, coloured) // in all lines; the head is ASCII
	for line := range strings.Lines(text.String()) {
		r := []rune(line)
		word, _, _ := strings.Cut(string(r[at:]), " ")
		fmt.Fprint(out, string(r[:at]), s.paint(by(word), word), string(r[at+len(word):]))
	}
}
