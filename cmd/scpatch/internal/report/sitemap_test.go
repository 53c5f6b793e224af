// SPDX-License-Identifier: BSD-3-Clause

package report

import (
	"fmt"
	"net/url"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/chromedp/chromedp/kb"
	"github.com/google/go-cmp/cmp"
	"github.com/scpatch/scpatch/cmd/scpatch/internal/clitest"
	"github.com/scpatch/scpatch/sites"
	"github.com/scpatch/scpatch/sites/errkind"
)

// TestBrowser uses the page as a reader does, in Chromium.
func TestBrowser(t *testing.T) {
	c := startChromium(t)
	for name, test := range map[string]func(*testing.T, *chromium){
		"Numbers":         browserNumbers,
		"Search":          browserSearch,
		"Terms":           browserTerms,
		"Address":         browserAddress,
		"BadLinks":        browserBadLinks,
		"Groups":          browserGroups,
		"Directories":     browserDirectories,
		"Remedy":          browserRemedy,
		"Empty":           browserEmpty,
		"Sort":            browserSort,
		"Links":           browserLinks,
		"Keyboard":        browserKeyboard,
		"Click":           browserClick,
		"Compare":         browserCompare,
		"HundredThousand": browserHundredThousand,
		"Hostile":         browserHostile,
		"Narrow":          browserNarrow,
	} {
		t.Run(name, func(t *testing.T) { test(t, c) })
	}
}

// pageObjects have sites of many forms, of the same functions in several files,
// of tail calls, callers without a TOC pointer and C++.
var pageObjects = []string{
	"gcc-p8-O2-update.o", "gcc-p8-O2-weak.o", "asm-tail.o", "asm-slots.o", "clang-p8-O2-cxx_a.o", "gcc-p10-O2-sites.o",
}

// countsOf counts sites by a property.
func countsOf(files []File, of func(*Site) string) map[string]int {
	n := map[string]int{}
	for i := range files {
		for j := range files[i].Sites {
			n[of(&files[i].Sites[j])]++
		}
	}
	return n
}

// chart reads a chart of the page.
func (b *browser) chart(name string) map[string]int {
	b.Helper()
	return eval[map[string]int](b, fmt.Sprintf(`Object.fromEntries([...document.querySelectorAll('[data-chart=%s] li button')].map((e) =>
		[e.dataset.name || "(none)", Number(e.querySelector(".number:not(.was)").textContent.replace(/[^0-9]/g, ""))]))`, name))
}

func browserNumbers(t *testing.T, c *chromium) {
	address, files := listedPage(t, append(slices.Clone(pageObjects), "clang-p10-O2-sites.o")...)
	b := c.open(t, address, 1600, 800)
	total, kept, keys, functions := 0, 0, map[string]bool{}, map[[2]string]bool{}
	names := map[string]bool{}
	want := []tableRow{}
	for _, f := range files {
		total += len(f.Sites)
		for i := range f.Sites {
			s := &f.Sites[i]
			keys[s.Key], functions[[2]string{f.File, s.Symbol}], names[s.Symbol] = true, true, true
			if s.Form == sites.Keep {
				kept++
			}
			cost := strings.ReplaceAll(fmt.Sprint(s.Cost), "-1", "-")
			want = append(want, tableRow{"key": s.Key, "function": s.where(), "section": s.Section, "file": f.File, "form": s.Form.String(), "cost": cost, "reason": s.Reason.String()})
		}
	}
	if len(names) == len(functions) {
		t.Error("no two files have functions of one name")
	}
	b.equal("the answer", b.content("answer"), fmt.Sprintf("0 of %d sites are direct or constant; %d restore r2, %d stay on their trampolines.", total, total-kept, kept))
	b.equal("the numbers below", b.content("totals"), fmt.Sprintf("%d keys, called in %d functions of %d files", len(keys), len(functions), len(files)))
	b.equal("the matches", b.matches(), fmt.Sprintf("%d sites", total))
	b.equal("aria-rowcount", eval[string](b, `document.getElementById("grid").ariaRowCount`), fmt.Sprint(total+1))
	if diff := cmp.Diff(want, b.table()); diff != "" {
		t.Errorf("list --json has -, the table has +\n%s", diff)
	}
	if diff := cmp.Diff(countsOf(files, func(s *Site) string { return s.Form.String() }), b.chart("form")); diff != "" {
		t.Errorf("list --json has -, the chart of forms has +\n%s", diff)
	}
	if diff := cmp.Diff(countsOf(files, func(s *Site) string { return s.Reason.String() }), b.chart("reason")); diff != "" {
		t.Errorf("list --json has -, the chart of reasons has +\n%s", diff)
	}
	// Shares are relative to all sites, and those of the forms add up.
	shares := eval[float64](b, `[...document.querySelectorAll("[data-chart=form] .share")].reduce((sum, e) => sum + parseFloat(e.textContent), 0)`)
	if shares < 99.5 || shares > 100.5 {
		t.Errorf("the shares of the forms add up to %v %%", shares)
	}
	for part, of := range map[string]func(*Site) string{
		"section": func(s *Site) string { return s.Section },
		"reason":  func(s *Site) string { return s.Reason.String() },
	} {
		b.pick("part", part)
		eval[bool](b, `document.getElementById("part").dispatchEvent(new Event("change"))`)
		wanted := countsOf(files, of)
		if n, ok := wanted[""]; ok {
			delete(wanted, "")
			wanted["(none)"] = n
		}
		if diff := cmp.Diff(wanted, b.chart("part")); diff != "" || len(wanted) < 2 {
			t.Errorf("list --json has -, the chart by %s has +\n%s", part, diff)
		}
	}
}

