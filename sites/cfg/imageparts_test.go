// SPDX-License-Identifier: BSD-3-Clause

package cfg

import (
	"fmt"
	"strings"
	"testing"
)

// TestTogether checks which code goes on in a function with the same registers, and what
// it costs to find that.
func TestTogether(t *testing.T) {
	const first, second, part, other = textAt + 0x10, secondAt + 0x10, partAt + 0x10, otherAt + 0x10
	type branches []branch
	for _, tt := range []struct {
		name     string
		branches branches
		pads     []pad // in .text
		of       uint64
		work     int
		want     string // the start of each stretch
		cost     int
	}{
		{name: "nothing else", of: first, want: "101000"},
		{name: "a cold part", branches: branches{{second, partAt, insnB}}, of: part, want: "1010c0 101040", cost: 1 + 16},
		{name: "a cold part of the first function", branches: branches{{first, partAt, insnB}}, of: part, want: "1010c0 101000", cost: 1 + 16},
		{name: "a cold part of two functions", branches: branches{{first, partAt, insnB}, {second, partAt, insnB}}, of: part,
			want: "1010c0 101000 101040", cost: 1 + 16 + 2 + 16},
		{name: "two branches to a cold part", branches: branches{{second, partAt, insnB}, {second + 4, partAt, insnB}}, of: part,
			want: "1010c0 101040", cost: 1 + 16},
		{name: "a cold part that does not go back", branches: branches{{second, partAt, insnB}}, of: second, want: "101040"},
		{name: "a cold part that goes back", branches: branches{{second, partAt, insnB}, {part, second + 4, insnB}}, of: second,
			want: "101040 1010c0", cost: 1 + 8},
		{name: "a cold part that begins again", branches: branches{{part, secondAt, insnB}}, of: second, want: "101040 1010c0", cost: 1 + 8},
		{name: "a jump to the start", branches: branches{{first, secondAt, insnB}}, of: second, want: "101040"},
		{name: "a jump to the middle", branches: branches{{first, second, insnB}}, of: second, want: "101040 101000", cost: 1 + 16},
		{name: "a jump from the word after it", branches: branches{{secondAt, first, insnB}}, of: first, want: "101000 101040", cost: 1 + 16},
		{name: "two jumps, one from the first word", branches: branches{{second, first, insnB}, {secondAt, first + 4, insnB}}, of: first,
			want: "101000 101040", cost: 1 + 16},
		{name: "a jump from another section", branches: branches{{other, first, insnB}}, of: first, want: "101000 2000", cost: 1 + 16},
		{name: "a jump from no function", branches: branches{{gapAt, first, insnB}}, of: first, want: "101000"},
		{name: "a landing pad", pads: []pad{{partAt + 4 - textAt, second - textAt, second + 8 - textAt}}, of: part, want: "1010c0 101040", cost: 1 + 16},
		{name: "the last step", branches: branches{{second, partAt, insnB}}, of: part, work: maxWork, want: "1010c0 101040", cost: 1 + 16},
		{name: "too many steps", branches: branches{{second, partAt, insnB}}, of: part, work: maxWork + 1, want: "1010c0"},
	} {
		l := newLinked()
		for _, b := range tt.branches {
			l.put(b.at, b.encode())
		}
		im := l.image(t)
		for _, x := range im.sections() {
			im.imageBranches(x)
		}
		im.secs[1].pads = tt.pads
		for _, x := range im.sections() {
			x.open = true
			x.settle()
		}
		im.work = tt.work
		p, _ := im.at(tt.of)
		var got []string
		for _, s := range im.together(im.secs[p.sec], im.secs[p.sec].covering(p.off)) {
			got = append(got, fmt.Sprintf("%x", s.t.base+s.start))
			if s.toc != tocAt {
				t.Errorf("%s: TOC pointer %#x", tt.name, s.toc)
			}
		}
		if got := strings.Join(got, " "); got != tt.want || im.work-tt.work != tt.cost {
			t.Errorf("%s: %s, cost %d; want %s, cost %d", tt.name, got, im.work-tt.work, tt.want, tt.cost)
		}
	}
}
