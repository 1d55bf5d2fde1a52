// SPDX-License-Identifier: Apache-2.0

package maps

import (
	"sync/atomic"
	"unsafe"

	"github.com/bpfshim/bpfshim/qemu-tests/guest/oracle"
	"github.com/bpfshim/bpfshim/qemu-tests/guest/raw"
	"github.com/cilium/ebpf/asm"
	"golang.org/x/sys/unix"
)

// userRing is the producer's side of a user ring buffer.
type userRing struct {
	fd   int
	size uint64
	cons []byte // the consumer's page
	prod []byte // the producer's, then the data, twice
}

func newUserRing(r *oracle.Run, size uint32) *userRing {
	r.Helper()
	g := &userRing{fd: r.Map(raw.Map(raw.UserRingbuf, 0, 0, size, 0)), size: uint64(size)}
	var err error
	if g.cons, err = unix.Mmap(g.fd, 0, page, unix.PROT_READ, unix.MAP_SHARED); err != nil {
		r.Fatalf("the consumer's page: %v", err)
	}
	if g.prod, err = unix.Mmap(g.fd, page, page+2*int(size), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED); err != nil {
		r.Fatalf("the data: %v", err)
	}
	r.Cleanup(func() { _ = unix.Munmap(g.cons); _ = unix.Munmap(g.prod) })
	return g
}

func (g *userRing) read() uint64 { return atomic.LoadUint64(word(g.cons)) }

func (g *userRing) header(pos uint64) *uint32 {
	return (*uint32)(unsafe.Pointer(&g.prod[page+pos%g.size]))
}

// put writes one record of a byte, and says where the next begins.
func (g *userRing) put(pos uint64, n uint32, b byte, flags uint32) uint64 {
	data := g.prod[page+pos%g.size+8:]
	for i := range data[:n] {
		data[i] = b
	}
	atomic.StoreUint32(g.header(pos), n|flags)
	pos += uint64(n+8+7) / 8 * 8
	atomic.StoreUint64(word(g.prod), pos)
	return pos
}

// drainer drains with the flags of its argument. Its callback adds up the
// first bytes of the records and stops at one that is its second argument.
func drainer(r *oracle.Run, g *userRing) int {
	return progWithCallback(r, "each", asm.Instructions{
		arg(asm.R6, 0), arg(asm.R7, 1),
		st(asm.RFP, -8, 0, asm.DWord), asm.StoreMem(asm.RFP, -16, asm.R7, asm.DWord),
		asm.LoadMapPtr(asm.R1, g.fd), asm.Instruction{OpCode: asm.LoadImmOp(asm.DWord), Dst: asm.R2, Src: asm.PseudoFunc, Constant: -1}.WithReference("each"),
		asm.Mov.Reg(asm.R3, asm.RFP), asm.Add.Imm(asm.R3, -16), asm.Mov.Reg(asm.R4, asm.R6),
		asm.FnUserRingbufDrain.Call(),
		// 16 bits of the answer, 16 of the sum.
		asm.LSh.Imm(asm.R0, 16), asm.LoadMem(asm.R1, asm.RFP, -8, asm.DWord), asm.And.Imm(asm.R1, 0xffff), asm.Or.Reg(asm.R0, asm.R1),
		asm.Return(),

		asm.Mov.Reg(asm.R6, asm.R2).WithSymbol("each"), asm.Mov.Reg(asm.R3, asm.R1),
		st(asm.RFP, -8, 0, asm.DWord),
		asm.Mov.Reg(asm.R1, asm.RFP), asm.Add.Imm(asm.R1, -8), asm.Mov.Imm(asm.R2, 1), asm.Mov.Imm(asm.R4, 0), asm.Mov.Imm(asm.R5, 0),
		asm.FnDynptrRead.Call(),
		asm.LoadMem(asm.R1, asm.RFP, -8, asm.DWord), asm.LoadMem(asm.R2, asm.R6, 8, asm.DWord), asm.Add.Reg(asm.R2, asm.R1),
		asm.StoreMem(asm.R6, 8, asm.R2, asm.DWord), asm.LoadMem(asm.R3, asm.R6, 0, asm.DWord),
		asm.Mov.Imm(asm.R0, 0), asm.JNE.Reg(asm.R1, asm.R3, "go on"), asm.Mov.Imm(asm.R0, 1),
		asm.Return().WithSymbol("go on"),
	})
}

// progWithCallback loads a program of two functions: callbacks must have BTF.
func progWithCallback(r *oracle.Run, callback string, insns asm.Instructions) int {
	r.Helper()
	fd, errno, log, err := r.Tgt.LoadCallback(raw.NewAttr().U32(0, raw.RawTracepoint), callback, insns)
	if err != nil {
		r.Fatal(err)
	}
	if errno != 0 {
		r.Fatalf("load: %s\n%s", raw.ErrName(errno), log)
	}
	r.Cleanup(func() { unix.Close(fd) })
	return fd
}

