// SPDX-License-Identifier: BSD-3-Clause

package e2e

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/scpatch/scpatch/cmd/scpatch/internal/cli"
	"github.com/scpatch/scpatch/cmd/scpatch/internal/clitest"
	"github.com/scpatch/scpatch/ppc64/tooltest"
)

// TestBazel builds with the rule of docs/builds.md, in Bazel's sandbox and with a
// remote cache: a second checkout gets the action from the cache.
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
			"build", "--spawn_strategy=sandboxed", "--remote_cache="+cache.server.URL, "//:sites")
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
		before := cache.puts()
		if out := build(c.dir, c.object); !strings.Contains(out, c.want) {
			t.Errorf("%s: want %q in\n%s", c.dir, c.want, out)
		}
		if puts := cache.puts() > before; puts != c.puts {
			t.Errorf("%s: written to the cache: %v", c.dir, puts)
		}
	}
}

// A remoteCache is a remote cache for Bazel over HTTP: GET and PUT of /ac/ and /cas/.
type remoteCache struct {
	server *httptest.Server
	mu     sync.Mutex
	blobs  map[string][]byte
}

func newRemoteCache(t *testing.T) *remoteCache {
	c := &remoteCache{blobs: map[string][]byte{}}
	c.server = httptest.NewServer(c)
	t.Cleanup(c.server.Close)
	return c
}

func (c *remoteCache) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch blob, ok := c.blobs[r.URL.Path]; {
	case r.Method == http.MethodPut:
		data, err := io.ReadAll(r.Body)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		c.blobs[r.URL.Path] = data
	case r.Method == http.MethodGet && ok:
		_, _ = w.Write(blob)
	default:
		http.NotFound(w, r)
	}
}

func (c *remoteCache) puts() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.blobs)
}
