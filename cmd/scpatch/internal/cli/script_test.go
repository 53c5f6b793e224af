// SPDX-License-Identifier: BSD-3-Clause

package cli

import (
	"bufio"
	"bytes"
	"debug/elf"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	ossignal "os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/scpatch/scpatch/cmd/scpatch/internal/clitest"
	"github.com/scpatch/scpatch/cmd/scpatch/internal/report"
	"github.com/scpatch/scpatch/elfrw"
	"github.com/scpatch/scpatch/ppc64/tooltest"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"scpatch":        Main,
		"scpatch-nobody": mainUnprivileged,
	})
}

// TestScript runs testdata/script/*.txtar: the command line as a user sees it.
// Each script finds a copy of the repository's objects in $WORK/obj. Besides
// testscript's own commands there are those of scriptCommands.
func TestScript(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                filepath.Join("testdata", "script"),
		RequireUniqueNames: true,
		Setup: func(env *testscript.Env) error {
			env.Values[stampsKey{}] = map[string]fs.FileInfo{}
			// Under the race detector each process would sleep for a second.
			env.Setenv("GORACE", "atexit_sleep_ms=0")
			// scpatch-nobody looks here.
			if err := os.Chmod(env.WorkDir, 0o755); err != nil {
				return err
			}
			return os.CopyFS(filepath.Join(env.WorkDir, "obj"), os.DirFS(clitest.RepoPath("testdata", "obj")))
		},
		Condition: func(cond string) (bool, error) {
			switch cond {
			case "unprivileged":
				return canDropPrivileges(), nil
			case "archiver":
				_, err := exec.LookPath("powerpc64le-linux-gnu-ar")
				return err == nil || tooltest.Required(), nil
			}
			return false, fmt.Errorf("unknown condition %q", cond)
		},
		Cmds: scriptCommands,
	})
}

// nobody is the user and group that scpatch-nobody runs as.
const nobody = 65534

// mainUnprivileged is Main for a user who may not write where permissions
// forbid it. Root may, so root becomes nobody first.
func mainUnprivileged() {
	if os.Geteuid() == 0 {
		for _, drop := range []func() error{
			func() error { return syscall.Setgroups(nil) },
			func() error { return syscall.Setgid(nobody) },
			func() error { return syscall.Setuid(nobody) },
		} {
			if err := drop(); err != nil {
				fmt.Fprintln(os.Stderr, "scpatch-nobody:", err)
				os.Exit(125)
			}
		}
	}
	Main()
}

// canDropPrivileges reports whether scpatch-nobody works, which it does not in
// a container without that user. With SCPATCH_REQUIRE_TOOLS=1 it is assumed to
// work, and fails otherwise.
func canDropPrivileges() bool {
	if os.Geteuid() != 0 || tooltest.Required() {
		return true
	}
	maps, err := os.ReadFile("/proc/self/uid_map")
	if err != nil {
		return false
	}
	for _, line := range strings.Split(string(maps), "\n") {
		var inside, outside, n uint64
		if _, err := fmt.Sscan(line, &inside, &outside, &n); err == nil && inside <= nobody && nobody-inside < n {
			return true
		}
	}
	return false
}

type stampsKey struct{}

type scriptCommand = func(ts *testscript.TestScript, neg bool, args []string)

