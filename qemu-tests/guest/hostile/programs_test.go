// SPDX-License-Identifier: Apache-2.0

package hostile

import (
	"github.com/bpfshim/bpfshim/qemu-tests/guest/raw"
	"github.com/cilium/ebpf/asm"
	"golang.org/x/sys/unix"
)

// maps are what programs refer to.
type maps struct{ arr, hash, rodata, perf int }

// program must be refused with errno, and the log must name instruction at
// (-1: none), where 6.1 stops.
type program struct {
	name  string
	typ   uint32
	errno unix.Errno
	at    int
	insns func(m maps) asm.Instructions
}

type is = asm.Instructions

var (
	exit = asm.Return()
	ret0 = is{asm.Mov.Imm(asm.R0, 0), exit}
)

const (
	r0, r1, r2, r3, r4 = asm.R0, asm.R1, asm.R2, asm.R3, asm.R4
	r5, r6, r7, fp     = asm.R5, asm.R6, asm.R7, asm.RFP
	dw, w, h, b        = asm.DWord, asm.Word, asm.Half, asm.Byte
)

func seq(parts ...any) is {
	var out is
	for _, p := range parts {
		switch p := p.(type) {
		case asm.Instruction:
			out = append(out, p)
		case is:
			out = append(out, p...)
		}
	}
	return out
}

func plain(parts ...any) func(maps) is { return func(maps) is { return seq(parts...) } }

// st is a store of a constant; asm.StoreImm knows none of 64 bits.
func st(dst asm.Register, off int16, imm int64, size asm.Size) asm.Instruction {
	op := asm.OpCode(asm.StClass).SetMode(asm.MemMode).SetSize(size)
	return asm.Instruction{OpCode: op, Dst: dst, Offset: off, Constant: imm}
}

// lookup leaves the value of key 0 of the map in r0: 6 slots.
func lookup(fd int) is {
	return is{
		st(fp, -4, 0, w),
		asm.Mov.Reg(r2, fp),
		asm.Add.Imm(r2, -4),
		asm.LoadMapPtr(r1, fd),
		asm.FnMapLookupElem.Call(),
	}
}

// found is lookup and the test that there is a value: 7 slots.
func found(fd int) is { return append(lookup(fd), asm.JEq.Imm(r0, 0, "end")) }

// end is where found jumps to.
var end = is{asm.Mov.Imm(r0, 0).WithSymbol("end"), exit}

var programs = append(memory, append(flow, append(helpers, contexts...)...)...)

