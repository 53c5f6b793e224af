// SPDX-License-Identifier: BSD-3-Clause

package verify

import (
	"encoding/binary"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"testing"
	"time"
)

// FuzzVerify verifies arbitrary bytes: Verify must not panic or take long, must
// give the same result again, and every fault must belong to a site.
func FuzzVerify(f *testing.F) {
	for _, name := range []string{"asm-annot16.o", "asm-annot8.o", "asm-trampkey.o", "module.o", "gcc-p10-O2-sites-here.o"} {
		f.Add(readFile(f, filepath.Join("..", "..", "testdata", "obj", name)), uint8(0))
	}
	if _, err := exec.LookPath(gcc); err == nil {
		dir := buildForms(f)
		for _, name := range append(shapes(), "far.o", "bfd.far.p8", "lld.far") {
			f.Add(readFile(f, filepath.Join(dir, name)), uint8(2))
		}
	}
	f.Fuzz(func(t *testing.T, b []byte, options uint8) {
		opts := Options{
			Module: options&3 == 1, User: options&3 == 2, Runtime: Runtime(options >> 2 % 3),
			EntrySize: []int{0, 8, 16, 0}[options>>4&3], PACATOC: []string{"", "16", "0", "__SCK__op"}[options>>6],
		}
		start := time.Now()
		r, err := check(b, opts)
		if d := time.Since(start); d > 10*time.Second {
			t.Errorf("%d bytes take %v", len(b), d)
		}
		again, err2 := check(b, opts)
		if !reflect.DeepEqual(r, again) || (err == nil) != (err2 == nil) {
			t.Error("another answer the second time")
		}
		if err != nil {
			return
		}
		if len(r.Faults) > r.Sites+16 || r.Direct > r.Sites {
			t.Errorf("%d sites, %d direct, %d faults", r.Sites, r.Direct, len(r.Faults))
		}
		for i := range r.Faults {
			if r.Faults[i].What == "" {
				t.Errorf("%+v", r.Faults[i])
			}
		}
	})
}

// FuzzDamage changes words of sound files, which reaches nearly every check.
func FuzzDamage(f *testing.F) {
	var sound [][]byte
	for _, name := range []string{"asm-annot16.o", "asm-annot8.o", "module.o"} {
		sound = append(sound, readFile(f, filepath.Join("..", "..", "testdata", "obj", name)))
	}
	if _, err := exec.LookPath(gcc); err == nil {
		dir := buildForms(f)
		for _, name := range append(shapes(), "far.o", "bfd.far.p8", "lld.far") {
			sound = append(sound, readFile(f, filepath.Join(dir, name)))
		}
	}
	for i, b := range sound {
		f.Add(uint8(i), []byte{0, 0, 0, 0, b[0], b[1], b[2], b[3]})
	}
	f.Fuzz(func(t *testing.T, which uint8, changes []byte) {
		b := slices.Clone(sound[int(which)%len(sound)])
		for ; len(changes) >= 8; changes = changes[8:] {
			at := int(binary.LittleEndian.Uint32(changes)) % (len(b) - 4)
			copy(b[at:], changes[4:8])
		}
		start := time.Now()
		for _, opts := range []Options{{User: true}, {Module: true}, {PACATOC: "16"}} {
			if r, err := check(b, opts); err == nil && len(r.Faults) > r.Sites+16 {
				t.Errorf("%d sites, %d faults", r.Sites, len(r.Faults))
			}
		}
		if d := time.Since(start); d > 10*time.Second {
			t.Errorf("takes %v", d)
		}
	})
}
