// SPDX-License-Identifier: Apache-2.0

package differ

import (
	"encoding/binary"
	"fmt"
	"sync/atomic"
	"unsafe"

	"github.com/bpfshim/bpfshim/qemu-tests/guest/raw"
	"github.com/cilium/ebpf/asm"
	"golang.org/x/sys/unix"
)

// ring is the consumer's side of a BPF-output event.
type ring struct {
	fd  int
	mem []byte
}

const ringPages = 2

func (r *run) ring(wakeup uint32) *ring {
	fd, errno := r.tgt.Output(0, wakeup)
	if errno != 0 {
		r.Fatalf("output: %s", raw.ErrName(errno))
	}
	mem, err := unix.Mmap(fd, 0, (1+ringPages)*4096, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if err != nil {
		r.Fatalf("mmap: %v", err)
	}
	r.Cleanup(func() { _ = unix.Munmap(mem); unix.Close(fd) })
	if err := unix.IoctlSetInt(fd, unix.PERF_EVENT_IOC_ENABLE, 0); err != nil {
		r.Fatalf("enable: %v", err)
	}
	return &ring{fd, mem}
}

// Offsets of the first page's fields.
const (
	dataHead   = 1024
	dataTail   = 1032
	dataOffset = 1040
	dataSize   = 1048
)

func (g *ring) u64(off int) *uint64 { return (*uint64)(unsafe.Pointer(&g.mem[off])) }

// records takes what is there.
func (g *ring) records() []string {
	data := g.mem[4096:]
	head, tail := atomic.LoadUint64(g.u64(dataHead)), *g.u64(dataTail)
	var out []string
	for tail < head {
		get := func(off uint64) byte { return data[(tail+off)%uint64(len(data))] }
		var hdr [8]byte
		for i := range hdr {
			hdr[i] = get(uint64(i))
		}
		typ, misc, size := binary.NativeEndian.Uint32(hdr[:]), binary.NativeEndian.Uint16(hdr[4:]), binary.NativeEndian.Uint16(hdr[6:])
		if size < 8 {
			return append(out, "a record of no size")
		}
		body := make([]byte, size-8)
		for i := range body {
			body[i] = get(8 + uint64(i))
		}
		switch typ {
		case unix.PERF_RECORD_LOST:
			out = append(out, fmt.Sprintf("lost %d", binary.NativeEndian.Uint64(body[8:])))
		case unix.PERF_RECORD_SAMPLE:
			n := binary.NativeEndian.Uint32(body)
			out = append(out, fmt.Sprintf("sample of %d, raw %d: %x", size, n, body[4:min(len(body), 44)]))
		default:
			out = append(out, fmt.Sprintf("type %d misc %d size %d", typ, misc, size))
		}
		tail += uint64(size)
	}
	atomic.StoreUint64(g.u64(dataTail), tail)
	return out
}

func (g *ring) ready() bool {
	p := []unix.PollFd{{Fd: int32(g.fd), Events: unix.POLLIN}}
	n, err := unix.Poll(p, 0)
	return err == nil && n == 1 && p[0].Revents&unix.POLLIN != 0
}

// emitter is a program that outputs its stack: flags and size by arguments.
func (r *run) emitter(perf int, size int32) int {
	insns := asm.Instructions{asm.LoadMem(asm.R3, asm.R1, 0, asm.DWord)}
	for i := int16(0); i < 8; i++ {
		insns = append(insns, st(asm.RFP, -64+8*i, 0x0101010101010101&0x7fffffff*int64(i+1), asm.DWord))
	}
	insns = append(insns, asm.LoadMapPtr(asm.R2, perf), asm.Mov.Reg(asm.R4, asm.RFP), asm.Add.Imm(asm.R4, -64),
		asm.Mov.Imm(asm.R5, size), asm.FnPerfEventOutput.Call(), asm.Return())
	return r.prog(insns...)
}

const currentCPU = 0xffffffff

func output(r *run) {
	perf := r.mapOf(raw.PerfArray, 4, 4, 4)
	g := r.ring(1)
	r.sayf("data at %d, %d bytes", *g.u64(dataOffset), *g.u64(dataSize))
	prog := r.emitter(perf, 8)
	v, errno := r.tgt.Run(prog, currentCPU)
	r.sayf("no event in the map: %d %s", int32(v), raw.ErrName(errno))
	r.sayf("update: %s", raw.ErrName(r.tgt.Update(perf, k32(0), k32(g.fd), 0)))
	r.sayf("update again: %s", raw.ErrName(r.tgt.Update(perf, k32(0), k32(g.fd), 0)))
	r.sayf("noexist: %s", raw.ErrName(r.tgt.Update(perf, k32(0), k32(g.fd), raw.UpdateNoexist)))
	r.sayf("past the end: %s", raw.ErrName(r.tgt.Update(perf, k32(4), k32(g.fd), 0)))
	_, errno = r.tgt.Lookup(perf, k32(0), 4)
	r.sayf("lookup: %s", raw.ErrName(errno))
	r.sayf("ready before: %v", g.ready())
	for _, size := range []int32{1, 3, 4, 5, 8, 12, 13, 33, 64} {
		v, errno := r.tgt.Run(r.emitter(perf, size), currentCPU)
		r.sayf("%d bytes: %d %s, ready %v", size, int32(v), raw.ErrName(errno), g.ready())
		for _, rec := range g.records() {
			r.sayf("%d bytes: %s", size, rec)
		}
		r.sayf("%d bytes: ready after %v", size, g.ready())
	}
	for _, flags := range []uint64{0, 1, 3, 4, 100, 0xfffffffe, 1 << 32, 1 << 52, 1 << 63, 5<<32 | currentCPU} {
		v, errno := r.tgt.Run(prog, flags)
		r.sayf("flags %#x: %d %s, %d records", flags, int32(v), raw.ErrName(errno), len(g.records()))
	}
	// An event of another CPU refuses.
	if r.cpus() > 1 {
		other, errno := r.tgt.Output(1, 1)
		r.sayf("of CPU 1: %s, update %s", raw.ErrName(errno), raw.ErrName(r.tgt.Update(perf, k32(1), k32(other), 0)))
		v, errno := r.tgt.Run(prog, 1)
		r.sayf("to CPU 1: %d %s", int32(v), raw.ErrName(errno))
		unix.Close(other)
	}
	r.sayf("delete: %s", raw.ErrName(r.tgt.Delete(perf, k32(0))))
	v, errno = r.tgt.Run(prog, currentCPU)
	r.sayf("after delete: %d %s, %d records", int32(v), raw.ErrName(errno), len(g.records()))
}

// outputFull writes more than fits: what is lost is counted, what is there is
// whole, and it goes on when there is room.
func outputFull(r *run) {
	perf := r.mapOf(raw.PerfArray, 4, 4, 1)
	g := r.ring(1)
	if errno := r.tgt.Update(perf, k32(0), k32(g.fd), 0); errno != 0 {
		r.Fatal(raw.ErrName(errno))
	}
	prog := r.emitter(perf, 64)
	for round := 0; round < 3; round++ {
		var first, failed int
		for i := 0; i < 200; i++ {
			if v, _ := r.tgt.Run(prog, currentCPU); int32(v) != 0 {
				if failed == 0 {
					first = i
				}
				failed++
				r.checkErr(v)
			}
		}
		recs := g.records()
		kinds := map[string]int{}
		for _, rec := range recs {
			kinds[rec]++
		}
		r.sayf("round %d: %d of 200 failed, the first was %d; %d records of %d kinds; the first: %s", round, failed, first, len(recs), len(kinds), recs[0])
		v, _ := r.tgt.Run(prog, currentCPU)
		r.sayf("round %d: then: %d %v", round, int32(v), g.records())
	}
}

func (r *run) checkErr(v uint32) {
	if int32(v) != -int32(unix.ENOSPC) {
		r.sayf("it failed with %d", int32(v))
	}
}
