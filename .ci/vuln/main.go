// SPDX-License-Identifier: BSD-3-Clause

// Vuln writes a database for govulncheck (GOVULNDB=file://OUT) from the entries of Go's
// vulnerability database, which are in the module golang.org/x/vulndb. So a module proxy is
// all that is needed.
//
//	vuln DIRECTORY/data/osv OUT
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
)

type entry struct {
	ID       string `json:"id"`
	Modified string `json:"modified"`
	Affected []struct {
		Package struct {
			Name string `json:"name"`
		} `json:"package"`
	} `json:"affected"`
}

// A module of index/modules.json.
type module struct {
	Path  string `json:"path"`
	Vulns []vuln `json:"vulns"`
}

type vuln struct {
	ID       string `json:"id"`
	Modified string `json:"modified"`
}

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: vuln DIRECTORY OUT")
		os.Exit(2)
	}
	if err := database(os.Args[1], os.Args[2]); err != nil {
		fmt.Fprintln(os.Stderr, "vuln:", err)
		os.Exit(1)
	}
}

func database(from, to string) error {
	files, err := filepath.Glob(filepath.Join(from, "GO-*.json"))
	if err != nil || len(files) == 0 {
		return fmt.Errorf("%s has no entries (%v)", from, err)
	}
	for _, dir := range []string{"ID", "index"} {
		if err := os.MkdirAll(filepath.Join(to, dir), 0o755); err != nil {
			return err
		}
	}
	newest := "2026-01-01T00:00:00Z" // the entries have no time, but the format wants one
	var modules []*module
	byPath := map[string]*module{}
	for _, f := range files {
		data, err := os.ReadFile(f)
		if err != nil {
			return err
		}
		var e entry
		if err := json.Unmarshal(data, &e); err != nil {
			return fmt.Errorf("%s: %w", f, err)
		}
		newest = max(newest, e.Modified)
		seen := map[string]bool{}
		for _, a := range e.Affected {
			path := a.Package.Name
			if seen[path] {
				continue
			}
			seen[path] = true
			m := byPath[path]
			if m == nil {
				m = &module{Path: path}
				modules, byPath[path] = append(modules, m), m
			}
			// Without a fixed version govulncheck reads the entry, which has all ranges.
			m.Vulns = append(m.Vulns, vuln{ID: e.ID, Modified: e.Modified})
		}
		if err := os.WriteFile(filepath.Join(to, "ID", filepath.Base(f)), data, 0o644); err != nil {
			return err
		}
	}
	if err := write(filepath.Join(to, "index", "modules.json"), modules); err != nil {
		return err
	}
	return write(filepath.Join(to, "index", "db.json"), map[string]string{"modified": newest})
}

func write(path string, v any) error {
	data, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return os.WriteFile(path, data, 0o644)
}
