// SPDX-License-Identifier: BSD-3-Clause

package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"sync"

	"github.com/scpatch/scpatch/cmd/scpatch/internal/report"
	"github.com/scpatch/scpatch/elfrw"
	"github.com/scpatch/scpatch/sites/errkind"
	"github.com/sirupsen/logrus"
)

// errArchive is the error of open for an archive. Callers that support archives
// then read its members. Its text is for a member that is an archive itself.
var errArchive = errkind.Archive.Errorf("an archive inside an archive is not read")

// memberNames makes the names of archive members for messages and listings:
// LIB.a(MEMBER.o), as linkers print them. A number distinguishes members of the same
// name.
type memberNames struct {
	archive string
	seen    map[string]int
}

func newMemberNames(archive string) memberNames { return memberNames{archive, map[string]int{}} }

// next returns the name of the next member.
func (n memberNames) next(m elfrw.Member) string {
	n.seen[m.Name]++
	if k := n.seen[m.Name]; k > 1 {
		return fmt.Sprintf("%s(%s#%d)", n.archive, m.Name, k)
	}
	return n.archive + "(" + m.Name + ")"
}

// openMember opens a member of an archive, as open opens a file.
func openMember(ctx context.Context, archive string, a *elfrw.Archive, m elfrw.Member) (*elfrw.File, error) {
	switch {
	case m.Origin != 0:
		return nil, errkind.Archive.Errorf("the member is in another archive, at 0x%x; name that one", m.Origin)
	case a.Thin():
		return open(ctx, memberPath(archive, m))
	}
	f, err := elfrw.New(m.Data)
	return f, notELF(err, m.Data)
}

// memberPath returns the path of a member of a thin archive.
func memberPath(archive string, m elfrw.Member) string {
	if filepath.IsAbs(m.Name) {
		return m.Name
	}
	return filepath.Join(filepath.Dir(archive), m.Name)
}

// withObjects calls do for a file or, if it is an archive, for each member,
// with its name. An error about a member is reported and passed to failed, and
// the next member follows.
func withObjects(ctx context.Context, path string, log *logrus.Entry, failed func(name string, err error), do func(name string, f *elfrw.File, log *logrus.Entry) (int, error)) (code int, err error) {
	one := func(name string, f *elfrw.File, log *logrus.Entry) (code int, err error) {
		defer f.Close()
		err = f.Guard(func() error {
			code, err = do(name, f, log)
			return err
		})
		return code, err
	}
	f, err := open(ctx, path)
	if err == nil {
		return one(path, f, log)
	}
	if !errors.Is(err, errArchive) {
		return 0, err
	}
	a, err := elfrw.OpenArchive(path)
	if err != nil {
		return 0, err
	}
	defer a.Close()
	err = a.Guard(func() (err error) {
		code, err = eachMember(ctx, path, a, log, func(_ int, m elfrw.Member, name string, log *logrus.Entry) (int, error) {
			f, err := openMember(ctx, path, a, m)
			if err != nil {
				return 0, err
			}
			return one(name, f, log)
		}, failed)
		return err
	})
	return code, err
}

// eachMember calls do for the members of an archive until a signal arrives, and
// returns the worst exit code. An error about a member is reported and passed to
// failed.
func eachMember(ctx context.Context, path string, a *elfrw.Archive, log *logrus.Entry,
	do func(i int, m elfrw.Member, name string, log *logrus.Entry) (int, error), failed func(name string, err error)) (code int, err error) {
	names := newMemberNames(path)
	for i := range a.NumMembers() {
		if err := interrupted(ctx); err != nil {
			return 0, err
		}
		m := a.Member(i)
		name := names.next(m)
		log := log.WithField("file", name)
		n, err := do(i, m, name, log)
		if err != nil {
			failed(name, err)
			n = failMember(log, path, m, err)
		}
		code = max(code, n)
	}
	return code, nil
}

// failMember reports an error about a member and returns its exit code.
func failMember(log *logrus.Entry, archive string, m elfrw.Member, err error) int {
	fail(log, errkind.Of(err), withoutPath(err, memberPath(archive, m)))
	return exitCode(err)
}

