// SPDX-License-Identifier: Apache-2.0

package differ

import (
	"math/rand"

	"github.com/cilium/ebpf/asm"
)

// interesting values are where arithmetic goes wrong.
var interesting = []uint64{
	0, 1, 2, 31, 32, 33, 63, 64, 0x7f, 0x80, 0xff, 0x7fff, 0x8000, 0xffff, 0x7fffffff, 0x80000000, 0x80000001, 0xffffffff,
	0x100000000, 0x7fffffffffffffff, 0x8000000000000000, 0x8000000000000001, 0xffffffffffffffff, 0xffffffff80000000, 0x0123456789abcdef,
}

var alu = []asm.ALUOp{
	asm.Add, asm.Sub, asm.Mul, asm.Div, asm.Or, asm.And, asm.LSh, asm.RSh, asm.Mod, asm.Xor, asm.Mov, asm.ArSh,
}

func pick(rnd *rand.Rand) uint64 {
	if rnd.Intn(3) == 0 {
		return rnd.Uint64()
	}
	return interesting[rnd.Intn(len(interesting))]
}

// instructions runs random arithmetic on values that the verifier does not
// know: all of them come with the context.
func instructions(r *run) {
	rnd := rand.New(rand.NewSource(61))
	for i := 0; i < 150; i++ {
		args := []uint64{pick(rnd), pick(rnd), pick(rnd), pick(rnd)}
		insns := asm.Instructions{}
		for reg := asm.R6; reg <= asm.R9; reg++ {
			insns = append(insns, asm.LoadMem(reg, asm.R1, int16(8*(reg-asm.R6)), asm.DWord))
		}
		for n := 0; n < 12; n++ {
			insns = append(insns, randomALU(rnd))
		}
		// All four registers count.
		insns = append(insns, asm.Mov.Reg(asm.R0, asm.R6), asm.Mul.Imm(asm.R0, 31), asm.Xor.Reg(asm.R0, asm.R7),
			asm.Mul.Imm(asm.R0, 31), asm.Xor.Reg(asm.R0, asm.R8), asm.Mul.Imm(asm.R0, 31), asm.Xor.Reg(asm.R0, asm.R9))
		r.sayf("%d: %#x", i, r.value(insns, args...))
	}
}

func randomALU(rnd *rand.Rand) asm.Instruction {
	dst := asm.R6 + asm.Register(rnd.Intn(4))
	src := asm.R6 + asm.Register(rnd.Intn(4))
	op := alu[rnd.Intn(len(alu))]
	is32 := rnd.Intn(2) == 0
	switch rnd.Intn(12) {
	case 0:
		if is32 {
			return asm.Neg.Imm32(dst, 0)
		}
		return asm.Neg.Imm(dst, 0)
	case 1:
		order := []asm.Endianness{asm.LE, asm.BE}[rnd.Intn(2)]
		return asm.HostTo(order, dst, []asm.Size{asm.Half, asm.Word, asm.DWord}[rnd.Intn(3)])
	case 2, 3, 4, 5, 6:
		if is32 {
			return op.Reg32(dst, src)
		}
		return op.Reg(dst, src)
	}
	imm := int32(pick(rnd))
	switch op {
	case asm.LSh, asm.RSh, asm.ArSh:
		imm &= 63
		if is32 {
			imm &= 31
		}
	case asm.Div, asm.Mod:
		if imm == 0 {
			imm = 3
		}
	}
	if is32 {
		return op.Imm32(dst, imm)
	}
	return op.Imm(dst, imm)
}

// jumps takes each comparison on each pair of interesting values, by register
// and by constant, in 64 and 32 bits.
func jumps(r *run) {
	for _, op := range []asm.JumpOp{asm.JEq, asm.JNE, asm.JGT, asm.JGE, asm.JLT, asm.JLE, asm.JSGT, asm.JSGE, asm.JSLT, asm.JSLE, asm.JSet} {
		insns := asm.Instructions{
			asm.LoadMem(asm.R2, asm.R1, 0, asm.DWord), asm.LoadMem(asm.R3, asm.R1, 8, asm.DWord), asm.Mov.Imm(asm.R0, 0),
		}
		for i, jump := range []asm.Instruction{
			op.Reg(asm.R2, asm.R3, ""), op.Reg32(asm.R2, asm.R3, ""), op.Imm(asm.R2, -5, ""), op.Imm32(asm.R2, 0x7fffffff, ""),
			op.Imm(asm.R2, 0x80, ""), op.Imm32(asm.R2, -0x80000000, ""),
		} {
			// Taken: over the jump that leaves the bit out.
			jump.Offset = 1
			insns = append(insns, jump.WithReference(""), asm.Instruction{OpCode: asm.Ja.Op(asm.ImmSource), Offset: 1}, asm.Or.Imm(asm.R0, 1<<i))
		}
		insns = append(insns, asm.Return())
		prog := r.tgt.Runner(r.prog(insns...))
		defer prog.Close()
		for _, a := range interesting {
			line := ""
			for _, b := range interesting {
				v, _ := prog.Run(a, b)
				line += string("0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ+-"[v&63])
			}
			r.sayf("%v %#x: %s", op, a, line)
		}
	}
}

// atomics on the stack: old value, new value and r0 of each.
func atomics(r *run) {
	type op struct {
		name string
		imm  int64
	}
	for _, o := range []op{
		{"add", 0}, {"or", 0x40}, {"and", 0x50}, {"xor", 0xa0}, {"fetch add", 1}, {"fetch or", 0x41}, {"fetch and", 0x51}, {"fetch xor", 0xa1},
		{"xchg", 0xe1}, {"cmpxchg", 0xf1},
	} {
		for _, size := range []asm.Size{asm.DWord, asm.Word} {
			code := asm.OpCode(asm.StXClass).SetMode(asm.AtomicMode).SetSize(size)
			for _, v := range [][3]uint64{{5, 7, 5}, {0xffffffffffffffff, 1, 2}, {0x00000001ffffffff, 1, 0xffffffff}, {0x8000000080000000, 0xffffffff, 0x80000000}} {
				out := [3]uint64{}
				for want := range out {
					insns := asm.Instructions{
						asm.LoadMem(asm.R6, asm.R1, 0, asm.DWord), asm.LoadMem(asm.R7, asm.R1, 8, asm.DWord), asm.LoadMem(asm.R0, asm.R1, 16, asm.DWord),
						asm.StoreMem(asm.RFP, -16, asm.R6, asm.DWord),
						asm.Instruction{OpCode: code, Dst: asm.RFP, Src: asm.R7, Offset: -16, Constant: o.imm},
					}
					switch want {
					case 0:
						insns = append(insns, asm.LoadMem(asm.R0, asm.RFP, -16, asm.DWord))
					case 1:
						insns = append(insns, asm.Mov.Reg(asm.R0, asm.R7))
					}
					out[want] = r.value(insns, v[0], v[1], v[2])
				}
				r.sayf("%s %v %#x: memory %#x source %#x r0 %#x", o.name, size, v, out[0], out[1], out[2])
			}
		}
	}
}
