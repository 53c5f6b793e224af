// SPDX-License-Identifier: BSD-3-Clause

package elfrw_test

import (
	"bytes"
	"debug/elf"
	"fmt"
	"testing"

	"github.com/scpatch/scpatch/elfrw"
)

// TestCheck changes single bytes of an output that takes several writes, and its size.
func TestCheck(t *testing.T) {
	m, out := imageOf(t, bulky(), func(e *elfrw.Edit) error {
		return second(e.AddSection(elfrw.NewSection{Name: ".new", Type: elf.SHT_PROGBITS, Data: make([]byte, 100_000)}))
	})
	if err := m.Check(out); err != nil {
		t.Errorf("the output itself: %v", err)
	}
	for _, at := range []int{0, 1, 63, len(out) / 3, len(out) / 2, len(out) - 1} {
		other := bytes.Clone(out)
		other[at] ^= 1
		if err := m.Check(other); err == nil || err.Error() != fmt.Sprintf("the output differs from the plan at 0x%x", at) {
			t.Errorf("the byte at 0x%x: error is %v", at, err)
		}
	}
	for _, n := range []int{0, len(out) - 1, len(out) + 1} {
		other := append(bytes.Clone(out), 0)[:n]
		if err := m.Check(other); err == nil || err.Error() != fmt.Sprintf("the output has %d bytes, not the planned %d", n, len(out)) {
			t.Errorf("%d bytes: error is %v", n, err)
		}
	}
}