var memory = []program{
	{"stack below its end", raw.Kprobe, unix.EACCES, 0, plain(st(fp, -520, 0, dw), ret0)},
	{"stack above its start", raw.Kprobe, unix.EACCES, 0, plain(st(fp, 0, 0, dw), ret0)},
	{"stack across its start", raw.Kprobe, unix.EACCES, 0, plain(st(fp, -4, 0, dw), ret0)},
	{"stack misaligned", raw.Kprobe, unix.EACCES, 0, plain(st(fp, -9, 0, dw), ret0)},
	{"stack at an unknown place", raw.Kprobe, unix.EINVAL, 2, plain(
		asm.LoadMem(r1, r1, 0, dw), asm.Mov.Reg(r2, fp), asm.Add.Reg(r2, r1), st(r2, 0, 0, b), ret0)},
	{"map value past its end", raw.Kprobe, unix.EACCES, 7, func(m maps) is {
		return seq(found(m.arr), asm.LoadMem(r1, r0, 8, dw), end)
	}},
	{"map value before its start", raw.Kprobe, unix.EACCES, 7, func(m maps) is {
		return seq(found(m.arr), asm.LoadMem(r1, r0, -8, dw), end)
	}},
	{"map value across its end", raw.Kprobe, unix.EACCES, 7, func(m maps) is {
		return seq(found(m.arr), st(r0, 5, 1, w), end)
	}},
	{"map value that may be absent", raw.Kprobe, unix.EACCES, 6, func(m maps) is {
		return seq(lookup(m.hash), st(r0, 0, 1, dw), ret0)
	}},
	{"map value at an unknown offset", raw.Kprobe, unix.EINVAL, 8, func(m maps) is {
		return seq(found(m.arr), asm.LoadMem(r1, r0, 0, dw), asm.Add.Reg(r0, r1), asm.LoadMem(r2, r0, 0, b), end)
	}},
	{"map value at an offset bounded above only", raw.Kprobe, unix.EINVAL, 9, func(m maps) is {
		return seq(found(m.arr), asm.LoadMem(r1, r0, 0, dw), asm.JSGT.Imm(r1, 7, "end"), asm.Add.Reg(r0, r1), asm.LoadMem(r2, r0, 0, b), end)
	}},
	{"map value at an offset bounded by 32 bits only", raw.Kprobe, unix.EINVAL, 9, func(m maps) is {
		return seq(found(m.arr), asm.LoadMem(r1, r0, 0, dw), asm.JGT.Imm32(r1, 7, "end"), asm.Add.Reg(r0, r1), asm.LoadMem(r2, r0, 0, b), end)
	}},
	{"map value at an offset one too large", raw.Kprobe, unix.EACCES, 10, func(m maps) is {
		return seq(found(m.arr), asm.LoadMem(r1, r0, 0, dw), asm.And.Imm(r1, 7), asm.Add.Reg(r0, r1), asm.LoadMem(r2, r0, 0, h), end)
	}},
	{"map itself read", raw.Kprobe, unix.EACCES, 2, func(m maps) is {
		return seq(asm.LoadMapPtr(r1, m.arr), asm.LoadMem(r0, r1, -8, dw), ret0)
	}},
	{"map itself written", raw.Kprobe, unix.EACCES, 2, func(m maps) is {
		return seq(asm.LoadMapPtr(r1, m.arr), st(r1, 0, 0, dw), ret0)
	}},
	{".rodata written", raw.Kprobe, unix.EACCES, 2, func(m maps) is {
		return seq(asm.LoadMapValue(r1, m.rodata, 0), st(r1, 0, 1, dw), ret0)
	}},
	{".rodata added to", raw.Kprobe, unix.EACCES, 3, func(m maps) is {
		return seq(asm.LoadMapValue(r1, m.rodata, 0), asm.Mov.Imm(r2, 1), asm.StoreXAdd(r1, r2, dw), ret0)
	}},
	{"direct value past its end", raw.Kprobe, unix.EINVAL, -1, func(m maps) is {
		return seq(asm.LoadMapValue(r1, m.arr, 64), ret0)
	}},
	{"scalar as a pointer", raw.Kprobe, unix.EACCES, 1, plain(asm.Mov.Imm(r1, 4096), asm.LoadMem(r0, r1, 0, dw), exit)},
	{"spilled pointer with a byte of it changed", raw.Kprobe, unix.EACCES, 3, plain(
		asm.StoreMem(fp, -8, r1, dw), st(fp, -8, 0, b), asm.LoadMem(r2, fp, -8, dw), asm.LoadMem(r0, r2, 0, dw), exit)},
	{"uninitialised stack", raw.SocketFilter, unix.EACCES, -1, plain(
		asm.Mov.Reg(r2, fp), asm.Add.Imm(r2, -8), asm.LoadMem(r1, r2, 0, dw), asm.FnGetPrandomU32.Call(), asm.LoadMem(r0, r1, 0, w), exit)},
	{"uninitialised register", raw.Kprobe, unix.EACCES, 0, plain(asm.Mov.Reg(r0, r6), exit)},
	{"uninitialised result", raw.Kprobe, unix.EACCES, 0, plain(exit)},
	{"caller-saved register after a call", raw.Kprobe, unix.EACCES, 1, plain(asm.FnKtimeGetNs.Call(), asm.LoadMem(r0, r1, 0, dw), exit)},
	{"atomic on uninitialised register", raw.Kprobe, unix.EACCES, 1, plain(
		st(fp, -8, 0, dw), asm.StoreXAdd(fp, r6, dw), ret0)},
}

