// SPDX-License-Identifier: BSD-3-Clause

package report

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"html"
	"io"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/scpatch/scpatch/cmd/scpatch/internal/clitest"
	"github.com/scpatch/scpatch/elfrw"
	"github.com/scpatch/scpatch/sites"
	"github.com/scpatch/scpatch/sites/errkind"
)

// between returns the text between two texts, each of which must occur once.
func between(t *testing.T, page, begin, end string) string {
	t.Helper()
	if n := strings.Count(page, begin); n != 1 {
		t.Fatalf("%d times %s", n, begin)
	}
	_, rest, _ := strings.Cut(page, begin)
	text, _, ok := strings.Cut(rest, end)
	if !ok {
		t.Fatalf("no %s", end)
	}
	return text
}

var testOrigin = Origin{Scpatch: "0.1.0 (test)", Options: []string{"--user"}}

// list lists files, without those that cannot be planned.
func list(t *testing.T, opts sites.Options, files ...string) (listing []File) {
	t.Helper()
	for _, name := range files {
		f, err := elfrw.Open(name)
		if err != nil {
			continue
		}
		defer f.Close()
		o, err := sites.Find(f)
		if err != nil {
			continue
		}
		if p, err := sites.MakePlan(o, opts); err == nil {
			listing = append(listing, testOrigin.NewFile(name, ObjectSites{p}))
		}
	}
	return listing
}

// pageOf has a page written and reads it.
func pageOf(t *testing.T, write func(path string) error) (page string, data pageData) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "page.html")
	if err := write(path); err != nil {
		t.Fatal(err)
	}
	page = string(clitest.ReadFile(t, path))
	text := between(t, page, `<script id="data" type="application/json">`, "</script>")
	if err := json.Unmarshal([]byte(text), &data); err != nil {
		t.Fatalf("%v in %.300s", err, text)
	}
	return page, data
}

// unpack returns the sites of a page by file.
func unpack(t *testing.T, d *pageData) map[string][]Site {
	t.Helper()
	files := map[string][]Site{}
	for i := range d.Cost {
		text := func(column string) string { return d.Strings[d.Columns[column][i]] }
		number := func(column string) uint64 { return d.Columns[column][i] }
		flag := func(bit uint64) bool { return number("flags")&bit != 0 }
		s := Site{
			Section: text("section"), Offset: number("offset"), Function: text("function"), Symbol: text("symbol"),
			FuncOff: number("function_offset"), Key: text("key"), Target: text("target"), Cost: d.Cost[i],
			Tail: flag(pageTail), NoTOC: flag(pageNoTOC), Done: flag(pageDone), Listed: flag(pageListed),
			Proof: text("proof"), Why: text("why"),
			Before: [2]string{text("before"), text("before_slot")}, After: [2]string{text("after"), text("after_slot")},
		}
		if err := errors.Join(s.Form.UnmarshalText([]byte(text("form"))), s.Reason.UnmarshalText([]byte(text("reason")))); err != nil {
			t.Fatal(err)
		}
		files[text("file")] = append(files[text("file")], s)
	}
	return files
}

// TestPageHasListing compares the page with the output of list --json.
func TestPageHasListing(t *testing.T) {
	clitest.InObjects(t)
	objects, err := filepath.Glob("*.o")
	if err != nil {
		t.Fatal(err)
	}
	for _, opts := range []sites.Options{
		{}, {Place: sites.User, AllowShadow: true, ShadowStack: "__static_call_shadow_stack"}, {Runtime: sites.Trampoline},
	} {
		files := list(t, opts, objects...)
		var out bytes.Buffer
		for i := range files {
			if err := WriteJSON(&out, files[i]); err != nil {
				t.Fatal(err)
			}
		}
		want := map[string][]Site{}
		for in := json.NewDecoder(&out); ; {
			var v File
			if err := in.Decode(&v); err == io.EOF {
				break
			} else if err != nil {
				t.Fatal(err)
			}
			if len(v.Sites) > 0 {
				want[v.File] = v.Sites
			}
		}
		_, data := pageOf(t, func(path string) error { return WritePage(path, testOrigin, files) })
		if diff := cmp.Diff(want, unpack(t, &data)); diff != "" || len(want) < 30 {
			t.Errorf("%+v: list --json has -, the page has +\n%s", opts, diff)
		}
	}
}

