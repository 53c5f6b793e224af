// SPDX-License-Identifier: BSD-3-Clause

package report

import "testing"

func TestGlob(t *testing.T) {
	for _, c := range []struct {
		glob, name string
		want       bool
	}{
		{"tp_*", "tp_sched", true},
		{"tp_*", "tp_", true},
		{"tp_*", "__tp_sched", false},
		{"tp_", "tp_sched", false},
		{"*", "", true},
		{"*", "a/b", true},
		{"a?b", "a/b", true},
		{"a/*", "a/b/c", true},
		{"[ab]_*", "b_x", true},
		{"[^ab]_*", "b_x", false},
		{`f(int\*)`, "f(int*)", true},
		{"TP_*", "tp_x", false},
		{"a[b", "a[b", false},
	} {
		if got := Glob(c.glob).matches(c.name); got != c.want {
			t.Errorf("%q matches %q: %v", c.glob, c.name, got)
		}
	}
	for glob, bad := range map[Glob]bool{"a[b": true, `a\`: true, "x[": true, "a": false, "[a-c]?*": false, "[]": true} {
		if glob.Bad() != bad {
			t.Errorf("%q is bad: %v", glob, !bad)
		}
	}
}
