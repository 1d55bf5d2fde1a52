// SPDX-License-Identifier: Apache-2.0

package maps

import (
	"fmt"
	"strconv"
	"sync/atomic"
	"unsafe"

	"github.com/bpfshim/bpfshim/qemu-tests/guest/oracle"
	"github.com/bpfshim/bpfshim/qemu-tests/guest/raw"
	"github.com/cilium/ebpf/asm"
	"golang.org/x/sys/unix"
)

func itoa[T uint32 | uint64 | int](v T) string { return strconv.FormatUint(uint64(v), 10) }

const page = 4096

// ring is the consumer's side of a ring buffer.
type ring struct {
	fd   int
	size uint64
	cons []byte // the consumer's page
	prod []byte // the producer's, then the data, twice
}

func newRing(r *oracle.Run, size uint32) *ring {
	r.Helper()
	g := &ring{fd: r.Map(raw.Map(raw.Ringbuf, 0, 0, size, 0)), size: uint64(size)}
	var err error
	if g.cons, err = unix.Mmap(g.fd, 0, page, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED); err != nil {
		r.Fatalf("the consumer's page: %v", err)
	}
	if g.prod, err = unix.Mmap(g.fd, page, page+2*int(size), unix.PROT_READ, unix.MAP_SHARED); err != nil {
		r.Fatalf("the data: %v", err)
	}
	r.Cleanup(func() { _ = unix.Munmap(g.cons); _ = unix.Munmap(g.prod) })
	return g
}

func word(b []byte) *uint64 { return (*uint64)(unsafe.Pointer(unsafe.SliceData(b))) }

func (g *ring) tail() uint64     { return atomic.LoadUint64(word(g.cons)) }
func (g *ring) head() uint64     { return atomic.LoadUint64(word(g.prod)) }
func (g *ring) consume(v uint64) { atomic.StoreUint64(word(g.cons), v) }

// A record's flags, and a helper's.
const (
	busy    = 1 << 31
	discard = 1 << 30

	noWakeup    = 1
	forceWakeup = 2
)

// next takes one record; false: there is none that is whole.
func (g *ring) next() (data []byte, skip, ok bool) {
	tail := g.tail()
	if tail == g.head() {
		return nil, false, false
	}
	at := g.prod[page+tail%g.size:]
	n := atomic.LoadUint32((*uint32)(unsafe.Pointer(unsafe.SliceData(at))))
	if n&busy != 0 {
		return nil, false, false
	}
	size := uint64(n &^ (busy | discard))
	data = append(data, at[8:8+size]...)
	g.consume(tail + (size+8+7)/8*8)
	return data, n&discard != 0, true
}

// records takes what is there, in words.
func (g *ring) records() []string {
	var out []string
	for {
		data, skip, ok := g.next()
		switch {
		case !ok:
			return out
		case skip:
			out = append(out, fmt.Sprintf("%d skipped", len(data)))
		case len(data) > 24:
			out = append(out, fmt.Sprintf("%d %x..%x", len(data), data[:12], data[len(data)-12:]))
		default:
			out = append(out, fmt.Sprintf("%d %x", len(data), data))
		}
	}
}

// ready is what poll says, POLLRDNORM and POLLWRNORM included.
func ready(fd int) int16 {
	p := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN | 0x40 | unix.POLLOUT | 0x100}}
	for {
		if _, err := unix.Poll(p, 0); err == nil {
			break
		} else if err != unix.EINTR {
			return -1
		}
	}
	return p[0].Revents
}

// ---- programs ----

// arg reads a word of the context, and keeps it.
func arg(dst asm.Register, i int16) asm.Instruction { return asm.LoadMem(dst, asm.R1, 8*i, asm.DWord) }

// outputter writes that many bytes of its stack; the flags are its argument.
func outputter(r *oracle.Run, g *ring, size int32) int {
	insns := asm.Instructions{arg(asm.R4, 0)}
	for off := int16(-256); off < 0; off += 8 {
		insns = append(insns, st(asm.RFP, off, int64(0x01010101)*int64(off/8&0x3f), asm.DWord))
	}
	return r.Prog(append(insns, asm.LoadMapPtr(asm.R1, g.fd), asm.Mov.Reg(asm.R2, asm.RFP), asm.Add.Imm(asm.R2, -256),
		asm.Mov.Imm(asm.R3, size), asm.FnRingbufOutput.Call(), asm.Return()))
}

