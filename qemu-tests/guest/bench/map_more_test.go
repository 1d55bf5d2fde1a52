// SPDX-License-Identifier: Apache-2.0

package bench

import (
	"sync/atomic"
	"unsafe"

	"github.com/bpfshim/bpfshim/qemu-tests/guest/raw"
	"github.com/cilium/ebpf/asm"
	"golang.org/x/sys/unix"
)

const mapRingSize = 1 << 16

// times is a program that does something n times after a prologue.
func times(n int, prologue asm.Instructions, step func(i int) asm.Instructions) asm.Instructions {
	p := append(asm.Instructions{}, prologue...)
	for i := 0; i < n; i++ {
		p = append(p, step(i)...)
	}
	return append(p, asm.Mov.Imm(asm.R0, 0).WithSymbol("out"), asm.Return())
}

// measure adds the cost of one of many steps, if the target has such.
func (b *bench) measure(e *engine, name string, prologue asm.Instructions, step func(i int) asm.Instructions, before func()) {
	base, ok := b.run(e, times(0, prologue, nil), before)
	if !ok {
		return
	}
	if v, ok := b.run(e, times(many, prologue, step), before); ok {
		b.add("map", "program: "+name, e.name, float64(v-base)/many)
	}
}

// moreMaps measures those that have operations of their own.
func (b *bench) moreMaps(e *engine) {
	b.rings(e)
	b.stackTraces(e)
	b.mapsOfMaps(e)
	b.callbacks(e)
	b.evictions(e)
}

func word(b []byte) *uint64 { return (*uint64)(unsafe.Pointer(unsafe.SliceData(b))) }