var scriptCommands = map[string]scriptCommand{
	// status CODE COMMAND ARG... the command must end with this exit code
	"status": func(ts *testscript.TestScript, neg bool, args []string) {
		want, err := strconv.Atoi(need(ts, neg, args, 2, -1)[0])
		ts.Check(err)
		got := 0
		if err := ts.Exec(args[1], args[2:]...); err != nil {
			var exit *exec.ExitError
			if !errors.As(err, &exit) {
				ts.Fatalf("%v", err)
			}
			got = exit.ExitCode()
		}
		if got != want {
			ts.Fatalf("exit code %d, want %d\nstdout: %s\nstderr: %s", got, want, ts.ReadFile("stdout"), ts.ReadFile("stderr"))
		}
	},

	// lines FILE N  the file (or stdout, stderr) has N lines
	"lines": func(ts *testscript.TestScript, neg bool, args []string) {
		want, err := strconv.Atoi(need(ts, neg, args, 2, 2)[1])
		ts.Check(err)
		if got := strings.Count(ts.ReadFile(args[0]), "\n"); got != want {
			ts.Fatalf("%s has %d lines, want %d:\n%s", args[0], got, want, ts.ReadFile(args[0]))
		}
	},

	// json FILE FIELD...  every line is a JSON object with these fields, and there is one
	"json": func(ts *testscript.TestScript, neg bool, args []string) {
		need(ts, neg, args, 1, -1)
		n := 0
		for in := bufio.NewScanner(strings.NewReader(ts.ReadFile(args[0]))); in.Scan(); n++ {
			var object map[string]any
			if err := json.Unmarshal(in.Bytes(), &object); err != nil {
				ts.Fatalf("%s: line %d: %v: %s", args[0], n+1, err, in.Text())
			}
			for _, field := range args[1:] {
				if _, ok := object[field]; !ok {
					ts.Fatalf("%s: line %d: no field %q: %s", args[0], n+1, field, in.Text())
				}
			}
		}
		if n == 0 {
			ts.Fatalf("%s is empty", args[0])
		}
	},

	// listing FILE must be output of list --json, with documented fields only
	"listing": func(ts *testscript.TestScript, neg bool, args []string) {
		in := json.NewDecoder(strings.NewReader(ts.ReadFile(need(ts, neg, args, 1, 1)[0])))
		in.DisallowUnknownFields()
		for in.More() {
			var v report.File
			ts.Check(in.Decode(&v))
			if v.Version != report.Version || v.File == "" || v.Sites == nil {
				ts.Fatalf("version %d, file %q, sites %v", v.Version, v.File, v.Sites)
			}
			for _, s := range v.Sites {
				if s.Section == "" || s.Key == "" || s.Before[0] == "" || s.After[0] == "" {
					ts.Fatalf("a field is empty: %+v", s)
				}
			}
		}
	},

	// stamp FILE...  remembers inode, time and mode of the files
	"stamp": func(ts *testscript.TestScript, neg bool, args []string) {
		for _, name := range need(ts, neg, args, 1, -1) {
			stamps(ts)[name] = stat(ts, name)
		}
	},

	// untouched FILE... the files must not have been written or replaced since they were
	// stamped
	"untouched": func(ts *testscript.TestScript, neg bool, args []string) {
		for _, name := range need(ts, neg, args, 1, -1) {
			was, is := stamps(ts)[name], stat(ts, name)
			if was == nil {
				ts.Fatalf("%s has no stamp", name)
			}
			if !os.SameFile(was, is) || !was.ModTime().Equal(is.ModTime()) || was.Mode() != is.Mode() {
				ts.Fatalf("%s: was %v %v, is %v %v", name, was.Mode(), was.ModTime(), is.Mode(), is.ModTime())
			}
		}
	},

	// replaced FILE... the files must have been replaced since they were stamped, with the same
	// mode and owner
	"replaced": func(ts *testscript.TestScript, neg bool, args []string) {
		for _, name := range need(ts, neg, args, 1, -1) {
			was, is := stamps(ts)[name], stat(ts, name)
			a, b := was.Sys().(*syscall.Stat_t), is.Sys().(*syscall.Stat_t)
			if os.SameFile(was, is) || was.Mode() != is.Mode() || a.Uid != b.Uid || a.Gid != b.Gid {
				ts.Fatalf("%s: was %v, is %v", name, was.Mode(), is.Mode())
			}
		}
	},

	// [!] samefile A B two names must refer to the same file
	"samefile": func(ts *testscript.TestScript, neg bool, args []string) {
		need(ts, false, args, 2, 2)
		if os.SameFile(stat(ts, args[0]), stat(ts, args[1])) == neg {
			ts.Fatalf("%s and %s: one file is %v", args[0], args[1], !neg)
		}
	},

	// leads LINK TARGET must be a symbolic link with this text
	"leads": func(ts *testscript.TestScript, neg bool, args []string) {
		got, err := os.Readlink(ts.MkAbs(need(ts, neg, args, 2, 2)[0]))
		ts.Check(err)
		if got != args[1] {
			ts.Fatalf("%s leads to %s, want %s", args[0], got, args[1])
		}
	},

	// mode OCTAL FILE  the permission bits of a file
	"mode": func(ts *testscript.TestScript, neg bool, args []string) {
		want, err := strconv.ParseUint(need(ts, neg, args, 2, 2)[0], 8, 32)
		ts.Check(err)
		if got := stat(ts, args[1]).Mode().Perm(); got != fs.FileMode(want) {
			ts.Fatalf("mode of %s is %o, want %o", args[1], got, want)
		}
	},

	// neat there must be no temporary file left in $WORK
	"neat": func(ts *testscript.TestScript, neg bool, args []string) {
		need(ts, neg, args, 0, 0)
		ts.Check(filepath.WalkDir(ts.Getenv("WORK"), func(path string, d fs.DirEntry, err error) error {
			if err == nil && strings.HasPrefix(d.Name(), ".scpatch-") {
				err = fmt.Errorf("a stray file: %s", path)
			}
			return err
		}))
	},

	// link OLD NEW, fifo FILE, touch FILE (in the year 2001), own FILE (by nobody, if root asks)
	"link": func(ts *testscript.TestScript, neg bool, args []string) {
		need(ts, neg, args, 2, 2)
		ts.Check(os.Link(ts.MkAbs(args[0]), ts.MkAbs(args[1])))
	},
	"fifo": func(ts *testscript.TestScript, neg bool, args []string) {
		ts.Check(syscall.Mkfifo(ts.MkAbs(need(ts, neg, args, 1, 1)[0]), 0o666))
	},
	"touch": func(ts *testscript.TestScript, neg bool, args []string) {
		then := time.Date(2001, 2, 3, 4, 5, 6, 0, time.UTC)
		ts.Check(os.Chtimes(ts.MkAbs(need(ts, neg, args, 1, 1)[0]), then, then))
	},
	"own": func(ts *testscript.TestScript, neg bool, args []string) {
		for _, name := range need(ts, neg, args, 1, -1) {
			if os.Geteuid() == 0 {
				ts.Check(os.Chown(ts.MkAbs(name), nobody, nobody))
			}
		}
	},

	// bytes FILE HEX  makes a file of these bytes
	"bytes": func(ts *testscript.TestScript, neg bool, args []string) {
		b, err := hex.DecodeString(need(ts, neg, args, 2, 2)[1])
		ts.Check(err)
		ts.Check(os.WriteFile(ts.MkAbs(args[0]), b, 0o666))
	},

	// poke FILE OFFSET HEX  writes over bytes of a file
	"poke": func(ts *testscript.TestScript, neg bool, args []string) {
		off, err := strconv.ParseInt(need(ts, neg, args, 3, 3)[1], 0, 64)
		ts.Check(err)
		b, err := hex.DecodeString(args[2])
		ts.Check(err)
		f, err := os.OpenFile(ts.MkAbs(args[0]), os.O_WRONLY, 0)
		ts.Check(err)
		_, err = f.WriteAt(b, off)
		ts.Check(err)
		ts.Check(f.Close())
	},

	// modular FILE makes an object look like the output of modpost: it has
	// .gnu.linkonce.this_module
	"modular": func(ts *testscript.TestScript, neg bool, args []string) {
		name := ts.MkAbs(need(ts, neg, args, 1, 1)[0])
		f, err := elfrw.Open(name)
		ts.Check(err)
		defer f.Close()
		e := f.Edit()
		_, err = e.AddSection(elfrw.NewSection{
			Name: ".gnu.linkonce.this_module", Type: elf.SHT_PROGBITS,
			Flags: elf.SHF_ALLOC | elf.SHF_WRITE, Addralign: 8, Data: make([]byte, 64),
		})
		ts.Check(err)
		image, err := e.Layout()
		ts.Check(err)
		temp, err := image.WriteTemp(name, f.Info(), nil)
		ts.Check(err)
		ts.Check(temp.Commit())
	},

	// sign FILE appends a module signature as the kernel recognizes it
	"sign": func(ts *testscript.TestScript, neg bool, args []string) {
		f, err := os.OpenFile(ts.MkAbs(need(ts, neg, args, 1, 1)[0]), os.O_WRONLY|os.O_APPEND, 0)
		ts.Check(err)
		_, err = f.WriteString("signature\x00\x00\x02\x00\x00\x00\x00\x00\x00\x00\x00\x09~Module signature appended~\n")
		ts.Check(err)
		ts.Check(f.Close())
	},

	// interrupt SIGNAL N OLD NEW sends the signal to runs over N copies of OLD at several moments
	"interrupt": interruptRuns,
}

