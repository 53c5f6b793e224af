// SPDX-License-Identifier: BSD-3-Clause

package cli

import (
	"regexp"
	"strings"

	"github.com/scpatch/scpatch/docs"
)

// An entry explains a reason or a kind of errors: a section of docs/messages.md
// whose heading is a name.
type entry struct {
	name string
	text string // Markdown
}

var entryHeading = regexp.MustCompile("(?m)^### `([a-z0-9-]+)`\n")

// catalogue is the entries of docs/messages.md, in their order.
func catalogue() []entry {
	heads := entryHeading.FindAllStringSubmatchIndex(docs.Messages, -1)
	entries := make([]entry, len(heads))
	for i, h := range heads {
		text := docs.Messages[h[1]:]
		if end := strings.Index(text, "\n##"); end >= 0 {
			text = text[:end]
		}
		entries[i] = entry{docs.Messages[h[2]:h[3]], strings.TrimSpace(text)}
	}
	return entries
}

// summary is the first paragraph of an entry, one sentence.
func (e entry) summary() string {
	first, _, _ := strings.Cut(e.text, "\n\n")
	return strings.ReplaceAll(unmarked(first), "\n", " ")
}

var link = regexp.MustCompile(`\[([^]]+)\]\([^)]+\)`)

// unmarked is a text without the marks of Markdown.
func unmarked(text string) string {
	return strings.ReplaceAll(link.ReplaceAllString(text, "$1"), "`", "")
}

// body is an entry for people who read it on a terminal: examples are indented,
// and a table becomes a list.
func (e entry) body() string {
	var b strings.Builder
	fenced, table := false, false
	for _, line := range strings.Split(e.text, "\n") {
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
				// Several messages of one cause, each on a line of its own.
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
