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

// A sarif collects results of files for one log. A nil sarif collects nothing.
type sarif struct {
	files []string
	mu    sync.Mutex
	found map[string][]func(*report.Sarif) // by path; empty if the file was not processed
}

func newSarif(files []string) *sarif {
	return &sarif{files: files, found: map[string][]func(*report.Sarif){}}
}

// A fileSarif collects the results of one file or archive.
type fileSarif struct {
	all  *sarif
	path string
}

func (s *sarif) of(path string) fileSarif { return fileSarif{s, path} }

// add adds a step that writes to the log.
func (f fileSarif) add(do func(*report.Sarif)) {
	if f.all == nil {
		return
	}
	f.all.mu.Lock()
	defer f.all.mu.Unlock()
	f.all.found[f.path] = append(f.all.found[f.path], do)
}

// failed adds an error about a file or a member.
func (f fileSarif) failed(name string, err error) {
	f.add(func(l *report.Sarif) { l.AddError(name, errkind.Of(err), withoutPath(err, f.path)) })
}

// job returns a job that also collects errors about files.
func (s *sarif) job(do job) job {
	if s == nil {
		return do
	}
	return func(ctx context.Context, path string, out *bytes.Buffer, log *logrus.Entry) (int, error) {
		code, err := do(ctx, path, out, log)
		if err != nil {
			s.of(path).failed(path, err)
		}
		s.of(path).add(func(*report.Sarif) {}) // it was processed
		return code, err
	}
}

// text returns the log.
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
	_ = report.WriteJSON(&b, l) // cannot fail
	return b.String()
}
