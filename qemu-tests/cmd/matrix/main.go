// SPDX-License-Identifier: Apache-2.0

// Command matrix runs the suites of matrix.toml on each kernel.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/bpfshim/bpfshim/qemu-tests/kernels"
	"github.com/bpfshim/bpfshim/qemu-tests/matrix"
	"github.com/bpfshim/bpfshim/qemu-tests/vm"
)

const usage = `usage: go run ./qemu-tests/cmd/matrix [flags] [KERNEL...]

Boots each kernel of qemu-tests/matrix.toml (or those named), loads the module,
runs the kernel's suites, unloads, loads and unloads again, reads the kernel
log, and only then gives its verdict. A kernel that is not there is SKIPPED.

flags:
`

// quickLoops is enough to see a leak of a reference or a name.
const quickLoops = 10

func main() {
	quick := flag.Bool("quick", false, "the short form: without what is marked full, few rounds of the loop")
	loops := flag.Int("loops", 200, "rounds of insmod, load, rmmod")
	suite := flag.String("suite", "", "only this `SUITE`, or these: SUITE,SUITE; also what is marked full")
	module := flag.String("module", "", "load this `FILE` instead of building the module; KERNEL in it stands for the kernel's name")
	flag.Usage = func() {
		fmt.Fprint(os.Stderr, usage)
		flag.PrintDefaults()
	}
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	ok, err := run(ctx, *quick, *loops, *suite, *module, flag.Args())
	if err != nil {
		fmt.Fprintln(os.Stderr, "matrix:", err)
	}
	if err != nil || !ok {
		os.Exit(1)
	}
}

func run(ctx context.Context, quick bool, loops int, suite, module string, names []string) (bool, error) {
	repo, err := vm.Repo()
	if err != nil {
		return false, err
	}
	cfg, err := matrix.Load(filepath.Join(repo, "qemu-tests", "matrix.toml"))
	if err != nil {
		return false, err
	}
	for _, name := range strings.FieldsFunc(suite, func(c rune) bool { return c == ',' }) {
		if _, ok := cfg.Suite[name]; !ok {
			return false, fmt.Errorf("qemu-tests/matrix.toml has no suite %s", name)
		}
	}
	if len(names) == 0 {
		names = cfg.Names()
	}
	if quick && loops > quickLoops {
		loops = quickLoops
	}
	r := &matrix.Runner{
		Config: cfg, Builder: vm.Builder{Repo: repo, Log: os.Stderr},
		Quick: quick, Loops: loops, Only: suite, Module: module, Log: os.Stdout,
	}
	var all []matrix.Outcome
	var legs []string
	for _, name := range names {
		leg, ok := cfg.Kernel[name]
		if !ok {
			return false, fmt.Errorf("qemu-tests/matrix.toml has no kernel %s", name)
		}
		of := name
		if leg.Of != "" {
			of = leg.Of
		}
		k, err := kernels.Find(of)
		if errors.Is(err, kernels.ErrMissing) {
			legs = append(legs, fmt.Sprintf("%-12s SKIPPED: %v", name, err))
			all = append(all, matrix.Outcome{Kernel: name, Name: "kernel", Verdict: matrix.Skipped, Why: err.Error()})
			continue
		} else if err != nil {
			return false, err
		}
		start := time.Now()
		fmt.Printf("== %s\n", name)
		outs, err := r.Kernel(ctx, k, leg)
		if err != nil {
			if ctx.Err() != nil {
				return false, err
			}
			outs = []matrix.Outcome{{Kernel: name, Name: "host", Why: err.Error()}}
		}
		all = append(all, outs...)
		legs = append(legs, fmt.Sprintf("%-12s ran in %v: %s", name, time.Since(start).Round(time.Second), matrix.Count(outs)))
	}
	return report(all, legs), nil
}

// report prints the verdicts, what failed once more at the end, where a log that
// is cut still has it, and the closing line.
func report(all []matrix.Outcome, legs []string) bool {
	fmt.Println()
	ok := true
	for _, o := range all {
		ok = ok && o.Verdict != matrix.Failed
		fmt.Println(line(o))
	}
	fmt.Println()
	for _, o := range all {
		if o.Verdict == matrix.Failed {
			fmt.Println(line(o))
		}
	}
	for _, l := range legs {
		fmt.Println(l)
	}
	fmt.Println(matrix.Count(all))
	return ok
}

func line(o matrix.Outcome) string {
	return strings.TrimRight(fmt.Sprintf("%-4s %-12s %s  %s", o.Verdict, o.Kernel, o.Name, o.Why), " ")
}
