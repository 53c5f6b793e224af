// SPDX-License-Identifier: BSD-3-Clause

// Package docs contains the documents that scpatch shows.
package docs

import _ "embed"

// Messages is the catalogue of reasons and errors, in Markdown.
//
//go:embed messages.md
var Messages string
