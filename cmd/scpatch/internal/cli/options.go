// SPDX-License-Identifier: BSD-3-Clause

package cli

import (
	"errors"
	"fmt"
	"io"
	"runtime/debug"
	"strconv"

	"github.com/scpatch/scpatch/cmd/scpatch/internal/report"
	"github.com/scpatch/scpatch/sites"
	"github.com/scpatch/scpatch/sites/errkind"
	"github.com/sirupsen/logrus"
	"github.com/spf13/pflag"
)

// version is the version of the next release; the Makefile reads it here.
// revision is the commit, which the Makefile sets at link time.
var version, revision = "0.1.0", ""

// kernelFormat is the number of the format that the kernel and scpatch share;
// see docs/formats.md. A change after which older kernels and newer versions of
// scpatch, or the reverse, do not work together increments it.
const kernelFormat = 1

// formatNumber is the value of --kernel-format, which must be kernelFormat. It is
// checked during parsing, so that --version fails too.
type formatNumber struct{ text string }

func (n *formatNumber) String() string { return n.text }

func (*formatNumber) Type() string { return "number" }

func (n *formatNumber) Set(s string) error {
	if s != strconv.Itoa(kernelFormat) {
		return fmt.Errorf("this scpatch supports only format %d", kernelFormat)
	}
	n.text = s
	return nil
}

// common holds the options that commands share.
type common struct {
	flags  *pflag.FlagSet
	log    *logrus.Logger
	hinter hinter
	screen report.Screen // standard output
	atEnd  func() string // a summary of all files for standard output

	runtime     string
	module      bool
	user        bool
	linker      string
	entrySize   int
	format      formatNumber
	whole       bool
	tableOnly   bool
	noRecord    bool
	restore     string
	require     string
	pacaTOC     string
	allowShadow bool
	shadowStack string
	sites       sites.Options // the options above that concern the plan

	verbose   bool
	quiet     bool
	logFormat string
	recursive bool
	color     string
	help      bool
	version   bool
}

func newCommon(name string, stderr io.Writer) *common {
	c := &common{flags: pflag.NewFlagSet(name, pflag.ContinueOnError), log: logrus.New(), runtime: "inline", linker: "any"}
	c.log.SetOutput(stderr)
	c.log.AddHook(&c.hinter)
	c.log.SetFormatter(plainFormatter{report.ScreenOf(stderr)})
	c.flags.SortFlags = false
	c.flags.Usage = func() {}
	return c
}

// addPlace adds the options of the commands that read objects: what the objects
// are built for.
func (c *common) addPlace() {
	f := c.flags
	f.StringVar(&c.runtime, "runtime", "inline", "what changes keys at run time: `KIND` is inline (it patches sites), trampoline (it patches trampolines), or none")
	f.BoolVar(&c.module, "module", false, "the code runs in a kernel module (default: the kernel image; a linked .ko is recognized)")
	f.BoolVar(&c.user, "user", false, "the code runs in user space")
	f.IntVar(&c.entrySize, "entry-size", 0, "size of an entry of .static_call_sites: `BYTES` is 8 or 16 (default: as in an existing table, otherwise 16)")
	f.Var(&c.format, "kernel-format", fmt.Sprintf("fail unless `NUMBER` is the version of the kernel's format that this scpatch supports: %d", kernelFormat))
}

// addPlanning adds the options of the commands that make a plan.
func (c *common) addPlanning() {
	c.addPlace()
	f := c.flags
	f.StringVar(&c.linker, "linker", "any", "the linker used for the final link: `NAME` is bfd, lld, any (either of the two), or other")
	f.BoolVar(&c.whole, "whole-program", false, "nothing outside FILE refers to its symbols by name, except for exported ones")
	f.BoolVar(&c.tableOnly, "table-only", false, "write the table of sites but leave the sites as they are: the linked kernel image will be patched")
	f.BoolVar(&c.noRecord, "no-record", false, "leave out the record of what was decided for each site, which scpatch verify reads")
	f.StringVar(&c.restore, "restore", "", "restore r2 only by these `FORMS`, separated by commas: stack, paca, save-stub, linker, shadow (default: the cheapest that is sound)")
	f.StringVar(&c.require, "require", "", "make any form of a site other than these `FORMS` an error")
	f.StringVar(&c.pacaTOC, "paca-toc", "", "the PACA holds the kernel's TOC pointer at `OFFSET`(r13): a number, or a symbol of FILE that holds it; allows the form paca")
	f.BoolVar(&c.allowShadow, "allow-shadow", false, "allow the form shadow, for calls without a slot")
	f.StringVar(&c.shadowStack, "shadow-stack", "__static_call_shadow_stack", "`SYMBOL` is the thread-local pointer to the thread's stack of return addresses, for the form shadow")
}

