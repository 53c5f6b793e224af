// SPDX-License-Identifier: BSD-3-Clause

// Command gotest runs "go test -json" with its arguments and prints a summary:
// a line for each package, the output of failed tests, why tests were skipped,
// and how many passed, failed and were skipped. With -v among the arguments it
// prints everything.
//
// The counts, of tests and subtests alike, are also appended as a line
// "passed failed skipped" to the file named by SCPATCH_COUNTS.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
)

// An event is a line of go test -json; see "go doc test2json".
type event struct {
	Action      string
	Package     string
	ImportPath  string // of build output
	Test        string
	Elapsed     float64 // seconds
	Output      string
	FailedBuild string
}

type tally struct {
	passed, failed, skipped int

	verbose bool
	output  map[string][]string // of tests still running, by package and test
	inTests map[string]bool     // packages in which a test failed
}

func main() {
	code, err := run(os.Args[1:])
	if err != nil {
		fmt.Fprintln(os.Stderr, "gotest:", err)
		code = 2
	}
	os.Exit(code)
}

func run(args []string) (int, error) {
	cmd := exec.Command("go", append([]string{"test", "-json"}, args...)...)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		return 0, err
	}
	if err := cmd.Start(); err != nil {
		return 0, err
	}
	t := &tally{
		verbose: slices.Contains(args, "-v"),
		output:  make(map[string][]string),
		inTests: make(map[string]bool),
	}
	lines := bufio.NewReader(out)
	for {
		line, err := lines.ReadBytes('\n')
		if len(line) > 0 {
			var e event
			if json.Unmarshal(line, &e) == nil && e.Action != "" {
				t.see(e)
			} else {
				os.Stdout.Write(line)
			}
		}
		if err != nil {
			break
		}
	}
	err = cmd.Wait()
	exit := cmd.ProcessState.ExitCode()
	if exit < 0 {
		return 0, err
	}
	if exit != 0 && t.failed == 0 {
		t.failed = 1 // a failure without an event
	}
	if t.failed != 0 && exit == 0 {
		exit = 1
	}
	fmt.Printf("%d passed, %d failed, %d skipped\n", t.passed, t.failed, t.skipped)
	return exit, t.record(os.Getenv("SCPATCH_COUNTS"))
}

// see counts one event.
func (t *tally) see(e event) {
	key := e.Package + " " + e.Test
	switch e.Action {
	case "build-output":
		fmt.Print(e.Output)
	case "output":
		switch {
		case t.verbose:
			fmt.Print(e.Output)
		case strings.HasPrefix(e.Output, "=== "): // RUN, PAUSE, CONT, NAME
		default:
			t.output[key] = append(t.output[key], e.Output)
		}
	case "pass", "skip", "fail":
		if e.Test == "" {
			t.endPackage(e, key)
		} else {
			t.endTest(e, key)
		}
		delete(t.output, key)
	}
}

func (t *tally) endTest(e event, key string) {
	switch e.Action {
	case "pass":
		t.passed++
	case "skip":
		t.skipped++
		if !t.verbose {
			fmt.Printf("skip\t%s: %s\n", e.Test, because(t.output[key]))
		}
	case "fail":
		t.failed++
		t.inTests[e.Package] = true
		fmt.Print(strings.Join(t.output[key], ""))
	}
}

// because returns the reason that a skipped test gave, without its source
// position.
func because(output []string) string {
	if len(output) == 0 {
		return "no reason given"
	}
	_, why, _ := strings.Cut(strings.TrimSpace(output[0]), ": ")
	return why
}

func (t *tally) endPackage(e event, key string) {
	// A package fails without a failed test if it does not build, panics or
	// times out.
	if e.Action == "fail" && !t.inTests[e.Package] {
		t.failed++
	}
	if t.verbose {
		return
	}
	for _, s := range t.output[key] {
		// The rest is the same for each package.
		if e.Action != "fail" && !strings.HasPrefix(s, "ok ") && !strings.HasPrefix(s, "? ") {
			continue
		}
		fmt.Print(s)
	}
	// The output of tests that never ended.
	if e.Action == "fail" {
		for k, lines := range t.output {
			if strings.HasPrefix(k, e.Package+" ") && k != key {
				fmt.Print(strings.Join(lines, ""))
				delete(t.output, k)
			}
		}
	}
}

// record appends the counts to a file.
func (t *tally) record(path string) error {
	if path == "" {
		return nil
	}
	f, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o666)
	if err != nil {
		return err
	}
	if _, err := fmt.Fprintln(f, t.passed, t.failed, t.skipped); err != nil {
		return err
	}
	return f.Close()
}