// reserver reserves that many bytes, fills in two words of it if it can, and
// hands it over or not. Arguments: flags of reserve, the word, flags at the end.
func reserver(r *oracle.Run, g *ring, size int32, end asm.BuiltinFunc) int {
	insns := asm.Instructions{
		arg(asm.R3, 0), arg(asm.R6, 1), arg(asm.R7, 2), asm.LoadMapPtr(asm.R1, g.fd), asm.Mov.Imm(asm.R2, size),
		asm.FnRingbufReserve.Call(), asm.JEq.Imm(asm.R0, 0, "none"),
	}
	if size >= 8 {
		insns = append(insns, asm.StoreMem(asm.R0, 0, asm.R6, asm.DWord))
	}
	if size >= 16 {
		insns = append(insns, asm.StoreMem(asm.R0, int16(min(size-8, 32760)&^7), asm.R6, asm.DWord))
	}
	return r.Prog(append(insns, asm.Mov.Reg(asm.R1, asm.R0), asm.Mov.Reg(asm.R2, asm.R7), end.Call(),
		asm.Mov.Imm(asm.R0, 1), asm.Return(), asm.Mov.Imm(asm.R0, 0).WithSymbol("none"), asm.Return()))
}

// asker returns ringbuf_query's answer to its argument.
func asker(r *oracle.Run, g *ring) int {
	return r.Prog(asm.Instructions{arg(asm.R2, 0), asm.LoadMapPtr(asm.R1, g.fd), asm.FnRingbufQuery.Call(), asm.Return()})
}

// ---- scripts ----

