// SPDX-License-Identifier: BSD-3-Clause

package main

import (
	"fmt"
	"os"
	"strconv"
	"strings"
)

// A file of verdicts has a line for each mutant that was tested to the end: its
// key, and the exit code of go.

func noteVerdict(file, mutant string, code int) error {
	f, err := os.OpenFile(file, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o666)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = fmt.Fprintln(f, mutant, code)
	return err
}

func wasKilled(file, mutant string) bool {
	b, err := os.ReadFile(file)
	return err == nil && strings.Contains("\n"+string(b), "\n"+mutant+" "+strconv.Itoa(killed)+"\n")
}

// countLived returns how many mutants lived.
func countLived(file string) (int, error) {
	b, err := os.ReadFile(file)
	return strings.Count(string(b), " 0\n"), err
}

// forget clears a file of verdicts, or only drops those that lived.
func forget(file string, keepKilled bool) error {
	b, err := os.ReadFile(file)
	if err != nil && !os.IsNotExist(err) {
		return err
	}
	kept := ""
	for line := range strings.Lines(string(b)) {
		if keepKilled && !strings.HasSuffix(line, " 0\n") {
			kept += line
		}
	}
	return os.WriteFile(file, []byte(kept), 0o666)
}