// interruptRuns starts scpatch on many copies of a file and stops it. Every
// copy must be the old file or the patched one.
func interruptRuns(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, neg, args, 4, 4)
	signal := map[string]syscall.Signal{"TERM": syscall.SIGTERM, "INT": syscall.SIGINT, "HUP": syscall.SIGHUP}[args[0]]
	n, err := strconv.Atoi(args[1])
	ts.Check(err)
	old, new := []byte(ts.ReadFile(args[2])), []byte(ts.ReadFile(args[3]))
	program, err := exec.LookPath("scpatch")
	ts.Check(err)
	between := 0 // runs that were stopped with some files patched and some not
	// If the tests run with the signal ignored (nohup), so does scpatch. Then
	// no run may be stopped.
	ignored := ossignal.Ignored(signal)
	// On a busy machine a whole run may fit between two checks.
	for try := 0; between < 2 && try < 20 && (try < 2 || !ignored); try++ {
		dir := ts.MkAbs(fmt.Sprintf("copies%d", try))
		ts.Check(os.Mkdir(dir, 0o777))
		names := make([]string, n)
		for i := range names {
			names[i] = fmt.Sprintf("%d.o", i)
			ts.Check(os.WriteFile(filepath.Join(dir, names[i]), old, 0o666))
		}
		cmd := exec.Command(program, append([]string{"--quiet"}, names...)...)
		cmd.Dir = dir
		var stderr bytes.Buffer
		cmd.Stderr = &stderr
		ts.Check(cmd.Start())
		// Wait until the run is under way, then a little longer each time.
		watched, before := filepath.Join(dir, names[try%4]), time.Now()
		for time.Since(before) < 10*time.Second {
			if b, err := os.ReadFile(watched); err == nil && !bytes.Equal(b, old) {
				break
			}
		}
		time.Sleep(time.Duration(try%4) * time.Millisecond)
		ts.Check(cmd.Process.Signal(signal))
		code := 0
		if err := cmd.Wait(); err != nil {
			code = cmd.ProcessState.ExitCode()
		}
		patched := 0
		for _, name := range names {
			b, err := os.ReadFile(filepath.Join(dir, name))
			ts.Check(err)
			switch {
			case bytes.Equal(b, new):
				patched++
			case !bytes.Equal(b, old):
				ts.Fatalf("%s is neither the old file nor the new one", name)
			}
		}
		want := ExitDone
		if patched < n {
			want = ExitIO
			between++
			if !strings.Contains(stderr.String(), "interrupted: ") {
				ts.Fatalf("nothing says that the run was interrupted: %s", &stderr)
			}
		}
		if code != want {
			ts.Fatalf("%d of %d files patched, exit code %d, want %d: %s", patched, n, code, want, &stderr)
		}
		all, err := os.ReadDir(dir)
		ts.Check(err)
		if len(all) != n {
			ts.Fatalf("%d files, want %d", len(all), n)
		}
		ts.Check(os.RemoveAll(dir))
	}
	if stopped := between > 0; stopped == ignored {
		ts.Fatalf("of the runs %d were stopped in their middle; the signal is ignored: %v", between, ignored)
	}
}

// need checks how many arguments a command has, and that there is no "!".
func need(ts *testscript.TestScript, neg bool, args []string, least, most int) []string {
	if neg {
		ts.Fatalf("the command has no negation")
	}
	if len(args) < least || most >= 0 && len(args) > most {
		ts.Fatalf("%d arguments", len(args))
	}
	return args
}

func stamps(ts *testscript.TestScript) map[string]fs.FileInfo {
	return ts.Value(stampsKey{}).(map[string]fs.FileInfo)
}

// stat describes a file, or the target of a symbolic link.
func stat(ts *testscript.TestScript, name string) fs.FileInfo {
	info, err := os.Stat(ts.MkAbs(name))
	ts.Check(err)
	return info
}
