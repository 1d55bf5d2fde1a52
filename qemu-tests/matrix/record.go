// SPDX-License-Identifier: Apache-2.0

package matrix

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

// ResultsDir is where runs leave how each test ended, and what suites wrote:
// KERNEL/SUITE.json, KERNEL/out/... below it. A run of the whole leg begins
// with an empty folder; a run of one suite replaces that suite's.
func ResultsDir(repo string) string { return filepath.Join(repo, "build", "results") }

// SuiteResult is how a suite's tests ended on a kernel.
type SuiteResult struct {
	Release string            `json:"release"`
	Tests   map[string]string `json:"tests"` // Test/sub: pass, fail, skip
}

var anyEnd = regexp.MustCompile(`(?m)^\s*--- (PASS|FAIL|SKIP): (\S+) \(`)

// outcomes of all tests of a Go test program's output, those in tests too.
func outcomes(output []byte) map[string]string {
	ended := map[string]string{}
	for _, m := range anyEnd.FindAllSubmatch(output, -1) {
		ended[string(m[2])] = strings.ToLower(string(m[1]))
	}
	return ended
}

// record keeps how the tests ended. What was only half run is not kept.
func (r *Runner) record(kernel, release string, units []*unit, outs []Outcome) error {
	dir := filepath.Join(ResultsDir(r.Builder.Repo), kernel)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	for _, u := range units {
		tests := map[string]string{}
		switch {
		case u.listed != nil:
			tests = outcomes(u.out.Bytes())
		case len(u.suite.Command) == 0:
			continue
		}
		for _, o := range outs {
			if name, test, _ := strings.Cut(o.Name, "/"); name == u.name {
				tests[test] = map[Verdict]string{Passed: "pass", Failed: "fail", Skipped: "skip"}[o.Verdict]
			}
		}
		b, err := json.MarshalIndent(SuiteResult{release, tests}, "", " ")
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(dir, u.name+".json"), append(b, '\n'), 0o644); err != nil {
			return err
		}
	}
	return nil
}

// Recorded are the tests of all suites that ran on the kernel, as
// suite/Test/sub, and its release.
func Recorded(repo, kernel string) (release string, tests map[string]string, err error) {
	files, err := filepath.Glob(filepath.Join(ResultsDir(repo), kernel, "*.json"))
	if err != nil {
		return "", nil, err
	}
	tests = map[string]string{}
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			return "", nil, err
		}
		var s SuiteResult
		if err := json.Unmarshal(b, &s); err != nil {
			return "", nil, err
		}
		release = s.Release
		for test, end := range s.Tests {
			tests[strings.TrimSuffix(filepath.Base(f), ".json")+"/"+test] = end
		}
	}
	return release, tests, nil
}
