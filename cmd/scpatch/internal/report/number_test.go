// SPDX-License-Identifier: BSD-3-Clause

package report

import "testing"

func TestNumber(t *testing.T) {
	for n, want := range map[int]string{0: "0 files", 1: "1 file", 2: "2 files"} {
		if got := Number(n, "file"); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
	for n, want := range map[int]string{0: "0 entries", 1: "1 entry", 21: "21 entries"} {
		if got := Number(n, "entry", "entries"); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
