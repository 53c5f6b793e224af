// SPDX-License-Identifier: BSD-3-Clause

package e2e

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/scpatch/scpatch/cmd/scpatch/internal/clitest"
	"github.com/scpatch/scpatch/ppc64/tooltest"
)

// A link unit with a key, its trampoline and a caller, as in a module built
// without scpatch.
const unlistedUnit = `#include "static_call.h"
struct key { void *func; };
typedef long fn(long);
static long count = 41;
static __attribute__((noinline)) long own(long x) { return x + count; }
struct key __SCK__op __attribute__((visibility("hidden"))) = { own };
asm(".text\n"
    "	.align 5\n"
    "	.globl __SCT__op\n"
    "	.hidden __SCT__op\n"
    "__SCT__op:\n"
    "	addis 2,12,(.TOC.-__SCT__op)@ha\n"
    "	addi 2,2,(.TOC.-__SCT__op)@l\n"
    "	.localentry __SCT__op, .-__SCT__op\n"
    "	addis 12,2,__SCK__op@toc@ha\n"
    "	ld 12,__SCK__op@toc@l(12)\n"
    "	cmpdi 12,0\n"
    "	beqlr\n"
    "	mtctr 12\n"
    "	bctr\n"
    "	.type __SCT__op, @function\n"
    "	.size __SCT__op, .-__SCT__op\n");
extern fn __SCT__op __attribute__((visibility("hidden")));
long call(long x, int *lost)
{
	unsigned long before, after;
	long r;

	asm volatile("mr %0,2" : "=r" (before) : : "memory");
	r = __raw_static_call(op)(x);
	asm volatile("mr %0,2" : "=r" (after) : : "memory");
	*lost += before != after;
	return r;
}
void update(void *func) { __SCK__op.func = func; }
`

const unlistedOther = `static long base = 1000;
long other(long x) { base++; return x + base; }
`

const unlistedMain = `#include <stdio.h>
long call(long, int *);
void update(void *);
long other(long);
int main(void)
{
	int lost = 0;
	long a = call(1, &lost), b, c;

	update(other);
	b = call(1, &lost);
	c = call(1, &lost);
	update(0);
	call(1, &lost);
	printf("%ld %ld %ld, r2 lost %d times\n", a, b, c, lost);
}
`

// unlistedCall matches static_call() in the kernel's header for code that
// scpatch does not list.
var unlistedCall = regexp.MustCompile(`(?s)\n\+#ifdef STATIC_CALL_UNLISTED\n(.*?)\n\+#else\n`)

// TestE2EUnlisted makes static calls that no tool has listed, with the macro of each
// kernel series that has one. r2 must be restored after a function of another link
// unit; a plain call to the trampoline loses it.
func TestE2EUnlisted(t *testing.T) {
	tooltest.Need(t, "powerpc64le-linux-gnu-gcc", "clang", "qemu-ppc64le")
	compilers := map[string][]string{
		"gcc":   {"powerpc64le-linux-gnu-gcc"},
		"large": {"powerpc64le-linux-gnu-gcc", "-mcmodel=large"},
		"clang": {"clang", "--target=powerpc64le-linux-gnu"},
	}
	const byName = "#define __raw_static_call(name) (&STATIC_CALL_TRAMP(name))\n"
	const want = "42 1002 1003, r2 lost %d times\n"
	headers := map[string]string{}
	patches, err := filepath.Glob(clitest.RepoPath("kbuild", "patches", "*", "*-kbuild-Let-scpatch-make-*.patch"))
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range patches {
		text := string(clitest.ReadFile(t, p))
		if m := unlistedCall.FindStringSubmatch(text); m != nil {
			headers[filepath.Base(filepath.Dir(p))] = strings.ReplaceAll("\n"+m[1], "\n+", "\n") + "\n"
		}
	}
	if len(headers) < 2 {
		t.Fatalf("%d series have STATIC_CALL_UNLISTED, expected 6.1 and 6.12 at least", len(headers))
	}
	headers["by name"] = byName
	for name, header := range headers {
		for compiler, words := range compilers {
			t.Run(name+"/"+compiler, func(t *testing.T) {
				lost := "0"
				if name == "by name" {
					lost = "2"
				}
				want := strings.Replace(want, "%d", lost, 1)
				if got := runUnlisted(t, header, words); got != want {
					t.Errorf("%q, expected %q", got, want)
				}
			})
		}
	}
}

// runUnlisted builds the two libraries and the program, and returns its output.
func runUnlisted(t *testing.T, header string, compiler []string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range map[string]string{
		"static_call.h": "#define STATIC_CALL_TRAMP(name) __SCT__##name\n" +
			"#define OPTIMIZER_HIDE_VAR(var) __asm__ (\"\" : \"=r\" (var) : \"0\" (var))\n" + header,
		"unit.c": unlistedUnit, "other.c": unlistedOther, "main.c": unlistedMain,
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	cc := func(args ...string) {
		execute(t, dir, append(append([]string{}, compiler...), args...))
	}
	cc("-O2", "-fPIC", "-c", "unit.c")
	for _, link := range [][]string{
		{"-shared", "-o", "libunit.so", "unit.o"},
		{"-O2", "-fPIC", "-shared", "-o", "libother.so", "other.c"},
		{"-O2", "-o", "main", "main.c", "-L.", "-lunit", "-lother", "-Wl,-rpath,."},
	} {
		execute(t, dir, append([]string{"powerpc64le-linux-gnu-gcc"}, link...))
	}
	return string(execute(t, dir, []string{"qemu-ppc64le", "-L", "/usr/powerpc64le-linux-gnu", "./main"}))
}
