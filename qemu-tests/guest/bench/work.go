// SPDX-License-Identifier: Apache-2.0

// Package bench measures what programs cost. Under -icount a nanosecond is an
// instruction of the guest, so the numbers do not depend on the host.
package bench

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/cilium/ebpf/asm"
)

// work is a program that does something often enough to be measured. It is
// made of what every kernel's bpf(2) takes: no loop, no more than 4096
// instructions, no function of its own.
type work struct {
	group, name string
	times       int // the value is that of one of so many
	build       func(m *maps) asm.Instructions
}

// maps are the maps of one target.
type maps struct {
	array, percpuArray, hash, percpuHash, buffer, progs int
}

const (
	entries    = 64
	bufferSize = 1024
	regDI      = 112 // in struct pt_regs: a number that no verifier knows
)

var works = []work{
	{"exec", "arithmetic", 1, arithmetic},
	{"exec", "branches", 1, branches},
	{"exec", "memory", 1, memory},
	{"exec", "string copy", 1, stringCopy},
	{"exec", "parsing HTTP", 1, parse},
	{"exec", "cheap helpers", 24, helpers(24, asm.FnGetSmpProcessorId, asm.FnGetCurrentTask)},
	{"exec", "task helpers", 24, helpers(24, asm.FnGetCurrentPidTgid, asm.FnGetCurrentUidGid)},
	{"exec", "clock", 24, helpers(24, asm.FnKtimeGetNs)},
	{"exec", "array lookup", 32, lookups(func(m *maps) int { return m.array }, false)},
	{"exec", "array lookup, constant key", 32, lookups(func(m *maps) int { return m.array }, true)},
	{"exec", "per-CPU array lookup", 32, lookups(func(m *maps) int { return m.percpuArray }, false)},
	{"exec", "hash lookup", 32, lookups(func(m *maps) int { return m.hash }, false)},
	{"exec", "per-CPU hash lookup", 32, lookups(func(m *maps) int { return m.percpuHash }, false)},
}

// HostMaps are numbers for the maps of programs that the host runs.
const (
	HostArray = iota
	HostPerCPUArray
	HostBuffer
)

// HostWork is a program of kernels of work as the host runs it.
type HostWork struct {
	Name  string
	Times int // the value is that of one of so many
	Code  []byte
}

// kernelOnly needs what a process has not: hash tables, tasks, their clock.
var kernelOnly = []string{"task helpers", "clock", "hash lookup", "per-CPU hash lookup"}

// HostWorks are the programs that need no kernel: their maps are arrays, whose
// fds are HostArray and so on.
func HostWorks() ([]HostWork, error) {
	m := &maps{array: HostArray, percpuArray: HostPerCPUArray, buffer: HostBuffer}
	list := []work{{"exec", "empty program", 1, empty}}
	for _, w := range works {
		if w.group == "exec" && !slices.Contains(kernelOnly, w.name) {
			list = append(list, w)
		}
	}
	var out []HostWork
	for _, w := range list {
		var b bytes.Buffer
		if err := w.build(m).Marshal(&b, binary.LittleEndian); err != nil {
			return nil, fmt.Errorf("%s: %w", w.name, err)
		}
		out = append(out, HostWork{w.name, w.times, b.Bytes()})
	}
	return out, nil
}

// Request is what the buffer of a run begins with.
func Request() string { return request }

func done(insns asm.Instructions) asm.Instructions {
	return append(insns, asm.Mov.Imm(asm.R0, 0), asm.Return())
}

func empty(*maps) asm.Instructions { return done(nil) }

// arithmetic keeps its result, so that none of it is for nothing.
func arithmetic(*maps) asm.Instructions {
	p := asm.Instructions{asm.LoadMem(asm.R0, asm.R1, regDI, asm.DWord), asm.Mov.Reg(asm.R7, asm.R0), asm.Mov.Imm(asm.R8, 3)}
	for i := int32(0); i < 60; i++ {
		p = append(p,
			asm.Add.Imm(asm.R0, 7*i), asm.Mul.Imm(asm.R0, 31), asm.Xor.Reg(asm.R0, asm.R7), asm.RSh.Imm32(asm.R0, 3),
			asm.Mov.Reg(asm.R2, asm.R0), asm.Add.Reg(asm.R2, asm.R8), asm.LSh.Imm(asm.R2, 5), asm.Sub.Reg(asm.R2, asm.R7),
			asm.Or.Imm32(asm.R8, 1<<(i%20)), asm.And.Imm(asm.R2, 0xffff), asm.Add.Reg(asm.R7, asm.R2), asm.Mov.Reg32(asm.R3, asm.R7),
			asm.ArSh.Imm(asm.R3, 2), asm.Neg.Imm(asm.R3, 0), asm.Xor.Reg(asm.R8, asm.R3),
		)
		if i%10 == 0 {
			p = append(p, asm.Mov.Imm(asm.R4, 1000+i), asm.Div.Reg(asm.R8, asm.R4), asm.Mod.Imm(asm.R7, 77777), asm.LSh.Reg(asm.R0, asm.R7))
		}
	}
	return done(append(p, asm.StoreMem(asm.RFP, -8, asm.R0, asm.DWord), asm.StoreMem(asm.RFP, -16, asm.R7, asm.DWord),
		asm.StoreMem(asm.RFP, -24, asm.R8, asm.DWord)))
}

