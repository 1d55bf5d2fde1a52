// SPDX-License-Identifier: Apache-2.0

package matrix

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/bpfshim/bpfshim/qemu-tests/kernels"
	"github.com/bpfshim/bpfshim/qemu-tests/vm"
	"github.com/bpfshim/bpfshim/qemu-tests/wire"
)

// Runner runs legs of the matrix.
type Runner struct {
	Config   *Config
	Builder  vm.Builder
	Quick    bool   // leaves out what is marked full
	Loops    int    // rounds of insmod and rmmod
	NoModule bool   // for the tests of the harness itself
	Module   string // a file instead of a build; KERNEL in it is the kernel's name
	Only     string // these suites only, with commas between them
	Timeout  time.Duration
	Log      io.Writer // progress, and the output of what failed

	warnings []string // of the module's build for the current leg
}

// unit is one step of a leg and how to judge it.
type unit struct {
	name   string
	suite  Suite
	listed []string
	out    bytes.Buffer
}

func exitText(status int) string { return "ended with status " + strconv.Itoa(status) }
func quote(s string) string      { return strconv.Quote(s) }

// Kernel runs the leg of one kernel. The error is the host's own; all that
// the guest did is in the outcomes.
func (r *Runner) Kernel(ctx context.Context, k kernels.Kernel, leg Kernel) ([]Outcome, error) {
	c, units, err := r.prepare(ctx, k, leg)
	if err != nil {
		return nil, err
	}
	var console bytes.Buffer
	c.Console = &console
	kept := !r.NoModule && leg.Of == ""
	if kept {
		results := filepath.Join(ResultsDir(r.Builder.Repo), k.Name)
		if r.Only == "" {
			if err := os.RemoveAll(results); err != nil {
				return nil, err
			}
		}
		c.Plan.Out, c.Out = "/out", filepath.Join(results, "out")
	}
	c.Event = func(e wire.Event) {
		switch e.Ev {
		case wire.EvOut:
			units[e.Step].out.Write(e.Data)
		case wire.EvEnd:
			fmt.Fprintf(r.Log, "  %-12s %-10s ended with %d %s\n", k.Name, c.Plan.Steps[e.Step].Name, e.Status, e.Text)
		}
	}
	res, err := vm.Run(ctx, c)
	if err != nil {
		return nil, err
	}
	outs := r.judge(k.Name, leg, c.Plan, units, res)
	if res.Slow > 1.5 {
		fmt.Fprintf(r.Log, "  %-12s up to %.1f times slower than the guest that deadlines are made for\n", k.Name, res.Slow)
	}
	r.show(k.Name, outs, units, res, console.Bytes())
	if !kept {
		return outs, nil
	}
	release, err := k.Release()
	if err != nil {
		return nil, err
	}
	return outs, r.record(k.Name, release, units, outs)
}

func (r *Runner) prepare(ctx context.Context, k kernels.Kernel, leg Kernel) (vm.Config, []*unit, error) {
	c := vm.Config{Kernel: k, SMP: leg.SMP, MemMB: leg.MemMB, Append: leg.Append, Timeout: r.Timeout}
	if c.Timeout == 0 {
		c.Timeout = 30 * time.Minute
	}
	var units []*unit
	add := func(u *unit, s wire.Step) {
		s.Name = u.name
		units = append(units, u)
		c.Plan.Steps = append(c.Plan.Steps, s)
	}
	var err error
	if c.Base, err = r.Builder.Base(ctx); err != nil {
		return c, nil, err
	}
	if c.Files, err = r.Builder.Files(ctx, k); err != nil {
		return c, nil, err
	}
	if !r.NoModule {
		ko, warnings, err := r.module(ctx, k)
		if err != nil {
			return c, nil, err
		}
		r.warnings = warnings
		if err := c.Files.File(vm.GuestModule, ko, 0o644); err != nil {
			return c, nil, err
		}
		c.Plan.Module = vm.GuestModule
		add(&unit{name: "insmod"}, wire.Step{Kind: wire.StepInsmod, Seconds: 60})
	}
	for _, name := range leg.Suites {
		s := r.Config.Suite[name]
		if r.Quick && s.Full && r.Only == "" || r.Only != "" && !strings.Contains(","+r.Only+",", ","+name+",") {
			continue
		}
		u := &unit{name: name, suite: s}
		step := wire.Step{Kind: wire.StepRun, Args: s.Command, Seconds: s.Seconds}
		if step.Seconds == 0 {
			step.Seconds = 120
		}
		if s.Package != "" {
			if step.Args, err = r.testProgram(ctx, &c, u); err != nil {
				return c, nil, err
			}
			step.Tests = u.listed
		}
		if s.Overlay != "" {
			if err := c.Files.Tree("/", filepath.Join(r.Builder.Repo, s.Overlay)); err != nil {
				return c, nil, fmt.Errorf("suite %s: %w", name, err)
			}
		}
		if r.Quick {
			step.Env = append(step.Env, "BPFSHIM_QUICK=1")
		}
		add(u, step)
	}
	if !r.NoModule {
		add(&unit{name: "rmmod"}, wire.Step{Kind: wire.StepRmmod, Seconds: 60})
		if r.Loops > 0 && leg.Of == "" {
			load, err := r.loadProgram(ctx, &c)
			if err != nil {
				return c, nil, err
			}
			add(&unit{name: "reload"}, wire.Step{Kind: wire.StepLoop, Count: r.Loops, Args: load, Seconds: 60})
		}
		add(&unit{name: "kmemleak"}, wire.Step{Kind: wire.StepLeaks})
	}
	return c, units, nil
}

