// SPDX-License-Identifier: Apache-2.0

package support

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/bpfshim/bpfshim/ioctl"
	reasons "github.com/bpfshim/bpfshim/loader/support"
)

const root = "../.."

func set(t *testing.T) *Set {
	t.Helper()
	s, err := LoadSet("results")
	if err != nil {
		t.Fatal(err)
	}
	if len(s.Kernels) == 0 {
		t.Skip("no kernel's results are in the tree: make support")
	}
	return s
}

// The document is what the results and tables say.
func TestDocIsUpToDate(t *testing.T) {
	s := set(t)
	b, err := os.ReadFile(filepath.Join(root, "docs", "SUPPORT.md"))
	if err != nil {
		t.Fatal(err)
	}
	if string(b) != s.Doc() {
		t.Error("docs/SUPPORT.md is not what the results say: make support, or go run ./qemu-tests/cmd/support")
	}
}

// Each yes has tests that passed, each no a reason.
func TestEveryAnswerHolds(t *testing.T) {
	for _, p := range set(t).Problems() {
		t.Error(p)
	}
}

// Nothing of Linux 6.1 is left out, on any kernel.
func TestNothingIsLeftOut(t *testing.T) {
	for _, r := range set(t).Kernels {
		have := func(kind string, names []ioctl.Enumerator) {
			for _, e := range names {
				if _, ok := r.Find(kind, e.Name); !ok {
					t.Errorf("%s: no row of %s %s", r.Kernel, kind, e.Name)
				}
			}
		}
		have(reasons.Map, ioctl.Enumerators("bpfshim_map_type", "MAP_TYPE_"))
		have(reasons.Prog, ioctl.Enumerators("bpfshim_prog_type", "PROG_TYPE_"))
		have(reasons.Command, ioctl.Enumerators("bpfshim_cmd", ""))
		have(reasons.Attach, ioctl.Enumerators("bpfshim_attach_type", ""))
		for _, h := range ioctl.Prototypes() {
			if _, ok := r.Find(reasons.Helper, h.Name); !ok {
				t.Errorf("%s: no row of helper %s", r.Kernel, h.Name)
			}
		}
	}
}

// Helpers that the driver's source has, and no others, are offered somewhere:
// results older than the source are found so.
func TestResultsAreOfThisSource(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(root, "driver", "helpers", "*.c"))
	if err != nil {
		t.Fatal(err)
	}
	written := map[string]bool{"tail_call": true} // the engines do it
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range regexp.MustCompile(`(?m)^BPFSHIM_HELPER\((\w+)\)`).FindAllStringSubmatch(string(b), -1) {
			written[m[1]] = true
		}
	}
	delete(written, "kptr_xchg") // verified as natively, and no program may end with what it gives
	s := set(t)
	for _, h := range ioctl.Prototypes() {
		offered := false
		for _, r := range s.Kernels {
			row, _ := r.Find(reasons.Helper, h.Name)
			offered = offered || row.Offered()
		}
		if offered && !written[h.Name] {
			t.Errorf("helper %s: a kernel said yes, and the driver has it no longer: make support", h.Name)
		}
		if !offered && written[h.Name] {
			t.Errorf("helper %s: the driver has it, and no kernel said yes: make support", h.Name)
		}
	}
}

// The same of map types.
func TestMapTypesAreOfThisSource(t *testing.T) {
	b, err := os.ReadFile(filepath.Join(root, "driver", "maps", "registry.c"))
	if err != nil {
		t.Fatal(err)
	}
	s := set(t)
	for _, e := range ioctl.Enumerators("bpfshim_map_type", "MAP_TYPE_") {
		written := strings.Contains(string(b), "[BPFSHIM_MAP_TYPE_"+strings.ToUpper(e.Name)+"] = &")
		for _, r := range s.Kernels {
			if row, _ := r.Find(reasons.Map, e.Name); row.Offered() != written {
				t.Errorf("map type %s: %s said %v, and the driver has it: %v: make support", e.Name, r.Kernel, row.Driver, written)
			}
		}
	}
}

// A reason for what is not refused any more is taken out.
func TestReasonsAreOfWhatIsRefused(t *testing.T) {
	rows, err := reasons.Reasons()
	if err != nil {
		t.Fatal(err)
	}
	used := map[string]bool{}
	for _, f := range set(t).Refused() {
		if f.Reason != nil {
			used[fmt.Sprint(f.Reason.Line, f.Name)] = true
		}
	}
	for _, r := range rows {
		if !used[fmt.Sprint(r.Line, r.Name)] {
			t.Errorf("reasons.txt:%d: %s %s is refused nowhere, or 6.1 refuses it too", r.Line, r.Kind, r.Name)
		}
	}
}

// Tests that a yes rests on are there.
func TestEvidenceExists(t *testing.T) {
	ev, err := LoadEvidence()
	if err != nil {
		t.Fatal(err)
	}
	for row, tests := range ev.Tests {
		for _, test := range tests {
			f := strings.SplitN(test, "/", 3)
			if len(f) < 2 {
				t.Errorf("%s: %s is no suite/Test", row, test)
				continue
			}
			sources, _ := filepath.Glob(filepath.Join(root, "qemu-tests", "guest", f[0], "*_test.go"))
			found := false
			for _, src := range sources {
				b, err := os.ReadFile(src)
				if err != nil {
					t.Fatal(err)
				}
				found = found || strings.Contains(string(b), "func "+f[1]+"(")
			}
			if !found {
				t.Errorf("%s: there is no %s", row, test)
			}
		}
	}
}

func TestProblemsAreFound(t *testing.T) {
	ev := &Evidence{Tests: map[string][]string{}, LoadsOnly: map[string]string{}}
	row := Row{Kind: reasons.Map, Name: "hash", Driver: map[string]string{"": OK}}
	of := func(tests map[string]string, rows ...Row) []string {
		return (&Set{[]*Results{{Kernel: "k", Release: "3.10.0", Rows: rows, Tests: tests}}, ev}).Problems()
	}
	if p := of(map[string]string{"support/TestMaps/hash": "pass"}, row); len(p) != 0 {
		t.Error(p)
	}
	for what, tests := range map[string]map[string]string{
		"no test": {}, "failed": {"support/TestMaps/hash": "fail"}, "skipped": {"support/TestMaps/hash": "skip"},
	} {
		if p := of(tests, row); len(p) != 1 {
			t.Errorf("%s: %v", what, p)
		}
	}
	refused := Row{Kind: reasons.Map, Name: "no_such_map", Driver: map[string]string{"": "EINVAL"}, Native: map[string]string{"": OK}}
	if p := of(nil, refused); len(p) != 1 {
		t.Errorf("a no without a reason: %v", p)
	}
}
