// SPDX-License-Identifier: Apache-2.0

package verdict

import "github.com/bpfshim/bpfshim/qemu-tests/guest/raw"

// stackPtr puts fp-8*(s+1) into a register.
func (g *gen) stackPtr(r, s int) {
	g.emit(0xbf, uint8(r), 10, 0, 0)
	g.emit(0x07, uint8(r), 0, 0, int32(-8*(s+1)))
	g.set(r, reg{kind: stack, off: int64(-8 * (s + 1))})
}

func (g *gen) loadMap(r, m int) {
	g.emit(0x18, uint8(r), 1, 0, int32(m))
	g.emit(0, 0, 0, 0, 0)
	g.set(r, reg{kind: mapPtr, id: m})
}

// clobber is what a call does.
func (g *gen) clobber(ret reg) {
	for r := 1; r <= 5; r++ {
		g.regs[r] = reg{}
	}
	g.regs[0] = ret
}

// room frees R0 - R5 for a call: what matters in them moves up.
func (g *gen) room() bool {
	for r := 0; r <= 5; r++ {
		if g.busy>>r&1 != 0 {
			return false
		}
		k := g.regs[r].kind
		keep := k == record || k == recordOK || (k == ctx && !g.pickOther(r, ctx)) || ((k == value || k == pkt) && g.one(2))
		if !keep {
			continue
		}
		for d := 6; d <= 9; d++ {
			if g.busy>>d&1 == 0 && g.regs[d].kind != record && g.regs[d].kind != recordOK && (g.regs[d].kind != ctx || k == ctx) {
				g.emit(0xbf, uint8(d), uint8(r), 0, 0)
				g.regs[d] = g.regs[r]
				g.regs[r] = reg{}
				break
			}
		}
	}
	return true
}

func (g *gen) initSlot(s int) {
	if g.slots[s] == none || g.one(6) {
		g.emit(0x7a, 10, 0, int16(-8*(s+1)), int32(g.IntN(3)))
		g.slots[s], g.spill[s] = scalar, reg{kind: scalar}
	}
}

func (g *gen) call(id int32) { g.emit(0x85, 0, 0, 0, id) }

