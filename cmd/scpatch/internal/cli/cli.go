// SPDX-License-Identifier: BSD-3-Clause

package cli

import (
	"context"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"
)

// Exit codes, from good to bad. For several files, the worst counts.
const (
	ExitDone  = 0 // every site of a known target was patched, or there was nothing to do
	ExitKept  = 1 // done, but some sites had to stay on their trampolines
	ExitUsage = 2
	ExitInput = 3 // the input is not what scpatch can or may patch
	ExitIO    = 4 // a file could not be read or written
)

// Main runs the program and exits.
func Main() {
	// A run is short and its heap starts empty. With Go's default of 100,
	// garbage collection takes half of the CPU time for an object with 100,000
	// sites; with 400 hardly any, for a tenth more memory.
	debug.SetGCPercent(400)
	os.Exit(Run(os.Args[1:], os.Stdout, os.Stderr))
}

// commands are the words that may come first on a command line. Without one,
// scpatch patches.
var commands = []string{"list", "verify", "compare", "explain", "compile"}

// Run is Main with its surroundings made explicit. It returns the exit code.
func Run(args []string, stdout, stderr io.Writer) int {
	signals := []os.Signal{syscall.SIGTERM}
	for _, s := range []os.Signal{os.Interrupt, syscall.SIGHUP} {
		if !signal.Ignored(s) { // as nohup, or a shell for a background job, does
			signals = append(signals, s)
		}
	}
	ctx, stop := signal.NotifyContext(context.Background(), signals...)
	defer stop()
	go func() {
		<-ctx.Done()
		stop() // a second signal ends the process at once
	}()
	args, err := expandArgs(args)
	if err != nil {
		return newCommon("scpatch", stderr).usageError(err, stderr)
	}
	if len(args) > 0 {
		switch args[0] {
		case "list":
			return runList(ctx, args[1:], stdout, stderr)
		case "verify":
			return runVerify(ctx, args[1:], stdout, stderr)
		case "compare":
			return runCompare(ctx, args[1:], stdout, stderr)
		case "explain":
			return runExplain(args[1:], stdout, stderr)
		case "compile":
			return runCompile(args[1:], stdout, stderr)
		}
	}
	return runPatch(ctx, args, stdout, stderr)
}
