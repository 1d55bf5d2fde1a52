// SPDX-License-Identifier: Apache-2.0

// Package verdict asks two verifiers, that of Linux 6.1 and the driver's, about
// the same random programs. A program that only the driver accepts is a hole.
package verdict

import (
	"math/rand/v2"

	"github.com/bpfshim/bpfshim/qemu-tests/guest/raw"
)

// Program types the programs are made for.
const (
	progKprobe    = 2
	progCls       = 3
	progXDP       = 6
	progCgroupSkb = 8
)

// What a generated program knows of a register.
type kind int

const (
	none kind = iota
	scalar
	small // a scalar within 0..max
	ctx
	stack // fp + off
	mapPtr
	valueOrNull
	value
	pkt
	pktEnd
	record // of the ring buffer, may be NULL
	recordOK
)

type reg struct {
	kind kind
	max  int64 // small: largest value; value: bytes left; pkt: bytes checked
	off  int64 // stack: offset from fp
	id   int   // valueOrNull, record: which call gave it
}

// Maps by index; a load patches its fds in.
const (
	mArray = iota
	mHash
	mPerCPU
	mRing
	mProgs
	mPerf
	numMaps
)

// valueSize of the maps that have values.
var valueSize = [numMaps]int64{mArray: 48, mHash: 16, mPerCPU: 24}

// gen builds one program.
type gen struct {
	*rand.Rand
	typ   uint32
	out   []raw.Insn
	regs  [11]reg
	slots [8]kind // fp-8*(i+1): none, scalar (written), or a spilled pointer
	spill [8]reg
	ids   int
	depth int
	subs  int // calls to subprograms still to be placed
	calls []int
	inSub bool
	refs  int
	busy  uint32 // registers a loop counts in
}

const maxInsns = 220

func (g *gen) emit(code, dst, src uint8, off int16, imm int32) {
	g.out = append(g.out, raw.Insn{Code: code, Dst: dst, Src: src, Off: off, Imm: imm})
}

func (g *gen) one(n int) bool { return g.IntN(n) == 0 }

// imm is a number that verifiers find interesting.
func (g *gen) imm() int32 {
	switch g.IntN(8) {
	case 0:
		return int32(g.IntN(4)) - 1
	case 1:
		return 1 << g.IntN(31)
	case 2:
		return 1<<g.IntN(31) - 1
	case 3:
		return -(1 << g.IntN(31))
	case 4:
		return int32(g.Uint32())
	default:
		return int32(g.IntN(64))
	}
}

// pick returns a register of a kind, or -1.
func (g *gen) pick(ks ...kind) int {
	start := g.IntN(10)
	for i := range 10 {
		r := (start + i) % 10
		for _, k := range ks {
			if g.regs[r].kind == k {
				return r
			}
		}
	}
	return -1
}

// free returns a register to write to.
func (g *gen) free() int {
	for range 20 {
		r := g.IntN(10)
		if g.busy>>r&1 == 0 && (g.regs[r].kind != ctx || g.pickOther(r, ctx)) && g.regs[r].kind != recordOK && g.regs[r].kind != record {
			return r
		}
	}
	return 0
}

func (g *gen) pickOther(r int, k kind) bool {
	for i := range 10 {
		if i != r && g.regs[i].kind == k {
			return true
		}
	}
	return false
}

func (g *gen) set(r int, v reg) {
	if g.regs[r].kind == record || g.regs[r].kind == recordOK {
		// a reference is lost: let the verifiers say so, now and then
		g.refs--
	}
	g.regs[r] = v
}

// scal returns a scalar register, making one if there is none.
func (g *gen) scal() int {
	if r := g.pick(scalar, small); r >= 0 {
		return r
	}
	r := g.free()
	g.emit(0xb7, uint8(r), 0, 0, g.imm())
	g.set(r, reg{kind: scalar})
	return r
}

var aluOps = []uint8{0x00, 0x10, 0x20, 0x30, 0x40, 0x50, 0x60, 0x70, 0x90, 0xa0, 0xc0}

func (g *gen) alu() {
	d := g.scal()
	if g.busy>>d&1 != 0 {
		return
	}
	class := uint8(0x07)
	if g.one(3) {
		class = 0x04
	}
	switch {
	case g.one(12): // negate
		g.emit(class|0x80, uint8(d), 0, 0, 0)
	case g.one(12): // byte swap
		g.emit(0xd4|uint8(g.IntN(2))<<3, uint8(d), 0, 0, []int32{16, 32, 64}[g.IntN(3)])
	case g.one(5): // move, 32-bit moves truncate
		s := g.scal()
		g.emit(class|0xb8, uint8(d), uint8(s), 0, 0)
		if class == 0x07 {
			g.set(d, g.regs[s])
			return
		}
	case g.one(2):
		op := aluOps[g.IntN(len(aluOps))]
		imm := g.imm()
		if op == 0x60 || op == 0x70 || op == 0xc0 {
			imm = int32(g.IntN(32))
			if class == 0x07 {
				imm = int32(g.IntN(64))
			}
		}
		if imm == 0 && (op == 0x30 || op == 0x90) {
			imm = 3
		}
		g.emit(class|op, uint8(d), 0, 0, imm)
		if op == 0x50 && imm >= 0 && class == 0x07 {
			g.set(d, reg{kind: small, max: int64(imm)})
			return
		}
	default:
		g.emit(class|0x08|aluOps[g.IntN(len(aluOps))], uint8(d), uint8(g.scal()), 0, 0)
	}
	g.set(d, reg{kind: scalar})
}