func branches(*maps) asm.Instructions {
	p := asm.Instructions{asm.LoadMem(asm.R0, asm.R1, regDI, asm.DWord), asm.Mov.Reg(asm.R7, asm.R0), asm.Mov.Reg(asm.R8, asm.R0)}
	for i := int32(0); i < 80; i++ {
		l := func(s string) string { return fmt.Sprint(s, i) }
		p = append(p,
			asm.Mul.Imm(asm.R0, 1103515245), asm.Add.Imm(asm.R0, 12345).WithSymbol(l("begin")),
			asm.Mov.Reg(asm.R1, asm.R0), asm.RSh.Imm(asm.R1, 16), asm.And.Imm(asm.R1, 0xff),
			asm.JGT.Imm(asm.R1, 100, l("big")), asm.Add.Imm(asm.R7, 1), asm.Ja.Label(l("next")),
			asm.JEq.Imm(asm.R1, 200, l("next")).WithSymbol(l("big")),
			asm.JSet.Imm(asm.R1, 4, l("bit")), asm.Add.Reg(asm.R8, asm.R1),
			asm.JSGT.Reg(asm.R8, asm.R7, l("next")).WithSymbol(l("bit")), asm.Xor.Reg(asm.R7, asm.R1),
			asm.Add.Imm(asm.R8, 3).WithSymbol(l("next")),
		)
	}
	return done(append(p, asm.StoreMem(asm.RFP, -8, asm.R7, asm.DWord), asm.StoreMem(asm.RFP, -16, asm.R8, asm.DWord)))
}

// buffer leaves the buffer's address in R8.
func buffer(m *maps, then asm.Instructions) asm.Instructions {
	p := asm.Instructions{
		asm.StoreImm(asm.RFP, -4, 0, asm.Word), asm.Mov.Reg(asm.R2, asm.RFP), asm.Add.Imm(asm.R2, -4),
		asm.LoadMapPtr(asm.R1, m.buffer), asm.FnMapLookupElem.Call(), asm.JEq.Imm(asm.R0, 0, "out"), asm.Mov.Reg(asm.R8, asm.R0),
	}
	return append(append(p, then...), asm.Mov.Imm(asm.R0, 0).WithSymbol("out"), asm.Return())
}

func memory(m *maps) asm.Instructions {
	var p asm.Instructions
	for i := int16(0); i < 60; i++ {
		p = append(p,
			asm.LoadMem(asm.R1, asm.R8, 512+8*i, asm.DWord), asm.Add.Imm(asm.R1, 1), asm.StoreMem(asm.R8, 512+8*i, asm.R1, asm.DWord),
			asm.StoreMem(asm.RFP, -16-8*(i%16), asm.R1, asm.Word), asm.LoadMem(asm.R2, asm.RFP, -16-8*(i%16), asm.Half),
			asm.StoreMem(asm.R8, 512+8*i, asm.R2, asm.Byte), asm.StoreImm(asm.RFP, -12-8*(i%16), int64(i), asm.Word),
		)
	}
	return buffer(m, p)
}

func stringCopy(m *maps) asm.Instructions {
	var p asm.Instructions
	for i := int16(0); i < 200; i++ {
		p = append(p, asm.LoadMem(asm.R1, asm.R8, i, asm.Byte), asm.StoreMem(asm.RFP, -256+i, asm.R1, asm.Byte), asm.JEq.Imm(asm.R1, 0, "out"))
	}
	return buffer(m, p)
}