// addLast adds the options that a help text lists last.
func (c *common) addLast() {
	f := c.flags
	f.BoolVarP(&c.verbose, "verbose", "v", false, "say what is done with every site")
	f.BoolVarP(&c.quiet, "quiet", "q", false, "print only errors")
	f.StringVar(&c.logFormat, "log-format", "text", "`FORMAT` of the messages on standard error: text, json, or github for its annotations")
	c.addHelp()
}

func (c *common) addHelp() {
	c.flags.StringVar(&c.color, "color", "auto", "colours: `WHEN` is auto (on a terminal), always, or never")
	c.flags.Lookup("color").NoOptDefVal = "always"
	c.flags.BoolVarP(&c.help, "help", "h", false, "print this help and exit")
	c.flags.BoolVarP(&c.version, "version", "V", false, "print the version and the commit, and exit")
}

// done ends a command that has printed its help or its version. wrote is the error of
// that, if any.
type done struct{ wrote error }

func (done) Error() string { return "done" }

// parseFlags parses the arguments and returns those that are not options. The
// error is done after --help and --version, otherwise a usage error.
func (c *common) parseFlags(args []string, usage, status string, stdout io.Writer) ([]string, error) {
	if err := c.flags.Parse(args); err != nil {
		return nil, suggestFlag(c.flags, err)
	}
	switch {
	case c.color != "auto" && c.color != "always" && c.color != "never":
		err := fmt.Errorf("--color is auto, always or never, not %q", c.color)
		c.color = "auto" // for the error
		return nil, err
	case c.help:
		return nil, done{c.writeHelp(stdout, usage, status)}
	case c.version:
		_, err := fmt.Fprintln(stdout, "scpatch", versionText())
		return nil, done{err}
	}
	return c.flags.Args(), nil
}

// parse parses the arguments of a command that works on files, and returns the
// files.
func (c *common) parse(args []string, usage, status string, stdout io.Writer) ([]string, error) {
	files, err := c.parseFlags(args, usage, status, stdout)
	if err != nil {
		return nil, err
	}
	if len(files) == 0 {
		return nil, errors.New("no input files")
	}
	if err := checkDash(files); err != nil {
		return nil, err
	}
	return files, c.check(stdout)
}

// check checks the values of the options and applies them.
func (c *common) check(stdout io.Writer) error {
	c.screen = c.screenOf(stdout)
	switch {
	case c.module && c.user:
		return errors.New("--module and --user cannot be combined")
	case c.verbose && c.quiet:
		return errors.New("--verbose and --quiet cannot be combined")
	case c.entrySize != 0 && c.entrySize != 8 && c.entrySize != 16:
		return fmt.Errorf("--entry-size is 8 or 16, not %d", c.entrySize)
	}
	if err := c.parseSites(); err != nil {
		return err
	}
	return c.setupLog()
}

// origin says how this command lists files: its version, and those flags that do not
// have their default values.
func origin(flags []*pflag.Flag) report.Origin {
	o := report.Origin{Scpatch: versionText(), Options: []string{}}
	for _, f := range flags {
		values := []string{f.Value.String()}
		if list, ok := f.Value.(pflag.SliceValue); ok {
			values = list.GetSlice()
		} else if values[0] == f.DefValue {
			continue
		}
		for _, v := range values {
			text := "--" + f.Name
			if f.Value.Type() != "bool" {
				text += "=" + v
			}
			o.Options = append(o.Options, text)
		}
	}
	return o
}

