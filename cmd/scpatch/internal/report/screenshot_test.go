// SPDX-License-Identifier: BSD-3-Clause

package report

import (
	"bytes"
	"image"
	"image/color"
	"image/png"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/scpatch/scpatch/ppc64/tooltest"
	"github.com/scpatch/scpatch/sites"
)

// TestWriteScreenshot makes the picture in README.md; see "make screenshot".
func TestWriteScreenshot(t *testing.T) {
	tooltest.Long(t, "make screenshot")
	dest, kernel := os.Getenv("SCPATCH_SCREENSHOT"), os.Getenv("SCPATCH_KERNEL")
	if dest == "" || kernel == "" {
		tooltest.Missing(t, "SCPATCH_SCREENSHOT names no file, or SCPATCH_KERNEL no kernel; see make screenshot")
	}
	path := filepath.Join(t.TempDir(), "page.html")
	t.Chdir(kernel)
	if err := WritePage(path, testOrigin, list(t, sites.Options{}, "vmlinux.o")); err != nil {
		t.Fatal(err)
	}
	b := startChromium(t).open(t, fileURL(path), 1440, 900)
	// Choose the first site of a key that has several, so that the rows before it are
	// visible too.
	eval[bool](b, `(choose(view.sites.findIndex((s) => text("key", s) === "tp_func_kmalloc")), grid.focus({ focusVisible: false }), true)`)
	b.settle()
	var shot []byte
	b.run(chromedp.CaptureScreenshot(&shot))
	small, err := fewColours(shot)
	if err != nil {
		t.Fatal(err)
	}
	if len(small) > 200<<10 {
		t.Errorf("the picture has %d bytes", len(small))
	}
	if err := os.WriteFile(dest, small, 0o666); err != nil {
		t.Fatal(err)
	}
}

// fewColours reduces a picture to its 256 most frequent colours. A page of text
// has few more, and the file is half as large.
func fewColours(in []byte) ([]byte, error) {
	img, err := png.Decode(bytes.NewReader(in))
	if err != nil {
		return nil, err
	}
	size, n := img.Bounds(), map[color.RGBA]int{}
	at := func(x, y int) color.RGBA { return color.RGBAModel.Convert(img.At(x, y)).(color.RGBA) }
	for y := range size.Dy() {
		for x := range size.Dx() {
			n[at(x, y)]++
		}
	}
	all := slices.SortedFunc(maps.Keys(n), func(a, b color.RGBA) int {
		if n[a] != n[b] {
			return n[b] - n[a]
		}
		return slices.Compare([]uint8{a.R, a.G, a.B}, []uint8{b.R, b.G, b.B})
	})
	var palette color.Palette
	for _, c := range all[:min(256, len(all))] {
		palette = append(palette, c)
	}
	out := image.NewPaletted(size, palette)
	for y := range size.Dy() {
		for x := range size.Dx() {
			out.Set(x, y, at(x, y))
		}
	}
	var b bytes.Buffer
	err = (&png.Encoder{CompressionLevel: png.BestCompression}).Encode(&b, out)
	return b.Bytes(), err
}
