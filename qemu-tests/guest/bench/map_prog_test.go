// SPDX-License-Identifier: Apache-2.0

package bench

import (
	"fmt"

	"github.com/bpfshim/bpfshim/qemu-tests/guest/raw"
	"github.com/cilium/ebpf/asm"
	"golang.org/x/sys/unix"
)

func round8(n uint32) int16 { return int16((n + 7) / 8 * 8) }

// keyAt and valueAt are places on a program's stack.
func (k kind) keyAt() int16   { return -round8(k.key) }
func (k kind) valueAt() int16 { return -round8(k.key) - round8(k.value) }

// prologue prepares key and value, and a number that no verifier knows in R6.
func (k kind) prologue() asm.Instructions {
	p := asm.Instructions{asm.LoadMem(asm.R6, asm.R1, regDI, asm.DWord), asm.Mov.Reg(asm.R7, asm.R1), asm.Mov.Imm(asm.R1, 0)}
	for off := k.valueAt(); off < 0; off += 8 {
		p = append(p, asm.StoreMem(asm.RFP, off, asm.R1, asm.DWord))
	}
	if k.typ == raw.LPMTrie {
		p = append(p, asm.StoreImm(asm.RFP, k.keyAt(), int64(8*(k.key-4)), asm.Word))
	}
	return p
}

// step is one of the many operations of a program.
type step func(m *made, i int) asm.Instructions

// someKey is one of those that are there; key is that number.
func someKey(m *made, i int) asm.Instructions {
	size := asm.Byte
	if m.keyByte() == 0 {
		size = asm.Word
	}
	return asm.Instructions{asm.Add.Imm(asm.R6, int32(i+1)), asm.And.Imm(asm.R6, filled-1),
		asm.StoreMem(asm.RFP, m.keyAt()+int16(m.keyByte()), asm.R6, size)}
}

func key(m *made, n int) asm.Instructions {
	size := asm.Byte
	if m.keyByte() == 0 {
		size = asm.Word
	}
	return asm.Instructions{asm.StoreImm(asm.RFP, m.keyAt()+int16(m.keyByte()), int64(n), size)}
}

func stackArg(r asm.Register, off int16) asm.Instructions {
	return asm.Instructions{asm.Mov.Reg(r, asm.RFP), asm.Add.Imm(r, int32(off))}
}

func join(parts ...asm.Instructions) asm.Instructions {
	var all asm.Instructions
	for _, p := range parts {
		all = append(all, p...)
	}
	return all
}

func lookupStep(key asm.Instructions, m *made, i int) asm.Instructions {
	next := fmt.Sprint("next", i)
	return join(key, stackArg(asm.R2, m.keyAt()), asm.Instructions{asm.LoadMapPtr(asm.R1, m.fd), asm.FnMapLookupElem.Call(),
		asm.JEq.Imm(asm.R0, 0, next), asm.LoadMem(asm.R8, asm.R0, 0, asm.Byte), asm.Mov.Imm(asm.R0, 0).WithSymbol(next)})
}

func updateStep(key asm.Instructions, m *made) asm.Instructions {
	return join(key, stackArg(asm.R2, m.keyAt()), stackArg(asm.R3, m.valueAt()),
		asm.Instructions{asm.Mov.Imm(asm.R4, 0), asm.LoadMapPtr(asm.R1, m.fd), asm.FnMapUpdateElem.Call()})
}

// progOp is an operation of programs; before puts things right for the next run.
type progOp struct {
	name   string
	step   step
	before func(m *made)
	of     func(kind) bool
}

