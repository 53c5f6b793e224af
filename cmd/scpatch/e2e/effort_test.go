// SPDX-License-Identifier: BSD-3-Clause

package e2e

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/scpatch/scpatch/cmd/scpatch/internal/cli"
	"github.com/scpatch/scpatch/cmd/scpatch/internal/clitest"
	"github.com/scpatch/scpatch/elfrw"
	"github.com/scpatch/scpatch/ppc64/tooltest"
	"github.com/scpatch/scpatch/sites"
)

// The tests of this file limit costs that do not depend on the clock: memory
// allocated, bytes read and written, system calls that read and write.

// An effort is the memory that a run allocated.
type effort struct{ allocations, bytes uint64 }

// planEffort does the whole job on an object in memory, except writing it.
func planEffort(t *testing.T, data []byte) effort {
	t.Helper()
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	f := must(elfrw.New(data))
	object := must(sites.Find(f))
	plan := must(sites.MakePlan(object, sites.Options{}))
	image := must(must(plan.Apply()).Layout())
	if _, err := image.WriteTo(io.Discard); err != nil {
		t.Fatal(err)
	}
	runtime.ReadMemStats(&after)
	return effort{after.Mallocs - before.Mallocs, after.TotalAlloc - before.TotalAlloc}
}

// TestMemory compares objects, one of which has ten times as many of something.
func TestMemory(t *testing.T) {
	tooltest.NoRace(t)
	measure := func(size largeSize) effort { return planEffort(t, largeObject(size).data) }
	base := measure(largeSize{relocs: 100_000, sites: 1000, keys: 100})

	// Relocations that name no trampoline cost nothing, but their 900
	// additional functions cost 64 bytes each, with the symbol.
	more := measure(largeSize{relocs: 1_000_000, sites: 1000, keys: 100})
	if more.allocations > base.allocations+20 || more.bytes > base.bytes+900*64 {
		t.Errorf("ten times the relocations: %+v, before %+v", more, base)
	}

	// A site has an element in a few arrays. Most are allocated once; some
	// grow.
	more = measure(largeSize{relocs: 100_000, sites: 10_000, keys: 100})
	if more.allocations > base.allocations+25 || more.bytes > base.bytes+9000*245 {
		t.Errorf("ten times the sites: %+v, before %+v", more, base)
	}

	// A key also has its name, twice with the record, its target with a function, its number,
	// and its trampoline has two entries.
	more = measure(largeSize{relocs: 100_000, sites: 1000, keys: 1000})
	if more.allocations > base.allocations+900*3/2 || more.bytes > base.bytes+900*530 {
		t.Errorf("ten times the keys: %+v, before %+v", more, base)
	}
	if base.allocations > 500 || base.bytes > 450_000 {
		t.Errorf("1,000 sites of 100 keys take %+v", base)
	}
}

// TestPeak limits the memory of a run on the large object beyond the input, which is
// mapped. It includes the output: when that is read back, little of the input is still in
// memory.
func TestPeak(t *testing.T) {
	tooltest.NoRace(t)
	// Linux counts the memory of the process that started another as that one's. So
	// this test starts itself again, and that starts scpatch.
	const program, object = "SCPATCH_PEAK_PROGRAM", "SCPATCH_PEAK_OBJECT"
	if name := os.Getenv(program); name != "" {
		cmd := exec.Command(name, os.Getenv(object))
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		usage := cmd.ProcessState.SysUsage().(*syscall.Rusage)
		fmt.Printf("peak %d, faults %d\n", usage.Maxrss<<10, usage.Minflt+usage.Majflt)
		return
	}
	in := filepath.Join(t.TempDir(), "in.o")
	clitest.WriteFile(t, in, millionObject().data)
	again := exec.Command(os.Args[0], "-test.run=^TestPeak$")
	again.Env = append(os.Environ(), program+"="+buildStarted(t, ".."), object+"="+in)
	out, err := again.Output()
	var peak, faults int
	if _, scanErr := fmt.Sscanf(string(out), "peak %d, faults %d", &peak, &faults); err != nil || scanErr != nil {
		t.Fatalf("%v, %v\n%s", err, scanErr, out)
	}
	const most, mostFaults = 44 << 20, 10_000
	if peak -= len(millionObject().data); peak > most || faults > mostFaults {
		t.Errorf("%d bytes beyond the input and %d page faults, expected at most %d and %d", peak, faults, most, mostFaults)
	}
}

// TestBytesWritten reads the operating system's I/O statistics of a run: the
// output must be written once, the input mapped and not read, and short pieces
// gathered.
func TestBytesWritten(t *testing.T) {
	tooltest.NoRace(t)
	dir := t.TempDir()
	in, out := filepath.Join(dir, "in.o"), filepath.Join(dir, "out.o")
	for _, size := range []largeSize{{100_000, 10_000, 1000}, {1_000_000, 1000, 100}} {
		data := largeObject(size).data
		clitest.WriteFile(t, in, data)
		before := accountOfIO(t)
		var said bytes.Buffer
		if code := cli.Run([]string{"-o", out, in}, io.Discard, &said); code != cli.ExitDone {
			t.Fatalf("exit code %d: %s", code, &said)
		}
		after := accountOfIO(t)
		info := must(os.Stat(out))
		const few = 16 << 10 // for the Go runtime
		if n := after["wchar"] - before["wchar"]; n < info.Size() || n > info.Size()+few {
			t.Errorf("%d bytes written for a file of %d", n, info.Size())
		}
		if n := after["rchar"] - before["rchar"]; n > int64(len(data))+few { // by copy_file_range
			t.Errorf("%d bytes read of a file of %d", n, len(data))
		}
		if n := after["syscw"] - before["syscw"]; n > info.Size()>>15+40 {
			t.Errorf("%d calls that write, for %d bytes", n, info.Size())
		}
		// An object without changes is not written.
		clitest.WriteFile(t, in, must(os.ReadFile(out)))
		before = accountOfIO(t)
		if code := cli.Run([]string{in}, io.Discard, &said); code != cli.ExitDone {
			t.Fatalf("exit code %d: %s", code, &said)
		}
		after = accountOfIO(t)
		if r, w := after["rchar"]-before["rchar"], after["wchar"]-before["wchar"]; r > few || w > few {
			t.Errorf("a second run reads %d bytes and writes %d", r, w)
		}
	}
}

// accountOfIO reads /proc/self/io (proc(5)).
func accountOfIO(t *testing.T) map[string]int64 {
	t.Helper()
	account := map[string]int64{}
	for line := range strings.Lines(string(must(os.ReadFile("/proc/self/io")))) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), ": ")
		account[name] = must(strconv.ParseInt(value, 10, 64))
	}
	return account
}
