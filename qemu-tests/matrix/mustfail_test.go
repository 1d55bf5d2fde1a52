// SPDX-License-Identifier: Apache-2.0

package matrix

import (
	"io"
	"strings"
	"testing"
	"time"

	"github.com/bpfshim/bpfshim/qemu-tests/kernels"
	"github.com/bpfshim/bpfshim/qemu-tests/vm"
)

// The harness must call each of these guests a failure. They run on whichever
// kernel is there, without the module.

func leg(t *testing.T, timeout time.Duration, script string) []Outcome {
	t.Helper()
	return legOf(t, timeout, Suite{Command: []string{"sh", "-c", script}, Seconds: 3600})
}

func legOf(t *testing.T, timeout time.Duration, first Suite) []Outcome {
	t.Helper()
	suites := map[string]Suite{"script": first, "after": {Command: []string{"true"}}}
	if testing.Short() {
		t.Skip("boots a guest")
	}
	ks, err := kernels.List()
	if err != nil {
		t.Fatal(err)
	}
	if len(ks) == 0 {
		t.Skip("no kernel is there: go run ./qemu-tests/cmd/kernels ensure debian-6.1")
	}
	repo, err := vm.Repo()
	if err != nil {
		t.Fatal(err)
	}
	var log strings.Builder
	r := &Runner{
		Config: &Config{Suite: suites}, Builder: vm.Builder{Repo: repo, Log: &log},
		NoModule: true, Timeout: timeout, Log: io.MultiWriter(&log),
	}
	outs, err := r.Kernel(t.Context(), ks[len(ks)-1], Kernel{Suites: []string{"script", "after"}})
	if err != nil {
		t.Fatalf("%v\n%s", err, log.String())
	}
	t.Log(Count(outs))
	for _, o := range outs {
		t.Log(o.Verdict, o.Name, o.Why)
	}
	return outs
}

func wantFault(t *testing.T, outs []Outcome, why string) {
	t.Helper()
	o := outs[len(outs)-1]
	if o.Name != "guest" || o.Verdict != Failed || !strings.Contains(o.Why, why) {
		t.Errorf("the guest: %v %q, want a failure for %q", o.Verdict, o.Why, why)
	}
}

func TestGoodGuestPasses(t *testing.T) {
	for _, o := range leg(t, 2*time.Minute, "exit 0") {
		if o.Verdict != Passed {
			t.Errorf("%s: %s", o.Name, o.Why)
		}
	}
}

func TestMustFailStatus(t *testing.T) {
	outs := leg(t, 2*time.Minute, "exit 3")
	if o := find(t, outs, "script"); o.Verdict != Failed {
		t.Error(o)
	}
	if o := find(t, outs, "after"); o.Verdict != Passed {
		t.Error(o)
	}
}

func TestMustFailPanic(t *testing.T) {
	outs := leg(t, 2*time.Minute, "echo c > /proc/sysrq-trigger")
	wantFault(t, outs, "panic")
	for _, name := range []string{"script", "after"} {
		if o := find(t, outs, name); o.Verdict != Failed {
			t.Error(o)
		}
	}
}

func TestMustFailHang(t *testing.T) {
	outs := leg(t, 25*time.Second, "sleep 3600")
	wantFault(t, outs, "hung")
	if o := find(t, outs, "script"); o.Verdict != Failed {
		t.Error(o)
	}
}

func TestMustFailWarning(t *testing.T) {
	outs := leg(t, 2*time.Minute, "echo '<4>WARNING: CPU: 0 PID: 1 at here' > /dev/kmsg; exit 0")
	wantFault(t, outs, "WARNING")
}

func TestMustFailQuietWarning(t *testing.T) {
	// Of a level that does not reach the console.
	outs := leg(t, 2*time.Minute, "echo '<7>INFO: suspicious RCU usage' > /dev/kmsg; exit 0")
	wantFault(t, outs, "lockdep")
}

func TestMustFailEarlyEnd(t *testing.T) {
	outs := leg(t, 2*time.Minute, "echo b > /proc/sysrq-trigger; sleep 3600")
	wantFault(t, outs, "stopped before its plan was over")
	if o := find(t, outs, "script"); o.Verdict != Failed {
		t.Error(o)
	}
}

func TestMustFailInitDies(t *testing.T) {
	outs := leg(t, 2*time.Minute, "kill -ABRT 1; kill -SEGV 1; sleep 3600")
	wantFault(t, outs, "panic")
}

func TestMustFailSkippedTest(t *testing.T) {
	outs := legOf(t, 2*time.Minute, Suite{Package: "./qemu-tests/matrix/testdata/skips"})
	if o := find(t, outs, "script/TestRuns"); o.Verdict != Passed {
		t.Error(o)
	}
	if o := find(t, outs, "script/TestSkips"); o.Verdict != Failed || !strings.Contains(o.Why, "not today") {
		t.Error(o)
	}
}

func TestMustFailEarlyExitOfSuite(t *testing.T) {
	outs := legOf(t, 2*time.Minute, Suite{Package: "./qemu-tests/matrix/testdata/exits"})
	if o := find(t, outs, "script/TestFirst"); o.Verdict != Passed {
		t.Error(o)
	}
	for _, name := range []string{"script/TestLeaves", "script/TestNeverRun"} {
		if o := find(t, outs, name); o.Verdict != Failed {
			t.Error(o)
		}
	}
}

// A test that hangs is named, and those after it run all the same. Its
// deadline is its own: the test before it took more than half of that.
func TestMustFailHungTest(t *testing.T) {
	outs := legOf(t, 3*time.Minute, Suite{Package: "./qemu-tests/matrix/testdata/hangs", Seconds: 5})
	for _, name := range []string{"script/TestBefore", "script/TestAfter", "after"} {
		if o := find(t, outs, name); o.Verdict != Passed {
			t.Error(o)
		}
	}
	if o := find(t, outs, "script/TestHangs"); o.Verdict != Failed || !strings.Contains(o.Why, "hung: long") {
		t.Error(o)
	}
}
