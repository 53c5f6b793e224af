// SPDX-License-Identifier: BSD-3-Clause

package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"sync"
	"syscall"

	"github.com/scpatch/scpatch/cmd/scpatch/internal/report"
	"github.com/scpatch/scpatch/elfrw"
	"github.com/scpatch/scpatch/sites/errkind"
	"github.com/sirupsen/logrus"
)

const patchUsage = `Usage: scpatch [options] FILE...
       scpatch list [options] FILE...
       scpatch verify [options] FILE...
       scpatch compare [options] OLD NEW
       scpatch explain [NAME...]
       scpatch compile [options] -- COMPILER [ARG...]

Rewrite the static-call sites of ppc64le (ELFv2) relocatable objects: branches
to a trampoline __SCT__name become direct calls or constants wherever that is
sound, and .static_call_sites is written for the run time. In a linked kernel
image the sites of the table go straight to what their keys hold. Files are
patched in place, archives with all their members; a file that cannot be patched
is left as it is. The file - is standard input, and after -o standard output.
@FILE stands for the arguments in a file.
`

const patchStatus = `
Exit status:
  0  done: every site with a known target was patched, or there was nothing to do
  1  done, but some sites had to stay on their trampolines (see --allow-kept)
  2  bad usage
  3  bad input: the file is untouched
  4  a file could not be read or written
For several files, the status is that of the worst.
`

// A patcher carries out one command line.
type patcher struct {
	*common
	output string
	dryRun bool
	diff   bool
	strip  bool
	keep   bool     // sites that stay do not change the exit code
	locks  sync.Map // by path: *sync.Mutex, see lock
	batch  *batch[patchedFile]
}

func runPatch(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	p := &patcher{common: newCommon("scpatch", stderr)}
	p.addPlanning()
	p.flags.StringVarP(&p.output, "output", "o", "", "write to `FILE` and leave the input as it is; - is standard output")
	p.flags.BoolVarP(&p.dryRun, "dry-run", "n", false, "change nothing")
	p.flags.BoolVarP(&p.diff, "diff", "d", false, "print every changed site, before and after")
	p.flags.BoolVar(&p.keep, "allow-kept", false, "exit with 0 even if sites stay on their trampolines")
	p.flags.BoolVar(&p.strip, "strip-signature", false, "drop the signature of a changed module")
	p.addRecursive()
	p.addLast()
	files, err := p.parse(args, patchUsage, patchStatus, stdout)
	if err == nil {
		files = p.expand(files)
	}
	switch {
	case err != nil:
	case p.flags.Changed("output") && p.output == "":
		err = errors.New("--output needs the name of a file")
	case p.output != "" && len(files) > 1:
		err = errors.New("--output takes one input file")
	case p.output == "" && !p.dryRun && slices.Contains(files, dash):
		err = errors.New("standard input (-) cannot be patched in place; --output - writes to standard output")
	case p.output == dash && p.diff:
		err = errors.New("--diff and --output - both write to standard output")
	case p.output == dash && !p.dryRun && p.screen.Terminal():
		err = errors.New("--output - does not write an object to a terminal")
	default:
		err = mistyped(files)
	}
	if err != nil {
		return p.usageError(err, stderr)
	}
	// If the reader of standard output goes away (| head), the process must not
	// end in the middle of a file.
	ctx, stop := signal.NotifyContext(ctx, syscall.SIGPIPE)
	defer stop()
	if p.logFormat != "json" {
		if p.batch = newBatch[patchedFile](files); p.batch != nil {
			p.atEnd = p.warnOfAll
		}
	}
	return forEach(ctx, p.common, files, stdout, func(ctx context.Context, path string, out *bytes.Buffer, log *logrus.Entry) (int, error) {
		code, err := p.patch(ctx, path, out, log)
		if err != nil {
			p.batch.add(path, failedFile(err))
		}
		return code, err
	})
}

// patch does the whole job on one file or archive.
func (p *patcher) patch(ctx context.Context, path string, out *bytes.Buffer, log *logrus.Entry) (int, error) {
	code, err := p.patchFile(ctx, path, path, out, log, func(f patchedFile) { p.batch.add(path, f) })
	if errors.Is(err, errArchive) {
		return p.patchArchive(ctx, path, out, log)
	}
	return code, err
}

// patchFile patches an object or a kernel image. name is for messages; done
// receives the result.
func (p *patcher) patchFile(ctx context.Context, path, name string, out *bytes.Buffer, log *logrus.Entry, done func(patchedFile)) (code int, err error) {
	if p.output == "" {
		defer p.lock(path)()
	}
	f, err := open(ctx, path)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	err = f.Guard(func() error { // another process may truncate or change the file meanwhile
		plan, err := makePlan(f, p.sites)
		if err != nil {
			return err
		}
		image, err := p.apply(plan)
		if err != nil {
			return err
		}
		switch {
		case p.dryRun:
		case p.output == dash:
			if err := p.printObject(out, f, image, plan); err != nil {
				return err
			}
		case p.output != "" || !image.Unchanged():
			check := plan.Check
			if image.Unchanged() {
				check = nil // nothing was planned
			}
			err := p.write(ctx, path, func(dest string) (*elfrw.Temp, error) { return image.WriteTemp(dest, f.Info(), check) })
			if err != nil {
				return err
			}
		}
		if p.diff {
			report.WriteDiff(out, p.screen, name, plan)
		}
		code = p.report(log, plan)
		done(p.patchedFile(name, plan, image))
		return nil
	})
	return code, err
}

