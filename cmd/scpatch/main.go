// SPDX-License-Identifier: BSD-3-Clause

// Command scpatch rewrites the static-call sites of ppc64le ELFv2 objects; see
// scpatch --help.
package main

import "github.com/scpatch/scpatch/cmd/scpatch/internal/cli"

func main() { cli.Main() }