// TestComparePage compares the page with the output of compare --json.
func TestComparePage(t *testing.T) {
	clitest.InObjects(t)
	old := list(t, sites.Options{Runtime: sites.Trampoline}, "asm-tail.o", "gcc-p8-O2-update.o", "gcc-p8-O2-sites.o")
	new := list(t, sites.Options{}, "gcc-p8-O2-weak.o", "gcc-p8-O2-update.o", "gcc-p8-O2-sites.o")
	compared := Compare(old, new)
	_, data := pageOf(t, func(path string) error { return WriteComparePage(path, old, new, compared) })
	var out bytes.Buffer
	for i := range compared {
		if err := json.NewEncoder(&out).Encode(&compared[i]); err != nil {
			t.Fatal(err)
		}
	}
	want, got := map[Change]int{}, map[Change]int{}
	for in := json.NewDecoder(&out); in.More(); {
		var v Comparison
		if err := in.Decode(&v); err != nil {
			t.Fatal(err)
		}
		for c, n := range v.Counts {
			want[c] += n
		}
		for _, p := range v.Sites {
			i := slices.Index(data.Strings, p.site().Key)
			if i < 0 || !slices.Contains(data.Columns["key"], uint64(i)) {
				t.Errorf("the page has no site of %s", p.site().Key)
			}
		}
	}
	for _, c := range changes {
		got[c] = 0
	}
	for _, c := range data.Columns["change"] {
		got[Change(data.Strings[c])]++
	}
	if diff := cmp.Diff(want, got); diff != "" || !data.Compare || want[changeGained] == 0 || want[changeGone] == 0 {
		t.Errorf("compare --json has -, the page has +\n%s", diff)
	}
}

// TestPageIsOne checks that the page loads nothing, and that its markup is
// balanced. It leaves out the data in the page.
func TestPageIsOne(t *testing.T) {
	clitest.InObjects(t)
	page, _ := pageOf(t, func(path string) error {
		return WritePage(path, testOrigin, list(t, sites.Options{}, "gcc-p8-O2-update.o"))
	})
	bare := page
	for _, c := range [][2]string{{"<style>", "</style>"}, {`<script id="data" type="application/json">`, "</script>"}, {"<script>", "</script>"}} {
		bare = strings.Replace(bare, between(t, bare, c[0], c[1]), "", 1)
	}
	d := xml.NewDecoder(strings.NewReader(bare))
	d.Strict, d.AutoClose, d.Entity = false, xml.HTMLAutoClose, xml.HTMLEntity
	ids := map[string]bool{}
	for {
		token, err := d.Token()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		start, ok := token.(xml.StartElement)
		for i := 0; ok && i < len(start.Attr); i++ {
			switch a := start.Attr[i]; a.Name.Local {
			case "id":
				if ids[a.Value] {
					t.Errorf("two elements are called %s", a.Value)
				}
				ids[a.Value] = true
			case "src", "href":
				if a.Value != "data:," {
					t.Errorf("<%s> loads %s", start.Name.Local, a.Value)
				}
			}
		}
	}
	// The elements that the script looks up exist, unless it makes them itself.
	for _, m := range regexp.MustCompile(`getElementById\("([a-z]+)"\)`).FindAllStringSubmatch(page, -1) {
		if !ids[m[1]] && !strings.Contains(page, `id: "`+m[1]+`"`) {
			t.Errorf("the page has no element %s", m[1])
		}
	}
	for _, odd := range []string{"https:", "@import", "url(", "fetch(", "innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval("} {
		if strings.Contains(page, odd) {
			t.Errorf("the page has %s", odd)
		}
	}
	policy := html.UnescapeString(between(t, page, `Content-Security-Policy" content="`, `">`))
	if !strings.HasPrefix(policy, "default-src 'none';") || !strings.HasSuffix(policy, "script-src '"+hash(between(t, page, "<script>", "</script>"))+"'") {
		t.Errorf("the policy is %s", policy)
	}
}