func (b *bench) rings(e *engine) {
	fd, errno := e.tgt.Do(raw.MapCreate, raw.Map(raw.Ringbuf, 0, 0, mapRingSize, 0))
	if errno != 0 {
		b.t.Logf("%s: no ring buffer: %s", e.name, raw.ErrName(errno))
		return
	}
	defer unix.Close(fd)
	consumer, err := unix.Mmap(fd, 0, 4096, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if err != nil {
		b.t.Fatal(err)
	}
	defer func() { _ = unix.Munmap(consumer) }()
	producer, err := unix.Mmap(fd, 4096, 4096, unix.PROT_READ, unix.MAP_SHARED)
	if err != nil {
		b.t.Fatal(err)
	}
	defer func() { _ = unix.Munmap(producer) }()
	read := func() { atomic.StoreUint64(word(consumer), atomic.LoadUint64(word(producer))) }
	k := kind{value: 64}
	const noWakeup = 1
	seen := atomic.LoadUint64(word(producer))
	b.measure(e, "ring buffer: reserve and submit", k.prologue(), func(int) asm.Instructions {
		return asm.Instructions{asm.LoadMapPtr(asm.R1, fd), asm.Mov.Imm(asm.R2, 64), asm.Mov.Imm(asm.R3, 0), asm.FnRingbufReserve.Call(),
			asm.JEq.Imm(asm.R0, 0, "out"), asm.StoreMem(asm.R0, 0, asm.R6, asm.DWord),
			asm.Mov.Reg(asm.R1, asm.R0), asm.Mov.Imm(asm.R2, noWakeup), asm.FnRingbufSubmit.Call()}
	}, read)
	b.measure(e, "ring buffer: output 64 bytes", k.prologue(), func(int) asm.Instructions {
		return join(asm.Instructions{asm.LoadMapPtr(asm.R1, fd)}, stackArg(asm.R2, k.valueAt()),
			asm.Instructions{asm.Mov.Imm(asm.R3, 64), asm.Mov.Imm(asm.R4, noWakeup), asm.FnRingbufOutput.Call()})
	}, read)
	b.measure(e, "ring buffer: query", k.prologue(), func(int) asm.Instructions {
		return asm.Instructions{asm.LoadMapPtr(asm.R1, fd), asm.Mov.Imm(asm.R2, 0), asm.FnRingbufQuery.Call()}
	}, read)
	if atomic.LoadUint64(word(producer)) == seen {
		b.t.Errorf("%s: no record came", e.name)
	}
}

func (b *bench) stackTraces(e *engine) {
	fd, errno := e.tgt.Do(raw.MapCreate, raw.Map(raw.StackTrace, 4, 127*8, 64, 0))
	if errno != 0 {
		b.t.Logf("%s: no stack traces: %s", e.name, raw.ErrName(errno))
		return
	}
	defer unix.Close(fd)
	for _, way := range []struct {
		name  string
		flags int32
	}{{"kernel", 0}, {"kernel, compared by hash", 1 << 9}, {"user", 1 << 8}} {
		b.measure(e, "stack traces: get_stackid, "+way.name, kind{value: 8}.prologue(), func(int) asm.Instructions {
			return asm.Instructions{asm.Mov.Reg(asm.R1, asm.R7), asm.LoadMapPtr(asm.R2, fd), asm.Mov.Imm(asm.R3, way.flags), asm.FnGetStackid.Call()}
		}, nil)
	}
}

func (b *bench) mapsOfMaps(e *engine) {
	inner := e.newMap(b.t, raw.Array, 8, 1)
	defer unix.Close(inner)
	for _, k := range []kind{{"array of maps", raw.ArrayOfMaps, 4, 4, 0}, {"hash of maps", raw.HashOfMaps, 4, 4, 0}} {
		fd, errno := e.tgt.Do(raw.MapCreate, raw.Map(k.typ, k.key, k.value, filled, 0).U32(20, uint32(inner)))
		if errno != 0 {
			b.t.Logf("%s: no %s: %s", e.name, k, raw.ErrName(errno))
			continue
		}
		m := e.callsOn(k, fd)
		raw.Over(m.values).U32(0, uint32(inner))
		m.each(raw.MapUpdate, 0, filled)
		b.measure(e, k.name+": lookup", k.prologue(), func(i int) asm.Instructions { return lookupStep2(someKey(m, i), m) }, nil)
		// Where lookups and changes wait for programs, only this does not.
		b.add("map", "user: "+k.name+": next key", e.name, m.system(raw.MapNextKey, 0, nil))
		m.close()
	}
}

// lookupStep2 looks a map up, and does not look into it.
func lookupStep2(key asm.Instructions, m *made) asm.Instructions {
	return join(key, stackArg(asm.R2, m.keyAt()), asm.Instructions{asm.LoadMapPtr(asm.R1, m.fd), asm.FnMapLookupElem.Call(),
		asm.JEq.Imm(asm.R0, 0, "out")})
}

// callbacks measures what calls back into the program, by element.
func (b *bench) callbacks(e *engine) {
	for _, k := range []kind{{"array", raw.Array, 4, 8, 0}, {"hash", raw.Hash, 4, 8, 0}, {"per-CPU hash", raw.PerCPUHash, 4, 8, 0}, {"LRU hash", raw.LRUHash, 4, 8, 0}} {
		m, errno := e.newKind(k, filled)
		if errno != 0 {
			continue
		}
		m.fill(b.t)
		full := b.callback(e, asm.Instructions{asm.LoadMapPtr(asm.R1, m.fd), pointer("each"), asm.Mov.Imm(asm.R3, 0),
			asm.Mov.Imm(asm.R4, 0), asm.FnForEachMapElem.Call()}, nil)
		none := b.callback(e, nil, nil)
		if full > 0 && none > 0 {
			b.add("map", "program: "+k.String()+": for each", e.name, float64(full-none)/filled)
		}
		m.close()
	}
	b.drain(e)
}

func (b *bench) drain(e *engine) {
	fd, errno := e.tgt.Do(raw.MapCreate, raw.Map(raw.UserRingbuf, 0, 0, mapRingSize, 0))
	if errno != 0 {
		return
	}
	defer unix.Close(fd)
	data, err := unix.Mmap(fd, 4096, 4096+2*mapRingSize, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if err != nil {
		b.t.Fatal(err)
	}
	defer func() { _ = unix.Munmap(data) }()
	pos := uint64(0)
	put := func() {
		for i := 0; i < many; i++ {
			*(*uint32)(unsafe.Pointer(&data[4096+pos%mapRingSize])) = 64
			pos += 64 + 8
		}
		atomic.StoreUint64(word(data), pos)
	}
	const noWakeup = 1
	full := b.callback(e, asm.Instructions{asm.LoadMapPtr(asm.R1, fd), pointer("each"), asm.Mov.Imm(asm.R3, 0),
		asm.Mov.Imm(asm.R4, noWakeup), asm.FnUserRingbufDrain.Call()}, put)
	none := b.callback(e, nil, nil)
	if full > 0 && none > 0 {
		b.add("map", "program: user ring buffer: drain, a record", e.name, float64(full-none)/many)
	}
}

func pointer(fn string) asm.Instruction {
	return asm.Instruction{OpCode: asm.LoadImmOp(asm.DWord), Dst: asm.R2, Src: asm.PseudoFunc, Constant: -1}.WithReference(fn)
}

// callback is the cost of a hit of a program that has a callback, which does
// nothing; 0: the target takes none.
func (b *bench) callback(e *engine, insns asm.Instructions, before func()) int64 {
	if insns == nil { // a verifier wants every function used
		insns = asm.Instructions{asm.JEq.Imm(asm.R1, 0, "never"), asm.Mov.Imm(asm.R0, 0), asm.Return(),
			pointer("each").WithSymbol("never"), asm.Mov.Imm(asm.R1, 0), asm.Mov.Imm(asm.R3, 0), asm.Mov.Imm(asm.R4, 0), asm.FnLoop.Call()}
	}
	insns = append(done(insns), asm.Mov.Imm(asm.R0, 0).WithSymbol("each"), asm.Return())
	prog, errno, log, err := e.tgt.LoadCallback(raw.NewAttr().U32(0, raw.Kprobe).U32(40, kernelVersion()).U32(44, e.flags), "each", insns)
	if err != nil {
		b.t.Fatal(err)
	}
	if errno != 0 {
		b.t.Logf("%s: callback: %s\n%s", e.name, raw.ErrName(errno), log)
		return 0
	}
	defer unix.Close(prog)
	if before != nil {
		before()
	}
	v, _ := b.of(e, kprobe(false), prog, before)
	return v
}
