// SPDX-License-Identifier: BSD-3-Clause

package cli

import (
	"bytes"
	"context"
	"sync"

	"github.com/scpatch/scpatch/cmd/scpatch/internal/report"
	"github.com/scpatch/scpatch/sites/errkind"
	"github.com/sirupsen/logrus"
)

// A sarif collects what is found in files, for one log of all. A nil one collects
// nothing.
type sarif struct {
	files []string
	mu    sync.Mutex
	found map[string][]func(*report.Sarif) // by path; empty if the file was not looked at
}

func newSarif(files []string) *sarif {
	return &sarif{files: files, found: map[string][]func(*report.Sarif){}}
}

// fileSarif collects what is found in a file or in the members of an archive.
type fileSarif struct {
	all  *sarif
	path string
}

func (s *sarif) of(path string) fileSarif { return fileSarif{s, path} }

// add keeps a step to take with the log.
func (f fileSarif) add(do func(*report.Sarif)) {
	if f.all == nil {
		return
	}
	f.all.mu.Lock()
	defer f.all.mu.Unlock()
	f.all.found[f.path] = append(f.all.found[f.path], do)
}

// failed keeps an error about a file or a member.
func (f fileSarif) failed(name string, err error) {
	f.add(func(l *report.Sarif) { l.AddError(name, errkind.Of(err), withoutPath(err, f.path)) })
}

// job is a job that keeps the errors of files, too.
func (s *sarif) job(do job) job {
	if s == nil {
		return do
	}
	return func(ctx context.Context, path string, out *bytes.Buffer, log *logrus.Entry) (int, error) {
		code, err := do(ctx, path, out, log)
		if err != nil {
			s.of(path).failed(path, err)
		}
		s.of(path).add(func(*report.Sarif) {}) // it was looked at
		return code, err
	}
}

// text is the log.
func (s *sarif) text() string {
	l := report.NewSarif(versionText())
	done := map[string]bool{}
	for _, path := range s.files {
		if len(s.found[path]) == 0 {
			l.Incomplete()
		}
		for _, do := range s.found[path] {
			if !done[path] {
				do(l)
			}
		}
		done[path] = true
	}
	var b bytes.Buffer
	_ = report.WriteJSON(&b, l) // strings and numbers
	return b.String()
}
