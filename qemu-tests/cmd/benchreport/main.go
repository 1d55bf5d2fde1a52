// SPDX-License-Identifier: Apache-2.0

// Command benchreport puts what guests and host measured together:
// build/bench.json, the tables of docs/PERFORMANCE.md and their plot.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"math"
	"os"
	"slices"
	"strings"
)

// entry is one line of build/bench.json.
type entry struct {
	Group  string  `json:"group"`
	Name   string  `json:"name"`
	Kernel string  `json:"kernel"`
	Engine string  `json:"engine"`
	Metric string  `json:"metric"`
	Unit   string  `json:"unit"`
	Value  float64 `json:"value"`
}

func main() {
	out := flag.String("json", "build/bench.json", "`FILE` of all results")
	doc := flag.String("doc", "docs/PERFORMANCE.md", "`FILE` whose tables are written anew")
	picture := flag.String("svg", "docs/performance.svg", "`FILE` of the plot")
	flag.Usage = func() {
		fmt.Fprintln(os.Stderr, "usage: benchreport [flags] FILE...   (what `make bench` calls)")
		flag.PrintDefaults()
	}
	flag.Parse()
	if err := run(*out, *doc, *picture, flag.Args()); err != nil {
		fmt.Fprintln(os.Stderr, "benchreport:", err)
		os.Exit(1)
	}
}

func run(out, doc, picture string, files []string) error {
	var all []entry
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			return err
		}
		var es []entry
		if err := json.Unmarshal(b, &es); err != nil {
			return fmt.Errorf("%s: %w", f, err)
		}
		// Memory that was given back meanwhile hides what the map took.
		es = slices.DeleteFunc(es, func(e entry) bool { return e.Metric == "memory" && e.Value <= 0 })
		all = append(all, es...)
	}
	if len(all) == 0 {
		return fmt.Errorf("nothing was measured")
	}
	b, err := json.MarshalIndent(all, "", "\t")
	if err != nil {
		return err
	}
	if err := os.WriteFile(out, append(b, '\n'), 0o644); err != nil {
		return err
	}
	if err := os.WriteFile(picture, []byte(plot(all)), 0o644); err != nil {
		return err
	}
	text, err := os.ReadFile(doc)
	if err != nil {
		return err
	}
	head, rest, ok := strings.Cut(string(text), begin)
	_, tail, ok2 := strings.Cut(rest, end)
	if !ok || !ok2 {
		return fmt.Errorf("%s lacks the lines %q and %q", doc, begin, end)
	}
	var w strings.Builder
	tables(&w, all)
	return os.WriteFile(doc, []byte(head+begin+"\n"+w.String()+end+tail), 0o644)
}

const (
	begin = "<!-- begin: make bench -->"
	end   = "<!-- end: make bench -->"
)

// tableOf is the lines of a group, those of one metric and with names of one
// beginning, which the table leaves out.
type tableOf struct{ key, metric, prefix, title string }

var groups = []tableOf{
	{"exec", "", "", "What programs cost"},
	{"map", "instructions", "program: ", "Operations of programs on maps"},
	{"map", "instructions", "user: ", "Operations of user space on maps: a system call, or an element of a batch"},
	{"map", "memory", "memory: ", "Maps' memory, bytes an entry"},
	{"probe", "", "", "One hit"},
	{"output", "", "", "One event to user space"},
	{"verify", "time", "", "Verification of large programs, thousands of instructions"},
	{"verify", "peak memory", "", "Verification's peak memory, KiB"},
}

func tables(w io.Writer, all []entry) {
	var kernels []string
	for _, e := range all {
		if !slices.Contains(kernels, e.Kernel) {
			kernels = append(kernels, e.Kernel)
		}
	}
	for _, g := range groups {
		fmt.Fprintf(w, "\n### %s\n", g.title)
		for _, k := range kernels {
			table(w, g, k, all)
		}
	}
}

// engineOrder is that of the columns.
var engineOrder = []string{"interp", "jit", "native", "ftrace", "systemtap"}

func table(w io.Writer, g tableOf, kernel string, all []entry) {
	val := map[[2]string]float64{}
	var names, engines []string
	for _, e := range all {
		if e.Group != g.key || e.Kernel != kernel || (g.metric != "" && e.Metric != g.metric) || !strings.HasPrefix(e.Name, g.prefix) {
			continue
		}
		e.Name = strings.TrimPrefix(e.Name, g.prefix)
		val[[2]string{e.Name, e.Engine}] = e.Value
		if !slices.Contains(names, e.Name) {
			names = append(names, e.Name)
		}
		if !slices.Contains(engines, e.Engine) {
			engines = append(engines, e.Engine)
		}
	}
	if len(names) == 0 {
		return
	}
	slices.SortFunc(engines, func(a, b string) int {
		return slices.Index(engineOrder, a) - slices.Index(engineOrder, b)
	})
	compare := slices.Contains(engines, "native")
	fmt.Fprintf(w, "\n| %s | %s |", kernel, strings.Join(engines, " | "))
	rule := strings.Repeat(" ---: |", len(engines))
	if compare {
		fmt.Fprint(w, " JIT : native |")
		rule += " ---: |"
	}
	fmt.Fprintf(w, "\n| --- |%s\n", rule)
	sum, n := 0.0, 0
	for _, name := range names {
		fmt.Fprintf(w, "| %s |", name)
		for _, e := range engines {
			if v, ok := val[[2]string{name, e}]; ok {
				fmt.Fprintf(w, " %s |", number(v))
			} else {
				fmt.Fprint(w, " |")
			}
		}
		jit, ok := val[[2]string{name, "jit"}]
		native, ok2 := val[[2]string{name, "native"}]
		switch {
		case compare && ok && ok2:
			sum += math.Log(jit / native)
			n++
			fmt.Fprintf(w, " %.2f |", jit/native)
		case compare:
			fmt.Fprint(w, " |")
		}
		fmt.Fprintln(w)
	}
	if n > 1 {
		fmt.Fprintf(w, "| geometric mean |%s %.2f |\n", strings.Repeat(" |", len(engines)), math.Exp(sum/float64(n)))
	}
}

func number(v float64) string {
	if v >= 100 {
		return fmt.Sprintf("%.0f", v)
	}
	return fmt.Sprintf("%.1f", v)
}
