// SPDX-License-Identifier: BSD-3-Clause

// Command bench measures the CPU time and the memory of scpatch, and of other
// programs that copy, rewrite or read an object, and prints a Markdown table
// for each input. It reports what it measured and judges nothing.
//
//	bench [-n ROUNDS] INPUT...
//	bench [-n ROUNDS] -plot FILE.svg OBJECT...
//	bench -walk FILE
//
// An input is an object, or a directory of modules, which is processed as a
// batch. In each round every program runs once, so a busy machine affects all
// of them; the first round does not count. The CPU time is the operating
// system's account of the process and of those that it waited for, user and
// system. Ratios are taken within a round, and the numbers are medians. Peak
// RSS includes the pages of mapped files that were in memory, and the memory
// that this program had when it started the other, about 3 MiB.
//
// BENCH_ONLY in the environment selects programs by prefixes of their names,
// separated by spaces; cp always runs.
//
// With -plot the objects are named scale-SERIES-COUNT.o, and the CPU time of
// scpatch and of cp is plotted over the counts.
//
// With -walk it opens an object with debug/elf and reads its symbols and
// relocations: the least that a Go program does to look at an object.
package main

import (
	"context"
	"debug/elf"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"syscall"
	"time"
)

func main() {
	rounds := flag.Int("n", 9, "rounds")
	plot := flag.String("plot", "", "draw a plot")
	walk := flag.String("walk", "", "read an object with debug/elf")
	flag.Parse()
	var err error
	switch {
	case *walk != "":
		err = walkELF(*walk)
	case *plot != "":
		err = drawPlot(*plot, *rounds, flag.Args())
	default:
		err = tables(*rounds, flag.Args())
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// tables prints a table for each input.
func tables(rounds int, inputs []string) error {
	for _, path := range inputs {
		in, err := openInput(path)
		if err != nil {
			return err
		}
		programs := list(in)
		if err := measure(programs, rounds, in); err != nil {
			return err
		}
		fmt.Printf("\n%s, medians of %d rounds\n\n", in, rounds)
		fmt.Println("| program | CPU, ms | to cp | wall, ms | to cp | peak RSS, MiB |")
		fmt.Println("| --- | ---: | ---: | ---: | ---: | ---: |")
		for _, p := range programs {
			if p.failed != "" {
				fmt.Printf("| %s | %s | | | | |\n", p.name, p.failed)
				continue
			}
			fmt.Printf("| %s | %.1f | %.2f | %.1f | %.2f | %.1f |\n", p.name,
				1e3*median(p.cpu), median(p.cpuRatio), 1e3*median(p.wall), median(p.wallRatio), median(p.rss))
		}
	}
	return nil
}

// An input is a file, or the files of a directory.
type input struct {
	path  string
	files []string
	batch bool
	size  int64 // bytes
}

func openInput(path string) (*input, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	in := &input{path: path, files: []string{path}, batch: info.IsDir()}
	if in.batch {
		if in.files, err = filepath.Glob(filepath.Join(path, "*")); err != nil {
			return nil, err
		}
	}
	for _, f := range in.files {
		info, err := os.Stat(f)
		if err != nil {
			return nil, err
		}
		in.size += info.Size()
	}
	return in, nil
}

func (in *input) String() string {
	if in.batch {
		return fmt.Sprintf("`%s`, %d files, %.1f MB", filepath.Base(in.path), len(in.files), float64(in.size)/1e6)
	}
	return fmt.Sprintf("`%s`, %.1f MB", filepath.Base(in.path), float64(in.size)/1e6)
}

// measure runs the programs, round by round. Their output goes beside the
// input, on its file system. A program that fails is left out of the later
// rounds.
func measure(programs []*program, rounds int, in *input) error {
	dir, err := os.MkdirTemp(filepath.Dir(in.path), "bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	for round := range rounds + 1 {
		var cpu, wall float64 // of cp
		for i, p := range programs {
			if p.failed != "" {
				continue
			}
			out, err := p.prepare(in, dir)
			if err != nil {
				return err
			}
			r, err := p.run(in, out)
			if err != nil && i == 0 {
				return err
			}
			if err != nil {
				p.failed = "fails"
				if errors.Is(err, errSlow) {
					p.failed = err.Error()
				} else {
					fmt.Fprintln(os.Stderr, "bench:", err)
				}
				continue
			}
			if i == 0 {
				cpu, wall = r.cpu, r.wall
			}
			if round > 0 {
				p.add(r, cpu, wall)
			}
		}
	}
	return nil
}

// patience is how long a program may take.
const patience = time.Minute

var errSlow = errors.New("more than")

// A result is what one run took: seconds, seconds, MiB.
type result struct{ cpu, wall, rss float64 }

// run runs a program once.
func (p *program) run(in *input, out string) (r result, err error) {
	args := p.command(in, out)
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	start := time.Now()
	text, err := cmd.CombinedOutput()
	r.wall = time.Since(start).Seconds()
	state := cmd.ProcessState
	if ctx.Err() != nil {
		return r, fmt.Errorf("%w %.0f s", errSlow, patience.Seconds())
	}
	if state == nil || state.ExitCode() < 0 || state.ExitCode() > p.ok {
		return r, fmt.Errorf("%s: %w: %.500s", p.name, err, text)
	}
	r.cpu = (state.UserTime() + state.SystemTime()).Seconds()
	r.rss = float64(state.SysUsage().(*syscall.Rusage).Maxrss) / 1024
	return r, nil
}

// walkELF reads an object with debug/elf.
func walkELF(path string) error {
	f, err := elf.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	symbols, err := f.Symbols()
	if err != nil {
		return err
	}
	n := 0
	for _, s := range f.Sections {
		if s.Type != elf.SHT_RELA {
			continue
		}
		data, err := s.Data()
		if err != nil {
			return err
		}
		n += len(data) / 24
	}
	fmt.Println(len(symbols), n)
	return nil
}

func median(v []float64) float64 {
	s := slices.Sorted(slices.Values(v))
	if len(s) == 0 {
		return 0
	}
	return (s[(len(s)-1)/2] + s[len(s)/2]) / 2
}