var progOps = []progOp{
	{"lookup", func(m *made, i int) asm.Instructions { return lookupStep(someKey(m, i), m, i) }, nil, keyed},
	{"update", func(m *made, i int) asm.Instructions { return updateStep(key(m, i), m) }, nil, keyed},
	{"lookup, miss", func(m *made, i int) asm.Instructions { return lookupStep(key(m, fresh+i), m, i) }, nil, hashed},
	{"update, new", func(m *made, i int) asm.Instructions { return updateStep(key(m, fresh+i), m) },
		func(m *made) { m.each(raw.MapDelete, fresh, fresh+many) }, hashed},
	{"delete", func(m *made, i int) asm.Instructions {
		return join(key(m, fresh+i), stackArg(asm.R2, m.keyAt()), asm.Instructions{asm.LoadMapPtr(asm.R1, m.fd), asm.FnMapDeleteElem.Call()})
	}, func(m *made) { m.each(raw.MapUpdate, fresh, fresh+many) }, hashed},
	{"push", func(m *made, _ int) asm.Instructions {
		return join(stackArg(asm.R2, m.valueAt()), asm.Instructions{asm.Mov.Imm(asm.R3, 0), asm.LoadMapPtr(asm.R1, m.fd), asm.FnMapPushElem.Call()})
	}, func(m *made) { m.each(raw.MapLookupDelete, 0, 2*many) }, unkeyed},
	{"peek", func(m *made, _ int) asm.Instructions {
		return join(stackArg(asm.R2, m.valueAt()), asm.Instructions{asm.LoadMapPtr(asm.R1, m.fd), asm.FnMapPeekElem.Call()})
	}, func(m *made) { m.each(raw.MapUpdate, 0, many) }, unkeyed},
	{"pop", func(m *made, _ int) asm.Instructions {
		return join(stackArg(asm.R2, m.valueAt()), asm.Instructions{asm.LoadMapPtr(asm.R1, m.fd), asm.FnMapPopElem.Call()})
	}, func(m *made) { m.each(raw.MapUpdate, 0, many) }, queued},
}

func unkeyed(k kind) bool { return k.key == 0 }
func queued(k kind) bool  { return k.typ == raw.Queue || k.typ == raw.Stack }

// progSide measures what a program does with the map.
func (b *bench) progSide(m *made) {
	base, ok := b.run(m.e, done(m.prologue()), nil)
	if !ok {
		return
	}
	for _, op := range progOps {
		if !op.of(m.kind) {
			continue
		}
		p := m.prologue()
		for i := 0; i < many; i++ {
			p = append(p, op.step(m, i)...)
		}
		var before func()
		if op.before != nil {
			before = func() { op.before(m) }
		}
		if v, ok := b.run(m.e, done(p), before); ok {
			b.addMap("program", m.kind, op.name, m.e, float64(v-base)/many)
		}
	}
	m.each(raw.MapDelete, fresh, fresh+many)
	m.each(raw.MapLookupDelete, 0, capacity)
}

// load loads a program; one that only the kernel's own bpf(2) refuses is no error.
func (b *bench) load(e *engine, insns asm.Instructions) (int, bool) {
	prog, errno, log := e.tryLoad(b.t, raw.Kprobe, insns)
	if errno != 0 {
		if !e.tgt.IsNative() {
			b.t.Errorf("%s: load: %s\n%s", e.name, raw.ErrName(errno), log)
		} else {
			b.t.Logf("%s: load: %s\n%s", e.name, raw.ErrName(errno), log)
		}
		return -1, false
	}
	return prog, true
}

// run is the cost of one hit of a probe with the program.
func (b *bench) run(e *engine, insns asm.Instructions, before func()) (int64, bool) {
	prog, ok := b.load(e, insns)
	if !ok {
		return 0, false
	}
	defer unix.Close(prog)
	if before != nil {
		before()
	}
	return b.of(e, kprobe(false), prog, before)
}

func (b *bench) addMap(side string, k kind, op string, e *engine, value float64) {
	b.add("map", fmt.Sprintf("%s: %s: %s", side, k, op), e.name, value)
}

// mapOps measures all maps' operations from both sides.
func (b *bench) mapOps(e *engine) {
	if e.flags != 0 {
		return // the interpreter calls the same functions
	}
	for _, k := range kinds {
		max := uint32(capacity)
		if k.typ == raw.Array || k.typ == raw.PerCPUArray {
			max = filled
		}
		m, errno := e.newKind(k, max)
		if errno != 0 {
			b.t.Logf("%s: no %s: %s", e.name, k, raw.ErrName(errno))
			continue
		}
		m.fill(b.t)
		b.userSide(m)
		m.fill(b.t)
		b.progSide(m)
		m.close()
	}
	b.moreMaps(e)
}
