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
		Use:   "dump xlated|jited ID|NAME",
		Short: "Disassemble a program: as verified, or its machine code",
		Example: "  bpfshim prog dump xlated 7\n" +
			"  bpfshim prog dump jited openat_enter",
		Args:      cobra.ExactArgs(2),
		ValidArgs: []string{"xlated", "jited"},
		RunE: func(_ *cobra.Command, args []string) error {
			dump := map[string]func(io.Writer, *loader.Program) error{"xlated": dumpXlated, "jited": dumpJited}[args[0]]
			if dump == nil {
				return fmt.Errorf("%q: say xlated or jited", args[0])
			}
			return a.withProg(args[1], func(p *loader.Program) error { return dump(a.out, p) })
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

// withProg calls use with the program of that id, or the first of that name.
func (a *app) withProg(which string, use func(*loader.Program) error) error {
	dev, err := a.openDevice()
	if err != nil {
		return err
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

func dumpXlated(w io.Writer, p *loader.Program) error {
	insns, err := p.Instructions()
	if err != nil {
		return err
	}
	lines, err := p.Lines()
	if err != nil {
		return err
	}
	at := uint32(0)
	for _, in := range insns {
		for len(lines) > 0 && lines[0].Insn <= at {
			printLine(w, lines[0])
			lines = lines[1:]
		}
		fmt.Fprintf(w, "%4d: %s\n", at, instruction(in))
		at += uint32(in.OpCode.Size() / asm.InstructionSize)
	}
	return nil
}

// instruction names a map by its id.
func instruction(in asm.Instruction) string {
	if in.IsLoadFromMap() {
		if in.Src == asm.PseudoMapValue {
			return fmt.Sprintf("%s = value of map %d + %d", in.Dst, uint32(in.Constant), uint32(in.Constant>>32))
		}
		return fmt.Sprintf("%s = map %d", in.Dst, uint32(in.Constant))
	}
	return fmt.Sprintf("%v", in)
}

func printLine(w io.Writer, l loader.SourceLine) {
	if text := strings.TrimSpace(l.Line.Line()); text != "" {
		fmt.Fprintf(w, "; %s\n", text)
	}
}

func dumpJited(w io.Writer, p *loader.Program) error {
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
	for n, fn := range fns {
		if n > 0 {
			fmt.Fprintln(w)
		}
		fmt.Fprintf(w, "%#x <%s>:\n", fn.Addr, functionName(p, n))
		disassemble(w, fn, func(pc uint64) {
			for len(lines) > 0 && lines[0].Addr <= pc {
				printLine(w, lines[0])
				lines = lines[1:]
			}
		})
	}
	return nil
}

func disassemble(w io.Writer, fn loader.MachineCode, before func(pc uint64)) {
	for off := 0; off < len(fn.Code); {
		pc := fn.Addr + uint64(off)
		before(pc)
		text, size := decodeInsn(fn.Code[off:], pc)
		fmt.Fprintf(w, "%6x:\t%s\n", off, text)
		off += size
	}
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
	err = loader.EachProgram(dev, func(p *loader.Program) error {
		fns, err := p.MachineCode()
		for n, fn := range fns {
			if kallsyms {
				fmt.Fprintf(w, "%016x t %s\t[bpf]\n", fn.Addr, functionName(p, n))
			} else {
				fmt.Fprintf(w, "%x %x %s\n", fn.Addr, len(fn.Code), functionName(p, n))
			}
		}
		return err
	})
	if err != nil {
		return err
	}
	return w.Flush()
}
