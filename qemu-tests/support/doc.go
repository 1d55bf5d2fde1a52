// SPDX-License-Identifier: Apache-2.0

package support

import (
	"fmt"
	"sort"
	"strings"

	"github.com/bpfshim/bpfshim/ioctl"
	reasons "github.com/bpfshim/bpfshim/loader/support"
)

// Known kernels of the matrix, in the order of columns.
var Known = []string{"el7-514", "el7-1160", "v3.10", "debian-6.1"}

const preface = `# What is offered

Made by ` + "`make support`" + ` out of a run of the matrix; ` + "`go test ./qemu-tests/support`" + ` checks that it is what the results
say. Nothing here is written by hand but the reasons, which are
[loader/support/reasons.txt](../loader/support/reasons.txt).

**yes**: a test named in the row ran there, used it and checked what it did; programs that call a helper were loaded in each
program type listed. **no**: the driver refuses with the errno that [the reasons](#what-is-refused-and-why) say; the run saw
that errno. **native**: Linux 6.1's own answer, asked in the same run; what it refuses as well is
among the reasons only where a 6.1 built or asked otherwise does it.
`

// Doc is docs/SUPPORT.md.
func (s *Set) Doc() string {
	var b strings.Builder
	b.WriteString(preface)
	s.kernels(&b)
	s.mapTypes(&b)
	s.progTypes(&b)
	s.helpers(&b)
	s.plain(&b, "Commands", "Of bpf(2), and from `ext_info` on the device's own.", reasons.Command, ioctl.Enumerators("bpfshim_cmd", ""))
	s.plain(&b, "Attach points", "First those that bpf(2) leaves to perf_event_open(2), then the attach types of LINK_CREATE and PROG_ATTACH.",
		reasons.Attach, append(enumerators("kprobe", "kretprobe", "tracepoint", "syscall_tracepoint", "raw_tracepoint", "raw_tracepoint_writable",
			"perf_event", "uprobe", "uretprobe"), without(ioctl.Enumerators("bpfshim_attach_type", ""), "perf_event")...))
	s.why(&b)
	return b.String()
}

func enumerators(names ...string) []ioctl.Enumerator {
	var out []ioctl.Enumerator
	for _, n := range names {
		out = append(out, ioctl.Enumerator{Name: n})
	}
	return out
}

func without(list []ioctl.Enumerator, name string) []ioctl.Enumerator {
	var out []ioctl.Enumerator
	for _, e := range list {
		if e.Name != name {
			out = append(out, e)
		}
	}
	return out
}

func (s *Set) kernels(b *strings.Builder) {
	fmt.Fprintf(b, "\n| kernel | release | map types | program types | helpers |\n| --- | --- | --- | --- | --- |\n")
	for _, r := range s.Kernels {
		fmt.Fprintf(b, "| %s | %s | %s | %s | %s |\n", r.Kernel, r.Release, s.count(r, reasons.Map), s.count(r, reasons.Prog), s.count(r, reasons.Helper))
	}
	for _, k := range Known {
		if s.kernel(k) == nil {
			fmt.Fprintf(b, "| %s | did not run | | | |\n", k)
		}
	}
	b.WriteString("\nCounted is what is offered, of what Linux 6.1 has: for helpers, of those that tracing programs may call (kprobe, tracepoint,\n" +
		"raw tracepoint, perf event).\n")
}

func (s *Set) kernel(name string) *Results {
	for _, r := range s.Kernels {
		if r.Kernel == name {
			return r
		}
	}
	return nil
}

// tracing are the program types that this module is for.
var tracing = []string{"kprobe", "tracepoint", "raw_tracepoint", "perf_event"}

func (s *Set) count(r *Results, kind string) string {
	have, all := 0, 0
	for _, row := range r.Rows {
		if row.Kind != kind {
			continue
		}
		keys := s.Keys(kind, row.Name)
		switch kind {
		case reasons.Helper:
			keys = tracing
		case reasons.Prog:
			keys = []string{"load"}
		}
		has, offered := false, false
		for _, of := range keys {
			has = has || s.Has(kind, row.Name, of)
			offered = offered || row.Driver[of] == OK
		}
		if has {
			all++
			if offered {
				have++
			}
		}
	}
	return fmt.Sprintf("%d of %d", have, all)
}

// answer is one kernel's on one thing, as a cell has it.
func answer(r *Results, kind, name, of string) string {
	row, ok := r.Find(kind, name)
	if !ok {
		return "?"
	}
	switch a := row.Driver[of]; a {
	case OK:
		return "yes"
	case "":
		return "no"
	default:
		return "no, " + a
	}
}

// native is 6.1's own.
func (s *Set) native(kind, name, of string) string {
	for _, r := range s.Kernels {
		if row, ok := r.Find(kind, name); ok && row.Native != nil {
			if row.Native[of] == OK {
				return "yes"
			}
			if row.Native[of] == "" {
				return "-"
			}
			return "no, " + row.Native[of]
		}
	}
	return "-"
}

