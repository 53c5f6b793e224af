// SPDX-License-Identifier: BSD-3-Clause

package report

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/scpatch/scpatch/sites"
)

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
	// A bar restricts the sites, in addition to the search; "clear" ends both.
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
	// The examples of the help can be tried.
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

// browserTerms searches for texts that the tool prints, for costs, and for text that
// does not occur.
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

// browserAddress makes a view and opens its address in another tab.
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
	// A tab in the background is not drawn, so look at one after the other.
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
	// A filter can be removed where it is shown, and the address follows.
	other.click("#chips button")
	if now := other.address(); strings.Contains(now, "form=") {
		t.Errorf("the address is %s", now)
	}
}

// browserBadLinks follows links to things that do not exist.
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
