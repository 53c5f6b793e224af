// SPDX-License-Identifier: BSD-3-Clause

package report

import (
	"fmt"
	"net/url"
	"path/filepath"
	"slices"
	"strings"

	"github.com/ianlancetaylor/demangle"
	"github.com/scpatch/scpatch/sites"
	"github.com/scpatch/scpatch/sites/errkind"
	"github.com/scpatch/scpatch/sites/verify"
)

// A Sarif is a log in the Static Analysis Results Interchange Format (OASIS, SARIF
// 2.1.0), with one run.
type Sarif struct {
	Schema  string     `json:"$schema"`
	Version string     `json:"version"`
	Runs    []sarifRun `json:"runs"`
}

type sarifRun struct {
	Tool        sarifTool         `json:"tool"`
	Invocations []sarifInvocation `json:"invocations"`
	Results     []sarifResult     `json:"results"`
}

type sarifTool struct {
	Driver sarifDriver `json:"driver"`
}

type sarifDriver struct {
	Name    string      `json:"name"`
	Version string      `json:"version,omitempty"`
	URI     string      `json:"informationUri"`
	Rules   []sarifRule `json:"rules"`
}

// A sarifRule is a reason or a kind of error.
type sarifRule struct {
	ID    string    `json:"id"`
	Short sarifText `json:"shortDescription"`
	Help  sarifText `json:"help"`
}

type sarifText struct {
	Text     string `json:"text"`
	Markdown string `json:"markdown,omitempty"`
}

// sarifMessage returns a text without links: operator[](int) would be one (SARIF
// 3.11.6).
func sarifMessage(text string) sarifText {
	return sarifText{Text: strings.ReplaceAll(Plain(text), "](", `\](`)}
}

type sarifInvocation struct {
	Successful    bool                `json:"executionSuccessful"`
	Notifications []sarifNotification `json:"toolExecutionNotifications,omitempty"`
}

// A sarifNotification is an error that kept a file from being processed.
type sarifNotification struct {
	Level      string           `json:"level"`
	Message    sarifText        `json:"message"`
	Descriptor *sarifDescriptor `json:"descriptor,omitempty"`
	Locations  []sarifLocation  `json:"locations"`
}

type sarifDescriptor struct {
	ID string `json:"id"`
}

// A sarifResult is a site that stays, or a fault.
type sarifResult struct {
	Rule        string            `json:"ruleId"`
	Index       int               `json:"ruleIndex"`
	Level       string            `json:"level"`
	Message     sarifText         `json:"message"`
	Locations   []sarifLocation   `json:"locations"`
	Fingerprint map[string]string `json:"partialFingerprints"`
}

type sarifLocation struct {
	Physical struct {
		Artifact struct {
			URI string `json:"uri"`
		} `json:"artifactLocation"`
	} `json:"physicalLocation"`
	Logical []sarifLogical `json:"logicalLocations,omitempty"`
}

type sarifLogical struct {
	Name      string `json:"fullyQualifiedName"`
	Decorated string `json:"decoratedName,omitempty"`
	Kind      string `json:"kind"`
}

// NewSarif returns a log without results for a version of scpatch.
func NewSarif(version string) *Sarif {
	return &Sarif{
		Schema: "https://json.schemastore.org/sarif-2.1.0.json", Version: "2.1.0",
		Runs: []sarifRun{{
			Tool:        sarifTool{sarifDriver{Name: "scpatch", Version: version, URI: "https://github.com/scpatch/scpatch", Rules: []sarifRule{}}},
			Invocations: []sarifInvocation{{Successful: true}},
			Results:     []sarifResult{},
		}},
	}
}

// AddSites adds the sites of a file that stay on their trampolines.
func (l *Sarif) AddSites(file *File) {
	seen := map[string]int{}
	for i := range file.Sites {
		s := &file.Sites[i]
		if s.Form != sites.Keep {
			continue
		}
		l.add(sarifResult{
			Rule: s.Reason.String(), Level: "warning",
			Message:   sarifMessage(fmt.Sprintf("%s: the call to %s stays on its trampoline: %s", s.where(), errkind.Printable(s.Key), s.Why)),
			Locations: locate(file.File, s.Function, s.Symbol),
		}, seen, s.Symbol, s.Key)
	}
}

// AddFaults adds the faults that verify has found in a file.
func (l *Sarif) AddFaults(path string, r *verify.Report) {
	seen := map[string]int{}
	for i := range r.Faults {
		f := &r.Faults[i]
		l.add(sarifResult{
			Rule: f.Kind.String(), Level: "error",
			Message:   sarifMessage(f.String()),
			Locations: locate(path, demangle.Filter(f.Symbol), f.Symbol),
		}, seen, f.Symbol, f.Key)
	}
}

// AddError adds the error about a file that could not be processed.
func (l *Sarif) AddError(path string, k errkind.Kind, text string) {
	in := &l.Runs[0].Invocations[0]
	in.Successful = false
	n := sarifNotification{Level: "error", Message: sarifMessage(text), Locations: locate(path, "", "")}
	if k != errkind.None {
		n.Descriptor = &sarifDescriptor{k.String()}
	}
	in.Notifications = append(in.Notifications, n)
}

// Incomplete records that a signal ended the run.
func (l *Sarif) Incomplete() { l.Runs[0].Invocations[0].Successful = false }

// add adds a result. Its fingerprint, by which other runs recognize it, is its
// function and key and how many results with these came before, so it does not
// change when code moves.
func (l *Sarif) add(r sarifResult, seen map[string]int, symbol, key string) {
	run := &l.Runs[0]
	rules := &run.Tool.Driver.Rules
	r.Index = slices.IndexFunc(*rules, func(rule sarifRule) bool { return rule.ID == r.Rule })
	if r.Index < 0 {
		r.Index = len(*rules)
		*rules = append(*rules, newSarifRule(r.Rule))
	}
	place := Plain(symbol + " " + key)
	seen[place]++
	r.Fingerprint = map[string]string{"site/v1": fmt.Sprintf("%s %d", place, seen[place])}
	run.Results = append(run.Results, r)
}

func newSarifRule(name string) sarifRule {
	rule := sarifRule{ID: name}
	for _, e := range Catalogue() {
		if e.Name == name {
			rule.Short.Text = e.Summary()
			rule.Help = sarifText{e.Body(), e.Text}
		}
	}
	return rule
}

// locate returns a location in a file, and in a function if one is known.
func locate(path, function, symbol string) []sarifLocation {
	u := url.URL{Path: filepath.ToSlash(path)}
	if filepath.IsAbs(path) {
		u.Scheme = "file"
	}
	var l sarifLocation
	l.Physical.Artifact.URI = u.String()
	if function != "" {
		l.Logical = []sarifLogical{{Name: Plain(function), Kind: "function"}}
		if symbol != function {
			l.Logical[0].Decorated = Plain(symbol)
		}
	}
	return []sarifLocation{l}
}