// bounded makes a scalar with a bound that the verifier can see, several ways.
func (g *gen) bounded(max int64) int {
	r := g.scal()
	if g.busy>>r&1 != 0 || g.one(3) {
		n := g.free()
		g.emit(0xbf, uint8(n), uint8(r), 0, 0)
		g.set(n, reg{kind: scalar})
		if !g.one(4) || g.busy>>r&1 != 0 {
			r = n
		} // else the copy's twin is bounded, and the copy with it
	}
	switch g.IntN(5) {
	case 0: // mask
		m := int64(1)
		for m*2-1 <= max {
			m *= 2
		}
		g.emit(0x57, uint8(r), 0, 0, int32(m-1))
	case 1: // modulo
		g.emit(0x97, uint8(r), 0, 0, int32(max+1))
	case 2: // leave if greater, unsigned
		g.leaveIf(0x25, r, int32(max))
	case 3: // 32 bits
		g.emit(0xbc, uint8(r), uint8(r), 0, 0)
		g.leaveIf(0x26, r, int32(max))
	default: // signed, both sides
		g.leaveIf(0x65, r, int32(max))
		g.leaveIf(0xc5, r, 0)
	}
	g.set(r, reg{kind: small, max: max})
	return r
}

// leaveIf ends the function when the comparison holds.
func (g *gen) leaveIf(code uint8, r int, imm int32) {
	if g.refs > 0 {
		// a path that ends here would leak: jump over nothing instead
		g.emit(code, uint8(r), 0, 0, imm)
		return
	}
	// not taken: over the exit
	g.emit(code, uint8(r), 0, 1, imm)
	g.emit(0x05, 0, 0, 2, 0)
	g.emit(0xb7, 0, 0, 0, int32(g.IntN(2)))
	g.emit(0x95, 0, 0, 0, 0)
}

func (g *gen) slot() int { return g.IntN(len(g.slots)) }

var sizes = []struct {
	code  uint8
	bytes int64
}{{0x10, 1}, {0x08, 2}, {0x00, 4}, {0x18, 8}}

// spot is an address that may be accessed: register, offset, bytes at it.
func (g *gen) spot(write bool) (r int, off int64, room int64, ok bool) {
	switch g.IntN(6) {
	case 0, 1:
		s := g.slot()
		if !write && g.slots[s] == none && !g.one(8) {
			return 0, 0, 0, false
		}
		if write {
			g.slots[s] = scalar
		}
		if p := g.pick(stack); p >= 0 && g.one(3) {
			return p, int64(-8*(s+1)) - g.regs[p].off, 8, true
		}
		return 10, int64(-8 * (s + 1)), 8, true
	case 2, 3:
		if p := g.pick(value, recordOK); p >= 0 && g.regs[p].max > 0 {
			o := g.Int64N(g.regs[p].max)
			return p, o, g.regs[p].max - o, true
		}
	case 4:
		if p := g.pick(pkt); p >= 0 && g.regs[p].max > 0 {
			o := g.Int64N(g.regs[p].max)
			return p, o, g.regs[p].max - o, true
		}
	case 5:
		if p := g.pick(ctx); p >= 0 {
			return p, int64(g.IntN(24)) * 4, 8, true
		}
	}
	return 0, 0, 0, false
}

func (g *gen) access() {
	write := g.one(2)
	r, off, room, ok := g.spot(write)
	if !ok {
		return
	}
	sz := sizes[g.IntN(4)]
	if sz.bytes > room && !g.one(20) {
		sz = sizes[0]
	}
	if off%sz.bytes != 0 && g.regs[r].kind != stack && r != 10 && g.one(2) {
		off -= off % sz.bytes
	}
	switch {
	case !write:
		d := g.free()
		g.emit(0x61|sz.code, uint8(d), uint8(r), int16(off), 0)
		g.set(d, reg{kind: scalar})
	case g.one(3):
		g.emit(0x62|sz.code, uint8(r), 0, int16(off), g.imm())
	case g.one(4): // atomic
		if sz.bytes < 4 {
			return
		}
		ops := []int32{0x00, 0x40, 0x50, 0xa0, 0x01, 0x41, 0x51, 0xa1, 0xe1, 0xf1}
		op := ops[g.IntN(len(ops))]
		s := g.scal()
		if op&1 != 0 && g.busy>>s&1 != 0 {
			return
		}
		if op == 0xf1 && g.regs[0].kind != scalar {
			return
		}
		g.emit(0xc3|sz.code, uint8(r), uint8(s), int16(off), op)
		if op&1 != 0 {
			g.set(s, reg{kind: scalar})
		}
	default:
		g.emit(0x63|sz.code, uint8(r), uint8(g.scal()), int16(off), 0)
	}
}

// spillFill moves pointers and numbers through the stack.
func (g *gen) spillFill() {
	s := g.slot()
	off := int16(-8 * (s + 1))
	if g.one(2) {
		r := g.pick(scalar, small, ctx, value, valueOrNull, stack, pkt)
		if r < 0 {
			return
		}
		g.emit(0x7b, 10, uint8(r), off, 0)
		g.slots[s], g.spill[s] = scalar, g.regs[r]
		return
	}
	if g.slots[s] == none {
		return
	}
	d := g.free()
	g.emit(0x79, uint8(d), 10, off, 0)
	g.set(d, g.spill[s])
	if g.regs[d].kind == none {
		g.regs[d] = reg{kind: scalar}
	}
}
