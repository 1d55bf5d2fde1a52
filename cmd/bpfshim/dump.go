// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"

	"github.com/cilium/ebpf/asm"
	"github.com/spf13/cobra"
	"golang.org/x/arch/x86/x86asm"

	"github.com/bpfshim/bpfshim/loader"
)

func dumpCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "dump xlated|jited ID|NAME|PATH",
		Short: "Disassemble a program: as verified, or its machine code",
		Example: "  bpfshim prog dump xlated 7\n" +
			"  bpfshim prog dump jited openat_enter",
		Args:      cobra.ExactArgs(2),
		ValidArgs: []string{"xlated", "jited"},
		RunE: func(_ *cobra.Command, args []string) error {
			dump := map[string]func(*loader.Program) error{"xlated": a.dumpXlated, "jited": a.dumpJited}[args[0]]
			if dump == nil {
				return fmt.Errorf("%q: say xlated or jited", args[0])
			}
			return a.withProg(args[1], dump)
		},
	}
}

func symbolsCommand(a *app) *cobra.Command {
	var kallsyms bool
	cmd := &cobra.Command{
		Use:   "symbols",
		Short: "List the functions of compiled programs by address, for perf",
		Long: "Lists the functions of compiled programs: address, size, name, as in a map file of perf.\n" +
			"With --kallsyms in /proc/kallsyms' form, behind the kernel's own symbols.",
		Example: "  bpfshim prog symbols\n" +
			"  bpfshim prog symbols --kallsyms > k && perf report --kallsyms=k",
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error { return a.progSymbols(kallsyms) },
	}
	cmd.Flags().BoolVar(&kallsyms, "kallsyms", false, "the form of /proc/kallsyms, with the kernel's own symbols")
	return cmd
}

// errFound ends a walk.
var errFound = errors.New("found")

// withProg calls use with the program of that id or path, or the first of that name.
func (a *app) withProg(which string, use func(*loader.Program) error) error {
	dev, err := a.openDevice()
	if err != nil {
		return err
	}
	if isPath(which) {
		p, err := loader.LoadPinnedProgramFrom(dev, which, nil)
		if err != nil {
			return err
		}
		defer p.Close()
		return use(p)
	}
	id, err := strconv.ParseUint(which, 10, 32)
	byID := err == nil
	err = loader.EachProgram(dev, func(p *loader.Program) error {
		i, err := p.Info()
		if err != nil {
			return err
		}
		own, _ := i.ID()
		if byID && uint64(own) != id || !byID && (i.Name == "" || i.Name != which[:min(len(which), 15)]) {
			return nil
		}
		if err := use(p); err != nil {
			return err
		}
		return errFound
	})
	switch {
	case errors.Is(err, errFound):
		return nil
	case err == nil:
		return fmt.Errorf("program %s: %w", which, os.ErrNotExist)
	}
	return err
}

// dumpedFunc and dumpedInsn are what dump prints with --json.
type dumpedFunc struct {
	Name  string       `json:"name"`
	Addr  string       `json:"addr,omitempty"`
	Insns []dumpedInsn `json:"insns"`
}

type dumpedInsn struct {
	Offset int      `json:"offset"`
	Source []string `json:"source,omitempty"`
	Text   string   `json:"text"`
}

func (f *dumpedFunc) print(w io.Writer, format string) {
	if f.Addr != "" {
		fmt.Fprintf(w, "%s <%s>:\n", f.Addr, f.Name)
	}
	for _, in := range f.Insns {
		for _, line := range in.Source {
			fmt.Fprintf(w, "; %s\n", line)
		}
		fmt.Fprintf(w, format, in.Offset, in.Text)
	}
}

// sources hands out the text of lines as their code comes.
type sources []loader.SourceLine

func (s *sources) take(reached func(loader.SourceLine) bool) (texts []string) {
	for len(*s) > 0 && reached((*s)[0]) {
		if text := strings.TrimSpace((*s)[0].Text); text != "" {
			texts = append(texts, text)
		}
		*s = (*s)[1:]
	}
	return texts
}

func (a *app) dumpXlated(p *loader.Program) error {
	insns, err := p.Instructions()
	if err != nil {
		return err
	}
	lines, err := p.Lines()
	if err != nil {
		return err
	}
	src, f := sources(lines), dumpedFunc{Name: functionName(p, 0)}
	at := 0
	for _, in := range insns {
		texts := src.take(func(l loader.SourceLine) bool { return int(l.Insn) <= at })
		f.Insns = append(f.Insns, dumpedInsn{at, texts, disasm(in)})
		at += int(in.Size()) / asm.InstructionSize
	}
	if a.json {
		return printJSON(a.out, f)
	}
	f.print(a.out, "%4d: %s\n")
	return nil
}

