// SPDX-License-Identifier: Apache-2.0

// Command benchhost measures the engines in user space: the same programs that
// guests measure, compiled for and run in a process.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/bpfshim/bpfshim/qemu-tests/guest/bench"
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
	runner := flag.String("runner", "build/host/bench/bench", "the `PROGRAM` that runs them")
	out := flag.String("json", "build/bench-out/host/bench.json", "`FILE` of results")
	flag.Usage = func() {
		fmt.Fprintln(os.Stderr, "usage: benchhost [flags]   (what `make bench` calls)")
		flag.PrintDefaults()
	}
	flag.Parse()
	if err := run(*runner, *out); err != nil {
		fmt.Fprintln(os.Stderr, "benchhost:", err)
		os.Exit(1)
	}
}

func run(runner, out string) error {
	works, err := bench.HostWorks()
	if err != nil {
		return err
	}
	dir := filepath.Dir(out)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	request := filepath.Join(dir, "request")
	if err := os.WriteFile(request, []byte(bench.Request()), 0o644); err != nil {
		return err
	}
	var all []entry
	for _, w := range works {
		file := filepath.Join(dir, "program")
		if err := os.WriteFile(file, w.Code, 0o644); err != nil {
			return err
		}
		text, err := exec.Command(runner, request, file).Output()
		if err != nil {
			return fmt.Errorf("%s: %w: %s", w.Name, err, text)
		}
		for _, line := range strings.Split(strings.TrimSpace(string(text)), "\n") {
			var engine string
			var ns float64
			if _, err := fmt.Sscan(line, &engine, &ns); err != nil {
				return fmt.Errorf("%s: %q: %w", w.Name, line, err)
			}
			all = append(all, entry{"exec", w.Name, "host", engine, "time", "ns", ns / float64(w.Times)})
		}
	}
	text, err := json.MarshalIndent(all, "", "\t")
	if err != nil {
		return err
	}
	return os.WriteFile(out, append(text, '\n'), 0o644)
}
