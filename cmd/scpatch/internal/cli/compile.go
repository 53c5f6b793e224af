// SPDX-License-Identifier: BSD-3-Clause

package cli

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"os/signal"
	"slices"
	"strings"
	"syscall"

	"github.com/scpatch/scpatch/sites/errkind"
)

const compileUsage = `Usage: scpatch compile [options] -- COMPILER [ARG...]

Run the compiler, and patch the objects for ppc64le that it has written with -c.
Whatever else it writes is left alone. An object that cannot be patched is
removed, so that no build considers it up to date.
`

const compileStatus = `
Exit status:
  the compiler's, if the compiler fails; otherwise
  0  done: every object was patched; some sites may have stayed on their trampolines
  2  bad usage: the compiler was not run
  3  bad input: no object is left
  4  a file could not be read or written: no object is left
  126, 127  the compiler could not be run, or was not found
If a signal ends the compiler, the same signal ends scpatch.
`

// The exit codes of a shell for such commands.
const (
	shellCannotRun = 126
	shellNotFound  = 127
)

func runCompile(args []string, stdout, stderr io.Writer) int {
	c := newCommon("scpatch compile", stderr)
	c.addPlanning()
	c.flags.BoolP("diff", "d", false, "print every changed site, before and after")
	c.addLast()
	options, command := args, []string(nil)
	if i := slices.Index(args, "--"); i >= 0 {
		options, command = args[:i], args[i+1:]
	}
	rest, err := c.parseFlags(options, compileUsage, compileStatus, stdout)
	switch {
	case errors.As(err, &done{}):
	case len(command) == 0 || len(rest) > 0:
		err = errors.New("no compiler: put it after --")
	case err == nil:
		err = c.check(stdout)
	}
	if err != nil {
		return c.usageError(err, stderr)
	}
	w := &wrapper{common: c, options: options, command: command, stdout: stdout, stderr: stderr}
	return w.compile()
}

// A wrapper runs the compiler and patches its objects.
type wrapper struct {
	*common
	options        []string // for scpatch
	command        []string // the compiler and its arguments
	stdout, stderr io.Writer

	signals chan os.Signal
	signal  os.Signal // the first that arrived
}

func (w *wrapper) compile() int {
	path, err := exec.LookPath(w.command[0])
	if err != nil && !errors.Is(err, exec.ErrDot) { // a "." in PATH is the user's choice
		return w.cannotRun(err)
	}
	names := objectNames(w.command[1:])
	if len(names) == 0 {
		return w.cannotRun(syscall.Exec(path, w.command, os.Environ()))
	}
	before := map[string]fs.FileInfo{}
	for _, name := range names {
		before[name], _ = os.Stat(name)
	}
	w.catch()
	state, err := w.run(path, w.command)
	if err != nil {
		return w.cannotRun(err)
	}
	if !state.Success() {
		return w.end(state)
	}
	var objects []string
	for _, name := range names {
		if info, err := os.Stat(name); err == nil && written(before[name], info) && w.isObject(name) {
			objects = append(objects, name)
		}
	}
	if len(objects) == 0 {
		return w.end(state)
	}
	// Patch in a separate process: however it ends, the objects that it has not
	// patched are removed.
	patch := slices.Concat([]string{"scpatch"}, w.options, []string{"--"}, literal(objects))
	state, err = w.run("/proc/self/exe", patch)
	if err == nil && w.signal == nil && state.Exited() && state.ExitCode() <= ExitKept {
		return ExitDone
	}
	for _, name := range objects {
		if gone := os.Remove(name); !errors.Is(gone, fs.ErrNotExist) {
			err = errors.Join(err, gone)
		}
	}
	if err != nil {
		fail(w.log, errkind.Of(err), err.Error())
		return ExitIO
	}
	return w.end(state)
}

// literal changes file names that would be taken for a response file or
// standard input.
func literal(names []string) []string {
	names = slices.Clone(names)
	for i, name := range names {
		if strings.HasPrefix(name, "@") || name == dash {
			names[i] = "./" + name
		}
	}
	return names
}

