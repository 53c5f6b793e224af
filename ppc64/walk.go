// SPDX-License-Identifier: BSD-3-Clause

package ppc64

// Fetch returns the instruction at byte offset off of code. suffix is the
// second word of a prefixed instruction, and 0 for any other. Fetch fails with
// the [*OffsetError] of [Load] if there is no complete instruction; w is then
// the word at off, if there is one.
func Fetch(code []byte, off uint64) (w, suffix Word, err error) {
	if w, err = Load(code, off); err != nil || !w.IsPrefix() {
		return w, 0, err
	}
	if suffix, err = Load(code, off+WordSize); err != nil {
		err = &OffsetError{Off: off, Len: len(code), Err: ErrTruncated}
	}
	return w, suffix, err
}

// Walk calls f for each instruction of code in order of address: off is the
// byte offset of its first word w, and suffix the second word of a prefixed
// instruction, 0 for all others. It stops, without an error, as soon as f
// returns false. A tail shorter than a word, and a prefix without a suffix,
// give an [*OffsetError] with the offset of the instruction that they cut
// short, after f has seen everything before it.
//
// Walk treats every word as an instruction: if data inside code (a jump table,
// a literal) looks like a prefix, Walk takes the next word as its suffix.
func Walk(code []byte, f func(off uint64, w Word, suffix Word) bool) error {
	for off := uint64(0); off < uint64(len(code)); {
		w, suffix, err := Fetch(code, off)
		if err != nil {
			return err
		}
		if !f(off, w, suffix) {
			return nil
		}
		off += uint64(w.Len())
	}
	return nil
}
