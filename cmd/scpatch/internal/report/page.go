// SPDX-License-Identifier: BSD-3-Clause

package report

import (
	"crypto/sha256"
	_ "embed" // the parts of the page
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/scpatch/scpatch/elfrw"
	"github.com/scpatch/scpatch/sites"
	"github.com/scpatch/scpatch/sites/errkind"
)

// The parts of the page. It contains the scripts as one.
var (
	//go:embed page/page.html
	pageHTML string
	//go:embed page/page.css
	pageCSS string
	//go:embed page/narrow.css
	narrowCSS string
	//go:embed page/data.js
	dataJS string
	//go:embed page/search.js
	searchJS string
	//go:embed page/charts.js
	chartsJS string
	//go:embed page/summary.js
	summaryJS string
	//go:embed page/grid.js
	gridJS string
	//go:embed page/detail.js
	detailJS string
	//go:embed page/address.js
	addressJS string
	//go:embed page/page.js
	pageJS string
)

// A pageSite is one site of the page: for list the site; for compare the site in the
// old and in the new listing, nil in one that does not have it.
type pageSite struct {
	file   string
	now    *Site
	change Change // for compare, otherwise empty
	was    *Site
}

// site returns the site as it is now, or as it was if it is gone.
func (p *pageSite) site() *Site {
	if p.now != nil {
		return p.now
	}
	return p.was
}

// A pageData is the JSON data of the page. Each column has a number for each
// site. For texts, the number is an index into Strings, because 100,000 sites
// have few different texts; the first string is empty.
type pageData struct {
	Version     int                 `json:"version"`
	Compare     bool                `json:"compare"`
	Listings    []pageListing       `json:"listings"`    // one, or the old and the new
	Differences []string            `json:"differences"` // between the listings; see [Differences]
	Strings     []string            `json:"strings"`
	Forms       []pageForm          `json:"forms"`   // the cheapest first
	Changes     []Change            `json:"changes"` // the worst first; empty if not Compare
	Help        map[string]pageHelp `json:"help"`    // for the reasons and kinds of errors that occur, by name
	Columns     map[string][]uint64 `json:"columns"`
	Cost        []int               `json:"cost"`
	WasCost     []int               `json:"was_cost,omitempty"`
}

// A pageListing describes a listing on the page.
type pageListing struct {
	Made   []Origin    `json:"made"`  // each once
	Files  int         `json:"files"` // how many were listed
	Failed []pageError `json:"failed"`
}

// A pageError is a file that could not be listed.
type pageError struct {
	File string `json:"file"`
	FileError
}

// A pageHelp is what the catalogue says about a reason or a kind of error. Names in the
// texts are in backquotes.
type pageHelp struct {
	Summary string `json:"summary"`
	ToDo    string `json:"todo"`
}

// newListing describes the files of a listing. If there are none, how says how it was
// made.
func newListing(files []File, how *Origin) pageListing {
	l := pageListing{Made: []Origin{}, Failed: []pageError{}}
	add := func(o *Origin) {
		if o != nil && !slices.ContainsFunc(l.Made, func(m Origin) bool { return m.same(o) }) {
			l.Made = append(l.Made, *o)
		}
	}
	for i := range files {
		f := &files[i]
		add(f.origin())
		if f.Error != nil {
			l.Failed = append(l.Failed, pageError{f.File, *f.Error})
		} else {
			l.Files++
		}
	}
	if len(files) == 0 {
		add(how)
	}
	return l
}