func (s *Set) head(b *strings.Builder, first string, more ...string) {
	cols := []string{first}
	for _, r := range s.Kernels {
		cols = append(cols, r.Kernel)
	}
	cols = append(cols, more...)
	fmt.Fprintf(b, "| %s |\n|%s\n", strings.Join(cols, " | "), strings.Repeat(" --- |", len(cols)))
}

// tests of a row that passed on every kernel where it is offered.
func (s *Set) tests(kind, name string) string {
	if why, ok := s.Evidence.LoadsOnly[kind+"/"+name]; ok {
		return "loads only: " + why
	}
	seen := map[string]bool{}
	var out []string
	for _, r := range s.Kernels {
		if row, ok := r.Find(kind, name); !ok || !row.Offered() {
			continue
		}
		for _, t := range s.Evidence.Of(kind, name, r.Tests) {
			if t == suiteTest(kind, name) {
				t = "support"
			}
			if !seen[t] {
				seen[t] = true
				out = append(out, t)
			}
		}
	}
	return strings.Join(out, ", ")
}

func (s *Set) plain(b *strings.Builder, title, intro, kind string, names []ioctl.Enumerator) {
	fmt.Fprintf(b, "\n## %s\n%s\n\n", title, intro)
	s.head(b, strings.ToLower(strings.TrimSuffix(title, "s")), "native", "test")
	for _, e := range names {
		cells := []string{e.Name}
		for _, r := range s.Kernels {
			cells = append(cells, answer(r, kind, e.Name, ""))
		}
		cells = append(cells, s.native(kind, e.Name, ""), s.tests(kind, e.Name))
		fmt.Fprintf(b, "| %s |\n", strings.Join(cells, " | "))
	}
}

func (s *Set) mapTypes(b *strings.Builder) {
	s.plain(b, "Map types", "Made, and worked on from user space and from programs. `support` is the support suite's test of that name.",
		reasons.Map, ioctl.Enumerators("bpfshim_map_type", "MAP_TYPE_"))
	b.WriteString("\nWhich helpers take which map: a program that gives the one to the other loads, as natively.\n\n| map | helpers |\n| --- | --- |\n")
	last := s.Kernels[len(s.Kernels)-1]
	for _, e := range ioctl.Enumerators("bpfshim_map_type", "MAP_TYPE_") {
		row, ok := last.Find(takes, e.Name)
		if !ok {
			continue
		}
		var names []string
		for h, a := range row.Driver {
			if a == OK {
				names = append(names, h)
			}
		}
		sort.Strings(names)
		fmt.Fprintf(b, "| %s | %s%s |\n", e.Name, strings.Join(names, ", "), s.takesElsewhere(e.Name, row))
	}
}

// takesElsewhere says where a kernel answers otherwise than the last.
func (s *Set) takesElsewhere(name string, last Row) string {
	var out string
	for _, r := range s.Kernels {
		row, ok := r.Find(takes, name)
		var differ []string
		for h, a := range last.Driver {
			if !ok || (row.Driver[h] == OK) != (a == OK) {
				differ = append(differ, h)
			}
		}
		if len(differ) > 0 {
			sort.Strings(differ)
			out += fmt.Sprintf("; %s differs in %s", r.Kernel, strings.Join(differ, ", "))
		}
	}
	return out
}

func (s *Set) progTypes(b *strings.Builder) {
	b.WriteString("\n## Program types\nLoaded (verified and compiled), and run by PROG_TEST_RUN; where they attach is [below](#attach-points).\n\n")
	var cols []string
	for _, r := range s.Kernels {
		cols = append(cols, r.Kernel+" loads", "runs")
	}
	cols = append(append([]string{"program type"}, cols...), "native loads", "runs")
	fmt.Fprintf(b, "| %s |\n|%s\n", strings.Join(cols, " | "), strings.Repeat(" --- |", len(cols)))
	for _, e := range ioctl.Enumerators("bpfshim_prog_type", "PROG_TYPE_") {
		cells := []string{e.Name}
		for _, r := range s.Kernels {
			cells = append(cells, answer(r, reasons.Prog, e.Name, "load"), runs(answer(r, reasons.Prog, e.Name, "test_run")))
		}
		cells = append(cells, s.native(reasons.Prog, e.Name, "load"), runs(s.native(reasons.Prog, e.Name, "test_run")))
		fmt.Fprintf(b, "| %s |\n", strings.Join(cells, " | "))
	}
}

// runs shortens what no kernel can do.
func runs(a string) string {
	if a == "no" {
		return "-"
	}
	return a
}

// families of program types that 6.1 gives the same helpers.
var families = []struct {
	name  string
	types []string
}{
	{"kprobe", []string{"kprobe"}}, {"tracepoint", []string{"tracepoint"}}, {"raw tp", []string{"raw_tracepoint", "raw_tracepoint_writable"}},
	{"perf event", []string{"perf_event"}}, {"tracing", []string{"tracing"}}, {"lsm", []string{"lsm"}}, {"syscall", []string{"syscall"}},
}

