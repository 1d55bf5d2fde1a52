// SPDX-License-Identifier: Apache-2.0

// Command vmexec runs a command in a guest that boots the named kernel, with
// the module loaded, and exits with the command's status.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/bpfshim/bpfshim/qemu-tests/kernels"
	"github.com/bpfshim/bpfshim/qemu-tests/vm"
	"github.com/bpfshim/bpfshim/qemu-tests/wire"
)

// Exit statuses beside the command's own.
const (
	exitGuest   = 125 // the guest panicked, warned or hung
	exitMissing = 126 // the kernel is not there
	exitUsage   = 2
	exitHost    = 3 // the host could not build or start the guest
)

const usage = `usage: go run ./qemu-tests/cmd/vmexec -kernel NAME [flags] -- CMD ARGS...

Boots the kernel under QEMU with the module loaded, the CLI in PATH, a POSIX
shell and the usual tools, and runs CMD in it. Exits with CMD's status; 125 when
the guest panicked, warned or hung, or the module could not be unloaded after
CMD; 126 when the kernel is not there; 3 when the host failed. ("go run" makes
1 of each of them and prints it: "make vmexec" builds build/vmexec.)

flags:
`

type options struct {
	kernel, appendArgs, module, params, out, console string
	smp, mem                                         int
	overlays, env                                    list
	icount, noModule, keep, verbose                  bool
	timeout                                          time.Duration
}

type list []string

func (l *list) String() string     { return fmt.Sprint(*l) }
func (l *list) Set(s string) error { *l = append(*l, s); return nil }

func main() {
	var o options
	fs := flag.NewFlagSet("vmexec", flag.ContinueOnError)
	fs.StringVar(&o.kernel, "kernel", "", "`NAME` of the kernel: el7-514, el7-1160, v3.10, debian-6.1, ... (kernels list)")
	fs.IntVar(&o.smp, "smp", 2, "number of CPUs")
	fs.IntVar(&o.mem, "mem", 1024, "memory in `MB`")
	fs.Var(&o.overlays, "overlay", "`DIR` laid over the guest's root; may be repeated")
	fs.Var(&o.env, "env", "`NAME=VALUE` in the command's environment; may be repeated")
	fs.BoolVar(&o.icount, "icount", false, "virtual time counts instructions: 1 each ns, one CPU")
	fs.BoolVar(&o.noModule, "no-module", false, "do not build and load the module")
	fs.StringVar(&o.module, "module", "", "load this `FILE` instead of building the module")
	fs.StringVar(&o.params, "params", "", "module parameters")
	fs.BoolVar(&o.keep, "keep-module", false, "do not unload the module after the command")
	fs.DurationVar(&o.timeout, "timeout", 5*time.Minute, "the guest has hung when it is not over then")
	fs.StringVar(&o.appendArgs, "append", "", "more kernel `ARGS`")
	fs.StringVar(&o.out, "out", "", "host `DIR` that gets the files which CMD leaves in /out")
	fs.StringVar(&o.console, "console", "", "write the kernel console to `FILE` (- for standard error)")
	fs.BoolVar(&o.verbose, "v", false, "show the kernel's messages from boot on")
	fs.Usage = func() {
		fmt.Fprint(os.Stderr, usage)
		fs.PrintDefaults()
	}
	if err := fs.Parse(os.Args[1:]); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			os.Exit(0)
		}
		os.Exit(exitUsage)
	}
	if o.kernel == "" || fs.NArg() == 0 {
		fs.Usage()
		os.Exit(exitUsage)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	status, err := run(ctx, o, fs.Args())
	if err != nil {
		fmt.Fprintln(os.Stderr, "vmexec:", err)
	}
	os.Exit(status)
}

func run(ctx context.Context, o options, args []string) (int, error) {
	k, err := kernels.Find(o.kernel)
	if errors.Is(err, kernels.ErrMissing) {
		return exitMissing, err
	} else if err != nil {
		return exitUsage, err
	}
	c, err := prepare(ctx, o, k, args)
	if err != nil {
		return exitHost, err
	}
	switch {
	case o.console == "-" || o.verbose:
		c.Console = os.Stderr
	case o.console != "":
		f, err := os.Create(o.console)
		if err != nil {
			return exitHost, err
		}
		defer f.Close()
		c.Console = f
	}
	res, err := vm.Run(ctx, c)
	if err != nil {
		return exitHost, err
	}
	return judge(c.Plan, res, os.Stderr), nil
}

func prepare(ctx context.Context, o options, k kernels.Kernel, args []string) (vm.Config, error) {
	c := vm.Config{
		Kernel: k, SMP: o.smp, MemMB: o.mem, Append: o.appendArgs, ICount: o.icount,
		Timeout: o.timeout, Out: o.out, Stdout: os.Stdout, Stderr: os.Stderr,
	}
	if o.verbose {
		c.Append += " ignore_loglevel"
	}
	repo, err := vm.Repo()
	if err != nil {
		return c, err
	}
	b := vm.Builder{Repo: repo, Log: os.Stderr}
	if c.Base, err = b.Base(ctx); err != nil {
		return c, err
	}
	if c.Files, err = b.Files(ctx, k); err != nil {
		return c, err
	}
	if !o.noModule {
		if o.module == "" {
			if o.module, _, err = b.Module(ctx, k); err != nil {
				return c, err
			}
		}
		if err := c.Files.File(vm.GuestModule, o.module, 0o644); err != nil {
			return c, err
		}
		c.Plan.Module, c.Plan.Params = vm.GuestModule, o.params
		c.Plan.Steps = append(c.Plan.Steps, wire.Step{Kind: wire.StepInsmod, Name: "insmod"})
	}
	for _, dir := range o.overlays {
		if err := c.Files.Tree("/", dir); err != nil {
			return c, err
		}
	}
	c.Plan.Steps = append(c.Plan.Steps, wire.Step{Kind: wire.StepRun, Name: args[0], Args: args, Env: o.env})
	if o.out != "" {
		c.Plan.Out = "/out"
		c.Files.Dir("/out", 0o755)
	}
	if !o.noModule && !o.keep {
		c.Plan.Steps = append(c.Plan.Steps,
			wire.Step{Kind: wire.StepRmmod, Name: "rmmod"},
			wire.Step{Kind: wire.StepLeaks, Name: "kmemleak"})
	}
	return c, nil
}

// judge turns what was seen into the exit status, and says what went wrong.
func judge(p wire.Plan, res *vm.Result, w io.Writer) int {
	for _, n := range res.Notes {
		fmt.Fprintln(w, "vmexec: guest:", n)
	}
	status := 0
	faults := res.Faults
	for i, s := range p.Steps {
		r := res.Steps[i]
		switch {
		case s.Kind == wire.StepRun && r.Ended:
			status = r.Status
			if r.Text != "" {
				fmt.Fprintln(w, "vmexec:", r.Text)
			}
		case r.Ended && r.Status != 0:
			faults = append(faults, s.Name+": "+r.Text)
		}
	}
	if len(faults) == 0 {
		return status
	}
	lines := res.Log
	if len(lines) == 0 {
		lines = res.Console
	}
	for _, l := range lines {
		fmt.Fprintln(w, "  |", l)
	}
	for _, f := range faults {
		fmt.Fprintln(w, "vmexec: the guest has failed:", f)
	}
	return exitGuest
}
