// SPDX-License-Identifier: Apache-2.0

package matrix

import (
	"bytes"
	"regexp"
	"strings"

	"github.com/bpfshim/bpfshim/qemu-tests/wire"
)

var (
	testAt    = regexp.MustCompile(`^=== (?:RUN|NAME|CONT)\s+(\S+)`)
	testFails = regexp.MustCompile(`^\s*--- FAIL: (\S+) \(`)
)

// excerpt is what a suite's output says of the tests that failed, at most n
// lines: a long suite's last lines tell of others. What ended otherwise than by
// the program's own FAIL, as by a crash, is told by the last n lines, too.
func excerpt(output []byte, n int) []byte {
	failed := map[string]bool{}
	lines := bytes.Split(bytes.TrimSpace(output), []byte("\n"))
	for _, line := range lines {
		if m := testFails.FindSubmatch(line); m != nil {
			failed[string(m[1])] = true
		}
		if hung, ok := strings.CutPrefix(string(line), wire.HungMark); ok {
			name, _, _ := strings.Cut(hung, " ")
			failed[name] = true
		}
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
		if testFails.Match(line) || bytes.HasPrefix(line, []byte(wire.HungMark)) || !end && failed[at] {
			kept = append(kept, line)
		}
		if end && !bytes.HasPrefix(line, []byte(" ")) {
			at = ""
		}
	}
	if len(kept) > n {
		kept = append(kept[:n:n], []byte("…"))
	}
	if string(bytes.TrimRight(lines[len(lines)-1], "\r")) != "FAIL" {
		kept = append(kept, tail(output, n))
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