func (g *gen) helper() {
	if !g.room() {
		return
	}
	scalarRet := reg{kind: scalar}
	switch g.IntN(14) {
	case 0, 1, 2, 3: // lookup
		m := g.IntN(3)
		s := g.slot()
		g.initSlot(s)
		g.stackPtr(2, s)
		g.loadMap(1, m)
		g.call(1)
		g.ids++
		g.clobber(reg{kind: valueOrNull, max: valueSize[m], id: g.ids})
	case 4: // update
		m := g.IntN(3)
		s := g.slot()
		g.initSlot(s)
		g.stackPtr(2, s)
		g.stackPtr(3, g.slot())
		g.loadMap(1, m)
		g.emit(0xb7, 4, 0, 0, int32(g.IntN(3)))
		g.call(2)
		g.clobber(scalarRet)
	case 5: // delete
		s := g.slot()
		g.initSlot(s)
		g.stackPtr(2, s)
		g.loadMap(1, mHash)
		g.call(3)
		g.clobber(scalarRet)
	case 6:
		g.call([]int32{5, 7, 8}[g.IntN(3)])
		g.clobber(scalarRet)
	case 7: // probe_read_kernel, a size that is known or bounded
		s := g.slot()
		if g.one(2) {
			g.emit(0xb7, 2, 0, 0, int32(g.IntN(8*(s+1)+2)))
		} else {
			r := g.bounded(int64(8*(s+1)) - int64(g.IntN(3)) + 1)
			g.emit(0xbf, 2, uint8(r), 0, 0)
		}
		g.regs[2] = reg{kind: small}
		g.stackPtr(1, s)
		g.emit(0xb7, 3, 0, 0, 0)
		g.call(113)
		for i := 0; i <= s; i++ {
			g.slots[i], g.spill[i] = scalar, reg{kind: scalar}
		}
		g.clobber(scalarRet)
	case 8: // ring buffer
		if g.refs > 0 || g.inSub {
			return
		}
		size := int64(8 * (1 + g.IntN(4)))
		g.loadMap(1, mRing)
		g.emit(0xb7, 2, 0, 0, int32(size))
		g.emit(0xb7, 3, 0, 0, 0)
		g.call(131)
		g.ids++
		g.clobber(reg{kind: record, max: size, id: g.ids})
		g.refs++
		g.emit(0x55, 0, 0, 2, 0)
		g.emit(0xb7, 0, 0, 0, 0)
		g.emit(0x95, 0, 0, 0, 0)
		g.regs[0].kind = recordOK
	case 9: // perf event output
		c := g.pick(ctx)
		if c < 0 {
			return
		}
		s := g.slot()
		for i := 0; i <= s; i++ {
			g.initSlot(i)
		}
		g.emit(0xbf, 1, uint8(c), 0, 0)
		g.stackPtr(4, s)
		g.loadMap(2, mPerf)
		g.emit(0x18, 3, 0, 0, -1)
		g.emit(0, 0, 0, 0, 0)
		g.emit(0xb7, 5, 0, 0, int32(g.IntN(8*(s+1)+2)))
		g.call(25)
		g.clobber(scalarRet)
	case 10: // tail call
		c := g.pick(ctx)
		if c < 0 || g.refs > 0 {
			return
		}
		g.emit(0xbf, 1, uint8(c), 0, 0)
		g.loadMap(2, mProgs)
		g.emit(0xb7, 3, 0, 0, int32(g.IntN(3)))
		g.call(12)
		g.clobber(scalarRet)
	case 11: // comm, or a task's number
		s := g.slot()
		if g.one(2) {
			g.call(14)
		} else {
			g.stackPtr(1, s)
			g.emit(0xb7, 2, 0, 0, int32(g.IntN(8*(s+1)+2)))
			g.call(16)
			for i := 0; i <= s; i++ {
				g.slots[i], g.spill[i] = scalar, reg{kind: scalar}
			}
		}
		g.clobber(scalarRet)
	case 12, 13: // a function of the program
		if g.inSub || g.subs >= 2 {
			return
		}
		for r := uint8(1); r <= 2; r++ {
			if int(r) == 2 && g.one(2) {
				s := g.slot()
				g.initSlot(s)
				g.stackPtr(2, s)
				continue
			}
			if s := g.pick(scalar, small, value, ctx); s >= 0 {
				g.emit(0xbf, r, uint8(s), 0, 0)
				g.regs[r] = g.regs[s]
			} else {
				g.emit(0xb7, r, 0, 0, 1)
				g.regs[r] = reg{kind: scalar}
			}
		}
		g.calls = append(g.calls, len(g.out))
		g.subs++
		g.emit(0x85, 0, 1, 0, 0)
		g.clobber(scalarRet)
	}
}

// ptrMath moves a pointer by a constant or a bounded number.
func (g *gen) ptrMath() {
	p := g.pick(value, stack, pkt, recordOK)
	if p < 0 {
		return
	}
	d, from := g.free(), g.regs[p]
	if d == p {
		return
	}
	g.emit(0xbf, uint8(d), uint8(p), 0, 0)
	to := from
	if from.kind == recordOK {
		to.kind = value
	}
	if g.one(2) {
		n := int64(g.IntN(12)) - 2
		g.emit(0x07, uint8(d), 0, 0, int32(n))
		to.max -= n
		to.off += n
		g.set(d, to)
		return
	}
	g.set(d, to)
	max := from.max
	if max <= 0 {
		max = 8
	}
	b := g.bounded(1 + g.Int64N(max))
	if b == d || b == p {
		return
	}
	if g.one(6) {
		g.emit(0x1f, uint8(d), uint8(b), 0, 0)
	} else {
		g.emit(0x0f, uint8(d), uint8(b), 0, 0)
	}
	to.max -= g.regs[b].max
	if to.kind == stack {
		to.kind = none
	}
	if to.max <= 0 {
		to.max = 1
	}
	g.set(d, to)
}

// nullCheck makes pointers of what may be NULL.
func (g *gen) nullCheck() {
	r := g.pick(valueOrNull)
	if r < 0 {
		return
	}
	id := g.regs[r].id
	switch {
	case g.one(10): // forget it
	case g.one(3):
		g.emit(0x55, uint8(r), 0, 2, 0)
		g.emit(0xb7, 0, 0, 0, 0)
		g.emit(0x95, 0, 0, 0, 0)
	default:
		g.leaveIf(0x15, r, 0)
	}
	for i := range g.regs {
		if g.regs[i].kind == valueOrNull && g.regs[i].id == id {
			g.regs[i].kind = value
		}
	}
	for i := range g.spill {
		if g.spill[i].kind == valueOrNull && g.spill[i].id == id {
			g.spill[i].kind = value
		}
	}
}

