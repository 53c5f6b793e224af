// SPDX-License-Identifier: BSD-3-Clause

package report

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/scpatch/scpatch/sites/errkind"
)

// ReadListing reads the output of list --json.
func ReadListing(listing io.Reader) ([]File, error) {
	var files []File
	known := map[string]bool{}
	in := json.NewDecoder(listing)
	for {
		var raw json.RawMessage
		switch err := in.Decode(&raw); {
		case errors.Is(err, io.EOF) && len(files) == 0:
			return nil, errors.New("empty: scpatch list --json has listed no file")
		case errors.Is(err, io.EOF):
			return files, nil
		case errkind.Of(err).IO():
			return nil, err
		case err != nil:
			return nil, fmt.Errorf("after %s: not JSON: %w", Number(len(files), "object"), err)
		}
		v, err := parseListing(raw)
		if err != nil {
			return nil, fmt.Errorf("object %d: %w", len(files)+1, err)
		}
		if known[v.File] {
			return nil, fmt.Errorf("object %d: %q is listed twice", len(files)+1, v.File)
		}
		known[v.File] = true
		files = append(files, v)
	}
}

// parseListing parses one file of a listing. It checks the version first,
// because another version may have other types.
func parseListing(raw []byte) (v File, err error) {
	var head struct {
		Version int              `json:"version"`
		Sites   *json.RawMessage `json:"sites"`
	}
	if err := json.Unmarshal(raw, &head); err != nil || head.Version < 1 {
		return v, errors.New("not what scpatch list --json prints: it has no version")
	}
	if head.Version > Version {
		return v, fmt.Errorf("version %d of list --json, but this scpatch knows only versions up to %d: compare with the scpatch that made it, or list again with this one", head.Version, Version)
	}
	if head.Sites == nil {
		return v, errors.New("not what scpatch list --json prints: it has no sites")
	}
	if err := json.Unmarshal(raw, &v); err != nil {
		return v, fmt.Errorf("not what scpatch list --json prints: %w", err)
	}
	return v, nil
}