// flagsSoFar returns the flags that have been added so far.
func (c *common) flagsSoFar() (all []*pflag.Flag) {
	c.flags.VisitAll(func(f *pflag.Flag) { all = append(all, f) })
	return all
}

// screenOf returns the screen of an output, with the colours of --color.
func (c *common) screenOf(w io.Writer) report.Screen {
	s := report.ScreenOf(w)
	switch c.color {
	case "always":
		return s.Coloured(true)
	case "never":
		return s.Coloured(false)
	}
	return s
}

// parseSites parses the options that decide what becomes of a site.
func (c *common) parseSites() (err error) {
	o := &c.sites
	*o = sites.Options{
		EntrySize: c.entrySize, WholeProgram: c.whole, TableOnly: c.tableOnly, NoRecord: c.noRecord, PACATOC: c.pacaTOC,
		AllowShadow: c.allowShadow, ShadowStack: c.shadowStack,
	}
	switch {
	case c.module:
		o.Place = sites.Module
	case c.user:
		o.Place = sites.User
	}
	if o.Runtime, err = sites.ParseRuntime(c.runtime); err != nil {
		return fmt.Errorf("--runtime: %w", err)
	}
	if o.Linker, err = sites.ParseLinker(c.linker); err != nil {
		return fmt.Errorf("--linker: %w", err)
	}
	if c.restore != "" {
		if o.Restore, err = sites.ParseForms(c.restore, sites.RestoreForms()); err != nil {
			return fmt.Errorf("--restore: %w", err)
		}
	}
	if c.require != "" {
		if o.Require, err = sites.ParseForms(c.require, sites.Forms()); err != nil {
			return fmt.Errorf("--require: %w", err)
		}
	}
	return nil
}

func (c *common) setupLog() error {
	switch c.logFormat {
	case "text":
		c.log.SetFormatter(plainFormatter{c.screenOf(c.log.Out)})
	case "json":
		c.log.SetFormatter(&jsonFormatter{})
	case "github":
		c.log.SetFormatter(githubFormatter{})
	default:
		return fmt.Errorf("--log-format is text, json or github, not %q", c.logFormat)
	}
	switch {
	case c.verbose:
		c.log.SetLevel(logrus.DebugLevel)
	case c.quiet:
		c.log.SetLevel(logrus.ErrorLevel)
	default:
		c.log.SetLevel(logrus.InfoLevel)
	}
	return nil
}

// logTo returns a log like c.log that writes to w.
func (c *common) logTo(w io.Writer) *logrus.Logger {
	l := logrus.New()
	l.SetOutput(w)
	l.AddHook(&c.hinter)
	l.SetFormatter(c.log.Formatter)
	l.SetLevel(c.log.Level)
	return l
}

// usageError reports what is wrong with the command line.
func (c *common) usageError(err error, stderr io.Writer) int {
	if d := (done{}); errors.As(err, &d) {
		return c.wrote(d.wrote)
	}
	c.log.SetFormatter(plainFormatter{c.screenOf(stderr)}) // regardless of the options
	fail(c.log, errkind.BadUsage, err.Error())
	fmt.Fprintf(stderr, "Try '%s --help' for more information.\n", c.flags.Name())
	return ExitUsage
}

// wrote ends a command whose output could not be written.
func (c *common) wrote(err error) int {
	if err == nil {
		return ExitDone
	}
	fail(c.log, errkind.Of(err), err.Error())
	return ExitIO
}

// fail reports an error under the name of its kind.
func fail(log logrus.FieldLogger, k errkind.Kind, text string) {
	log.WithField("kind", k.String()).Error(text)
}

// versionText returns the version, followed by the commit or, after go install, the
// version of the module, if known.
func versionText() string {
	from := revision
	if info, ok := debug.ReadBuildInfo(); ok && from == "" && info.Main.Version != "(devel)" {
		from = info.Main.Version
	}
	if from == "" {
		return version
	}
	return version + " (" + from + ")"
}
