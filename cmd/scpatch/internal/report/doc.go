// SPDX-License-Identifier: BSD-3-Clause

// Package report makes the output of the commands and the page of --html. It
// decides nothing and writes no file except the page.
//
//	sites.Plan ─────► ObjectSites ─┐           ┌─► WriteTable, WriteDiff   for people
//	image.Plan ─────► ImageSites ──┼─► Sites ──┼─► NewFile ─► WriteJSON    a line of list --json
//	verify.Listing ─► LinkedSites ─┘           └─► File ─► WritePage       a page for a browser
//
//	list --json ─► ReadListing ─► Compare ─► Comparison.Write, WriteJSON's form, WriteComparePage
//	verify.Report ─► WriteVerdict; NewVerdict ─► WriteJSON; Sarif, also of a File
//	docs/messages.md ─► Catalogue ─► Entry.Write
//
// A [Site] is one site in words. It is the only form in which sites are
// printed, so the table, the diff, the JSON, the page and the log agree. Names
// in it come from the file and may be anything; all text for a terminal goes
// through [errkind.Printable] or [Plain].
package report