// packet loads the packet's bounds and checks some bytes of it.
func (g *gen) packet() {
	var data, end int16
	switch g.typ {
	case progXDP:
		data, end = 0, 4
	case progCls, progCgroupSkb:
		data, end = 76, 80
	default:
		return
	}
	c := g.pick(ctx)
	if c < 0 {
		return
	}
	n := int32(1 + g.IntN(32))
	d, e := g.free(), g.free()
	t := g.free()
	if d == e || d == c || e == c || t == d || t == e || t == c {
		return
	}
	g.emit(0x61, uint8(d), uint8(c), data, 0)
	g.emit(0x61, uint8(e), uint8(c), end, 0)
	g.set(d, reg{kind: pkt})
	g.set(e, reg{kind: pktEnd})
	g.emit(0xbf, uint8(t), uint8(d), 0, 0)
	g.set(t, reg{kind: pkt})
	if g.one(3) {
		b := g.bounded(int64(g.IntN(64)))
		if b == t || b == d || b == e {
			return
		}
		g.emit(0x0f, uint8(t), uint8(b), 0, 0)
		if g.one(2) {
			g.emit(0xbf, uint8(d), uint8(t), 0, 0)
		}
	}
	g.emit(0x07, uint8(t), 0, 0, n)
	ops := []struct {
		code uint8
		l, r int
	}{{0x2d, t, e}, {0x3d, t, e}, {0xad, e, t}, {0xbd, e, t}}
	op := ops[g.IntN(len(ops))]
	if g.refs > 0 {
		return
	}
	g.emit(op.code, uint8(op.l), uint8(op.r), 1, 0)
	g.emit(0x05, 0, 0, 2, 0)
	g.emit(0xb7, 0, 0, 0, 0)
	g.emit(0x95, 0, 0, 0, 0)
	g.regs[d].max = int64(n)
}

var jmpOps = []uint8{0x10, 0x20, 0x30, 0x40, 0x50, 0x60, 0x70, 0xa0, 0xb0, 0xc0, 0xd0}

// branch is an if, with or without an else.
func (g *gen) branch() {
	if g.depth >= 3 {
		return
	}
	a := g.scal()
	code := jmpOps[g.IntN(len(jmpOps))] | 0x05
	if g.one(3) {
		code = code&^7 | 0x06
	}
	at := len(g.out)
	if g.one(2) {
		g.emit(code, uint8(a), 0, 0, g.imm())
	} else {
		g.emit(code|8, uint8(a), uint8(g.scal()), 0, 0)
		at = len(g.out) - 1
	}
	before := *g
	g.depth++
	g.block(1 + g.IntN(4))
	after := g.regs
	slots, spill := g.slots, g.spill
	if g.one(2) {
		over := len(g.out)
		g.emit(0x05, 0, 0, 0, 0)
		g.out[at].Off = int16(len(g.out) - at - 1)
		g.regs, g.slots, g.spill = before.regs, before.slots, before.spill
		g.block(1 + g.IntN(3))
		g.out[over].Off = int16(len(g.out) - over - 1)
		before.regs, before.slots, before.spill = g.regs, g.slots, g.spill
	} else {
		g.out[at].Off = int16(len(g.out) - at - 1)
	}
	g.depth--
	// What both ways agree upon stays known.
	for i := range g.regs {
		if after[i] == before.regs[i] {
			g.regs[i] = after[i]
		} else if (after[i].kind == scalar || after[i].kind == small) && (before.regs[i].kind == scalar || before.regs[i].kind == small) {
			g.regs[i] = reg{kind: scalar}
		} else {
			g.regs[i] = reg{}
		}
	}
	for i := range g.slots {
		if slots[i] != before.slots[i] {
			g.slots[i] = none
		} else {
			g.slots[i] = slots[i]
		}
		if spill[i] != before.spill[i] {
			g.spill[i] = reg{kind: scalar}
		} else {
			g.spill[i] = spill[i]
		}
	}
}

// loop counts up to a bound.
func (g *gen) loop() {
	if g.depth >= 2 {
		return
	}
	c := 6 + g.IntN(4)
	if g.busy>>c&1 != 0 || g.regs[c].kind == ctx || g.regs[c].kind == recordOK || g.regs[c].kind == record {
		return
	}
	g.emit(0xb7, uint8(c), 0, 0, 0)
	g.regs[c] = reg{kind: small, max: 8}
	g.busy |= 1 << c
	head := len(g.out)
	g.depth++
	before := g.regs
	g.block(1 + g.IntN(3))
	g.depth--
	g.emit(0x07, uint8(c), 0, 0, 1)
	code := uint8(0xa5)
	if g.one(3) {
		code = 0xa6
	}
	g.emit(code, uint8(c), 0, int16(head-len(g.out)-1), int32(1+g.IntN(8)))
	g.busy &^= 1 << c
	for i := range g.regs {
		if g.regs[i] != before[i] && g.regs[i].kind != scalar && g.regs[i].kind != recordOK {
			g.regs[i] = reg{}
		}
	}
	g.regs[c] = reg{kind: small, max: 8}
}