// browserGroups goes to the last group of the keys.
func browserGroups(t *testing.T, c *chromium) {
	address, files := listedPage(t, pageObjects...)
	b := c.open(t, address, 1280, 800)
	b.pick("part", "key")
	want := countsOf(files, func(s *Site) string { return s.Key })
	b.equal("groups at first", len(b.chart("part")), 12)
	for range 5 {
		if eval[bool](b, `document.getElementById("more") !== null`) {
			b.click("#more")
		}
	}
	if diff := cmp.Diff(want, b.chart("part")); diff != "" {
		t.Errorf("list --json has -, the chart has +\n%s", diff)
	}
	b.click("#charts li:last-child button")
	last := eval[string](b, `charts.filters.part`)
	b.equal("its sites", len(b.table()), want[last])
	b.click("#fewer")
	if n := b.chart("part"); len(n) != 13 || n[last] != want[last] {
		t.Errorf("the pressed group is not among the first: %v", n)
	}
}

// browserDirectories counts files by their directories.
func browserDirectories(t *testing.T, c *chromium) {
	var files []File
	for _, f := range []string{"mm/built-in.a(a.o)", "mm/built-in.a(b.o)", "fs/x.o", "fs/proc/y.o", "fs/proc/z.o", "top.o"} {
		files = append(files, listed(t, f, "f:a:direct g:b:keep"))
	}
	path := filepath.Join(t.TempDir(), "page.html")
	if err := WritePage(path, testOrigin, files); err != nil {
		t.Fatal(err)
	}
	b := c.open(t, fileURL(path), 1280, 800)
	b.equal("directories", fmt.Sprint(b.chart("part")), "map[fs/proc/…:4 fs/…:2 mm/…:4 top.o:2]")
	b.equal("files", fmt.Sprint(eval[[]string](b, `[...new Set([...document.querySelectorAll("#rows .cell-file")].map((e) => e.textContent))]`)), "[a.o b.o x.o y.o z.o top.o]")
	b.equal("functions", b.content("totals"), "2 keys, called in 12 functions of 6 files")
}

// browserRemedy reads the remedy for each kept site.
func browserRemedy(t *testing.T, c *chromium) {
	address, files := listedPage(t, pageObjects...)
	b := c.open(t, address, 1280, 800)
	catalogue := map[string]Entry{}
	for _, e := range Catalogue() {
		catalogue[e.Name] = e
	}
	n := 0
	for _, f := range files {
		for i := range f.Sites {
			s := &f.Sites[i]
			if s.Form != sites.Keep {
				continue
			}
			n++
			b.follow(linkTo(f.File, s, true))
			e := catalogue[s.Reason.String()]
			want := "What to do" + strings.ReplaceAll(e.marked(e.paragraph("What to do: ")), "`", "") + "More: scpatch explain " + e.Name
			b.equal("what to do for "+s.where(), eval[string](b, `document.querySelector(".remedy")?.textContent ?? detail.textContent`), want)
		}
	}
	if n == 0 {
		t.Error("no site is kept")
	}
}

// browserEmpty opens pages without sites: each says why it has none.
func browserEmpty(t *testing.T, c *chromium) {
	clitest.InObjects(t)
	none := list(t, sites.Options{}, "gcc-p8-O2-ret0.o")
	bad := testOrigin.Failed("bad.o", errkind.BadCall, "what is wrong")
	for name, p := range map[string]struct {
		files []File
		want  string
	}{
		"a file without sites": {none, "No static calls"},
		"a bad file":           {[]File{bad}, "No file could be listed"},
		"no file":              {nil, "No file was listed"},
	} {
		path := filepath.Join(t.TempDir(), "page.html")
		if err := WritePage(path, testOrigin, p.files); err != nil {
			t.Fatal(err)
		}
		b := c.open(t, fileURL(path), 1280, 800)
		b.equal(name, eval[string](b, `document.querySelector("#nothing h2").textContent`), p.want)
		made := b.content("made")
		if !strings.Contains(made, "scpatch 0.1.0 (test) · --user") || strings.Contains(made, "bad.o: what is wrong bad-call") != (len(p.files) > 0 && p.files[0].Error != nil) {
			t.Errorf("%s: %q", name, made)
		}
		b.slash()
		b.press(kb.ArrowDown + kb.End + kb.Enter)
	}
}

