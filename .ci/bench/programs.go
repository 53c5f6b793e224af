// SPDX-License-Identifier: BSD-3-Clause

package main

import (
	"cmp"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// A program is a command line in which IN and OUT stand for the input and the
// output. A program that works in place has no IN, and finds a fresh copy of
// the input at OUT. In a batch, OUT stands for all the files.
type program struct {
	name string
	args []string
	ok   int  // highest exit code that is not a failure
	each bool // in a batch: a process for each file

	failed                              string
	cpu, wall, cpuRatio, wallRatio, rss []float64
}

// list returns the installed programs that can work on the input, cp first.
func list(in *input) []*program {
	scpatch := cmp.Or(os.Getenv("SCPATCH"), "build/scpatch")
	all := []*program{
		{name: "cp", args: []string{"cp", "IN", "OUT"}},
		{name: "scpatch -o", args: []string{scpatch, "-q", "-o", "OUT", "IN"}, ok: 1},
		{name: "scpatch, in place", args: []string{scpatch, "-q", "OUT"}, ok: 1},
	}
	if in.batch {
		all[1] = &program{name: "scpatch, a process for each", args: []string{scpatch, "-q", "OUT"}, ok: 1, each: true}
	} else {
		all = append(all,
			&program{name: "GNU objcopy", args: []string{"powerpc64le-linux-gnu-objcopy", "IN", "OUT"}},
			&program{name: "llvm-objcopy", args: []string{"llvm-objcopy", "IN", "OUT"}},
			&program{name: "ld.bfd -r", args: []string{"powerpc64le-linux-gnu-ld.bfd", "-r", "-o", "OUT", "IN"}},
			&program{name: "ld.lld -r", args: []string{"ld.lld", "-r", "-o", "OUT", "IN"}},
			&program{name: "debug/elf, reading", args: []string{os.Args[0], "-walk", "IN"}},
		)
	}
	if objtool := os.Getenv("OBJTOOL"); objtool != "" {
		args := strings.Fields(cmp.Or(os.Getenv("OBJTOOL_ARGS"), "--static-call"))
		all = append(all, &program{name: "objtool, in place", args: append(append([]string{objtool}, args...), "OUT"), each: in.batch})
	}
	only := strings.Fields(os.Getenv("BENCH_ONLY"))
	return slices.DeleteFunc(all, func(p *program) bool {
		_, err := exec.LookPath(p.args[0])
		skip := len(only) > 0 && p != all[0] && !slices.ContainsFunc(only, func(w string) bool { return strings.HasPrefix(p.name, w) })
		return err != nil || skip
	})
}

func (p *program) add(r result, cpu, wall float64) {
	p.cpu = append(p.cpu, r.cpu)
	p.wall = append(p.wall, r.wall)
	p.rss = append(p.rss, r.rss)
	p.cpuRatio = append(p.cpuRatio, r.cpu/cpu)
	p.wallRatio = append(p.wallRatio, r.wall/wall)
}

// command is the command line for an input.
func (p *program) command(in *input, out string) []string {
	var outs []string
	for _, f := range in.files {
		if in.batch {
			outs = append(outs, filepath.Join(out, filepath.Base(f)))
		} else {
			outs = append(outs, out)
		}
	}
	var args []string
	for _, a := range p.args {
		switch {
		case a == "IN":
			args = append(args, in.files...)
		case a == "OUT" && in.batch && slices.Contains(p.args, "IN"):
			args = append(args, out)
		case a == "OUT" && p.each:
			args = append(args, `"$f"`)
		case a == "OUT":
			args = append(args, outs...)
		default:
			args = append(args, a)
		}
	}
	if p.each {
		args = append([]string{"sh", "-c", "for f; do " + strings.Join(args, " ") + "; done", "sh"}, outs...)
	}
	return args
}

// prepare removes the output of the last run, or puts a fresh input in its
// place.
func (p *program) prepare(in *input, dir string) (string, error) {
	out := filepath.Join(dir, "out.o")
	if err := os.RemoveAll(out); err != nil {
		return "", err
	}
	if in.batch {
		if err := os.Mkdir(out, 0o777); err != nil {
			return "", err
		}
	}
	if slices.Contains(p.args, "IN") {
		return out, nil
	}
	fresh := program{args: []string{"cp", "IN", "OUT"}}
	args := fresh.command(in, out)
	return out, exec.Command(args[0], args[1:]...).Run()
}
