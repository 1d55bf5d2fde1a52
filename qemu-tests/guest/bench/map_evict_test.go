// SPDX-License-Identifier: Apache-2.0

package bench

import (
	"time"

	"github.com/bpfshim/bpfshim/qemu-tests/guest/raw"
	"github.com/cilium/ebpf/asm"
	"golang.org/x/sys/unix"
)

// evicting is what fits into a map that every new key takes another's place in.
const evicting = 128

// evictions measures new keys in maps that are full. One in many does the work
// for those after it, so this is the mean of all and not the least.
func (b *bench) evictions(e *engine) {
	for _, k := range kinds {
		if k.typ != raw.LRUHash && k.typ != raw.LRUPerCPUHash {
			continue
		}
		m, errno := e.newKind(k, evicting)
		if errno != 0 {
			b.t.Logf("%s: no %s: %s", e.name, k, raw.ErrName(errno))
			continue
		}
		m.each(raw.MapUpdate, 0, evicting)
		b.addMap("user", k, "update, new, full", e, m.meanOfFull())
		counter := e.newMap(b.t, raw.Array, 8, 1)
		none, ok := b.meanOf(e, m.newKeys(counter, 0))
		if full, ok2 := b.meanOf(e, m.newKeys(counter, many)); ok && ok2 {
			b.addMap("program", k, "update, new, full", e, (full-none)/many)
		}
		unix.Close(counter)
		m.close()
	}
}

// newKeys is a program that stores n keys that were never there, by a counter.
func (m *made) newKeys(counter, n int) asm.Instructions {
	p := join(m.prologue(), asm.Instructions{asm.StoreImm(asm.RFP, m.keyAt(), 0, asm.Word)}, stackArg(asm.R2, m.keyAt()),
		asm.Instructions{asm.LoadMapPtr(asm.R1, counter), asm.FnMapLookupElem.Call(), asm.JEq.Imm(asm.R0, 0, "out"),
			asm.LoadMem(asm.R6, asm.R0, 0, asm.DWord), asm.Mov.Reg(asm.R1, asm.R6), asm.Add.Imm(asm.R1, many), asm.StoreMem(asm.R0, 0, asm.R1, asm.DWord)})
	return times(n, p, func(int) asm.Instructions {
		return updateStep(asm.Instructions{asm.Add.Imm(asm.R6, 1), asm.StoreMem(asm.RFP, m.keyAt(), asm.R6, asm.Word)}, m)
	})
}

// meanOf is the mean cost of a hit of a probe with the program.
func (b *bench) meanOf(e *engine, insns asm.Instructions) (float64, bool) {
	prog, ok := b.load(e, insns)
	if !ok {
		return 0, false
	}
	defer unix.Close(prog)
	detach, ok := kprobe(false)(b.t, e, prog)
	if !ok {
		return 0, false
	}
	defer detach()
	const n = 1000
	return mean(n, func() { _, _, _ = unix.RawSyscall(unix.SYS_GETPPID, 0, 0, 0) }), true
}

// meanOfFull is the mean cost of an update with a key that is there no more.
func (m *made) meanOfFull() float64 {
	call, n := m.trap(raw.MapUpdate), 0
	return mean(16*2*evicting, func() { call(n % (2 * evicting)); n++ })
}

// mean is that of n calls, after as many that do not count.
func mean(n int, call func()) float64 {
	for range n {
		call()
	}
	start := time.Now()
	for range n {
		call()
	}
	return float64(int64(time.Since(start))-clockCost()) / float64(n)
}