var flow = []program{
	{"jump out", raw.Kprobe, unix.EINVAL, -1, plain(asm.Instruction{OpCode: asm.Ja.Op(asm.ImmSource), Offset: 100}, ret0)},
	{"jump before the start", raw.Kprobe, unix.EINVAL, -1, plain(asm.Instruction{OpCode: asm.Ja.Op(asm.ImmSource), Offset: -5}, ret0)},
	{"jump into ld_imm64", raw.Kprobe, unix.EINVAL, -1, plain(
		asm.Mov.Imm(r0, 0), asm.Instruction{OpCode: asm.JEq.Op(asm.ImmSource), Dst: r0, Offset: 1}, asm.LoadImm(r1, 1<<40, dw), exit)},
	{"endless loop", raw.Kprobe, unix.EINVAL, -1, plain(asm.Mov.Imm(r0, 0).WithSymbol("top"), asm.Ja.Label("top"))},
	{"endless loop on a constant", raw.Kprobe, unix.EINVAL, -1, plain(
		asm.Mov.Imm(r0, 0), asm.Mov.Imm(r1, 0).WithSymbol("top"), asm.JEq.Imm(r1, 0, "top"), exit)},
	{"endless counter", raw.Kprobe, unix.E2BIG, -1, plain(
		asm.Mov.Imm(r0, 0), asm.Add.Imm(r0, 1).WithSymbol("top"), asm.JNE.Imm(r0, -1, "top"), exit)},
	{"no exit", raw.Kprobe, unix.EINVAL, -1, plain(asm.Mov.Imm(r0, 0))},
	{"fall out of the end", raw.Kprobe, unix.EINVAL, -1, plain(asm.Mov.Imm(r0, 0), asm.JEq.Imm(r0, 0, "end"), exit, asm.Mov.Imm(r0, 0).WithSymbol("end"))},
	{"unreachable", raw.Kprobe, unix.EINVAL, -1, plain(ret0, ret0)},
	{"recursion", raw.Kprobe, unix.EINVAL, -1, plain(
		call("f"), exit, asm.Mov.Imm(r0, 0).WithSymbol("f"), call("f"), exit)},
	{"stack of two functions over 512", raw.Kprobe, unix.EACCES, -1, plain(
		st(fp, -300, 0, w), call("f"), exit, st(fp, -300, 0, w).WithSymbol("f"), asm.Mov.Imm(r0, 0), exit)},
	{"nine functions deep", raw.Kprobe, unix.E2BIG, 14, func(maps) is {
		s := seq(call("f1"), exit)
		for i := 1; i < 10; i++ {
			s = append(s, call(fname(i+1)).WithSymbol(fname(i)), exit)
		}
		return seq(s, asm.Mov.Imm(r0, 0).WithSymbol(fname(10)), exit)
	}},
	{"caller's register in a function", raw.Kprobe, unix.EACCES, 3, plain(
		asm.Mov.Imm(r6, 1), call("f"), exit, asm.Mov.Reg(r0, r6).WithSymbol("f"), exit)},
	{"division by the constant 0", raw.Kprobe, unix.EINVAL, 1, plain(asm.Mov.Imm(r0, 1), asm.Div.Imm(r0, 0), exit)},
	{"shift by 64", raw.Kprobe, unix.EINVAL, 1, plain(asm.Mov.Imm(r0, 1), asm.LSh.Imm(r0, 64), exit)},
	{"32-bit shift by 32", raw.Kprobe, unix.EINVAL, 1, plain(asm.Mov.Imm(r0, 1), asm.LSh.Imm32(r0, 32), exit)},
	{"frame pointer written", raw.Kprobe, unix.EACCES, 0, plain(asm.Mov.Imm(fp, 0), ret0)},
	{"pointer times 2", raw.Kprobe, unix.EACCES, 0, plain(asm.Mul.Imm(r1, 2), asm.LoadMem(r0, r1, 0, dw), exit)},
	{"pointer plus pointer", raw.Kprobe, unix.EACCES, 0, plain(asm.Add.Reg(r1, fp), ret0)},
	{"pointer in 32 bits", raw.Kprobe, unix.EACCES, 0, plain(asm.Add.Imm32(r1, 1), asm.LoadMem(r0, r1, 0, dw), exit)},
	{"pointer negated", raw.Kprobe, unix.EACCES, 1, plain(asm.Neg.Imm(r1, 0), asm.LoadMem(r0, r1, 0, dw), exit)},
	{"map pointer moved", raw.Kprobe, unix.EACCES, 2, func(m maps) is {
		return seq(asm.LoadMapPtr(r1, m.arr), asm.Add.Imm(r1, 8), ret0)
	}},
	{"absent value moved", raw.Kprobe, unix.EACCES, 6, func(m maps) is {
		return seq(lookup(m.arr), asm.Add.Imm(r0, 4), end)
	}},
	{"pointer far away", raw.Kprobe, unix.EINVAL, 7, func(m maps) is {
		return seq(found(m.arr), asm.Add.Imm(r0, 1<<30), asm.LoadMem(r1, r0, 0, b), end)
	}},
}

