// SPDX-License-Identifier: BSD-3-Clause

package ppc64

import "slices"

// Replace stores the word new at byte offset off of code, if the word there is
// one of want; new itself counts only if want names it. Otherwise code stays as
// it is, and the error is an [*UnexpectedWordError]; without a whole word at
// off it is the [*OffsetError] of [Load]. A store that expects nothing in
// particular does not exist: an empty want always fails.
func Replace(code []byte, off uint64, new Word, want ...Word) error {
	got, err := Load(code, off)
	if err != nil {
		return err
	}
	if !slices.Contains(want, got) {
		return &UnexpectedWordError{Off: off, Got: got, Want: slices.Clone(want)}
	}
	new.Put(code[off:])
	return nil
}
