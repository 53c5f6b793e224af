// SPDX-License-Identifier: BSD-3-Clause

package cli

import (
	"encoding/json"
	"encoding/xml"
	"errors"
	"html"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/scpatch/scpatch/cmd/scpatch/internal/clitest"
	"github.com/scpatch/scpatch/sites"
)

// between returns what stands between the two texts, each of which is there once.
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

// pageOf runs a command that writes a page, and reads the page.
func pageOf(t *testing.T, want int, args ...string) (page string, data pageData) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "page.html")
	out, said, code := runCommand(append(args, "--html", path)...)
	if code != want {
		t.Fatalf("%v: exit code %d\n%s%s", args, code, out, said)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	page = string(b)
	text := between(t, page, `<script id="data" type="application/json">`, "</script>")
	if err := json.Unmarshal([]byte(text), &data); err != nil {
		t.Fatalf("%v in %.300s", err, text)
	}
	return page, data
}

// unpack makes the sites of a page again, by file.
func unpack(t *testing.T, d *pageData) map[string][]siteView {
	t.Helper()
	files := map[string][]siteView{}
	for i := range d.Cost {
		text := func(column string) string { return d.Strings[d.Columns[column][i]] }
		number := func(column string) uint64 { return d.Columns[column][i] }
		flag := func(bit uint64) bool { return number("flags")&bit != 0 }
		s := siteView{
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

// TestPageHasListing holds the page against list --json.
func TestPageHasListing(t *testing.T) {
	clitest.InObjects(t)
	objects, err := filepath.Glob("*.o")
	if err != nil {
		t.Fatal(err)
	}
	for _, opts := range [][]string{nil, {"--user", "--allow-shadow"}, {"--runtime", "trampoline"}} {
		args := slices.Concat([]string{"list"}, opts, objects)
		out, _, code := runCommand(append(args, "--json")...)
		want := map[string][]siteView{}
		for in := json.NewDecoder(strings.NewReader(out)); ; {
			var v fileView
			if err := in.Decode(&v); err == io.EOF {
				break
			} else if err != nil {
				t.Fatal(err)
			}
			if len(v.Sites) > 0 {
				want[v.File] = v.Sites
			}
		}
		_, data := pageOf(t, code, args...)
		if diff := cmp.Diff(want, unpack(t, &data)); diff != "" || len(want) < 30 {
			t.Errorf("%v: list --json has -, the page has +\n%s", opts, diff)
		}
	}
}

// TestComparePage holds the page against compare --json.
func TestComparePage(t *testing.T) {
	dir := t.TempDir()
	clitest.InObjects(t)
	for name, opts := range map[string][]string{"old": {"--runtime", "trampoline", "asm-tail.o"}, "new": {"gcc-p8-O2-weak.o"}} {
		out, _, _ := runCommand(append(append([]string{"list", "--json"}, opts...), "gcc-p8-O2-update.o", "gcc-p8-O2-sites.o")...)
		if err := os.WriteFile(filepath.Join(dir, name), []byte(out), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	args := []string{"compare", filepath.Join(dir, "old"), filepath.Join(dir, "new")}
	out, _, code := runCommand(append(args, "--json")...)
	_, data := pageOf(t, code, args...)
	want, got := map[change]int{}, map[change]int{}
	for in := json.NewDecoder(strings.NewReader(out)); in.More(); {
		var v compareView
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
		got[change(data.Strings[c])]++
	}
	if diff := cmp.Diff(want, got); diff != "" || !data.Compare || want[changeGained] == 0 || want[changeGone] == 0 {
		t.Errorf("compare --json has -, the page has +\n%s", diff)
	}
}

// TestPageIsOne checks that the page loads nothing, and that its markup closes
// what it opens. What is in the page as data is left out.
func TestPageIsOne(t *testing.T) {
	clitest.InObjects(t)
	page, _ := pageOf(t, exitDone, "list", "gcc-p8-O2-update.o")
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
	// What the script looks for is there, but for what it makes itself.
	for _, m := range regexp.MustCompile(`getElementById\("([a-z]+)"\)`).FindAllStringSubmatch(page, -1) {
		if !ids[m[1]] && m[1] != "part" {
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

// TestPageHostile puts into every name what would end the data, or be markup.
func TestPageHostile(t *testing.T) {
	for _, odd := range markupNames {
		path := filepath.Join(t.TempDir(), "page.html")
		if err := writePage(path, odd, newPageData(hostileSites(odd), true)); err != nil {
			t.Fatal(err)
		}
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		page := string(b)
		if n := strings.Count(page, "<script"); n != 2 || strings.Count(page, "</script") != 2 || strings.Contains(page, "<img") {
			t.Errorf("%q: the name became markup", odd)
		}
		var data pageData
		if err := json.Unmarshal([]byte(between(t, page, `<script id="data" type="application/json">`, "</script>")), &data); err != nil {
			t.Fatal(err)
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
	s := &siteView{
		Section: odd, Function: odd, Symbol: odd, Key: odd, Target: odd, Form: sites.Keep, Reason: sites.KeyOdd, Why: odd,
		Proof: odd, Before: [2]string{odd, odd}, After: [2]string{odd, odd},
	}
	return []pageSite{{odd, s, changeWorse, s}}
}

// TestFormTexts asks for the explanation of every form.
func TestFormTexts(t *testing.T) {
	for _, f := range sites.Forms() {
		if formTexts[f] == "" {
			t.Errorf("no text for %v", f)
		}
	}
}
