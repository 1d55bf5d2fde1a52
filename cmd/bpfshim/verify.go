// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/cilium/ebpf"
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
	programs  []string
}

func verifyCommand(a *app) *cobra.Command {
	var f verifyFlags
	cmd := &cobra.Command{
		Use:   "verify FILE.o",
		Short: "Verify an object's programs without loading them",
		Long: `Verify each program of a BPF object as the module would: the same verifier, as a
program in user space. Needs no module and no root, and runs nothing.

The object is relocated against the types of this kernel, of --kernel or of
--btf, and each program gets a line: its verdict, the instructions that the
verifier went through, the states that it kept, stack, time and memory. The
reason of a refusal follows; --log-level 1 shows the log of accepted programs
as well, 2 every instruction's.

--visualize writes the control-flow graph of the programs with what the
verifier knew at each instruction: a page for a browser, or a DOT file when the
name ends in .dot. Exit status: 0 all accepted, 1 not all.`,
		Example: `  bpfshim verify opensnoop.o
  bpfshim verify --btf 3.10.0-1160.btf --log-level 2 opensnoop.o
  bpfshim verify --json tool.o
  bpfshim verify --visualize graph.html --prog handle_exec tool.o`,
		Args: cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error { return a.verify(args[0], &f) },
	}
	fl := cmd.Flags()
	fl.StringVar(&f.kernel, "kernel", "", "verify for this kernel release: its BTF is looked for in /boot and /usr/lib/bpfshim/btf")
	fl.StringVar(&f.typ, "type", "", "take programs for this type (kprobe, tracepoint, xdp, ...), whatever their sections say")
	fl.IntVar(&f.logLevel, "log-level", 0, "1: the log of each program; 2: with every instruction; +4: figures at its end")
	fl.StringVar(&f.visualize, "visualize", "", "write the control-flow graph with states to this file (.html, .dot)")
	fl.StringSliceVar(&f.programs, "prog", nil, "verify these programs only")
	return cmd
}

// verdict is a program's line, as --json prints it.
type verdict struct {
	Program   string `json:"program"`
	Section   string `json:"section"`
	Type      string `json:"type"`
	Accepted  bool   `json:"accepted"`
	Errno     string `json:"errno,omitempty"`
	Reason    string `json:"reason,omitempty"`
	Insns     int    `json:"insns"`
	Processed int    `json:"insns_processed"`
	Total     int    `json:"total_states"`
	Peak      int    `json:"peak_states"`
	Stack     int    `json:"stack_depth"`
	Time      uint64 `json:"time_ns"`
	Memory    uint64 `json:"peak_memory"`
	Log       string `json:"log,omitempty"`

	insns []insnText
	full  string // log of level 2, for the graph
}

var errRefused = errors.New("not all programs are accepted")

func (a *app) verify(file string, f *verifyFlags) error {
	dev, err := hostverify.New("")
	if err != nil {
		return err
	}
	btfFile := a.btf
	if f.kernel != "" && btfFile == "" {
		if btfFile, err = findBTF(f.kernel); err != nil {
			return err
		}
		loader.SetKernelBTF(btfFile)
	}
	dev.KernelBTF = btfFile
	if btfFile == "" {
		if _, err := os.Stat("/sys/kernel/btf/vmlinux"); err == nil {
			dev.KernelBTF = "/sys/kernel/btf/vmlinux"
		}
	}
	spec, err := loader.LoadCollectionSpec(file)
	if err != nil {
		return err
	}
	names, err := pickPrograms(spec, f.programs)
	if err != nil {
		return err
	}
	if f.typ != "" {
		if err := forceType(spec, names, f.typ); err != nil {
			return err
		}
	}
	var all []verdict
	refused := false
	for _, n := range names {
		v, err := verifyOne(dev, spec, n, f)
		if err != nil {
			return err
		}
		refused = refused || !v.Accepted
		all = append(all, v)
	}
	if f.visualize != "" {
		if err := writeGraph(f.visualize, filepath.Base(file), all); err != nil {
			return err
		}
	}
	if err := a.printVerdicts(all, f.logLevel); err != nil {
		return err
	}
	if refused {
		return errRefused
	}
	return nil
}

func findBTF(release string) (string, error) {
	for _, p := range loader.BTFPaths(release) {
		if p == "/sys/kernel/btf/vmlinux" {
			continue // of the running kernel
		}
		if _, err := os.Stat(p); err == nil {
			return p, nil
		}
	}
	return "", fmt.Errorf("no BTF of %s in %s: name a file by --btf", release, strings.Join(loader.BTFPaths(release), ", "))
}