func (a *app) dumpJited(p *loader.Program) error {
	fns, err := p.MachineCode()
	if err != nil {
		return err
	}
	if len(fns) == 0 {
		return errors.New("the program is interpreted: it has no machine code")
	}
	lines, err := p.Lines()
	if err != nil {
		return err
	}
	src := sources(lines)
	out := make([]dumpedFunc, len(fns))
	for n, fn := range fns {
		out[n] = dumpedFunc{Name: functionName(p, n), Addr: fmt.Sprintf("%#x", fn.Addr), Insns: disassemble(fn, &src)}
	}
	if a.json {
		return printJSON(a.out, out)
	}
	for n := range out {
		if n > 0 {
			fmt.Fprintln(a.out)
		}
		out[n].print(a.out, "%6x:\t%s\n")
	}
	return nil
}

func disassemble(fn loader.MachineCode, src *sources) (insns []dumpedInsn) {
	for off := 0; off < len(fn.Code); {
		pc := fn.Addr + uint64(off)
		texts := src.take(func(l loader.SourceLine) bool { return l.Addr <= pc })
		text, size := decodeInsn(fn.Code[off:], pc)
		insns = append(insns, dumpedInsn{off, texts, text})
		off += size
	}
	return insns
}

const vexShiftSize = 5

var endbr64 = []byte{0xf3, 0x0f, 0x1e, 0xfa}

// decodeInsn takes one instruction. What x86asm does not know is what follows:
// landing pads, and of BMI2 its shifts, which are all that the compiler emits.
func decodeInsn(code []byte, pc uint64) (text string, size int) {
	if bytes.HasPrefix(code, endbr64) {
		return "endbr64", len(endbr64)
	}
	if len(code) >= vexShiftSize && code[0] == 0xc4 && code[3] == 0xf7 {
		name := map[byte]string{1: "shlx", 2: "sarx", 3: "shrx"}[code[2]&3]
		reg := func(n byte, wide bool) string {
			if wide {
				return "%" + strings.ToLower((x86asm.RAX + x86asm.Reg(n)).String())
			}
			low := strings.ToLower((x86asm.EAX + x86asm.Reg(n)).String())
			return "%" + strings.Replace(low, "l", "d", 1)
		}
		wide := code[2]&0x80 != 0
		dst := code[4]>>3&7 | (^code[1]>>7&1)<<3
		src := code[4]&7 | (^code[1]>>5&1)<<3
		count := ^code[2] >> 3 & 15
		return name + " " + reg(count, wide) + "," + reg(src, wide) + "," + reg(dst, wide), vexShiftSize
	}
	inst, err := x86asm.Decode(code, 64)
	if err != nil || inst.Len == 0 {
		return fmt.Sprintf(".byte 0x%02x", code[0]), 1
	}
	return x86asm.GNUSyntax(inst, pc, nil), inst.Len
}

// functionName is what Linux calls a program's functions in /proc/kallsyms.
func functionName(p *loader.Program, n int) string {
	i, err := p.Info()
	if err != nil {
		return "?"
	}
	name := "bpf_prog_" + i.Tag
	if i.Name != "" {
		name += "_" + i.Name
	}
	if n > 0 {
		name += fmt.Sprintf("_F%d", n)
	}
	return name
}

// symbol is a function as symbols prints it with --json.
type symbol struct {
	Addr string `json:"addr"`
	Size int    `json:"bytes"`
	Name string `json:"name"`
}

func (a *app) progSymbols(kallsyms bool) error {
	dev, err := a.openDevice()
	if err != nil {
		return err
	}
	w := bufio.NewWriter(a.out)
	if kallsyms {
		f, err := os.Open("/proc/kallsyms")
		if err != nil {
			return err
		}
		defer f.Close()
		if _, err := io.Copy(w, f); err != nil {
			return err
		}
	}
	all := []symbol{}
	err = loader.EachProgram(dev, func(p *loader.Program) error {
		fns, err := p.MachineCode()
		for n, fn := range fns {
			name := functionName(p, n)
			switch {
			case kallsyms:
				fmt.Fprintf(w, "%016x t %s\t[bpf]\n", fn.Addr, name)
			case a.json:
				all = append(all, symbol{fmt.Sprintf("%#x", fn.Addr), len(fn.Code), name})
			default:
				fmt.Fprintf(w, "%x %x %s\n", fn.Addr, len(fn.Code), name)
			}
		}
		return err
	})
	if err != nil {
		return err
	}
	if a.json && !kallsyms {
		return printJSON(a.out, all)
	}
	return w.Flush()
}
