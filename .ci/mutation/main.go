// SPDX-License-Identifier: BSD-3-Clause

// Command mutation runs the mutation tester gremlins over packages of this
// module, each with its own tests, and prints a table of what they killed. It
// fails if a package's score is too low, or if a mutant survives that the list
// of survivors does not explain.
//
//	go run ./.ci/mutation [flags] PACKAGE...
//
// Gremlins works on a copy of the tracked files, and runs this program as "go":
// see asGo.
package main

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Gremlins is the mutation tester, at the version that the scores come from.
const gremlins = "github.com/go-gremlins/gremlins/cmd/gremlins@v0.6.0"

// mutators are enabled in addition to gremlins's defaults, which negate
// comparisons, move their bounds, and swap arithmetic operators, ++ and --, and
// signs.
var mutators = []string{"--invert-logical", "--invert-bitwise", "--invert-loopctrl"}

type options struct {
	dir       string // where the output goes
	survivors string
	skip      string // tests that are left out
	every     int    // one mutant of this many is tested
	offset    int
	least     float64
	workers   int
	update    bool
	again     bool
}

func main() {
	if filepath.Base(os.Args[0]) == "go" {
		os.Exit(asGo(os.Args[1:]))
	}
	var o options
	flag.StringVar(&o.dir, "dir", "build/mutation", "where the reports and the copy go")
	flag.StringVar(&o.survivors, "survivors", ".ci/mutation/survivors.txt", "the list of survivors, with the reason for each")
	flag.StringVar(&o.skip, "skip", "", "a pattern of tests that are left out")
	flag.IntVar(&o.every, "every", 1, "test one mutant of so many")
	flag.IntVar(&o.offset, "offset", 0, "the first one to test")
	flag.Float64Var(&o.least, "least", 90, "the least score of a package, in percent")
	flag.IntVar(&o.workers, "workers", 1, "how many mutants are tested at once")
	flag.BoolVar(&o.update, "update", false, "rewrite the entries of the packages in the list of survivors")
	flag.BoolVar(&o.again, "again", false, "do not test what an earlier run has killed, in files that have not changed since")
	flag.Parse()
	ok, err := run(&o, flag.Args())
	if err != nil {
		fmt.Fprintln(os.Stderr, "mutation:", err)
	}
	if err != nil || !ok {
		os.Exit(1)
	}
}

func run(o *options, packages []string) (bool, error) {
	switch {
	case o.every < 1 || o.every > 1 && o.workers > 1:
		return false, fmt.Errorf("a sample takes one worker: which mutants are tested depends on their order")
	case o.every > 1 && o.update:
		return false, fmt.Errorf("a sample does not have all survivors")
	}
	list, err := readList(o.survivors)
	if err != nil {
		return false, err
	}
	var err2 error
	if o.dir, err2 = filepath.Abs(o.dir); err2 != nil {
		return false, err2
	}
	bin := filepath.Join(o.dir, "bin")
	if err := setUp(o.dir, bin); err != nil {
		return false, err
	}
	ok := true
	fmt.Printf("%-16s %7s %7s %7s %7s %8s %7s %6s %6s\n", "package", "mutants", "killed", "timeout", "lived", "no cover", "invalid", "score", "time")
	for _, p := range packages {
		p = filepath.ToSlash(filepath.Clean(p))
		start := time.Now()
		report, err := unleash(o, bin, p)
		if err != nil {
			return false, fmt.Errorf("%s: %w", p, err)
		}
		t := report.tally()
		fmt.Printf("%-16s %7d %7d %7d %7d %8d %7d %5.1f%% %6s\n", p, t.tested(), t.killed, t.timedOut, t.lived, t.notCovered, t.invalid,
			t.score(), time.Since(start).Round(time.Second))
		alive, err := report.survivors(p)
		if err != nil {
			return false, err
		}
		if o.update {
			list.replace(p, alive)
			continue
		}
		for _, s := range list.unexplained(alive) {
			if o.every == 1 || slices.Contains(list.whole, p) {
				ok = false
			}
			fmt.Printf("a mutant survives, and %s does not say why that changes nothing:\n%v", o.survivors, s)
		}
		if o.every == 1 {
			for _, s := range list.stale(p, alive) {
				ok = false
				fmt.Printf("%s lists what does not survive:\n%v", o.survivors, s)
			}
			if t.score() < o.least {
				ok = false
				fmt.Printf("%s: the score is below %g%%\n", p, o.least)
			}
		}
	}
	if o.update {
		return true, os.WriteFile(o.survivors, []byte(list.String()), 0o666)
	}
	return ok, nil
}