func pickPrograms(spec *loader.CollectionSpec, want []string) ([]string, error) {
	var names []string
	for n := range spec.Programs {
		names = append(names, n)
	}
	sort.Strings(names)
	if len(want) == 0 {
		return names, nil
	}
	for _, w := range want {
		if spec.Programs[w] == nil {
			return nil, fmt.Errorf("no program %s; there are: %s", w, strings.Join(names, ", "))
		}
	}
	return want, nil
}

func forceType(spec *loader.CollectionSpec, names []string, typ string) error {
	for t := ebpf.SocketFilter; t <= ebpf.Netfilter; t++ {
		if strings.EqualFold(t.String(), strings.ReplaceAll(typ, "_", "")) {
			for _, n := range names {
				spec.Programs[n].Type = t
			}
			return nil
		}
	}
	return fmt.Errorf("no program type %q", typ)
}

// verifyOne loads one program of the object into the verifier.
func verifyOne(dev *hostverify.Device, all *loader.CollectionSpec, name string, f *verifyFlags) (verdict, error) {
	spec := all.Copy()
	for n := range spec.Programs {
		if n != name {
			delete(spec.Programs, n)
		}
	}
	for _, m := range spec.Maps {
		m.Pinning = ebpf.PinNone
	}
	p := spec.Programs[name]
	v := verdict{Program: name, Section: p.SectionName, Type: strings.ToLower(p.Type.String()), insns: describeInsns(p.Instructions)}
	level := loader.LogLevel(f.logLevel)
	if f.visualize != "" {
		level |= 2
	}
	coll, err := loader.NewCollectionWithOptions(spec, loader.CollectionOptions{
		Device: dev, Programs: loader.ProgramOptions{LogLevel: level},
	})
	var refusal *loader.VerifierError
	if err != nil && !errors.As(err, &refusal) {
		return v, err
	}
	r := dev.Last()
	v.Accepted = err == nil
	v.Insns, v.Processed, v.Total, v.Peak = r.Insns, r.Processed, r.TotalStates, r.PeakStates
	v.Stack, v.Time, v.Memory = r.StackDepth, r.Nanoseconds, r.PeakMemory
	if err == nil {
		v.full = coll.Programs[name].VerifierLog
		coll.Close()
	} else {
		v.full = strings.Join(refusal.Log, "\n")
		v.Errno = unix.ErrnoName(r.Errno)
		if r.Errno == 524 {
			v.Errno = "ENOTSUPP"
		}
		v.Reason = lastReason(refusal.Log)
		if errors.Is(err, loader.ErrBadRelocation) {
			v.Reason = refusal.Cause.Error()
		}
	}
	if f.logLevel != 0 || !v.Accepted {
		v.Log = v.full
	}
	return v, nil
}

// lastReason is the log's line that says why: the last that is no figure.
func lastReason(log []string) string {
	for i := len(log) - 1; i >= 0; i-- {
		l := strings.TrimSpace(log[i])
		if l == "" || strings.HasPrefix(l, "processed ") || strings.HasPrefix(l, "verification time ") || strings.HasPrefix(l, "stack depth ") {
			continue
		}
		return l
	}
	return ""
}

func (a *app) printVerdicts(all []verdict, level int) error {
	if a.json {
		enc := json.NewEncoder(a.out)
		enc.SetIndent("", "  ")
		return enc.Encode(all)
	}
	w := tabwriter.NewWriter(a.out, 0, 8, 2, ' ', 0)
	fmt.Fprintln(w, "PROGRAM\tTYPE\tVERDICT\tINSNS\tPROCESSED\tSTATES\tPEAK\tSTACK\tTIME\tMEMORY")
	for _, v := range all {
		word := "ok"
		if !v.Accepted {
			word = v.Errno
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%d\t%d\t%d\t%d\t%d\t%s\t%d KiB\n", v.Program, v.Type, word, v.Insns, v.Processed,
			v.Total, v.Peak, v.Stack, time.Duration(v.Time).Round(time.Microsecond), (v.Memory+1023)/1024)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	for _, v := range all {
		switch {
		case level != 0:
			fmt.Fprintf(a.out, "\n%s (%s):\n%s\n", v.Program, v.Section, strings.TrimRight(v.Log, "\n"))
		case !v.Accepted:
			fmt.Fprintf(a.out, "\n%s: %s\n", v.Program, v.Reason)
		}
	}
	return nil
}