func fname(i int) string { return "f" + string(rune('0'+i/10)) + string(rune('0'+i%10)) }

func call(f string) asm.Instruction {
	if f == "f1" {
		f = fname(1)
	}
	return asm.Call.Label(f)
}

var helpers = []program{
	{"helper of no such number", raw.Kprobe, unix.EINVAL, 0, plain(asm.BuiltinFunc(9999).Call(), exit)},
	{"helper of another program type", raw.Kprobe, unix.EINVAL, 0, plain(asm.FnSkbStoreBytes.Call(), exit)},
	{"lookup in no map", raw.Kprobe, unix.EACCES, 4, plain(
		st(fp, -4, 0, w), asm.Mov.Reg(r2, fp), asm.Add.Imm(r2, -4), asm.Mov.Imm(r1, 0), asm.FnMapLookupElem.Call(), ret0)},
	{"lookup of a key past the stack", raw.Kprobe, unix.EINVAL, 4, func(m maps) is {
		return seq(asm.Mov.Reg(r2, fp), asm.Add.Imm(r2, -2), asm.LoadMapPtr(r1, m.arr), asm.FnMapLookupElem.Call(), ret0)
	}},
	{"lookup of a scalar key", raw.Kprobe, unix.EACCES, 3, func(m maps) is {
		return seq(asm.LoadMapPtr(r1, m.arr), asm.Mov.Imm(r2, 0), asm.FnMapLookupElem.Call(), ret0)
	}},
	{"lookup in a perf event array", raw.Kprobe, unix.EINVAL, 5, func(m maps) is { return seq(lookup(m.perf), ret0) }},
	{"update with too short a value", raw.Kprobe, unix.EINVAL, 8, func(m maps) is {
		return seq(st(fp, -4, 0, w), asm.Mov.Reg(r2, fp), asm.Add.Imm(r2, -4), asm.Mov.Reg(r3, fp), asm.Add.Imm(r3, -4),
			asm.Mov.Imm(r4, 0), asm.LoadMapPtr(r1, m.arr), asm.FnMapUpdateElem.Call(), ret0)
	}},
	{"update from .rodata into .rodata", raw.Kprobe, unix.EACCES, 8, func(m maps) is {
		return seq(st(fp, -4, 0, w), asm.Mov.Reg(r2, fp), asm.Add.Imm(r2, -4), asm.LoadMapValue(r3, m.rodata, 0),
			asm.Mov.Imm(r4, 0), asm.LoadMapPtr(r1, m.rodata), asm.FnMapUpdateElem.Call(), ret0)
	}},
	{"read of a negative size", raw.Kprobe, unix.EACCES, 4, plain(
		asm.Mov.Reg(r1, fp), asm.Add.Imm(r1, -8), asm.Mov.Imm(r2, -1), asm.Mov.Imm(r3, 0), asm.FnProbeRead.Call(), ret0)},
	{"read of an unbounded size", raw.Kprobe, unix.EACCES, 4, plain(
		asm.LoadMem(r2, r1, 0, dw), asm.Mov.Reg(r1, fp), asm.Add.Imm(r1, -8), asm.Mov.Imm(r3, 0), asm.FnProbeRead.Call(), ret0)},
	{"read of a size one too large", raw.Kprobe, unix.EINVAL, 5, plain(
		asm.LoadMem(r2, r1, 0, dw), asm.And.Imm(r2, 15), asm.Mov.Reg(r1, fp), asm.Add.Imm(r1, -8), asm.Mov.Imm(r3, 0), asm.FnProbeRead.Call(), ret0)},
	{"read of size 0 where it is not allowed", raw.Kprobe, unix.EACCES, 3, plain(
		asm.Mov.Reg(r1, fp), asm.Add.Imm(r1, -8), asm.Mov.Imm(r2, 0), asm.FnGetCurrentComm.Call(), ret0)},
	{"read over the context", raw.Kprobe, unix.EACCES, 2, plain(
		asm.Mov.Imm(r2, 8), asm.Mov.Imm(r3, 0), asm.FnProbeRead.Call(), ret0)},
	{"read over .rodata", raw.Kprobe, unix.EACCES, 4, func(m maps) is {
		return seq(asm.LoadMapValue(r1, m.rodata, 0), asm.Mov.Imm(r2, 8), asm.Mov.Imm(r3, 0), asm.FnProbeRead.Call(), ret0)
	}},
	{"output of an uninitialised register", raw.Kprobe, unix.EACCES, 6, func(m maps) is {
		return seq(asm.LoadMapPtr(r2, m.perf), asm.LoadImm(r3, 0xffffffff, dw), asm.Mov.Reg(r4, fp), asm.Mov.Imm(r5, 0),
			asm.Mov.Reg(r1, r6), asm.FnPerfEventOutput.Call(), ret0)
	}},
	{"output to an array", raw.Kprobe, unix.EINVAL, 8, func(m maps) is {
		return seq(st(fp, -8, 0, dw), asm.LoadMapPtr(r2, m.arr), asm.LoadImm(r3, 0xffffffff, dw), asm.Mov.Reg(r4, fp), asm.Add.Imm(r4, -8),
			asm.Mov.Imm(r5, 8), asm.FnPerfEventOutput.Call(), ret0)
	}},
	{"output with no context", raw.Kprobe, unix.EACCES, 9, func(m maps) is {
		return seq(st(fp, -8, 0, dw), asm.Mov.Reg(r1, fp), asm.LoadMapPtr(r2, m.perf), asm.LoadImm(r3, 0xffffffff, dw), asm.Mov.Reg(r4, fp), asm.Add.Imm(r4, -8),
			asm.Mov.Imm(r5, 8), asm.FnPerfEventOutput.Call(), ret0)
	}},
	{"output past the stack", raw.Kprobe, unix.EINVAL, 8, func(m maps) is {
		return seq(st(fp, -8, 0, dw), asm.LoadMapPtr(r2, m.perf), asm.LoadImm(r3, 0xffffffff, dw), asm.Mov.Reg(r4, fp), asm.Add.Imm(r4, -8),
			asm.Mov.Imm(r5, 16), asm.FnPerfEventOutput.Call(), ret0)
	}},
}