// apply applies a plan and lays out the output.
func (p *patcher) apply(plan filePlan) (*elfrw.Image, error) {
	edit, err := plan.Apply()
	if err != nil {
		return nil, errkind.CannotEdit.Wrap(err)
	}
	if p.strip && !edit.Empty() {
		edit.StripSignature()
	}
	image, err := edit.Layout()
	if errors.Is(err, elfrw.ErrSigned) {
		return nil, fmt.Errorf("%w: patch before signing, or drop it with --strip-signature", err)
	}
	if err != nil {
		return nil, errkind.CannotEdit.Wrap(err)
	}
	return image, nil
}

// lock waits until no other job patches the file, and returns a function that
// unlocks it: a job for the same file then finds it patched.
func (p *patcher) lock(path string) (unlock func()) {
	if real, err := filepath.EvalSymlinks(path); err == nil {
		path = real
	}
	if abs, err := filepath.Abs(path); err == nil {
		path = abs
	}
	m, _ := p.locks.LoadOrStore(path, new(sync.Mutex))
	mutex := m.(*sync.Mutex)
	mutex.Lock()
	return mutex.Unlock
}

// write writes the output for a file to a temporary file, which includes the check
// of what was written, and moves it to its place.
func (p *patcher) write(ctx context.Context, path string, writeTemp func(dest string) (*elfrw.Temp, error)) error {
	temp, err := p.writeTemp(path, writeTemp)
	if err != nil {
		return err
	}
	if err := interrupted(ctx); err != nil {
		return errors.Join(err, temp.Discard())
	}
	return temp.Commit()
}

func (p *patcher) writeTemp(path string, writeTemp func(dest string) (*elfrw.Temp, error)) (*elfrw.Temp, error) {
	dest := p.output
	if dest == "" {
		dest = path
	}
	if err := elfrw.Replaceable(dest); err != nil {
		if errors.Is(err, fs.ErrPermission) && p.output == "" {
			return nil, fmt.Errorf("%w; --output leaves it as it is", err)
		}
		return nil, err
	}
	temp, err := writeTemp(dest)
	if err != nil && !errkind.Of(err).IO() {
		return nil, &errkind.Error{Kind: errkind.NotAsPlanned, Err: err} // the check failed
	}
	if errors.Is(err, fs.ErrPermission) && p.output == "" {
		return nil, fmt.Errorf("%w; --output can name a file in another directory", err)
	}
	return temp, err
}

// bitcodeMagic begins the output of clang -flto.
const bitcodeMagic = "BC\xc0\xde"

// open opens an input file, with special errors for files that are often named
// by mistake.
func open(ctx context.Context, path string) (*elfrw.File, error) {
	if path == dash {
		data, err := readStdin(ctx)
		if err != nil {
			return nil, err
		}
		f, err := elfrw.New(data)
		if err = notELF(err, data); errors.Is(err, errArchive) {
			err = errkind.Archive.Errorf("an archive cannot be read from standard input; name its file")
		}
		return f, err
	}
	f, err := elfrw.Open(path)
	switch {
	case errors.Is(err, elfrw.ErrNotELF64LE):
		head, _ := readHead(path)
		return nil, notELF(err, head)
	case errors.Is(err, elfrw.ErrNotRegular):
		if info, statErr := os.Stat(path); statErr == nil && info.IsDir() {
			err = fmt.Errorf("%w: this is a directory; --recursive takes what is in it", err)
		}
	}
	return f, err
}

// notELF improves the error about a file that is not ELF, judging by its first
// bytes. It returns other errors unchanged.
func notELF(err error, head []byte) error {
	switch {
	case !errors.Is(err, elfrw.ErrNotELF64LE):
		return err
	case elfrw.IsArchive(head):
		return errArchive
	case bytes.HasPrefix(head, []byte(bitcodeMagic)):
		return errkind.LTOObject.Errorf("%w: this is LLVM bitcode; patch the output of the LTO link", err)
	}
	return fmt.Errorf("%w; want an object compiled for powerpc64le", err)
}

// report logs what was done, and warns about the sites that had to stay.
func (p *patcher) report(log *logrus.Entry, plan filePlan) int {
	kept := report.Kept(plan.Decided())
	if p.log.IsLevelEnabled(logrus.DebugLevel) {
		for i := range plan.Decided() {
			s := plan.Site(i)
			log.Debug(s.Sentence())
		}
		log.Debug(p.summary(plan))
	}
	for i := range kept {
		if p.batch != nil || !p.log.IsLevelEnabled(logrus.WarnLevel) {
			break // warnOfAll does it, or there are no warnings
		}
		log.WithField("reason", kept[i].Reason.String()).Warn(kept[i].Warning(plan))
	}
	if len(kept) > 0 && !p.keep {
		return ExitKept
	}
	return ExitDone
}

func (p *patcher) summary(plan filePlan) string {
	verb := "patched"
	if p.dryRun {
		verb = "to patch"
	}
	switch n := len(plan.Decided()); {
	case n == 0:
		return "no static-call sites"
	case !plan.Changes():
		return report.Number(n, "site") + ", nothing to do"
	}
	return fmt.Sprintf("%s: %s; %s added", verb, report.CountForms(plan.Decided()),
		report.Number(plan.NumAdded(), "table entry", "table entries"))
}

// exitCode returns the exit code for an error.
func exitCode(err error) int {
	if errkind.Of(err).IO() {
		return ExitIO
	}
	return ExitInput
}