// patchArchive patches all members of an archive and writes it; after an error
// in one member, it writes nothing.
func (p *patcher) patchArchive(ctx context.Context, path string, out *bytes.Buffer, log *logrus.Entry) (code int, err error) {
	if p.output == dash {
		return 0, errkind.WrongOption.Errorf("--output - cannot be used with an archive")
	}
	unlock := func() {}
	if p.output == "" {
		unlock = sync.OnceFunc(p.lock(path))
	}
	defer unlock()
	a, err := elfrw.OpenArchive(path)
	if err != nil {
		return 0, err
	}
	defer a.Close()
	if a.Thin() {
		unlock() // it is only read, and may name itself as a member
	}
	err = a.Guard(func() error {
		if a.Thin() {
			code, err = p.patchThin(ctx, path, a, out, log)
		} else {
			code, err = p.patchMembers(ctx, path, a, out, log)
		}
		return err
	})
	return code, err
}

// patchThin patches the members of a thin archive, which are files of their own.
func (p *patcher) patchThin(ctx context.Context, path string, a *elfrw.Archive, out *bytes.Buffer, log *logrus.Entry) (code int, err error) {
	if p.output != "" {
		return 0, errkind.WrongOption.Errorf("--output cannot be used with a thin archive: its members are separate files")
	}
	var whole patchedFile
	code, err = eachMember(ctx, path, a, log, func(_ int, m elfrw.Member, name string, log *logrus.Entry) (int, error) {
		if m.Origin != 0 {
			_, err := openMember(ctx, path, a, m)
			return 0, err
		}
		return p.patchFile(ctx, memberPath(path, m), name, out, log, whole.addMember)
	}, whole.failed)
	if err == nil {
		p.batch.add(path, whole)
	}
	return code, err
}

// patchMembers patches the members of an archive that contains them.
func (p *patcher) patchMembers(ctx context.Context, path string, a *elfrw.Archive, out *bytes.Buffer, log *logrus.Entry) (code int, err error) {
	var said, diff bytes.Buffer // held back until the archive is written
	done := p.logTo(&said)
	edit, plans, whole := a.Edit(), map[int]filePlan{}, patchedFile{}
	code, err = eachMember(ctx, path, a, log, func(i int, m elfrw.Member, name string, _ *logrus.Entry) (int, error) {
		plan, image, err := p.planMember(ctx, path, a, m)
		if err != nil {
			return 0, err
		}
		if !image.Unchanged() {
			plans[i] = plan
			if err := edit.Replace(i, image); err != nil {
				return 0, errkind.CannotEdit.Wrap(err)
			}
		}
		whole.addMember(p.patchedFile(name, plan, image))
		if p.diff {
			report.WriteDiff(&diff, p.screen, name, plan)
		}
		return p.report(done.WithField("file", name), plan), nil
	}, whole.failed)
	if err != nil {
		return 0, err
	}
	if whole.outcome > patched {
		p.batch.add(path, patchedFile{outcome: whole.outcome})
		return code, nil
	}
	image, err := edit.Layout()
	if err != nil {
		return 0, errkind.CannotEdit.Wrap(err)
	}
	if !p.dryRun && (p.output != "" || !image.Unchanged()) {
		err := p.write(ctx, path, func(dest string) (*elfrw.Temp, error) {
			return image.WriteTemp(dest, a.Info(), func(written *elfrw.Archive) error { return checkMembers(written, plans) })
		})
		if err != nil {
			return 0, err
		}
	}
	_, _ = out.Write(diff.Bytes())
	_, _ = log.Logger.Out.Write(said.Bytes())
	p.batch.add(path, whole)
	return code, nil
}

func (p *patcher) planMember(ctx context.Context, path string, a *elfrw.Archive, m elfrw.Member) (filePlan, *elfrw.Image, error) {
	f, err := openMember(ctx, path, a, m)
	if err != nil {
		return nil, nil, err
	}
	plan, err := makePlan(f, p.sites)
	if err != nil {
		return nil, nil, err
	}
	image, err := p.apply(plan)
	return plan, image, err
}

// checkMembers checks each changed member against its plan.
func checkMembers(written *elfrw.Archive, plans map[int]filePlan) error {
	for i := range written.NumMembers() {
		plan, ok := plans[i]
		if !ok {
			continue
		}
		m := written.Member(i)
		f, err := elfrw.New(m.Data)
		if err == nil {
			err = plan.Check(f)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", errkind.Printable(m.Name), err)
		}
	}
	return nil
}
