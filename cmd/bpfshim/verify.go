// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"

	"github.com/bpfshim/bpfshim/loader"
	"github.com/bpfshim/bpfshim/loader/hostverify"
)

type verifyFlags struct {
	kernel    string
	typ       string
	logLevel  int
	visualize string
	rules     string
	programs  []string
	set       []string
}

func verifyCommand(a *app) *cobra.Command {
	var f verifyFlags
	cmd := &cobra.Command{
		Use:   "verify FILE.o",
		Short: "Verify an object's programs, without the module and without root",
		Long: `Verify each program of a BPF object as the module does: the same verifier, run
in user space. It needs no module and no root, and loads nothing.

The object is prepared for this kernel, for --kernel, or against the types of
--btf. Each program gets a line:

  PROGRAM, SECTION, TYPE
  VERDICT    ok or rejected; ERRNO is what loading it would fail with;
             or error: something that it is prepared from is missing here
  INSNS      instructions that would run, after rewriting
  PROCESSED  instructions that the verifier went through, on all paths
  PEAK       states that it held at most at once; TOTAL: that it made
  STACK      bytes of stack, of the deepest function
  TIME       of the verification

Then the end of the log of each program that is rejected. --log-level prints all
of the log of every program: 1 the failing path, 2 every instruction with the
registers that it changes; add 4 for figures.

--visualize writes the control-flow graph of each function, with instructions,
source lines, and what the verifier knew of the registers: a page for a browser
(it loads nothing from elsewhere), or a DOT file if the name ends in .dot.

--rules masked masks against speculative execution, as the module does with spectre=1:
the same verdicts, more instructions. --rules unprivileged has Linux 6.1's
rules for unprivileged users, BPFSHIM_F_UNPRIV.

A program is verified by itself, with the maps it names: one that is rejected
does not hinder the others. The kernel's types are at hand, as if root had given
them to the module.

The verifier is a program of its own, bpfshim-verify, which is looked for in
$BPFSHIM_VERIFY, beside bpfshim, in PATH, and in /usr/libexec/bpfshim.

Exit status: 0 all programs are accepted; 1 some are rejected; 2 there is no
verdict: usage, files, no BTF.`,
		Example: `  bpfshim verify opensnoop.o
  bpfshim verify --kernel 3.10.0-1160.el7.x86_64 opensnoop.o
  bpfshim verify --btf el7.btf.xz --log-level 2 --prog handle_exec tool.o
  bpfshim verify --json tool.o | jq '.[] | select(.verdict != "ok")'
  bpfshim verify --type xdp prog.o        sections that name no type
  bpfshim verify --visualize tool.html tool.o
  bpfshim verify --visualize tool.dot tool.o && dot -Tsvg tool.dot >tool.svg`,
		Args: func(cmd *cobra.Command, args []string) error {
			return noVerdict(cobra.ExactArgs(1)(cmd, args))
		},
		RunE: func(_ *cobra.Command, args []string) error { return a.verify(args[0], &f) },
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return []string{"o"}, cobra.ShellCompDirectiveFilterFileExt
		},
	}
	cmd.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return noVerdict(err) })
	fl := cmd.Flags()
	fl.StringVar(&f.kernel, "kernel", "", "prepare for this kernel: a release (files in /boot, /lib/modules, /usr/lib/bpfshim/btf), or a folder of $BPFSHIM_KERNELS")
	fl.StringVar(&f.typ, "type", "", "take every program for this type, such as xdp or kprobe, whatever its section says")
	fl.IntVar(&f.logLevel, "log-level", 0, "print the verifier's whole log: 1 branches, 2 instructions, 4 statistics")
	fl.StringVar(&f.visualize, "visualize", "", "write the control-flow graph to this file: .html or .dot")
	fl.StringVar(&f.rules, "rules", "root", "verify for root, masked (against speculative execution), or unprivileged")
	fl.StringSliceVar(&f.programs, "prog", nil, "verify these programs only")
	fl.StringArrayVar(&f.set, "set", nil, "VAR=VALUE: set a global variable before, as load does")
	cmd.RegisterFlagCompletionFunc("rules", cobra.FixedCompletions([]string{"root", "masked", "unprivileged"}, cobra.ShellCompDirectiveNoFileComp))
	cmd.RegisterFlagCompletionFunc("type", cobra.FixedCompletions(progTypes, cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

// noVerdict makes it the status of what is no program's fault.
func noVerdict(err error) error {
	if err == nil {
		return nil
	}
	return &statusError{2, err}
}

// verdict is a program's line, as --json prints it.
type verdict struct {
	Program   string `json:"program"`
	Section   string `json:"section"`
	Type      string `json:"type"`
	Verdict   string `json:"verdict"` // ok, rejected, error
	Errno     string `json:"errno,omitempty"`
	Reason    string `json:"reason,omitempty"`
	Insns     int    `json:"insns"`
	Processed int    `json:"insns_processed"`
	Peak      int    `json:"peak_states"`
	Total     int    `json:"total_states"`
	PerInsn   int    `json:"max_states_per_insn"`
	Stack     int    `json:"stack_depth"`
	Time      int64  `json:"time_ns"`
	Memory    uint64 `json:"peak_memory"`
	Log       string `json:"log,omitempty"`
}

func (a *app) verify(file string, f *verifyFlags) error {
	if ext := filepath.Ext(f.visualize); f.visualize != "" && ext != ".html" && ext != ".htm" && ext != ".dot" {
		return noVerdict(fmt.Errorf("--visualize %s: its name ends in neither .html nor .dot", f.visualize))
	}
	if f.logLevel < 0 || f.logLevel > 7 {
		return noVerdict(fmt.Errorf("--log-level %d: it is a sum of 1, 2 and 4", f.logLevel))
	}
	dev, err := hostverify.New("")
	if err != nil {
		return noVerdict(err)
	}
	if f.kernel != "" {
		if err := loader.SetKernel(f.kernel); err != nil {
			return noVerdict(err)
		}
		if a.btf != "" {
			loader.SetKernelBTF(a.btf)
		}
	}
	// Objects without CO-RE need none.
	if dev.KernelBTF, err = loader.RawKernelBTF(); err != nil && (a.btf != "" || f.kernel != "") {
		return noVerdict(err)
	}
	spec, names, err := verifySpec(file, f)
	if err != nil {
		return noVerdict(err)
	}
	var all []verdict
	var graphs []*graph
	for _, name := range names {
		v, err := dev.Verify(spec, name, loader.LogLevel(f.logLevel))
		if err != nil {
			return noVerdict(err)
		}
		all = append(all, newVerdict(v, f.logLevel))
		if f.visualize == "" || v.Result == nil {
			continue
		}
		g, err := newGraph(dev, spec, v)
		if err != nil {
			return noVerdict(err)
		}
		g.Verdict = all[len(all)-1]
		graphs = append(graphs, g)
	}
	if f.visualize != "" {
		if err := writeGraphs(f.visualize, filepath.Base(file), graphs); err != nil {
			return noVerdict(err)
		}
	}
	if err := a.printVerdicts(all, f.logLevel); err != nil {
		return noVerdict(err)
	}
	status := map[string]int{"ok": 0, "rejected": 1, "error": 2}
	worst := slices.MaxFunc(all, func(x, y verdict) int { return status[x.Verdict] - status[y.Verdict] })
	if s := status[worst.Verdict]; s != 0 {
		return &exitError{s}
	}
	return nil
}

// rulesFlags are the flags that a program is loaded with, by the rules it is verified by.
var rulesFlags = map[string]uint32{"root": 0, "masked": loader.FlagMask, "unprivileged": loader.FlagUnprivileged}

// verifySpec opens the object, and says which of its programs to verify.
func verifySpec(file string, f *verifyFlags) (*loader.CollectionSpec, []string, error) {
	spec, err := loader.LoadCollectionSpec(file)
	if err != nil {
		return nil, nil, err
	}
	if err := setVariables(spec, f.set); err != nil {
		return nil, nil, err
	}
	flags, ok := rulesFlags[f.rules]
	if !ok {
		return nil, nil, fmt.Errorf("--rules %s: it is root, masked or unprivileged", f.rules)
	}
	for _, p := range spec.Programs {
		p.Flags |= flags
	}
	names := sortedKeys(spec.Programs)
	if len(names) == 0 {
		return nil, nil, fmt.Errorf("%s holds no programs", file)
	}
	if len(f.programs) > 0 {
		for _, n := range f.programs {
			if spec.Programs[n] == nil {
				return nil, nil, fmt.Errorf("--prog %s: the object has %s", n, strings.Join(names, ", "))
			}
		}
		names = f.programs
	}
	if f.typ != "" {
		for _, n := range names {
			if err := forceType(spec.Programs[n], f.typ); err != nil {
				return nil, nil, fmt.Errorf("--type: %w", err)
			}
		}
	}
	return spec, names, nil
}

func newVerdict(v *hostverify.Verdict, level int) verdict {
	out := verdict{Program: v.Program, Section: v.Section, Type: progTypeName(v.Type), Verdict: "ok"}
	if r := v.Result; r != nil {
		out.Insns, out.Processed = r.Length, r.Processed
		out.Peak, out.Total, out.PerInsn = r.PeakStates, r.TotalStates, r.MaxStatesPerInsn
		out.Stack, out.Time, out.Memory = r.StackDepth, r.Time.Nanoseconds(), r.PeakMemory
		if level != 0 || v.Err != nil {
			out.Log = r.Log
		}
	}
	if v.Err == nil {
		return out
	}
	out.Verdict, out.Reason = "rejected", reason(v.Err)
	var file *fs.PathError
	var errno unix.Errno
	switch {
	case errors.As(v.Err, &file):
		out.Verdict = "error" // this machine's fault
	case errors.As(v.Err, &errno):
		if out.Errno = unix.ErrnoName(errno); errno == 524 {
			out.Errno = "ENOTSUPP"
		}
	}
	return out
}

// reason is why, in one line.
func reason(err error) string {
	var refused *loader.VerifierError
	if !errors.As(err, &refused) || len(refused.Log) == 0 {
		return err.Error()
	}
	if errors.Is(err, loader.ErrBadRelocation) {
		return refused.Cause.Error()
	}
	log := reasonLines(refused.Log)
	return strings.TrimSpace(log[len(log)-1])
}

// reasonLines is a log without the figures at its end.
func reasonLines(log []string) []string {
	n := len(log)
	for n > 1 {
		l := strings.TrimSpace(log[n-1])
		if l != "" && !strings.HasPrefix(l, "processed ") && !strings.HasPrefix(l, "verification time ") && !strings.HasPrefix(l, "stack depth ") {
			break
		}
		n--
	}
	return log[:n]
}

// tailLines of a rejected program's log are shown unasked.
const tailLines = 12

func (a *app) printVerdicts(all []verdict, level int) error {
	if a.json {
		enc := json.NewEncoder(a.out)
		enc.SetIndent("", "  ")
		enc.SetEscapeHTML(false)
		return enc.Encode(all)
	}
	w := tabwriter.NewWriter(a.out, 0, 8, 2, ' ', 0)
	fmt.Fprintln(w, "PROGRAM\tSECTION\tTYPE\tVERDICT\tERRNO\tINSNS\tPROCESSED\tPEAK\tTOTAL\tSTACK\tTIME")
	for _, v := range all {
		errno := "-"
		if v.Errno != "" {
			errno = v.Errno
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%d\t%d\t%d\t%d\t%d\t%s\n", v.Program, v.Section, v.Type, v.Verdict, errno,
			v.Insns, v.Processed, v.Peak, v.Total, v.Stack, time.Duration(v.Time).Round(time.Microsecond))
	}
	if err := w.Flush(); err != nil {
		return err
	}
	for _, v := range all {
		if err := a.printLog(v, level); err != nil {
			return err
		}
	}
	return nil
}

func (a *app) printLog(v verdict, level int) error {
	if v.Verdict == "ok" && level == 0 {
		return nil
	}
	log := strings.Split(strings.TrimRight(v.Log, "\n"), "\n")
	head := "accepted"
	if v.Reason != "" {
		head = v.Reason
	}
	cut := ""
	if level == 0 && len(log) > tailLines {
		cut = fmt.Sprintf("  (%d lines before; --log-level 1 shows them)\n", len(log)-tailLines)
		log = log[len(log)-tailLines:]
	}
	text := ""
	if v.Log != "" {
		text = "  " + strings.Join(log, "\n  ") + "\n"
	}
	_, err := fmt.Fprintf(a.out, "\n%s: %s\n%s%s", v.Program, head, cut, text)
	return err
}
