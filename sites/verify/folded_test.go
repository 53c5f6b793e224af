// SPDX-License-Identifier: BSD-3-Clause

package verify

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// TestFolded has a call, followed by a nop, to a function that preserves r2.
// ld.lld folds equal functions into it, one of which has local entry 1 (it may
// change r2), as compilers make them for PC-relative code.
func TestFolded(t *testing.T) {
	object := assemble(t, `
#include "forms.h"
	.section .text.a,"ax",@progbits
leaf f_may
	.localentry f_may,1
	addi 3,3,1
	blr
endfunc f_may
hiddenkey folded, f_keeps
	.section .text.b,"ax",@progbits
leaf f_keeps
	addi 3,3,1
	blr
endfunc f_keeps
	.text
caller folded, 0, "bl f_keeps", nop
kernelentry folded
	.data
v_data: .quad 0, f_may
`)
	for _, icf := range []string{"none", "all"} {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "x.o"), object, 0o666); err != nil {
			t.Fatal(err)
		}
		execute(t, dir, slices.Concat(linkers["lld"], []string{"-nostdlib", "-static", "-Wl,-e,v_folded,--icf=" + icf, "x.o", "-o", "x"})...)
		b := readFile(t, filepath.Join(dir, "x"))
		d := newMutableFile(t, b)
		if folded := d.symbol("f_may").Value == d.symbol("f_keeps").Value; folded != (icf == "all") {
			t.Fatalf("--icf=%s: folded: %t", icf, folded)
		}
		r, err := check(b, Options{})
		if err != nil {
			t.Fatal(err)
		}
		for i := range r.Faults {
			t.Errorf("--icf=%s: %v", icf, &r.Faults[i])
		}
		if r.Sites != 1 {
			t.Errorf("--icf=%s: %d sites", icf, r.Sites)
		}
	}
}
