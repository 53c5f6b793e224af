// SPDX-License-Identifier: BSD-3-Clause

package ppc64

import (
	"encoding/binary"
	"testing"

	"golang.org/x/arch/ppc64/ppc64asm"
)

// TestBranchLikeAsm compares the branch accessors with ppc64asm, a decoder that
// shares no code with this one and needs no tool.
func TestBranchLikeAsm(t *testing.T) {
	n := 0
	for _, g := range readGolden(t) {
		if !g.w.IsBranch() && !g.w.IsCondBranch() {
			continue
		}
		var b [4]byte
		g.w.Put(b[:])
		inst, err := ppc64asm.Decode(b[:], binary.LittleEndian)
		if err != nil {
			t.Errorf("%s: %v", g.text, err)
			continue
		}
		for _, arg := range inst.Args {
			switch arg := arg.(type) {
			case ppc64asm.PCRel:
				n++
				if g.w.AA() || int64(arg) != g.w.Displacement() {
					t.Errorf("%s: %v, displacement %#x", g.text, inst, g.w.Displacement())
				}
			case ppc64asm.Label:
				n++
				if !g.w.AA() || int64(int32(arg)) != g.w.Displacement() {
					t.Errorf("%s: %v, displacement %#x", g.text, inst, g.w.Displacement())
				}
			}
		}
	}
	if n < 25 {
		t.Errorf("only %d branches", n)
	}
}
