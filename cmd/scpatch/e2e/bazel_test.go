// SPDX-License-Identifier: BSD-3-Clause

package e2e

import (
	"bytes"
	"encoding/json"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/scpatch/scpatch/cmd/scpatch/internal/cli"
	"github.com/scpatch/scpatch/cmd/scpatch/internal/clitest"
	"github.com/scpatch/scpatch/ppc64/tooltest"
)

// TestBazel builds with the rule of docs/builds.md, in Bazel's sandbox and with
// bazel-remote as its remote cache: a second checkout gets the action from the cache.
func TestBazel(t *testing.T) {
	tooltest.Long(t, "make bazel-test")
	found, err := filepath.Glob(filepath.Join(os.Getenv("SCPATCH_BAZEL"), "bazel-*-linux-x86_64"))
	if err != nil || len(found) != 1 {
		tooltest.Missing(t, "no Bazel in SCPATCH_BAZEL; make bazel-test fetches it")
	}
	bazel := filepath.Join(t.TempDir(), "bazel")
	copyFile(t, found[0], bazel)
	if err := os.Chmod(bazel, 0o755); err != nil {
		t.Fatal(err)
	}
	cache := newRemoteCache(t)
	top := t.TempDir()
	// The files that Bazel has unpacked are read-only.
	t.Cleanup(func() { _ = exec.Command("chmod", "-R", "u+w", top).Run() })
	object := clitest.ReadFile(t, clitest.RepoPath("testdata", "obj", "gcc-p8-O2-sites.o"))

	// build makes a checkout, builds it, and returns Bazel's output.
	build := func(dir string, object []byte) string {
		clitest.Fill(t, filepath.Join(top, dir), map[string]string{
			"WORKSPACE":   "",
			"tools/BUILD": `exports_files(["scpatch"])`,
			"patched.bzl": clitest.Fenced(clitest.Doc(t, "docs", "builds.md"), "python")[0],
			"BUILD":       "load(\":patched.bzl\", \"patched\")\npatched(name = \"sites\", src = \"in.o\")\n",
			"in.o":        string(object),
		})
		copyFile(t, clitest.RepoPath("build", "scpatch"), filepath.Join(top, dir, "tools", "scpatch"))
		if err := os.Chmod(filepath.Join(top, dir, "tools", "scpatch"), 0o755); err != nil {
			t.Fatal(err)
		}
		cmd := exec.Command(bazel, "--nohome_rc", "--nosystem_rc", "--batch", "--output_user_root="+filepath.Join(top, "root-"+filepath.Base(dir)),
			"build", "--spawn_strategy=sandboxed", "--remote_cache="+cache.url, "//:sites")
		cmd.Dir = filepath.Join(top, dir)
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("bazel: %v\n%s", err, out)
		}
		want := filepath.Join(t.TempDir(), "want.o")
		_, stderr, code := runCommand("-q", "--allow-kept", "-o", want, filepath.Join(top, dir, "in.o"))
		if code != cli.ExitDone {
			t.Fatalf("exit %d\n%s", code, stderr)
		}
		if !bytes.Equal(clitest.ReadFile(t, filepath.Join(top, dir, "bazel-bin", "sites.o")), clitest.ReadFile(t, want)) {
			t.Errorf("%s: not the bytes that the command writes", dir)
		}
		return string(out)
	}

	for _, c := range []struct {
		dir, want string
		object    []byte
		puts      bool
	}{
		{"first", "1 process: 1 linux-sandbox", object, true},
		{"another/directory/second", "1 process: 1 remote cache hit", object, false},
		{"third", "1 process: 1 linux-sandbox", clitest.ReadFile(t, clitest.RepoPath("testdata", "obj", "clang-p8-O2-sites.o")), true},
	} {
		before := cache.files()
		if out := build(c.dir, c.object); !strings.Contains(out, c.want) {
			t.Errorf("%s: want %q in\n%s", c.dir, c.want, out)
		}
		if puts := cache.files() > before; puts != c.puts {
			t.Errorf("%s: written to the cache: %v", c.dir, puts)
		}
	}
}

// A remoteCache is a bazel-remote that runs on this machine.
type remoteCache struct {
	t   *testing.T
	url string
}

func newRemoteCache(t *testing.T) *remoteCache {
	t.Helper()
	program := filepath.Join(os.Getenv("SCPATCH_BAZEL_REMOTE"), "bazel-remote")
	if _, err := os.Stat(program); err != nil {
		tooltest.Missing(t, "no bazel-remote in SCPATCH_BAZEL_REMOTE; make bazel-test builds it")
	}
	l, err := net.Listen("tcp", "127.0.0.1:0") // which finds a free port
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(program, "--dir="+t.TempDir(), "--max_size=1", "--http_address="+address, "--grpc_address=none")
	var log bytes.Buffer
	cmd.Stdout, cmd.Stderr = &log, &log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	c := &remoteCache{t, "http://" + address}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		if t.Failed() {
			t.Logf("bazel-remote:\n%s", &log)
		}
	})
	for range 300 {
		if r, err := http.Get(c.url + "/status"); err == nil {
			r.Body.Close()
			return c
		}
		time.Sleep(100 * time.Millisecond)
	}
	t.Fatal("bazel-remote does not answer")
	return nil
}

// files counts the files in the cache: results of actions, and what these name.
func (c *remoteCache) files() int {
	c.t.Helper()
	r, err := http.Get(c.url + "/status")
	if err != nil {
		c.t.Fatal(err)
	}
	defer r.Body.Close()
	var status struct{ NumFiles *int }
	if err := json.NewDecoder(r.Body).Decode(&status); err != nil || status.NumFiles == nil {
		c.t.Fatalf("/status: %v", err)
	}
	return *status.NumFiles
}