func userRingMappings(r *oracle.Run) {
	fd := r.Map(raw.Map(raw.UserRingbuf, 0, 0, 4*page, 0))
	for _, p := range []struct {
		name string
		prot int
	}{{"r", unix.PROT_READ}, {"rw", unix.PROT_READ | unix.PROT_WRITE}, {"rx", unix.PROT_READ | unix.PROT_EXEC}} {
		for _, off := range []int64{0, 1, 2, 9, 10} {
			for _, n := range []int{1, 2, 9, 10} {
				b, err := unix.Mmap(fd, off*page, n*page, p.prot, unix.MAP_SHARED)
				r.Sayf("page %d, %d of them, %s: %v", off, n, p.name, err)
				if err == nil {
					_ = unix.Munmap(b)
				}
			}
		}
	}
	b, err := unix.Mmap(fd, 0, page, unix.PROT_READ, unix.MAP_SHARED)
	if err != nil {
		r.Fatal(err)
	}
	r.Sayf("consumer: mprotect rw: %v", unix.Mprotect(b, unix.PROT_READ|unix.PROT_WRITE))
	_ = unix.Munmap(b)
}

func userRingDrain(r *oracle.Run) {
	g := newUserRing(r, page)
	p := drainer(r, g)
	drain := func(what string, flags, stop uint64) {
		v := r.Go(p, flags, stop)
		r.Sayf("%s: %d, sum %d; read to %d, poll %#x", what, v>>16, v&0xffff, g.read(), ready(g.fd))
	}
	const never = 1000
	drain("empty", 0, never)
	pos := g.put(0, 8, 1, 0)
	pos = g.put(pos, 100, 2, 0)
	drain("two", 0, never)
	for _, flags := range []uint64{1, 2, 3, 4, 1 << 63} {
		pos = g.put(pos, 3, 5, 0)
		drain("flags "+itoa(flags), flags, never)
	}
	pos = g.put(pos, 1, 1, discard)
	pos = g.put(pos, 9, 7, 0)
	pos = g.put(pos, 9, 8, discard)
	drain("one of three counts", 0, never)
	for b := byte(1); b < 6; b++ {
		pos = g.put(pos, 16, b, 0)
	}
	drain("until 3", 0, 3)
	drain("the rest", 0, never)
	busyAt := pos
	pos = g.put(pos, 16, 9, busy)
	pos = g.put(pos, 16, 10, 0)
	drain("a busy one", 0, never)
	atomic.StoreUint32(g.header(busyAt), 16)
	drain("no longer", 0, never)
	drainMany(r, g, drain, pos)
	// Nonsense.
	head := g.read()
	for _, c := range []struct {
		what string
		end  uint64
		hdr  uint32
	}{
		{"odd end", head + 4, 8}, {"record past the end", head + 8, 1}, {"record past the end", head + 64, 57},
		{"larger than the ring", head + 1<<20, page}, {"one too large", head + 1<<20, page - 7},
		{"larger than a dynptr", head + 1<<30, 1 << 24}, {"huge", head + 1<<40, 1<<30 - 1},
		{"huge and discarded", head + 1<<40, 1<<30 - 1 | discard}, {"huge and busy", head + 1<<40, 1<<30 - 1 | busy},
		{"end before", head - 8, 8}, {"end far before", 0, 8}, {"end at the end of time", 1<<64 - 8, 1 << 24},
		{"both flags", head + 16, 8 | busy | discard},
	} {
		atomic.StoreUint32(g.header(g.read()), c.hdr)
		atomic.StoreUint64(word(g.prod), c.end)
		drain(c.what, 0, never)
	}
	// The largest that fits.
	at := g.read()
	atomic.StoreUint32(g.header(at), page-8)
	atomic.StoreUint64(word(g.prod), at+page)
	drain("as large as the ring", 0, never)
}

// drainMany goes around the end, and fills the ring.
func drainMany(r *oracle.Run, g *userRing, drain func(string, uint64, uint64), pos uint64) {
	for i := 0; i < 40; i++ {
		for b := byte(0); b < 10; b++ {
			pos = g.put(pos, uint32(i*8), b, 0)
		}
		drain("ten of "+itoa(i*8), 0, 1000)
	}
	for pos-g.read() < g.size {
		pos = g.put(pos, 0, 0, 0)
	}
	r.Sayf("full: poll %#x", ready(g.fd))
	drain("full", 0, 1000)
}

