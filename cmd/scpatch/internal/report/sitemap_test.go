// SPDX-License-Identifier: BSD-3-Clause

package report

import (
	"fmt"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"github.com/google/go-cmp/cmp"
	"github.com/scpatch/scpatch/sites"
)

// TestBrowser uses the page as a reader does, in Chromium.
func TestBrowser(t *testing.T) {
	c := startChromium(t)
	for name, test := range map[string]func(*testing.T, *chromium){
		"Numbers":         browserNumbers,
		"Search":          browserSearch,
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
		[e.title, Number(e.querySelector(".number").textContent.replace(/,/g, ""))]))`, name))
}

func browserNumbers(t *testing.T, c *chromium) {
	address, files := listedPage(t, pageObjects...)
	b := c.open(t, address, 1280, 800)
	total, keys, functions := 0, map[string]bool{}, map[string]bool{}
	want := []tableRow{}
	for _, f := range files {
		total += len(f.Sites)
		for i := range f.Sites {
			s := &f.Sites[i]
			keys[s.Key], functions[s.Symbol] = true, true
			want = append(want, tableRow{"key": s.Key, "function": s.where(), "section": s.Section, "file": f.File, "form": s.Form.String(), "reason": s.Reason.String()})
		}
	}
	b.equal("the sentence at the top", eval[string](b, `document.getElementById("totals").textContent`),
		fmt.Sprintf("%d sitesin %d functionsof %d keys", total, len(functions), len(keys)))
	b.equal("the matches", b.matches(), fmt.Sprintf("%d sites", total))
	b.equal("aria-rowcount", eval[string](b, `document.getElementById("grid").ariaRowCount`), fmt.Sprint(total+1))
	if diff := cmp.Diff(want, b.table()); diff != "" {
		t.Errorf("list --json has -, the table has +\n%s", diff)
	}
	if diff := cmp.Diff(countsOf(files, func(s *Site) string { return s.Form.String() }), b.chart("form")); diff != "" {
		t.Errorf("list --json has -, the chart of forms has +\n%s", diff)
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
	b.click(`[data-chart=form] button[title="stack"]`)
	for _, r := range b.table() {
		if r["form"] != "stack" || !strings.Contains(r["key"]+r["function"], "u_") {
			t.Errorf("the filter leaves %v", r)
		}
	}
	b.equal("the bar", eval[string](b, `document.activeElement.getAttribute("aria-pressed")`), "true")
	b.click("#clear")
	b.equal("all again", b.matches(), fmt.Sprintf("%d sites", total))
}

func browserSort(t *testing.T, c *chromium) {
	address, _ := listedPage(t, pageObjects...)
	b := c.open(t, address, 1280, 800)
	all := b.table()
	forms := map[string]int{}
	for _, f := range sites.Forms() {
		forms[f.String()] = int(f)
	}
	for _, name := range []string{"key", "function", "section", "file", "form", "reason"} {
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
			if name != "form" {
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
	b.follow("#file=a.o&function=gone&offset=0x4")
	if got := b.detail()["all"]; got != "No site on this page matches the link." {
		t.Errorf("a link that leads nowhere: %q", got)
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
	n := countsOf(files, func(s *Site) string { return s.Key })["inc"]
	b.equal("the others", eval[int](b, `document.querySelectorAll(".others li").length`), n-1)
	b.click(".others li:nth-child(3) a")
	b.settle()
	b.equal("the fourth site", b.detail()["Function"], rows[3]["function"])
	b.equal("the address names it", eval[int](b, `linked(location.hash)`), eval[int](b, `view.sites[3]`))
}

// browserCompare shows what changed, the worst first.
func browserCompare(t *testing.T, c *chromium) {
	old := listed(t, "x.o", "f:a:direct g:b:keep h:c:stack i:d:constant j:e:direct j:e2:direct k:x:direct")
	now := listed(t, "x.o", "f:a:keep g:b:direct h:c:stack i:d:direct j:e2:direct l:new:stack")
	path := filepath.Join(t.TempDir(), "page.html")
	if err := WriteComparePage(path, Compare([]File{old}, []File{now})); err != nil {
		t.Fatal(err)
	}
	b := c.open(t, fileURL(path), 1280, 800)
	b.equal("changes", b.column("change"), []string{"worse", "lost", "gone", "changed", "gained", "better", "same", "same"})
	b.equal("the chart", fmt.Sprint(b.chart("change")), "map[better:1 changed:1 gained:1 gone:1 lost:1 same:2 worse:1]")
	b.search("change:worse")
	b.equal("worse", b.column("key"), []string{"a"})
	b.press(kb.ArrowDown)
	if got := b.detail()["all"]; !strings.Contains(got, "It got worse: direct before, keep now.") {
		t.Errorf("the site is described by %q", got)
	}
}

// browserHundredThousand looks at the first, the last and a middle row of
// 100,000: the page has elements for those only that can be seen.
func browserHundredThousand(t *testing.T, c *chromium) {
	const n = 100000
	all := make([]pageSite, n)
	for i := range all {
		f := sites.Forms()[i%len(sites.Forms())]
		name := fmt.Sprintf("function_%04d", i/100)
		all[i] = pageSite{file: "big.o", site: &Site{
			Section: ".text", Offset: uint64(8 * i), Function: name, Symbol: name, FuncOff: uint64(8 * (i % 100)),
			Key: fmt.Sprintf("key_%05d", i%10000), Target: "t", Form: f, Before: [2]string{"bl x", "nop"}, After: [2]string{"bl y", "nop"},
		}}
	}
	path := filepath.Join(t.TempDir(), "page.html")
	if err := writePage(path, "big.o", newPageData(all, false)); err != nil {
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
	var all []pageSite
	for _, odd := range markupNames {
		all = append(all, hostileSites(odd)...)
	}
	path := filepath.Join(t.TempDir(), "page.html")
	if err := writePage(path, markupNames[0], newPageData(all, true)); err != nil {
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
		b.equal("its own link", eval[int](b, `linked(location.hash)`), eval[int](b, `chosen()`))
		b.equal("scripts and pictures", eval[int](b, `document.querySelectorAll("script, img").length`), 2)
	}
}

// browserNarrow uses a telephone's window: nothing is wider than it.
func browserNarrow(t *testing.T, c *chromium) {
	address, _ := listedPage(t, pageObjects...)
	b := c.open(t, address, 360, 640)
	b.run(chromedp.Focus("#grid", chromedp.ByQuery))
	b.press(kb.End)
	b.settle()
	b.equal("the width", eval[int](b, `document.documentElement.scrollWidth`), 360)
	b.press(kb.Enter)
	b.equal("focus", b.focus(), "detail")
	if seen := eval[bool](b, `(() => { const r = document.querySelector("#detail h2").getBoundingClientRect(); return r.top >= 0 && r.bottom <= innerHeight; })()`); !seen {
		t.Error("what Enter leads to is not in sight")
	}
}
