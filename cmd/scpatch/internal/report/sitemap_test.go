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

	"github.com/chromedp/chromedp"
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

// countsOf Counts sites by what of says of them, and sorts like the Counts of the page.
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
	// Shares are of all sites, and those of the forms add up.
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

func browserSearch(t *testing.T, c *chromium) {
	address, files := listedPage(t, pageObjects...)
	b := c.open(t, address, 1280, 800)
	total := len(b.table())
	number := func(pass func(*Site) bool) int {
		return countsOf(files, func(s *Site) string { return fmt.Sprint(pass(s)) })["true"]
	}
	for _, q := range []struct {
		query string
		want  int
	}{
		{"u_hook", number(func(s *Site) bool { return s.Key == "u_hook" })},
		{"U_HOOK", number(func(s *Site) bool { return s.Key == "u_hook" })},
		{"form:keep", number(func(s *Site) bool { return s.Form == sites.Keep })},
		{"form=stack section:.text", number(func(s *Site) bool { return s.Form == sites.Stack && strings.Contains(s.Section, ".text") })},
		{"key=hook", number(func(s *Site) bool { return s.Key == "hook" })},
		{"reason:may-change", number(func(s *Site) bool { return s.Reason == sites.KeyMayChange })},
		{`function="net::Filter::run(int) const"`, number(func(s *Site) bool { return s.Function == "net::Filter::run(int) const" })},
		{"object:weak target=w_present", number(func(s *Site) bool { return s.Target == "w_present" })},
		{"no such thing", 0},
		{"key:nosuch:thing", 0},
	} {
		b.search(q.query)
		got := b.table()
		if len(got) != q.want || q.want == 0 && !strings.Contains(q.query, "such") {
			t.Errorf("%s: %d rows, want %d", q.query, len(got), q.want)
		}
		b.equal("the matches of "+q.query, b.matches(), fmt.Sprintf("%d of %d sites", q.want, total))
	}
	// A bar leaves its sites, together with the search; "clear" ends both.
	b.search("u_")
	b.click(`[data-chart=form] button[data-name="stack"]`)
	for _, r := range b.table() {
		if r["form"] != "stack" || !strings.Contains(r["key"]+r["function"], "u_") {
			t.Errorf("the filter leaves %v", r)
		}
	}
	b.equal("the bar", eval[string](b, `document.activeElement.getAttribute("aria-pressed")`), "true")
	b.click(`[data-chart=form] button[data-name="stack"]`)
	b.equal("the bar that is no longer pressed", eval[string](b, `document.activeElement.dataset.name + document.activeElement.ariaPressed`), "stackfalse")
	b.click("#clear")
	// What the help shows can be tried.
	b.click("#how")
	for _, id := range []string{"trykey", "tryplace"} {
		b.click("#" + id)
		if n := len(b.table()); n == 0 || n == total {
			t.Errorf("the example %s finds %d sites", id, n)
		}
	}
	b.click("#clear")
	b.equal("all again", b.matches(), fmt.Sprintf("%d sites", total))
}

