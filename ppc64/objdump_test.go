// SPDX-License-Identifier: BSD-3-Clause

package ppc64

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/scpatch/scpatch/ppc64/tooltest"
)

const objdumpTool = "powerpc64le-linux-gnu-objdump"

var (
	objdumpLine  = regexp.MustCompile(`^\s*([0-9a-f]+):\t(?:[0-9a-f]{2} )+\s*\t(.*)$`)
	objdumpBlank = regexp.MustCompile(`\s+`)
	objdumpNote  = regexp.MustCompile(`\s+#.*$`)
	relTarget    = regexp.MustCompile(`0x[0-9a-f]+$`)
)

// objdump returns objdump's text for each of the instructions, a prefixed one
// being two words, with the targets of relative branches as displacements.
func objdump(t *testing.T, words []Word) []string {
	t.Helper()
	b := make([]byte, WordSize*len(words))
	for i, w := range words {
		w.Put(b[WordSize*i:])
	}
	file := filepath.Join(t.TempDir(), "words")
	if err := os.WriteFile(file, b, 0o666); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(tooltest.Path(t, objdumpTool), "-b", "binary", "-m", "powerpc:common64", "-EL", "-D", "-w", "-z", "-M", "power10", file)
	cmd.Env = append(os.Environ(), "LC_ALL=C")
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	var texts []string
	for line := range strings.Lines(string(out)) {
		m := objdumpLine.FindStringSubmatch(strings.TrimSuffix(line, "\n"))
		if m == nil {
			continue
		}
		off, err := strconv.ParseUint(m[1], 16, 64)
		if err != nil {
			t.Fatal(err)
		}
		text := objdumpNote.ReplaceAllString(strings.TrimSpace(objdumpBlank.ReplaceAllString(m[2], " ")), "")
		if w := words[off/WordSize]; (w.IsBranch() || w.IsCondBranch()) && !w.AA() {
			text = relTarget.ReplaceAllStringFunc(text, func(s string) string {
				v, _ := strconv.ParseUint(s, 0, 64)
				if disp := int64(v - off); disp < 0 {
					return fmt.Sprintf(".-%#x", -disp)
				}
				return fmt.Sprintf(".+%#x", v-off)
			})
		}
		texts = append(texts, text)
	}
	return texts
}

func TestGoldenObjdump(t *testing.T) {
	gs := readGolden(t)
	var words []Word
	for _, g := range gs {
		words = append(words, g.w)
		if g.w.IsPrefix() {
			words = append(words, g.suffix)
		}
	}
	texts := objdump(t, words)
	if len(texts) != len(gs) {
		t.Fatalf("%d instructions, objdump sees %d", len(gs), len(texts))
	}
	for i, g := range gs {
		if texts[i] != g.objdump {
			t.Errorf("%08x: golden %q, objdump %q", uint32(g.w), g.objdump, texts[i])
		}
	}
}
