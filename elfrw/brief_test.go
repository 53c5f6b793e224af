// SPDX-License-Identifier: BSD-3-Clause

package elfrw_test

import (
	"hash/fnv"
	"testing"

	"github.com/scpatch/scpatch/ppc64/tooltest"
)

// fewer returns n, or few if a test should make fewer rounds.
func fewer(n, few int) int {
	if tooltest.Brief() {
		return few
	}
	return n
}

// sample returns the list, or a few elements spread over it if a test should make fewer
// rounds. Which ones depends on the test's name.
func sample[T any](t testing.TB, list []T, few int) []T {
	n := min(len(list), fewer(len(list), few))
	seed := fnv.New32a()
	seed.Write([]byte(t.Name()))
	var some []T
	for i := range n {
		step := len(list) / n
		some = append(some, list[i*len(list)/n+int(seed.Sum32())%step])
	}
	return some
}