// browserTerms searches for what the tool prints, for costs, and for what is not there.
func browserTerms(t *testing.T, c *chromium) {
	address, files := listedPage(t, pageObjects...)
	b := c.open(t, address, 1280, 800)
	number := func(pass func(f string, s *Site) bool) (n int) {
		for _, f := range files {
			for i := range f.Sites {
				if pass(f.File, &f.Sites[i]) {
					n++
				}
			}
		}
		return n
	}
	place := func(function string, offset uint64) int {
		return number(func(_ string, s *Site) bool { return s.Function == function && s.FuncOff == offset })
	}
	for _, q := range []struct {
		query string
		want  int
		note  string
	}{
		{"u_call+0x20", place("u_call", 0x20), ""},
		{"u_call+0x20:", place("u_call", 0x20), ""},
		{"gcc-p8-O2-weak.o: w_call+0x1c", place("w_call", 0x1c), ""},
		{"net::Filter::run(int) const+0x28", place("net::Filter::run(int) const", 0x28), ""},
		{`"net::Filter::run(int) const+0x28"`, place("net::Filter::run(int) const", 0x28), ""},
		{"_ZNK3net6Filter3runEi+0x28", place("net::Filter::run(int) const", 0x28), ""},
		{"function:u_call+0x30", place("u_call", 0x30), ""},
		{".text+0x50", number(func(_ string, s *Site) bool { return s.Section == ".text" && s.Offset == 0x50 }), ""},
		{"u_call+0x21", 0, "“u_call+0x21” occurs nowhere on this page."},
		{"file:weak", number(func(f string, _ *Site) bool { return strings.Contains(f, "weak") }), ""},
		{"file=asm-tail.o reason:other-unit", number(func(f string, s *Site) bool { return f == "asm-tail.o" && s.Reason == sites.TailOtherUnit }), ""},
		{"cost:7", number(func(_ string, s *Site) bool { return s.Cost == 7 }), ""},
		{"cost:>1", number(func(_ string, s *Site) bool { return s.Cost > 1 }), ""},
		{"cost:<=1", number(func(_ string, s *Site) bool { return s.Cost >= 0 && s.Cost <= 1 }), ""},
		{"cost:unknown", number(func(_ string, s *Site) bool { return s.Cost < 0 }), ""},
		{"cost:much", 0, "A cost is a number: cost:7, cost:>2, cost:<=7, or cost:unknown."},
		{"-form:keep", number(func(_ string, s *Site) bool { return s.Form != sites.Keep }), ""},
		{"u_ -key:hook", number(func(_ string, s *Site) bool {
			return strings.Contains(s.Key+s.Function, "u_") && !strings.Contains(s.Key, "hook")
		}), ""},
		{`-"net::Filter" cxx`, number(func(f string, s *Site) bool {
			return strings.Contains(f, "cxx") && !strings.Contains(s.Function+s.Target, "net::Filter")
		}), ""},
		{"-xyzzy key=hook", number(func(_ string, s *Site) bool { return s.Key == "hook" }), "“xyzzy” occurs nowhere on this page."},
		{"key=u_*", number(func(_ string, s *Site) bool { return strings.HasPrefix(s.Key, "u_") }), ""},
		{"target=?", number(func(_ string, s *Site) bool { return s.Target == "?" }), ""},
		{"form:", number(func(string, *Site) bool { return true }), ""},
		{"xyzzy", 0, "“xyzzy” occurs nowhere on this page."},
		{"form:warp", 0, "No site has the form “warp”. This page has keep, save-stub, stack."},
		{"colour:red", 0, "There is no field “colour”. Fields are key, function, section, file, object, form, reason, target, cost.“colour:red” occurs nowhere on this page."},
		{"u_hook w_call", 0, "No site fits all of this at once."},
	} {
		b.search(q.query)
		if got := len(b.table()); got != q.want || q.want == 0 && q.note == "" {
			t.Errorf("%s: %d rows, want %d", q.query, got, q.want)
		}
		b.equal("what is said of "+q.query, b.content("notes"), q.note)
	}
}

// browserAddress makes a view, and opens its address in another tab.
func browserAddress(t *testing.T, c *chromium) {
	address, _ := listedPage(t, pageObjects...)
	b := c.open(t, address, 1600, 800)
	b.equal("the address of all", b.address(), "")
	b.search("-tail o")
	b.click(`[data-chart=reason] button[data-name="key-may-change"]`)
	b.click(`[data-chart=form] button[data-name="save-stub"]`)
	b.pick("part", "function family")
	b.click(`[data-chart=part] li button`)
	b.click(`[data-column=function] button`)
	b.click(`[data-column=function] button`)
	b.click("#row2 .cell-key")
	link := b.address()
	for _, part := range []string{"search=-tail%20o", "form=save-stub", "reason=key-may-change", "by=function%20family", "group=", "sort=-function", "file=", "function=", "offset=0x"} {
		if !strings.Contains(link, part) {
			t.Errorf("%s is not in %s", part, link)
		}
	}
	// In a tab that is not in front nothing is drawn, so each is asked in its turn.
	look := func(b *browser) map[string]any {
		return map[string]any{
			"rows": b.table(), "site": b.detail(), "forms": b.chart("form"), "groups": b.chart("part"),
			"pressed": eval[[]string](b, `[...document.querySelectorAll("[aria-pressed=true]")].map((e) => e.dataset.name)`),
			"filters": b.content("chips"), "address": b.address(), "wrong": b.content("bad"),
		}
	}
	sent := look(b)
	other := c.open(t, address+link, 1600, 800)
	if diff := cmp.Diff(sent, look(other)); diff != "" {
		t.Errorf("the one who made the link sees -, the other +\n%s", diff)
	}
	b.equal("what is wrong with it", other.content("bad"), "")
	// A filter is removed where it is said, and the address follows.
	other.click("#chips button")
	if now := other.address(); strings.Contains(now, "form=") {
		t.Errorf("the address is %s", now)
	}
}