// dynptrs tries the helpers on a dynptr of a map's value.
func dynptrs(r *oracle.Run) {
	const size = 32
	fd := r.Map(raw.Map(raw.Array, 4, size, 1, 0))
	// Makes a dynptr of size by flags (arguments 0 and 1), then does.
	with := func(do ...asm.Instruction) int {
		return r.Prog(join(asm.Instructions{
			arg(asm.R6, 0), arg(asm.R7, 1), arg(asm.R8, 2), arg(asm.R9, 3),
			st(asm.RFP, -4, 0, asm.Word), asm.LoadMapPtr(asm.R1, fd), asm.Mov.Reg(asm.R2, asm.RFP), asm.Add.Imm(asm.R2, -4),
			asm.FnMapLookupElem.Call(), asm.JEq.Imm(asm.R0, 0, "end"),
			asm.Mov.Reg(asm.R1, asm.R0), asm.Mov.Reg(asm.R2, asm.R6), asm.JGT.Imm(asm.R2, size, "end"), asm.Mov.Reg(asm.R3, asm.R7),
			asm.Mov.Reg(asm.R4, asm.RFP), asm.Add.Imm(asm.R4, -24), asm.FnDynptrFromMem.Call(),
		}, do, asm.Instructions{asm.Return().WithSymbol("end")}))
	}
	make1 := with()
	for _, n := range []uint64{0, 1, 32} {
		for _, flags := range []uint64{0, 1, 1 << 63} {
			r.Sayf("from_mem %d flags %#x: %d", n, flags, r.Go(make1, n, flags, 0, 0))
		}
	}
	stack := asm.Instructions{st(asm.RFP, -32, 0x0807060504030201, asm.DWord)}
	read := with(join(stack, asm.Instructions{
		asm.Mov.Reg(asm.R1, asm.RFP), asm.Add.Imm(asm.R1, -32), asm.Mov.Imm(asm.R2, 8), asm.Mov.Reg(asm.R3, asm.RFP), asm.Add.Imm(asm.R3, -24),
		asm.Mov.Reg(asm.R4, asm.R8), asm.Mov.Reg(asm.R5, asm.R9), asm.FnDynptrRead.Call(),
	})...)
	write := with(join(stack, asm.Instructions{
		asm.Mov.Reg(asm.R1, asm.RFP), asm.Add.Imm(asm.R1, -24), asm.Mov.Reg(asm.R2, asm.R8), asm.Mov.Reg(asm.R3, asm.RFP), asm.Add.Imm(asm.R3, -32),
		asm.Mov.Imm(asm.R4, 8), asm.Mov.Reg(asm.R5, asm.R9), asm.FnDynptrWrite.Call(),
	})...)
	readBack := with(join(stack, asm.Instructions{
		asm.Mov.Reg(asm.R1, asm.RFP), asm.Add.Imm(asm.R1, -32), asm.Mov.Imm(asm.R2, 8), asm.Mov.Reg(asm.R3, asm.RFP), asm.Add.Imm(asm.R3, -24),
		asm.Mov.Reg(asm.R4, asm.R8), asm.Mov.Reg(asm.R5, asm.R9), asm.FnDynptrRead.Call(), asm.LoadMem(asm.R0, asm.RFP, -32, asm.DWord),
	})...)
	data := with(asm.Mov.Reg(asm.R1, asm.RFP), asm.Add.Imm(asm.R1, -24), asm.Mov.Reg(asm.R2, asm.R8), asm.Mov.Imm(asm.R3, 4),
		asm.FnDynptrData.Call(), asm.JEq.Imm(asm.R0, 0, "end"), asm.LoadMem(asm.R0, asm.R0, 0, asm.Word))
	for _, n := range []uint64{0, 7, 8, 20, 32} {
		for _, off := range []uint64{0, 1, 12, 13, 24, 25, 32, 1<<32 - 1, 1<<32 - 8, 1 << 32} {
			for _, flags := range []uint64{0, 1} {
				r.Sayf("of %d: write at %#x flags %d: %d, read: %d", n, off, flags, r.Go(write, n, 0, off, flags), r.Go(read, n, 0, off, flags))
			}
			r.Sayf("of %d: at %#x: %#x, data %#x", n, off, r.Go(readBack, n, 0, off, 0), r.Go(data, n, 0, off, 0))
		}
	}
	r.Sayf("invalid: read %d, write %d, data %d", r.Go(read, 8, 1, 0, 0), r.Go(write, 8, 1, 0, 0), r.Go(data, 8, 1, 0, 0))
	v, errno := r.Tgt.Lookup(fd, []byte{0, 0, 0, 0}, size)
	r.Sayf("at last: %s %x", raw.ErrName(errno), v)
}
