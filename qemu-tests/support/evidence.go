// SPDX-License-Identifier: Apache-2.0

package support

import (
	_ "embed"
	"fmt"
	"strings"
)

//go:embed evidence.txt
var evidenceText string

// Evidence says on which tests a "yes" rests.
type Evidence struct {
	// Tests by "kind/name": suite/Test/sub.
	Tests map[string][]string
	// LoadsOnly, by "kind/name": programs with it are verified and loaded, and
	// why nothing runs them.
	LoadsOnly map[string]string
}

// LoadEvidence reads evidence.txt.
func LoadEvidence() (*Evidence, error) { return parseEvidence(evidenceText) }

// parseEvidence reads lines "KIND NAME[,NAME]: TEST..." and "KIND NAME[,NAME]
// loads: why".
func parseEvidence(text string) (*Evidence, error) {
	ev := &Evidence{map[string][]string{}, map[string]string{}}
	for i, line := range strings.Split(text, "\n") {
		if line = strings.TrimSpace(line); line == "" || line[0] == '#' {
			continue
		}
		head, rest, ok := strings.Cut(line, ": ")
		f := strings.Fields(head)
		if !ok || len(f) < 2 || len(f) > 3 || len(f) == 3 && f[2] != "loads" {
			return nil, fmt.Errorf("evidence.txt:%d: neither KIND NAMES: TEST... nor KIND NAMES loads: why", i+1)
		}
		for _, name := range strings.Split(f[1], ",") {
			key := f[0] + "/" + name
			if len(f) == 3 {
				ev.LoadsOnly[key] = rest
				continue
			}
			ev.Tests[key] = append(ev.Tests[key], strings.Fields(rest)...)
		}
	}
	return ev, nil
}

// suiteTest is the support suite's own test of a row.
func suiteTest(kind, name string) string {
	return "support/" + map[string]string{"map": "TestMaps", "prog": "TestPrograms", "helper": "TestHelpers", "command": "TestCommands", "attach": "TestAttach"}[kind] + "/" + name
}

// Of are the tests that a row rests on: those that evidence.txt names, and the
// support suite's own, where it has one.
func (ev *Evidence) Of(kind, name string, ran map[string]string) []string {
	tests := ev.Tests[kind+"/"+name]
	own := suiteTest(kind, name)
	if _, ok := ran[own]; ok {
		tests = append([]string{own}, tests...)
	}
	return tests
}