func browserSort(t *testing.T, c *chromium) {
	address, _ := listedPage(t, pageObjects...)
	b := c.open(t, address, 1600, 800)
	all := b.table()
	forms := map[string]int{}
	for _, f := range sites.Forms() {
		forms[f.String()] = int(f)
	}
	for _, name := range []string{"key", "function", "section", "file", "form", "cost", "reason"} {
		for _, down := range []bool{false, true} {
			b.click(fmt.Sprintf(`[data-column=%s] button`, name))
			want := map[bool]string{false: "ascending", true: "descending"}[down]
			b.equal(name, eval[string](b, fmt.Sprintf(`document.querySelector("[data-column=%s]").ariaSort`, name)), want)
			rows := b.table()
			if len(rows) != len(all) {
				t.Fatalf("%s: %d rows, want %d", name, len(rows), len(all))
			}
			texts := []string{}
			for _, r := range rows {
				text := r[name]
				if name == "function" { // the offset is not part of the order
					text = text[:strings.LastIndex(text, "+")]
				}
				texts = append(texts, text)
			}
			slices.Reverse(texts[:map[bool]int{true: len(texts)}[down]])
			sorted := slices.IsSortedFunc(texts, func(a, c string) int { return forms[a] - forms[c] })
			if name == "cost" {
				number := func(s string) int { n, _ := strconv.Atoi(strings.Replace(s, "-", "1000", 1)); return n }
				sorted = slices.IsSortedFunc(texts, func(a, c string) int { return number(a) - number(c) }) || down && texts[0] == "-"
			} else if name != "form" {
				sorted = eval[bool](b, fmt.Sprintf(`((t) => t.every((s, i) => i === 0 || t[i - 1].localeCompare(s, "en", { numeric: true }) <= 0))(%s)`, quoteAll(texts)))
			}
			if !sorted {
				t.Errorf("%s, %s: %q", name, want, texts)
			}
		}
	}
}

func quoteAll(texts []string) string {
	quoted := make([]string, len(texts))
	for i, s := range texts {
		quoted[i] = fmt.Sprintf("%q", s)
	}
	return "[" + strings.Join(quoted, ",") + "]"
}

// linkTo returns the link to a site as in the manual page.
func linkTo(file string, s *Site, full bool) string {
	link := "#file=" + url.PathEscape(file)
	if s.Symbol != "" {
		link += fmt.Sprintf("&function=%s&offset=0x%x", url.PathEscape(s.Symbol), s.FuncOff)
	}
	if s.Symbol == "" || full {
		link += fmt.Sprintf("&section=%s&at=0x%x", url.PathEscape(s.Section), s.Offset)
	}
	return link
}

// browserLinks goes to every site by its link, to the second half while a
// search hides them.
func browserLinks(t *testing.T, c *chromium) {
	address, files := listedPage(t, pageObjects...)
	b := c.open(t, address+linkTo(files[0].File, &files[0].Sites[1], false), 1280, 800)
	b.equal("the site of the address", b.detail()["Section"], fmt.Sprintf("%s+0x%x", files[0].Sites[1].Section, files[0].Sites[1].Offset))
	for i, f := range files {
		for j := range f.Sites {
			s := &f.Sites[j]
			if i >= len(files)/2 {
				eval[bool](b, `(document.getElementById("search").value = "hidden", refresh(), true)`)
			}
			for _, full := range []bool{false, true}[:1+j%2] {
				b.follow(linkTo(f.File, s, full))
				got := b.detail()
				want := map[string]string{
					"key": s.Key, "Function": s.where(), "Section": fmt.Sprintf("%s+0x%x", s.Section, s.Offset), "Object": f.File,
					"Before": code(s.Before), "why": got["why"], "all": got["all"], "Kind": got["Kind"],
				}
				after := "After"
				if s.Form == sites.Keep {
					after = "After: as it was"
				}
				want[after] = code(s.After)
				if diff := cmp.Diff(want, got); diff != "" {
					t.Fatalf("%s: want -, got +\n%s", linkTo(f.File, s, full), diff)
				}
				if !strings.Contains(got["why"], s.Proof) || !strings.Contains(got["why"], s.Why) || !strings.Contains(got["why"], formTexts[s.Form]) {
					t.Errorf("%s is explained by %q", s.where(), got["why"])
				}
			}
			// The page's own link leads to the same place.
			b.equal("the page's link", eval[int](b, `linked(document.querySelector("#detail .link a").getAttribute("href"))`), eval[int](b, `chosen()`))
		}
	}
}

func code(words [2]string) string {
	return strings.TrimSuffix(words[0]+"; "+words[1], "; ")
}
