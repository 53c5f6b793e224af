// SPDX-License-Identifier: BSD-3-Clause

package report

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/scpatch/scpatch/cmd/scpatch/internal/clitest"
	"github.com/scpatch/scpatch/sites"
	"github.com/scpatch/scpatch/sites/errkind"
)

// A picture is a state of the page.
type picture struct {
	name  string
	write func(path string) error
	link  string // the part of the address after the page
	do    string // JavaScript, before the picture is taken
}

// pictureSizes are the sizes of a phone, a tablet, a small and a large screen.
var pictureSizes = [][2]int{{390, 844}, {820, 1180}, {1280, 800}, {1920, 1080}}

func pictures(t *testing.T) []picture {
	t.Helper()
	clitest.InObjects(t)
	user, module := sites.Options{Place: sites.User}, sites.Options{Place: sites.Module}
	files := list(t, user, pageObjects...)
	failed := []File{
		testOrigin.Failed("bad-notbranch.o", errkind.BadCall, `section ".text": nb_call+0x8: R_PPC64_REL24: the word is 0x60000000, not a branch`),
		testOrigin.Failed("missing.o", errkind.NoSuchFile, "open: no such file or directory"),
	}
	listing := slices.Concat(files, failed)
	old := list(t, module, pageObjects...)
	now := slices.Concat(list(t, user, pageObjects[1:]...), failed[:1])
	for i := range old {
		old[i].Options = []string{"--module"}
	}
	page := func(files ...File) func(string) error {
		return func(path string) error { return WritePage(path, testOrigin, files) }
	}
	compare := func(old, now []File) func(string) error {
		return func(path string) error { return WriteComparePage(path, old, now, Compare(old, now)) }
	}
	kept := linkTo("gcc-p8-O2-weak.o", &files[1].Sites[0], false)
	return []picture{
		{"list", page(listing...), "", ""},
		{"chosen", page(listing...), kept, ""},
		{"filtered", page(files...), "#search=-key%3Ahook&form=save-stub&by=section&sort=-function", ""},
		{"groups", page(files...), "#by=function%20family", `document.getElementById("more")?.click()`},
		{"help", page(files...), "", `document.getElementById("how").click()`},
		{"no-match", page(files...), "#search=key%3Au_%20xyzzy%20form%3Awarp&form=stack", ""},
		{"bad-link", page(files...), "#file=gcc-p8-O2-weak.o&function=w_call&offset=0x99&form=warp&colour=red", ""},
		{"empty", page(list(t, user, "gcc-p8-O2-ret0.o")...), "", ""},
		{"rejected", page(failed...), "", ""},
		{"no-file", page(), "", ""},
		{"compare", compare(old, now), "", ""},
		{"compare-chosen", compare(old, now), "#form=keep", "choose(0)"},
		{"compare-gone", compare(old, now), "#change=gone", "choose(0)"},
		{"compare-same", compare(files, files), "", ""},
	}
}