var contexts = []program{
	{"kprobe context past its end", raw.Kprobe, unix.EACCES, 0, plain(asm.LoadMem(r0, r1, 168, dw), exit)},
	{"kprobe context before its start", raw.Kprobe, unix.EACCES, 0, plain(asm.LoadMem(r0, r1, -8, dw), exit)},
	{"kprobe context misaligned", raw.Kprobe, unix.EACCES, 0, plain(asm.LoadMem(r0, r1, 4, dw), exit)},
	{"kprobe context written", raw.Kprobe, unix.EACCES, 0, plain(st(r1, 0, 0, dw), ret0)},
	{"kprobe context written from a register", raw.Kprobe, unix.EACCES, 1, plain(asm.Mov.Imm(r2, 0), asm.StoreMem(r1, 8, r2, dw), ret0)},
	{"kprobe context at an unknown offset", raw.Kprobe, unix.EACCES, 3, plain(
		asm.LoadMem(r2, r1, 0, dw), asm.And.Imm(r2, 8), asm.Add.Reg(r1, r2), asm.LoadMem(r0, r1, 0, dw), exit)},
	{"kprobe context atomically", raw.Kprobe, unix.EACCES, 1, plain(asm.Mov.Imm(r2, 1), asm.StoreXAdd(r1, r2, dw), ret0)},
	{"tracepoint context past its end", raw.Tracepoint, unix.EACCES, 0, plain(asm.LoadMem(r0, r1, 8192, dw), exit)},
	{"tracepoint context's hidden head", raw.Tracepoint, unix.EACCES, 0, plain(asm.LoadMem(r0, r1, 0, dw), exit)},
	{"tracepoint context written", raw.Tracepoint, unix.EACCES, 0, plain(st(r1, 8, 0, dw), ret0)},
	{"tracepoint context misaligned", raw.Tracepoint, unix.EACCES, 0, plain(asm.LoadMem(r0, r1, 12, dw), exit)},
	{"raw tracepoint context past its end", raw.RawTracepoint, unix.EACCES, 0, plain(asm.LoadMem(r0, r1, 96, dw), exit)},
	{"raw tracepoint context written", raw.RawTracepoint, unix.EACCES, 0, plain(st(r1, 0, 0, dw), ret0)},
	{"raw tracepoint argument as a pointer", raw.RawTracepoint, unix.EACCES, 1, plain(asm.LoadMem(r1, r1, 0, dw), asm.LoadMem(r0, r1, 0, dw), exit)},
}
