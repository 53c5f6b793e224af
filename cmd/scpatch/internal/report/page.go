// SPDX-License-Identifier: BSD-3-Clause

package report

import (
	"bytes"
	"crypto/sha256"
	_ "embed" // the parts of the page
	"encoding/base64"
	"errors"
	"fmt"
	"html/template"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/scpatch/scpatch/elfrw"
	"github.com/scpatch/scpatch/sites"
	"github.com/scpatch/scpatch/sites/errkind"
)

// The parts of the page. The scripts are one when it is written.
var (
	//go:embed page/page.html
	pageHTML string
	//go:embed page/page.css
	pageCSS string
	//go:embed page/data.js
	dataJS string
	//go:embed page/charts.js
	chartsJS string
	//go:embed page/grid.js
	gridJS string
	//go:embed page/detail.js
	detailJS string
	//go:embed page/page.js
	pageJS string
)

// A pageSite is one site of the page.
type pageSite struct {
	file   string
	site   *Site
	change Change // of compare, else empty
	was    *Site  // the same site in the old listing
}

// A pageData is what the page shows, as it stands in its JSON. Each column has a
// number for each site; those of texts are indices into Strings, where the empty
// text is the first: 100,000 sites repeat few of them.
type pageData struct {
	Version int                 `json:"version"`
	Compare bool                `json:"compare"`
	Strings []string            `json:"strings"`
	Forms   []pageForm          `json:"forms"`   // the cheapest first
	Changes []Change            `json:"changes"` // the worst first; empty if not Compare
	Columns map[string][]uint64 `json:"columns"`
	Cost    []int               `json:"cost"`
}

// A pageForm explains a form.
type pageForm struct {
	Name sites.Form `json:"name"`
	Text string     `json:"text"`
}

var formTexts = map[sites.Form]string{
	sites.Constant: "The branch becomes what the call would do: nothing, or 0 as the result.",
	sites.Direct:   "The branch goes to the function itself. The linker, or the module loader, takes care of r2.",
	sites.Stack:    "The slot loads r2 from 24(r1), where it is provably saved.",
	sites.PACA:     "The slot loads r2 from the PACA.",
	sites.SaveStub: "The branch goes to a stub that saves r2 and jumps through the key. The slot restores r2.",
	sites.Linker:   "The trampoline has local entry 1: the linker saves r2 and restores it.",
	sites.Shadow:   "The branch goes to a stub that keeps the return address on a stack of the thread's own.",
	sites.Keep:     "The site stays on its trampoline, and is as right as it was compiled.",
}

// Bits of the column of flags.
const (
	pageTail = 1 << iota
	pageNoTOC
	pageDone
	pageListed
)

func newPageData(all []pageSite, compare bool) *pageData {
	d := &pageData{Version: Version, Compare: compare, Columns: map[string][]uint64{}, Changes: []Change{}}
	for _, f := range sites.Forms() {
		d.Forms = append(d.Forms, pageForm{f, formTexts[f]})
	}
	texts := map[string]uint64{}
	number := func(column string, n uint64) { d.Columns[column] = append(d.Columns[column], n) }
	text := func(column, s string) {
		i, ok := texts[s]
		if !ok {
			i = uint64(len(d.Strings))
			texts[s] = i
			d.Strings = append(d.Strings, s)
		}
		number(column, i)
	}
	text("none", "")
	delete(d.Columns, "none")
	d.Cost = make([]int, len(all))
	for i := range all {
		s := all[i].site
		text("file", all[i].file)
		text("section", s.Section)
		number("offset", s.Offset)
		text("function", s.Function)
		text("symbol", s.Symbol)
		number("function_offset", s.FuncOff)
		text("key", s.Key)
		text("target", s.Target)
		text("form", s.Form.String())
		d.Cost[i] = s.Cost
		text("proof", s.Proof)
		text("reason", s.Reason.String())
		text("why", s.Why)
		number("flags", pageFlags(s))
		text("before", s.Before[0])
		text("before_slot", s.Before[1])
		text("after", s.After[0])
		text("after_slot", s.After[1])
		if !compare {
			continue
		}
		text("change", string(all[i].change))
		was := all[i].was
		if was == nil {
			was = s
		}
		number("was_offset", was.Offset)
		text("was", was.Form.String())
		text("was_after", was.After[0])
		text("was_after_slot", was.After[1])
	}
	if compare {
		d.Changes = changes
	}
	return d
}

