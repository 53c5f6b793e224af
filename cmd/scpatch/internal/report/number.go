// SPDX-License-Identifier: BSD-3-Clause

package report

import "strconv"

// Number returns a number of things: "1 entry", "2 entries". The plural defaults to
// thing + "s".
func Number(n int, thing string, plural ...string) string {
	switch {
	case n == 1:
	case len(plural) > 0:
		thing = plural[0]
	default:
		thing += "s"
	}
	return strconv.Itoa(n) + " " + thing
}