// written reports whether a regular file is new or has changed.
func written(before, after fs.FileInfo) bool {
	return after.Mode().IsRegular() &&
		(before == nil || !os.SameFile(before, after) || !before.ModTime().Equal(after.ModTime()) || before.Size() != after.Size())
}

// isObject reports whether the file is a relocatable object for ppc64le, or
// LLVM bitcode from -flto, whose header names no machine.
func (w *wrapper) isObject(name string) bool {
	f, err := os.Open(name)
	if err != nil {
		return false
	}
	defer f.Close()
	head := make([]byte, headSize)
	_, _ = io.ReadFull(f, head)
	if bytes.HasPrefix(head, []byte(bitcodeMagic)) {
		return !slices.Contains(w.command, "-emit-llvm") && w.compilesForUs()
	}
	return isObjectForUs(head)
}

// compilesForUs asks the compiler whether its target is ppc64le. If it does not answer,
// the object is left to scpatch.
func (w *wrapper) compilesForUs() bool {
	out, err := exec.Command(w.command[0], append(slices.Clone(w.command[1:]), "-dumpmachine")...).Output()
	return err != nil || bytes.HasPrefix(out, []byte("powerpc64le"))
}

// catch catches signals, which must not end the process between compiling and
// patching.
func (w *wrapper) catch() {
	w.signals = make(chan os.Signal, 8)
	for _, s := range []os.Signal{os.Interrupt, syscall.SIGQUIT, syscall.SIGTERM, syscall.SIGHUP} {
		if !signal.Ignored(s) {
			signal.Notify(w.signals, s)
		}
	}
}

// run runs a program to its end. It passes SIGTERM and SIGHUP on. Signals from the
// keyboard reach the program anyway, and a second one would keep gcc from cleaning up.
func (w *wrapper) run(path string, args []string) (*os.ProcessState, error) {
	cmd := &exec.Cmd{Path: path, Args: args, Stdin: os.Stdin, Stdout: w.stdout, Stderr: w.stderr}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	done := make(chan error, 1)
	go func() { done <- cmd.Wait() }()
	for {
		select {
		case s := <-w.signals:
			if w.signal == nil {
				w.signal = s
			}
			if s == syscall.SIGTERM || s == syscall.SIGHUP {
				_ = cmd.Process.Signal(s) // unless it has ended
			}
		case err := <-done:
			var exit *exec.ExitError
			if errors.As(err, &exit) {
				err = nil // the state tells
			}
			return cmd.ProcessState, err
		}
	}
}

// end returns the exit code of the last program, or ends the process by the
// same signal.
func (w *wrapper) end(state *os.ProcessState) int {
	status := state.Sys().(syscall.WaitStatus)
	switch {
	case status.Signaled():
		return dieBy(status.Signal())
	case w.signal != nil:
		return dieBy(w.signal.(syscall.Signal))
	}
	return status.ExitStatus()
}

// dieBy ends the process by a signal, so that its parent sees that. The process
// becomes a shell first, because Go has handlers for many signals. The shell must
// not dump core.
func dieBy(s syscall.Signal) int {
	code := 128 + int(s)
	script := fmt.Sprintf("ulimit -c 0; kill -%d $$; exit %d", int(s), code)
	_ = syscall.Exec("/bin/sh", []string{"sh", "-c", script}, os.Environ())
	return code
}

func (w *wrapper) cannotRun(err error) int {
	k, code := errkind.Of(err), shellCannotRun
	if errors.Is(err, exec.ErrNotFound) || errors.Is(err, fs.ErrNotExist) {
		k, code = errkind.NoSuchFile, shellNotFound
	}
	var inner *exec.Error
	if errors.As(err, &inner) {
		err = inner.Err
	}
	fail(w.log.WithField("file", w.command[0]), k, fmt.Sprintf("the compiler cannot be run: %v", err))
	return code
}
