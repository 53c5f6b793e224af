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
