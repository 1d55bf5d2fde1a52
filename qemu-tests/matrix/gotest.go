// SPDX-License-Identifier: Apache-2.0

package matrix

import (
	"bytes"
	"regexp"
	"strings"

	"github.com/bpfshim/bpfshim/qemu-tests/wire"
)

// Verdict of one test.
type Verdict int

// Verdicts.
const (
	Failed Verdict = iota
	Passed
	Skipped
)

func (v Verdict) String() string { return [...]string{"FAIL", "ok", "skip"}[v] }

// Outcome is the verdict on one test, suite or kernel.
type Outcome struct {
	Kernel, Name string
	Verdict      Verdict
	Why          string
}

const hungReason = "hung: "

var testEnd = regexp.MustCompile(`^--- (PASS|FAIL|SKIP): (\S+) \(`)
var logLine = regexp.MustCompile(`^\s+(?:\S+_test\.go|\S+\.go):\d+: (.*)`)

// judgeGo judges the -test.v output of a Go test program. Each test that the
// program lists must have ended, and the program itself well.
func judgeGo(listed []string, output []byte, status int, maySkip func(test string) (string, bool)) []Outcome {
	ended := map[string]string{}
	reason := map[string]string{}
	within := failedWithin(output)
	last := ""
	for _, line := range strings.Split(string(output), "\n") {
		line = strings.TrimRight(line, "\r")
		if m := logLine.FindStringSubmatch(line); m != nil {
			last = m[1]
		}
		if hung, ok := strings.CutPrefix(line, wire.HungMark); ok {
			name, why, _ := strings.Cut(hung, " ")
			test, sub, deep := strings.Cut(name, "/")
			if deep {
				why = sub + ": " + why
			}
			ended[test], reason[test] = "FAIL", hungReason+why
		}
		if testAt.MatchString(line) {
			last = ""
		}
		if m := testEnd.FindStringSubmatch(line); m != nil {
			ended[m[2]], reason[m[2]] = m[1], last
			last = ""
		}
	}
	var outs []Outcome
	failed := false
	for _, test := range listed {
		o := Outcome{Name: test}
		switch ended[test] {
		case "PASS":
			o.Verdict = Passed
		case "SKIP":
			if why, ok := maySkip(test); ok {
				o.Verdict, o.Why = Skipped, why
			} else {
				o.Why = "skipped, which matrix.toml does not allow: " + reason[test]
			}
		case "FAIL":
			o.Why = reason[test]
			if why, ok := within[test]; ok && !strings.HasPrefix(o.Why, hungReason) {
				o.Why = why
			}
		default:
			o.Why = "did not end"
		}
		failed = failed || o.Verdict == Failed
		outs = append(outs, o)
	}
	switch {
	case len(listed) == 0:
		outs = append(outs, Outcome{Name: "tests", Why: "the program lists none"})
	case status != 0 && !failed:
		outs = append(outs, Outcome{Name: "exit", Why: exitText(status)})
	case status == 0 && !bytes.Contains(output, []byte("\nPASS")) && !bytes.HasPrefix(output, []byte("PASS")):
		outs = append(outs, Outcome{Name: "exit", Why: "ended early: no closing PASS"})
	}
	return outs
}

// judgeCommand judges a suite that is a command.
func judgeCommand(s Suite, output []byte, status int) Outcome {
	if status != 0 {
		return Outcome{Why: exitText(status)}
	}
	if s.LastLine != "" {
		lines := strings.Split(strings.TrimSpace(string(output)), "\n")
		if got := strings.TrimSpace(lines[len(lines)-1]); got != s.LastLine {
			return Outcome{Why: "its last line is " + strings.TrimSpace(quote(got)) + ", not " + quote(s.LastLine)}
		}
	}
	return Outcome{Verdict: Passed}
}