// submit gives the ring buffer's record back.
func (g *gen) submit() {
	r := g.pick(recordOK)
	if r < 0 || g.depth > 0 || !g.room() {
		return
	}
	r = g.pick(recordOK)
	g.emit(0xbf, 1, uint8(r), 0, 0)
	g.emit(0xb7, 2, 0, 0, 0)
	g.call([]int32{132, 133}[g.IntN(2)])
	g.clobber(reg{})
	for i := range g.regs {
		if g.regs[i].kind == recordOK {
			g.regs[i] = reg{}
		}
	}
	for i := range g.spill {
		if g.spill[i].kind == recordOK {
			g.spill[i] = reg{kind: scalar}
		}
	}
	g.refs = 0
}

func (g *gen) block(n int) {
	for range n {
		if len(g.out) > maxInsns {
			return
		}
		switch k := g.IntN(24); {
		case k < 5:
			g.alu()
		case k < 9:
			g.access()
		case k < 11:
			g.spillFill()
		case k < 15:
			g.helper()
		case k < 17:
			g.nullCheck()
		case k < 19:
			g.ptrMath()
		case k < 20:
			g.packet()
		case k < 22:
			g.branch()
		case k < 23:
			g.loop()
		default:
			g.submit()
		}
	}
}

// end leaves the function.
func (g *gen) end() {
	if g.refs > 0 && !g.one(15) {
		g.depth = 0
		g.submit()
	}
	if g.regs[0].kind != scalar && g.regs[0].kind != small || g.typ != progKprobe {
		g.emit(0xb7, 0, 0, 0, int32(g.IntN(2)))
	}
	g.emit(0x95, 0, 0, 0, 0)
}

// program makes one: a main function and those it calls.
func (g *gen) program() []raw.Insn {
	g.regs[1] = reg{kind: ctx}
	g.emit(0xbf, 6, 1, 0, 0)
	g.regs[6] = reg{kind: ctx}
	g.block(4 + g.IntN(24))
	g.end()
	for i := 0; i < len(g.calls); i++ {
		at := g.calls[i]
		g.out[at].Imm = int32(len(g.out) - at - 1)
		g.regs, g.slots, g.spill = [11]reg{}, [8]kind{}, [8]reg{}
		g.regs[1], g.regs[2] = reg{kind: scalar}, reg{kind: scalar}
		if g.one(2) {
			g.regs[2] = reg{kind: stack, off: -8}
		}
		g.inSub, g.refs, g.depth, g.busy = true, 0, 0, 0
		g.block(1 + g.IntN(8))
		g.end()
	}
	return g.out
}

// mutate changes one thing: most holes lie next to programs that are fine.
func (g *gen) mutate(p []raw.Insn) []raw.Insn {
	p = append([]raw.Insn(nil), p...)
	i := g.IntN(len(p))
	in := &p[i]
	if in.Code == 0x18 || in.Code == 0 {
		return p
	}
	switch g.IntN(8) {
	case 0:
		in.Imm += int32(g.IntN(3)) - 1
	case 1:
		in.Imm = g.imm()
	case 2:
		in.Off += int16(g.IntN(17)) - 8
	case 3:
		in.Dst = uint8(g.IntN(11))
	case 4:
		in.Src = uint8(g.IntN(11))
	case 5: // 64 or 32 bits
		switch in.Code & 7 {
		case 4, 7:
			in.Code ^= 3
		case 5, 6:
			in.Code ^= 3
		default:
			in.Code ^= uint8(1+g.IntN(3)) << 3
		}
	case 6: // another operation
		switch in.Code & 7 {
		case 4, 7:
			in.Code = in.Code&0x0f | aluOps[g.IntN(len(aluOps))]
		case 5, 6:
			if in.Code != 0x85 && in.Code != 0x95 {
				in.Code = in.Code&0x0f | jmpOps[g.IntN(len(jmpOps))]
			}
		}
	default: // nothing at all
		*in = raw.Insn{Code: 0x05}
	}
	return p
}
