// SPDX-License-Identifier: Apache-2.0

package ioctl

// Insn is one 64-bit instruction slot; a 64-bit immediate load takes two.
type Insn struct {
	Code uint8
	Regs uint8 `c:"dst_reg,src_reg"` // dst_reg in the low nibble, src_reg in the high one
	Off  int16
	Imm  int32
}

// Class is the class of an opcode.
func Class(code uint8) uint8 { return code & 0x07 }

// Size is the size bits of a load's or store's opcode.
func Size(code uint8) uint8 { return code & 0x18 }

// Mode is the mode bits of a load's or store's opcode.
func Mode(code uint8) uint8 { return code & 0xe0 }

// Src is the source bit of an ALU or jump opcode.
func Src(code uint8) uint8 { return code & 0x08 }

// Op is the operation of an ALU or jump opcode.
func Op(code uint8) uint8 { return code & 0xf0 }

// Parts of instructions.
const (
	// Classes.
	Ld    = 0x00
	Ldx   = 0x01
	St    = 0x02
	Stx   = 0x03
	Alu   = 0x04
	Jmp   = 0x05
	Jmp32 = 0x06
	Alu64 = 0x07

	// Load and store sizes.
	W  = 0x00
	H  = 0x08
	B  = 0x10
	Dw = 0x18

	// Load and store modes.
	Imm    = 0x00
	Abs    = 0x20
	Ind    = 0x40
	Mem    = 0x60
	Memsx  = 0x80
	Atomic = 0xc0

	// Sources.
	K = 0x00
	X = 0x08

	// ALU operations.
	Add  = 0x00
	Sub  = 0x10
	Mul  = 0x20
	Div  = 0x30
	Or   = 0x40
	And  = 0x50
	Lsh  = 0x60
	Rsh  = 0x70
	Neg  = 0x80
	Mod  = 0x90
	Xor  = 0xa0
	Mov  = 0xb0
	Arsh = 0xc0
	End  = 0xd0
	ToLe = 0x00
	ToBe = 0x08

	// Jump operations.
	Ja   = 0x00
	Jeq  = 0x10
	Jgt  = 0x20
	Jge  = 0x30
	Jset = 0x40
	Jne  = 0x50
	Jsgt = 0x60
	Jsge = 0x70
	Call = 0x80
	Exit = 0x90
	Jlt  = 0xa0
	Jle  = 0xb0
	Jslt = 0xc0
	Jsle = 0xd0

	// Atomic operations, in imm of Stx|Atomic; Add, Or, And, Xor are as above.
	Fetch   = 0x01
	Xchg    = (0xe0 | Fetch)
	Cmpxchg = (0xf0 | Fetch)

	// Registers.
	Reg0   = 0
	Reg1   = 1
	Reg2   = 2
	Reg3   = 3
	Reg4   = 4
	Reg5   = 5
	Reg6   = 6
	Reg7   = 7
	Reg8   = 8
	Reg9   = 9
	Reg10  = 10
	MaxReg = 11

	// src_reg of a 64-bit immediate load.
	PseudoMapFd       = 1
	PseudoMapValue    = 2
	PseudoBtfId       = 3
	PseudoFunc        = 4
	PseudoMapIdx      = 5
	PseudoMapIdxValue = 6

	// src_reg of a call.
	PseudoCall      = 1
	PseudoKfuncCall = 2
)
