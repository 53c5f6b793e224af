// SPDX-License-Identifier: BSD-3-Clause

package report

import (
	"bytes"
	"strings"
	"testing"

	"github.com/scpatch/scpatch/sites"
)

// TestSarif adds a site with a name that could be a link or forge a line, and a file
// with an absolute name.
func TestSarif(t *testing.T) {
	l := NewSarif("1")
	l.AddSites(&File{File: "/a b/x.o", Sites: []Site{
		{Function: "v::operator[](int)\x1b", Symbol: "v\n", Key: "k", Form: sites.Keep, Reason: sites.TargetWeak, Why: "why"},
		{Function: "f", Symbol: "f", Key: "k", Form: sites.Direct},
	}})
	l.Incomplete()
	var out bytes.Buffer
	if err := WriteJSON(&out, l); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		`"version":"1"`, `"executionSuccessful":false`, `"uri":"file:///a%20b/x.o"`, `"fullyQualifiedName":"v::operator[](int)\\x1b"`,
		`"site/v1":"v\\n k 1"`, `operator[\\](int)`,
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %s in\n%s", want, &out)
		}
	}
	if n := strings.Count(out.String(), `"ruleId"`); n != 1 {
		t.Errorf("%d results:\n%s", n, &out)
	}
}
