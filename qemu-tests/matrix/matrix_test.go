// SPDX-License-Identifier: Apache-2.0

package matrix

import (
	"strings"
	"testing"
)

func none(string) (string, bool) { return "", false }

func find(t *testing.T, outs []Outcome, name string) Outcome {
	t.Helper()
	for _, o := range outs {
		if o.Name == name {
			return o
		}
	}
	t.Fatalf("no outcome %q in %v", name, outs)
	return Outcome{}
}

const good = `=== RUN   TestA
--- PASS: TestA (0.00s)
=== RUN   TestB
    b_test.go:7: not on this kernel
--- SKIP: TestB (0.00s)
PASS
`

func TestJudgeGo(t *testing.T) {
	allow := func(test string) (string, bool) { return "no such hook", test == "TestB" }
	outs := judgeGo([]string{"TestA", "TestB"}, []byte(good), 0, allow)
	if o := find(t, outs, "TestA"); o.Verdict != Passed {
		t.Error(o)
	}
	if o := find(t, outs, "TestB"); o.Verdict != Skipped || o.Why != "no such hook" {
		t.Error(o)
	}
	if len(outs) != 2 {
		t.Error(outs)
	}
}

func TestJudgeGoSkipNotAllowed(t *testing.T) {
	o := find(t, judgeGo([]string{"TestA", "TestB"}, []byte(good), 0, none), "TestB")
	if o.Verdict != Failed {
		t.Error(o)
	}
}

func TestJudgeGoListedTestMissing(t *testing.T) {
	o := find(t, judgeGo([]string{"TestA", "TestB", "TestC"}, []byte(good), 0, none), "TestC")
	if o.Verdict != Failed {
		t.Error(o)
	}
}

func TestJudgeGoEarlyEnd(t *testing.T) {
	o := find(t, judgeGo([]string{"TestA"}, []byte("=== RUN   TestA\n--- PASS: TestA (0.00s)\n"), 0, none), "exit")
	if o.Verdict != Failed {
		t.Error(o)
	}
}

func TestJudgeGoBadStatus(t *testing.T) {
	o := find(t, judgeGo([]string{"TestA"}, []byte("--- PASS: TestA (0.00s)\nPASS\n"), 2, none), "exit")
	if o.Verdict != Failed {
		t.Error(o)
	}
}

func TestJudgeGoNoTests(t *testing.T) {
	o := find(t, judgeGo(nil, []byte("PASS\n"), 0, none), "tests")
	if o.Verdict != Failed {
		t.Error(o)
	}
}

func TestJudgeCommand(t *testing.T) {
	s := Suite{LastLine: "demo: ok"}
	if o := judgeCommand(s, []byte("x\ndemo: ok\n"), 0); o.Verdict != Passed {
		t.Error(o)
	}
	if o := judgeCommand(s, []byte("demo: ok\nmore\n"), 0); o.Verdict != Failed {
		t.Error(o)
	}
	if o := judgeCommand(s, []byte("demo: ok\n"), 1); o.Verdict != Failed {
		t.Error(o)
	}
}

func TestMatrixFile(t *testing.T) {
	c, err := Load("../matrix.toml")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"el7-514", "el7-1160", "v3.10", "debian-6.1"} {
		if _, ok := c.Kernel[name]; !ok {
			t.Errorf("no kernel %s", name)
		}
	}
}

func TestJudgeGoHung(t *testing.T) {
	out := "=== RUN   TestA\n=== RUN   TestA/deep\n\n--- HUNG: TestA/deep not over after 120 s\n" +
		"=== RUN   TestB\n--- PASS: TestB (0.00s)\nPASS\n"
	outs := judgeGo([]string{"TestA", "TestB"}, []byte(out), 124, none)
	if o := find(t, outs, "TestA"); o.Verdict != Failed || o.Why != "hung: deep: not over after 120 s" {
		t.Error(o)
	}
	if o := find(t, outs, "TestB"); o.Verdict != Passed {
		t.Error(o)
	}
}

func TestOutcomesOfTestsInTests(t *testing.T) {
	got := outcomes([]byte("=== RUN   TestA\n=== RUN   TestA/b_c\n--- FAIL: TestA (0.01s)\n    --- PASS: TestA/b_c (0.00s)\n        --- SKIP: TestA/b_c/d (0.00s)\nFAIL\n"))
	want := map[string]string{"TestA": "fail", "TestA/b_c": "pass", "TestA/b_c/d": "skip"}
	for name, end := range want {
		if got[name] != end {
			t.Errorf("%s: %q, not %q", name, got[name], end)
		}
	}
}

func TestExcerptHasWhatFailed(t *testing.T) {
	out := "=== RUN   TestA\n=== RUN   TestA/good\n    a_test.go:3: fine\n=== RUN   TestA/bad\n    a_test.go:9: broken\n" +
		"--- FAIL: TestA (0.01s)\n    --- PASS: TestA/good (0.00s)\n    --- FAIL: TestA/bad (0.00s)\n=== RUN   TestB\n" +
		strings.Repeat("    b_test.go:1: noise\n", 300) + "--- PASS: TestB (0.00s)\nFAIL\n"
	want := "    a_test.go:9: broken\n--- FAIL: TestA (0.01s)\n    --- FAIL: TestA/bad (0.00s)"
	if got := string(excerpt([]byte(out), 200)); got != want {
		t.Errorf("got:\n%s\nwant:\n%s", got, want)
	}
	if got := string(excerpt([]byte("one\ntwo\npanic: x\n"), 2)); got != "two\npanic: x" {
		t.Errorf("of a crash: %q", got)
	}
	crash := "=== RUN   TestA\n    a_test.go:9: broken\n--- FAIL: TestA (0.01s)\n=== RUN   TestB\n    b_test.go:1: waits\n--- HUNG: TestB not over\nexit: x\npanic: y\n"
	want = "    a_test.go:9: broken\n--- FAIL: TestA (0.01s)\n    b_test.go:1: waits\n--- HUNG: TestB not over\n"
	if got := string(excerpt([]byte(crash), 2)); !strings.HasSuffix(got, "exit: x\npanic: y") {
		t.Errorf("of a crash after a failure: %q", got)
	}
	if got := string(excerpt([]byte(crash), 200)); !strings.HasPrefix(got, want) {
		t.Errorf("of a test that hung: %q", got)
	}
}

func TestJudgeGoNamesTheTestWithin(t *testing.T) {
	out := "=== RUN   TestA\n=== RUN   TestA/bad\n    a_test.go:9: broken\n=== RUN   TestA/good\n    a_test.go:3: fine\n" +
		"--- FAIL: TestA (0.01s)\n    --- FAIL: TestA/bad (0.00s)\n    --- PASS: TestA/good (0.00s)\nFAIL\n"
	if o := find(t, judgeGo([]string{"TestA"}, []byte(out), 1, none), "TestA"); o.Verdict != Failed || o.Why != "bad: broken" {
		t.Error(o)
	}
}
