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

// openTerminal makes a pseudo terminal of so many columns. It returns the side of
// the program, and what reads the other until the first is closed.
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
		{[]string{"compare", "gcc-p8-O2-weak.o", "new.json"}, []string{"Try 'scpatch explain bad-listing' for what to do.\n"}},
		{[]string{"--quite"}, []string{"\x1b[31mscpatch: \x1b[0munknown flag: --quite;"}},
		{[]string{"explain", "bad-call"}, []string{"\x1b[1mbad-call\x1b[0m\n"}},
	} {
		got := onTerminal(t, 200, c.args...)
		for _, want := range c.want {
			if !strings.Contains(got, want) {
				t.Errorf("scpatch %q on a terminal does not show %q:\n%q", c.args, want, got)
			}
		}
		// Without colours it is the text of a pipe, but for the last line.
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

// TestWidth lists long names on narrow terminals, and into a file.
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
