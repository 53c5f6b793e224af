// SPDX-License-Identifier: BSD-3-Clause

package e2e

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/scpatch/scpatch/cmd/scpatch/internal/cli"
	"github.com/scpatch/scpatch/elfrw"
	"github.com/scpatch/scpatch/sites"
)

// The benchmarks use the object of million_test.go: a million relocations, a
// hundred thousand sites. Each measures one step alone; BenchmarkWhole measures
// the command as a user runs it, without the start of the process.

func benchFile(b *testing.B) *elfrw.File {
	b.Helper()
	f, err := elfrw.New(millionObject().data)
	if err != nil {
		b.Fatal(err)
	}
	return f
}

func benchObject(b *testing.B) *sites.Object {
	b.Helper()
	o, err := sites.Find(benchFile(b))
	if err != nil {
		b.Fatal(err)
	}
	return o
}

func benchPlan(b *testing.B) *sites.Plan {
	b.Helper()
	p, err := sites.MakePlan(benchObject(b), sites.Options{})
	if err != nil {
		b.Fatal(err)
	}
	return p
}

func benchEdit(b *testing.B, p *sites.Plan) *elfrw.Edit {
	b.Helper()
	e, err := p.Apply()
	if err != nil {
		b.Fatal(err)
	}
	return e
}

func benchStart(b *testing.B) {
	b.Helper()
	b.ReportAllocs()
	b.SetBytes(int64(len(millionObject().data)))
	b.ResetTimer()
}

func BenchmarkNew(b *testing.B) {
	benchStart(b)
	for b.Loop() {
		benchFile(b)
	}
}

func BenchmarkFind(b *testing.B) {
	f := benchFile(b)
	benchStart(b)
	for b.Loop() {
		if _, err := sites.Find(f); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkPlan(b *testing.B) {
	o := benchObject(b)
	benchStart(b)
	for b.Loop() {
		if _, err := sites.MakePlan(o, sites.Options{}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkApply(b *testing.B) {
	p := benchPlan(b)
	benchStart(b)
	for b.Loop() {
		benchEdit(b, p)
	}
}

func BenchmarkLayout(b *testing.B) {
	p := benchPlan(b)
	benchStart(b)
	for b.Loop() {
		b.StopTimer()
		e := benchEdit(b, p)
		b.StartTimer()
		if _, err := e.Layout(); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkWriteTo(b *testing.B) {
	image, err := benchEdit(b, benchPlan(b)).Layout()
	if err != nil {
		b.Fatal(err)
	}
	benchStart(b)
	for b.Loop() {
		if _, err := image.WriteTo(io.Discard); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkCheck(b *testing.B) {
	p := benchPlan(b)
	image, err := benchEdit(b, p).Layout()
	if err != nil {
		b.Fatal(err)
	}
	var out bytes.Buffer
	if _, err := image.WriteTo(&out); err != nil {
		b.Fatal(err)
	}
	f, err := elfrw.New(out.Bytes())
	if err != nil {
		b.Fatal(err)
	}
	benchStart(b)
	for b.Loop() {
		if err := p.Check(f); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkWhole(b *testing.B) {
	dir := b.TempDir()
	in, out := filepath.Join(dir, "in.o"), filepath.Join(dir, "out.o")
	if err := os.WriteFile(in, millionObject().data, 0o666); err != nil {
		b.Fatal(err)
	}
	benchStart(b)
	for b.Loop() {
		var stderr bytes.Buffer
		if code := cli.Run([]string{"-o", out, in}, io.Discard, &stderr); code != cli.ExitDone {
			b.Fatalf("exit code %d: %s", code, &stderr)
		}
	}
}