// newHelp returns the help for the reasons and kinds of errors that occur.
func newHelp(all []pageSite, listings []pageListing) map[string]pageHelp {
	used := map[string]bool{}
	for i := range all {
		for _, s := range []*Site{all[i].now, all[i].was} {
			if s != nil {
				used[s.Reason.String()] = true
			}
		}
	}
	for i := range listings {
		for _, e := range listings[i].Failed {
			used[e.Kind] = true
		}
	}
	help := map[string]pageHelp{}
	for _, e := range Catalogue() {
		if used[e.Name] {
			help[e.Name] = pageHelp{e.marked(0), e.marked(e.paragraph("What to do: "))}
		}
	}
	return help
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

// newPageData makes the columns of the sites. It takes one listing, or two that are
// compared.
func newPageData(all []pageSite, listings ...pageListing) *pageData {
	compare := len(listings) > 1
	d := &pageData{
		Version: Version, Compare: compare, Listings: listings, Differences: []string{}, Columns: map[string][]uint64{},
		Changes: []Change{}, Help: newHelp(all, listings), Cost: make([]int, len(all)),
	}
	for _, f := range sites.Forms() {
		d.Forms = append(d.Forms, pageForm{f, formTexts[f]})
	}
	c := newColumns(d)
	for i := range all {
		c.site(&all[i])
		d.Cost[i] = all[i].site().Cost
	}
	if !compare {
		return d
	}
	d.Changes = changes
	d.WasCost = make([]int, len(all))
	for i := range all {
		c.change(&all[i])
		if was := all[i].was; was != nil {
			d.WasCost[i] = was.Cost
		}
	}
	return d
}

// pageColumns appends to the columns of a page.
type pageColumns struct {
	*pageData
	texts map[string]uint64 // index in Strings
}

func newColumns(d *pageData) pageColumns {
	d.Strings = []string{""}
	return pageColumns{d, map[string]uint64{"": 0}}
}

func (c pageColumns) number(column string, n uint64) {
	c.Columns[column] = append(c.Columns[column], n)
}

func (c pageColumns) text(column, s string) {
	i, ok := c.texts[s]
	if !ok {
		i = uint64(len(c.Strings))
		c.texts[s] = i
		c.Strings = append(c.Strings, s)
	}
	c.number(column, i)
}

// site appends a site as it is now or, if it is gone, as it was, without a form.
func (c pageColumns) site(p *pageSite) {
	s := p.site()
	c.text("file", p.file)
	c.text("section", s.Section)
	c.number("offset", s.Offset)
	c.text("function", s.Function)
	c.text("symbol", s.Symbol)
	c.number("function_offset", s.FuncOff)
	c.text("key", s.Key)
	c.text("target", s.Target)
	c.text("form", formName(p.now))
	c.text("proof", s.Proof)
	c.text("reason", s.Reason.String())
	c.text("why", s.Why)
	c.number("flags", pageFlags(s))
	c.text("before", s.Before[0])
	c.text("before_slot", s.Before[1])
	c.text("after", s.After[0])
	c.text("after_slot", s.After[1])
}

// change appends what became of a site and what it was before, if it existed.
func (c pageColumns) change(p *pageSite) {
	c.text("change", string(p.change))
	c.text("was", formName(p.was))
	was := p.was
	if was == nil {
		was = &Site{}
	}
	c.number("was_offset", was.Offset)
	c.number("was_function_offset", was.FuncOff)
	c.text("was_target", was.Target)
	c.text("was_reason", was.Reason.String())
	c.text("was_after", was.After[0])
	c.text("was_after_slot", was.After[1])
}

// formName returns the form of a site, or "" for nil.
func formName(s *Site) string {
	if s == nil {
		return ""
	}
	return s.Form.String()
}

func pageFlags(s *Site) (flags uint64) {
	for i, set := range []bool{s.Tail, s.NoTOC, s.Done, s.Listed} {
		if set {
			flags |= 1 << i
		}
	}
	return flags
}

// WritePage writes the page of the files, of which there may be none.
func WritePage(path string, how Origin, files []File) error {
	title, data := listPage(how, files)
	return writePage(path, title, data)
}

// PrintPage prints the page that WritePage writes.
func PrintPage(out io.Writer, how Origin, files []File) error {
	title, data := listPage(how, files)
	return printPage(out, title, data)
}

func listPage(how Origin, files []File) (title string, data *pageData) {
	var names []string
	var all []pageSite
	for i := range files {
		f := &files[i]
		names = append(names, f.File)
		for j := range f.Sites {
			all = append(all, pageSite{file: f.File, now: &f.Sites[j]})
		}
	}
	return pageTitle(names), newPageData(all, newListing(files, &how))
}

// WriteComparePage writes the page of two listings.
func WriteComparePage(path string, old, new []File, views []Comparison) error {
	title, data := comparePage(old, new, views)
	return writePage(path, title, data)
}

// PrintComparePage prints the page that WriteComparePage writes.
func PrintComparePage(out io.Writer, old, new []File, views []Comparison) error {
	title, data := comparePage(old, new, views)
	return printPage(out, title, data)
}

func comparePage(old, new []File, views []Comparison) (title string, data *pageData) {
	var files []string
	var all []pageSite
	for i := range views {
		v := &views[i]
		files = append(files, v.name())
		for j := range v.all {
			p := &v.all[j]
			all = append(all, pageSite{v.name(), p.New, p.Change, p.Old})
		}
	}
	data = newPageData(all, newListing(old, nil), newListing(new, nil))
	data.Differences = append(data.Differences, Differences(views)...)
	return pageTitle(files) + ", old and new", data
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
	script, style := dataJS+searchJS+chartsJS+summaryJS+gridJS+detailJS+addressJS+pageJS, pageCSS+narrowCSS
	values, err := json.Marshal(data) // escapes < > &
	if err != nil {
		return nil, err
	}
	fields := ""
	if data.Compare {
		fields = ", change, was, now"
	}
	// The page loads nothing, and no other script runs.
	policy := fmt.Sprintf("default-src 'none'; base-uri 'none'; form-action 'none'; img-src data:; style-src '%s'; script-src '%s'",
		hash(style), hash(script))
	// Not html/template, which would slow down the start of every run of
	// scpatch.
	return []byte(strings.NewReplacer(
		"<!-- SPDX-License-Identifier: BSD-3-Clause -->", "",
		"{{Title}}", markup.Replace(title),
		"{{Policy}}", markup.Replace(policy),
		"{{Fields}}", fields,
		"{{Style}}", style,
		"{{Data}}", string(values),
		"{{Script}}", script,
	).Replace(pageHTML)), nil
}

// markup escapes a text for HTML outside scripts.
var markup = strings.NewReplacer("\x00", "\uFFFD", "&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&#34;", "'", "&#39;", "+", "&#43;")

// replaceablePage returns an error if the file exists and is not a page: list
// --html *.o must not overwrite the first object.
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
		return &errkind.Error{Kind: errkind.NotAPage, Err: &fs.PathError{Op: "write", Path: path, Err: errors.New("this is not such a page, and is left as it is")}}
	}
	return nil
}

// pageStart is how a page begins.
const pageStart = "<!DOCTYPE html>"

// hash returns the source expression for an inline script or style in a content
// security policy.
func hash(text string) string {
	sum := sha256.Sum256([]byte(text))
	return "sha256-" + base64.StdEncoding.EncodeToString(sum[:])
}

// pageTitle returns what the page is about.
func pageTitle(files []string) string {
	switch len(files) {
	case 0:
		return "no file"
	case 1:
		return filepath.Base(files[0])
	}
	return fmt.Sprintf("%d files", len(files))
}