func ringMappings(r *oracle.Run) {
	const size = 4 * page
	fd := r.Map(raw.Map(raw.Ringbuf, 0, 0, size, 0))
	prots := []struct {
		name string
		prot int
	}{{"none", 0}, {"r", unix.PROT_READ}, {"w", unix.PROT_WRITE}, {"rw", unix.PROT_READ | unix.PROT_WRITE},
		{"rx", unix.PROT_READ | unix.PROT_EXEC}, {"rwx", unix.PROT_READ | unix.PROT_WRITE | unix.PROT_EXEC}}
	try := func(off, pages int64, how string, prot, flags int) {
		b, err := unix.Mmap(fd, off*page, int(pages*page), prot, flags)
		r.Sayf("page %d, %d of them, %s: %v", off, pages, how, err)
		if err == nil {
			_ = unix.Munmap(b)
		}
	}
	for _, p := range prots {
		for _, off := range []int64{0, 1, 2, 3, 5, 9, 10, 11, 100} {
			for _, n := range []int64{1, 2, 4, 8, 9, 10, 11} {
				try(off, n, p.name, p.prot, unix.MAP_SHARED)
			}
		}
	}
	try(0, 1, "r private", unix.PROT_READ, unix.MAP_PRIVATE)
	try(0, 1, "rw private", unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE)
	for _, off := range []int64{1<<31 - 1, 1 << 32, 1<<40 - 1, 1<<51 - 1} {
		try(off, 1, "r", unix.PROT_READ, unix.MAP_SHARED)
		try(off, 2, "r", unix.PROT_READ, unix.MAP_SHARED)
	}
	// What was mapped to be read stays that.
	b, err := unix.Mmap(fd, page, 9*page, unix.PROT_READ, unix.MAP_SHARED)
	if err != nil {
		r.Fatal(err)
	}
	r.Sayf("data: mprotect rw: %v", unix.Mprotect(b, unix.PROT_READ|unix.PROT_WRITE))
	r.Sayf("data: mprotect rx: %v", unix.Mprotect(b, unix.PROT_READ|unix.PROT_EXEC))
	r.Sayf("data: mprotect none: %v", unix.Mprotect(b, 0))
	r.Sayf("data: mprotect r: %v", unix.Mprotect(b, unix.PROT_READ))
	_, _, errno := unix.Syscall6(unix.SYS_MREMAP, uintptr(unsafe.Pointer(&b[0])), 9*page, 12*page, 1, 0, 0)
	r.Sayf("data: grow: %s", raw.ErrName(errno))
	_ = unix.Munmap(b)
	c, err := unix.Mmap(fd, 0, page, unix.PROT_READ, unix.MAP_SHARED)
	if err != nil {
		r.Fatal(err)
	}
	r.Sayf("consumer: mprotect rw: %v", unix.Mprotect(c, unix.PROT_READ|unix.PROT_WRITE))
	_ = unix.Munmap(c)
	c, err = unix.Mmap(fd, 0, page, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if err != nil {
		r.Fatal(err)
	}
	_, errno = r.Tgt.Do(raw.MapFreeze, raw.NewAttr().U32(0, uint32(fd)))
	r.Sayf("freeze while it is mapped to be written: %s", raw.ErrName(errno))
	_ = unix.Munmap(c)
	_, errno = r.Tgt.Do(raw.MapFreeze, raw.NewAttr().U32(0, uint32(fd)))
	r.Sayf("freeze then: %s", raw.ErrName(errno))
	try(0, 1, "rw of the frozen", unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	try(1, 9, "r of the frozen", unix.PROT_READ, unix.MAP_SHARED)
}

func ringRecords(r *oracle.Run) {
	g := newRing(r, page)
	q := asker(r, g)
	state := func(what string) {
		r.Sayf("%s: %d to %d, poll %#x, query %d %d %d %d %d", what, g.tail(), g.head(), ready(g.fd),
			r.Go(q, 0), r.Go(q, 1), r.Go(q, 2), r.Go(q, 3), r.Go(q, 4))
	}
	state("new")
	for _, size := range []int32{0, 1, 7, 8, 9, 15, 16, 17, 63, 64, 200, 256} {
		p := outputter(r, g, size)
		for _, flags := range []uint64{0, noWakeup, forceWakeup, 3, 4, 1 << 32, 1 << 63} {
			r.Sayf("output %d, flags %#x: %d", size, flags, r.Go(p, flags))
		}
		state("then")
		for _, rec := range g.records() {
			r.Sayf("record %s", rec)
		}
		state("all read")
	}
	for _, size := range []int32{0, 1, 8, 16, 100, 1000, 4000, page - 16, page - 15, page - 8, page, page + 8, 1 << 30, 0x7fffffff} {
		for _, end := range []struct {
			name string
			fn   asm.BuiltinFunc
		}{{"submit", asm.FnRingbufSubmit}, {"discard", asm.FnRingbufDiscard}} {
			p := reserver(r, g, size, end.fn)
			for _, flags := range []uint64{0, 1, 2, 1 << 63} {
				r.Sayf("reserve %d, flags %#x: %d", size, flags, r.Go(p, flags, 0x1122334455667788, 0))
			}
			r.Sayf("%s %d with odd flags: %d", end.name, size, r.Go(p, 0, 0x99, 1<<40|7))
			state("then")
			if size < 2000 {
				for _, rec := range g.records() {
					r.Sayf("record %s", rec)
				}
			}
			g.consume(g.head())
		}
	}
}

// ringFull fills it until it refuses, more than once around.
func ringFull(r *oracle.Run) {
	for _, size := range []uint32{page, 4 * page} {
		g := newRing(r, size)
		for round, n := range []int32{8, 24, 50, 200, 256, 13} {
			p := outputter(r, g, n)
			done, last := 0, int32(0)
			for done < 5000 {
				if last = r.Go(p, noWakeup); last != 0 {
					break
				}
				done++
			}
			r.Sayf("%d bytes, round %d: %d records of %d, then %d; poll %#x", size, round, done, n, last, ready(g.fd))
			// One is read: is there room for one?
			_, _, ok := g.next()
			r.Sayf("one read %v: %d, %d", ok, r.Go(p, 0), r.Go(p, 0))
			kinds := map[string]int{}
			for _, rec := range g.records() {
				kinds[rec]++
			}
			for rec, n := range kinds {
				r.Sayf("%d times %s", n, rec)
			}
		}
	}
}

// ringPositions has the consumer write nonsense to its page.
func ringPositions(r *oracle.Run) {
	g := newRing(r, page)
	p, q := outputter(r, g, 100), asker(r, g)
	for round := 0; round < 3; round++ {
		for i, v := range []uint64{
			g.head(), g.head() + 1, g.head() + 8, g.head() + 112, g.head() + page, g.head() - 1, g.head() - page, g.head() - page - 1,
			0, 1, 1 << 31, 1 << 32, 1 << 62, 1 << 63, 1<<64 - 1, g.head(),
		} {
			g.consume(v)
			r.Sayf("position %d: output %d, head %d, poll %#x, avail %d, cons %d", i, r.Go(p, 0), g.head(), ready(g.fd), r.Go(q, 0), r.Go(q, 2))
		}
		g.consume(g.head())
		r.Sayf("again sane: %d, %v", r.Go(p, 0), g.records())
	}
}

func ringDynptr(r *oracle.Run) {
	g := newRing(r, page)
	// Arguments: size, flags of reserve; r0 is reserve's answer.
	dyn := func(end asm.BuiltinFunc) int {
		return r.Prog(asm.Instructions{
			arg(asm.R2, 0), arg(asm.R3, 1), asm.LoadMapPtr(asm.R1, g.fd), asm.Mov.Reg(asm.R4, asm.RFP), asm.Add.Imm(asm.R4, -16),
			asm.FnRingbufReserveDynptr.Call(), asm.Mov.Reg(asm.R6, asm.R0),
			asm.Mov.Reg(asm.R1, asm.RFP), asm.Add.Imm(asm.R1, -16), asm.Mov.Imm(asm.R2, 0), end.Call(),
			asm.Mov.Reg(asm.R0, asm.R6), asm.Return(),
		})
	}
	for _, end := range []struct {
		name string
		fn   asm.BuiltinFunc
	}{{"submit", asm.FnRingbufSubmitDynptr}, {"discard", asm.FnRingbufDiscardDynptr}} {
		p := dyn(end.fn)
		for _, size := range []uint64{0, 1, 8, 100, page - 16, page - 15, page, 1<<24 - 1, 1 << 24, 1<<32 - 1, 1<<32 + 8} {
			for _, flags := range []uint64{0, 1, 1 << 63} {
				v := r.Go(p, size, flags)
				data, skip, ok := g.next()
				r.Sayf("%s: %#x flags %#x: %d; record %v of %d, skipped %v, head %d", end.name, size, flags, v, ok, len(data), skip, g.head())
			}
		}
	}
}
