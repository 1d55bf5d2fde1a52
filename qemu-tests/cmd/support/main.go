// SPDX-License-Identifier: Apache-2.0

// Command support makes docs/SUPPORT.md of what the last runs of the matrix
// left in build/results.
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"

	"github.com/bpfshim/bpfshim/qemu-tests/matrix"
	"github.com/bpfshim/bpfshim/qemu-tests/support"
	"github.com/bpfshim/bpfshim/qemu-tests/vm"
)

func main() {
	flag.Usage = func() {
		fmt.Fprintln(os.Stderr, "usage: go run ./qemu-tests/cmd/support: takes the results of the kernels that ran, checks them, writes docs/SUPPORT.md")
	}
	flag.Parse()
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "support:", err)
		os.Exit(1)
	}
}

func run() error {
	repo, err := vm.Repo()
	if err != nil {
		return err
	}
	ev, err := support.LoadEvidence()
	if err != nil {
		return err
	}
	dir := filepath.Join(repo, "qemu-tests", "support", "results")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	for _, k := range support.Known {
		if err := take(repo, dir, k, ev); err != nil {
			return fmt.Errorf("%s: %w", k, err)
		}
	}
	set, err := support.LoadSet(dir)
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(repo, "docs", "SUPPORT.md"), []byte(set.Doc()), 0o644); err != nil {
		return err
	}
	problems := set.Problems()
	for _, p := range problems {
		fmt.Println(p)
	}
	fmt.Printf("docs/SUPPORT.md: %d kernels, %d problems\n", len(set.Kernels), len(problems))
	if len(problems) > 0 {
		return errors.New("a yes without a test, or a no without a reason")
	}
	return nil
}

// take keeps what a kernel's run left: its rows, and how the tests ended that
// a yes can rest on.
func take(repo, dir, kernel string, ev *support.Evidence) error {
	r, err := support.Read(filepath.Join(matrix.ResultsDir(repo), kernel, "out", "support.json"))
	if errors.Is(err, os.ErrNotExist) {
		fmt.Printf("%s: did not run; what is known of it stays\n", kernel)
		return nil
	}
	if err != nil {
		return err
	}
	_, ran, err := matrix.Recorded(repo, kernel)
	if err != nil {
		return err
	}
	r.Kernel, r.Tests = kernel, map[string]string{}
	for _, row := range r.Rows {
		for _, test := range ev.Of(row.Kind, row.Name, ran) {
			if end, ok := ran[test]; ok {
				r.Tests[test] = end
			}
		}
	}
	return r.Write(filepath.Join(dir, kernel+".json"))
}
