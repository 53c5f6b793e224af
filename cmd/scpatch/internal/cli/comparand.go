// SPDX-License-Identifier: BSD-3-Clause

package cli

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"debug/elf"
	"io"
	"os"

	"github.com/scpatch/scpatch/cmd/scpatch/internal/report"
	"github.com/scpatch/scpatch/elfrw"
	"github.com/scpatch/scpatch/sites"
	"github.com/scpatch/scpatch/sites/errkind"
	"github.com/sirupsen/logrus"
)

// A comparand is one of the two files to compare: a listing, or a file that can
// be listed.
type comparand struct {
	path   string
	object bool
	text   *bufio.Reader
	data   []byte   // the content of standard input
	file   *os.File // nil for standard input
}

// openComparand opens a file and looks at its start. It opens it only once,
// because the file may be a pipe.
func openComparand(ctx context.Context, path string) (in *comparand, err error) {
	in = &comparand{path: path}
	var from io.Reader
	if path == dash {
		in.data, err = readStdin(ctx)
		from = bytes.NewReader(in.data)
	} else {
		in.file, err = os.Open(path)
		from = in.file
	}
	if err != nil {
		return nil, err
	}
	in.text = bufio.NewReader(from)
	head, _ := in.text.Peek(8) // an error recurs on the next read
	archive := elfrw.IsArchive(head)
	if archive && in.file == nil {
		return nil, errkind.Archive.Errorf("an archive cannot be read from standard input; name its file")
	}
	in.object = archive || bytes.HasPrefix(head, []byte(elf.ELFMAG))
	return in, nil
}

// Close closes the file.
func (in *comparand) Close() error {
	if in.file == nil {
		return nil
	}
	return in.file.Close()
}

// read reads a listing, or lists an object.
func (in *comparand) read(ctx context.Context, opts sites.Options, how report.Origin, log *logrus.Entry) (files []report.File, err error) {
	list := func(name string, f *elfrw.File, _ *logrus.Entry) (int, error) {
		s, err := sitesToList(f, opts)
		if err == nil {
			files = append(files, how.NewFile(name, s))
		}
		return ExitDone, err
	}
	switch {
	case !in.object:
		return report.ReadListing(in.text)
	case in.file != nil:
		var first error // of a member
		_, err = withObjects(ctx, in.path, log, func(_ string, err error) { first = cmp.Or(first, err) }, list)
		if err = cmp.Or(err, first); err == nil && len(files) == 0 {
			err = errkind.BadListing.Errorf("empty: the archive has no members")
		}
		return files, err
	}
	f, err := elfrw.New(in.data)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	err = f.Guard(func() error {
		_, err := list(in.path, f, nil)
		return err
	})
	return files, err
}
