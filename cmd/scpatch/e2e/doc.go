// SPDX-License-Identifier: BSD-3-Clause

// Package e2e has the tests of the whole command that take long: programs that
// are patched, linked by both linkers and run in qemu; kernel images; damaged,
// large and random objects; kills and full disks. They call cli.Run, or start
// scpatch; the test binary also serves as scpatch.
//
// TestE2E… builds and runs programs. If a test needs something that is not in
// the repository, the environment names it: SCPATCH_CORPUS, SCPATCH_KERNEL. The
// targets of the Makefile set these; see docs/architecture.md, "Tests".
package e2e
