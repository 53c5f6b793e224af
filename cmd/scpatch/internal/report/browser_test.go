// SPDX-License-Identifier: BSD-3-Clause

package report

import (
	"context"
	"fmt"
	"os/exec"
	"path/filepath"
	"slices"
	"sync"
	"testing"

	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"github.com/scpatch/scpatch/cmd/scpatch/internal/clitest"
	"github.com/scpatch/scpatch/ppc64/tooltest"
	"github.com/scpatch/scpatch/sites"
)

// A browser is one tab of Chromium that shows one of our pages. Console output,
// exceptions, dialogs and requests fail the test.
type browser struct {
	*testing.T
	ctx context.Context
	mu  sync.Mutex
	bad []string
}

// A chromium is a running Chromium. It ends with the test that started it.
type chromium struct{ ctx context.Context }

func startChromium(t *testing.T) *chromium {
	t.Helper()
	tooltest.Long(t, "make browser-test")
	path, err := exec.LookPath("chromium")
	if err != nil {
		tooltest.Missing(t, "chromium is missing; make browser-test installs it")
	}
	opts := append(slices.Clone(chromedp.DefaultExecAllocatorOptions[:]), chromedp.ExecPath(path), chromedp.NoSandbox,
		chromedp.UserDataDir(t.TempDir()))
	ctx, stop := chromedp.NewExecAllocator(context.WithoutCancel(t.Context()), opts...)
	t.Cleanup(stop)
	ctx, stop = chromedp.NewContext(ctx)
	t.Cleanup(stop)
	if err := chromedp.Run(ctx); err != nil {
		t.Fatal(err)
	}
	// Wait for its end: until then it writes to the directory.
	t.Cleanup(func() {
		if err := chromedp.Cancel(ctx); err != nil {
			t.Error(err)
		}
	})
	return &chromium{ctx}
}

// open shows a page in a tab of this size.
func (c *chromium) open(t *testing.T, url string, width, height int) *browser {
	t.Helper()
	ctx, stop := chromedp.NewContext(c.ctx)
	t.Cleanup(stop)
	b := &browser{T: t, ctx: ctx}
	complain := func(format string, args ...any) {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.bad = append(b.bad, fmt.Sprintf(format, args...))
	}
	chromedp.ListenTarget(ctx, func(event any) {
		switch e := event.(type) {
		case *runtime.EventConsoleAPICalled:
			complain("console: %s", e.Type)
		case *runtime.EventExceptionThrown:
			complain("exception: %v", e.ExceptionDetails)
		case *log.EventEntryAdded:
			complain("log: %s %s", e.Entry.Level, e.Entry.Text)
		case *page.EventJavascriptDialogOpening:
			complain("dialog: %s", e.Message)
			go func() { _ = chromedp.Run(ctx, page.HandleJavaScriptDialog(false)) }()
		}
	})
	b.run(chromedp.EmulateViewport(int64(width), int64(height)), chromedp.Navigate(url))
	t.Cleanup(func() {
		b.equal("what the page has loaded", eval[[]string](b, `performance.getEntriesByType("resource").map((e) => e.name)`), []string{})
		b.mu.Lock()
		defer b.mu.Unlock()
		for _, s := range b.bad {
			t.Error(s)
		}
	})
	return b
}

func (b *browser) run(actions ...chromedp.Action) {
	b.Helper()
	if err := chromedp.Run(b.ctx, actions...); err != nil {
		b.Fatal(err)
	}
}

// eval returns the value of a JavaScript expression.
func eval[V any](b *browser, expression string) V {
	b.Helper()
	var v V
	await := func(p *runtime.EvaluateParams) *runtime.EvaluateParams { return p.WithAwaitPromise(true) }
	if err := chromedp.Run(b.ctx, chromedp.Evaluate(expression, &v, await)); err != nil {
		b.Fatalf("%s: %v", expression, err)
	}
	return v
}

// settle waits until the page is drawn: the effects of a scroll appear in the
// next frame.
func (b *browser) settle() {
	b.Helper()
	eval[bool](b, `new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => done(true))))`)
}

func (b *browser) equal(what string, got, want any) {
	b.Helper()
	if g, w := fmt.Sprintf("%#v", got), fmt.Sprintf("%#v", want); g != w {
		b.Errorf("%s: got %s, want %s", what, g, w)
	}
}

// search replaces the text in the search field.
func (b *browser) search(query string) {
	b.Helper()
	eval[bool](b, `(document.getElementById("search").focus(), document.getElementById("search").select(), true)`)
	if query == "" {
		query = kb.Delete
	}
	b.press(query)
}

