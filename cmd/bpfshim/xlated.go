// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"strings"

	"github.com/cilium/ebpf/asm"
)

var aluSigns = map[asm.ALUOp]string{
	asm.Add: "+=", asm.Sub: "-=", asm.Mul: "*=", asm.Div: "/=", asm.SDiv: "s/=", asm.Or: "|=", asm.And: "&=",
	asm.LSh: "<<=", asm.RSh: ">>=", asm.Mod: "%=", asm.SMod: "s%=", asm.Xor: "^=", asm.Mov: "=", asm.ArSh: "s>>=",
}

var jumpSigns = map[asm.JumpOp]string{
	asm.JEq: "==", asm.JNE: "!=", asm.JGT: ">", asm.JGE: ">=", asm.JLT: "<", asm.JLE: "<=", asm.JSet: "&",
	asm.JSGT: "s>", asm.JSGE: "s>=", asm.JSLT: "s<", asm.JSLE: "s<=",
}

var atomicNames = map[asm.AtomicOp]string{
	asm.AddAtomic: "add", asm.AndAtomic: "and", asm.OrAtomic: "or", asm.XorAtomic: "xor",
	asm.FetchAdd: "fetch_add", asm.FetchAnd: "fetch_and", asm.FetchOr: "fetch_or", asm.FetchXor: "fetch_xor",
	asm.Xchg: "xchg", asm.CmpXchg: "cmpxchg",
}

// disasm writes an instruction as the verifier's log does, maps by their ids.
func disasm(in asm.Instruction) string {
	op := in.OpCode
	switch class := op.Class(); {
	case op == asm.LoadImmOp(asm.DWord):
		return disasmLoad64(in)
	case class.IsALU():
		return disasmALU(in)
	case class.IsJump():
		return disasmJump(in)
	case class.IsLoad():
		if op.Mode() == asm.MemMode || op.Mode() == asm.MemSXMode {
			return fmt.Sprintf("%s = %s", register(in.Dst, false), memory(in, in.Src))
		}
	case class.IsStore():
		if op.Mode() == asm.AtomicMode {
			return fmt.Sprintf("lock %s(%s, %s)", atomicNames[op.AtomicOp()], memory(in, in.Dst), register(in.Src, false))
		}
		if class == asm.StXClass {
			return fmt.Sprintf("%s = %s", memory(in, in.Dst), register(in.Src, false))
		}
		return fmt.Sprintf("%s = %d", memory(in, in.Dst), in.Constant)
	}
	return fmt.Sprintf("%v", in)
}

func disasmLoad64(in asm.Instruction) string {
	switch in.Src {
	case asm.PseudoMapFD:
		return fmt.Sprintf("%s = map[id:%d]", in.Dst, uint32(in.Constant))
	case asm.PseudoMapValue:
		return fmt.Sprintf("%s = map[id:%d][0]+%d", in.Dst, uint32(in.Constant), uint32(in.Constant>>32))
	case asm.PseudoFunc:
		return fmt.Sprintf("%s = func[%+d]", in.Dst, int32(in.Constant))
	}
	return fmt.Sprintf("%s = %#x ll", in.Dst, uint64(in.Constant))
}

func memory(in asm.Instruction, base asm.Register) string {
	sign := "u"
	if in.OpCode.Mode() == asm.MemSXMode {
		sign = "s"
	}
	return fmt.Sprintf("*(%s%d *)(%s %+d)", sign, in.OpCode.Size().Sizeof()*8, register(base, false), in.Offset)
}

// register is its lower half's name in 32-bit operations.
func register(r asm.Register, half bool) string {
	if half {
		return fmt.Sprintf("w%d", uint8(r))
	}
	return fmt.Sprintf("r%d", uint8(r))
}

func operand(in asm.Instruction, half bool) string {
	if in.OpCode.Source() == asm.RegSource {
		return register(in.Src, half)
	}
	return fmt.Sprint(in.Constant)
}

func disasmALU(in asm.Instruction) string {
	half := in.OpCode.Class() == asm.ALUClass
	dst := register(in.Dst, half)
	switch op := in.OpCode.ALUOp(); op {
	case asm.Neg:
		return fmt.Sprintf("%s = -%s", dst, dst)
	case asm.Swap:
		order := "le"
		if in.OpCode.Endianness() == asm.BE {
			order = "be"
		}
		if !half {
			order = "bswap"
		}
		return fmt.Sprintf("%s = %s%d %s", in.Dst, order, in.Constant, in.Dst)
	default:
		if sign, ok := aluSigns[op]; ok {
			return fmt.Sprintf("%s %s %s", dst, sign, operand(in, half))
		}
	}
	return fmt.Sprintf("%v", in)
}

func disasmJump(in asm.Instruction) string {
	half := in.OpCode.Class() == asm.Jump32Class
	switch op := in.OpCode.JumpOp(); op {
	case asm.Exit:
		return "exit"
	case asm.Call:
		if in.IsFunctionCall() {
			return fmt.Sprintf("call pc%+d", in.Constant)
		}
		if in.IsBuiltinCall() {
			return fmt.Sprintf("call %s", helperName(in))
		}
	case asm.Ja:
		if half {
			return fmt.Sprintf("gotol pc%+d", in.Constant)
		}
		return fmt.Sprintf("goto pc%+d", in.Offset)
	default:
		if sign, ok := jumpSigns[op]; ok {
			return fmt.Sprintf("if %s %s %s goto pc%+d", register(in.Dst, half), sign, operand(in, half), in.Offset)
		}
	}
	return fmt.Sprintf("%v", in)
}

// helperName is bpf_map_lookup_elem#1 for FnMapLookupElem.
func helperName(in asm.Instruction) string {
	fn := asm.BuiltinFunc(in.Constant)
	var b strings.Builder
	b.WriteString("bpf")
	for _, c := range strings.TrimPrefix(fn.String(), "Fn") {
		if c >= 'A' && c <= 'Z' {
			b.WriteByte('_')
			c += 'a' - 'A'
		}
		b.WriteRune(c)
	}
	return fmt.Sprintf("%s#%d", b.String(), in.Constant)
}