// TestPageHostile puts text into every name that would end the data or be
// markup.
func TestPageHostile(t *testing.T) {
	for _, odd := range markupNames {
		page, data := pageOf(t, func(path string) error { return writePage(path, odd, hostileData(odd)) })
		if n := strings.Count(page, "<script"); n != 2 || strings.Count(page, "</script") != 2 || strings.Contains(page, "<img") {
			t.Errorf("%q: the name became markup", odd)
		}
		if got := unpack(t, &data)[odd]; len(got) != 1 || got[0].Key != odd || got[0].Symbol != odd {
			t.Errorf("%q became %+v", odd, got)
		}
	}
}

var markupNames = []string{
	`</script><script>alert(1)`, `</SCRIPT><img src=x onerror=alert(1)>`, `<!--<script>`, `]]>`, `"'&<>\`, "a\u2028b\u2029c\x01\x7f",
	`{{.Data}}`, `${alert(1)}`, "`", `__proto__`, `constructor`, `&lt;b&gt;`,
}

func hostileSites(odd string) []pageSite {
	s := &Site{
		Section: odd, Function: odd, Symbol: odd, Key: odd, Target: odd, Form: sites.Keep, Reason: sites.KeyOdd, Why: odd,
		Proof: odd, Before: [2]string{odd, odd}, After: [2]string{odd, odd},
	}
	return []pageSite{{odd, s, changeWorse, s}}
}

func hostileData(odd ...string) *pageData {
	var all []pageSite
	for _, o := range odd {
		all = append(all, hostileSites(o)...)
	}
	l := pageListing{[]Origin{{odd[0], odd}}, 1, []pageError{{odd[0], FileError{odd[0], odd[0]}}}}
	d := newPageData(all, l, l)
	d.Differences = odd
	return d
}

// TestFormTexts checks that every form has an explanation.
func TestFormTexts(t *testing.T) {
	for _, f := range sites.Forms() {
		if formTexts[f] == "" {
			t.Errorf("no text for %v", f)
		}
	}
}

// TestPageHelp checks that every reason and kind of error says what to do.
func TestPageHelp(t *testing.T) {
	var all []pageSite
	for _, r := range sites.Reasons() {
		all = append(all, pageSite{now: &Site{Form: sites.Keep, Reason: r}})
	}
	var failed []pageError
	for _, k := range errkind.All() {
		failed = append(failed, pageError{FileError: FileError{Kind: k.String()}})
	}
	d := newPageData(all, pageListing{Failed: failed})
	if n := len(sites.Reasons()) + len(errkind.All()); len(d.Help) != n {
		t.Errorf("%d of %d names have help", len(d.Help), n)
	}
	for name, h := range d.Help {
		for _, text := range []string{h.Summary, h.ToDo} {
			if text == "" || strings.ContainsAny(text, "\n[]") || strings.Contains(text, "What to do") || strings.Count(text, "`")%2 != 0 {
				t.Errorf("%s: %q", name, text)
			}
		}
	}
	if d := newPageData(all[:1], pageListing{}); len(d.Help) != 1 {
		t.Errorf("a page with one reason has %d", len(d.Help))
	}
}

// TestPageListings checks what a page says about its listings: each way once,
// and what failed.
func TestPageListings(t *testing.T) {
	user, module := Origin{"1", []string{"--user"}}, Origin{"1", []string{"--module"}}
	files := []File{
		user.NewFile("a.o", &seenSites{}), module.NewFile("b.o", &seenSites{}), user.NewFile("c.o", &seenSites{}),
		user.Failed("d.o", errkind.BadCall, "what"), {File: "e.o"},
	}
	want := pageListing{[]Origin{user, module}, 4, []pageError{{"d.o", FileError{"bad-call", "what"}}}}
	if diff := cmp.Diff(want, newListing(files, &module)); diff != "" {
		t.Error(diff)
	}
	want = pageListing{[]Origin{module}, 0, []pageError{}}
	if diff := cmp.Diff(want, newListing(nil, &module)); diff != "" {
		t.Error(diff)
	}
	said := Differences(Compare(files[:1], files[1:2]))
	if diff := cmp.Diff([]string{"the options differ: only the old listing has --user, only the new listing has --module"}, said); diff != "" {
		t.Error(diff)
	}
	if said := Differences(Compare(files, files)); said != nil {
		t.Errorf("a listing differs from itself: %q", said)
	}
}