// browserBadLinks follows links that ask for what is not here.
func browserBadLinks(t *testing.T, c *chromium) {
	address, files := listedPage(t, pageObjects...)
	total := 0
	for _, f := range files {
		total += len(f.Sites)
	}
	hidden := linkTo("gcc-p8-O2-weak.o", &files[1].Sites[0], false)
	for _, l := range []struct {
		link, said string
		rows       int
	}{
		{"#file=a.o&function=gone&offset=0x4", "No site on this page matches the link (file a.o, function gone+0x4).Dismiss", total},
		{"#file=gcc-p8-O2-weak.o&function=w_call&offset=0x99", "No site on this page matches the link (file gcc-p8-O2-weak.o, function w_call+0x99).Show the site of this functionDismiss", total},
		{"#file=a.o&section=.text&at=0x4", "No site on this page matches the link (file a.o, section .text+0x4).Dismiss", total},
		{"#file=a.o", "No site on this page matches the link (file a.o, section ?+?).Dismiss", total},
		{"#form=warp", "form=warp means nothing on this page.Dismiss", total},
		{"#reason=warp&sort=warp&by=warp&group=warp", "reason=warp means nothing on this page.by=warp means nothing on this page.group=warp means nothing on this page.sort=warp means nothing on this page.Dismiss", total},
		{"#form=direct", "form=direct means nothing on this page.Dismiss", total},
		{"#colour=red&x", "colour=red is not something a link can ask for.x is not something a link can ask for.Dismiss", total},
		{"#%zz", "%zz is not something a link can ask for.Dismiss", total},
		{strings.Replace(hidden, "#", "#form=stack&", 1), "The link names a site that its own search or filters leave out. They were removed.Dismiss", total},
		{"#search=u_hook", "", 1},
	} {
		b := c.open(t, address+l.link, 1280, 800)
		b.equal(l.link, b.content("bad"), l.said)
		b.equal("rows of "+l.link, len(b.table()), l.rows)
		if l.said == "" {
			continue
		}
		b.equal("the address", b.address(), l.link)
		b.click("#bad button:last-child")
		b.equal("dismissed", b.content("bad"), "")
	}
	b := c.open(t, address+"#file=gcc-p8-O2-weak.o&function=w_call&offset=0x99", 1280, 800)
	b.click("#bad button")
	b.equal("the sites of the function", b.column("function"), []string{"w_call+0x1c"})
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

// browserRemedy reads what can be done about each kept site.
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
				if name == "function" { // the offset is no part of the order
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

// linkTo is the link of a site as the manual page says.
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

// browserLinks goes to every site by its link, the second half of them while
// a search hides them.
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

func browserKeyboard(t *testing.T, c *chromium) {
	address, files := listedPage(t, pageObjects...)
	b := c.open(t, address, 1280, 800)
	rows := b.table()
	last := len(rows) - 1
	chosen := func(what string, want int) {
		t.Helper()
		b.settle()
		got := eval[[]string](b, `(() => {
			const row = document.getElementById(document.getElementById("grid").getAttribute("aria-activedescendant"));
			const chosen = [...document.querySelectorAll('[role=row][aria-selected=true]')];
			const box = row.getBoundingClientRect(), view = document.getElementById("scroll").getBoundingClientRect();
			const seen = box.top >= view.top - 1 && box.bottom <= view.bottom + 1;
			return [row.ariaRowIndex, String(chosen.length === 1 && chosen[0] === row), String(seen), document.querySelector("#detail h2").textContent];
		})()`)
		b.equal(what, got, []string{fmt.Sprint(want + 2), "true", "true", rows[want]["key"]})
	}
	b.slash()
	b.equal("focus after /", b.focus(), "search")
	b.press(kb.ArrowDown)
	b.equal("focus after the search", b.focus(), "grid")
	chosen("the first", 0)
	b.press(kb.ArrowDown + kb.ArrowDown)
	chosen("two down", 2)
	b.press(kb.ArrowUp)
	chosen("one up", 1)
	b.press(kb.End)
	chosen("End", last)
	b.press(kb.ArrowDown)
	chosen("below the end", last)
	b.press(kb.Home)
	chosen("Home", 0)
	b.press(kb.ArrowUp)
	chosen("above the first", 0)
	b.press(kb.PageDown)
	at := eval[int](b, `view.at`)
	chosen("Page Down", at)
	if at < 5 || at > 40 {
		t.Errorf("Page Down goes to %d", at)
	}
	b.press(kb.PageUp)
	chosen("Page Up", 0)
	b.press(kb.Enter)
	b.equal("focus after Enter", b.focus(), "detail")
	b.press(kb.Escape)
	b.equal("focus after Escape", b.focus(), "grid")
	b.slash()
	b.run(chromedp.SendKeys("#search", "weak", chromedp.ByQuery))
	b.equal("the matches", b.matches(), fmt.Sprintf("%d of %d sites", len(files[1].Sites), len(rows)))
	b.press(kb.Escape)
	b.equal("the matches after Escape", b.matches(), fmt.Sprintf("%d sites", len(rows)))
	b.press(kb.Escape)
	b.equal("focus after the second", b.focus(), "grid")

	// By Tab to everything that can be used, each with a name and a mark of the focus.
	eval[bool](b, `(document.activeElement.blur(), true)`)
	seen := map[string]bool{}
	for range 40 {
		b.press(kb.Tab)
		got := eval[[]string](b, `(() => {
			const e = document.activeElement, s = getComputedStyle(e);
			return [e.id || e.closest("[data-column]")?.dataset.column || e.closest("[data-chart]")?.dataset.chart || e.tagName,
				e.ariaLabel || e.textContent.trim() || e.labels?.[0]?.textContent || "", s.outlineStyle];
		})()`)
		if got[0] == "BODY" {
			continue // on the way from the last to the first
		}
		if got[1] == "" || got[2] == "none" {
			t.Errorf("%s: name %q, outline %s", got[0], got[1], got[2])
		}
		seen[got[0]] = true
	}
	for _, want := range []string{"search", "form", "part", "grid", "key", "function", "reason"} {
		if !seen[want] {
			t.Errorf("Tab does not reach %s: %v", want, seen)
		}
	}
}

// browserClick chooses with the pointer, and reads what else calls the key.
func browserClick(t *testing.T, c *chromium) {
	address, files := listedPage(t, pageObjects...)
	b := c.open(t, address, 1280, 800)
	b.search("key=inc")
	rows := b.table()
	eval[bool](b, `(document.getElementById("scroll").scrollTop = 0, true)`)
	b.settle()
	b.click("#row1 .cell-key")
	b.equal("the site", b.detail()["Function"], rows[1]["function"])
	b.press(kb.ArrowDown)
	b.equal("the site below", b.detail()["Function"], rows[2]["function"])
	b.press(kb.ArrowUp)
	n := countsOf(files, func(s *Site) string { return s.Key })["inc"]
	b.equal("the others", eval[int](b, `document.querySelectorAll(".others li").length`), n-1)
	b.click(".others li:nth-child(3) a")
	b.settle()
	b.equal("the fourth site", b.detail()["Function"], rows[3]["function"])
	b.equal("the address names it", eval[int](b, fmt.Sprintf(`linked(%q)`, b.address())), eval[int](b, `view.sites[3]`))
}

// browserCompare shows what changed, the worst first, and what was beside what is.
func browserCompare(t *testing.T, c *chromium) {
	old := listed(t, "x.o", "f:a:direct g:b:keep h:c:stack i:d:constant j:e:direct j:e2:direct k:x:direct")
	now := listed(t, "x.o", "f:a:keep g:b:direct h:c:stack i:d:direct j:e2:direct l:new:stack")
	old.Options, now.Options = []string{"--user"}, []string{"--module", "--linker=lld"}
	bad := testOrigin.Failed("bad.o", errkind.BadCall, "what is wrong")
	path := filepath.Join(t.TempDir(), "page.html")
	before, after := []File{old}, []File{now, bad}
	if err := WriteComparePage(path, before, after, Compare(before, after)); err != nil {
		t.Fatal(err)
	}
	b := c.open(t, fileURL(path), 1280, 800)
	b.equal("changes", b.column("change"), []string{"worse", "lost", "gone", "changed", "gained", "better", "same", "same"})
	b.equal("forms before", b.column("was"), []string{"direct", "direct", "direct", "constant", "", "keep", "stack", "direct"})
	b.equal("forms now", b.column("form"), []string{"keep", "", "", "direct", "stack", "direct", "stack", "direct"})
	b.equal("the chart", fmt.Sprint(b.chart("change")), "map[better:1 changed:1 gained:1 gone:1 lost:1 same:2 worse:1]")
	b.equal("what was", b.content("was"), "Was71.4\u00a0%5 of 7 sites direct or constant")
	b.equal("what is", b.content("now"), "Now50.0\u00a0%3 of 6 sites direct or constant")
	b.equal("the options", b.content("differ"), "The options differ: only the old listing has --user, only the new listing has --module --linker=lld.")
	b.equal("the bad file", strings.HasPrefix(b.content("made"), "1 file could not be listed in the new listing, so its sites are missing: bad.obad.o: what is wrong bad-call"), true)
	b.search("change:worse")
	b.equal("worse", b.column("key"), []string{"a"})
	b.press(kb.ArrowDown)
	if got := b.detail()["all"]; !strings.Contains(got, "It got worse: direct before, keep now.") {
		t.Errorf("the site is described by %q", got)
	}
	b.equal("beside each other", eval[[]string](b, `[...document.querySelector(".both tbody tr").children].map((e) => e.textContent)`), []string{"Form", "direct", "keep"})
	b.search("was:keep now:direct")
	b.equal("better", b.column("key"), []string{"b"})

	before, after = []File{now}, []File{now}
	if err := WriteComparePage(path, before, after, Compare(before, after)); err != nil {
		t.Fatal(err)
	}
	b = c.open(t, fileURL(path), 1280, 800)
	b.equal("nothing", b.content("unchanged"), "Nothing changed: all 6 sites have the form they had before.")
	b.equal("no difference", b.content("differ"), "")
}

// browserHundredThousand looks at the first, the last and a middle row of
// 100,000: the page has elements for those only that can be seen.
func browserHundredThousand(t *testing.T, c *chromium) {
	const n = 100000
	all := make([]pageSite, n)
	for i := range all {
		f := sites.Forms()[i%len(sites.Forms())]
		name := fmt.Sprintf("function_%04d", i/100)
		all[i] = pageSite{file: "big.o", now: &Site{
			Section: ".text", Offset: uint64(8 * i), Function: name, Symbol: name, FuncOff: uint64(8 * (i % 100)),
			Key: fmt.Sprintf("key_%05d", i%10000), Target: "t", Form: f, Before: [2]string{"bl x", "nop"}, After: [2]string{"bl y", "nop"},
		}}
	}
	path := filepath.Join(t.TempDir(), "page.html")
	if err := writePage(path, "big.o", newPageData(all, newListing([]File{{File: "big.o"}}, nil))); err != nil {
		t.Fatal(err)
	}
	b := c.open(t, fileURL(path), 1280, 800)
	few := func(what string) {
		t.Helper()
		b.settle()
		if rows := eval[int](b, `document.querySelectorAll("[role=row]").length`); rows < 20 || rows > 80 {
			t.Errorf("%s: %d rows are elements", what, rows)
		}
		if elements := eval[int](b, `document.querySelectorAll("*").length`); elements > 2000 {
			t.Errorf("%s: %d elements", what, elements)
		}
	}
	few("at the top")
	b.equal("the matches", b.matches(), "100,000 sites")
	b.run(chromedp.Focus("#grid", chromedp.ByQuery))
	b.press(kb.End)
	few("at the end")
	b.equal("the last", b.detail()["Function"], "function_0999+0x318")
	b.equal("its row", eval[string](b, `document.querySelector("[aria-selected=true]").ariaRowIndex`), "100001")
	eval[bool](b, `(document.getElementById("scroll").scrollTop = document.getElementById("scroll").scrollHeight / 2, true)`)
	few("in the middle")
	for _, column := range []string{"key", "form"} {
		b.click(fmt.Sprintf(`[data-column=%s] button`, column))
		few("sorted by " + column)
	}
	b.search("key=key_00042")
	b.equal("found", b.matches(), "10 of 100,000 sites")
	b.equal("keys", slices.Compact(b.column("key")), []string{"key_00042"})
	b.search("")
	b.follow("#file=big.o&function=function_0500&offset=0x190")
	b.settle()
	b.equal("a link", b.detail()["Section"], ".text+0x61c10")
	b.equal("the others", eval[int](b, `document.querySelectorAll(".others li").length`), 9)
}

// browserHostile shows names that are markup, or script, as what they are.
func browserHostile(t *testing.T, c *chromium) {
	path := filepath.Join(t.TempDir(), "page.html")
	if err := writePage(path, markupNames[0], hostileData(markupNames...)); err != nil {
		t.Fatal(err)
	}
	b := c.open(t, fileURL(path), 1280, 800)
	b.equal("the title", eval[string](b, `document.title`), "Static calls: "+markupNames[0])
	b.equal("scripts and pictures", eval[int](b, `document.querySelectorAll("script, img").length`), 2)
	b.run(chromedp.Focus("#grid", chromedp.ByQuery))
	names := b.column("key")
	slices.Sort(names)
	want := slices.Sorted(slices.Values(markupNames))
	if diff := cmp.Diff(want, names); diff != "" {
		t.Errorf("the names have -, the table has +\n%s", diff)
	}
	parts := eval[[]string](b, `parts.map((p) => p.name)`)
	for _, part := range parts {
		b.pick("part", part)
		eval[bool](b, `document.getElementById("part").dispatchEvent(new Event("change"))`)
	}
	b.run(chromedp.Focus("#grid", chromedp.ByQuery))
	for range markupNames {
		b.press(kb.ArrowDown)
		d := b.detail()
		if d["key"] == "" || d["Object"] != d["key"] || !strings.Contains(d["why"], d["key"]) {
			t.Errorf("%q is shown as %v", d["key"], d)
		}
		b.equal("its own link", eval[int](b, fmt.Sprintf(`linked(%q)`, b.address())), eval[int](b, `chosen()`))
		b.equal("scripts and pictures", eval[int](b, `document.querySelectorAll("script, img").length`), 2)
	}
}

// browserNarrow uses the windows of a telephone and of a tablet: nothing is wider than
// they are, and what is chosen is in sight, below the row that was chosen.
func browserNarrow(t *testing.T, c *chromium) {
	address, _ := listedPage(t, pageObjects...)
	for _, size := range [][2]int{{360, 640}, {390, 844}, {820, 1180}, {1000, 500}, {1400, 500}} {
		b := c.open(t, address, size[0], size[1])
		inSight := func(what, selector string) {
			t.Helper()
			b.settle()
			if !eval[bool](b, fmt.Sprintf(`(() => {
				const e = document.querySelector(%q), r = e.getBoundingClientRect();
				return r.top >= 0 && r.bottom <= innerHeight && r.left >= 0 && r.right <= innerWidth && e.contains(document.elementFromPoint(r.left + 4, r.top + r.height / 2));
			})()`, selector)) {
				t.Errorf("%v: %s is not in sight", size, what)
			}
		}
		for _, id := range []string{"head", "row1"} {
			eval[bool](b, fmt.Sprintf(`(document.getElementById(%q).scrollIntoView({ block: "center" }), true)`, id))
			b.settle()
		}
		b.click("#row1 .cell-key")
		inSight("what was chosen with a click", "#detail h2")
		inSight("its row", "[aria-selected=true] .cell-key")
		b.press(kb.End)
		inSight("what was chosen with a key", "#detail h2")
		inSight("its row", "[aria-selected=true] .cell-key")
		b.press(kb.Home)
		inSight("the first row", "#row0 .cell-key")
		b.press(kb.PageDown)
		inSight("a page on", "[aria-selected=true] .cell-key")
		b.equal("the width", eval[int](b, `document.documentElement.scrollWidth`), size[0])
		b.press(kb.Enter)
		b.equal("focus", b.focus(), "detail")
		inSight("what Enter leads to", "#detail h2")
		b.press(kb.Escape)
		b.equal("focus after Escape", b.focus(), "grid")
		if size[0] < 760 {
			b.click("#detail .close")
			b.equal("the site is closed", eval[bool](b, `document.getElementById("detail").checkVisibility()`), false)
			b.equal("the address", b.address(), "")
		}
		// The whole table can be reached, and is what it is elsewhere.
		b.equal("rows", len(b.table()), eval[int](b, `total`))
	}
}