func (s *Set) helpers(b *strings.Builder) {
	b.WriteString(`
## Helpers
Of each: the programs that may call it, by type, as 6.1 lets them. A cell is **yes** when a program of the type that calls it
loads on every kernel of this page that loads the type, **no** when on none, and empty where 6.1 has no such helper for the
type; a name in it is of a kernel that says yes when others say no. Types of packets and sockets are in one column: all, or
those that say yes of those that 6.1 has.

`)
	cols := []string{"helper"}
	for _, f := range families {
		cols = append(cols, f.name)
	}
	cols = append(cols, "others", "test")
	fmt.Fprintf(b, "| %s |\n|%s\n", strings.Join(cols, " | "), strings.Repeat(" --- |", len(cols)))
	grouped := map[string]bool{}
	for _, f := range families {
		for _, t := range f.types {
			grouped[t] = true
		}
	}
	for _, h := range ioctl.Prototypes() {
		cells := []string{h.Name}
		for _, f := range families {
			cells = append(cells, s.cell(h.Name, f.types))
		}
		var has, yes []string
		for _, of := range s.Keys(reasons.Helper, h.Name) {
			if grouped[of] || !s.Has(reasons.Helper, h.Name, of) {
				continue
			}
			has = append(has, of)
			if s.cell(h.Name, []string{of}) == "yes" {
				yes = append(yes, of)
			}
		}
		others := strings.Join(yes, ", ")
		switch {
		case len(has) == 0:
		case len(yes) == len(has):
			others = fmt.Sprintf("all %d", len(has))
		case len(yes) == 0:
			others = fmt.Sprintf("none of %d", len(has))
		default:
			others = fmt.Sprintf("%d of %d: %s", len(yes), len(has), others)
		}
		cells = append(cells, others, s.tests(reasons.Helper, h.Name))
		fmt.Fprintf(b, "| %s |\n", strings.Join(cells, " | "))
	}
}

// cell is what the kernels say of a helper in a family of types.
func (s *Set) cell(name string, types []string) string {
	var yes, no []string
	for _, r := range s.Kernels {
		row, _ := r.Find(reasons.Helper, name)
		for _, of := range types {
			if !s.Has(reasons.Helper, name, of) || !r.loads(of) {
				continue
			}
			if row.Driver[of] == OK {
				yes = append(yes, r.Kernel)
			} else {
				no = append(no, r.Kernel)
			}
		}
	}
	switch {
	case len(yes) == 0 && len(no) == 0:
		return ""
	case len(no) == 0:
		return "yes"
	case len(yes) == 0:
		return "no"
	}
	sort.Strings(yes)
	return strings.Join(uniq(yes), ", ")
}

func uniq(list []string) []string {
	var out []string
	for i, s := range list {
		if i == 0 || s != list[i-1] {
			out = append(out, s)
		}
	}
	return out
}

// why lists what is refused though 6.1 has it, by reason.
func (s *Set) why(b *strings.Builder) {
	b.WriteString("\n## What is refused, and why\nWhat Linux 6.1 itself does, natively, in the same run, and the driver does not; and what 6.1 can do, but refused in that run as well\n" +
		"(Debian builds it without, or the suite asks in too plain a way).\n\n" +
		"| what | where | kernels | errno | why |\n| --- | --- | --- | --- | --- |\n")
	type key struct{ kind, name, errno, why string }
	type where struct{ of, kernels map[string]bool }
	found := map[key]*where{}
	var order []key
	for _, f := range s.Refused() {
		k := key{f.Kind, f.Name, f.Errno, "?"}
		if f.Reason != nil {
			k.why = f.Reason.Why
		}
		w := found[k]
		if w == nil {
			w = &where{map[string]bool{}, map[string]bool{}}
			found[k] = w
			order = append(order, k)
		}
		w.of[f.Of] = true
		w.kernels[f.Kernel] = true
	}
	rank := map[string]int{reasons.Map: 1, reasons.Prog: 2, reasons.Helper: 3, reasons.Command: 4, reasons.Attach: 5}
	sort.SliceStable(order, func(i, j int) bool {
		a, c := order[i], order[j]
		if rank[a.kind] != rank[c.kind] {
			return rank[a.kind] < rank[c.kind]
		}
		if a.name != c.name {
			return a.name < c.name
		}
		return a.errno+a.why < c.errno+c.why
	})
	for _, k := range order {
		w := found[k]
		on := keysOf(w.kernels)
		if on == strings.Join(sorted(s.names()), ", ") {
			on = "all"
		}
		fmt.Fprintf(b, "| %s %s | %s | %s | %s | %s |\n", k.kind, k.name, keysOf(w.of), on, k.errno, k.why)
	}
}

func (s *Set) names() []string {
	var out []string
	for _, r := range s.Kernels {
		out = append(out, r.Kernel)
	}
	return out
}

func sorted(list []string) []string { sort.Strings(list); return list }

func keysOf(m map[string]bool) string {
	var out []string
	for k := range m {
		out = append(out, k)
	}
	return strings.Join(sorted(out), ", ")
}
