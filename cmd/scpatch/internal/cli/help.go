// SPDX-License-Identifier: BSD-3-Clause

package cli

import (
	"fmt"
	"io"
	"strings"

	"github.com/scpatch/scpatch/cmd/scpatch/internal/report"
	"github.com/spf13/pflag"
)

// The width of a help text is that of the terminal, within limits.
const (
	helpWidth  = 80 // if it is not shown on a terminal
	leastHelp  = 40
	mostHelp   = 100
	leastText  = 30 // the least width of a text beside its option; a narrower one goes below
	textIndent = 8
)

// writeHelp prints the help text of a command: its usage, options and exit
// status.
func (c *common) writeHelp(stdout io.Writer, usage, status string) error {
	width := report.ScreenOf(stdout).Width()
	if width == 0 {
		width = helpWidth
	}
	width = min(max(width, leastHelp), mostHelp)
	_, err := fmt.Fprintf(stdout, "%s\n%s%s", foldText(usage, width), c.usages(width), foldText(status, width))
	return err
}

// usages lists the options. It is pflag's FlagUsages without the reminder that a
// switch takes a value, which would leave little room for the texts.
func (c *common) usages(width int) string {
	var lefts, texts []string
	column := 0
	c.flags.VisitAll(func(f *pflag.Flag) {
		value, text := pflag.UnquoteUsage(f)
		left := "      --" + f.Name
		if f.Shorthand != "" {
			left = "  -" + f.Shorthand + ", --" + f.Name
		}
		switch {
		case value == "":
		case f.NoOptDefVal != "":
			left += "[=" + value + "]"
		default:
			left += " " + value
		}
		if f.Value.Type() == "string" && f.DefValue != "" {
			text += fmt.Sprintf(" (default %q)", f.DefValue)
		}
		lefts, texts = append(lefts, left), append(texts, text)
		column = max(column, len(left)+2)
	})
	below := width-column < leastText
	if below {
		column = textIndent
	}
	var b strings.Builder
	for i, left := range lefts {
		if below {
			b.WriteString(left + "\n" + strings.Repeat(" ", column))
		} else {
			fmt.Fprintf(&b, "%-*s", column, left)
		}
		b.WriteString(fold(texts[i], column, column, width) + "\n")
	}
	return b.String()
}

// helpItem returns the start of a line of a help text that is an item, a usage or an
// exit code. It is empty for lines of a paragraph.
func helpItem(line string) string {
	text := strings.TrimLeft(line, " ")
	if text == line {
		if strings.HasPrefix(line, "Usage: ") {
			return "Usage: "
		}
		return ""
	}
	if codes := strings.TrimLeft(text, "0123456789, "); strings.HasSuffix(line[:len(line)-len(codes)], "  ") {
		text = codes
	}
	return line[:len(line)-len(text)]
}

// foldText folds the paragraphs and the items of a text.
func foldText(text string, width int) string {
	var b strings.Builder
	paragraph := ""
	end := func() {
		if paragraph != "" {
			b.WriteString(fold(paragraph, 0, 0, width) + "\n")
		}
		paragraph = ""
	}
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		switch start := helpItem(line); {
		case start != "":
			end()
			b.WriteString(start + fold(line[len(start):], len(start), len(start), width) + "\n")
		case line == "":
			end()
			b.WriteByte('\n')
		default:
			paragraph = strings.TrimPrefix(paragraph+" "+line, " ")
			if strings.HasSuffix(line, ":") {
				end()
			}
		}
	}
	end()
	return b.String()
}

// fold breaks a text into lines. The first begins in column start, the others in
// column indent.
func fold(text string, start, indent, width int) string {
	var b strings.Builder
	at := start
	for i, word := range strings.Fields(text) {
		switch {
		case i == 0:
		case at+1+len(word) > width:
			b.WriteString("\n" + strings.Repeat(" ", indent))
			at = indent
		default:
			b.WriteByte(' ')
			at++
		}
		b.WriteString(word)
		at += len(word)
	}
	return b.String()
}
