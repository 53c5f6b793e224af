// SPDX-License-Identifier: BSD-3-Clause

package cli

import (
	"os"
	"path/filepath"
	"strings"
)

// withArgument are the options of gcc and clang whose argument may be the next word.
var withArgument = words(`
	-o --output -x --language -I --include-directory -D --define-macro -U --undefine-macro
	-include --include -imacros --imacros -include-pch -idirafter --include-directory-after
	-isystem -isystem-after -cxx-isystem -stdlib++-isystem -iquote -iprefix --include-prefix
	-iwithprefix --include-with-prefix --include-with-prefix-after -iwithprefixbefore
	--include-with-prefix-before -isysroot --sysroot -iwithsysroot -iframework
	-iframeworkwithsysroot -ivfsoverlay -imultilib -imultiarch -fintrinsic-modules-path
	-MF -MT -MQ -MJ -dependency-file -dependency-dot -module-dependency-dir
	-A --assert -B -b -F -G -J -L -l -R -T -Tbss -Tdata -Ttext -e -u -z -arch -target
	-aux-info -dumpbase -dumpbase-ext -dumpdir --dumpbase --dumpbase-ext --dumpdir
	-specs --specs -wrapper -param --param --config -resource-dir -working-directory
	-serialize-diagnostics -fmodules-user-build-path -mllvm -meabi -mthread-model --analyzer-output
	-Xassembler --for-assembler -Xlinker --for-linker -Xpreprocessor -Xanalyzer -Xclang
	-Xarch_host -Xarch_device -Xopenmp-target
`)

func words(text string) map[string]bool {
	set := map[string]bool{}
	for _, w := range strings.Fields(text) {
		set[w] = true
	}
	return set
}

// objectNames returns the names of the objects that a compiler may write when it is
// called with these words: the file of -o, otherwise NAME.o in the working directory
// for each source. Without -c there are none. Other options may make it write none
// (-E, -fsyntax-only) or something else (-S, a header), so the caller must check
// which files are new objects.
func objectNames(args []string) []string {
	args, _ = expandFiles(args)
	var compiles, optionsEnd bool
	var output string
	var sources []string
	for i := 0; i < len(args); i++ {
		a := args[i]
		name, value, joined := strings.Cut(a, "=")
		switch {
		case optionsEnd || !strings.HasPrefix(a, "-") || a == "-":
			sources = append(sources, a)
		case a == "--":
			optionsEnd = true
		case a == "-c", a == "--compile":
			compiles = true
		case a == "-o", a == "--output":
			if i++; i < len(args) {
				output = args[i]
			}
		case joined && name == "--output":
			output = value
		case withArgument[a]:
			i++
		case strings.HasPrefix(a, "-o"):
			output = a[len("-o"):]
		}
	}
	switch {
	case !compiles:
		return nil
	case output != "":
		return []string{output}
	}
	for i, s := range sources {
		s = filepath.Base(s)
		sources[i] = strings.TrimSuffix(s, filepath.Ext(s)) + ".o"
	}
	return sources
}

// mostFiles limits the expansion of a file that names itself, as in gcc.
const mostFiles = 2000

// expandFiles replaces each @FILE by the words in the file, if it exists. It
// gives up after mostFiles files, and then ends is false.
func expandFiles(args []string) (words []string, ends bool) {
	args = append([]string(nil), args...)
	i := 0
	for files := 0; i < len(args) && files < mostFiles; {
		name, ok := strings.CutPrefix(args[i], "@")
		if !ok {
			i++
			continue
		}
		// Leave a pipe, which can be read only once, to the compiler.
		if info, err := os.Stat(name); err != nil || !info.Mode().IsRegular() {
			i++
			continue
		}
		text, err := os.ReadFile(name)
		if err != nil {
			i++
			continue
		}
		files++
		args = append(args[:i:i], append(splitWords(string(text)), args[i+1:]...)...)
	}
	return args, i == len(args)
}

// splitWords splits the text of a response file as gcc and clang do: at white space
// outside quotes. A backslash quotes the next character everywhere.
func splitWords(text string) (list []string) {
	var word strings.Builder
	var begun, escaped bool
	var quote byte
	for i := range len(text) {
		c := text[i]
		switch {
		case escaped:
			escaped = false
			word.WriteByte(c)
		case c == '\\':
			begun, escaped = true, true
		case quote != 0 && c == quote:
			quote = 0
		case quote == 0 && (c == '\'' || c == '"'):
			begun, quote = true, c
		case quote == 0 && strings.IndexByte(" \t\n\v\f\r", c) >= 0:
			if begun {
				list = append(list, word.String())
				word.Reset()
			}
			begun = false
		default:
			begun = true
			word.WriteByte(c)
		}
	}
	if begun {
		list = append(list, word.String())
	}
	return list
}
