// SPDX-License-Identifier: BSD-3-Clause

package ppc64

import "slices"

// Replace stores the word new at byte offset off of code if the word there is
// one of want; new itself counts only if want names it. Otherwise code stays as
// it is, and the error is an [*UnexpectedWordError]. If there is no complete
// word at off, the error is the [*OffsetError] of [Load]. An empty want always
// fails: every replacement must say what it expects.
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
