// SPDX-License-Identifier: Apache-2.0

package bench

import (
	"github.com/bpfshim/bpfshim/qemu-tests/guest/raw"
	"github.com/cilium/ebpf/asm"
	"golang.org/x/sys/unix"
)

const ringSize = 4096

// record fills 64 bytes of stack and lets then send them.
func record(then ...asm.Instruction) asm.Instructions {
	var p asm.Instructions
	for off := int16(-64); off < 0; off += 8 {
		p = append(p, asm.Mov.Imm(asm.R1, int32(off)), asm.StoreMem(asm.RFP, off, asm.R1, asm.DWord))
	}
	return done(append(p, then...))
}

// copied is bpf_ringbuf_output.
func copied(ring int) asm.Instructions {
	return record(asm.LoadMapPtr(asm.R1, ring), asm.Mov.Reg(asm.R2, asm.RFP), asm.Add.Imm(asm.R2, -64),
		asm.Mov.Imm(asm.R3, 64), asm.Mov.Imm(asm.R4, 0), asm.FnRingbufOutput.Call())
}

// reserved is bpf_ringbuf_reserve, eight stores and bpf_ringbuf_submit.
func reserved(ring int) asm.Instructions {
	p := asm.Instructions{asm.LoadMapPtr(asm.R1, ring), asm.Mov.Imm(asm.R2, 64), asm.Mov.Imm(asm.R3, 0),
		asm.FnRingbufReserve.Call(), asm.JEq.Imm(asm.R0, 0, "out"), asm.Mov.Reg(asm.R6, asm.R0)}
	for off := int16(0); off < 64; off += 8 {
		p = append(p, asm.Mov.Imm(asm.R1, int32(off)), asm.StoreMem(asm.R6, off, asm.R1, asm.DWord))
	}
	return append(p, asm.Mov.Reg(asm.R1, asm.R6), asm.Mov.Imm(asm.R2, 0), asm.FnRingbufSubmit.Call(),
		asm.Mov.Imm(asm.R0, 0).WithSymbol("out"), asm.Return())
}

// ring measures a record of 64 bytes that is read at once.
func (b *bench) ring(e *engine, nothing int64) {
	fd, errno := e.tgt.Do(raw.MapCreate, raw.Map(raw.Ringbuf, 0, 0, ringSize, 0))
	if errno != 0 {
		b.t.Logf("%s: no ring buffer: %s", e.name, raw.ErrName(errno))
		return
	}
	defer unix.Close(fd)
	consumer, err := unix.Mmap(fd, 0, 4096, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if err != nil {
		b.t.Errorf("%s: consumer: %v", e.name, err)
		return
	}
	defer func() { _ = unix.Munmap(consumer) }()
	producer, err := unix.Mmap(fd, 4096, 4096+2*ringSize, unix.PROT_READ, unix.MAP_SHARED)
	if err != nil {
		b.t.Errorf("%s: producer: %v", e.name, err)
		return
	}
	defer func() { _ = unix.Munmap(producer) }()
	for _, w := range []struct {
		name  string
		insns asm.Instructions
	}{{"ringbuf_output, 64 bytes", copied(fd)}, {"ringbuf_reserve and _submit, 64 bytes", reserved(fd)}} {
		prog := e.load(b.t, raw.Kprobe, w.insns)
		seen := raw.Over(producer).Get64(0)
		cost, _ := b.of(e, kprobe(false), prog, func() { copy(consumer[:8], producer[:8]) })
		unix.Close(prog)
		if raw.Over(producer).Get64(0) == seen {
			b.t.Errorf("%s: no record came", e.name)
			continue
		}
		b.add("output", w.name, e.name, float64(cost-nothing))
	}
}
