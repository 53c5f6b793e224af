// SPDX-License-Identifier: BSD-3-Clause

// The remote cache of make bazel-test, built apart from scpatch.

module bazelremote

go 1.24.0

require github.com/buchgr/bazel-remote/v2 v2.6.1
