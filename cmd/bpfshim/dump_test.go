// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"testing"

	"github.com/cilium/ebpf/asm"
	"github.com/stretchr/testify/assert"

	"github.com/bpfshim/bpfshim/loader"
)

func TestDisassemble(t *testing.T) {
	var b bytes.Buffer
	const base = 0xffffffffa0001000
	src := sources{
		{Addr: base, Text: "int i = 0;"}, {Addr: base + 5, Text: "\treturn 1 << n;"},
		{Addr: base + 6, Text: "  "}, {Addr: base + 18, Text: "}"},
	}
	f := dumpedFunc{Insns: disassemble(loader.MachineCode{Addr: base, Code: []byte{
		0xf3, 0x0f, 0x1e, 0xfa, // endbr64
		0x31, 0xc0,
		0xc4, 0xe2, 0xf1, 0xf7, 0xc7, // shlx rax, rdi, rcx
		0xc4, 0x42, 0x02, 0xf7, 0xf1, // sarx r14d, r9d, r15d
		0xeb, 0xfe, // to itself
		0xc3,
		0x06, // nothing in 64-bit mode
	}}, &src)}
	f.print(&b, "%6x:\t%s\n")
	assert.Equal(t, `; int i = 0;
     0:	endbr64
     4:	xor %eax,%eax
; return 1 << n;
     6:	shlx %rcx,%rdi,%rax
     b:	sarx %r15d,%r9d,%r14d
    10:	jmp 0xffffffffa0001010
; }
    12:	retq
    13:	.byte 0x06
`, b.String())
	assert.Empty(t, src)
}

func TestDisasm(t *testing.T) {
	for want, in := range map[string]asm.Instruction{
		"r1 += 7":                            asm.Add.Imm(asm.R1, 7),
		"w1 s>>= w2":                         asm.ArSh.Reg32(asm.R1, asm.R2),
		"r3 = -r3":                           asm.Neg.Imm(asm.R3, 0),
		"r4 = be32 r4":                       asm.HostTo(asm.BE, asm.R4, asm.Word),
		"r2 = *(u16 *)(r10 -8)":              asm.LoadMem(asm.R2, asm.RFP, -8, asm.Half),
		"*(u64 *)(r10 -16) = r2":             asm.StoreMem(asm.RFP, -16, asm.R2, asm.DWord),
		"*(u8 *)(r1 +3) = 9":                 asm.StoreImm(asm.R1, 3, 9, asm.Byte),
		"lock add(*(u32 *)(r1 +4), r2)":      asm.AddAtomic.Mem(asm.R1, asm.R2, asm.Word, 4),
		"r1 = 0x1122334455667788 ll":         asm.LoadImm(asm.R1, 0x1122334455667788, asm.DWord),
		"r1 = map[id:5]":                     asm.LoadMapPtr(asm.R1, 5),
		"r1 = map[id:5][0]+16":               asm.LoadMapValue(asm.R1, 5, 16),
		"call bpf_map_lookup_elem#1":         asm.FnMapLookupElem.Call(),
		"call bpf_get_current_pid_tgid#14":   asm.FnGetCurrentPidTgid.Call(),
		"call bpf_probe_read_kernel_str#115": asm.FnProbeReadKernelStr.Call(),
		"call pc+4":                          {OpCode: asm.OpCode(asm.JumpClass).SetJumpOp(asm.Call), Src: asm.PseudoCall, Constant: 4},
		"if w1 s> 3 goto pc+2":               {OpCode: asm.OpCode(asm.Jump32Class).SetJumpOp(asm.JSGT), Dst: asm.R1, Constant: 3, Offset: 2},
		"goto pc-3":                          {OpCode: asm.OpCode(asm.JumpClass).SetJumpOp(asm.Ja), Offset: -3},
		"exit":                               asm.Return(),
	} {
		assert.Equal(t, want, disasm(in))
	}
}
