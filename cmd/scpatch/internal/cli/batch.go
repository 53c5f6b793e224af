// SPDX-License-Identifier: BSD-3-Clause

package cli

import (
	"fmt"
	"iter"
	"sync"

	"github.com/scpatch/scpatch/cmd/scpatch/internal/report"
	"github.com/scpatch/scpatch/elfrw"
)

// A batch keeps a result for each file until all have been processed. For a
// single file it keeps nothing, because the output for that file says
// everything.
type batch[T any] struct {
	files []string
	mu    sync.Mutex
	known map[string][]T // several if a file is named several times
}

func newBatch[T any](files []string) *batch[T] {
	if len(files) < 2 {
		return nil
	}
	return &batch[T]{files: files, known: map[string][]T{}}
}

func (b *batch[T]) add(path string, v T) {
	if b == nil {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.known[path] = append(b.known[path], v)
}

// all visits the results in the order of the files.
func (b *batch[T]) all() iter.Seq[T] {
	return func(yield func(T) bool) {
		taken := map[string]int{}
		for _, path := range b.files {
			n := taken[path]
			taken[path]++
			if n < len(b.known[path]) && !yield(b.known[path][n]) {
				return
			}
		}
	}
}

// An outcome says what became of a file. For an archive, it is the greatest of its
// members'.
type outcome int

const (
	unchanged outcome = iota
	patched
	rejected // bad input
	failed   // it could not be read or written
)

// A patchedFile is the result for a file that was to be patched.
type patchedFile struct {
	outcome outcome
	total   report.Total
}

// patchedFile returns the result for a file, with its total if the batch prints
// one.
func (p *patcher) patchedFile(name string, plan filePlan, image *elfrw.Image) (f patchedFile) {
	if !image.Unchanged() {
		f.outcome = patched
	}
	if p.batch != nil {
		f.total = report.NewTotal(name, plan)
	}
	return f
}

// addMember adds the result for a member, if the file is an archive.
func (f *patchedFile) addMember(m patchedFile) {
	f.outcome = max(f.outcome, m.outcome)
	f.total.Add(m.total)
	f.total.Files = 1
}

// failed adds a member that had an error.
func (f *patchedFile) failed(_ string, err error) { f.addMember(failedFile(err)) }

// failedFile returns the result for a file that had an error.
func failedFile(err error) patchedFile {
	if exitCode(err) == ExitIO {
		return patchedFile{outcome: failed}
	}
	return patchedFile{outcome: rejected}
}

// warnOfAll warns about the sites that stay in a batch, once for each reason,
// and says what became of the files.
func (p *patcher) warnOfAll() string {
	var files [failed + 1]int
	var total report.Total
	seen, keeping := 0, 0
	for f := range p.batch.all() {
		seen++
		files[f.outcome]++
		total.Add(f.total)
		if len(f.total.Stays) > 0 {
			keeping++
		}
	}
	for _, s := range total.Stays {
		p.log.WithField("reason", s.Reason.String()).Warn(total.Warning(s))
	}
	done := "patched"
	if p.dryRun {
		done = "to patch"
	}
	text := fmt.Sprintf("%d files: %d %s", len(p.batch.files), files[patched], done)
	for _, other := range []struct {
		n    int
		what string
	}{
		{files[unchanged], "unchanged"},
		{files[rejected], "rejected"},
		{files[failed], "could not be read or written"},
		{len(p.batch.files) - seen, "not looked at"},
	} {
		if other.n > 0 {
			text += fmt.Sprintf(", %d %s", other.n, other.what)
		}
	}
	text += fmt.Sprintf("; %s: %s", report.Number(total.Sites, "site"), total.Forms)
	if keeping > 0 {
		text += " in " + report.Number(keeping, "file")
	}
	p.log.Info(text)
	return ""
}

// listedInAll returns the last line of the tables of several files.
func listedInAll(b *batch[report.Total], chosen *choice) string {
	var total report.Total
	with := 0
	for t := range b.all() {
		total.Add(t)
		if t.Chosen > 0 {
			with++
		}
	}
	if chosen.All() {
		return fmt.Sprintf("total: %s, %s: %s\n", ofFiles(total.Files, b.files), report.Number(total.Sites, "site"), total.Forms)
	}
	return fmt.Sprintf("total: %s, %d of %s: %s\n", ofFiles(with, b.files), total.Chosen, report.Number(total.Sites, "site"), total.Forms)
}

// A verifiedFile is the result of verifying a file.
type verifiedFile struct{ sites, faults int }

// verifiedInAll returns the last line that verify prints for several files.
func verifiedInAll(b *batch[verifiedFile]) string {
	n, sites, faults, bad := 0, 0, 0, 0
	for f := range b.all() {
		n++
		sites += f.sites
		faults += f.faults
		if f.faults > 0 {
			bad++
		}
	}
	text := fmt.Sprintf("total: %s, %s, ", ofFiles(n, b.files), report.Number(sites, "site"))
	if faults == 0 {
		return text + "none wrong\n"
	}
	return text + fmt.Sprintf("%d wrong in %s\n", faults, report.Number(bad, "file"))
}

// ofFiles returns "N files", or "n of N files" if n is not all.
func ofFiles(n int, all []string) string {
	if n == len(all) {
		return fmt.Sprintf("%d files", n)
	}
	return fmt.Sprintf("%d of %d files", n, len(all))
}