// module builds the module, or takes the one that is given.
func (r *Runner) module(ctx context.Context, k kernels.Kernel) (ko string, warnings []string, err error) {
	if r.Module == "" {
		return r.Builder.Module(ctx, k)
	}
	ko = strings.ReplaceAll(r.Module, "KERNEL", k.Name)
	_, err = os.Stat(ko)
	return ko, nil, err
}

// loadProgram is what each round of the reload loop runs.
func (r *Runner) loadProgram(ctx context.Context, c *vm.Config) ([]string, error) {
	l := r.Config.Load
	if l.Package == "" {
		return nil, nil
	}
	args, err := r.testProgram(ctx, c, &unit{name: "load", suite: Suite{Package: l.Package}})
	return append(args, "-test.run", "^"+l.Test+"$"), err
}

// testProgram puts a suite's test program into the guest, with its testdata,
// and asks it which tests it has.
func (r *Runner) testProgram(ctx context.Context, c *vm.Config, u *unit) ([]string, error) {
	host := filepath.Join(r.Builder.Repo, "build", "guest", u.name+".test")
	if err := r.Builder.Test(ctx, host, u.suite.Package); err != nil {
		return nil, err
	}
	list, err := exec.CommandContext(ctx, host, "-test.list", ".").Output()
	if err != nil {
		return nil, fmt.Errorf("%s -test.list: %w", host, err)
	}
	for _, line := range strings.Fields(string(list)) {
		if strings.HasPrefix(line, "Test") {
			u.listed = append(u.listed, line)
		}
	}
	guest := "/tests/" + u.name + ".test"
	if err := c.Files.File(guest, host, 0o755); err != nil {
		return nil, err
	}
	data := filepath.Join(r.Builder.Repo, u.suite.Package, "testdata")
	if _, err := os.Stat(data); err == nil {
		if err := c.Files.Tree("/testdata", data); err != nil {
			return nil, err
		}
	}
	return []string{guest, "-test.v", "-test.count=1"}, nil
}

// judge turns the guest's run into verdicts: one a test, one a step, and one
// for the guest as such, which is last.
func (r *Runner) judge(kernel string, leg Kernel, plan wire.Plan, units []*unit, res *vm.Result) []Outcome {
	var outs []Outcome
	add := func(name string, os ...Outcome) {
		for _, o := range os {
			o.Kernel = kernel
			o.Name = strings.TrimSuffix(name+"/"+o.Name, "/")
			outs = append(outs, o)
		}
	}
	if plan.Module != "" {
		build := Outcome{Verdict: Passed}
		if len(r.warnings) > 0 {
			build = Outcome{Why: fmt.Sprintf("%d warnings, the first: %s", len(r.warnings), r.warnings[0])}
		}
		add("build", build)
	}
	for i, u := range units {
		s := res.Steps[i]
		switch {
		case !s.Begun && u.listed != nil:
			for _, t := range u.listed {
				add(u.name, Outcome{Name: t, Why: "not run: the guest stopped before"})
			}
		case !s.Begun:
			add(u.name, Outcome{Why: "not run: the guest stopped before"})
		case s.Status == wire.StatusTimeout || !s.Ended:
			status := s.Status
			if !s.Ended {
				s.Text = "did not end"
				status = -1
			}
			if u.listed != nil {
				add(u.name, judgeGo(u.listed, u.out.Bytes(), status, leg.maySkip(u.name))...)
			}
			add(u.name, Outcome{Why: s.Text})
		case u.listed != nil:
			add(u.name, judgeGo(u.listed, u.out.Bytes(), s.Status, leg.maySkip(u.name))...)
		case plan.Steps[i].Kind == wire.StepRun:
			add(u.name, judgeCommand(u.suite, u.out.Bytes(), s.Status))
		case s.Status != 0:
			add(u.name, Outcome{Why: s.Text})
		default:
			add(u.name, Outcome{Verdict: Passed, Why: s.Text})
		}
	}
	guest := Outcome{Verdict: Passed}
	if len(res.Faults) > 0 {
		guest = Outcome{Why: strings.Join(res.Faults, "; ")}
	}
	add("guest", guest)
	return outs
}

func (k Kernel) maySkip(suite string) func(string) (string, bool) {
	return func(test string) (string, bool) {
		why, ok := k.MaySkip[suite+"/"+test]
		return why, ok
	}
}

// show prints the output of what failed.
func (r *Runner) show(kernel string, outs []Outcome, units []*unit, res *vm.Result, console []byte) {
	bad := map[string]bool{}
	for _, o := range outs {
		if o.Verdict == Failed {
			name, _, _ := strings.Cut(o.Name, "/")
			bad[name] = true
		}
	}
	for _, u := range units {
		if bad[u.name] && u.out.Len() > 0 {
			fmt.Fprintf(r.Log, "---- %s: %s\n%s\n", kernel, u.name, excerpt(u.out.Bytes(), 200))
		}
	}
	for _, n := range res.Notes {
		fmt.Fprintf(r.Log, "---- %s: note: %s\n", kernel, n)
	}
	switch {
	case !bad["guest"]:
	case len(res.Log) > 0:
		fmt.Fprintf(r.Log, "---- %s: kernel log\n%s\n", kernel, strings.Join(res.Log, "\n"))
	default:
		fmt.Fprintf(r.Log, "---- %s: console\n%s\n", kernel, tail(console, 60))
	}
}

func tail(b []byte, n int) []byte {
	lines := bytes.Split(bytes.TrimSpace(b), []byte("\n"))
	if len(lines) > n {
		lines = lines[len(lines)-n:]
	}
	return bytes.Join(lines, []byte("\n"))
}