func pageFlags(s *Site) (flags uint64) {
	for i, set := range []bool{s.Tail, s.NoTOC, s.Done, s.Listed} {
		if set {
			flags |= 1 << i
		}
	}
	return flags
}

// WritePage writes the page of these files, if there are any.
func WritePage(path string, files []File) error {
	if len(files) == 0 {
		return nil
	}
	title, data := listPage(files)
	return writePage(path, title, data)
}

// PrintPage prints what WritePage writes.
func PrintPage(out io.Writer, files []File) error {
	if len(files) == 0 {
		return nil
	}
	title, data := listPage(files)
	return printPage(out, title, data)
}

func listPage(files []File) (title string, data *pageData) {
	var names []string
	var all []pageSite
	for i := range files {
		f := &files[i]
		names = append(names, f.File)
		for j := range f.Sites {
			all = append(all, pageSite{file: f.File, site: &f.Sites[j]})
		}
	}
	return pageTitle(names), newPageData(all, false)
}

// WriteComparePage writes the page of two listings.
func WriteComparePage(path string, views []Comparison) error {
	title, data := comparePage(views)
	return writePage(path, title, data)
}

// PrintComparePage prints what WriteComparePage writes.
func PrintComparePage(out io.Writer, views []Comparison) error {
	title, data := comparePage(views)
	return printPage(out, title, data)
}

func comparePage(views []Comparison) (title string, data *pageData) {
	var files []string
	var all []pageSite
	for i := range views {
		v := &views[i]
		files = append(files, v.name())
		for j := range v.all {
			p := &v.all[j]
			all = append(all, pageSite{v.name(), p.site(), p.Change, p.Old})
		}
	}
	return pageTitle(files) + ", old and new", newPageData(all, true)
}

// writePage writes the page to a file.
func writePage(path, title string, data *pageData) error {
	page, err := makePage(title, data)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	if err := replaceablePage(path); err != nil {
		return err
	}
	return elfrw.WriteFile(path, page)
}

// printPage writes the page to out.
func printPage(out io.Writer, title string, data *pageData) error {
	page, err := makePage(title, data)
	if err == nil {
		_, err = out.Write(page)
	}
	return err
}

func makePage(title string, data *pageData) ([]byte, error) {
	script := dataJS + chartsJS + gridJS + detailJS + pageJS
	var page bytes.Buffer
	// Parsed here: every other run would pay for it.
	err := template.Must(template.New("page").Parse(pageHTML)).Execute(&page, map[string]any{
		"Title": title,
		// Nothing is loaded, and no script runs but this one.
		"Policy": fmt.Sprintf("default-src 'none'; base-uri 'none'; form-action 'none'; img-src data:; style-src '%s'; script-src '%s'",
			hash(pageCSS), hash(script)),
		"Style":  template.CSS(pageCSS),
		"Script": template.JS(script),
		"Data":   data,
	})
	return page.Bytes(), err
}

// replaceablePage returns an error if a file is there that is no page: after
// list --html *.o the first object would be gone.
func replaceablePage(path string) error {
	if err := elfrw.Replaceable(path); err != nil {
		return err
	}
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer f.Close()
	head := make([]byte, len(pageStart))
	if n, _ := io.ReadFull(f, head); n > 0 && string(head[:n]) != pageStart {
		return &errkind.Error{Kind: errkind.NotAPage, Err: &fs.PathError{Op: "write", Path: path, Err: errors.New("this is not such a page, and stays as it is")}}
	}
	return nil
}

// pageStart is how a page begins.
const pageStart = "<!DOCTYPE html>"

// hash is the source of an inline script or style in a content security policy.
func hash(text string) string {
	sum := sha256.Sum256([]byte(text))
	return "sha256-" + base64.StdEncoding.EncodeToString(sum[:])
}

// pageTitle names what the page is about.
func pageTitle(files []string) string {
	if len(files) == 1 {
		return filepath.Base(files[0])
	}
	return fmt.Sprintf("%d files", len(files))
}