// parse runs over a request: it finds the path's end and hash, and the lines.
func parse(m *maps) asm.Instructions {
	// Numbers from memory, so that a verifier has but one state to look at.
	p := asm.Instructions{asm.LoadMem(asm.R6, asm.R8, 512, asm.DWord), asm.LoadMem(asm.R7, asm.R8, 512, asm.DWord),
		asm.LoadMem(asm.R9, asm.R8, 512, asm.DWord)}
	for i := int16(0); i < 160; i++ {
		l := func(s string) string { return fmt.Sprint(s, i) }
		p = append(p,
			asm.LoadMem(asm.R1, asm.R8, i, asm.Byte), asm.JEq.Imm(asm.R1, 0, "end"),
			asm.JNE.Imm(asm.R1, ' ', l("word")), asm.Add.Imm(asm.R7, 1), asm.Ja.Label(l("next")),
			asm.JNE.Imm(asm.R1, '\n', l("letter")).WithSymbol(l("word")), asm.Add.Imm(asm.R9, 1), asm.Ja.Label(l("next")),
			asm.JNE.Imm(asm.R7, 1, l("next")).WithSymbol(l("letter")), asm.Mul.Imm(asm.R6, 31), asm.Add.Reg(asm.R6, asm.R1),
			asm.And.Imm(asm.R6, 0xffff).WithSymbol(l("next")),
		)
	}
	return buffer(m, append(p, asm.StoreMem(asm.RFP, -16, asm.R6, asm.DWord).WithSymbol("end"),
		asm.StoreMem(asm.RFP, -24, asm.R7, asm.DWord), asm.StoreMem(asm.RFP, -32, asm.R9, asm.DWord)))
}

func helpers(n int, fns ...asm.BuiltinFunc) func(*maps) asm.Instructions {
	return func(*maps) asm.Instructions {
		p := asm.Instructions{asm.Mov.Imm(asm.R6, 0)}
		for i := 0; i < n; i++ {
			p = append(p, fns[i%len(fns)].Call(), asm.Add.Reg(asm.R6, asm.R0))
		}
		return done(append(p, asm.StoreMem(asm.RFP, -8, asm.R6, asm.DWord)))
	}
}

// lookups increments values, as counters do.
func lookups(of func(*maps) int, constant bool) func(*maps) asm.Instructions {
	return func(m *maps) asm.Instructions {
		p := asm.Instructions{asm.LoadMem(asm.R6, asm.R1, regDI, asm.DWord)}
		for i := int32(0); i < 32; i++ {
			next := fmt.Sprint("next", i)
			if constant {
				p = append(p, asm.StoreImm(asm.RFP, -4, int64(i), asm.Word))
			} else {
				p = append(p, asm.Add.Imm(asm.R6, i), asm.And.Imm(asm.R6, entries-1), asm.StoreMem(asm.RFP, -4, asm.R6, asm.Word))
			}
			p = append(p, asm.Mov.Reg(asm.R2, asm.RFP), asm.Add.Imm(asm.R2, -4), asm.LoadMapPtr(asm.R1, of(m)),
				asm.FnMapLookupElem.Call(), asm.JEq.Imm(asm.R0, 0, next),
				asm.LoadMem(asm.R1, asm.R0, 0, asm.DWord), asm.Add.Imm(asm.R1, 1), asm.StoreMem(asm.R0, 0, asm.R1, asm.DWord),
				asm.Mov.Imm(asm.R0, 0).WithSymbol(next))
		}
		return append(p, asm.Return())
	}
}

// tailCall goes on to the next program of the array.
func tailCall(m *maps, to int32) asm.Instructions {
	return done(asm.Instructions{asm.LoadMapPtr(asm.R2, m.progs), asm.Mov.Imm(asm.R3, to), asm.FnTailCall.Call()})
}

// increment is the counter of so many tools.
func increment(m *maps) asm.Instructions {
	return asm.Instructions{
		asm.StoreImm(asm.RFP, -4, 0, asm.Word), asm.Mov.Reg(asm.R2, asm.RFP), asm.Add.Imm(asm.R2, -4),
		asm.LoadMapPtr(asm.R1, m.array), asm.FnMapLookupElem.Call(), asm.JEq.Imm(asm.R0, 0, "out"),
		asm.Mov.Imm(asm.R1, 1), asm.StoreXAdd(asm.R0, asm.R1, asm.DWord),
		asm.Mov.Imm(asm.R0, 0).WithSymbol("out"), asm.Return(),
	}
}

// output sends 64 bytes to user space.
func output(perf int) asm.Instructions {
	p := asm.Instructions{asm.Mov.Reg(asm.R6, asm.R1)}
	for off := int16(-64); off < 0; off += 8 {
		p = append(p, asm.Mov.Imm(asm.R1, int32(off)), asm.StoreMem(asm.RFP, off, asm.R1, asm.DWord))
	}
	const currentCPU = 0xffffffff
	return done(append(p, asm.Mov.Reg(asm.R1, asm.R6), asm.LoadMapPtr(asm.R2, perf), asm.LoadImm(asm.R3, currentCPU, asm.DWord),
		asm.Mov.Reg(asm.R4, asm.RFP), asm.Add.Imm(asm.R4, -64), asm.Mov.Imm(asm.R5, 64), asm.FnPerfEventOutput.Call()))
}

const request = "GET /index.html?q=abc&page=2 HTTP/1.1\r\nHost: www.example.com\r\nUser-Agent: bench/1.0\r\nAccept: text/html\r\nConnection: close\r\n\r\n"
