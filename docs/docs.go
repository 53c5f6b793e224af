// SPDX-License-Identifier: BSD-3-Clause

// Package docs holds the documents that the program shows.
package docs

import _ "embed"

// Messages is the catalogue of reasons and errors, in Markdown.
//
//go:embed messages.md
var Messages string