// content returns the text of an element.
func (b *browser) content(id string) string {
	b.Helper()
	return eval[string](b, fmt.Sprintf(`document.getElementById(%q)?.textContent ?? ""`, id))
}

// address returns the part of the address after the page, once it is up to
// date.
func (b *browser) address() string {
	b.Helper()
	return eval[string](b, `new Promise((done) => { const look = () => (pending ? setTimeout(look, 10) : done(location.hash)); look(); })`)
}

// matches returns the page's text about the number of sites.
func (b *browser) matches() string {
	b.Helper()
	return eval[string](b, `document.getElementById("matches").textContent`)
}

// A tableRow is a row of the table in the page: texts by column.
type tableRow map[string]string

// table scrolls through the whole table and reads it.
func (b *browser) table() []tableRow {
	b.Helper()
	return eval[[]tableRow](b, `(async () => {
		const scroll = document.getElementById("scroll"), n = Number(document.getElementById("grid").getAttribute("aria-rowcount")) - 1;
		const frame = () => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
		const all = [];
		for (let top = 0; all.filter(Boolean).length < n && top <= scroll.scrollHeight; top += sight().height) {
			scrollRows(top);
			await frame();
			for (const row of document.querySelectorAll("#rows [role=row]")) {
				all[row.ariaRowIndex - 2] = Object.fromEntries([...row.children].map((c) => [c.className.replace("cell-", ""), c.title]));
			}
		}
		return all;
	})()`)
}

// column returns one column of the table.
func (b *browser) column(name string) (texts []string) {
	b.Helper()
	for _, r := range b.table() {
		texts = append(texts, r[name])
	}
	return texts
}

// detail returns what the page says about the chosen site: the key, and the
// terms.
func (b *browser) detail() map[string]string {
	b.Helper()
	return eval[map[string]string](b, `(() => {
		const detail = document.getElementById("detail"), terms = {};
		for (const dt of detail.querySelectorAll("dt")) terms[dt.textContent] = dt.nextElementSibling.textContent;
		for (const code of detail.querySelectorAll(".code")) terms[code.getAttribute("aria-label")] = [...code.querySelectorAll("code")].map((c) => c.textContent.replaceAll("\u00a0", " ").trim()).join("; ");
		return { ...terms, key: detail.querySelector("h2")?.textContent ?? "", why: detail.querySelector(".steps")?.textContent ?? "", all: detail.textContent };
	})()`)
}

// focus returns the id of the element with the focus.
func (b *browser) focus() string {
	b.Helper()
	return eval[string](b, `document.activeElement.id`)
}

// click clicks on the first element that a selector matches.
func (b *browser) click(selector string) {
	b.Helper()
	b.run(chromedp.Click(selector, chromedp.ByQuery))
}

// pick chooses a value from a list.
func (b *browser) pick(id, value string) {
	b.Helper()
	eval[bool](b, fmt.Sprintf(`(() => {
		const list = document.getElementById(%q);
		list.value = %q;
		return list.dispatchEvent(new Event("change", { bubbles: true }));
	})()`, id, value))
}

// press sends keys to the element with the focus.
func (b *browser) press(keys string) {
	b.Helper()
	b.run(chromedp.KeyEvent(keys))
}

// slash presses the key for the search. KeyEvent would type the character even
// if the page handles the key.
func (b *browser) slash() {
	b.Helper()
	b.run(
		&input.DispatchKeyEventParams{Type: input.KeyDown, Key: "/", Code: "Slash", Text: "/", WindowsVirtualKeyCode: 191},
		&input.DispatchKeyEventParams{Type: input.KeyUp, Key: "/", Code: "Slash", WindowsVirtualKeyCode: 191},
	)
}

// follow goes to another fragment of the page's address.
func (b *browser) follow(fragment string) {
	b.Helper()
	eval[bool](b, fmt.Sprintf(`new Promise((done) => { addEventListener("hashchange", () => done(true), { once: true }); location.hash = %q; })`, fragment))
}

// fileURL returns the address of a file.
func fileURL(path string) string { return "file://" + filepath.ToSlash(path) }

// listedPage writes the page of objects of testdata, in user space, and lists them.
func listedPage(t *testing.T, objects ...string) (url string, files []File) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "page.html")
	clitest.InObjects(t)
	files = list(t, sites.Options{Place: sites.User}, objects...)
	if err := WritePage(path, testOrigin, files); err != nil || len(files) != len(objects) {
		t.Fatal(len(files), err)
	}
	return fileURL(path), files
}
