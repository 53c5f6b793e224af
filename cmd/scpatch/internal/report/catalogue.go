// SPDX-License-Identifier: BSD-3-Clause

package report

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/scpatch/scpatch/docs"
	"github.com/scpatch/scpatch/sites"
)

// An Entry explains a form, a reason or a kind of error. It is the section of
// docs/messages.md with that heading.
type Entry struct {
	Name string
	Text string // Markdown
}

// Catalogue returns the entries of docs/messages.md, in their order.
func Catalogue() (entries []Entry) {
	for _, section := range strings.Split(docs.Messages, "\n##") {
		heading, text, _ := strings.Cut(section, "\n")
		if name, ok := strings.CutPrefix(heading, "# `"); ok {
			entries = append(entries, Entry{strings.TrimSuffix(name, "`"), strings.TrimSpace(text)})
		}
	}
	return entries
}

// A Group is a group of entries.
type Group string

// The groups.
const (
	groupForms   Group = "forms"
	groupReasons Group = "reasons"
	groupErrors  Group = "errors"
)

// Groups returns all groups.
func Groups() []Group { return []Group{groupForms, groupReasons, groupErrors} }

// Group returns the group of an entry.
func (e Entry) Group() Group {
	var form sites.Form
	var reason sites.Reason
	switch name := []byte(e.Name); {
	case form.UnmarshalText(name) == nil:
		return groupForms
	case reason.UnmarshalText(name) == nil:
		return groupReasons
	}
	return groupErrors
}

// Summary returns the first paragraph of an entry, which is one sentence.
func (e Entry) Summary() string {
	first, _, _ := strings.Cut(e.Text, "\n\n")
	return strings.ReplaceAll(unmarked(first), "\n", " ")
}

// marked returns the paragraph of an entry that starts at i, on one line and without
// links.
func (e Entry) marked(i int) string {
	text, _, _ := strings.Cut(e.Text[i:], "\n\n")
	return strings.ReplaceAll(unlinked(text), "\n", " ")
}

// paragraph returns the offset of the text after a label that starts a
// paragraph.
func (e Entry) paragraph(label string) int {
	before, _, ok := strings.Cut(e.Text, "\n\n"+label)
	if !ok {
		return len(e.Text)
	}
	return len(before) + len("\n\n"+label)
}

// unlinked returns a text with its links [text](address) replaced by their
// texts.
func unlinked(text string) string {
	var b strings.Builder
	for {
		before, rest, _ := strings.Cut(text, "[")
		label, address, isLink := strings.Cut(rest, "](")
		_, after, closed := strings.Cut(address, ")")
		switch {
		case len(before) == len(text):
			return b.String() + text
		case isLink && closed && !strings.Contains(label, "]"):
			b.WriteString(before + label)
			text = after
		default: // a bracket that does not begin a link
			b.WriteString(before + "[")
			text = rest
		}
	}
}

// unmarked returns a text without Markdown.
func unmarked(text string) string {
	return strings.ReplaceAll(unlinked(text), "`", "")
}

// Body returns an entry as text for a terminal: examples are indented, and a
// table becomes a list.
func (e Entry) Body() string {
	var b strings.Builder
	fenced, table := false, false
	for _, line := range strings.Split(e.Text, "\n") {
		switch {
		case strings.HasPrefix(line, "```"):
			fenced = !fenced
		case fenced:
			b.WriteString(strings.TrimRight("    "+line, " ") + "\n")
		case strings.HasPrefix(line, "|---"):
			table = true
		case strings.HasPrefix(line, "| ") && table:
			for i, cell := range strings.Split(strings.Trim(line, "| "), " | ") {
				indent := strings.Repeat("    ", i)
				// Put several messages with one cause on separate lines.
				cell = strings.ReplaceAll(cell, "`, `", "\n"+indent)
				b.WriteString(indent + unmarked(cell) + "\n")
			}
		case strings.HasPrefix(line, "| "): // the head of a table
		default:
			table = false
			b.WriteString(unmarked(line) + "\n")
		}
	}
	return b.String()
}

// Write prints an entry.
func (e Entry) Write(out io.Writer, to Screen) error {
	_, err := fmt.Fprintf(out, "%s\n\n%s", to.paint(bold, e.Name), e.Body())
	return err
}

// WriteEntries prints a line for each entry.
func WriteEntries(out io.Writer, all []Entry) error {
	w := tabwriter.NewWriter(out, 0, 8, 2, ' ', 0)
	for _, e := range all {
		fmt.Fprintf(w, "%s\t%s\n", e.Name, e.Summary())
	}
	return w.Flush()
}
