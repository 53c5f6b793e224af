// SPDX-License-Identifier: BSD-3-Clause

package report

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"github.com/google/go-cmp/cmp"
	"github.com/scpatch/scpatch/sites"
	"github.com/scpatch/scpatch/sites/errkind"
)

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

	// Tab reaches every control, and each has a name and shows the focus.
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
			continue // between the last and the first
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

// browserClick chooses a site with the pointer, and reads the other sites of
// its key.
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

// browserCompare checks that changes are shown, the worst first, with the old
// beside the new.
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
// 100,000. The page has elements only for the visible ones.
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

// browserHostile checks that names that look like markup or script are shown as
// text.
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

// browserNarrow uses windows of the size of a phone and a tablet. Nothing may be
// wider, and the details of the chosen site must be visible below its row.
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
		// The whole table can be reached, and is the same as elsewhere.
		b.equal("rows", len(b.table()), eval[int](b, `total`))
	}
}