// pictureFaults finds faults in the drawn page: text that is wider than the window or its
// element, or is covered, or is too faint.
const pictureFaults = `(() => {
	const faults = [], seen = (e) => e.checkVisibility({ visibilityProperty: true }) && !e.closest(".hidden, option, noscript");
	const name = (e) => e.tagName.toLowerCase() + (e.id ? "#" + e.id : "") + (e.className ? "." + e.className : "") + " “" + e.textContent.trim().slice(0, 40) + "”";
	if (document.documentElement.scrollWidth > innerWidth) faults.push("the page is " + document.documentElement.scrollWidth + " wide");
	const rgb = (c) => { const m = c.match(/[\d.]+/g).map(Number); return m.length > 3 ? m : [...m, 1]; };
	const light = ([r, g, b]) => [r, g, b].map((c) => (c /= 255) <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4).reduce((a, c, i) => a + c * [0.2126, 0.7152, 0.0722][i], 0);
	const behind = (e) => { for (; e; e = e.parentElement) { const c = rgb(getComputedStyle(e).backgroundColor); if (c[3] === 1) return c; } return [255, 255, 255]; };
	for (const e of document.querySelectorAll("body *")) {
		const own = [...e.childNodes].filter((n) => n.nodeType === 3 && n.data.trim() !== "");
		if (own.length === 0 || !seen(e)) continue;
		const range = document.createRange();
		for (const n of own) {
			range.selectNodeContents(n);
			for (const r of range.getClientRects()) {
				if (r.width > 0 && (r.left < -0.5 || r.right > innerWidth + 0.5)) faults.push(name(e) + " is from " + r.left + " to " + r.right);
			}
		}
		for (let box = e; box && box !== document.body; box = box.parentElement) {
			const style = getComputedStyle(box);
			if (style.overflowX === "visible" || style.display === "inline") continue;
			if (box.scrollWidth > box.clientWidth + 1 && !(ELLIPSIS && style.textOverflow === "ellipsis" && (box.title || box.closest("[title]")))) faults.push(name(e) + " is clipped by " + name(box));
		}
		const box = e.getBoundingClientRect(), x = box.left + Math.min(box.width / 2, 8), y = box.top + box.height / 2;
		const hit = getComputedStyle(e).pointerEvents !== "none" && x >= 0 && y >= 0 && x < innerWidth && y < innerHeight ? document.elementFromPoint(x, y) : null;
		const above = hit?.closest("header, #detail, #head, #keys");
		if (hit && !e.contains(hit) && !hit.contains(e) && !(above && !above.contains(e))) faults.push(name(e) + " is under " + name(hit));
		const [a, b] = [light(rgb(getComputedStyle(e).color)), light(behind(e))].sort((a, b) => b - a), ratio = (a + 0.05) / (b + 0.05);
		if (ratio < 4.5) faults.push(name(e) + " has a contrast of " + ratio.toFixed(2));
	}
	return [...new Set(faults)];
})()`

// TestBrowserPictures draws every state of the page on four screens, light and dark, and
// looks for anything clipped, covered or faint. SCPATCH_PICTURES names a directory for
// the pictures.
func TestBrowserPictures(t *testing.T) {
	dir := os.Getenv("SCPATCH_PICTURES")
	if dir == "" {
		dir = t.TempDir()
	}
	c := startChromium(t)
	for _, p := range pictures(t) {
		if only := os.Getenv("SCPATCH_PICTURE"); only != "" && !strings.Contains(p.name, only) {
			continue
		}
		path := filepath.Join(t.TempDir(), "page.html")
		if err := p.write(path); err != nil {
			t.Fatal(err)
		}
		t.Run(p.name, func(t *testing.T) {
			b := c.open(t, "about:blank", 1280, 800)
			for _, scheme := range []string{"light", "dark"} {
				b.run(emulation.SetEmulatedMedia().WithFeatures([]*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}}))
				for _, size := range pictureSizes {
					b.run(chromedp.EmulateViewport(int64(size[0]), int64(size[1])), chromedp.Navigate("about:blank"), chromedp.Navigate(fileURL(path)+p.link))
					if p.do != "" {
						eval[bool](b, "("+p.do+", true)")
					}
					b.settle()
					name := fmt.Sprintf("%s-%d-%s", p.name, size[0], scheme)
					// A name may be shortened if it does not fit, but not on a narrow screen.
					for _, fault := range eval[[]string](b, strings.Replace(pictureFaults, "ELLIPSIS", fmt.Sprint(size[0] > 1080), 1)) {
						t.Errorf("%s: %s", name, fault)
					}
					var shot []byte
					b.run(chromedp.CaptureScreenshot(&shot))
					if err := os.WriteFile(filepath.Join(dir, name+".png"), shot, 0o666); err != nil {
						t.Fatal(err)
					}
				}
			}
		})
	}
}
