// SPDX-License-Identifier: BSD-3-Clause

package cli

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/scpatch/scpatch/cmd/scpatch/internal/clitest"
	"github.com/scpatch/scpatch/ppc64/tooltest"
	"golang.org/x/sys/unix"
)

// openTerminal opens a pseudo terminal of the given width. It returns the
// program's side, and a function that reads the other side until the first is
// closed.
func openTerminal(t *testing.T, columns int) (tty *os.File, shown func() string) {
	t.Helper()
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		tooltest.Missing(t, "no pseudo terminals: "+err.Error())
	}
	n, err := unix.IoctlGetInt(int(master.Fd()), unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	if err := unix.IoctlSetPointerInt(int(master.Fd()), unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	tty, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if err := unix.IoctlSetWinsize(int(tty.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Row: 24, Col: uint16(columns)}); err != nil {
		t.Fatal(err)
	}
	text := make(chan string)
	go func() {
		b, _ := io.ReadAll(master) // ends with EIO
		master.Close()
		text <- strings.ReplaceAll(string(b), "\r\n", "\n")
	}()
	return tty, func() string { tty.Close(); return <-text }
}

// onTerminal runs scpatch with both outputs on a terminal.
func onTerminal(t *testing.T, columns int, args ...string) string {
	t.Helper()
	tty, shown := openTerminal(t, columns)
	Run(args, tty, tty)
	return shown()
}

func TestColours(t *testing.T) {
	clitest.InObjects(t)
	for name, options := range map[string][]string{"old.json": nil, "new.json": {"--user"}} {
		listing, _, _ := runCommand(slices.Concat([]string{"list", "--json"}, options, []string{"gcc-p8-O2-update.o"})...)
		clitest.WriteFile(t, name, []byte(listing))
	}
	clitest.WriteFile(t, "text", []byte("no listing\n"))
	t.Setenv("NO_COLOR", "")
	t.Setenv("TERM", "xterm")
	for _, c := range []struct {
		args []string
		want []string
	}{
		{[]string{"list", "gcc-p8-O2-weak.o"}, []string{"\x1b[1mSECTION", "  \x1b[31mkeep\x1b[0m    -  ", "  \x1b[32mdirect\x1b[0m  0  "}},
		{[]string{"list", "--user", "gcc-p8-O2-update.o"}, []string{"  \x1b[33msave-stub\x1b[0m  7  ", "  \x1b[33mstack\x1b[0m      1  "}},
		{[]string{"-n", "-d", "gcc-p8-O2-weak.o"}, []string{
			"\x1b[31m-    94:  bl __SCT__w_present\x1b[0m\n", "\x1b[32m+    94:  bl w_present\x1b[0m\n     98:  nop\n",
			"scpatch: \x1b[33mwarning: \x1b[0mgcc-p8-O2-weak.o: 1 of 2",
			"Try 'scpatch explain target-weak' for what to do.\n",
		}},
		{[]string{"-n", "bad-addend.o", "missing.o"}, []string{
			"\x1b[31mscpatch: \x1b[0mbad-addend.o: section",
			"Try 'scpatch explain bad-call no-such-file' for what to do.\n",
		}},
		{[]string{"compare", "old.json", "new.json"}, []string{"\x1b[1mCHANGE", "\n\x1b[31mworse\x1b[0m   u_call+0x20  "}},
		{[]string{"compare", "new.json", "old.json"}, []string{"\n\x1b[32mbetter\x1b[0m  u_call+0x20  "}},
		{[]string{"compare", "text", "new.json"}, []string{"Try 'scpatch explain bad-listing' for what to do.\n"}},
		{[]string{"--quite"}, []string{"\x1b[31mscpatch: \x1b[0munknown flag: --quite;"}},
		{[]string{"explain", "bad-call"}, []string{"\x1b[1mbad-call\x1b[0m\n"}},
	} {
		got := onTerminal(t, 200, c.args...)
		for _, want := range c.want {
			if !strings.Contains(got, want) {
				t.Errorf("scpatch %q on a terminal does not show %q:\n%q", c.args, want, got)
			}
		}
		// Without colours, it is the text in a pipe except for the last line.
		stdout, stderr, _ := runCommand(c.args...)
		for _, plain := range [][2]string{{"NO_COLOR", "1"}, {"TERM", "dumb"}, {"TERM", ""}} {
			t.Run(plain[0]+"="+plain[1], func(t *testing.T) {
				t.Setenv(plain[0], plain[1])
				got := onTerminal(t, 200, c.args...)
				if i := strings.Index(got, "Try 'scpatch explain "); i >= 0 {
					got = got[:i]
				}
				if got != stdout+stderr {
					t.Errorf("scpatch %q prints %q, in a pipe %q", c.args, got, stdout+stderr)
				}
			})
		}
	}
	if got := onTerminal(t, 200, "-n", "-q", "bad-addend.o"); strings.Contains(got, "Try ") {
		t.Errorf("--quiet says %q", got)
	}
	if got := onTerminal(t, 200, "-n", "--log-format=json", "bad-addend.o"); strings.Contains(got, "Try ") || strings.Contains(got, "\x1b") {
		t.Errorf("the JSON log is %q", got)
	}
}

// TestWidth lists long names on narrow terminals and to a file.
func TestWidth(t *testing.T) {
	clitest.InObjects(t)
	t.Setenv("TERM", "dumb")
	args := []string{"list", "clang-p8-O2-cxx_b.o"}
	whole, _, _ := runCommand(args...)
	widest := func(text string) (n int) {
		for line := range strings.Lines(text) {
			if strings.Contains(line, "+0x") || strings.HasPrefix(line, "SECTION") {
				n = max(n, utf8.RuneCountInString(strings.TrimRight(line, "\n")))
			}
		}
		return n
	}
	if widest(whole) < 140 {
		t.Fatalf("no long lines in\n%s", whole)
	}
	for _, columns := range []int{80, 100, 120} {
		got := onTerminal(t, columns, args...)
		if n := widest(got); n > columns || n < columns-12 {
			t.Errorf("%d columns of %d:\n%s", n, columns, got)
		}
		if strings.Count(got, "\n") != strings.Count(whole, "\n") || !strings.Contains(got, "…") || !strings.Contains(got, "0x18 ") ||
			strings.Count(got, " site-discardable\n") != 12 {
			t.Errorf("%d columns: lines or ends are missing:\n%s", columns, got)
		}
	}
	for _, columns := range []int{0, 1000} { // of unknown width, and wide enough
		if got := onTerminal(t, columns, args...); got != whole {
			t.Errorf("%d columns:\n%s\nwant\n%s", columns, got, whole)
		}
	}
	// Names are cut only if there is no room: the last one in a row may use the rest.
	for columns, want := range map[int][]string{
		120: {" bl net::Filter::accept(int)\n", " bl (anonymous nam…:hidden_away(int)\n", " bl __SCT…cxx_hook  site-discardable\n"},
		191: {" bl (anonymous namespace)::hidden_away(int)\n", ".text._ZN3net6RepeatIlLi3EE3runEl+0x2c ", " bl __SCT__cxx_hook    site-discardable\n"},
	} {
		got := onTerminal(t, columns, "list", "clang-p8-O2-cxx_a.o")
		for _, w := range want {
			if !strings.Contains(got, w) {
				t.Errorf("%d columns, %q is missing:\n%s", columns, w, got)
			}
		}
		if n := widest(got); n > columns {
			t.Errorf("%d columns of %d:\n%s", n, columns, got)
		}
		head, value := 0, 0
		for line := range strings.Lines(got) {
			if i := strings.Index(line, "BECAUSE"); i >= 0 {
				head = utf8.RuneCountInString(line[:i])
			} else if i := strings.Index(line, " site-discardable"); i >= 0 {
				value = utf8.RuneCountInString(line[:i]) + 1
			}
		}
		if head == 0 || head != value {
			t.Errorf("BECAUSE is at %d, its values at %d:\n%s", head, value, got)
		}
	}
	path := filepath.Join(t.TempDir(), "out")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	Run(args, f, f)
	f.Close()
	if got := string(clitest.ReadFile(t, path)); got != whole {
		t.Errorf("in a file:\n%s\nwant\n%s", got, whole)
	}
}

// TestDashTerminal checks that no object is written to a terminal or read from one. A
// page, which is text, may be.
func TestDashTerminal(t *testing.T) {
	clitest.InObjects(t)
	t.Setenv("TERM", "dumb")
	if got := onTerminal(t, 80, "-o", "-", "gcc-p8-O2-sites.o"); !strings.HasPrefix(got, "scpatch: --output - does not write an object to a terminal [bad-usage]\nTry ") {
		t.Errorf("%q", got)
	}
	if got := onTerminal(t, 80, "-n", "-o", "-", "gcc-p8-O2-sites.o"); got != "" {
		t.Errorf("nothing was to be written, but %q", got)
	}
	if got := onTerminal(t, 80, "list", "--html", "-", "gcc-p8-O2-sites.o"); !strings.HasPrefix(got, "<!DOCTYPE html>\n") {
		t.Errorf("%.80q is no page", got)
	}
	tty, shown := openTerminal(t, 80)
	defer shown()
	defer func(old *os.File) { os.Stdin = old }(os.Stdin)
	os.Stdin = tty
	for _, args := range [][]string{{"list", "-"}, {"verify", "-"}, {"-o", "x.o", "-"}, {"compare", "-", "x"}} {
		if out, said, code := runCommand(args...); code != ExitUsage || out != "" || !strings.HasPrefix(said, "scpatch: standard input (-) is a terminal: ") {
			t.Errorf("%q: exit code %d, %q, %q", args, code, out, said)
		}
	}
}

// TestHelpWidth checks that the help texts fit, and have the same words at any width.
func TestHelpWidth(t *testing.T) {
	for _, command := range append([]string{""}, commands...) {
		args := []string{"--help"}
		if command != "" {
			args = []string{command, "--help"}
		}
		whole, _, _ := runCommand(args...)
		words := strings.Fields(whole)
		if n := len(words); n < 60 {
			t.Fatalf("%q has %d words", args, n)
		}
		for columns, most := range map[int]int{-1: 80, 0: 80, 20: 40, 40: 40, 50: 50, 66: 66, 80: 80, 95: 95, 300: 100} {
			got := whole // in a pipe
			if columns >= 0 {
				got = onTerminal(t, columns, args...)
			}
			if !slices.Equal(strings.Fields(got), words) {
				t.Errorf("%q in %d columns has other words:\n%s", args, columns, got)
			}
			widest := 0
			for line := range strings.Lines(got) {
				widest = max(widest, len(line)-1)
				if strings.TrimRight(line, " \n")+"\n" != line {
					t.Errorf("%q in %d columns: %q ends in blanks", args, columns, line)
				}
			}
			if widest > most || widest < most-20 {
				t.Errorf("%q in %d columns has %d:\n%s", args, columns, widest, got)
			}
		}
	}
}

// TestColour asks for colours in a pipe, and for none on a terminal.
func TestColour(t *testing.T) {
	clitest.InObjects(t)
	t.Setenv("NO_COLOR", "1")
	t.Setenv("TERM", "dumb")
	for _, args := range [][]string{{"list", "gcc-p8-O2-weak.o"}, {"-n", "-d", "gcc-p8-O2-weak.o"}, {"-n", "bad-addend.o"}, {"explain", "keep"}, {"list"}} {
		plain, said, _ := runCommand(args...)
		for _, option := range []string{"--color", "--color=always"} {
			out, err, _ := runCommand(append(slices.Clone(args), option)...)
			if !strings.Contains(out+err, "\x1b[") {
				t.Errorf("%q %s has no colours: %q", args, option, out+err)
			}
			if uncoloured.Replace(out) != plain || uncoloured.Replace(err) != said {
				t.Errorf("%q %s says something else: %q", args, option, out+err)
			}
		}
		for _, option := range []string{"--color=auto", "--color=never"} {
			if out, err, _ := runCommand(append(slices.Clone(args), option)...); out != plain || err != said {
				t.Errorf("%q %s prints %q", args, option, out+err)
			}
		}
	}
	t.Setenv("NO_COLOR", "")
	t.Setenv("TERM", "xterm")
	if got := onTerminal(t, 200, "list", "--color=never", "gcc-p8-O2-weak.o"); strings.Contains(got, "\x1b") {
		t.Errorf("--color=never prints %q", got)
	}
	if _, said, code := runCommand("list", "--color=sometimes", "x.o"); code != ExitUsage || !strings.HasPrefix(said, `scpatch: --color is auto, always or never, not "sometimes" [bad-usage]`) {
		t.Errorf("exit code %d, %q", code, said)
	}
}

var uncoloured = strings.NewReplacer("\x1b[1m", "", "\x1b[31m", "", "\x1b[32m", "", "\x1b[33m", "", "\x1b[0m", "")
