// SPDX-License-Identifier: BSD-3-Clause

//go:build race

package tooltest

const raceDetector = true
