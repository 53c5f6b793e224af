// SPDX-License-Identifier: BSD-3-Clause

package tooltest

import "testing"

// An outcome is a test that records how it would have ended, and goes on.
type outcome struct {
	testing.TB
	how string
}

func (*outcome) Helper()        {}
func (o *outcome) Fatal(...any) { o.end("failed") }
func (o *outcome) Skip(...any)  { o.end("skipped") }

func (o *outcome) end(how string) {
	if o.how == "" {
		o.how = how
	}
}

func TestPath(t *testing.T) {
	for _, c := range []struct{ program, required, how string }{
		{"go", "", ""},
		{"go", "1", ""},
		{"no-such-program", "", "skipped"},
		{"no-such-program", "0", "skipped"},
		{"no-such-program", "1", "failed"},
	} {
		t.Setenv("SCPATCH_REQUIRE_TOOLS", c.required)
		o := &outcome{TB: t}
		if path := Path(o, c.program); o.how != c.how || (path == "") != (c.how != "") {
			t.Errorf("%s, required %q: %q, %q; want %q", c.program, c.required, path, o.how, c.how)
		}
	}
}

func TestLong(t *testing.T) {
	want := map[bool]string{true: "skipped"}
	o := &outcome{TB: t}
	Long(o, "make soundness")
	if o.how != want[testing.Short()] {
		t.Errorf("Long: %q", o.how)
	}
	o = &outcome{TB: t}
	NoRace(o)
	if o.how != want[raceDetector] {
		t.Errorf("NoRace: %q", o.how)
	}
	for brief, want := range map[string]bool{"": raceDetector, "0": raceDetector, "1": true} {
		t.Setenv("SCPATCH_BRIEF", brief)
		if Brief() != want {
			t.Errorf("SCPATCH_BRIEF=%s: %v", brief, Brief())
		}
	}
}
