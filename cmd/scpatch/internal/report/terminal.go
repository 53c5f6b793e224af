// SPDX-License-Identifier: BSD-3-Clause

package report

import (
	"io"
	"os"

	"golang.org/x/sys/unix"
)

// A Screen describes where an output appears. The zero Screen is a file or a
// pipe, where nothing is coloured or shortened.
type Screen struct {
	terminal bool
	dumb     bool  // it does not understand control sequences
	plain    bool  // no colours are wanted: https://no-color.org
	width    int   // in columns, 0 if unknown
	colour   *bool // the user's choice; nil: by the terminal
}

// ScreenOf returns the screen of an output.
func ScreenOf(w io.Writer) Screen {
	f, ok := w.(*os.File)
	if !ok || !isTerminal(f) {
		return Screen{}
	}
	term := os.Getenv("TERM")
	s := Screen{terminal: true, dumb: term == "" || term == "dumb", plain: os.Getenv("NO_COLOR") != ""}
	if size, err := unix.IoctlGetWinsize(int(f.Fd()), unix.TIOCGWINSZ); err == nil {
		s.width = int(size.Col)
	}
	return s
}

// Terminal reports whether the output is a terminal.
func (s Screen) Terminal() bool { return s.terminal }

// Width returns the number of its columns, 0 if it is not known.
func (s Screen) Width() int { return s.width }

// Erases reports whether a line can be erased.
func (s Screen) Erases() bool { return s.terminal && !s.dumb }

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

func (s Screen) colours() bool {
	if s.colour != nil {
		return *s.colour
	}
	return s.Erases() && !s.plain
}

// Coloured returns the screen with colours forced on or off.
func (s Screen) Coloured(yes bool) Screen {
	s.colour = &yes
	return s
}

// paint colours a text if the screen shows colours.
func (s Screen) paint(c colour, text string) string {
	if !s.colours() {
		return text
	}
	return "\x1b[" + string(c) + "m" + text + "\x1b[0m"
}

// Red returns a text in the colour of errors.
func (s Screen) Red(text string) string { return s.paint(red, text) }

// Yellow returns a text in the colour of warnings.
func (s Screen) Yellow(text string) string { return s.paint(yellow, text) }