// setUp copies the module, and builds gremlins, and this program as go.
func setUp(dir, bin string) error {
	tree := filepath.Join(dir, "tree")
	if err := os.RemoveAll(tree); err != nil {
		return err
	}
	out, err := exec.Command("git", "ls-files", "-z").Output()
	if err != nil {
		return fmt.Errorf("git ls-files: %w", err)
	}
	for _, name := range strings.Split(strings.TrimRight(string(out), "\x00"), "\x00") {
		if err := copyFile(name, filepath.Join(tree, name)); err != nil {
			return err
		}
	}
	// This version of gremlins takes the first line of go.mod for the module's.
	mod, err := os.ReadFile("go.mod")
	if err != nil {
		return err
	}
	if _, rest, ok := bytes.Cut(mod, []byte("\nmodule ")); ok {
		mod = append([]byte("module "), rest...)
	}
	if err := os.WriteFile(filepath.Join(tree, "go.mod"), mod, 0o666); err != nil {
		return err
	}
	build := exec.Command("go", "build", "-o", filepath.Join(bin, "go"), "./.ci/mutation")
	install := exec.Command("go", "install", gremlins)
	install.Env = append(os.Environ(), "GOBIN="+bin, "GOFLAGS=")
	for _, c := range []*exec.Cmd{build, install} {
		c.Stdout, c.Stderr = os.Stderr, os.Stderr
		if err := c.Run(); err != nil {
			return fmt.Errorf("%v: %w", c.Args, err)
		}
	}
	return nil
}

func copyFile(from, to string) error {
	info, err := os.Lstat(from)
	if os.IsNotExist(err) {
		return nil // removed, but not yet in a commit
	}
	if err != nil || !info.Mode().IsRegular() {
		return err
	}
	b, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(to), 0o777); err != nil {
		return err
	}
	return os.WriteFile(to, b, info.Mode())
}

// unleash tests the mutants of one package, and returns gremlins's report.
func unleash(o *options, bin, p string) (*report, error) {
	name := filepath.Join(o.dir, strings.ReplaceAll(p, "/", "-"))
	tmp, err := os.MkdirTemp("", "mutation-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(tmp)
	if err := os.Chmod(tmp, 0o755); err != nil { // tests act as other users
		return nil, err
	}
	log, err := os.Create(name + ".log")
	if err != nil {
		return nil, err
	}
	defer log.Close()
	goTool, err := exec.LookPath("go")
	if err != nil {
		return nil, err
	}
	if err := os.RemoveAll(name + ".json"); err != nil {
		return nil, err
	}
	if err := forget(name+".verdicts", o.again); err != nil {
		return nil, err
	}
	tree := filepath.Join(o.dir, "tree")
	j := &job{goTool, filepath.Join(tree, p), filepath.Join(tmp, "collected"), filepath.Join(tmp, "tests"), o.skip, nil}
	if err := os.Mkdir(j.collected, 0o755); err != nil {
		return nil, err
	}
	planned := filepath.Join(tmp, "plan")
	j.env = append(os.Environ(), "PATH="+bin+":"+os.Getenv("PATH"), "TMPDIR="+tmp, "SCPATCH_REQUIRE_TOOLS=1", "SCPATCH_BRIEF=1",
		"SCPATCH_ASSEMBLED="+tmp, envGo+"="+goTool, envEvery+"="+strconv.Itoa(o.every), envOffset+"="+strconv.Itoa(o.offset),
		envCount+"="+filepath.Join(tmp, "count"), envSource+"="+j.source, envVerdicts+"="+name+".verdicts", envPlan+"="+planned)
	gremlins := func(env ...string) error {
		// A mutant's time is limited by its tests: gremlins gives it an hour.
		cmd := exec.Command(filepath.Join(bin, "gremlins"), append([]string{"unleash", "./" + p, "--exclude-files", "/",
			"--timeout-coefficient", "3600", "--workers", strconv.Itoa(o.workers), "--output", name + ".json"}, mutators...)...)
		cmd.Dir, cmd.Env, cmd.Stdout, cmd.Stderr = tree, append(j.env, env...), log, log
		if err := cmd.Run(); err != nil {
			return fmt.Errorf("gremlins: %w; see %s", err, log.Name())
		}
		return nil
	}
	if err := gremlins(envCollect + "=" + j.collected); err != nil {
		return nil, err
	}
	plan, err := j.plan()
	if err != nil {
		return nil, err
	}
	if err := plan.write(planned); err != nil {
		return nil, err
	}
	if err := gremlins(); err != nil {
		return nil, err
	}
	b, err := os.ReadFile(name + ".json")
	if err != nil {
		return nil, err
	}
	r := &report{dir: tree}
	if err := json.Unmarshal(b, r); err != nil {
		return nil, err
	}
	// Gremlins takes any trouble for a mutant that lived.
	noted, err := countLived(name + ".verdicts")
	if err == nil && noted != r.tally().lived {
		err = fmt.Errorf("%d mutants lived, but %d were tested to the end; see %s", r.tally().lived, noted, log.Name())
	}
	return r, err
}
