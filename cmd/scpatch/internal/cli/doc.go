// SPDX-License-Identifier: BSD-3-Clause

// Package cli is the command scpatch: its options, what it says on standard error,
// several files at a time, and the exit codes.
//
//	args ─► common.parse ─► forEach ─┬─► patcher.patch  open, makePlan, apply, write and check, commit
//	        options                  ├─► list           open, makePlan
//	                                 └─► verifyFile     open, verify.Verify
//
// A file of the package is a command, or what several of them need. Each command
// has its options and its help text; all return an exit code.
package cli
