// SPDX-License-Identifier: BSD-3-Clause

// Command bench measures the CPU time and the memory of scpatch beside those of
// programs that copy or rewrite an object too, and prints a Markdown table for
// each object given. It states what it measured and judges nothing.
//
//	bench [-n ROUNDS] OBJECT...
//
// The programs are cp, $SCPATCH, the cross and LLVM's objcopy as far as they are
// installed, and objtool if $OBJTOOL names one (its arguments in $OBJTOOL_ARGS,
// --static-call if that is not set). In each round every program runs once, so
// that a busy machine is busy for all of them; the first round is not counted.
// Ratios are taken within a round. The numbers are medians. Peak RSS
// counts what this program had when it started the other, 3 MiB or so.
package main

import (
	"cmp"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

// A program is a command line in which IN and OUT stand for files. One without
// IN works in place: OUT is a fresh copy of the input.
type program struct {
	name string
	args []string
	ok   int // highest exit code that is no failure

	cpu, wall, ratio []float64 // seconds, seconds, CPU time per that of cp
	rss              []float64 // MiB
}

func main() {
	rounds := flag.Int("n", 9, "rounds")
	flag.Parse()
	if err := run(*rounds, flag.Args()); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(rounds int, objects []string) error {
	for _, object := range objects {
		dir, err := os.MkdirTemp(filepath.Dir(object), "bench-")
		if err != nil {
			return err
		}
		programs := list()
		err = measure(programs, rounds, object, filepath.Join(dir, "out.o"))
		if err := cmp.Or(err, os.RemoveAll(dir)); err != nil {
			return err
		}
		info, err := os.Stat(object)
		if err != nil {
			return err
		}
		fmt.Printf("\n`%s`, %.1f MB, medians of %d rounds\n\n", filepath.Base(object), float64(info.Size())/1e6, rounds)
		fmt.Println("| program | CPU, ms | to cp | wall, ms | peak RSS, MiB |")
		fmt.Println("| --- | ---: | ---: | ---: | ---: |")
		for _, p := range programs {
			fmt.Printf("| %s | %.1f | %.2f | %.1f | %.1f |\n", p.name,
				1e3*median(p.cpu), median(p.ratio), 1e3*median(p.wall), median(p.rss))
		}
	}
	return nil
}

// list names the programs that there are, cp first.
func list() []*program {
	scpatch := cmp.Or(os.Getenv("SCPATCH"), "build/scpatch")
	all := []*program{
		{name: "cp", args: []string{"cp", "IN", "OUT"}},
		{name: "scpatch -o", args: []string{scpatch, "-q", "-o", "OUT", "IN"}, ok: 1},
		{name: "scpatch, in place", args: []string{scpatch, "-q", "OUT"}, ok: 1},
		{name: "GNU objcopy", args: []string{"powerpc64le-linux-gnu-objcopy", "IN", "OUT"}},
		{name: "llvm-objcopy", args: []string{"llvm-objcopy", "IN", "OUT"}},
	}
	if objtool := os.Getenv("OBJTOOL"); objtool != "" {
		args := strings.Fields(cmp.Or(os.Getenv("OBJTOOL_ARGS"), "--static-call"))
		all = append(all, &program{name: "objtool, in place", args: append(append([]string{objtool}, args...), "OUT")})
	}
	return slices.DeleteFunc(all, func(p *program) bool {
		_, err := exec.LookPath(p.args[0])
		return err != nil
	})
}

func measure(programs []*program, rounds int, in, out string) error {
	for round := range rounds + 1 {
		var base float64
		for _, p := range programs {
			if err := prepare(p, in, out); err != nil {
				return err
			}
			args := slices.Clone(p.args)
			for i, a := range args {
				switch a {
				case "IN":
					args[i] = in
				case "OUT":
					args[i] = out
				}
			}
			cmd := exec.Command(args[0], args[1:]...)
			start := time.Now()
			text, err := cmd.CombinedOutput()
			wall := time.Since(start).Seconds()
			if cmd.ProcessState == nil || cmd.ProcessState.ExitCode() < 0 || cmd.ProcessState.ExitCode() > p.ok {
				return fmt.Errorf("%s: %w: %s", strings.Join(args, " "), err, text)
			}
			if round == 0 {
				continue
			}
			cpu := (cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()).Seconds()
			if p == programs[0] {
				base = cpu
			}
			p.cpu = append(p.cpu, cpu)
			p.wall = append(p.wall, wall)
			p.ratio = append(p.ratio, cpu/base)
			usage := cmd.ProcessState.SysUsage().(*syscall.Rusage)
			p.rss = append(p.rss, float64(usage.Maxrss)/1024)
		}
	}
	return nil
}

// prepare leaves no output of the run before, or a fresh input to work on.
func prepare(p *program, in, out string) error {
	if err := os.RemoveAll(out); err != nil || slices.Contains(p.args, "IN") {
		return err
	}
	from, err := os.Open(in)
	if err != nil {
		return err
	}
	defer from.Close()
	to, err := os.Create(out)
	if err != nil {
		return err
	}
	_, err = io.Copy(to, from)
	return errors.Join(err, to.Close())
}

func median(v []float64) float64 {
	s := slices.Sorted(slices.Values(v))
	if len(s) == 0 {
		return 0
	}
	return (s[(len(s)-1)/2] + s[len(s)/2]) / 2
}
