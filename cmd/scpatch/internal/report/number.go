// SPDX-License-Identifier: BSD-3-Clause

package report

import "strconv"

// Number is a number of things: "1 entry", "2 entries". Without a plural, an s makes it.
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
