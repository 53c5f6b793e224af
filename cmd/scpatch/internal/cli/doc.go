// SPDX-License-Identifier: BSD-3-Clause

// Package cli is the command scpatch: its options, its messages on standard
// error, the processing of several files at a time, and the exit codes.
//
//	args ─► common.parse ─► forEach ─┬─► patcher.patch  open, makePlan, apply, write and check, commit
//	        options, @FILE,          ├─► list           withObjects: open, makePlan
//	        --recursive              └─► verify         withObjects: open, verify.Verify
//
// An archive is one job: its members are patched together, or listed one after another.
//
// Each file of the package contains a command, or code that several commands
// share. Each command has its options and its help text, and returns an exit
// code.
package cli
