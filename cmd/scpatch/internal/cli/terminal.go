// SPDX-License-Identifier: BSD-3-Clause

package cli

import (
	"io"
	"os"

	"golang.org/x/sys/unix"
)

// A screen is how people read an output; the zero screen is a file or a pipe,
// where nothing is coloured or shortened.
type screen struct {
	terminal bool
	dumb     bool // it knows no control sequences
	plain    bool // no colours are wanted: https://no-color.org
	width    int  // in columns, 0 where it is unknown
}

func screenOf(w io.Writer) screen {
	f, ok := w.(*os.File)
	if !ok || !isTerminal(f) {
		return screen{}
	}
	term := os.Getenv("TERM")
	s := screen{terminal: true, dumb: term == "" || term == "dumb", plain: os.Getenv("NO_COLOR") != ""}
	if size, err := unix.IoctlGetWinsize(int(f.Fd()), unix.TIOCGWINSZ); err == nil {
		s.width = int(size.Col)
	}
	return s
}

// isTerminal reports whether f is a terminal.
func isTerminal(f *os.File) bool {
	_, err := unix.IoctlGetTermios(int(f.Fd()), unix.TCGETS)
	return err == nil
}

// Parameters of SGR (ECMA-48, 8.3.117).
type colour string

const (
	bold   colour = "1"
	red    colour = "31"
	green  colour = "32"
	yellow colour = "33"
)

func (s screen) colours() bool { return s.terminal && !s.dumb && !s.plain }

// paint colours a text, if the screen shows colours.
func (s screen) paint(c colour, text string) string {
	if !s.colours() {
		return text
	}
	return "\x1b[" + string(c) + "m" + text + "\x1b[0m"
}
