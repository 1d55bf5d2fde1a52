// SPDX-License-Identifier: Apache-2.0

package matrix

import (
	"bytes"
	"regexp"
	"strings"
)

var (
	testAt    = regexp.MustCompile(`^=== (?:RUN|NAME|CONT)\s+(\S+)`)
	testFails = regexp.MustCompile(`^\s*--- FAIL: (\S+) \(`)
)

// excerpt is what a suite's output says of the tests that failed, at most n
// lines: a long suite's last lines tell of others. Of output in which no test
// failed, which a crash ended, it is the last n lines.
func excerpt(output []byte, n int) []byte {
	failed := map[string]bool{}
	lines := bytes.Split(bytes.TrimSpace(output), []byte("\n"))
	for _, line := range lines {
		if m := testFails.FindSubmatch(line); m != nil {
			failed[string(m[1])] = true
		}
	}
	if len(failed) == 0 {
		return tail(output, n)
	}
	var kept [][]byte
	at := ""
	for _, line := range lines {
		line = bytes.TrimRight(line, "\r")
		if m := testAt.FindSubmatch(line); m != nil {
			at = string(m[1])
			continue
		}
		end := strings.HasPrefix(strings.TrimSpace(string(line)), "--- ")
		if testFails.Match(line) || !end && failed[at] {
			kept = append(kept, line)
		}
		if end && !bytes.HasPrefix(line, []byte(" ")) {
			at = ""
		}
	}
	if len(kept) > n {
		kept = append(kept[:n:n], []byte("…"))
	}
	return bytes.Join(kept, []byte("\n"))
}

// failedWithin tells, by test, which test within it failed first, and what that
// said last.
func failedWithin(output []byte) map[string]string {
	why, said := map[string]string{}, map[string]string{}
	at := ""
	for _, line := range strings.Split(string(output), "\n") {
		line = strings.TrimRight(line, "\r")
		if m := testAt.FindStringSubmatch(line); m != nil {
			at = m[1]
		}
		if m := logLine.FindStringSubmatch(line); m != nil {
			said[at] = m[1]
		}
		if m := testFails.FindStringSubmatch(line); m != nil {
			test, sub, deep := strings.Cut(m[1], "/")
			if _, ok := why[test]; deep && !ok {
				why[test] = strings.TrimSuffix(sub+": "+said[m[1]], ": ")
			}
		}
	}
	return why
}
