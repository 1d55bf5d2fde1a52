// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"io"
	"regexp"
	"strings"
)

// report is what one run of test_verifier said.
type report struct {
	Passed, Skipped int
	Failed          []failure
	Summary         string // its own last line; "" when it did not get there
}

type failure struct {
	Name   string // "#12/p description"
	Reason string // the failure's lines in one
	Wrong  bool   // loaded, though it must be rejected
}

var (
	testStart = regexp.MustCompile(`^#\d+/[pu] `)
	missing   = regexp.MustCompile(`unsupported (map|program) type \d+|unknown func [a-z0-9_]+#\d+|Failed to create [a-z ]+`)
	digits    = regexp.MustCompile(`\b(0x[0-9a-f]+|-?\d+)\b`)
	// libbpf's complaints go to stderr at once, and may stand in the middle of a
	// line of what is written by blocks.
	complaint = regexp.MustCompile(`libbpf: [^\n]*\n`)
)

// parse reads test_verifier's output.  A test's text runs from its "#n/p"
// line to the next one.
func parse(r io.Reader) (*report, error) {
	rep := &report{}
	var test []string
	end := func() {
		if len(test) > 0 {
			rep.add(test)
		}
		test = nil
	}
	all, err := io.ReadAll(r)
	if err != nil {
		return nil, err
	}
	for _, l := range strings.Split(string(complaint.ReplaceAll(all, nil)), "\n") {
		switch {
		case strings.HasPrefix(l, "Summary: "):
			end()
			rep.Summary = l
		case testStart.MatchString(l):
			end()
			test = []string{l}
		case len(test) > 0:
			test = append(test, l)
		}
	}
	end()
	return rep, nil
}

// counted reports whether its own count is that of the tests seen.
func (r *report) counted() bool {
	return strings.HasPrefix(r.Summary, fmt.Sprintf("Summary: %d PASSED, %d SKIPPED, %d FAILED", r.Passed, r.Skipped, len(r.Failed)))
}

func (r *report) add(lines []string) {
	text := strings.Join(lines, "\n")
	first := lines[0]
	switch {
	case strings.Contains(text, "FAIL"):
		name, _, _ := strings.Cut(first, " FAIL")
		f := failure{Name: strings.TrimSpace(name), Wrong: strings.Contains(text, "Unexpected success to load!")}
		f.Reason = reason(lines)
		r.Failed = append(r.Failed, f)
	case strings.Contains(text, "SKIP"):
		r.Skipped++
	case strings.HasSuffix(first, "OK") || strings.Contains(text, " OK") || strings.HasSuffix(text, "OK"):
		r.Passed++
	default:
		r.Failed = append(r.Failed, failure{Name: first, Reason: "no verdict"})
	}
}

// reason picks the lines that say why: the test's own complaint and the
// verifier's last word.
func reason(lines []string) string {
	var why, last string
	for _, l := range lines[1:] {
		l = strings.TrimSpace(l)
		switch {
		case l == "" || strings.HasPrefix(l, "processed ") || strings.HasPrefix(l, "verification time") ||
			strings.HasPrefix(l, "stack depth"):
		case why == "":
			why = l
		default:
			last = l
		}
	}
	if _, after, ok := strings.Cut(lines[0], "FAIL"); ok && strings.TrimSpace(after) != "" {
		why = strings.TrimSpace(after) + " " + why
	}
	if last != "" {
		why += " | " + last
	}
	return why
}

func (r *report) wrongAccepts() []failure {
	var w []failure
	for _, f := range r.Failed {
		if f.Wrong {
			w = append(w, f)
		}
	}
	return w
}

// class is the reason without what differs from test to test; what the driver
// does not offer yet is named.
func (f failure) class() string {
	if m := missing.FindString(f.Reason); m != "" {
		return "not offered: " + m
	}
	why := digits.ReplaceAllString(f.Reason, "N")
	if len(why) > 150 {
		why = why[:150]
	}
	return why
}
