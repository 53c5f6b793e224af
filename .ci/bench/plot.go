// SPDX-License-Identifier: BSD-3-Clause

package main

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// A point is the CPU time for an object with a given count.
type point struct {
	count   float64
	scpatch float64 // seconds
	cp      float64
}

var scaleName = regexp.MustCompile(`^scale-([a-z]+)-([0-9]+)\.o$`)

// drawPlot measures objects of growing counts, prints a table, and draws the
// times on logarithmic axes: where a tenfold count takes a tenfold time, the
// cost is linear.
func drawPlot(file string, rounds int, objects []string) error {
	series := map[string][]point{}
	var names []string
	for _, path := range objects {
		m := scaleName.FindStringSubmatch(filepath.Base(path))
		if m == nil {
			return fmt.Errorf("%s: want scale-SERIES-COUNT.o", path)
		}
		count, _ := strconv.ParseFloat(m[2], 64)
		in, err := openInput(path)
		if err != nil {
			return err
		}
		programs := list(in)[:2]
		if err := measure(programs, rounds, in); err != nil {
			return err
		}
		if !slices.Contains(names, m[1]) {
			names = append(names, m[1])
		}
		series[m[1]] = append(series[m[1]], point{count, median(programs[1].cpu), median(programs[0].cpu)})
	}
	var svg strings.Builder
	const width, height = 380, 340
	fmt.Fprintf(&svg, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" font-family="sans-serif" font-size="11">`+"\n", width*len(names), height)
	fmt.Fprintf(&svg, `<rect width="%d" height="%d" fill="white"/>`+"\n", width*len(names), height)
	for i, name := range names {
		points := series[name]
		slices.SortFunc(points, func(a, b point) int { return int(a.count - b.count) })
		fmt.Printf("\n| %s | scpatch, CPU ms | cp, CPU ms |\n| ---: | ---: | ---: |\n", name)
		for _, p := range points {
			fmt.Printf("| %.0f | %.1f | %.1f |\n", p.count, 1e3*p.scpatch, 1e3*p.cp)
		}
		fmt.Fprintf(&svg, `<g transform="translate(%d 0)">`+"\n", i*width)
		drawSeries(&svg, name, points, width, height)
		svg.WriteString("</g>\n")
	}
	svg.WriteString("</svg>\n")
	return os.WriteFile(file, []byte(svg.String()), 0o666)
}

// drawSeries draws one panel.
func drawSeries(svg *strings.Builder, name string, points []point, width, height float64) {
	const left, right, top, bottom = 52, 16, 28, 40
	lowX, highX := math.Log10(points[0].count), math.Log10(points[len(points)-1].count)
	const lowY, highY = 0, 4 // 1 ms to 10 s
	x := func(v float64) float64 {
		return left + (math.Log10(v)-lowX)/(highX-lowX)*(width-left-right)
	}
	y := func(ms float64) float64 {
		return height - bottom - (math.Log10(max(ms, 1))-lowY)/(highY-lowY)*(height-top-bottom)
	}
	text := func(x, y float64, anchor, s string) {
		fmt.Fprintf(svg, `<text x="%.1f" y="%.1f" text-anchor="%s">%s</text>`+"\n", x, y, anchor, s)
	}
	for e := math.Ceil(lowX); e <= highX; e++ {
		at := x(math.Pow(10, e))
		fmt.Fprintf(svg, `<path d="M%.1f %v V%v" stroke="#ddd"/>`+"\n", at, top, height-bottom)
		text(at, height-bottom+16, "middle", fmt.Sprintf("%.0f", math.Pow(10, e)))
	}
	for e := float64(lowY); e <= highY; e++ {
		at := y(math.Pow(10, e))
		fmt.Fprintf(svg, `<path d="M%v %.1f H%v" stroke="#ddd"/>`+"\n", left, at, width-right)
		text(left-6, at+4, "end", fmt.Sprintf("%.0f ms", math.Pow(10, e)))
	}
	line := func(color string, of func(point) float64, label string) {
		var d strings.Builder
		for i, p := range points {
			op := "L"
			if i == 0 {
				op = "M"
			}
			fmt.Fprintf(&d, "%s%.1f %.1f", op, x(p.count), y(1e3*of(p)))
			fmt.Fprintf(svg, `<circle cx="%.1f" cy="%.1f" r="2.5" fill="%s"/>`+"\n", x(p.count), y(1e3*of(p)), color)
		}
		fmt.Fprintf(svg, `<path d="%s" fill="none" stroke="%s" stroke-width="1.5"/>`+"\n", d.String(), color)
		last := points[len(points)-1]
		text(x(last.count)-6, y(1e3*of(last))-8, "end", label)
	}
	line("#999", func(p point) float64 { return p.cp }, "cp")
	line("#06c", func(p point) float64 { return p.scpatch }, "scpatch")
	text(width/2, height-8, "middle", name)
	text(left, 16, "start", "CPU time")
}
